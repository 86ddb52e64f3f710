package kerneltest

import (
	"math"

	"github.com/inkstone-ai/inkstone/internal/kernel"
)

// windows are shapes of images and windows: squares and not, strides, dilation, padding
// of either side, windows as large as the image, more columns of taps than the image has.
var windows = []struct {
	images int
	w      kernel.Window
}{
	{2, kernel.Window{H: 5, W: 7, C: 3, KH: 3, KW: 3, StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1, Top: 1, Left: 1, Bottom: 1, Right: 1}},
	{3, kernel.Window{H: 8, W: 6, C: 16, KH: 4, KW: 4, StrideH: 2, StrideW: 2, DilationH: 1, DilationW: 1, Top: 1, Left: 1, Bottom: 1, Right: 1}},
	{1, kernel.Window{H: 9, W: 11, C: 5, KH: 3, KW: 2, StrideH: 2, StrideW: 3, DilationH: 2, DilationW: 3, Top: 2, Left: 0, Bottom: 1, Right: 2}},
	{2, kernel.Window{H: 4, W: 4, C: 67, KH: 1, KW: 1, StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1}},
	{2, kernel.Window{H: 1, W: 40, C: 8, KH: 1, KW: 11, StrideH: 1, StrideW: 2, DilationH: 1, DilationW: 1, Left: 5, Right: 5}},
	{1, kernel.Window{H: 6, W: 6, C: 1, KH: 6, KW: 6, StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1}},
	{1, kernel.Window{H: 3, W: 2, C: 2, KH: 2, KW: 7, StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1, Left: 6, Right: 6}},
	{1, kernel.Window{H: 2, W: 2, C: 2, KH: 3, KW: 3, StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1}}, // no position
	{0, kernel.Window{H: 2, W: 2, C: 2, KH: 2, KW: 2, StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1}},
	{9, kernel.Window{H: 5, W: 4, C: 6, KH: 3, KW: 3, StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 2, Top: 1, Left: 2, Bottom: 0, Right: 1}}, // more images than are gathered
	{40, kernel.Window{H: 14, W: 14, C: 32, KH: 2, KW: 2, StrideH: 2, StrideW: 2, DilationH: 1, DilationW: 1}},
}

// bands are parts of n positions: all, and rows of positions from the second and the
// middle on.
func bands(n, width int) (list [][2]int) {
	list = [][2]int{{0, n}}
	if rows := n / max(1, width); rows > 2 {
		list = append(list, [2]int{width, width}, [2]int{rows / 2 * width, n - rows/2*width})
	}
	return list
}

func unfolds(g *gen) (list []call) {
	for i, shape := range windows {
		w := shape.w
		for _, band := range bands(shape.images*w.OutH()*w.OutW(), w.OutW()) {
			args := []*arg{output(g.normal(band[1], w.Taps())), g.normal(shape.images*w.H*w.W, w.C)}
			if i%2 == 1 {
				strided(args...)
			}
			list = append(list, call{name: named("Unfold %d %+v from %d", shape.images, w, band[0]), args: args,
				do: func(d kernel.Device, m []kernel.Mat) { d.Unfold(m[0], m[1], w, band[0], -3) }})
		}
	}
	return list
}

func folds(g *gen) (list []call) {
	for i, shape := range windows {
		w := shape.w
		for _, band := range bands(shape.images*w.OutH()*w.OutW(), w.OutW()) {
			args := []*arg{output(g.normal(shape.images*w.H*w.W, w.C)), g.normal(band[1], w.Taps())}
			if i%2 == 1 {
				strided(args...)
			}
			list = append(list, call{name: named("Fold %d %+v from %d", shape.images, w, band[0]), args: args, rtol: 1e-5, atol: 1e-5,
				do: func(d kernel.Device, m []kernel.Mat) { d.Fold(m[0], m[1], w, band[0]) }})
		}
	}
	return list
}

// filters calls f for each shape and several numbers of filters, with pixels, positions
// and filters in both precisions. BF16 rounds to 8 bits: the tolerance is of that.
func filters(g *gen, f func(i int, w kernel.Window, x, y, filters *arg, precision kernel.DType, rtol, atol float64)) {
	i := 0
	for _, shape := range windows {
		w := shape.w
		n := shape.images * w.OutH() * w.OutW()
		for _, O := range []int{1, 5, 32, 70} {
			if O == 70 && n > 1000 {
				continue // the oracle takes its time
			}
			for _, precision := range []kernel.DType{kernel.F32, kernel.BF16} {
				rtol, atol := 1e-5, 1e-5*math.Sqrt(float64(w.Taps()+n+O))
				if precision == kernel.BF16 {
					rtol, atol = 2e-2, 2e-2*math.Sqrt(float64(w.Taps()+n+O))
				}
				f(i, w, g.normal(shape.images*w.H*w.W, w.C), g.normal(n, O), g.normal(O, w.Taps()), precision, rtol, atol)
				i++
			}
		}
	}
}

