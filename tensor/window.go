package tensor

import (
	"fmt"

	"github.com/inkstone-ai/inkstone/internal/kernel"
)

// A Window is how taps go over images (B, H, W, C). The zero value is a step of 1 without
// padding. Tap (i, j) of output position (y, x) is pixel (y·Stride[0] − Padding[0] +
// i·Dilation[0], x·Stride[1] − Padding[1] + j·Dilation[1]).
type Window struct {
	Stride   [2]int // down and to the right; 0 is 1
	Dilation [2]int // between taps; 0 is 1
	Padding  [4]int // above, left, below, right
}

// Square is a window of one stride and one padding for all directions.
func Square(stride, padding int) Window {
	return Window{Stride: [2]int{stride, stride}, Padding: [4]int{padding, padding, padding, padding}}
}

// taps is the window of KH × KW taps over images of C channels.
func (w Window) taps(KH, KW, C int) kernel.Window {
	or1 := func(n int) int {
		if n == 0 {
			return 1
		}
		return n
	}
	return kernel.Window{
		C: C, KH: KH, KW: KW,
		StrideH: or1(w.Stride[0]), StrideW: or1(w.Stride[1]), DilationH: or1(w.Dilation[0]), DilationW: or1(w.Dilation[1]),
		Top: w.Padding[0], Left: w.Padding[1], Bottom: w.Padding[2], Right: w.Padding[3],
	}
}

// over is the window of KH × KW taps over images x, which must have an output.
func (w Window) over(op string, x *Tensor, KH, KW int) kernel.Window {
	k := w.taps(KH, KW, x.shape[3])
	k.H, k.W = x.shape[1], x.shape[2]
	if k.OutH() == 0 || k.OutW() == 0 {
		panic(fmt.Sprintf("tensor: %s: a window of %d × %d taps, %+v, does not fit images %v", op, KH, KW, w, x.array))
	}
	return k
}

// images panics unless x is float32 images.
func images(op string, x *Tensor) {
	if floats(op, x); x.dims != 4 {
		panic(fmt.Sprintf("tensor: %s: %v is no (images, height, width, channels)", op, x.array))
	}
}

// Unfold returns what lies under a window of KH × KW taps at each output position,
// (B, OH, OW, KH·KW, C), from images x (B, H, W, C); padding is 0. Its gradient adds
// where windows overlap.
func (x *Tensor) Unfold(KH, KW int, w Window) *Tensor {
	images("Unfold", x)
	s := stepOf("Unfold", x)
	x = s.matrixLike(x)
	e := entry{back: unfoldBack, in: [3]*Tensor{x}, window: w.over("Unfold", x, KH, KW)}
	e.out = s.sized(x.shape[0], e.window.OutH(), e.window.OutW(), KH*KW, x.shape[3])
	s.dev.k.Unfold(e.out.window(e.positions(), e.window.Taps(), e.window.Taps()), x.matrix(), e.window, 0, 0)
	s.record(e)
	return e.out
}

// positions is the number of output positions of all images.
func (e *entry) positions() int {
	return e.in[0].shape[0] * e.window.OutH() * e.window.OutW()
}

func unfoldBack(s *Step, e entry) {
	dx, dy := s.gradientAdd(e.in[0]), e.out.upstream()
	s.dev.k.Fold(dx.matrix(), dy.window(e.positions(), e.window.Taps(), e.window.Taps()), e.window, 0)
}

// MaxPool returns the largest pixel under a window of KH × KW taps, (B, OH, OW, C), from
// images x (B, H, W, C). The first of equals has the gradient, as in PyTorch. Padding
// is never the largest, and must be narrower than the window.
func (x *Tensor) MaxPool(KH, KW int, w Window) *Tensor {
	images("MaxPool", x)
	s := stepOf("MaxPool", x)
	x = s.matrixLike(x)
	e := entry{back: maxPoolBack, own: true, in: [3]*Tensor{x}, window: w.over("MaxPool", x, KH, KW)}
	e.out = s.sized(x.shape[0], e.window.OutH(), e.window.OutW(), x.shape[3])
	s.dev.k.MaxPool(e.out.matrix(), x.matrix(), e.window)
	s.record(e)
	return e.out
}

func maxPoolBack(s *Step, e entry) {
	dx, acc := s.gradient(e.in[0])
	dy := e.out.upstream()
	s.dev.k.MaxPoolGrad(dx.matrix(), e.in[0].matrix(), e.out.matrix(), dy.matrix(), e.window, acc)
}

// AvgPool returns the mean of the pixels under a window of KH × KW taps, padding counted
// as 0: (B, OH, OW, C) from images x (B, H, W, C).
func (x *Tensor) AvgPool(KH, KW int, w Window) *Tensor { return x.Unfold(KH, KW, w).Mean(3) }
