package bench

import (
	"fmt"
	"slices"
	"sync"

	"github.com/inkstone-ai/inkstone/internal/kernel"
	"github.com/inkstone-ai/inkstone/internal/kernel/cpu"
)

// A hall has a device and the operands of everything that is measured on it.
type hall struct {
	device kernel.Device
	seed   uint64
	memory int64    // most that a whole model may take; 0: what is free
	absent []string // what can not be measured here, and why
	ends   []func() // what close calls, the last first
}

func newHall(threads int) *hall { return &hall{device: cpu.New(threads)} }

func (h *hall) atEnd(f func()) { h.ends = append(h.ends, f) }

func (h *hall) close() {
	for _, f := range slices.Backward(h.ends) {
		f()
	}
	h.device.Close()
}

// matrix is normal numbers (rows, cols).
func (h *hall) matrix(rows, cols int) kernel.Mat {
	m := kernel.Mat{Buf: h.device.Alloc(4 * rows * cols), Rows: rows, Cols: cols, Stride: cols}
	h.seed++
	data := kernel.Elements[float32](m.Buf)
	block := make([]float32, min(len(data), 1<<16))
	kernel.Normals(block, h.seed, 0)
	for len(data) > 0 { // speed does not depend on the numbers' variety
		data = data[copy(data, block):]
	}
	return m
}

// ids are n numbers below limit.
func (h *hall) ids(n, limit int) kernel.Mat {
	m := kernel.Mat{Buf: h.device.Alloc(4 * n), Rows: 1, Cols: n, Stride: n, Type: kernel.I32}
	for i := range n {
		kernel.Row[int32](m, 0)[i] = int32(uint32(i) * 2654435761 % uint32(limit))
	}
	return m
}

// Names of the roofs.
const (
	roofCompute = "f32 multiply-add in registers"
	roofBF16    = "bf16 multiply-add in registers"
	roofInt8    = "int8 multiply-add in registers"
	roofRead    = "read memory"
	roofCopy    = "copy memory"
)

// far is a length in floats that no cache holds.
const far = 32 << 20

// roofs are what no path can exceed, on all threads at once.
func (h *hall) roofs() []path {
	big, copied := h.matrix(1, far), h.matrix(1, far)
	all := []path{
		{name: roofCompute, unit: "GFLOP/s", run: func() float64 { return h.peak(kernel.F32) }},
		h.reading(big),
		{name: roofCopy, unit: "GB/s", run: func() float64 {
			h.device.Copy(copied, big, false)
			return 8 * far
		}},
	}
	all = append(all, h.roofOf(roofBF16, kernel.BF16)...)
	return append(all, h.roofOf(roofInt8, kernel.U8)...)
}

// reading is the roof of reading x, which is one row.
func (h *hall) reading(x kernel.Mat) path {
	return path{name: roofRead, unit: "GB/s", run: func() float64 {
		row := kernel.Row[float32](x, 0)
		h.together(func(i, n int) { cpu.ReadAll(row[i*len(row)/n : (i+1)*len(row)/n]) })
		return float64(4 * len(row))
	}}
}

// touched is a row of n floats that are all 1.
func (h *hall) touched(n int) kernel.Mat {
	x := kernel.Mat{Buf: h.device.Alloc(4 * n), Rows: 1, Cols: n, Stride: n}
	h.atEnd(func() { h.device.Free(x.Buf) })
	h.device.Fill(x, 1)
	return x
}

// roofOf is the peak of a type that not every processor multiplies.
func (h *hall) roofOf(name string, t kernel.DType) []path {
	if cpu.Peak(t, 1) == 0 {
		h.absent = append(h.absent, name+": this processor has no instruction for it")
		return nil
	}
	return []path{{name: name, unit: "GFLOP/s", run: func() float64 { return h.peak(t) }}}
}

// peak lets every thread do the same work in its registers.
func (h *hall) peak(t kernel.DType) float64 {
	const rounds = 1 << 19 // some milliseconds
	flops := make([]float64, h.device.Threads())
	h.together(func(i, _ int) { flops[i] = cpu.Peak(t, rounds) })
	total := 0.0
	for _, f := range flops {
		total += f
	}
	return total
}

