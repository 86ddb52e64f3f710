package kernel

import "fmt"

// A Window is how a kernel of KH × KW taps goes over images of H × W pixels, each a row of
// C channels: row (image·H + y)·W + x of a Mat. Output positions are numbered in the same
// order, OutH × OutW of them an image; tap (i, j) of position (y, x) is pixel
// (y·StrideH − Top + i·DilationH, x·StrideW − Left + j·DilationW), and where there is no
// such pixel, padding.
type Window struct {
	H, W, C              int
	KH, KW               int
	StrideH, StrideW     int
	DilationH, DilationW int
	Top, Left            int // rows and columns of padding
	Bottom, Right        int
}

// OutH is the number of rows of output positions, at least 0.
func (w Window) OutH() int { return outputs(w.H+w.Top+w.Bottom, w.KH, w.StrideH, w.DilationH) }

// OutW is the number of columns of output positions, at least 0.
func (w Window) OutW() int { return outputs(w.W+w.Left+w.Right, w.KW, w.StrideW, w.DilationW) }

func outputs(n, k, stride, dilation int) int {
	return max(0, n-dilation*(k-1)-1+stride) / stride
}

// Taps is the number of elements under the window, KH·KW·C.
func (w Window) Taps() int { return w.KH * w.KW * w.C }

// images is the number of images in a Mat of pixels.
func (w Window) images(op string, pixels Mat) int {
	good := w.H > 0 && w.W > 0 && w.C > 0 && w.KH > 0 && w.KW > 0 && w.StrideH > 0 && w.StrideW > 0 &&
		w.DilationH > 0 && w.DilationW > 0 && w.Top >= 0 && w.Left >= 0 && w.Bottom >= 0 && w.Right >= 0
	if !good || pixels.Rows%(w.H*w.W) != 0 {
		panic(fmt.Sprintf("kernel: %s: %d pixels under %+v", op, pixels.Rows, w))
	}
	return pixels.Rows / (w.H * w.W)
}

// CheckUnfold checks the operands of Unfold and of Fold and returns the number of images.
func CheckUnfold(op string, patches, x Mat, w Window, first int) (images int) {
	images = w.images(op, x)
	need(op, "x", x, F32, x.Rows, w.C)
	need(op, "patches", patches, F32, patches.Rows, w.Taps())
	if n := images * w.OutH() * w.OutW(); first < 0 || first+patches.Rows > n {
		panic(fmt.Sprintf("kernel: %s: positions %d to %d of %d", op, first, first+patches.Rows, n))
	}
	if width := max(1, w.OutW()); op == "Fold" && (first%width != 0 || patches.Rows%width != 0) {
		panic(fmt.Sprintf("kernel: %s: positions %d to %d are no whole rows of %d", op, first, first+patches.Rows, width))
	}
	return images
}

// CheckConv checks the operands of Conv and its gradients and returns the number of images:
// y are the positions' O channels, x the pixels' C, w the filters (O, KH·KW·C).
func CheckConv(op string, y, x, w Mat, win Window) (images int) {
	images = win.images(op, x)
	need(op, "x", x, F32, x.Rows, win.C)
	need(op, "y", y, F32, images*win.OutH()*win.OutW(), y.Cols)
	need(op, "w", w, F32, y.Cols, win.Taps())
	return images
}

// CheckMaxPool checks the operands of MaxPool and returns the number of images. Padding
// must be narrower than the window: each position has a pixel.
func CheckMaxPool(y, x Mat, w Window) (images int) {
	images = w.images("MaxPool", x)
	if max(w.Top, w.Bottom) > w.DilationH*(w.KH-1) || max(w.Left, w.Right) > w.DilationW*(w.KW-1) {
		panic(fmt.Sprintf("kernel: MaxPool: windows of padding alone: %+v", w))
	}
	need("MaxPool", "x", x, F32, x.Rows, w.C)
	need("MaxPool", "y", y, F32, images*w.OutH()*w.OutW(), w.C)
	return images
}

// CheckMaxPoolGrad checks the operands of MaxPoolGrad and returns the number of images.
func CheckMaxPoolGrad(dx, x, y, dy Mat, w Window) (images int) {
	images = CheckMaxPool(y, x, w)
	need("MaxPoolGrad", "dx", dx, F32, x.Rows, x.Cols)
	need("MaxPoolGrad", "dy", dy, F32, y.Rows, y.Cols)
	return images
}

// CheckGroupNorm checks the operands of GroupNorm and returns the rows of a set.
func CheckGroupNorm(y, stats, x, w, b Mat, p GroupNormParams) (rows int) {
	rows = checkGroupNorm("GroupNorm", stats, x, w, b, p)
	need("GroupNorm", "y", y, F32, p.outputs("GroupNorm", x), x.Cols)
	p.dense("GroupNorm", x, y)
	return rows
}

// CheckGroupNormGrad checks the operands of GroupNormGrad and returns the rows of a set.
func CheckGroupNormGrad(dx, dw, db, x, w, b, dy, stats Mat, p GroupNormParams) (rows int) {
	rows = checkGroupNorm("GroupNormGrad", stats, x, w, b, p)
	need("GroupNormGrad", "stats", stats, F32, p.Sets*p.Groups, 2)
	need("GroupNormGrad", "dy", dy, F32, p.outputs("GroupNormGrad", x), x.Cols)
	need("GroupNormGrad", "dx", dx, F32, x.Rows, x.Cols)
	p.dense("GroupNormGrad", dx, x, dy)
	maybe("GroupNormGrad", "dw", dw, F32, 1, x.Cols)
	maybe("GroupNormGrad", "db", db, F32, 1, x.Cols)
	return rows
}

// outputs is the number of rows of y.
func (p *GroupNormParams) outputs(op string, x Mat) int {
	if !p.pooled() {
		return x.Rows
	}
	w := &p.Max
	square := Window{H: w.H, W: w.W, C: x.Cols, KH: 2, KW: 2, StrideH: 2, StrideW: 2, DilationH: 1, DilationW: 1}
	if images := w.images(op, x); *w != square || !p.ReLU || images%p.Sets != 0 {
		panic(fmt.Sprintf("kernel: %s: the largest under %+v of %d images in %d sets, ReLU %v: want 2 × 2 pixels, whole images and ReLU", op, *w, images, p.Sets, p.ReLU))
	}
	return x.Rows / (w.H * w.W) * w.OutH() * w.OutW()
}

// dense panics on an operand that is not dense, where squares ask for it.
func (p *GroupNormParams) dense(op string, ms ...Mat) {
	for _, m := range ms {
		if p.pooled() && !m.Dense() {
			panic(fmt.Sprintf("kernel: %s: %v is not dense, as the largest of squares asks for", op, m))
		}
	}
}

func checkGroupNorm(op string, stats, x, w, b Mat, p GroupNormParams) (rows int) {
	sets, groups := p.Sets, p.Groups
	if sets <= 0 || groups <= 0 || x.Rows%sets != 0 || x.Cols%groups != 0 {
		panic(fmt.Sprintf("kernel: %s: %v in %d sets of rows and %d groups of channels", op, x, sets, groups))
	}
	maybe(op, "stats", stats, F32, sets*groups, 2)
	need(op, "x", x, F32, x.Rows, x.Cols)
	maybe(op, "w", w, F32, 1, x.Cols)
	maybe(op, "b", b, F32, 1, x.Cols)
	return x.Rows / sets
}
