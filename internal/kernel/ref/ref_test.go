package ref_test

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"github.com/inkstone-ai/inkstone/internal/kernel"
	"github.com/inkstone-ai/inkstone/internal/kernel/ref"
	"github.com/inkstone-ai/inkstone/internal/testkit"
)

// golden is a case of testdata/oracle.json: PyTorch's numbers by name, made by oracle.py.
type golden map[string][]float32

func load(t *testing.T) map[string]golden {
	t.Helper()
	data, err := os.ReadFile("testdata/oracle.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Cases map[string]golden }
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	return file.Cases
}

var d = ref.New()

// mat puts numbers on the device, cols in a row.
func mat(data []float32, cols int) kernel.Mat {
	m := kernel.Mat{Buf: d.Alloc(4 * len(data)), Rows: len(data) / cols, Cols: cols, Stride: cols}
	copy(kernel.Elements[float32](m.Buf), data)
	return m
}

func ints(data ...int32) kernel.Mat {
	m := kernel.Mat{Buf: d.Alloc(4 * len(data)), Rows: 1, Cols: len(data), Stride: len(data), Type: kernel.I32}
	copy(kernel.Elements[int32](m.Buf), data)
	return m
}

func segments(data ...int32) kernel.Mat {
	m := ints(data...)
	m.Rows, m.Cols, m.Stride = len(data)/4, 4, 4
	return m
}

// like is a matrix of m's shape full of nines, which a result must replace.
func like(m kernel.Mat) kernel.Mat {
	m.Buf = d.Alloc(4 * m.Len())
	d.Fill(m, 9)
	return m
}

func same(t *testing.T, what string, got kernel.Mat, want []float32) {
	t.Helper()
	testkit.Close(t, what, kernel.Elements[float32](got.Buf), want, 1e-6, 1e-6)
}

func TestUnary(t *testing.T) {
	cases := load(t)
	tests := []struct {
		name string
		op   kernel.UnaryOp
		a, b float32
	}{
		{"Neg", kernel.Neg, 0, 0}, {"Abs", kernel.Abs, 0, 0}, {"Exp", kernel.Exp, 0, 0}, {"Log", kernel.Log, 0, 0},
		{"Sqrt", kernel.Sqrt, 0, 0}, {"Rsqrt", kernel.Rsqrt, 0, 0}, {"Reciprocal", kernel.Reciprocal, 0, 0},
		{"Square", kernel.Square, 0, 0}, {"Sin", kernel.Sin, 0, 0}, {"Cos", kernel.Cos, 0, 0}, {"Tanh", kernel.Tanh, 0, 0},
		{"Sigmoid", kernel.Sigmoid, 0, 0}, {"Softplus", kernel.Softplus, 0, 0}, {"Erf", kernel.Erf, 0, 0}, {"ReLU", kernel.ReLU, 0, 0},
		{"LeakyReLU", kernel.LeakyReLU, 0.1, 0}, {"ELU", kernel.ELU, 1.5, 0}, {"GELU", kernel.GELU, 0, 0},
		{"GELUErf", kernel.GELUErf, 0, 0}, {"SiLU", kernel.SiLU, 0, 0}, {"AddScalar", kernel.AddScalar, 1.5, 0},
		{"MulScalar", kernel.MulScalar, 1.5, 0}, {"PowScalar", kernel.PowScalar, 1.5, 0}, {"Clip", kernel.Clip, -1.5, 1.5},
	}
	for _, tt := range tests {
		g := cases["Unary"+tt.name]
		x := mat(g["x"], 11)
		y, dx := like(x), like(x)
		d.Unary(tt.op, y, x, tt.a, tt.b)
		same(t, tt.name, y, g["y"])
		d.UnaryGrad(tt.op, dx, x, y, mat(g["dy"], 11), tt.a, tt.b, false)
		same(t, tt.name+"'", dx, g["dx"])
	}
}

func TestSoftmax(t *testing.T) {
	cases := load(t)
	for name, log := range map[string]bool{"Softmax": false, "LogSoftmax": true} {
		g := cases[name]
		x := mat(g["x"], 7)
		y, dx := like(x), like(x)
		d.Softmax(y, x, log)
		same(t, name, y, g["y"])
		d.SoftmaxGrad(dx, y, mat(g["dy"], 7), log, false)
		same(t, name+"'", dx, g["dx"])
	}
}

func TestNorm(t *testing.T) {
	cases := load(t)
	for name, kind := range map[string]kernel.NormKind{"LayerNorm": kernel.LayerNorm, "RMSNorm": kernel.RMSNorm} {
		g := cases[name]
		x, w, b := mat(g["x"], 9), mat(g["w"], 9), kernel.Mat{}
		y, dx, dw, db := like(x), like(x), like(w), kernel.Mat{}
		if g["b"] != nil {
			b, db = mat(g["b"], 9), like(w)
			d.Fill(db, 0)
		}
		stats := mat(make([]float32, 8), 2)
		d.Norm(kind, y, stats, x, w, b, 1e-3)
		same(t, name, y, g["y"])
		d.Fill(dw, 0)
		d.NormGrad(kind, dx, dw, db, x, w, mat(g["dy"], 9), stats, false)
		same(t, name+" dx", dx, g["dx"])
		same(t, name+" dw", dw, g["dw"])
		if !db.Nil() {
			same(t, name+" db", db, g["db"])
		}
	}
}

// TestCrossEntropy has a row whose target is ignored, and weights as PyTorch's
// gradient of the losses.
func TestCrossEntropy(t *testing.T) {
	cases := load(t)
	for name, smoothing := range map[string]float32{"CrossEntropy0": 0, "CrossEntropy0.25": 0.25} {
		g := cases[name]
		x := mat(g["x"], 6)
		dx, loss := like(x), mat(make([]float32, 4), 1)
		d.CrossEntropy(loss, dx, x, ints(2, 0, 5, 1), mat(g["dy"], 4), 0, smoothing)
		want := g["y"]
		for i, w := range g["dy"] {
			want[i] *= w
		}
		same(t, name, loss, want)
		same(t, name+"'", dx, g["dx"])
	}
}

func TestAttention(t *testing.T) {
	cases := load(t)
	base := kernel.AttentionParams{H: 4, G: 2, D: 3, Scale: float32(1 / math.Sqrt(3)), Causal: true}
	capped, windowed := base, base
	capped.SoftCap, windowed.Window = 1.5, 2
	for name, p := range map[string]kernel.AttentionParams{"Attention": base, "AttentionCap": capped, "AttentionWindow": windowed} {
		g := cases[name]
		q, k, v := mat(g["q"], 12), mat(g["k"], 6), mat(g["v"], 6)
		y, lse := like(q), mat(make([]float32, 20), 4)
		s := segments(0, 5, 0, 5)
		d.Attention(y, lse, q, k, v, s, p)
		same(t, name, y, g["y"])
		dq, dk, dv := like(q), like(k), like(v)
		d.AttentionGrad(dq, dk, dv, q, k, v, y, lse, mat(g["dy"], 12), s, p, false)
		same(t, name+" dq", dq, g["dq"])
		same(t, name+" dk", dk, g["dk"])
		same(t, name+" dv", dv, g["dv"])
	}
}

func TestCausalConv(t *testing.T) {
	g := load(t)["CausalConv"]
	x, w := mat(g["x"], 4), mat(g["w"], 4)
	y, dx, dw, s := like(x), like(x), mat(make([]float32, 12), 4), segments(0, 6, 0, 6)
	d.CausalConv(y, x, w, s)
	same(t, "CausalConv", y, g["y"])
	d.CausalConvGrad(dx, dw, x, w, mat(g["dy"], 4), s, false)
	same(t, "CausalConv dx", dx, g["dx"])
	same(t, "CausalConv dw", dw, g["dw"])
}

// TestUpdate makes three steps of each optimizer.
func TestUpdate(t *testing.T) {
	cases := load(t)
	adam := kernel.UpdateParams{B1: 0.875, B2: 0.9375, Decay: 0.2}
	tests := []struct {
		name string
		rule kernel.UpdateRule
		p    kernel.UpdateParams
	}{
		{"SGD", kernel.SGD, kernel.UpdateParams{Decay: 0.2}},
		{"SGDMomentum", kernel.SGD, kernel.UpdateParams{B1: 0.875, Decay: 0.2}},
		{"SGDNesterov", kernel.SGD, kernel.UpdateParams{B1: 0.875, Nesterov: true}},
		{"Adam", kernel.Adam, adam},
		{"AdamW", kernel.AdamW, adam},
		{"AdaGrad", kernel.AdaGrad, kernel.UpdateParams{Decay: 0.2}},
		{"RMSProp", kernel.RMSProp, kernel.UpdateParams{B2: 0.9375, Decay: 0.2}},
		{"RMSPropMomentum", kernel.RMSProp, kernel.UpdateParams{B1: 0.875, B2: 0.9375}},
	}
	for _, tt := range tests {
		g := cases["Update"+tt.name]
		w := mat(g["start"], 5)
		m, v := mat(make([]float32, 5), 5), mat(make([]float32, 5), 5)
		if tt.name == "SGD" {
			m = kernel.Mat{}
		}
		for step := range 3 {
			p := tt.p
			p.LR, p.Eps, p.GradScale, p.First = 0.1, 1e-3, 0.5, step == 0
			p.Correct1 = float32(1 - math.Pow(float64(p.B1), float64(step+1)))
			p.Correct2 = float32(1 - math.Pow(float64(p.B2), float64(step+1)))
			grad := mat(g["grads"][5*step:5*step+5], 5)
			d.Unary(kernel.MulScalar, grad, grad, 2, 0) // GradScale takes it back
			d.Update(tt.rule, w, grad, m, v, p)
		}
		same(t, tt.name, w, g["w"])
	}
}
