package kerneltest

import (
	"bytes"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/internal/kernel"
	"github.com/inkstone-ai/inkstone/internal/kernel/ref"
)

// rows has the row of every method.
func rows() map[string]row {
	return map[string]row{
		"Name":    {check: checkName},
		"Threads": {check: checkThreads},
		"Close":   {check: func(*testing.T, kernel.Device) {}}, // Run closes every device

		"Alloc": {check: checkAlloc},
		"Free":  {check: checkFree},
		"Wrap":  {check: checkWrap},
		"Read":  {check: checkReadWrite},
		"Write": {check: checkReadWrite},

		"Copy":       {calls: copies},
		"Permute":    {calls: permutes},
		"Fill":       {calls: fills},
		"Gather":     {calls: gathers},
		"ScatterAdd": {calls: scatters},

		"Unary":     {calls: unaries},
		"UnaryGrad": {calls: unaryGrads},
		"Binary":    {calls: binaries},
		"Select":    {calls: selects},
		"Reduce":    {calls: reduces},

		"MatMul":     {calls: products, check: checkProductBits},
		"MatMulEach": {calls: eachProducts, check: checkQuantisedEach, allocates: true},
		"Precision":  {check: checkPrecision},
		"Pack":       {calls: packs, check: checkPackBits, allocates: true},

		"Softmax":      {calls: softmaxes},
		"SoftmaxGrad":  {calls: softmaxGrads},
		"CrossEntropy": {calls: crossEntropies},
		"CTC":          {calls: ctcs},
		"Norm":         {calls: norms},
		"NormGrad":     {calls: normGrads},

		"Attention":      {calls: attentions, check: checkAttentionBits},
		"AttentionGrad":  {calls: attentionGrads, check: checkAttentionGradBits},
		"Rotary":         {calls: rotaries},
		"Gated":          {calls: gates},
		"GatedGrad":      {calls: gateGrads},
		"CausalConv":     {calls: convs},
		"CausalConvGrad": {calls: convGrads},
		"Unfold":         {calls: unfolds},
		"Fold":           {calls: folds},
		"Conv":           {calls: conv.calls},
		"ConvGradInput":  {calls: convGradInput.calls},
		"ConvGradWeight": {calls: convGradWeight.calls},
		"MaxPool":        {calls: maxPools},
		"MaxPoolGrad":    {calls: maxPoolGrads},
		"GroupNorm":      {calls: func(g *gen) []call { return append(groupNorms(g), squareNorms(g)...) }},
		"GroupNormGrad":  {calls: func(g *gen) []call { return append(groupNormGrads(g), squareNormGrads(g)...) }},
		"Cell":           {calls: cells},
		"CellGrad":       {calls: cellGrads},

		"Dropout": {calls: dropouts},
		"Update":  {calls: updates},
	}
}

func checkName(t *testing.T, d kernel.Device) {
	if strings.TrimSpace(d.Name()) == "" {
		t.Error("a device without a name")
	}
}

// checkPrecision wants the precision that is there, and float32 for all else.
func checkPrecision(t *testing.T, d kernel.Device) {
	if got := d.Precision(kernel.F32); got != kernel.F32 {
		t.Errorf("%s multiplies f32 in %v", d.Name(), got)
	}
	if got := d.Precision(kernel.BF16); got != kernel.F32 && got != kernel.BF16 {
		t.Errorf("%s multiplies bf16 in %v", d.Name(), got)
	}
}

func checkThreads(t *testing.T, d kernel.Device) {
	if d.Threads() < 1 {
		t.Errorf("%s has %d threads", d.Name(), d.Threads())
	}
}

func checkAlloc(t *testing.T, d kernel.Device) {
	for _, n := range []int{0, 1, 63, 64, 4096, 1 << 20} {
		b := d.Alloc(n)
		if b.Bytes != n || !b.Owned || uintptr(b.Ptr)%64 != 0 {
			t.Errorf("Alloc(%d): %d bytes, owned %v, at %v", n, b.Bytes, b.Owned, b.Ptr)
		}
		got := make([]byte, n)
		d.Read(got, b, 0)
		if !bytes.Equal(got, make([]byte, n)) {
			t.Errorf("Alloc(%d) is not zeroed", n)
		}
		d.Free(b)
	}
}

// checkFree frees what was written to, and may not use it after.
func checkFree(t *testing.T, d kernel.Device) {
	for range 3 {
		b := d.Alloc(1 << 26)
		d.Write(b, 1<<25, []byte{1})
		d.Free(b)
		if b.Ptr != nil || b.Bytes != 0 || !panics(func() { d.Write(b, 0, []byte{1}) }) {
			t.Fatal("Free leaves the buffer usable")
		}
	}
}

func checkWrap(t *testing.T, d kernel.Device) {
	host := bytes.Repeat([]byte("stone"), 13)
	b := d.Wrap(host)
	got := make([]byte, 5)
	if d.Read(got, b, 10); string(got) != "stone" || b.Owned || b.Bytes != len(host) {
		t.Errorf("Wrap: read %q, owned %v, %d bytes", got, b.Owned, b.Bytes)
	}
	d.Free(b)
	if string(host[:5]) != "stone" {
		t.Error("Free of a wrapped buffer touched the host's memory")
	}
	if b := d.Wrap(nil); b.Bytes != 0 {
		t.Errorf("Wrap(nil) has %d bytes", b.Bytes)
	}
}

func checkReadWrite(t *testing.T, d kernel.Device) {
	b := d.Alloc(10)
	defer d.Free(b)
	d.Write(b, 3, []byte("ink"))
	got := make([]byte, 10)
	d.Read(got, b, 0)
	if want := "\x00\x00\x00ink\x00\x00\x00\x00"; string(got) != want {
		t.Errorf("read %q, want %q", got, want)
	}
	for name, f := range map[string]func(){
		"Read":  func() { d.Read(got, b, 1) },
		"Write": func() { d.Write(b, 8, []byte("ink")) },
	} {
		if !panics(f) {
			t.Errorf("%s beyond the end does not panic", name)
		}
	}
}

func panics(f func()) (yes bool) {
	defer func() { yes = recover() != nil }()
	f()
	return false
}

// apply is f(x) by the oracle, dense.
func apply(op kernel.UnaryOp, x *arg, p [2]float32) []byte {
	d := ref.New()
	y := make([]byte, len(x.data))
	in := kernel.Mat{Buf: d.Wrap(x.data), Rows: x.rows, Cols: x.cols, Stride: x.cols}
	out := in
	out.Buf = d.Wrap(y)
	d.Unary(op, out, in, p[0], p[1])
	return y
}

// attend is attention by the oracle.
func attend(q, k, v, segments *arg, p kernel.AttentionParams) (y, lse *arg) {
	d := ref.New()
	mat := func(a *arg) kernel.Mat {
		return kernel.Mat{Buf: d.Wrap(a.data), Rows: a.rows, Cols: a.cols, Stride: a.cols, Type: a.typ}
	}
	y = from(kernel.F32, q.rows, q.cols, make([]float32, q.rows*q.cols))
	lse = from(kernel.F32, q.rows, p.H, make([]float32, q.rows*p.H))
	d.Attention(mat(y), mat(lse), mat(q), mat(k), mat(v), mat(segments), p)
	return y, lse
}
