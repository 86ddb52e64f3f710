package tensor_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/tensor"
)

func TestPersistent(t *testing.T) {
	for name, d := range devices(t) {
		x := tensor.Declare(2, 3)
		x.SetName("w")
		x.Bind(d)
		x.WriteFloats([]float32{1, 2, 3, 4, 5, 6})
		if got := x.String(); got != "f32(2, 3) w" {
			t.Errorf("%s: String %q", name, got)
		}
		if got := []any{x.Len(), x.Dims(), x.Dim(-1), x.Bytes(), x.DType(), x.Shape(), x.Name(), x.Device() == d}; !cmp.Equal(got, []any{6, 2, 3, 24, tensor.F32, []int{2, 3}, "w", true}) {
			t.Errorf("%s: header %v", name, got)
		}
		column := x.Slice(1, 1, 3)
		testkit.Close(t, name+": view", column.Floats(), []float32{2, 3, 5, 6}, 0, 0)
		column.WriteFloats([]float32{-2, -3, -5, -6})
		testkit.Close(t, name+": written through a view", x.Floats(), []float32{1, -2, -3, 4, -5, -6}, 0, 0)
		column.Slice(0, 1, 2).Fill(9)
		testkit.Close(t, name+": filled through a view", x.Floats(), []float32{1, -2, -3, 4, 9, 9}, 0, 0)
		x.AssignRows(0, x, 1, 1)
		testkit.Close(t, name+": rows", x.Floats(), []float32{4, 9, 9, 4, 9, 9}, 0, 0)
		if got := x.SumSquares(); got != 2*(16+81+81) {
			t.Errorf("%s: SumSquares %v", name, got)
		}
		raw := make([]byte, 24)
		x.ReadBytes(raw)
		y := tensor.New(d, 2, 3)
		y.WriteBytes(raw)
		testkit.SameBits(t, name+": bytes", y.Floats(), x.Floats())
		ids := tensor.FromInts(d, []int32{7, -1}, 2)
		if got := ids.Ints(); !cmp.Equal(got, []int32{7, -1}) {
			t.Errorf("%s: Ints %v", name, got)
		}
		x.Free()
		mustPanic(t, "only declared", func() { x.Floats() })
		x.Bind(d) // declared again
	}
}

// TestKeep checks that a kept value outlives its step.
func TestKeep(t *testing.T) {
	for name, d := range devices(t) {
		s := tensor.NewStep(d, tensor.StepOptions{})
		s.Begin(0)
		kept := s.Floats([]float32{1, 2, 3, 4}, 2, 2).Slice(1, 1, 2).Keep()
		s.Begin(1)
		s.Full(7, 2, 2)
		testkit.Close(t, name, kept.Floats(), []float32{2, 4}, 0, 0)
		s.Close()
	}
}

// TestCast checks rounding to the half types and that gradients pass.
func TestCast(t *testing.T) {
	x := []float32{1, -2.5, 3.14159265, 1e-3, 65504, float32(math.Inf(1))}
	tests := []struct {
		dt   tensor.DType
		want []float32
	}{
		{tensor.F32, x},
		{tensor.BF16, []float32{1, -2.5, 3.140625, 0.00099945068359375, 65536, float32(math.Inf(1))}},
		{tensor.F16, []float32{1, -2.5, 3.140625, 0.0010004043579101562, 65504, float32(math.Inf(1))}},
	}
	for name, d := range devices(t) {
		for _, tt := range tests {
			s := tensor.NewStep(d, tensor.StepOptions{Grad: true})
			s.Begin(0)
			p := tensor.FromFloats(d, x, 2, 3)
			p.SetTrainable(true)
			y := s.Use(p).Cast(tt.dt)
			if y.DType() != tt.dt {
				t.Errorf("%s: dtype %v, want %v", name, y.DType(), tt.dt)
			}
			testkit.SameBits(t, name+" "+tt.dt.String(), y.Floats(), tt.want)
			s.Backward(y.Cast(tensor.F32).Mul(s.Floats([]float32{1, 2, 3, 4, 5, 6}, 2, 3)).Sum())
			testkit.SameBits(t, name+" gradient", p.Grad().Floats(), []float32{1, 2, 3, 4, 5, 6})
			s.Close()
		}
	}
}