// A conv2D is one of the three operations: what it writes and reads, output first, and the call.
type conv2D struct {
	name string
	args func(x, y, filters *arg) []*arg
	do   func(d kernel.Device, m []kernel.Mat, w kernel.Window, acc bool, precision kernel.DType)
}

func (c conv2D) calls(g *gen) (list []call) {
	filters(g, func(i int, w kernel.Window, x, y, filters *arg, precision kernel.DType, rtol, atol float64) {
		args, acc := c.args(x, y, filters), i%4 < 2
		if args[0] = output(args[0]); i%3 == 1 {
			strided(args...)
		}
		list = append(list, call{name: named("%s %+v, %d filters in %v, acc %v", c.name, w, filters.rows, precision, acc), args: args, rtol: rtol, atol: atol,
			do: func(d kernel.Device, m []kernel.Mat) { c.do(d, m, w, acc, precision) }})
	})
	return list
}

var (
	conv = conv2D{"Conv", func(x, y, filters *arg) []*arg { return []*arg{y, x, filters} },
		func(d kernel.Device, m []kernel.Mat, w kernel.Window, _ bool, p kernel.DType) {
			d.Conv(m[0], m[1], m[2], w, p)
		}}
	convGradInput = conv2D{"ConvGradInput", func(x, y, filters *arg) []*arg { return []*arg{x, y, filters} },
		func(d kernel.Device, m []kernel.Mat, w kernel.Window, _ bool, p kernel.DType) {
			d.ConvGradInput(m[0], m[1], m[2], w, p)
		}}
	convGradWeight = conv2D{"ConvGradWeight", func(x, y, filters *arg) []*arg { return []*arg{filters, y, x} },
		func(d kernel.Device, m []kernel.Mat, w kernel.Window, acc bool, p kernel.DType) {
			d.ConvGradWeight(m[0], m[1], m[2], w, acc, p)
		}}
)

// pools calls f for each shape whose every position has a pixel, with images that hold
// many equal numbers.
func pools(g *gen, f func(i int, w kernel.Window, x, y *arg)) {
	for i, shape := range windows {
		w := shape.w
		if max(w.Top, w.Bottom) > w.DilationH*(w.KH-1) || max(w.Left, w.Right) > w.DilationW*(w.KW-1) {
			continue
		}
		x := g.normal(shape.images*w.H*w.W, w.C)
		for j, v := range floats(x.data) {
			floats(x.data)[j] = float32(int(2 * v))
		}
		f(i, w, x, g.normal(shape.images*w.OutH()*w.OutW(), w.C))
	}
}

func maxPools(g *gen) (list []call) {
	pools(g, func(i int, w kernel.Window, x, y *arg) {
		args := []*arg{output(y), x}
		if i%2 == 1 {
			strided(args...)
		}
		list = append(list, call{name: named("MaxPool %+v", w), args: args,
			do: func(d kernel.Device, m []kernel.Mat) { d.MaxPool(m[0], m[1], w) }})
	})
	return list
}

func maxPoolGrads(g *gen) (list []call) {
	pools(g, func(i int, w kernel.Window, x, y *arg) {
		for _, acc := range []bool{false, true} {
			args := []*arg{output(g.normal(x.rows, x.cols)), x, output(y), g.normal(y.rows, y.cols)}
			if i%2 == 1 {
				strided(args...)
			}
			list = append(list, call{name: named("MaxPoolGrad %+v acc %v", w, acc), args: args, rtol: 1e-5, atol: 1e-5,
				do: func(d kernel.Device, m []kernel.Mat) {
					d.MaxPool(m[2], m[1], w)
					d.MaxPoolGrad(m[0], m[1], m[2], m[3], w, acc)
				}})
		}
	})
	return list
}

// sets are shapes of group norms: sets, rows of a set, groups, channels of a group.
var sets = [][4]int{{1, 300, 16, 1}, {1, 7, 3, 1}, {4, 49, 2, 5}, {3, 1, 1, 33}, {2, 1000, 4, 8}, {5, 6, 64, 1}, {1, 5000, 1, 3}, {1, 1, 1, 9000}, {1, 0, 2, 2}}

