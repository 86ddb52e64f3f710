package cpu

import "github.com/inkstone-ai/inkstone/internal/kernel"

// transposeTask permutes where one dimension, i, is contiguous in dst and
// another, j, in src: planes of i and j are transposed in square blocks, so
// that lines of the cache that are read or written are used whole.
type transposeTask struct {
	*products
	walk
	i, j         int // dimensions
	ni, nj       int // blocks along them
	all, perTile int // blocks
}

// planeBlock is the side of a block: 64 lines of 256 bytes from either side fit the first cache.
const planeBlock = 64

// plane looks for i and j of a walk from operand 1 to operand 0; they must be
// long enough to pay.
func (w *walk) plane() (i, j int, ok bool) {
	i, j = -1, -1
	for d, n := range w.shape[:w.dims] {
		if n >= 8 && w.stride[0][d] == 1 {
			i = d
		}
		if n >= 8 && w.stride[1][d] == 1 {
			j = d
		}
	}
	return i, j, i >= 0 && j >= 0 && i != j
}

func (d *device) runTranspose(w walk, i, j int) {
	blocks := func(d int) int { return (w.shape[d] + planeBlock - 1) / planeBlock }
	t := transposeTask{&d.products, w, i, j, blocks(i), blocks(j), blocks(i) * blocks(j), 0}
	for k, n := range w.shape[:w.dims] {
		if k != i && k != j {
			t.all *= n
		}
	}
	t.perTile = max(1, grain/(min(planeBlock, w.shape[i])*min(planeBlock, w.shape[j])))
	d.transpose = t
	d.parallel((t.all+t.perTile-1)/t.perTile, &d.transpose)
}

func (t *transposeTask) tile(_ *worker, i int) {
	for b := i * t.perTile; b < min((i+1)*t.perTile, t.all); b++ {
		t.square(b)
	}
}

// square transposes block b: of which plane, and where in it.
func (t *transposeTask) square(b int) {
	to, from := t.off[0], t.off[1]
	advance := func(d, by int) {
		to += by * t.stride[0][d]
		from += by * t.stride[1][d]
	}
	i, j := b%t.ni*planeBlock, b/t.ni%t.nj*planeBlock
	advance(t.i, i)
	advance(t.j, j)
	b /= t.ni * t.nj
	for d := t.dims - 1; d >= 0; d-- {
		if d != t.i && d != t.j {
			advance(d, b%t.shape[d])
			b /= t.shape[d]
		}
	}
	dst, src := kernel.Elements[float32](t.buf[0])[to:], kernel.Elements[float32](t.buf[1])[from:]
	t.block(dst, src, min(planeBlock, t.shape[t.i]-i), min(planeBlock, t.shape[t.j]-j))
}

// block sets dst[q·ds+p] = src[p·ss+q] for p < m and q < n, eight rows of dst
// at a time: with strides of a power of two more of them would drive each
// other out of the cache.
func (t *transposeTask) block(dst, src []float32, m, n int) {
	ds, ss := t.stride[0][t.j], t.stride[1][t.i]
	whole := m &^ 7
	for q := 0; q < n; q += 8 {
		for p := 0; p < whole; p += 8 {
			t.transpose8(&dst[q*ds+p], ds, &src[p*ss+q], ss, min(8, n-q))
		}
	}
	for p := whole; p < m; p++ {
		for q, x := range src[p*ss:][:n] {
			dst[q*ds+p] = x
		}
	}
}
