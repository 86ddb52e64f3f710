package tensor

import (
	"fmt"

	"github.com/inkstone-ai/inkstone/internal/kernel"
)

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
	s.convolve(e.out.matrix(), x.matrix(), w.rows(), &e.window, false)
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

// convolve sets y to the patches of x times filters w, transposed, or adds it.
func (s *Step) convolve(y, x, w kernel.Mat, win *kernel.Window, acc bool) {
	switch {
	case pointwise(win):
		s.times(y, x, w, kernel.Product{TB: true, Acc: acc})
	case acc:
		z := s.sized(y.Rows, y.Cols)
		s.dev.k.Conv(z.rows(), x, w, *win, kernel.DType(s.o.Precision))
		s.dev.k.Copy(y, z.rows(), true)
	default:
		s.dev.k.Conv(y, x, w, *win, kernel.DType(s.o.Precision))
	}
}

// project adds a times filters w, folded, to images x: the gradient of convolve with
// respect to its images.
func (s *Step) project(x, a, w kernel.Mat, win *kernel.Window) {
	if pointwise(win) {
		s.times(x, a, w, kernel.Product{Acc: true})
		return
	}
	s.dev.k.ConvGradInput(x, a, w, *win, kernel.DType(s.o.Precision))
}

// smallFilters is up to where a product over all positions has too few results for several threads;
// sums of groups of positions have not.
const smallFilters = 1 << 16

// filterGradient sets or adds the gradient of convolve with respect to its filters.
func (s *Step) filterGradient(dw, dy, x kernel.Mat, win *kernel.Window, acc bool) {
	if pointwise(win) && dw.Rows*dw.Cols >= smallFilters {
		s.times(dw, dy, x, kernel.Product{TA: true, Acc: acc})
		return
	}
	s.dev.k.ConvGradWeight(dw, dy, x, *win, acc, kernel.DType(s.o.Precision))
}

// pointwise reports whether what lies under a window is one pixel, a plain product's row.
func pointwise(w *kernel.Window) bool {
	return w.KH*w.KW*w.StrideH*w.StrideW == 1 && w.Top+w.Left+w.Bottom+w.Right == 0
}

// conv2DBack: dw = dyᵀ·patches, dx = the patches dy·w, folded, db = Σ dy.
func conv2DBack(s *Step, e entry) {
	x, w, b, dy := e.in[0], e.in[1], e.in[2], e.out.upstream()
	s.sumTo(b, dy)
	if w.tracked() {
		dw, acc := s.gradient(w)
		s.filterGradient(dw.rows(), dy.matrix(), x.matrix(), &e.window, acc)
	}
	if x.tracked() {
		dx := s.gradientAdd(x)
		s.project(dx.matrix(), dy.matrix(), w.rows(), &e.window)
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
	s.project(e.out.matrix(), x.matrix(), w.rows(), &e.window)
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
	if x.tracked() {
		dx, acc := s.gradient(x)
		s.convolve(dx.matrix(), dy.matrix(), w.rows(), &e.window, acc)
	}
	if w.tracked() {
		dw, acc := s.gradient(w)
		s.filterGradient(dw.rows(), x.matrix(), dy.matrix(), &e.window, acc)
	}
}
