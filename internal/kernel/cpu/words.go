package cpu

import (
	"math"

	"github.com/inkstone-ai/inkstone/internal/kernel"
)

// An arithmetic is how operands become 32-bit words and how words are
// multiplied: a word is a float32, or two BF16 that are neighbours in k. All
// that cuts, packs and walks a product counts words and is the same for both.
type arithmetic struct {
	per   int // elements of k in a word
	whole int // words of k come in multiples of it, with zeros behind the last; 0 is 1
	// How products are cut: rows that strip holds in registers, and most words of K that a panel
	// goes through at a time: fewer passes over C, but a block of A in the second cache.
	height, span int

	// strip sets c[i·ldc+j] = Σ a[i·ars+p·acs]·b[p·bs+j] for m rows of one
	// panel over k words, starting from c when acc is 1. Meanwhile it brings what
	// lies from next on into the second cache.
	strip func(c *float32, ldc int, a *float32, ars, acs int, b *float32, bs, m, k, acc int, next *float32)
	// half is strip for the first half of the columns; it may do more.
	half func(c *float32, ldc int, a *float32, ars, acs int, b *float32, bs, m, k, acc int, next *float32)

	// columns packs k rows of n elements, ld apart: word j of row p goes to dst[p·ds+j].
	columns func(dst *float32, ds int, src *float32, ld, n, k int)
	// panels does so for count whole panels, which begin ps apart in dst.
	panels func(dst *float32, ps int, src *float32, ld, count, k int)
	// lines packs m rows of n elements, ld apart, a multiple of lineStep: word p of row i goes to dst[i·ds+p].
	lines    func(dst *float32, ds int, src *float32, ld, n, m int)
	lineStep int
	// transpose packs group rows of k elements, ld apart, as columns: word p of
	// row i goes to dst[p·ds+i]. k is a multiple of square.
	transpose     func(dst *float32, ds int, src *float32, ld, k int)
	group, square int
	// turn packs turned rows of n elements, ld apart, n a multiple of 16, as lines: word p of line j goes to
	// dst[j·ds+p]. nil: strip reads a transposed A as columns packs it.
	turn   func(dst *float32, ds int, src *float32, ld, n int)
	turned int
}

// words is the number of words of n elements.
func (r *arithmetic) words(n int) int { return roundUp(groups(n, r.per), max(1, r.whole)) }

// word is word p of a row of elements, behind whose last stand zeros.
func (r *arithmetic) word(row []float32, p int) float32 {
	if r.per == 1 {
		return row[p]
	}
	var low, high float32
	if 2*p < len(row) {
		low = row[2*p]
	}
	if 2*p+1 < len(row) {
		high = row[2*p+1]
	}
	return pairOf(low, high)
}

// pairOf is a word of two BF16.
func pairOf(low, high float32) float32 {
	return math.Float32frombits(bf16Bits(low) | bf16Bits(high)<<16)
}

// bf16Bits rounds as the processor's conversion does: denormal numbers are 0.
func bf16Bits(x float32) uint32 {
	if math.Float32bits(x)&0x7f800000 == 0 {
		x *= 0
	}
	return uint32(kernel.ToBF16(x))
}

// packLines packs m rows of n elements, ld apart, into rows of words that are ds apart.
func (r *arithmetic) packLines(dst []float32, ds int, src *float32, ld, n, m int) {
	whole := n / r.lineStep * r.lineStep
	if whole > 0 {
		r.lines(&dst[0], ds, src, ld, whole, m)
	}
	if whole == n {
		return
	}
	from := elements(src, (m-1)*ld+n)
	for i := range m {
		row := from[i*ld:][:n]
		for p := whole / r.per; p < r.words(n); p++ {
			dst[i*ds+p] = r.word(row, p)
		}
	}
}

// packRows packs k rows of cols elements, ld apart, as panels ps apart. Columns
// that the last panel lacks are zeros.
func (v *products) packRows(r *arithmetic, dst []float32, ps int, src *float32, ld, cols, k int) {
	full, words := cols/v.width, groups(k, r.per)
	if full > 0 {
		r.panels(&dst[0], ps, src, ld, full, k)
	}
	for t := range full {
		clear(dst[t*ps+words*v.width : t*ps+r.words(k)*v.width])
	}
	if cols %= v.width; cols == 0 {
		return
	}
	last := dst[full*ps:][:r.words(k)*v.width]
	clear(last)
	from := elements(src, (k-1)*ld+full*v.width+cols)[full*v.width:]
	r.columns(&last[0], v.width, &from[0], ld, cols, k)
}

// packTransposed packs cols ≤ width rows of k elements, ld apart, as the columns
// of a panel. Columns that it lacks are zeros.
func (v *products) packTransposed(r *arithmetic, dst []float32, src *float32, ld, cols, k int) {
	from, words := elements(src, (cols-1)*ld+k), r.words(k)
	whole := k / r.square * r.square
	if cols < v.width {
		clear(dst[:words*v.width])
	}
	j := 0
	for ; j+r.group <= cols; j += r.group {
		if whole > 0 {
			r.transpose(&dst[j], v.width, &from[j*ld], ld, whole)
		}
		for i := j; i < j+r.group; i++ {
			r.scatter(dst[i:], v.width, from[i*ld:][:k], whole/r.per)
		}
	}
	for ; j < cols; j++ {
		r.scatter(dst[j:], v.width, from[j*ld:][:k], 0)
	}
}

// scatter writes the words of a row from word p on, ds apart.
func (r *arithmetic) scatter(dst []float32, ds int, row []float32, p int) {
	for words := r.words(len(row)); p < words; p++ {
		dst[p*ds] = r.word(row, p)
	}
}

// copyColumns is columns, and lines, of float32.
func copyColumns(dst *float32, ds int, src *float32, ld, n, k int) {
	to, from := elements(dst, (k-1)*ds+n), elements(src, (k-1)*ld+n)
	for p := range k {
		copy(to[p*ds:][:n], from[p*ld:])
	}
}

// packTurned packs n rows of m elements, ld apart, as m lines of words that are ds apart.
func (r *arithmetic) packTurned(dst []float32, ds int, src *float32, ld, n, m int) {
	whole, cols := n/r.turned*r.turned, m/16*16
	for k := 0; k < whole && cols > 0; k += r.turned {
		r.turn(&dst[k/r.per], ds, &elements(src, k*ld+1)[k*ld], ld, cols)
	}
	from := elements(src, (n-1)*ld+m)
	for j := range m {
		p := 0
		if j < cols {
			p = whole / r.per
		}
		for ; p < r.words(n); p++ {
			var two [2]float32
			for i := range two {
				if k := 2*p + i; k < n {
					two[i] = from[k*ld+j]
				}
			}
			dst[j*ds+p] = pairOf(two[0], two[1])
		}
	}
}
