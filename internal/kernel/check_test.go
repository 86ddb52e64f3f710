package kernel_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/internal/kernel"
	"github.com/inkstone-ai/inkstone/internal/kernel/ref"
)

// TestWrongOperands makes a wrong call of every operation: each panics with
// the operation, the operand, what it is and what it should be.
func TestWrongOperands(t *testing.T) {
	d := ref.New()
	typed := func(typ kernel.DType, rows, cols int) kernel.Mat {
		return kernel.Mat{Buf: d.Alloc(rows * cols * typ.Size()), Rows: rows, Cols: cols, Stride: cols, Type: typ}
	}
	m := func(rows, cols int) kernel.Mat { return typed(kernel.F32, rows, cols) }
	ids := func(data ...int32) kernel.Mat {
		v := typed(kernel.I32, 1, len(data))
		copy(kernel.Elements[int32](v.Buf), data)
		return v
	}
	segments := func(data ...int32) kernel.Mat {
		v := ids(data...)
		v.Rows, v.Cols, v.Stride = len(data)/4, 4, 4
		return v
	}
	view := func(shape ...int) kernel.View {
		x := m(1, 6)
		v := kernel.View{Buf: x.Buf, Dims: len(shape)}
		copy(v.Shape[:], shape)
		for i := range shape {
			v.Stride[i] = 1
		}
		return v
	}
	var none kernel.Mat
	outside := m(2, 3)
	outside.Off = 1
	window := kernel.Window{H: 2, W: 2, C: 1, KH: 2, KW: 2, StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1, Bottom: 1, Right: 1}
	heads := kernel.AttentionParams{H: 2, G: 1, D: 2}
	tests := []struct {
		name string
		want string // after "kernel: " and the method
		call func()
	}{
		{"Copy", "dst is f32(2,3), want f32(3,2)", func() { d.Copy(m(2, 3), m(3, 2), false) }},
		{"Copy", "no conversion from i32 to f32", func() { d.Copy(m(1, 2), ids(1, 2), false) }},
		{"Copy", "can not add f32 to bf16", func() { d.Copy(typed(kernel.BF16, 1, 2), m(1, 2), true) }},
		{"Permute", "dst is f32[2], want f32[3]", func() { d.Permute(view(2), view(3), false) }},
		{"Fill", "dst f32(2,3) at element 1 with stride 3 exceeds its buffer of 24 bytes", func() { d.Fill(outside, 1) }},
		{"Gather", "dst is f32(2,3), want f32(2,4)", func() { d.Gather(m(2, 3), m(9, 4), ids(0, 1)) }},
		{"Gather", "id 9 at place 1, the table has 9 rows", func() { d.Gather(m(2, 4), m(9, 4), ids(0, 9)) }},
		{"ScatterAdd", "id -1 at place 0", func() { d.ScatterAdd(m(9, 4), m(1, 4), ids(-1)) }},
		{"Unary", "y is absent, want f32(0,0)", func() { d.Unary(kernel.Exp, none, none, 0, 0) }},
		{"UnaryGrad", "dy is f32(2,2), want f32(2,3)", func() { d.UnaryGrad(kernel.Exp, m(2, 3), m(2, 3), m(2, 3), m(2, 2), 0, 0, false) }},
		{"Binary", "b is f32[2 2], want f32[2 3]", func() { d.Binary(kernel.Add, view(2, 3), view(2, 3), view(2, 2), false) }},
		{"Select", "cond is f32[3], want f32[2]", func() { d.Select(view(2), view(3), view(2), view(2), false) }},
		{"Reduce", "x is f32(2,3), want f32 with 8 elements", func() { d.Reduce(kernel.Sum, m(1, 2), m(2, 3), 2, 4, 1, false) }},
		{"Reduce", "acc true", func() { d.Reduce(kernel.ArgMax, ids(0, 0), m(2, 3), 2, 3, 1, true) }},
		{"MatMul", "b is f32(4,5), want f32(3,5)", func() { d.MatMul(m(2, 5), m(2, 3), m(4, 5), kernel.Product{}) }},
		{"MatMul", "c is f32(2,5), want f32(3,5)", func() { d.MatMul(m(2, 5), m(2, 3), m(2, 5), kernel.Product{TA: true}) }},
		{"MatMul", "exceeds its buffer", func() { d.MatMul(m(2, 5), m(2, 3), m(3, 5), kernel.Product{Batch: 2, StrideC: 10, StrideA: 6}) }},
		{"MatMul", "precision f16, want f32 or bf16", func() { d.MatMul(m(2, 5), m(2, 3), m(3, 5), kernel.Product{Precision: kernel.F16}) }},
		{"MatMulEach", "1 results of 2 factors", func() {
			d.MatMulEach([]kernel.Mat{m(2, 5)}, m(2, 3), []kernel.Mat{m(3, 5), m(3, 5)}, kernel.Product{})
		}},
		{"MatMul", "2 products into one output", func() { d.MatMul(m(2, 5), m(2, 3), m(3, 5), kernel.Product{Batch: 2}) }},
		{"Pack", "b is i32(1,2)", func() { d.Pack(ids(1, 2), false) }},
		{"Softmax", "y is f32(2,2), want f32(2,3)", func() { d.Softmax(m(2, 2), m(2, 3), false) }},
		{"SoftmaxGrad", "dy is f32(3,2), want f32(2,3)", func() { d.SoftmaxGrad(m(2, 3), m(2, 3), m(3, 2), false, false) }},
		{"CrossEntropy", "target 3 of row 1, there are 3 classes", func() { d.CrossEntropy(m(2, 1), none, m(2, 3), ids(0, 3), none, -1, 0) }},
		{"CTC", "label 1 of sequence 0 is 0, there are 3 classes and 0 is blank", func() {
			d.CTC(m(1, 1), none, m(4, 3), ids(1, 0), segments(0, 4, 0, 2), none, 0, false)
		}},
		{"CTC", "sequence 1 is {Query:3 Queries:1 Key:1 Keys:1}, want its rows from 2 on", func() {
			d.CTC(m(2, 1), none, m(4, 3), ids(1, 2), segments(0, 2, 0, 1, 3, 1, 1, 1), none, 0, false)
		}},
		{"CTC", "sequences of 2 rows, logits of 4", func() {
			d.CTC(m(1, 1), none, m(4, 3), ids(1, 2), segments(0, 2, 0, 1), none, 0, false)
		}},
		{"CTC", "blank 3, there are 3 classes", func() { d.CTC(m(1, 1), none, m(4, 3), ids(1, 2), segments(0, 4, 0, 1), none, 3, false) }},
		{"Norm", "w is f32(1,4), want f32(1,3)", func() { d.Norm(kernel.RMSNorm, m(2, 3), none, m(2, 3), m(1, 4), none, 0) }},
		{"NormGrad", "stats is absent, want f32(2,2)", func() {
			d.NormGrad(kernel.RMSNorm, m(2, 3), none, none, m(2, 3), none, m(2, 3), none, false)
		}},
		{"Attention", "k is f32(3,3), want f32(3,2)", func() {
			d.Attention(m(3, 4), none, m(3, 4), m(3, 3), m(3, 2), segments(0, 3, 0, 3), heads)
		}},
		{"Attention", "sequence 0 is {Query:0 Queries:3 Key:0 Keys:2}", func() {
			d.Attention(m(3, 4), none, m(3, 4), m(3, 2), m(3, 2), segments(0, 3, 0, 2), kernel.AttentionParams{H: heads.H, G: heads.G, D: heads.D, Causal: true})
		}},
		{"Attention", "parameters", func() {
			d.Attention(m(3, 4), none, m(3, 4), m(3, 2), m(3, 2), segments(0, 3, 0, 3), kernel.AttentionParams{H: 3, G: 2, D: 1})
		}},
		{"AttentionGrad", "dq is f32(2,4), want f32(3,4)", func() {
			d.AttentionGrad(m(2, 4), m(3, 2), m(3, 2), m(3, 4), m(3, 2), m(3, 2), m(3, 4), m(3, 2), m(3, 4), segments(0, 3, 0, 3), heads, false)
		}},
		{"Rotary", "3 pairs in each of 2 heads of f32(2,8)", func() { d.Rotary(m(2, 8), m(2, 8), ids(0, 1), m(1, 3), 2, false, false, false) }},
		{"Rotary", "position -1 of row 1", func() { d.Rotary(m(2, 8), m(2, 8), ids(0, -1), m(1, 2), 2, false, false, false) }},
		{"Gated", "no gate by function", func() { d.Gated(kernel.Exp, m(1, 2), m(1, 2), m(1, 2)) }},
		{"GatedGrad", "up is f32(1,3), want f32(1,2)", func() { d.GatedGrad(kernel.SiLU, m(1, 2), m(1, 2), m(1, 2), m(1, 3), m(1, 2), false) }},
		{"CausalConv", "w is f32(4,3), want f32(4,2)", func() { d.CausalConv(m(5, 2), m(5, 2), m(4, 3), segments(0, 5, 0, 5)) }},
		{"CausalConvGrad", "dy is f32(5,3), want f32(5,2)", func() {
			d.CausalConvGrad(m(5, 2), m(4, 2), m(5, 2), m(4, 2), m(5, 3), segments(0, 5, 0, 5), false)
		}},
		{"Cell", "before is f32(2,3), want f32(2,6)", func() {
			d.Cell(kernel.LSTMCell, m(2, 6), none, m(2, 12), m(2, 12), none, m(2, 3))
		}},
		{"Cell", "cell 2 of f32(2,4)", func() { d.Cell(kernel.GRUCell, m(2, 2), none, m(2, 4), m(2, 4), none, m(2, 2)) }},
		{"CellGrad", "dp is absent, want f32(2,9)", func() {
			d.CellGrad(kernel.GRUCell, m(2, 9), none, none, m(2, 3), m(2, 12), m(2, 3), m(2, 3))
		}},
		{"Unfold", "3 pixels under", func() { d.Unfold(m(1, 4), m(3, 1), window, 0, 0) }},
		{"Unfold", "patches is f32(1,3), want f32(1,4)", func() { d.Unfold(m(1, 3), m(4, 1), window, 0, 0) }},
		{"Unfold", "positions 1 to 5 of 4", func() { d.Unfold(m(4, 4), m(4, 1), window, 1, 0) }},
		{"Fold", "positions 1 to 2 are no whole rows of 2", func() { d.Fold(m(4, 1), m(1, 4), window, 1) }},
		{"Conv", "w is f32(3,3), want f32(3,4)", func() { d.Conv(m(4, 3), m(4, 1), m(3, 3), window, kernel.F32) }},
		{"ConvGradInput", "y is f32(3,3), want f32(4,3)", func() { d.ConvGradInput(m(4, 1), m(3, 3), m(3, 4), window, kernel.F32) }},
		{"ConvGradWeight", "x is f32(4,2), want f32(4,1)", func() { d.ConvGradWeight(m(3, 4), m(4, 3), m(4, 2), window, false, kernel.F32) }},
		{"MaxPool", "windows of padding alone", func() {
			w := window
			w.Top = 2
			d.MaxPool(m(8, 1), m(4, 1), w)
		}},
		{"MaxPoolGrad", "dy is f32(3,1), want f32(4,1)", func() { d.MaxPoolGrad(m(4, 1), m(4, 1), m(4, 1), m(3, 1), window, false) }},
		{"GroupNorm", "f32(6,4) in 4 sets of rows and 2 groups of channels", func() { d.GroupNorm(m(6, 4), none, m(6, 4), none, none, kernel.GroupNormParams{Sets: 4, Groups: 2}) }},
		{"GroupNorm", "stats is f32(3,2), want f32(4,2)", func() { d.GroupNorm(m(6, 4), m(3, 2), m(6, 4), none, none, kernel.GroupNormParams{Sets: 2, Groups: 2}) }},
		{"GroupNormGrad", "stats is absent, want f32(4,2)", func() {
			d.GroupNormGrad(m(6, 4), none, none, m(6, 4), none, none, m(6, 4), none, kernel.GroupNormParams{Sets: 2, Groups: 2}, false)
		}},
		{"Dropout", "rate 1, want [0, 1)", func() { d.Dropout(m(1, 2), m(1, 2), 1, 0, false) }},
		{"Update", "v is absent, want f32 with 6 elements", func() { d.Update(kernel.AdamW, m(2, 3), m(2, 3), m(2, 3), none, kernel.UpdateParams{}) }},
	}
	tried := map[string]bool{}
	for _, tt := range tests {
		tried[tt.name] = true
		got := panicOf(tt.call)
		if !strings.HasPrefix(got, "kernel: "+tt.name+": ") || !strings.Contains(got, tt.want) {
			t.Errorf("a wrong %s panics with %q, want %q", tt.name, got, tt.want)
		}
	}
	for m := range reflect.TypeFor[kernel.Device]().Methods() {
		switch m.Name {
		case "Name", "Threads", "Close", "Alloc", "Free", "Wrap", "Read", "Write", "Precision":
		default:
			if !tried[m.Name] {
				t.Errorf("no wrong call of %s", m.Name)
			}
		}
	}
}

// panicOf is what f panics with.
func panicOf(f func()) (message string) {
	defer func() { message, _ = recover().(string) }()
	f()
	return "nothing"
}
