package tensor

import (
	"fmt"

	"github.com/inkstone-ai/inkstone/internal/kernel"
)

// Convolutions are products of what lies under a window at many output positions. Those
// patches of all positions would be KH·KW times an image; so they are laid out a block
// at a time, small enough to be multiplied while it is in cache, and never kept.

// patchBytes is the size of a block of patches.
const patchBytes = 4 << 20

// Conv2D returns the cross-correlation of images x (B, H, W, C) with w (O, KH, KW, C), plus
// b (O) or nil: (B, OH, OW, O).
func (x *Tensor) Conv2D(w, b *Tensor, win Window) *Tensor {
	images("Conv2D", x)
	if w.dims != 4 || w.shape[3] != x.shape[3] || b != nil && (b.dims != 1 || b.shape[0] != w.shape[0]) {
		panic(fmt.Sprintf("tensor: Conv2D: images %v do not fit w %v and b %v", x, w, b))
	}
	s := stepOf("Conv2D", x, w, b)
	x, w, b = s.matrixLike(x), s.asF32(w), s.asF32(b)
	e := entry{back: conv2DBack, in: [3]*Tensor{x, w, b}, window: win.over("Conv2D", x, w.shape[1], w.shape[2])}
	e.out = s.sized(x.shape[0], e.window.OutH(), e.window.OutW(), w.shape[0])
	s.eachPatches(&e.window, e.positions(), func(room *Tensor, from, n int) {
		y, patches := e.out.matrix(), s.patches(room, x.array, &e.window, from, n)
		s.times(part(y, from, n), patches, w.rows(), kernel.Product{TB: true})
	})
	s.addBias(e.out, b)
	s.record(e)
	return e.out
}

// addBias adds b, which may be nil, to every row of y.
func (s *Step) addBias(y, b *Tensor) {
	if b != nil {
		s.dev.k.Binary(kernel.Add, y.view(), y.view(), b.stretched(&y.array), false)
	}
}

// conv2DBack: dw = dyᵀ·patches, dx = the patches dy·w, folded, db = Σ dy.
func conv2DBack(s *Step, e entry) {
	x, w, b, dy := e.in[0], e.in[1], e.in[2], e.out.upstream()
	s.sumTo(b, dy)
	if w.tracked() {
		dw, acc := s.gradient(w)
		s.eachPatches(&e.window, e.positions(), func(room *Tensor, from, n int) {
			s.times(dw.rows(), part(dy.matrix(), from, n), s.patches(room, x.array, &e.window, from, n), kernel.Product{TA: true, Acc: acc || from > 0})
		})
	}
	if x.tracked() {
		s.foldProduct(s.gradientAdd(x), dy, w.rows(), &e.window, e.positions())
	}
}

// ConvTranspose2D returns the transposed convolution of x (B, H, W, C) with w (C, KH, KW, O),
// plus b (O) or nil: the gradient that a convolution under win, from images of
// (B, OH, OW, O) to x's shape, would send back. OH is (H−1)·stride + dilation·(KH−1) + 1 less
// the padding above and below, and more[0] that a stride leaves over, 0 to stride−1; so is OW.
func (x *Tensor) ConvTranspose2D(w, b *Tensor, win Window, more [2]int) *Tensor {
	images("ConvTranspose2D", x)
	if w.dims != 4 || w.shape[0] != x.shape[3] || b != nil && (b.dims != 1 || b.shape[0] != w.shape[3]) {
		panic(fmt.Sprintf("tensor: ConvTranspose2D: images %v do not fit w %v and b %v", x, w, b))
	}
	s := stepOf("ConvTranspose2D", x, w, b)
	x, w, b = s.matrixLike(x), s.asF32(w), s.asF32(b)
	e := entry{back: convTranspose2DBack, in: [3]*Tensor{x, w, b}, window: win.transposed(x, w, more)}
	e.out = s.sized(x.shape[0], e.window.H, e.window.W, w.shape[3])
	s.dev.k.Fill(e.out.flat(), 0)
	s.foldProduct(e.out.array, x.array, w.rows(), &e.window, x.matrix().Rows)
	s.addBias(e.out, b)
	s.record(e)
	return e.out
}

