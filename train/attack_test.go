package train_test

import (
	"math"
	"testing"

	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/train"
)

// attacked are inputs (2, 3) that a loss Σ wave(x) drew to larger values, and the loss there.
func attacked(t *testing.T, a train.Attack, clean []float32, loss func(x *tensor.Tensor) *tensor.Tensor) (moved []float32, value float64) {
	t.Helper()
	d := tensor.CPU(1)
	defer d.Close()
	x := tensor.New(d, 2, 3)
	x.WriteFloats(clean)
	x.SetTrainable(true)
	s := tensor.NewStep(d, tensor.StepOptions{Grad: true})
	defer s.Close()
	f := func() (*tensor.Tensor, error) { return loss(s.Use(x)).Sum(), nil }
	if err := a.Perturb(s, x, 5, f); err != nil {
		t.Fatal(err)
	}
	s.Begin(0)
	l, _ := f()
	return x.Floats(), float64(l.Item())
}

var cleanInputs = []float32{0.5, 0.05, 0.95, 0.2, 0.4, 0.6}

// TestFGSMByHand: along the sign of the gradient of w·x, and no further than 0 and 1; in l2
// along the gradient.
func TestFGSMByHand(t *testing.T) {
	linear := func(x *tensor.Tensor) *tensor.Tensor {
		return x.Slice(1, 0, 1).Scale(3).Sub(x.Slice(1, 1, 2)).Add(x.Slice(1, 2, 3).Scale(4).AddScalar(0))
	}
	got, _ := attacked(t, train.Attack{Method: "fgsm", Epsilon: 0.1}, cleanInputs, linear)
	testkit.Close(t, "linf", got, []float32{0.6, 0, 1, 0.3, 0.3, 0.7}, 0, 1e-6)
	got, _ = attacked(t, train.Attack{Method: "fgsm", Norm: "l2", Epsilon: 0.26}, []float32{0.5, 0.5, 0.5, 0.2, 0.4, 0.6}, linear)
	r := float32(0.26 / math.Sqrt(26)) // of the gradient (3, −1, 4)
	testkit.Close(t, "l2", got, []float32{0.5 + 3*r, 0.5 - r, 0.5 + 4*r, 0.2 + 3*r, 0.4 - r, 0.6 + 4*r}, 0, 1e-6)
}

// TestPGDStaysAndClimbs: near the clean input and from 0 to 1, in both norms; more steps and
// a larger ε find larger losses, and no random place does.
func TestPGDStaysAndClimbs(t *testing.T) {
	wave := func(x *tensor.Tensor) *tensor.Tensor { return x.Scale(9).Sin().Add(x.Square().Scale(2)) }
	for _, norm := range []string{"linf", "l2"} {
		last := math.Inf(-1)
		for _, a := range []train.Attack{
			{Method: "pgd", Epsilon: 0.05, Steps: 1, Rate: 0.001},
			{Method: "pgd", Epsilon: 0.05, Steps: 20},
			{Method: "pgd", Epsilon: 0.1, Steps: 20},
			{Method: "pgd", Epsilon: 0.2, Steps: 20},
		} {
			a.Norm = norm
			x, value := attacked(t, a, cleanInputs, wave)
			if value <= last {
				t.Errorf("%+v: loss %g, before %g", a, value, last)
			}
			last = value
			for i := range 2 {
				far := 0.0
				for j := range 3 {
					at := 3*i + j
					d := math.Abs(float64(x[at] - cleanInputs[at]))
					if x[at] < 0 || x[at] > 1 {
						t.Errorf("%+v: a value of %g", a, x[at])
					}
					if far += d * d; norm == "linf" {
						far = max(math.Sqrt(far-d*d), d)
						far *= far
					}
				}
				if math.Sqrt(far) > a.Epsilon*(1+1e-5) {
					t.Errorf("%+v: input %d moved by %g", a, i, math.Sqrt(far))
				}
			}
		}
	}
}

// TestPGDStartsAnywhere: the key decides where, and a loss without a slope leaves it there.
func TestPGDStartsAnywhere(t *testing.T) {
	flat := func(x *tensor.Tensor) *tensor.Tensor { return x.Scale(0) }
	for _, norm := range []string{"linf", "l2"} {
		x, _ := attacked(t, train.Attack{Method: "pgd", Norm: norm, Epsilon: 0.03}, cleanInputs, flat)
		y, _ := attacked(t, train.Attack{Method: "pgd", Norm: norm, Epsilon: 0.03}, cleanInputs, flat)
		testkit.SameBits(t, norm, x, y)
		for i := range x {
			if x[i] == cleanInputs[i] {
				t.Errorf("%s: element %d stayed where it was", norm, i)
			}
		}
	}
}

func TestAttackRefuses(t *testing.T) {
	for _, a := range []train.Attack{
		{Method: "cw", Epsilon: 1}, {Method: "pgd"}, {Method: "pgd", Epsilon: -1}, {Method: "pgd", Epsilon: 1, Norm: "l1"}, {Method: "fgsm", Epsilon: 1, Steps: 3},
		{Method: "pgd", Epsilon: 1, Steps: -1}, {Method: "pgd", Epsilon: math.Inf(1)}, {Epsilon: 0.1},
	} {
		if a.Check() == nil {
			t.Errorf("%+v is taken", a)
		}
	}
	if err := (train.Attack{}).Check(); err != nil {
		t.Error(err)
	}
}