// TestHalfWeights binds a weight to bytes of bf16 and multiplies by it: as the
// f32 values of those bytes give.
func TestHalfWeights(t *testing.T) {
	const N, K = 5, 7
	for name, d := range devices(t) {
		values := grid(N*K, 0, -1, 1)
		raw := make([]byte, 2*N*K)
		for i, v := range values {
			word := math.Float32bits(v) >> 16
			values[i] = math.Float32frombits(word << 16)
			binary.LittleEndian.PutUint16(raw[2*i:], uint16(word))
		}
		half, full := tensor.Declare(N, K), tensor.FromFloats(d, values, N, K)
		half.BindBytes(d, tensor.BF16, raw)
		bias := tensor.Declare(N)
		bias.BindBytes(d, tensor.BF16, raw[:2*N])

		s := tensor.NewStep(d, tensor.StepOptions{Grad: true})
		s.Begin(0)
		run := func(w, b *T) (y, dx []float32) {
			x := s.Floats(grid(3*K, 1, -1, 1), 3, K)
			x.SetTrainable(true)
			z := x.Linear(w, b)
			y = z.Floats()
			s.Backward(z.Square().Sum())
			return y, x.Grad().Floats()
		}
		y, dx := run(half, bias)
		wantY, wantDX := run(full, tensor.FromFloats(d, values[:N], N))
		testkit.SameBits(t, name+": product", y, wantY)
		testkit.Close(t, name+": gradient", dx, wantDX, 1e-6, 1e-6)
		testkit.SameBits(t, name+": rows", half.Rows(s.Ints([]int32{4, 0}, 2)).Floats()[:K], values[4*K:])
		testkit.SameBits(t, name+": floats", half.Floats(), values)

		mustPanic(t, "read-only", func() { half.Fill(0) })
		mustPanic(t, "Own", func() { half.SetTrainable(true) })
		mustPanic(t, "want f32", func() { s.Use(half).Neg() })
		half.Own()
		half.SetTrainable(true)
		testkit.SameBits(t, name+": owned", half.Floats(), values)
		s.Close()
	}
}

// TestPack checks that a packed weight gives the same bits, and that a write
// drops it.
func TestPack(t *testing.T) {
	for name, d := range devices(t) {
		s := tensor.NewStep(d, tensor.StepOptions{})
		w := tensor.FromFloats(d, grid(37*19, 0, -1, 1), 37, 19)
		for _, rows := range []int{1, 2, 9, 40} {
			s.Begin(0)
			x := s.Floats(grid(rows*19, 1, -1, 1), rows, 19)
			w.Unpack()
			want := x.Linear(w, nil).Floats()
			w.Pack()
			testkit.SameBits(t, fmt.Sprint(name, ": ", rows, " rows"), x.Linear(w, nil).Floats(), want)
		}
		w.Fill(0.5)
		s.Begin(0)
		y := s.Full(1, 2, 19).Linear(w, nil)
		testkit.Close(t, name+": after a write", y.Floats()[:2], []float32{9.5, 9.5}, 0, 0)
		s.Close()
	}
}