// transposed is the window whose output positions are the pixels of x.
func (w Window) transposed(x, weight *Tensor, more [2]int) kernel.Window {
	k := w.taps(weight.shape[1], weight.shape[2], weight.shape[3])
	k.H = (x.shape[1]-1)*k.StrideH + k.DilationH*(k.KH-1) + 1 - k.Top - k.Bottom + more[0]
	k.W = (x.shape[2]-1)*k.StrideW + k.DilationW*(k.KW-1) + 1 - k.Left - k.Right + more[1]
	if k.H < 1 || k.W < 1 || k.OutH() != x.shape[1] || k.OutW() != x.shape[2] {
		panic(fmt.Sprintf("tensor: ConvTranspose2D: images %v, w %v, %+v and %v pixels more do not fit", x, weight, w, more))
	}
	return k
}

// convTranspose2DBack: with the patches of dy, dx = patches·wᵀ, dw = xᵀ·patches, db = Σ dy.
func convTranspose2DBack(s *Step, e entry) {
	x, w, b, dy := e.in[0], e.in[1], e.in[2], e.out.upstream()
	s.sumTo(b, dy)
	var dx, dw array
	var addX, addW bool
	if x.tracked() {
		dx, addX = s.gradient(x)
	}
	if w.tracked() {
		dw, addW = s.gradient(w)
	}
	s.eachPatches(&e.window, x.matrix().Rows, func(room *Tensor, from, n int) {
		patches := s.patches(room, dy, &e.window, from, n)
		if dx.buf != nil {
			s.times(part(dx.matrix(), from, n), patches, w.rows(), kernel.Product{TB: true, Acc: addX})
		}
		if dw.buf != nil {
			s.times(dw.rows(), part(x.matrix(), from, n), patches, kernel.Product{TA: true, Acc: addW || from > 0})
		}
	})
}

// eachPatches calls f for blocks of output positions, each of whole rows of them, with
// room for its patches, which pixels that are patches themselves do not need.
func (s *Step) eachPatches(w *kernel.Window, positions int, f func(room *Tensor, from, n int)) {
	if pointwise(w) {
		f(nil, 0, positions)
		return
	}
	width := w.OutW()
	block := max(1, patchBytes/4/(w.Taps()*width)) * width
	mark := s.arena.mark()
	room := s.sized(min(block, positions), w.Taps())
	for from := 0; from < positions; from += block {
		f(room, from, min(block, positions-from))
	}
	s.arena.release(mark, nil)
}

// pointwise reports whether the patches are the pixels.
func pointwise(w *kernel.Window) bool {
	return w.KH*w.KW*w.StrideH*w.StrideW == 1 && w.Top+w.Left+w.Bottom+w.Right == 0
}

// patches lays out those of n positions of x.
func (s *Step) patches(room *Tensor, x array, w *kernel.Window, from, n int) kernel.Mat {
	if room == nil {
		return part(x.matrix(), from, n)
	}
	m := room.band(0, n)
	s.dev.k.Unfold(m, x.matrix(), *w, from, 0)
	return m
}

// foldProduct adds the patches a·w, folded, to images; a has a row for each position.
func (s *Step) foldProduct(to, a array, w kernel.Mat, win *kernel.Window, positions int) {
	s.eachPatches(win, positions, func(room *Tensor, from, n int) {
		rows := part(a.matrix(), from, n)
		if room == nil {
			s.times(part(to.matrix(), from, n), rows, w, kernel.Product{Acc: true})
			return
		}
		m := room.band(0, n)
		s.times(m, rows, w, kernel.Product{})
		s.dev.k.Fold(to.matrix(), m, *win, from)
	})
}

// part is rows from … from+n of m.
func part(m kernel.Mat, from, n int) kernel.Mat {
	m.Off, m.Rows = m.Index(from, 0), n
	return m
}
