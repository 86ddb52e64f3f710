package cpu

import (
	"encoding/binary"
	"math"
	"unsafe"

	"github.com/inkstone-ai/inkstone/internal/kernel"
)

// Layouts of packed quantised weights. A panel is 16 columns; for each block of k it has what
// the columns' blocks share, 16 of each side by side, and then vectors: word c of vector w has
// the bytes that column c's block has at 4w. The words are those of the file, so that weights
// of four bits remain four bits; types that no kernel has are written as bytes, exactly.

// A weightForm is one such layout.
type weightForm uint8

const (
	formQ8  weightForm = iota // 16 scales (f16), 8 vectors of bytes, 128 above their value
	formQ4                    // 16 scales (f16), 4 vectors of half-bytes, 8 above their value
	formA8                    // of 16 k: 16 scales and minima (f32), 4 vectors of bytes; twice
	formQ4K                   // 16 scales and scales of minima (f16), 8 times 16 scales, 4 times 16 pairs of minima (u8), 32 vectors of half-bytes
	formQ5K                   // before the vectors 8 more, of fifth bits: one for each 32 k
	formQ6K                   // 16 scales (f16), 16 times 16 (i8); twice 16 vectors of half-bytes and 8 of pairs of bits
	formI4                    // 16 scales (f16), 4 vectors of half-bytes, indices of kernel.IQ4Levels
	formI4K                   // 16 scales (f16), 8 times 16 (i8); 8 times 4 such vectors
	forms
)

const panelCols = 16

// A layout is what a form takes, and what its numbers are above their values.
type layout struct {
	block int // k
	bytes int // of a panel's block
	z     int
	wide  bool // A's records are wide
}

var layouts = [forms]layout{
	formQ8:  {32, 32 + 8*64, 128, false},
	formQ4:  {32, 32 + 4*64, 8, false},
	formA8:  {32, 2 * (128 + 4*64), 0, false},
	formQ4K: {256, 64 + 256 + 32*64, 0, true},
	formQ5K: {256, 64 + 256 + 8*64 + 32*64, 0, true},
	formQ6K: {256, 32 + 256 + 2*(16+8)*64, 32, true},
	formI4:  {32, 32 + 4*64, 128, false},
	formI4K: {256, 32 + 128 + 8*4*64, 128, false},
}

// A writer lays out the blocks of 16 columns side by side: those of src from each column's place
// on, as many as there are.
type writer func(r *repack, dst []byte, columns [][]byte)

// formOf is the layout of a type's weights, and what writes a panel's block of it.
func formOf(t kernel.DType) (weightForm, writer) {
	switch t {
	case kernel.Q8_0:
		return formQ8, writeQ8
	case kernel.Q5_0:
		return formQ8, eachColumn(columnQ5)
	case kernel.IQ4_NL:
		return formI4, writeQ4
	case kernel.IQ4_XS:
		return formI4K, writeI4K
	case kernel.Q4_0:
		return formQ4, writeQ4
	case kernel.Q4_K:
		return formQ4K, writeQ4K
	case kernel.Q5_K:
		return formQ5K, writeQ5K
	case kernel.Q6_K:
		return formQ6K, writeQ6K
	}
	return formA8, eachColumn(columnsA8[t])
}

// eachColumn is the writer of a type whose columns are written one by one.
func eachColumn(f func(dst, src []byte, column int)) writer {
	return func(_ *repack, dst []byte, columns [][]byte) {
		for c, src := range columns {
			f(dst, src, c)
		}
	}
}

// A repack writes panels. words8 transposes 8 rows of n words, a multiple of 4, stride bytes
// apart, and turns the bits of flip: word j of row i goes to byte 64j+4i of dst.
type repack struct {
	words8 func(dst, src *byte, stride, n int, flip uint32)
	stride int // bytes between columns
}

// vectors writes n words of each column, from byte at of its block on, as n vectors.
func (r *repack) vectors(dst []byte, columns [][]byte, at, n int, flip uint32) {
	if len(columns) == panelCols {
		dst, _ = dst[:64*n], columns[panelCols-1][at:][:4*n] // bounds, which assembly does not check
		r.words8(&dst[0], &columns[0][at], r.stride, n, flip)
		r.words8(&dst[32], &columns[8][at], r.stride, n, flip)
		return
	}
	for c, src := range columns {
		words(dst, src[at:], c, n, flip)
	}
}

// words copies n words of a column to as many vectors.
func words(dst, src []byte, column, n int, xor uint32) {
	dst, src = dst[4*column:], src[:4*n]
	for w := range n {
		binary.LittleEndian.PutUint32(dst[64*w:], binary.LittleEndian.Uint32(src[4*w:])^xor)
	}
}