// together calls f for each of n threads and waits for all.
func (h *hall) together(f func(i, n int)) {
	var wait sync.WaitGroup
	for i := range h.device.Threads() {
		wait.Go(func() { f(i, h.device.Threads()) })
	}
	wait.Wait()
}

// paths are the hot paths of training and of decoding.
func (h *hall) paths() []path {
	all := h.products()
	all = append(all, h.attention()...)
	all = append(all, h.rows()...)
	all = append(all, h.optimizer())
	return append(all, h.forkJoin()...)
}

// products have the shapes of language models beside squares.
func (h *hall) products() (all []path) {
	for _, s := range []struct {
		what    string
		m, n, k int
		ta, tb  bool
	}{
		{"square", 1024, 1024, 1024, false, false},
		{"square", 2048, 2048, 2048, false, false},
		{"4×128 forward", 3072, 384, 128, false, true},
		{"4×128 weight gradient", 384, 128, 3072, true, false},
		{"GPT-2 up", 256, 3072, 768, false, true},
		{"GPT-2 down", 256, 768, 3072, false, true},
		{"GPT-2 input gradient", 1024, 768, 3072, false, false},
		{"GPT-2 weight gradient", 3072, 768, 1024, true, false},
		{"GPT-2 head", 256, 50304, 768, false, true},
	} {
		a, b, c := h.matrix(s.m, s.k), h.matrix(s.k, s.n), h.matrix(s.m, s.n)
		work := 2 * float64(s.m) * float64(s.n) * float64(s.k)
		add := func(name, roof string, p kernel.DType) {
			product := h.product(c, a, b, kernel.Product{TA: s.ta, TB: s.tb, Precision: p})
			all = append(all, path{name: name, unit: "GFLOP/s", roof: roof, run: func() float64 { product(); return work }})
		}
		name := fmt.Sprintf("product %d×%d×%d, %s", s.m, s.n, s.k, s.what)
		add(name, roofCompute, kernel.F32)
		if h.device.Precision(kernel.BF16) == kernel.BF16 {
			add(name+", bf16", roofBF16, kernel.BF16)
		}
	}
	return append(all, h.decode())
}

// product computes c from a (M, K) and b (K, N), which lie as their transposed
// where p says so.
func (h *hall) product(c, a, b kernel.Mat, p kernel.Product) func() {
	if p.TA {
		a.Rows, a.Cols, a.Stride = a.Cols, a.Rows, a.Rows
	}
	if p.TB {
		b.Rows, b.Cols, b.Stride = b.Cols, b.Rows, b.Rows
	}
	return func() { h.device.MatMul(c, a, b, p) }
}

// decode is one row by a packed weight.
func (h *hall) decode() path {
	const n, k = 16000, 2048
	w := h.matrix(n, k)
	packed := h.device.Pack(w, true)
	h.device.Free(w.Buf)
	x, y := h.matrix(1, k), h.matrix(1, n)
	return path{name: "decode, one row by a packed 16000×2048", unit: "GB/s", roof: roofRead, run: func() float64 {
		h.device.MatMul(y, x, packed, kernel.Product{})
		return 4 * n * k
	}}
}

