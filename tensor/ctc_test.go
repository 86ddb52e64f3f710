package tensor_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/tensor"
)

// A ctcCase is one of testdata/ctc.json, made by ctc.py.
type ctcCase struct {
	Classes      int        `json:"classes"`
	Blank        int32      `json:"blank"`
	ZeroInfinity bool       `json:"zero_infinity"`
	Rows         []int32    `json:"rows"`
	Targets      [][]int32  `json:"targets"`
	Weights      []float32  `json:"weights"`
	Logits       []float32  `json:"logits"`
	Losses       []*float32 `json:"losses"` // nil: infinite
	Gradients    []float32  `json:"gradients"`
}

func (c ctcCase) starts() []int32 {
	starts := []int32{0}
	for _, n := range c.Rows {
		starts = append(starts, starts[len(starts)-1]+n)
	}
	return starts
}

// TestCTCEqualsPyTorch compares losses and gradients with F.ctc_loss: several lengths,
// repeated labels, empty targets, targets that do not fit, a sequence long enough for
// probabilities of 10⁻²¹⁰.
func TestCTCEqualsPyTorch(t *testing.T) {
	var file struct {
		Torch string             `json:"torch"`
		Cases map[string]ctcCase `json:"cases"`
	}
	testkit.Golden(t, "testdata/ctc.json", &file)
	for device, d := range devices(t) {
		for name, c := range file.Cases {
			t.Run(device+"/"+name, func(t *testing.T) { c.compare(t, d) })
		}
	}
}

func (c ctcCase) compare(t *testing.T, d *tensor.Device) {
	want, weights := make([]float32, len(c.Losses)), c.Weights
	for i, l := range c.Losses {
		if l != nil {
			want[i] = *l
		} else {
			want[i], weights[i] = float32(math.Inf(1)), 0 // PyTorch's numbers are without it
		}
	}
	x := tensor.FromFloats(d, c.Logits, len(c.Logits)/c.Classes, c.Classes)
	x.SetTrainable(true)
	s := tensor.NewStep(d, tensor.StepOptions{Grad: true})
	defer s.Close()
	s.Begin(0)
	labels, segments := s.CTCTargets(c.starts(), c.Targets)
	y := s.Use(x).CTC(labels, segments, tensor.CTCOptions{Blank: c.Blank, ZeroInfinity: c.ZeroInfinity})
	testkit.Close(t, "losses", y.Floats(), want, 1e-6, 1e-6)
	s.Backward(y.Mul(s.Floats(weights, len(weights))).Sum())
	testkit.Close(t, "gradients", x.Grad().Floats(), c.Gradients, 1e-5, 1e-6)
}

// TestCTCInfinity: a target that does not fit makes the loss infinite and the gradient of
// its own rows, no others, NaN; or both nothing.
func TestCTCInfinity(t *testing.T) {
	for name, d := range devices(t) {
		for _, zero := range []bool{false, true} {
			x := tensor.FromFloats(d, []float32{1, 2, 3, 4, 5, 6, 0, 1}, 4, 2)
			x.SetTrainable(true)
			s := tensor.NewStep(d, tensor.StepOptions{Grad: true})
			s.Begin(0)
			labels, segments := s.CTCTargets([]int32{0, 2, 4}, [][]int32{{1, 1}, {1}})
			y := s.Use(x).CTC(labels, segments, tensor.CTCOptions{ZeroInfinity: zero})
			if l := y.Floats()[0]; zero && l != 0 || !zero && !math.IsInf(float64(l), 1) {
				t.Errorf("%s, ZeroInfinity %v: loss %v", name, zero, l)
			}
			s.Backward(y.Sum())
			for i, g := range x.Grad().Floats() {
				if first := i < 4; first && zero && g != 0 || first && !zero && g == g || !first && (g != g || g == 0) {
					t.Errorf("%s, ZeroInfinity %v: gradient %d is %v", name, zero, i, g)
				}
			}
			s.Close()
		}
	}
}

// Two rows read "ab" in one way alone: a, then b.
func ExampleTensor_CTC() {
	d := tensor.Reference()
	defer d.Close()
	s := tensor.NewStep(d, tensor.StepOptions{})
	defer s.Close()
	s.Begin(0)
	// Classes: blank, a, b, of probabilities ½, ¼, ¼.
	logits := s.Floats([]float32{2, 1, 1, 2, 1, 1}, 2, 3).Log()
	const a, b = 1, 2
	labels, segments := s.CTCTargets([]int32{0, 2}, [][]int32{{a, b}})
	loss := logits.CTC(labels, segments, tensor.CTCOptions{})
	fmt.Printf("%.4f\n", math.Exp(-float64(loss.Item())))
	// Output: 0.0625
}

// BenchmarkCTC is the loss of a batch and its gradient: 16 utterances of 2 s at 100 rows a
// second, 30 labels each, 29 classes; and of spoken digits.
func BenchmarkCTC(b *testing.B) {
	for _, c := range []struct {
		name                             string
		sequences, rows, labels, classes int
	}{{"letters 16x200x30", 16, 200, 30, 29}, {"digits 32x40x1", 32, 40, 1, 11}, {"pieces 8x250x40 of 1000", 8, 250, 40, 1000}} {
		b.Run(c.name, func(b *testing.B) {
			d := tensor.CPU(2)
			defer d.Close()
			x := tensor.New(d, c.sequences*c.rows, c.classes)
			x.FillNormal(1, 1)
			x.SetTrainable(true)
			starts, targets := []int32{0}, [][]int32{}
			for i := range c.sequences {
				starts = append(starts, int32((i+1)*c.rows))
				target := make([]int32, c.labels)
				for j := range target {
					target[j] = int32(1 + (i+j*7)%(c.classes-1))
				}
				targets = append(targets, target)
			}
			s := tensor.NewStep(d, tensor.StepOptions{Grad: true})
			defer s.Close()
			for b.Loop() {
				s.Begin(0)
				labels, segments := s.CTCTargets(starts, targets)
				s.Backward(s.Use(x).CTC(labels, segments, tensor.CTCOptions{}).Sum())
			}
			b.ReportMetric(float64(c.sequences*c.rows*b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}