// TestRandom checks that the numbers are the same on all devices and have the
// moments they should.
func TestRandom(t *testing.T) {
	const n = 200_000
	var first [2][]float32
	for name, d := range devices(t) {
		x := tensor.New(d, n)
		for i, fill := range []func(){func() { x.FillNormal(7, 0.5) }, func() { x.FillUniform(7, -1, 3) }} {
			fill()
			got := x.Floats()
			if first[i] == nil {
				first[i] = got
			}
			testkit.SameBits(t, name, got, first[i])
			mean, square := 0.0, 0.0
			for _, v := range got {
				mean += float64(v) / n
				square += float64(v) * float64(v) / n
			}
			deviation := math.Sqrt(square - mean*mean)
			want := [2][2]float64{{0, 0.5}, {1, 4 / math.Sqrt(12)}}[i]
			// Five standard errors of the mean, 1.2/√n = 0.0026.
			if math.Abs(mean-want[0]) > 0.013 || math.Abs(deviation-want[1]) > 0.013 {
				t.Errorf("%s: mean %v and deviation %v, want %v", name, mean, deviation, want)
			}
		}
		x.FillNormal(8, 0.5)
		if y := x.Floats(); y[0] == first[0][0] || y[1] == first[0][1] {
			t.Errorf("%s: another key gave the same numbers", name)
		}
		x.Free()
	}
}

// TestHeadLoss compares the fused loss with head, cross-entropy and sum spelled
// out, where the rows fill several chunks.
func TestHeadLoss(t *testing.T) {
	const N, C, V = 150, 6, 20_000
	d := tensor.CPU(2)
	defer d.Close()
	w := tensor.New(d, V, C)
	w.FillNormal(1, 0.5)
	w.SetTrainable(true)
	b := tensor.New(d, V)
	b.FillNormal(2, 0.5)
	b.SetTrainable(true)
	targets, weights := make([]int32, N), make([]float32, N)
	for i := range targets {
		targets[i], weights[i] = int32(i*131%V), float32(i%5)/N
	}
	targets[3] = -100
	s := tensor.NewStep(d, tensor.StepOptions{Grad: true})
	defer s.Close()
	var limit float32
	run := func(loss func(x, targets *T, o tensor.CEOptions) (sum, rows *T)) (got [5][]float32, peak int) {
		s.Begin(0)
		w.ZeroGrad()
		b.ZeroGrad()
		x := s.Floats(grid(N*C, 0, -2, 2), N, C)
		x.SetTrainable(true)
		o := tensor.CEOptions{Smoothing: 0.1, SoftCap: limit, Weights: s.Floats(weights, N)}
		sum, rows := loss(x, s.Ints(targets, N), o)
		got[1] = rows.Floats()
		now, _ := s.Bytes()
		s.Backward(sum)
		got[0], got[2], got[3], got[4] = sum.Floats(), x.Grad().Floats(), w.Grad().Floats(), b.Grad().Floats()
		return got, now
	}
	for _, limit = range []float32{0, 1.5} {
		got, fused := run(func(x, targets *T, o tensor.CEOptions) (sum, rows *T) { return x.HeadLoss(w, b, targets, o) })
		want, spelled := run(func(x, targets *T, o tensor.CEOptions) (sum, rows *T) {
			z := x.Linear(w, b)
			if limit != 0 {
				z = z.Scale(1 / limit).Tanh().Scale(limit)
			}
			o.SoftCap = 0
			rows = z.CrossEntropy(targets, o)
			return rows.Sum(), rows
		})
		for i, what := range []string{"sum", "rows", "dx", "dw", "db"} {
			testkit.Close(t, fmt.Sprintf("%s, cap %g", what, limit), got[i], want[i], 1e-4, 1e-6)
		}
		if fused > spelled/2 {
			t.Errorf("%d bytes after the fused loss, %d after the whole logits", fused, spelled)
		}
	}

	s.Begin(1)
	sum, _ := s.Full(1, N, C).HeadLoss(w, nil, s.Ints(targets, N), tensor.CEOptions{})
	mustPanic(t, "scale the weights", func() { s.Backward(sum.Scale(0.5)) })
	inference := tensor.NewStep(d, tensor.StepOptions{})
	defer inference.Close()
	inference.Begin(0)
	w.ZeroGrad()
	b.ZeroGrad()
	inference.Full(1, N, C).HeadLoss(w, b, inference.Ints(targets, N), tensor.CEOptions{})
	if g := w.Grad().SumSquares() + b.Grad().SumSquares(); g != 0 {
		t.Errorf("a loss for evaluation left a gradient of square %v", g)
	}
}

