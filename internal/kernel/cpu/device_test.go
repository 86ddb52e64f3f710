package cpu_test

import (
	"fmt"
	"testing"

	"github.com/inkstone-ai/inkstone/internal/kernel"
	"github.com/inkstone-ai/inkstone/internal/kernel/cpu"
)

// matOf is an F32 matrix of small positive numbers; zeros would flatter, as
// processors multiply and store them faster.
func matOf(d kernel.Device, rows, cols int) kernel.Mat {
	m := kernel.Mat{Buf: d.Alloc(4 * rows * cols), Rows: rows, Cols: cols, Stride: cols}
	for i, data := 0, kernel.Elements[float32](m.Buf); i < len(data); i++ {
		data[i] = 0.1 + kernel.Uniform(1, uint64(i))
	}
	return m
}

func idsOf(d kernel.Device, n, below int) kernel.Mat {
	m := kernel.Mat{Buf: d.Alloc(4 * n), Rows: n, Cols: 1, Stride: 1, Type: kernel.I32}
	for i, data := 0, kernel.Elements[int32](m.Buf); i < n; i++ {
		data[i] = int32(kernel.Philox(2, uint64(i))[0] % uint32(below))
	}
	return m
}

// viewOf is m as dimensions of the given sizes and strides.
func viewOf(m kernel.Mat, sizes, strides []int) kernel.View {
	v := kernel.View{Buf: m.Buf, Dims: len(sizes)}
	copy(v.Shape[:], sizes)
	copy(v.Stride[:], strides)
	return v
}

// BenchmarkDevice times the operations of a training step at its sizes: 3072
// tokens of 128 channels, heads of 32, a vocabulary of 600. The rate counts
// the bytes that must be read and written once.
func BenchmarkDevice(b *testing.B) {
	for _, version := range cpu.Versions() {
		for _, threads := range []int{1, 2} {
			d, err := cpu.NewVersion(version, threads)
			if err != nil {
				b.Fatal(err)
			}
			b.Run(fmt.Sprintf("%s/threads=%d", version, threads), func(b *testing.B) { benchmarkDevice(b, d) })
			d.Close()
		}
	}
}

