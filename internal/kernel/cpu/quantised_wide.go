package cpu

import (
	"unsafe"

	"github.com/inkstone-ai/inkstone/internal/kernel"
)

// A wide32 is 32 k of a panel's wide block taken apart: numbers q that stand for scale·(q − z) − minimum, times the
// block's scales.
type wide32 struct {
	q       [32][panelCols]int32
	scale   [2][panelCols]int32 // of each 16
	minimum [panelCols]int32
}

// wideUnpackers take 32 k number i of a panel's block apart.
var wideUnpackers = map[weightForm]func(w *wide32, b []byte, i int){
	formQ4K: func(w *wide32, b []byte, i int) { unpackK(w, b, b[320:], i, nil) },
	formQ5K: func(w *wide32, b []byte, i int) { unpackK(w, b, b[320+512:], i, b[320:]) },
	formQ6K: unpackQ6K,
}

func unpackK(w *wide32, b, low []byte, i int, fifth []byte) {
	for c := range panelCols {
		scale := int32(b[64+16*i+c])
		w.scale[0][c], w.scale[1][c], w.minimum[c] = scale, scale, int32(b[192+i/2*32+2*c+i%2])
		for k := range 32 {
			q := vectorByte(low[i/2*512:], k, c) >> (i % 2 * 4) & 15
			if fifth != nil {
				q |= fifth[64*i+4*c+k%4] >> (k / 4) & 1 << 4
			}
			w.q[k][c] = int32(q)
		}
	}
}

func unpackQ6K(w *wide32, b []byte, i int) {
	low, s := b[288+i/4*24*64:], i%4
	for c := range panelCols {
		for g := range 2 {
			w.scale[g][c] = int32(int8(b[32+16*(2*i+g)+c]))
		}
		for k := range 32 {
			w.q[k][c] = int32(vectorByte(low[s%2*512:], k, c)>>(s/2*4)&15 | vectorByte(low[1024:], k, c)>>(2*s)&3<<4)
		}
	}
}

// dotWide is the kernel of one row: the products of a block are added in integers, and become floats once.
func dotWide(l layout, unpack func(w *wide32, b []byte, i int)) dot {
	return func(c *float32, _ int, a, b *byte, n, acc int) {
		dst := elements(c, panelCols)
		records, panel := unsafe.Slice((*wideRecord)(unsafe.Pointer(a)), n), unsafe.Slice(b, n*l.bytes)
		if acc == 0 {
			clear(dst)
		}
		var w wide32
		for i := range records {
			var whole, low [panelCols]int32
			block, r := panel[i*l.bytes:], &records[i]
			for g := range 8 {
				unpack(&w, block, g)
				part := &r[g/4]
				q, sum := part.q[g%4*32:][:32], int32(part.sums[g%4])
				for c := range panelCols {
					for k, x := range q {
						whole[c] += w.scale[k/16][c] * (w.q[k][c] - int32(l.z)) * int32(x)
					}
					low[c] += w.minimum[c] * sum
				}
			}
			scale := r[0].scale
			for c := range dst {
				dst[c] += float32(whole[c]) * (half(block[2*c:]) * scale)
				if l.z == 0 { // types with minima
					dst[c] -= float32(low[c]) * (half(block[32+2*c:]) * scale)
				}
			}
		}
	}
}

func roundWideGeneric(dst *byte, stride int, src *float32, n int) {
	x := elements(src, 256*n)
	var q [256]int8
	for i := range n {
		r := (*wideRecord)(unsafe.Add(unsafe.Pointer(dst), i*stride))
		scale := kernel.RoundBlock(q[:], x[256*i:][:256])
		for h := range r {
			part := &r[h]
			copy(part.q[:], q[128*h:])
			part.scale, part.sums, part.z = scale, [4]int16{}, [8]int32{}
			for k, v := range part.q {
				part.sums[k/32] += int16(v)
				part.z[k/16] -= 32 * int32(v)
			}
		}
	}
}
