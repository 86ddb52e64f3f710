package tensor_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/tensor"
)

type (
	T    = tensor.Tensor
	Step = tensor.Step
)

// A row of the gradient table: an operation, named by its method and, after a
// slash, by what is special, on inputs of the shapes given.
type row struct {
	name   string
	shapes [][]int
	f      func(s *Step, x []*T) *T
	lo, hi float32 // the inputs' range; both 0: [-1, 1]
}

func shapes(s ...[]int) [][]int { return s }

// one and two make rows of operations on one and two inputs of shape (4, 6).
func one(name string, f func(x *T) *T) row {
	return row{name: name, shapes: shapes([]int{4, 6}), f: func(_ *Step, x []*T) *T { return f(x[0]) }}
}

func two(name string, f func(a, b *T) *T) row {
	return row{name: name, shapes: shapes([]int{4, 6}, []int{4, 6}), f: func(_ *Step, x []*T) *T { return f(x[0], x[1]) }}
}

func (r row) on(s ...[]int) row         { r.shapes = s; return r }
func (r row) within(lo, hi float32) row { r.lo, r.hi = lo, hi; return r }
func (r row) method() string            { name, _, _ := strings.Cut(r.name, "/"); return name }
func (r row) inputs() (x [][]float32) {
	if r.lo == 0 && r.hi == 0 {
		r.lo, r.hi = -1, 1
	}
	for i, s := range r.shapes {
		x = append(x, grid(length(s), i, r.lo, r.hi))
	}
	return x
}

// grid returns n numbers evenly spaced in [lo, hi] and shuffled. None is 0 in
// a symmetric range, and grids of different i share none: away from every kink
// and every tie by more than the step of the numeric gradient.
func grid(n, i int, lo, hi float32) []float32 {
	x := make([]float32, n)
	stride := 7
	for n%stride == 0 {
		stride += 4
	}
	for j := range x {
		at := float32((j*stride+i)%n) + 0.5 + 0.23*float32(i)
		x[j] = lo + (hi-lo)*at/(float32(n)+0.5)
	}
	return x
}

