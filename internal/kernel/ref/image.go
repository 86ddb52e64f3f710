package ref

import (
	"math"

	"github.com/inkstone-ai/inkstone/internal/kernel"
)

// taps calls f for each tap of each output position: row is the position's, tap the
// number of the tap, and pixel its row in x, −1 in padding.
func taps(images int, w kernel.Window, f func(row, tap, pixel int)) {
	row := 0
	for b := range images {
		for y := range w.OutH() {
			for x := range w.OutW() {
				for i := range w.KH {
					for j := range w.KW {
						py, px := y*w.StrideH-w.Top+i*w.DilationH, x*w.StrideW-w.Left+j*w.DilationW
						pixel := -1
						if py >= 0 && py < w.H && px >= 0 && px < w.W {
							pixel = (b*w.H+py)*w.W + px
						}
						f(row, i*w.KW+j, pixel)
					}
				}
				row++
			}
		}
	}
}

func (device) Unfold(patches, x mat, w kernel.Window, first int, value float32) {
	taps(kernel.CheckUnfold("Unfold", patches, x, w, first), w, func(row, tap, pixel int) {
		if row -= first; row < 0 || row >= patches.Rows {
			return
		}
		for c := range w.C {
			v := float64(value)
			if pixel >= 0 {
				v = at(x, pixel, c)
			}
			set(patches, row, tap*w.C+c, v, false)
		}
	})
}

func (device) Fold(x, patches mat, w kernel.Window, first int) {
	sum := make([]float64, x.Len())
	taps(kernel.CheckUnfold("Fold", patches, x, w, first), w, func(row, tap, pixel int) {
		if row -= first; row < 0 || row >= patches.Rows || pixel < 0 {
			return
		}
		for c := range w.C {
			sum[pixel*w.C+c] += at(patches, row, tap*w.C+c)
		}
	})
	store(x, sum, 0, x.Rows, true)
}

func (device) Conv(y, x, w mat, win kernel.Window, _ kernel.DType) {
	sum := make([]float64, y.Len())
	taps(kernel.CheckConv("Conv", y, x, w, win), win, func(row, tap, pixel int) {
		eachTap(y, win, pixel, func(o, c int) { sum[row*y.Cols+o] += at(w, o, tap*win.C+c) * at(x, pixel, c) })
	})
	store(y, sum, 0, y.Rows, false)
}

func (device) ConvGradInput(dx, dy, w mat, win kernel.Window, _ kernel.DType) {
	sum := make([]float64, dx.Len())
	taps(kernel.CheckConv("ConvGradInput", dy, dx, w, win), win, func(row, tap, pixel int) {
		eachTap(dy, win, pixel, func(o, c int) { sum[pixel*win.C+c] += at(w, o, tap*win.C+c) * at(dy, row, o) })
	})
	store(dx, sum, 0, dx.Rows, true)
}

func (device) ConvGradWeight(dw, dy, x mat, win kernel.Window, acc bool, _ kernel.DType) {
	sum := make([]float64, dw.Len())
	taps(kernel.CheckConv("ConvGradWeight", dy, x, dw, win), win, func(row, tap, pixel int) {
		eachTap(dy, win, pixel, func(o, c int) { sum[o*dw.Cols+tap*win.C+c] += at(dy, row, o) * at(x, pixel, c) })
	})
	store(dw, sum, 0, dw.Rows, acc)
}

// eachTap calls f for each output channel and each channel of a pixel, none of padding.
func eachTap(y mat, win kernel.Window, pixel int, f func(o, c int)) {
	if pixel < 0 {
		return
	}
	for o := range y.Cols {
		for c := range win.C {
			f(o, c)
		}
	}
}

func (device) MaxPool(y, x mat, w kernel.Window) {
	largest(y, x, w, kernel.CheckMaxPool(y, x, w), func(row, c, _ int, v float64) { set(y, row, c, v, false) })
}

func (device) MaxPoolGrad(dx, x, y, dy mat, w kernel.Window, acc bool) {
	images := kernel.CheckMaxPoolGrad(dx, x, y, dy, w)
	sum := make([]float64, dx.Len())
	largest(y, x, w, images, func(row, c, pixel int, v float64) {
		if !math.IsNaN(v) {
			sum[pixel*w.C+c] += at(dy, row, c)
		}
	})
	store(dx, sum, 0, dx.Rows, acc)
}

// largest calls f with the first largest pixel of each position and channel, and its value.
func largest(y, x mat, w kernel.Window, images int, f func(row, c, pixel int, v float64)) {
	where := make([]int, y.Len())
	for i := range where {
		where[i] = -1
	}
	taps(images, w, func(row, _, pixel int) {
		if pixel < 0 {
			return
		}
		for c := range w.C {
			best := &where[row*w.C+c]
			if *best < 0 || at(x, pixel, c) > at(x, *best, c) || math.IsNaN(at(x, pixel, c)) && !math.IsNaN(at(x, *best, c)) {
				*best = pixel
			}
		}
	})
	for i, pixel := range where {
		f(i/w.C, i%w.C, pixel, at(x, pixel, i%w.C))
	}
}

