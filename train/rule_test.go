package train_test

import (
	"fmt"
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/train"
)

// golden is testdata/optimizers.json, written by optimizers.py.
type golden struct {
	Torch     string        `json:"torch"`
	Shapes    [][]int       `json:"shapes"`
	Weights   [][]float32   `json:"weights"`
	Gradients [][][]float32 `json:"gradients"` // step, tensor
	Cases     []struct {
		Name    string        `json:"name"`
		Rule    string        `json:"rule"`
		Options torchOptions  `json:"options"`
		Trace   [][][]float32 `json:"trace"` // step, tensor: weights after it
	} `json:"cases"`
}

// torchOptions are the arguments of PyTorch's optimizers.
type torchOptions struct {
	LR       float64    `json:"lr"`
	Decay    float64    `json:"weight_decay"`
	Betas    [2]float64 `json:"betas"`
	Eps      float64    `json:"eps"`
	Momentum float64    `json:"momentum"`
	Alpha    float64    `json:"alpha"`
	Nesterov bool       `json:"nesterov"`
}

func (o torchOptions) rule(t *testing.T, name string) train.Rule {
	adam := train.AdamW{Beta1: o.Betas[0], Beta2: o.Betas[1], Eps: o.Eps}
	switch name {
	case "AdamW":
		return adam
	case "Adam":
		return train.Adam(adam)
	case "SGD":
		return train.SGD{Momentum: o.Momentum, Nesterov: o.Nesterov}
	case "Adagrad":
		return train.AdaGrad{Eps: o.Eps}
	case "RMSprop":
		return train.RMSProp{Alpha: o.Alpha, Momentum: o.Momentum, Eps: o.Eps}
	}
	t.Fatalf("no rule for torch's %s", name)
	return nil
}

// slotted is a trainable tensor with the state its rule keeps.
type slotted struct {
	w     *tensor.Tensor
	slots []*tensor.Tensor
}

func newSlotted(d *tensor.Device, rule train.Rule, values []float32, shape ...int) slotted {
	p := slotted{w: tensor.FromFloats(d, values, shape...)}
	p.w.SetTrainable(true)
	for range rule.Slots() {
		p.slots = append(p.slots, tensor.New(d, shape...))
	}
	return p
}

func TestRulesAgainstPyTorch(t *testing.T) {
	var g golden
	testkit.Golden(t, "testdata/optimizers.json", &g)
	devices := map[string]*tensor.Device{"ref": tensor.Reference(), "cpu": cpu(t, 2)}
	for _, tt := range g.Cases {
		for name, d := range devices {
			t.Run(tt.Name+" on "+name, func(t *testing.T) {
				rule := tt.Options.rule(t, tt.Rule)
				s := tensor.NewStep(d, tensor.StepOptions{Grad: true})
				var params []slotted
				for i, w := range g.Weights {
					params = append(params, newSlotted(d, rule, w, g.Shapes[i]...))
				}
				decay := tt.Options.Decay
				for step, gradients := range g.Gradients {
					s.Begin(uint64(step))
					for i, p := range params {
						p.w.Grad().WriteFloats(gradients[i])
						rule.Update(s, p.w, p.slots, train.Hyper{Step: step + 1, LR: tt.Options.LR, Decay: decay, Scale: 1})
						testkit.Close(t, fmt.Sprintf("step %d, tensor %d", step+1, i), p.w.Floats(), tt.Trace[step][i], 2e-6, 2e-7)
					}
				}
			})
		}
	}
}

// A scale of the gradient must do what the scaled gradient does.
func TestRulesScale(t *testing.T) {
	d := tensor.Reference()
	rules := []train.Rule{
		train.AdamW{}, train.Adam{}, train.SGD{}, train.SGD{Momentum: 0.9, Nesterov: true},
		train.AdaGrad{}, train.RMSProp{}, train.RMSProp{Momentum: 0.9}, train.Muon{},
	}
	for _, rule := range rules {
		t.Run(fmt.Sprintf("%T%+v", rule, rule), func(t *testing.T) {
			s := tensor.NewStep(d, tensor.StepOptions{Grad: true})
			a, b := newSlotted(d, rule, noise(1, 0, 12), 3, 4), newSlotted(d, rule, noise(1, 0, 12), 3, 4)
			for step := range 3 {
				s.Begin(uint64(step))
				g := noise(2, step, 12)
				a.w.Grad().WriteFloats(g)
				for i := range g {
					g[i] /= 4
				}
				b.w.Grad().WriteFloats(g)
				h := train.Hyper{Step: step + 1, LR: 0.1, Decay: 0.1, Scale: 0.25}
				rule.Update(s, a.w, a.slots, h)
				h.Scale = 1
				rule.Update(s, b.w, b.slots, h)
				testkit.SameBits(t, "weights", a.w.Floats(), b.w.Floats())
			}
		})
	}
}

