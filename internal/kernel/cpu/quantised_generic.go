package cpu

import (
	"unsafe"

	"github.com/inkstone-ai/inkstone/internal/kernel"
)

func genericDots() dots {
	d := dots{rows: 1, round: roundGeneric, roundWide: roundWideGeneric, words8: words8Generic}
	for f, unpack := range unpackers {
		d.of[f][0] = dotGeneric(layouts[f], unpack)
	}
	for f, unpack := range wideUnpackers {
		d.of[f][0] = dotWide(layouts[f], unpack)
	}
	return d
}

// A weights32 is a panel's block of 32 k taken apart: numbers q with y = scale·(q − z) − minimum,
// with scale and minimum of each 16.
type weights32 struct {
	q              [32][panelCols]int32
	scale, minimum [2][panelCols]float32
	split          bool // the two are added one after the other
}

// unpackers take block i of 32 of a panel's block apart.
var unpackers = [forms]func(w *weights32, b []byte, i int){
	formQ8: func(w *weights32, b []byte, _ int) { w.one(b, func(k, c int) byte { return b[32+k/4*64+4*c+k%4] }) },
	formQ4: func(w *weights32, b []byte, _ int) {
		w.one(b, func(k, c int) byte { return vectorByte(b[32:], k%16, c) >> (k / 16 * 4) & 15 })
	},
	formA8:  unpackA8,
	formI4:  func(w *weights32, b []byte, _ int) { w.one(b, func(k, c int) byte { return level(b[32:], k, c) }) },
	formI4K: unpackI4K,
}

// vectorByte is byte k of column c in the vectors that begin at b.
func vectorByte(b []byte, k, c int) byte { return b[k/4*64+4*c+k%4] }

// one is a block with one scale for each column.
func (w *weights32) one(b []byte, q func(k, c int) byte) {
	for c := range panelCols {
		w.scale[0][c] = half(b[2*c:])
		for k := range 32 {
			w.q[k][c] = int32(q(k, c))
		}
	}
}

func unpackA8(w *weights32, b []byte, _ int) {
	w.split = true
	for g := range 2 {
		b := b[g*layouts[formA8].bytes/2:]
		floats := floatsOf(b[:128])
		for c := range panelCols {
			w.scale[g][c], w.minimum[g][c] = floats[c], floats[16+c]
			for k := range 16 {
				w.q[16*g+k][c] = int32(vectorByte(b[128:], k, c))
			}
		}
	}
}

// level is number k of column c in four vectors of indices, 128 above its value.
func level(b []byte, k, c int) byte {
	return byte(int(kernel.IQ4Levels[vectorByte(b, k%16, c)>>(k/16*4)&15]) + 128)
}

func unpackI4K(w *weights32, b []byte, i int) {
	for c := range panelCols {
		w.scale[0][c] = half(b[2*c:]) * float32(int8(b[32+16*i+c]))
		for k := range 32 {
			w.q[k][c] = int32(level(b[160+256*i:], k, c))
		}
	}
}

// dotGeneric is the kernel of one row.
func dotGeneric(l layout, unpack func(w *weights32, b []byte, i int)) dot {
	return func(c *float32, _ int, a, b *byte, n, acc int) {
		dst := elements(c, panelCols)
		records, panel := unsafe.Slice((*record)(unsafe.Pointer(a)), n*l.block/32), unsafe.Slice(b, n*l.bytes)
		if acc == 0 {
			clear(dst)
		}
		var w weights32
		for i := range records {
			unpack(&w, panel[i*32/l.block*l.bytes:], i%(l.block/32))
			if w.split {
				addBlock(dst, &records[i], &w, 0, 16, 0, 1)
				addBlock(dst, &records[i], &w, 16, 32, 1, 2)
			} else {
				addBlock(dst, &records[i], &w, 0, 32, 0, 0)
			}
		}
	}
}

// addBlock adds k from first to last, of scales g, with the record's sums number which.
func addBlock(dst []float32, r *record, w *weights32, first, last, g, which int) {
	for c := range dst {
		sum := r.z[which]
		for k := first; k < last; k++ {
			sum += w.q[k][c] * int32(r.q[k])
		}
		dst[c] += float32(sum) * (w.scale[g][c] * r.scale)
		dst[c] -= w.minimum[g][c] * r.sum[which]
	}
}

func roundGeneric(dst *byte, stride int, src *float32, n, z int) {
	x := elements(src, 32*n)
	for i := range n {
		r := (*record)(unsafe.Add(unsafe.Pointer(dst), i*stride))
		r.scale = kernel.RoundBlock(r.q[:], x[32*i:][:32])
		var sums [3]int32
		for k, q := range r.q {
			sums[1+k/16] += int32(q)
		}
		sums[0] = sums[1] + sums[2]
		for s, sum := range sums {
			r.z[s], r.sum[s] = int32(z)*sum, r.scale*float32(sum)
		}
	}
}