func words8Generic(dst, src *byte, stride, n int, flip uint32) {
	to, from := unsafe.Slice(dst, 64*(n-1)+32), unsafe.Slice(src, 7*stride+4*n)
	for c := range 8 {
		for w := range n {
			binary.LittleEndian.PutUint32(to[64*w+4*c:], binary.LittleEndian.Uint32(from[c*stride+4*w:])^flip)
		}
	}
}

// halfAt copies a binary16 to the column's place among 16.
func halfAt(dst, src []byte, column int) { dst[2*column], dst[2*column+1] = src[0], src[1] }

// above128 turns signed bytes into unsigned ones that are 128 above them.
const above128 = 0x80808080

func writeQ8(r *repack, dst []byte, columns [][]byte) {
	for c, src := range columns {
		halfAt(dst, src, c)
	}
	r.vectors(dst[32:], columns, 2, 8, above128)
}

func writeQ4(r *repack, dst []byte, columns [][]byte) {
	for c, src := range columns {
		halfAt(dst, src, c)
	}
	r.vectors(dst[32:], columns, 2, 4, 0)
}

func columnQ5(dst, src []byte, column int) {
	var q [32]byte
	high := binary.LittleEndian.Uint32(src[2:])
	nibbles(&q, src[6:], func(i int, n byte) byte { return (n | byte(high>>i&1)<<4) - 16 })
	halfAt(dst, src, column)
	words(dst[32:], q[:], column, 8, above128)
}

// nibbles takes 32 half-bytes apart, of which byte i has number i and i+16.
func nibbles(q *[32]byte, src []byte, f func(i int, n byte) byte) {
	for i, b := range src[:16] {
		q[i], q[i+16] = f(i, b&15), f(i+16, b>>4)
	}
}

func writeI4K(r *repack, dst []byte, columns [][]byte) {
	for c, src := range columns {
		halfAt(dst, src, c)
		for g := range 8 {
			dst[32+16*g+c] = byte(kernel.ScaleIQ4XS(src, g))
		}
	}
	r.vectors(dst[160:], columns, 8, 32, 0)
}

func writeQ4K(r *repack, dst []byte, columns [][]byte) {
	for c, src := range columns {
		header4K(dst, src, c)
	}
	r.vectors(dst[320:], columns, 16, 32, 0)
}

func writeQ5K(r *repack, dst []byte, columns [][]byte) {
	for c, src := range columns {
		header4K(dst, src, c)
		fifthBits(dst[320:], src[16:48], c)
	}
	r.vectors(dst[320+512:], columns, 48, 32, 0)
}

// fifthBits writes bit g of the bytes of words 0 to 7 as bits 0 to 7 of bytes of vector g: a kernel takes what
// it needs for 32 k from a single vector, by shifts that it knows.
func fifthBits(dst, src []byte, column int) {
	for b := range 4 {
		var x uint64
		for w := range 8 {
			x |= uint64(src[4*w+b]) << (8 * w)
		}
		x = transpose8(x)
		for g := range 8 {
			dst[64*g+4*column+b] = byte(x >> (8 * g))
		}
	}
}

// transpose8 swaps bit j of byte i and bit i of byte j (Warren, Hacker's Delight, section 7-3).
func transpose8(x uint64) uint64 {
	for _, s := range [...]struct {
		n    int
		mask uint64
	}{{7, 0x00aa00aa00aa00aa}, {14, 0x0000cccc0000cccc}, {28, 0x00000000f0f0f0f0}} {
		t := (x ^ x>>s.n) & s.mask
		x ^= t ^ t<<s.n
	}
	return x
}

// header4K writes the scales and minima that Q4_K and Q5_K begin with: of the latter, two neighbours side by side.
func header4K(dst, src []byte, column int) {
	halfAt(dst, src, column)
	halfAt(dst[32:], src[2:], column)
	for g := range 8 {
		dst[64+16*g+column], dst[192+g/2*32+2*column+g%2] = kernel.ScaleMin6(src[4:], g)
	}
}

func writeQ6K(r *repack, dst []byte, columns [][]byte) {
	for c, src := range columns {
		halfAt(dst, src[208:], c)
		for g, s := range src[192:208] {
			dst[32+16*g+c] = s
		}
	}
	for h := range 2 {
		r.vectors(dst[288+24*64*h:], columns, 64*h, 16, 0)
		r.vectors(dst[288+24*64*h+16*64:], columns, 128+32*h, 8, 0)
	}
}