// TestUpdate compares each rule on the cpu with the oracle's, and one step of
// SGD with its formula. The rules against PyTorch are package train's tests.
func TestUpdate(t *testing.T) {
	p := tensor.UpdateParams{LR: 0.1, B1: 0.9, B2: 0.99, Eps: 1e-6, Decay: 0.01, Correct1: 0.1, Correct2: 0.01, GradScale: 0.5}
	device := devices(t)
	for _, rule := range []tensor.Rule{tensor.SGD, tensor.Adam, tensor.AdamW, tensor.AdaGrad, tensor.RMSProp} {
		var got [2][]float32
		for i, name := range []string{"reference", "cpu"} {
			d := device[name]
			w, m, v := tensor.FromFloats(d, grid(33, 0, -1, 1), 33), tensor.New(d, 33), tensor.New(d, 33)
			w.SetTrainable(true)
			for range 3 {
				w.Grad().WriteFloats(grid(33, 1, -1, 1))
				w.Update(rule, m, v, p)
			}
			got[i] = append(append(w.Floats(), m.Floats()...), v.Floats()...)
		}
		testkit.Close(t, fmt.Sprint("rule ", rule), got[1], got[0], 1e-5, 1e-6)
	}
	w := tensor.FromFloats(device["cpu"], []float32{1, 2}, 2)
	w.SetTrainable(true)
	w.Grad().WriteFloats([]float32{10, 20})
	w.Update(tensor.SGD, nil, nil, tensor.UpdateParams{LR: 0.1})
	testkit.Close(t, "plain SGD", w.Floats(), []float32{0, 0}, 0, 1e-6)
}

// TestTies checks where the gradient goes when extremes are equal.
func TestTies(t *testing.T) {
	for name, d := range devices(t) {
		s := tensor.NewStep(d, tensor.StepOptions{Grad: true})
		check := func(what string, want []float32, f func(x *T) *T) {
			s.Begin(0)
			x := s.Floats([]float32{2, 3, 3, 0, 5, 0}, 2, 3)
			x.SetTrainable(true)
			s.Backward(f(x).Sum())
			testkit.Close(t, name+": "+what, x.Grad().Floats(), want, 1e-6, 0)
		}
		check("MaxOf", []float32{0, 0.5, 0.5, 0, 1, 0}, func(x *T) *T { return x.MaxOf(1) })
		check("MinOf", []float32{1, 0, 0, 0.5, 0, 0.5}, func(x *T) *T { return x.MinOf(1) })
		check("Max", []float32{0, 0.5, 0.5, 0, 1, 0}, func(x *T) *T { return x.Max(s.Full(3)) })
		check("Prod", []float32{9, 6, 6, 0, 0, 0}, func(x *T) *T { return x.Prod(1) })
		check("Prod, one zero", []float32{0, 0, 0, 15, 0, 0}, func(x *T) *T { return x.Prod(0).Slice(0, 0, 1).Scale(7.5) })
		check("Pow of zero", []float32{4, 6, 6, 0, 10, 0}, func(x *T) *T { return x.Pow(s.Full(2)) })
		s.Close()
	}
}