func length(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// Rows of the table. Each exported operation has at least one.
var tests = []row{
	one("AddScalar", func(x *T) *T { return x.AddScalar(2) }),
	one("Scale", func(x *T) *T { return x.Scale(-3) }),
	one("PowScalar", func(x *T) *T { return x.PowScalar(2.5) }).within(0.2, 2),
	one("Clip", func(x *T) *T { return x.Clip(-0.51, 0.47) }),
	one("Neg", (*T).Neg),
	one("Abs", (*T).Abs),
	one("Sign", (*T).Sign),
	one("Floor", (*T).Floor),
	one("Ceil", (*T).Ceil),
	one("Round", (*T).Round),
	one("Exp", (*T).Exp),
	one("Log", (*T).Log).within(0.3, 3),
	one("Sqrt", (*T).Sqrt).within(0.3, 3),
	one("Rsqrt", (*T).Rsqrt).within(0.3, 3),
	one("Reciprocal", (*T).Reciprocal).within(0.3, 3),
	one("Square", (*T).Square),
	one("Sin", (*T).Sin).within(-3, 3),
	one("Cos", (*T).Cos).within(-3, 3),
	one("Tanh", (*T).Tanh).within(-3, 3),
	one("SoftCap", func(x *T) *T { return x.SoftCap(1.5) }).within(-3, 3),
	one("SoftCap/none", func(x *T) *T { return x.SoftCap(0).Square() }),
	one("Sigmoid", (*T).Sigmoid).within(-4, 4),
	one("Softplus", (*T).Softplus).within(-4, 4),
	one("Erf", (*T).Erf).within(-2, 2),
	one("ReLU", (*T).ReLU),
	one("LeakyReLU", func(x *T) *T { return x.LeakyReLU(0.1) }),
	one("ELU", func(x *T) *T { return x.ELU(1.5) }),
	one("GELU", (*T).GELU).within(-3, 3),
	one("GELUErf", (*T).GELUErf).within(-3, 3),
	one("SiLU", (*T).SiLU).within(-4, 4),

	two("Add", (*T).Add),
	two("Add/row", (*T).Add).on([]int{4, 6}, []int{6}),
	two("Add/column", (*T).Add).on([]int{4, 1}, []int{4, 6}),
	two("Add/outer", (*T).Add).on([]int{4, 1}, []int{1, 6}),
	two("Add/middle", (*T).Add).on([]int{2, 1, 3}, []int{2, 4, 3}),
	two("Add/scattered", (*T).Add).on([]int{2, 1, 3, 1}, []int{2, 3, 3, 2}),
	two("Add/scalar", (*T).Add).on([]int{4, 6}, []int{}),
	one("Add/itself", func(x *T) *T { return x.Add(x) }),
	two("Sub", (*T).Sub),
	two("Sub/row", (*T).Sub).on([]int{6}, []int{4, 6}),
	two("Mul", (*T).Mul),
	two("Mul/row", (*T).Mul).on([]int{4, 6}, []int{6}),
	two("Mul/column", (*T).Mul).on([]int{4, 1}, []int{4, 6}),
	one("Mul/itself", func(x *T) *T { return x.Mul(x) }),
	two("Div", (*T).Div).within(0.5, 2),
	two("Div/row", (*T).Div).on([]int{4, 6}, []int{6}).within(0.5, 2),
	two("Pow", (*T).Pow).within(0.3, 2),
	two("Pow/row", (*T).Pow).on([]int{6}, []int{4, 6}).within(0.3, 2),
	two("Max", (*T).Max),
	two("Max/scalar", (*T).Max).on([]int{4, 6}, []int{1}),
	two("Min", (*T).Min),
	two("Equal", (*T).Equal),
	two("Less", (*T).Less),
	two("LessEqual", (*T).LessEqual),
	two("Greater", (*T).Greater),
	two("GreaterEqual", (*T).GreaterEqual),
	{name: "Where", shapes: shapes([]int{4, 6}, []int{4, 6}, []int{6}), f: func(s *Step, x []*T) *T {
		return x[0].Greater(s.Zeros()).Where(x[1], x[2])
	}},

	two("SiLUMul", (*T).SiLUMul),
	two("GELUMul", (*T).GELUMul),
	two("ReLUMul", (*T).ReLUMul),
	two("SigmoidMul", (*T).SigmoidMul),
	one("SiLUMul/halves", func(x *T) *T { return x.Slice(1, 0, 3).SiLUMul(x.Slice(1, 3, 6)) }),

	two("MatMul", (*T).MatMul).on([]int{4, 6}, []int{6, 3}),
	two("MatMul/batch", (*T).MatMul).on([]int{2, 3, 4}, []int{2, 4, 3}),
	two("MatMul/matrix", (*T).MatMul).on([]int{2, 3, 4}, []int{4, 3}),
	two("MatMul/by-batch", (*T).MatMul).on([]int{3, 4}, []int{2, 4, 3}),
	two("MatMul/stretch", (*T).MatMul).on([]int{2, 1, 2, 3}, []int{2, 3, 2}),
	two("MatMul/vectors", (*T).MatMul).on([]int{6}, []int{6}),
	two("MatMul/vector", (*T).MatMul).on([]int{2, 3, 4}, []int{4}),
	two("MatMul/of-vector", (*T).MatMul).on([]int{4}, []int{2, 4, 3}),
	two("MatMulT", (*T).MatMulT).on([]int{4, 6}, []int{3, 6}),
	two("MatMulT/batch", (*T).MatMulT).on([]int{2, 3, 4}, []int{2, 2, 4}),
	two("MatMulT/matrix", (*T).MatMulT).on([]int{2, 3, 4}, []int{3, 4}),
	two("MatMulT/by-batch", (*T).MatMulT).on([]int{3, 4}, []int{2, 3, 4}),
	two("TMatMul", (*T).TMatMul).on([]int{6, 4}, []int{6, 3}),
	two("TMatMul/batch", (*T).TMatMul).on([]int{2, 4, 3}, []int{2, 4, 2}),
	two("TMatMul/matrix", (*T).TMatMul).on([]int{2, 4, 3}, []int{4, 3}),
	two("TMatMul/by-batch", (*T).TMatMul).on([]int{4, 3}, []int{2, 4, 3}),
	{name: "Linear", shapes: shapes([]int{4, 6}, []int{3, 6}, []int{3}), f: func(_ *Step, x []*T) *T { return x[0].Linear(x[1], x[2]) }},
	{name: "Linear/batch", shapes: shapes([]int{2, 2, 4}, []int{3, 4}, []int{3}), f: func(_ *Step, x []*T) *T { return x[0].Linear(x[1], x[2]) }},
	{name: "Linear/vector", shapes: shapes([]int{4}, []int{3, 4}), f: func(_ *Step, x []*T) *T { return x[0].Linear(x[1], nil) }},

	one("Reshape", func(x *T) *T { return x.Reshape(3, -1) }),
	one("Squeeze", func(x *T) *T { return x.Reshape(4, 1, 6).Squeeze(1) }),
	one("Unsqueeze", func(x *T) *T { return x.Unsqueeze(-1) }),
	one("Slice", func(x *T) *T { return x.Slice(0, 1, 3) }),
	one("Slice/columns", func(x *T) *T { return x.Slice(1, 2, 5) }),
	one("Slice/deep", func(x *T) *T { return x.Slice(2, 1, 2) }).on([]int{2, 4, 3}),
	one("Slice/overlap", func(x *T) *T { return x.Slice(1, 0, 4).Mul(x.Slice(1, 2, 6)) }),
	one("Transpose", func(x *T) *T { return x.Transpose(0, 1) }),
	one("Permute", func(x *T) *T { return x.Permute(2, 0, 1) }).on([]int{2, 3, 4}),
	one("Contiguous", func(x *T) *T { return x.Slice(1, 1, 5).Contiguous() }),
	one("Expand", func(x *T) *T { return x.Expand(3, 4, 2) }).on([]int{4, 1}),
	two("Concat", func(a, b *T) *T { return a.Concat(0, b, a) }),
	two("Concat/columns", func(a, b *T) *T { return a.Concat(1, b) }).on([]int{4, 2}, []int{4, 3}),
	two("Concat/deep", func(a, b *T) *T { return a.Concat(-1, b) }).on([]int{2, 2, 2}, []int{2, 2, 3}),
	{name: "Rows", shapes: shapes([]int{4, 3}), f: func(s *Step, x []*T) *T {
		return x[0].Rows(s.Ints([]int32{3, 0, 3, 1, 3, 0}, 2, 3))
	}},

	one("Sum", func(x *T) *T { return x.Sum() }),
	one("Sum/rows", func(x *T) *T { return x.Sum(0) }),
	one("Sum/columns", func(x *T) *T { return x.Sum(-1) }),
	one("Sum/apart", func(x *T) *T { return x.Sum(0, 2) }).on([]int{2, 3, 4}),
	one("Mean", func(x *T) *T { return x.Mean() }),
	one("Mean/middle", func(x *T) *T { return x.Mean(1) }).on([]int{2, 3, 4}),
	one("MaxOf", func(x *T) *T { return x.MaxOf() }),
	one("MaxOf/columns", func(x *T) *T { return x.MaxOf(1) }),
	one("MinOf", func(x *T) *T { return x.MinOf(0) }),
	one("Prod", func(x *T) *T { return x.Prod(1) }).on([]int{4, 3}),
	one("ArgMax", func(x *T) *T { return x.ArgMax(1) }),
	one("ArgMin", func(x *T) *T { return x.ArgMin(0) }),
	one("Softmax", (*T).Softmax).within(-2, 2),
	one("Softmax/batch", (*T).Softmax).on([]int{2, 3, 4}),
	one("LogSoftmax", (*T).LogSoftmax).within(-2, 2),

	{name: "CrossEntropy", shapes: shapes([]int{4, 6}), f: func(s *Step, x []*T) *T {
		return x[0].CrossEntropy(s.Ints([]int32{5, -100, 0, 2}, 4), tensor.CEOptions{})
	}},
	{name: "CrossEntropy/all", shapes: shapes([]int{2, 2, 6}), f: func(s *Step, x []*T) *T {
		return x[0].CrossEntropy(s.Ints([]int32{5, 3, 0, 2}, 2, 2), tensor.CEOptions{
			Ignore: 3, Smoothing: 0.2, Weights: s.Floats([]float32{1, 2, 0.5, 3}, 4),
		})
	}},
	{name: "HeadLoss", shapes: shapes([]int{4, 6}, []int{5, 6}), f: func(s *Step, x []*T) *T {
		sum, _ := x[0].HeadLoss(x[1], nil, s.Ints([]int32{4, -100, 0, 2}, 4), tensor.CEOptions{})
		return sum
	}},
	{name: "HeadLoss/cap", shapes: shapes([]int{4, 6}, []int{5, 6}), f: func(s *Step, x []*T) *T {
		sum, _ := x[0].HeadLoss(x[1], nil, s.Ints([]int32{4, -100, 0, 2}, 4), tensor.CEOptions{SoftCap: 0.7, Weights: s.Floats([]float32{1, 2, 0.5, 3}, 4)})
		return sum
	}},
	{name: "HeadLoss/bias", shapes: shapes([]int{4, 6}, []int{5, 6}, []int{5}), f: func(s *Step, x []*T) *T {
		sum, _ := x[0].HeadLoss(x[1], x[2], s.Ints([]int32{4, -100, 0, 2}, 4), tensor.CEOptions{Smoothing: 0.1, Weights: s.Floats([]float32{1, 2, 0.5, 3}, 4)})
		return sum
	}},
	ctc("CTC", tensor.CTCOptions{}, []int32{0, 4, 9, 10}, []int32{1, 2}, []int32{3, 3, 1}, nil),
	ctc("CTC/blank", tensor.CTCOptions{Blank: 2}, []int32{0, 5, 5, 7}, []int32{0, 3, 0}, nil, []int32{1}),
	ctc("CTC/too short", tensor.CTCOptions{ZeroInfinity: true}, []int32{0, 2, 6}, []int32{1, 1}, []int32{1, 1}),
	{name: "LayerNorm", shapes: shapes([]int{4, 6}, []int{6}, []int{6}), f: func(_ *Step, x []*T) *T { return x[0].LayerNorm(x[1], x[2], 1e-5) }},
	{name: "LayerNorm/bare", shapes: shapes([]int{2, 2, 5}), f: func(_ *Step, x []*T) *T { return x[0].LayerNorm(nil, nil, 1e-3) }},
	{name: "RMSNormPlus", shapes: shapes([]int{4, 6}, []int{6}), f: func(_ *Step, x []*T) *T { return x[0].RMSNormPlus(x[1], 1e-5) }},
	{name: "RMSNorm", shapes: shapes([]int{4, 6}, []int{6}), f: func(_ *Step, x []*T) *T { return x[0].RMSNorm(x[1], 1e-5) }},
	one("Dropout", func(x *T) *T { return x.Dropout(0.4) }),
	one("Detach", func(x *T) *T { return x.Detach() }),

	rotary("Rotary", false),
	rotary("Rotary/interleaved", true),
	attention("Attention", tensor.AttentionOptions{}),
	attention("Attention/bidirectional", tensor.AttentionOptions{Bidirectional: true, Scale: 0.7}),
	attention("Attention/window", tensor.AttentionOptions{Window: 2}),
	attention("Attention/softcap", tensor.AttentionOptions{SoftCap: 0.8}),
	{name: "Attention/cross", shapes: shapes([]int{2, 2, 3}, []int{5, 2, 3}, []int{5, 2, 3}), f: func(s *Step, x []*T) *T {
		return x[0].Attention(x[1], x[2], s.Ints([]int32{0, 2, 1, 3}, 1, 4), tensor.AttentionOptions{})
	}},
	{name: "Attention/more queries", shapes: shapes([]int{5, 2, 3}, []int{4, 2, 3}, []int{4, 2, 3}), f: func(s *Step, x []*T) *T {
		return x[0].Attention(x[1], x[2], s.Ints([]int32{0, 4, 1, 3, 4, 1, 0, 1}, 2, 4), tensor.AttentionOptions{Bidirectional: true})
	}},
	{name: "Attention/whole", shapes: shapes([]int{3, 2, 2}, []int{3, 1, 2}, []int{3, 1, 2}), f: func(s *Step, x []*T) *T {
		return x[0].Attention(x[1], x[2], nil, tensor.AttentionOptions{})
	}},
	one("Unfold", func(x *T) *T { return x.Unfold(2, 3, tensor.Window{Stride: [2]int{2, 1}, Padding: [4]int{1, 1, 0, 1}}) }).on([]int{2, 4, 3, 2}),
	one("MaxPool", func(x *T) *T { return x.MaxPool(3, 2, tensor.Square(2, 1)) }).on([]int{2, 5, 4, 2}),
	one("MaxPool/apart", func(x *T) *T { return x.MaxPool(2, 2, tensor.Square(2, 0)) }).on([]int{2, 4, 4, 3}),
	one("AvgPool", func(x *T) *T { return x.AvgPool(2, 2, tensor.Square(1, 0)) }).on([]int{2, 3, 4, 2}),
	{name: "Conv2D", shapes: shapes([]int{2, 5, 4, 3}, []int{4, 3, 2, 3}, []int{4}), f: func(_ *Step, x []*T) *T {
		return x[0].Conv2D(x[1], x[2], tensor.Window{Stride: [2]int{2, 1}, Dilation: [2]int{1, 2}, Padding: [4]int{1, 0, 1, 1}})
	}},
	two("Conv2D/pixels", func(x, w *T) *T { return x.Conv2D(w, nil, tensor.Window{}) }).on([]int{2, 3, 2, 3}, []int{4, 1, 1, 3}),
	one("Conv2D/itself", func(x *T) *T { return x.Conv2D(x, nil, tensor.Square(1, 1)) }).on([]int{2, 3, 3, 2}),
	{name: "ConvTranspose2D", shapes: shapes([]int{2, 3, 2, 4}, []int{4, 3, 2, 3}, []int{3}), f: func(_ *Step, x []*T) *T {
		return x[0].ConvTranspose2D(x[1], x[2], tensor.Window{Stride: [2]int{2, 3}, Padding: [4]int{1, 0, 0, 1}}, [2]int{1, 2})
	}},
	two("ConvTranspose2D/pixels", func(x, w *T) *T { return x.ConvTranspose2D(w, nil, tensor.Window{}, [2]int{}) }).on([]int{2, 3, 2, 3}, []int{3, 1, 1, 4}),
	{name: "GroupNorm", shapes: shapes([]int{2, 3, 2, 4}, []int{4}, []int{4}), f: func(_ *Step, x []*T) *T {
		return x[0].GroupNorm(2, x[1], x[2], 1e-3)
	}},
	one("GroupNorm/bare", func(x *T) *T { return x.GroupNorm(4, nil, nil, 1e-3) }).on([]int{2, 5, 4}),
	{name: "BatchNormReLU", shapes: shapes([]int{5, 2, 3}, []int{3}, []int{3}), f: func(_ *Step, x []*T) *T {
		y, _ := x[0].BatchNormReLU(x[1], x[2], 1e-3)
		return y
	}},
	{name: "BatchNormReLUMax", shapes: shapes([]int{3, 5, 4, 3}, []int{3}, []int{3}), f: func(_ *Step, x []*T) *T {
		y, _ := x[0].BatchNormReLUMax(x[1], x[2], 1e-3)
		return y
	}},
	{name: "BatchNorm", shapes: shapes([]int{5, 2, 3}, []int{3}, []int{3}), f: func(_ *Step, x []*T) *T {
		y, _ := x[0].BatchNorm(x[1], x[2], 1e-3)
		return y
	}},
	{name: "CausalConv", shapes: shapes([]int{6, 3}, []int{3, 3}), f: func(s *Step, x []*T) *T {
		return x[0].CausalConv(x[1], s.Segments([]int32{0, 4, 6}))
	}},
	two("CausalConv/whole", func(x, w *T) *T { return x.CausalConv(w, nil) }).on([]int{6, 3}, []int{4, 3}),
	{name: "CausalConvRows", shapes: shapes([]int{6, 3}, []int{3, 3}), f: func(s *Step, x []*T) *T {
		return x[0].CausalConvRows(x[1], s.Ints([]int32{0, 2, 1, 4}, 1, 4), 2)
	}},
	recurrent("Recurrent/rnn", tensor.ElmanCell, 4, 4, 4),
	recurrent("Recurrent/lstm", tensor.LSTMCell, 3, 3, 2, 2, 2, 1),
	recurrent("Recurrent/gru", tensor.GRUCell, 3, 2, 2, 1, 1),
	convRecurrent("ConvRecurrent/lstm", tensor.LSTMCell),
	convRecurrent("ConvRecurrent/rnn", tensor.ElmanCell),
	recurrent("Recurrent/step", tensor.LSTMCell, 2),
	one("Checkpoint", nil), // filled below: it needs the step
}

func init() {
	tests[len(tests)-1].f = func(s *Step, x []*T) *T {
		return s.Checkpoint(x[0], func(x *T) *T { return x.Square().Tanh().Mul(x).Dropout(0.3) })
	}
}

// ctc has sequences end to end, of four classes.
func ctc(name string, o tensor.CTCOptions, starts []int32, targets ...[]int32) row {
	return row{name: name, shapes: shapes([]int{int(starts[len(starts)-1]), 4}), f: func(s *Step, x []*T) *T {
		labels, segments := s.CTCTargets(starts, targets)
		return x[0].CTC(labels, segments, o)
	}}
}

func rotary(name string, interleaved bool) row {
	return row{name: name, shapes: shapes([]int{3, 2, 5}), f: func(s *Step, x []*T) *T {
		return x[0].Rotary(s.Ints([]int32{0, 1, 7}, 3), s.Floats([]float32{1, 0.1}, 2), interleaved)
	}}
}

// recurrent is a layer of two channels with sequences of several lengths.
func recurrent(name string, cell tensor.Cell, steps ...int) row {
	const H = 2
	n := 0
	for _, rows := range steps {
		n += rows
	}
	G := cell.Gates() * H
	return row{name: name, shapes: shapes([]int{n, G}, []int{G, H}, []int{steps[0], cell.States() * H}, []int{G}), f: func(_ *Step, x []*T) *T {
		return x[0].Recurrent(cell, x[1], x[3], x[2], steps)
	}}
}

// convRecurrent is a step of a convolutional layer of cells.
func convRecurrent(name string, cell tensor.Cell) row {
	const N = 2
	G := cell.Gates() * N
	return row{name: name, shapes: shapes([]int{2, 3, 4, 3}, []int{G, 3, 1, 3 + N}, []int{2, 3, 4, cell.States() * N}, []int{G}), f: func(_ *Step, x []*T) *T {
		return x[0].ConvRecurrent(cell, x[1], x[3], x[2], tensor.Window{Padding: [4]int{1, 0, 1, 0}})
	}}
}

func attention(name string, o tensor.AttentionOptions) row {
	return row{name: name, shapes: shapes([]int{6, 4, 3}, []int{6, 2, 3}, []int{6, 2, 3}), f: func(s *Step, x []*T) *T {
		return x[0].Attention(x[1], x[2], s.Segments([]int32{0, 4, 6}), o)
	}}
}

// devices are those that every operation is tested on.
func devices(t *testing.T) map[string]*tensor.Device {
	d := map[string]*tensor.Device{"reference": tensor.Reference(), "cpu": tensor.CPU(2)}
	t.Cleanup(func() {
		for _, d := range d {
			d.Close()
		}
	})
	return d
}

// TestGradients compares, for each operation, the gradient that Backward brings
// with the numeric one of the oracle, and the values with the oracle's: with
// parameters as inputs, with activations, with activations that have other
// uses, and with views that have gaps.
func TestGradients(t *testing.T) {
	device := devices(t)
	for _, r := range tests {
		t.Run(r.name, func(t *testing.T) {
			want := r.numeric(t, device["reference"])
			for name, d := range device {
				for variant, use := range variants {
					got := r.run(t, d, use)
					tol := 2e-3
					for i := range want {
						testkit.Close(t, name+", "+variant+", gradient", got[i], want[i], tol, tol)
					}
				}
			}
			got, values := r.values(t, device["cpu"]), r.values(t, device["reference"])
			testkit.Close(t, "values", got, values, 1e-5, 1e-6)
		})
	}
}

// variants turn a parameter into the operand of the operation, and say what
// else the operand is used for afterwards, with gradient 0.
var variants = map[string]struct {
	operand func(s *Step, p *T) *T
	reuse   bool
}{
	"parameters":      {func(s *Step, p *T) *T { return s.Use(p) }, false},
	"activations":     {func(s *Step, p *T) *T { return s.Use(p).Scale(1) }, false},
	"used twice":      {func(s *Step, p *T) *T { return s.Use(p).Scale(1) }, true},
	"views":           {gapped, false},
	"views used more": {gapped, true},
}

// gapped is a view of p's values in a wider tensor.
func gapped(s *Step, p *T) *T {
	if p.Dims() < 2 {
		return s.Use(p).Concat(0, p).Slice(0, 0, p.Dim(0))
	}
	return s.Use(p).Concat(1, p).Slice(1, 0, p.Dim(1))
}

// weigh turns a result into a loss in which each element has another weight.
func weigh(s *Step, y *T) *T {
	if y.Len() == 1 {
		return y.Reshape()
	}
	return y.Mul(s.Floats(grid(y.Len(), 3, 0.2, 1.7), y.Shape()...)).Sum()
}

func (r row) parameters(d *tensor.Device, x [][]float32) []*T {
	p := make([]*T, len(x))
	for i := range x {
		p[i] = tensor.FromFloats(d, x[i], r.shapes[i]...)
		p[i].SetTrainable(true)
	}
	return p
}

// run returns the gradients that Backward brings to the inputs.
func (r row) run(t *testing.T, d *tensor.Device, v struct {
	operand func(s *Step, p *T) *T
	reuse   bool
}) (grads [][]float32) {
	p := r.parameters(d, r.inputs())
	s := tensor.NewStep(d, tensor.StepOptions{Grad: true, Seed: 9})
	defer s.Close()
	s.Begin(5)
	x := make([]*T, len(p))
	for i := range p {
		x[i] = s.Use(p[i])
		if p[i].Dims() > 0 {
			x[i] = v.operand(s, p[i])
		}
	}
	y := r.f(s, x)
	loss := s.Zeros()
	if y.DType() == tensor.F32 {
		loss = weigh(s, y).Add(loss)
	}
	for i := range x {
		weight := float32(0)
		if v.reuse {
			weight = 0.25
		}
		loss = loss.Add(x[i].Sum().Scale(weight))
	}
	s.Backward(loss)
	for i := range p {
		g := p[i].Grad().Floats()
		for j := range g {
			if v.reuse {
				g[j] -= 0.25
			}
		}
		grads = append(grads, g)
	}
	return grads
}

// values returns what the operation computes.
func (r row) values(t *testing.T, d *tensor.Device) []float32 {
	s := tensor.NewStep(d, tensor.StepOptions{Grad: true, Seed: 9})
	defer s.Close()
	s.Begin(5)
	x := r.parameters(d, r.inputs())
	for i := range x {
		x[i] = s.Use(x[i])
	}
	return numbers(r.f(s, x))
}

func numbers(y *T) (x []float32) {
	if y.DType() == tensor.F32 {
		return y.Floats()
	}
	for _, v := range y.Ints() {
		x = append(x, float32(v))
	}
	return x
}

// numeric returns the gradients by differences, of a loss summed in float64.
func (r row) numeric(t *testing.T, d *tensor.Device) (grads [][]float32) {
	s := tensor.NewStep(d, tensor.StepOptions{Grad: true, Seed: 9})
	defer s.Close()
	inputs := r.inputs()
	p := r.parameters(d, inputs)
	for i := range inputs {
		wide := make([]float64, len(inputs[i]))
		for j, v := range inputs[i] {
			wide[j] = float64(v)
		}
		loss := func(x []float64) (sum float64) {
			for j := range x {
				inputs[i][j] = float32(x[j])
			}
			p[i].WriteFloats(inputs[i])
			s.Begin(5)
			x0 := make([]*T, len(p))
			for k := range p {
				x0[k] = s.Use(p[k])
			}
			y := r.f(s, x0)
			if y.DType() != tensor.F32 || r.method() == "Detach" {
				return 0
			}
			weights := grid(y.Len(), 3, 0.2, 1.7)
			for j, v := range y.Floats() {
				if y.Len() == 1 {
					return float64(v)
				}
				sum += float64(v) * float64(weights[j])
			}
			return sum
		}
		var narrow []float32
		for _, g := range testkit.Gradient(loss, wide, 5e-3) {
			narrow = append(narrow, float32(g))
		}
		loss(wide) // the last evaluation moved an element
		grads = append(grads, narrow)
	}
	return grads
}

// TestGradientTable fails when an operation has no row in the table.
func TestGradientTable(t *testing.T) {
	covered := map[string]bool{
		"Grad": true, // the gradient itself
		"Keep": true, // TestKeep: no operation of the tape
		"Cast": true, // TestCast: rounding has no numeric gradient
	}
	for _, r := range tests {
		covered[r.method()] = true
	}
	typ := reflect.TypeFor[*T]()
	for i := range typ.NumMethod() {
		m := typ.Method(i)
		for j := range m.Type.NumOut() {
			if out := m.Type.Out(j); out == typ && !covered[m.Name] {
				t.Errorf("Tensor.%s returns a tensor and has no row in the gradient table", m.Name)
			}
		}
	}
}