// columnsA8 write a block of a type as bytes q with y = scale·q − minimum for each 16; blocks
// of 256 are eight of the layout's.
var columnsA8 = map[kernel.DType]func(dst, src []byte, column int){
	kernel.Q4_1: func(dst, src []byte, column int) {
		var q [32]byte
		nibbles(&q, src[4:], func(_ int, n byte) byte { return n })
		both(dst, column, &q, half(src), -half(src[2:]))
	},
	kernel.Q5_1: func(dst, src []byte, column int) {
		var q [32]byte
		high := binary.LittleEndian.Uint32(src[4:])
		nibbles(&q, src[8:], func(i int, n byte) byte { return n | byte(high>>i&1)<<4 })
		both(dst, column, &q, half(src), -half(src[2:]))
	},
	kernel.MXFP4: func(dst, src []byte, column int) {
		var q [32]byte
		nibbles(&q, src[1:], func(_ int, n byte) byte { return twiceE2M1[n] })
		scale := float32(math.Ldexp(1, int(src[0])-128))
		both(dst, column, &q, scale, 12*scale)
	},
	kernel.Q2_K: func(dst, src []byte, column int) {
		scales, d, least := src[:16], half(src[80:]), half(src[82:])
		for g, s := range scales {
			sixteen(dst, column, g, d*float32(s&15), least*float32(s>>4), func(j int) byte {
				return src[16+g/8*32+g%2*16+j] >> (g % 8 / 2 * 2) & 3
			})
		}
	},
	kernel.Q3_K: func(dst, src []byte, column int) {
		scales, d := src[96:108], half(src[108:])
		for g := range 16 {
			s := int(scales[g%8]>>(g/8*4)&15|scales[8+g%4]>>(g/4*2)&3<<4) - 32
			sixteen(dst, column, g, d*float32(s), 4*d*float32(s), func(j int) byte {
				low := src[32+g/8*32+g%2*16+j] >> (g % 8 / 2 * 2) & 3
				return low | src[g%2*16+j]>>(g/2)&1<<2
			})
		}
	},
}

// twiceE2M1 are 12 above twice the floats of four bits.
var twiceE2M1 = [16]byte{12, 13, 14, 15, 16, 18, 20, 24, 12, 11, 10, 9, 8, 6, 4, 0}

func half(b []byte) float32 { return kernel.FromF16(binary.LittleEndian.Uint16(b)) }

// both writes 32 bytes that have one scale and minimum.
func both(dst []byte, column int, q *[32]byte, scale, minimum float32) {
	for g := range 2 {
		sixteen(dst, column, g, scale, minimum, func(j int) byte { return q[16*g+j] })
	}
}

// sixteen writes group g of 16 bytes.
func sixteen(dst []byte, column, g int, scale, minimum float32, q func(j int) byte) {
	dst = dst[g*(layouts[formA8].bytes/2):]
	binary.LittleEndian.PutUint32(dst[4*column:], math.Float32bits(scale))
	binary.LittleEndian.PutUint32(dst[64+4*column:], math.Float32bits(minimum))
	for j := range 16 {
		dst[128+64*(j/4)+4*column+j%4] = q(j)
	}
}

// packQuantised lays the rows of b, (N, K), out in panels.
func (d *device) packQuantised(b mat) mat {
	form, write := formOf(b.Type)
	l := layouts[form]
	p := mat{Rows: b.Cols, Cols: b.Rows, Stride: b.Rows, Type: b.Type, Packed: true}
	size := p.Rows / l.block * l.bytes
	p.Buf = d.allocPacked(groups(p.Cols, panelCols) * size)
	d.tasks.packPanels = packPanelsTask{
		repack: repack{d.words8, b.Type.Bytes(b.Stride)}, b: b, dst: kernel.Elements[byte](p.Buf), size: size, write: write, form: form,
	}
	if size > 0 {
		d.parallel(groups(p.Cols, panelCols), &d.tasks.packPanels)
	}
	return p
}

type packPanelsTask struct {
	repack
	b     mat
	dst   []byte
	size  int // of a panel
	form  weightForm
	write writer
}

// tile writes panel i: block by block, so that it is written from front to end.
func (t *packPanelsTask) tile(_ *worker, i int) {
	dst, src := t.dst[i*t.size:][:t.size], kernel.Elements[byte](t.b.Buf)
	block := t.b.Type.Block()
	from, to := t.b.Type.Bytes(block), layouts[t.form].bytes*block/layouts[t.form].block
	var room [panelCols][]byte
	columns := room[:min(panelCols, t.b.Rows-i*panelCols)]
	for k := 0; k < t.b.Cols; k += block {
		for c := range columns {
			at := t.b.Type.Bytes(t.b.Index(i*panelCols+c, k))
			columns[c] = src[at : at+from]
		}
		t.write(&t.repack, dst[:to], columns)
		dst = dst[to:]
	}
}