// A cell of a group norm is the elements of a set and a group.
type normCell struct{ fromRow, toRow, fromCol, toCol int }

func (g normCell) each(f func(r, c int)) {
	for r := g.fromRow; r < g.toRow; r++ {
		for c := g.fromCol; c < g.toCol; c++ {
			f(r, c)
		}
	}
}

func (g normCell) size() float64 { return float64((g.toRow - g.fromRow) * (g.toCol - g.fromCol)) }

// normCells calls f for each cell with its row of stats.
func normCells(x mat, rows, sets, groups int, f func(i int, g normCell)) {
	width := x.Cols / groups
	for s := range sets {
		for g := range groups {
			f(s*groups+g, normCell{s * rows, (s + 1) * rows, g * width, (g + 1) * width})
		}
	}
}

func (device) GroupNorm(y, stats, x, w, b mat, p kernel.GroupNormParams) {
	rows := kernel.CheckGroupNorm(y, stats, x, w, b, p)
	norms := make([]float64, x.Rows*x.Cols)
	normCells(x, rows, p.Sets, p.Groups, func(i int, g normCell) {
		mean, square := 0.0, 0.0
		g.each(func(r, c int) { mean += at(x, r, c) / g.size() })
		g.each(func(r, c int) { d := at(x, r, c) - mean; square += d * d / g.size() })
		scale := 1 / math.Sqrt(square+float64(p.Eps))
		if !stats.Nil() {
			set(stats, i, 0, mean, false)
			set(stats, i, 1, scale, false)
		}
		g.each(func(r, c int) {
			z := (at(x, r, c)-mean)*scale*weight(w, c) + shift(b, c)
			norms[r*x.Cols+c] = choose(p.ReLU, max(0, z), z)
		})
	})
	if p.Max.H == 0 {
		store(y, norms, 0, y.Rows, false)
		return
	}
	largestNorms(norms, p.Max, func(row, c, _ int, v float64) { set(y, row, c, v, false) })
}

// largestNorms calls f for each position of w and each channel, with the first largest pixel.
func largestNorms(norms []float64, w kernel.Window, f func(row, c, pixel int, v float64)) {
	images := len(norms) / (w.H * w.W * w.C)
	for row := range images * w.OutH() * w.OutW() {
		y, x := row/w.OutW(), row%w.OutW()
		for c := range w.C {
			best := -1
			for tap := range 4 {
				line := y/w.OutH()*w.H + 2*(y%w.OutH()) + tap/2
				pixel := line*w.W + 2*x + tap%2
				if best < 0 || norms[pixel*w.C+c] > norms[best*w.C+c] {
					best = pixel
				}
			}
			f(row, c, best, norms[best*w.C+c])
		}
	}
}

func (device) GroupNormGrad(dx, dw, db, x, w, b, dy, stats mat, p kernel.GroupNormParams, acc bool) {
	rows := kernel.CheckGroupNormGrad(dx, dw, db, x, w, b, dy, stats, p)
	sw, sb := make([]float64, x.Cols), make([]float64, x.Cols)
	given := givenBy(x, w, b, dy, stats, p, rows)
	normCells(x, rows, p.Sets, p.Groups, func(i int, g normCell) {
		mean, scale := at(stats, i, 0), at(stats, i, 1)
		norm := func(r, c int) float64 { return (at(x, r, c) - mean) * scale }
		slope := func(r, c int) float64 { return given[r*x.Cols+c] }
		sum, along := 0.0, 0.0
		g.each(func(r, c int) {
			sum += slope(r, c) * weight(w, c) / g.size()
			along += slope(r, c) * weight(w, c) * norm(r, c) / g.size()
			sw[c] += slope(r, c) * norm(r, c)
			sb[c] += slope(r, c)
		})
		g.each(func(r, c int) {
			set(dx, r, c, scale*(slope(r, c)*weight(w, c)-sum-norm(r, c)*along), acc)
		})
	})
	if !dw.Nil() {
		store(dw, sw, 0, 1, true)
	}
	if !db.Nil() {
		store(db, sb, 0, 1, true)
	}
}

// givenBy is the gradient of the norm alone, before ReLU and maximum.
func givenBy(x, w, b, dy, stats mat, p kernel.GroupNormParams, rows int) []float64 {
	norms, given := make([]float64, x.Rows*x.Cols), make([]float64, x.Rows*x.Cols)
	normCells(x, rows, p.Sets, p.Groups, func(i int, g normCell) {
		g.each(func(r, c int) {
			norms[r*x.Cols+c] = (at(x, r, c)-at(stats, i, 0))*at(stats, i, 1)*weight(w, c) + shift(b, c)
		})
	})
	give := func(row, c, pixel int, v float64) {
		if !p.ReLU || v > 0 {
			given[pixel*x.Cols+c] = at(dy, row, c)
		}
	}
	if p.Max.H > 0 {
		largestNorms(norms, p.Max, give)
		return given
	}
	for i, v := range norms {
		give(i/x.Cols, i%x.Cols, i/x.Cols, v)
	}
	return given
}

// shift is element c of a bias that may be absent.
func shift(b mat, c int) float64 {
	if b.Nil() {
		return 0
	}
	return at(b, 0, c)
}