// TestShapes checks that wrong shapes panic with both of them and the operation's name.
func TestShapes(t *testing.T) {
	d := tensor.Reference()
	s := tensor.NewStep(d, tensor.StepOptions{})
	s.Begin(0)
	a, b, c, ids := s.Zeros(2, 3), s.Zeros(4, 5), s.Zeros(2, 3, 4), s.Ints([]int32{0, 1}, 2)
	tests := []struct {
		want string
		f    func()
	}{
		{"Add: shapes (2, 3) and (4, 5)", func() { a.Add(b) }},
		{"Where: shapes (2, 3) and (4, 5)", func() { a.Where(b, b) }},
		{"SiLUMul: shapes (2, 3) and (4, 5)", func() { a.SiLUMul(b) }},
		{"MatMul: shapes (2, 3) and (4, 5)", func() { a.MatMul(b) }},
		{"MatMul: shapes (2) and (3)", func() { c.MatMul(s.Zeros(3, 4, 2)) }},
		{"Linear: x f32(2, 3) does not fit w f32(4, 5)", func() { a.Linear(b, nil) }},
		{"Reshape: (2, 3) has other elements than (4, 5)", func() { a.Reshape(4, 5) }},
		{"Slice: 1…9 of dimension 1 of (2, 3)", func() { a.Slice(1, 1, 9) }},
		{"dimension 2 of shape (2, 3)", func() { a.Sum(2) }},
		{"Permute: (0, 0)", func() { a.Permute(0, 0) }},
		{"Concat: shapes (2, 3) and (4, 5)", func() { a.Concat(0, b) }},
		{"Expand: shapes (2, 3) and (2, 5)", func() { a.Expand(2, 5) }},
		{"Rows: i32(2) are no ids for i32(2)", func() { ids.Rows(ids) }},
		{"Neg: a tensor (2) is i32, want f32", func() { ids.Neg() }},
		{"LayerNorm: shapes (2, 3) and (5)", func() { a.LayerNorm(s.Zeros(5), nil, 0) }},
		{"CrossEntropy: targets i32(2), want i32, one for each of 4 rows", func() { b.CrossEntropy(ids, tensor.CEOptions{}) }},
		{"HeadLoss: shapes (2, 3) and (4, 5)", func() { a.HeadLoss(b, nil, ids, tensor.CEOptions{}) }},
		{"HeadLoss: shapes (4, 3) and (3)", func() { a.HeadLoss(s.Zeros(4, 3), s.Zeros(3), ids, tensor.CEOptions{}) }},
		{"Attention: q f32(2, 3, 4), k f32(2, 2, 4)", func() { c.Attention(s.Zeros(2, 2, 4), s.Zeros(2, 2, 4), nil, tensor.AttentionOptions{}) }},
		{"Rotary: x f32(2, 3)", func() { a.Rotary(ids, s.Zeros(1), false) }},
		{"CausalConv: shapes (2, 3) and (4, 5)", func() { a.CausalConv(b, nil) }},
		{"Floats: 3 numbers do not fill (2, 2)", func() { s.Floats(make([]float32, 3), 2, 2) }},
		{"more than 6 dimensions", func() { s.Zeros(1, 1, 1, 1, 1, 1, 1) }},
		{"Assign: shapes (2, 3) and (4, 5)", func() { a.Assign(b) }},
		{"AssignRows: rows 1…3 of (2, 3)", func() { a.AssignRows(1, a, 0, 2) }},
		{"Segments: starts [1 2]", func() { s.Segments([]int32{1, 2}) }},
		{"Dropout: rate 1", func() { a.Dropout(1) }},
	}
	for _, tt := range tests {
		mustPanic(t, tt.want, tt.f)
	}
}

// TestFreeze: a frozen weight keeps its gradient and gets none, and what it was multiplied
// with does.
func TestFreeze(t *testing.T) {
	for name, d := range devices(t) {
		w, x := tensor.New(d, 2), tensor.New(d, 2)
		for _, p := range []*T{w, x} {
			p.WriteFloats([]float32{2, 3})
			p.SetTrainable(true)
		}
		s := tensor.NewStep(d, tensor.StepOptions{Grad: true})
		defer s.Close()
		pass := func(frozen bool) {
			s.Begin(0)
			w.Freeze(frozen)
			s.Backward(s.Use(x).Mul(w).Sum())
		}
		pass(false)
		pass(true)
		testkit.Close(t, name+", w", w.Grad().Floats(), []float32{2, 3}, 0, 0)
		testkit.Close(t, name+", x", x.Grad().Floats(), []float32{4, 6}, 0, 0)
		pass(false)
		testkit.Close(t, name+", w again", w.Grad().Floats(), []float32{4, 6}, 0, 0)
	}
}
