package cpu

import "github.com/inkstone-ai/inkstone/internal/kernel"

// vectors are the primitives on rows. All slices of a call have the same
// length, that of the first; none is a method of the device, so that a
// version is a table and a test can call each.
//
// A primitive may write to a slice it reads (y and x the same), never to one
// that overlaps it otherwise. Sums are of a fixed order for a given length;
// the callers cut long rows into pieces of [chunk] and add those in float64.
type vectors struct {
	// unary sets y = f(x), slope dx = dy·f'(x) where y = f(x), or adds it.
	unary [kernel.Clip + 1]func(y, x []float32, a, b float32)
	slope [kernel.Clip + 1]func(dx, x, y, dy []float32, a, b float32, acc bool)
	// gated sets y = f(gate)·up, gatedGrad dgate = dy·up·f'(gate) and dup = dy·f(gate), or adds them.
	gated     [kernel.Clip + 1]func(y, gate, up []float32)
	gatedGrad [kernel.Clip + 1]func(dgate, dup, gate, up, dy []float32, acc bool)
	// binary sets dst = a op b.
	binary [kernel.LessEqual + 1]func(dst, a, b []float32)

	mulAdd func(dst, a, b []float32) // dst += a·b

	sum    func(x []float32) float32
	sumAbs func(x []float32) float32
	maxOf  func(x []float32) float32 // NaN when any is
	minOf  func(x []float32) float32
	dot    func(a, b []float32) float32
	spread func(x []float32, mean float32) float32 // Σ (x−mean)²
	// expSum sets y = exp(x−top) and returns its sum.
	expSum func(y, x []float32, top float32) float32

	// normalize sets y = (x−mean)·rstd·w + b; w and b may be nil: 1 and 0.
	normalize func(y, x, w, b []float32, mean, rstd float32)
	// normSums returns Σ g and Σ g·x̂, where g = dy·w and x̂ = (x−mean)·rstd.
	normSums func(x, w, dy []float32, mean, rstd float32) (g, gx float32)
	// normGrad sets dx = rstd·(g − meanG − x̂·meanGX), or adds it, and adds dy·x̂ to dw and dy to db where not nil.
	normGrad func(dx, dw, db, x, w, dy []float32, mean, rstd, meanG, meanGX float32, acc bool)

	// moments sets first to the mean of rows of x, ld apart, and next to Σ (x−first)²; part is 1/rows.
	moments func(first, next, x []float32, ld, rows int, part float32)
	// normMax sets y to the largest of x·scale + shift, or 0, in each of the squares of 2 × 2 pixels
	// that lie side by side from x on; the lower two are line elements behind the upper ones.
	normMax func(y, x, scale, shift []float32, line, squares int)
	// normMaxSums adds Σ g to first and Σ g·(x−mean) to next over squares of normMax: g is dy, x the
	// first pixel that was the largest, where that was above 0. mean is read by whole vectors.
	normMaxSums func(first, next, dy, x, scale, shift, mean []float32, line, squares int)
	// normMaxGrad sets dx, which lies as x does, to g·a + x·b + c, or adds it; g is dy at the first
	// pixel that was the largest, where that was above 0. abc is rows of a, b, c, read by whole vectors.
	normMaxGrad func(scale, shift, dx, dy, x, abc []float32, line, squares int, acc bool)

	// lstm turns the sums of i, f, g and o side by side in gates into σ, σ, tanh and σ of them, and sets
	// c = f·before + i·g and h = o·tanh c.
	lstm func(h, c, gates, before []float32)
	// lstmGrad sets dgates, those of the sums, from dstate, dh and dc side by side, and adds to dbefore, where
	// not nil, the gradient of before.
	lstmGrad func(c, dgates, dbefore, dstate, gates, before []float32)

	// rotate turns the pairs (i, i+pairs) of every head of the row x, heads stride apart, by
	// angles: the cosines of all pairs, then their sines, with the signs flipped by flip.
	// It sets y or adds to it; other channels are left alone.
	rotate func(y, x, angles []float32, heads, stride int, flip uint32, acc bool)
	// dropout sets y to x·scale where number index, index+1, … of the stream key is ≥ rate, else to 0.
	dropout func(y, x []float32, key, index uint64, rate, scale float32)
	// update is one optimizer step; m and v are nil where absent.
	update [kernel.RMSProp + 1]func(w, g, m, v []float32, p *kernel.UpdateParams)

	toBF16   func(dst []uint16, src []float32)
	fromBF16 func(dst []float32, src []uint16)
	toF16    func(dst []uint16, src []float32)
	fromF16  func(dst []float32, src []uint16)
	// fromQ8 widens blocks of Q8_0, all of src to all of dst.
	fromQ8 func(dst []float32, src []byte)
	// rowsF16 and rowsQ8 widen rows of n numbers, ld bytes apart, to rows side by side.
	rowsF16, rowsQ8 func(dst []float32, src *byte, ld, rows, n int)
}

// chunk is the longest piece that is summed in float32 alone.
const chunk = 1024

// total adds f over the pieces of x.
func total(f func([]float32) float32, x []float32) (sum float64) {
	for len(x) > chunk {
		sum += float64(f(x[:chunk]))
		x = x[chunk:]
	}
	return sum + float64(f(x))
}

// total2 is total for a primitive of two slices.
func total2(f func(a, b []float32) float32, a, b []float32) (sum float64) {
	for len(a) > chunk {
		sum += float64(f(a[:chunk], b[:chunk]))
		a, b = a[chunk:], b[chunk:]
	}
	return sum + float64(f(a, b))
}

// totalFrom is total for a primitive that takes a number.
func totalFrom(f func([]float32, float32) float32, x []float32, from float32) (sum float64) {
	for len(x) > chunk {
		sum += float64(f(x[:chunk], from))
		x = x[chunk:]
	}
	return sum + float64(f(x, from))
}

// totalExp sets y = exp(x−top) and returns its sum.
func (v *vectors) totalExp(y, x []float32, top float32) (sum float64) {
	for len(x) > chunk {
		sum += float64(v.expSum(y[:chunk], x[:chunk], top))
		x, y = x[chunk:], y[chunk:]
	}
	return sum + float64(v.expSum(y, x, top))
}