func benchmarkDevice(b *testing.B, d kernel.Device) {
	const n, c, vocab = 3072, 128, 600
	x, y, dx, dy := matOf(d, n, c), matOf(d, n, c), matOf(d, n, c), matOf(d, n, c)
	w, bias, stats := matOf(d, 1, c), matOf(d, 1, c), matOf(d, n, 2)
	logits, dlogits, loss, targets := matOf(d, n, vocab), matOf(d, n, vocab), matOf(d, n, 1), idsOf(d, n, vocab)
	table, pos, freqs := matOf(d, vocab, c), idsOf(d, n, 64), matOf(d, 1, 16)
	params, grads, m, v := matOf(d, 1, 1<<20), matOf(d, 1, 1<<20), matOf(d, 1, 1<<20), matOf(d, 1, 1<<20)
	conv := matOf(d, 4, c)
	segments := kernel.Mat{Buf: d.Alloc(16 * 48), Rows: 48, Cols: 4, Stride: 4, Type: kernel.I32}
	for s := range 48 {
		copy(kernel.Row[int32](segments, s), []int32{int32(s * 64), 64, int32(s * 64), 64})
	}
	dense := viewOf(x, []int{n, c}, []int{c, 1})
	out := dense
	out.Buf = y.Buf
	one := 4 * n * c
	run := func(name string, bytes int, f func()) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(bytes))
			b.ReportAllocs()
			for b.Loop() {
				f()
			}
		})
	}
	run("Copy", 2*one, func() { d.Copy(y, x, false) })
	run("Add", 2*one, func() { d.Copy(y, x, true) })
	run("Bias", 2*one, func() {
		d.Binary(kernel.Add, out, dense, viewOf(bias, []int{n, c}, []int{0, 1}), false)
	})
	run("Transpose", 2*one, func() {
		d.Permute(viewOf(y, []int{c, n}, []int{n, 1}), viewOf(x, []int{c, n}, []int{1, c}), false)
	})
	run("Heads", 2*one, func() {
		d.Permute(viewOf(y, []int{48, 4, 64, 32}, []int{8192, 2048, 32, 1}), viewOf(x, []int{48, 4, 64, 32}, []int{8192, 32, 128, 1}), false)
	})
	run("Gather", 2*one, func() { d.Gather(y, table, targets) })
	run("ScatterAdd", 2*one, func() { d.ScatterAdd(table, x, targets) })
	run("SumColumns", one, func() { d.Reduce(kernel.Sum, bias, x, 1, n, c, false) })
	run("SumSquares", 4<<20, func() {
		d.Reduce(kernel.SumSquares, kernel.Mat{Buf: loss.Buf, Rows: 1, Cols: 1}, params, 1, 1<<20, 1, false)
	})
	run("GELU", 2*one, func() { d.Unary(kernel.GELU, y, x, 0, 0) })
	run("GELUGrad", 3*one, func() { d.UnaryGrad(kernel.GELU, dx, x, y, dy, 0, 0, false) })
	run("SwiGLU", 3*one, func() { d.Gated(kernel.SiLU, y, x, dx) })
	run("RMSNorm", 2*one, func() { d.Norm(kernel.RMSNorm, y, stats, x, w, kernel.Mat{}, 1e-5) })
	run("LayerNorm", 2*one, func() { d.Norm(kernel.LayerNorm, y, stats, x, w, bias, 1e-5) })
	run("LayerNormGrad", 3*one, func() { d.NormGrad(kernel.LayerNorm, dx, w, bias, x, w, dy, stats, true) })
	run("Softmax", 2*4*n*vocab, func() { d.Softmax(dlogits, logits, false) })
	run("CrossEntropy", 2*4*n*vocab, func() { d.CrossEntropy(loss, dlogits, logits, targets, kernel.Mat{}, -1, 0) })
	run("Rotary", 2*one, func() { d.Rotary(y, x, pos, freqs, 4, false, false, false) })
	run("CausalConv", 2*one, func() { d.CausalConv(y, x, conv, segments) })
	run("CausalConvGrad", 3*one, func() { d.CausalConvGrad(dx, conv, x, conv, dy, segments, false) })
	run("Dropout", 2*one, func() { d.Dropout(y, x, 0.1, 7, false) })
	p := kernel.UpdateParams{LR: 1e-6, B1: 0.9, B2: 0.99, Eps: 1e-8, Decay: 0.1, Correct1: 1, Correct2: 1, GradScale: 1}
	run("AdamW", 28<<20, func() { d.Update(kernel.AdamW, params, grads, m, v, p) })
}

// BenchmarkSmall times operations on one token, where plans and checks cost
// more than arithmetic: what decoding pays for each.
func BenchmarkSmall(b *testing.B) {
	const c = 128
	d := cpu.New(0)
	defer d.Close()
	x, y, w, ids, table := matOf(d, 1, c), matOf(d, 1, c), matOf(d, 1, c), idsOf(d, 1, 50), matOf(d, 50, c)
	stats, freqs := matOf(d, 1, 2), matOf(d, 1, 16)
	vx, vy := viewOf(x, []int{1, c}, []int{c, 1}), viewOf(y, []int{1, c}, []int{c, 1})
	for name, f := range map[string]func(){
		"Copy":    func() { d.Copy(y, x, false) },
		"Unary":   func() { d.Unary(kernel.MulScalar, y, x, 2, 0) },
		"Binary":  func() { d.Binary(kernel.Add, vy, vx, vx, false) },
		"Norm":    func() { d.Norm(kernel.RMSNorm, y, stats, x, w, kernel.Mat{}, 1e-5) },
		"Rotary":  func() { d.Rotary(y, x, ids, freqs, 4, false, false, false) },
		"Gated":   func() { d.Gated(kernel.SiLU, y, x, w) },
		"Gather":  func() { d.Gather(y, table, ids) },
		"Softmax": func() { d.Softmax(y, x, false) },
		"Reduce":  func() { d.Reduce(kernel.Sum, stats, x, 1, 64, 2, false) },
		"Permute": func() { d.Permute(vy, vx, false) },
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				f()
			}
		})
	}
}