// attention is causal, forward and backward; pairs that are not seen do not count.
func (h *hall) attention() (all []path) {
	for _, s := range []struct{ rows, context, heads, groups, width int }{
		{12, 64, 4, 4, 32}, {8, 256, 6, 6, 64}, {4, 256, 12, 12, 64}, {1, 4096, 12, 4, 64},
	} {
		n := s.rows * s.context
		segments := kernel.Mat{Buf: h.device.Alloc(16 * s.rows), Rows: s.rows, Cols: 4, Stride: 4, Type: kernel.I32}
		for i := range s.rows {
			at := int32(i * s.context)
			copy(kernel.Row[int32](segments, i), []int32{at, int32(s.context), at, int32(s.context)})
		}
		p := kernel.AttentionParams{H: s.heads, G: s.groups, D: s.width, Scale: 0.125, Causal: true}
		wide := func() kernel.Mat { return h.matrix(n, s.heads*s.width) }
		narrow := func() kernel.Mat { return h.matrix(n, s.groups*s.width) }
		q, k, v, y, lse := wide(), narrow(), narrow(), wide(), h.matrix(n, s.heads)
		dy, dq, dk, dv := wide(), wide(), narrow(), narrow()
		pairs := float64(s.rows*s.heads) * float64(s.context) * float64(s.context+1) / 2
		name := fmt.Sprintf("attention %d×%d, %d heads of %d", s.rows, s.context, s.heads, s.width)
		all = append(all,
			path{name: name, unit: "GFLOP/s", roof: roofCompute, run: func() float64 {
				h.device.Attention(y, lse, q, k, v, segments, p)
				return 4 * pairs * float64(s.width)
			}},
			path{name: name + ", gradient", unit: "GFLOP/s", roof: roofCompute, run: func() float64 {
				h.device.AttentionGrad(dq, dk, dv, q, k, v, y, lse, dy, segments, p, false)
				return 10 * pairs * float64(s.width)
			}})
	}
	return all
}

// rows are the paths that go through memory once, row by row, on operands that no
// cache holds.
func (h *hall) rows() []path {
	const n, c, vocab = 8192, 768, 50304
	x, y, dy, w, b, stats := h.matrix(n, c), h.matrix(n, c), h.matrix(n, c), h.matrix(1, c), h.matrix(1, c), h.matrix(n, 2)
	logits, loss, targets := h.matrix(256, vocab), h.matrix(256, 1), h.ids(256, vocab)
	one := float64(4 * n * c)
	memory := func(name string, bytes float64, f func()) path {
		return path{name: name, unit: "GB/s", roof: roofCopy, run: func() float64 { f(); return bytes }}
	}
	return []path{
		memory("LayerNorm 8192×768", 2*one, func() { h.device.Norm(kernel.LayerNorm, y, stats, x, w, b, 1e-5) }),
		memory("RMSNorm 8192×768", 2*one, func() { h.device.Norm(kernel.RMSNorm, y, stats, x, w, kernel.Mat{}, 1e-5) }),
		memory("GELU 8192×768", 2*one, func() { h.device.Unary(kernel.GELU, y, x, 0, 0) }),
		memory("SwiGLU 8192×768", 3*one, func() { h.device.Gated(kernel.SiLU, y, x, dy) }),
		memory("cross-entropy with gradient 256×50304", 8*256*vocab, func() {
			h.device.CrossEntropy(loss, logits, logits, targets, kernel.Mat{}, -1, 0)
		}),
	}
}

// optimizer is AdamW on weights that no cache holds. The sixteen bytes that it reads
// for each are compared with reading alone; it writes twelve besides.
func (h *hall) optimizer() path {
	const n = 8 << 20
	w, g, m, v := h.matrix(1, n), h.matrix(1, n), h.matrix(1, n), h.matrix(1, n)
	h.device.Fill(v, 1)
	p := kernel.UpdateParams{LR: 1e-9, B1: 0.9, B2: 0.99, Eps: 1e-8, Decay: 0.1, Correct1: 1, Correct2: 1, GradScale: 1}
	return path{name: "AdamW, bytes read", unit: "GB/s", roof: roofRead, run: func() float64 {
		h.device.Update(kernel.AdamW, w, g, m, v, p)
		return 16 * n
	}}
}

// forkJoin is what parallelism itself costs, while the workers spin: two empty
// tiles from fork to join, and a small operation.
func (h *hall) forkJoin() []path {
	const n = 1 << 15
	x := h.matrix(1, n)
	return []path{
		{name: "fork and join two empty tiles", unit: "ns", run: func() float64 {
			const times = 1000
			cpu.ForkJoin(h.device, times)
			return times
		}},
		{name: fmt.Sprintf("fill %d floats on all threads", n), unit: "ns", run: func() float64 {
			h.device.Fill(x, 1)
			return 1
		}},
	}
}