// TestMuon compares with the same formulas in float64 on gonum's matrices.
func TestMuon(t *testing.T) {
	for _, shape := range [][2]int{{6, 6}, {4, 9}, {9, 4}, {1, 5}, {32, 16}} {
		t.Run(fmt.Sprint(shape), func(t *testing.T) {
			d := cpu(t, 2)
			r, c := shape[0], shape[1]
			rule := train.Muon{}
			p := newSlotted(d, rule, noise(1, 0, r*c), r, c)
			w, m := dense(noise(1, 0, r*c), r, c), mat.NewDense(r, c, nil)
			s := tensor.NewStep(d, tensor.StepOptions{Grad: true})
			for step := range 5 {
				s.Begin(uint64(step))
				g := noise(2, step, r*c)
				p.w.Grad().WriteFloats(g)
				rule.Update(s, p.w, p.slots, train.Hyper{Step: step + 1, LR: 0.05, Decay: 0.1, Scale: 0.5})
				muon(w, m, dense(g, r, c), 0.05, 0.1, 0.5)
				testkit.Close(t, fmt.Sprintf("step %d", step+1), widen(p.w.Floats()), w.RawMatrix().Data, 1e-4, 1e-5)
			}
		})
	}
}

// muon makes one step in float64.
func muon(w, m, g *mat.Dense, lr, decay, scale float64) {
	const mu = 0.95
	r, c := w.Dims()
	var u, wide mat.Dense
	g.Scale(scale, g)
	m.Scale(mu, m)
	m.Add(m, g)
	u.Scale(mu, m)
	u.Add(&u, g)
	wide.CloneFrom(&u)
	if r > c {
		wide.CloneFrom(u.T())
	}
	wide.Scale(1/(mat.Norm(&wide, 2)+1e-7), &wide)
	for range 5 {
		var a, b, bx mat.Dense
		a.Mul(&wide, wide.T())
		b.Mul(&a, &a)
		b.Scale(2.0315, &b)
		a.Scale(-4.7750, &a)
		b.Add(&b, &a)
		bx.Mul(&b, &wide)
		wide.Scale(3.4445, &wide)
		wide.Add(&wide, &bx)
	}
	u.CloneFrom(&wide)
	if r > c {
		u.CloneFrom(wide.T())
	}
	w.Scale(1-lr*decay, w)
	u.Scale(-lr*math.Sqrt(max(1, float64(r)/float64(c))), &u)
	w.Add(w, &u)
}

// TestOrthogonal: every singular value comes near 1 and the singular vectors
// stay, which the float64 twin of the iteration cannot show.
func TestOrthogonal(t *testing.T) {
	d := cpu(t, 1)
	s := tensor.NewStep(d, tensor.StepOptions{})
	s.Begin(0)
	const r, c = 12, 20
	x := s.Floats(noise(5, 0, r*c), r, c)
	y := train.Orthogonal(s, x, 5)
	var before, after mat.SVD
	if !before.Factorize(dense(x.Floats(), r, c), mat.SVDThin) || !after.Factorize(dense(y.Floats(), r, c), mat.SVDThin) {
		t.Fatal("gonum found no singular values")
	}
	for i, v := range after.Values(nil) {
		if v < 0.6 || v > 1.25 {
			t.Errorf("singular value %d is %g, want about 1", i, v)
		}
	}
	// UVᵀ of x times yᵀ has the trace Σσ of y when the vectors are the same.
	var u, v, uv, p mat.Dense
	before.UTo(&u)
	before.VTo(&v)
	uv.Mul(&u, v.T())
	p.Mul(&uv, dense(y.Floats(), r, c).T())
	sum := 0.0
	for _, x := range after.Values(nil) {
		sum += x
	}
	testkit.Close(t, "trace", []float64{mat.Trace(&p)}, []float64{sum}, 1e-4, 0)
}

func dense(x []float32, r, c int) *mat.Dense { return mat.NewDense(r, c, widen(x)) }

func widen(x []float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

func BenchmarkMuon(b *testing.B) {
	d := cpu(b, 2)
	for _, n := range []int{128, 512} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			rule := train.Muon{}
			p := newSlotted(d, rule, noise(1, 0, n*n), n, n)
			p.w.Grad().WriteFloats(noise(2, 0, n*n))
			s := tensor.NewStep(d, tensor.StepOptions{Grad: true})
			for b.Loop() {
				s.Begin(0)
				rule.Update(s, p.w, p.slots, train.Hyper{Step: 1, LR: 0.02, Scale: 1})
			}
			flops := 5 * 3 * 2 * float64(n) * float64(n) * float64(n)
			b.ReportMetric(flops*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
		})
	}
}

func BenchmarkAdamW(b *testing.B) {
	d := cpu(b, 2)
	const n = 1 << 20
	rule := train.AdamW{}
	p := newSlotted(d, rule, make([]float32, n), n)
	b.SetBytes(4 * 7 * n) // reads w, g, m, v and writes w, m, v
	for b.Loop() {
		rule.Update(nil, p.w, p.slots, train.Hyper{Step: 1, LR: 1e-3, Scale: 1})
	}
}