func groupNorms(g *gen) (list []call) {
	for i, n := range sets {
		rows, cols, eps := n[0]*n[1], n[2]*n[3], float32(1e-3)
		args := []*arg{output(g.normal(rows, cols)), output(g.normal(n[0]*n[2], 2)), g.uniform(rows, cols, 9, 12), g.normal(1, cols), g.normal(1, cols)}
		if n[1] == 0 { // of nothing there are no moments
			args[1] = nil
		}
		if i%2 == 1 {
			strided(args...)
			args[1], args[4] = nil, nil
		}
		list = append(list,
			call{name: named("GroupNorm %v", n), args: args, rtol: 1e-5, atol: 3e-5,
				do: func(d kernel.Device, m []kernel.Mat) {
					d.GroupNorm(m[0], m[1], m[2], m[3], m[4], kernel.GroupNormParams{Sets: n[0], Groups: n[2], Eps: eps, ReLU: i%3 == 2})
				}},
			call{name: named("GroupNorm in place %v", n), args: []*arg{output(g.uniform(rows, cols, -1, 1))}, rtol: 1e-5, atol: 1e-5,
				do: func(d kernel.Device, m []kernel.Mat) {
					d.GroupNorm(m[0], kernel.Mat{}, m[0], kernel.Mat{}, kernel.Mat{}, kernel.GroupNormParams{Sets: n[0], Groups: n[2], Eps: eps, ReLU: i%2 == 0})
				}})
	}
	return list
}

// squares are shapes of norms with the largest of squares: sets, images of a set, H, W, groups, channels of a group.
var squares = [][6]int{{1, 5, 4, 6, 3, 1}, {2, 3, 7, 5, 2, 9}, {1, 2, 2, 2, 1, 40}, {3, 1, 9, 2, 33, 1}, {1, 12, 14, 14, 32, 1}}

// squareArgs are y, x, w, b and the params of a norm of squares. Numbers are far apart or equal, so
// that the largest is the same one at every precision.
func squareArgs(g *gen, n [6]int) (y, x, w, b *arg, p kernel.GroupNormParams) {
	C := n[4] * n[5]
	p = kernel.GroupNormParams{Sets: n[0], Groups: n[4], Eps: 1e-3, ReLU: true,
		Max: kernel.Window{H: n[2], W: n[3], C: C, KH: 2, KW: 2, StrideH: 2, StrideW: 2, DilationH: 1, DilationW: 1}}
	images := n[0] * n[1]
	apart := func(a *arg) *arg {
		for i, v := range floats(a.data) {
			floats(a.data)[i] = float32(math.Round(4*float64(v)))/4 + 0.0625
		}
		return a
	}
	return g.normal(images*(n[2]/2)*(n[3]/2), C), apart(g.normal(images*n[2]*n[3], C)), apart(g.normal(1, C)), g.normal(1, C), p
}

func squareNorms(g *gen) (list []call) {
	for _, n := range squares {
		y, x, w, b, p := squareArgs(g, n)
		list = append(list, call{name: named("GroupNorm of squares %v", n), args: []*arg{output(y), output(g.normal(n[0]*n[4], 2)), x, w, b}, rtol: 1e-5, atol: 3e-5,
			do: func(d kernel.Device, m []kernel.Mat) { d.GroupNorm(m[0], m[1], m[2], m[3], m[4], p) }})
	}
	return list
}

func squareNormGrads(g *gen) (list []call) {
	for _, n := range squares {
		dy, x, w, b, p := squareArgs(g, n)
		C := x.cols
		args := []*arg{output(g.normal(x.rows, C)), output(g.normal(1, C)), output(g.normal(1, C)), x, w, b, dy, g.uniform(n[0]*n[4], 2, 0.5, 1)}
		for _, acc := range []bool{false, true} {
			list = append(list, call{name: named("GroupNormGrad of squares %v acc %v", n, acc), args: args, rtol: 1e-5, atol: 2e-4,
				do: func(d kernel.Device, m []kernel.Mat) {
					d.GroupNormGrad(m[0], m[1], m[2], m[3], m[4], m[5], m[6], m[7], p, acc)
				}})
		}
	}
	return list
}

func groupNormGrads(g *gen) (list []call) {
	for i, n := range sets {
		rows, cols := n[0]*n[1], n[2]*n[3]
		args := []*arg{output(g.normal(rows, cols)), output(g.normal(1, cols)), output(g.normal(1, cols)),
			g.normal(rows, cols), g.normal(1, cols), g.normal(1, cols), g.normal(rows, cols), g.uniform(n[0]*n[2], 2, 0.5, 1)}
		if i%2 == 1 {
			strided(args...)
		}
		bare := []*arg{args[0], nil, nil, args[3], nil, nil, args[6], args[7]}
		for _, args := range [][]*arg{args, bare} {
			for form := range 4 {
				acc, relu := form&1 != 0, form&2 != 0
				list = append(list, call{name: named("GroupNormGrad %v acc %v relu %v", n, acc, relu), args: args, rtol: 1e-5, atol: 2e-4,
					do: func(d kernel.Device, m []kernel.Mat) {
						d.GroupNormGrad(m[0], m[1], m[2], m[3], m[4], m[5], m[6], m[7], kernel.GroupNormParams{Sets: n[0], Groups: n[2], ReLU: relu}, acc)
					}})
			}
		}
	}
	return list
}
