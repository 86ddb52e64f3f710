package main

import (
	bytesof "encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/inkstone-ai/inkstone/internal/kernel/_asm/emit"
	"github.com/inkstone-ai/inkstone/internal/kernel/_asm/machine"
)

// words are bytes as words of memory.
func words(b []byte) []uint32 {
	w := make([]uint32, len(b)/4)
	for i := range w {
		w[i] = bytesof.LittleEndian.Uint32(b[4*i:])
	}
	return w
}

func wordBytes(w []uint32) (b []byte) {
	for _, x := range w {
		b = bytesof.LittleEndian.AppendUint32(b, x)
	}
	return b
}

// A meaning is a form's layout in plain terms: number k of a column of a block is
// scale·(q−z) − minimum.
type meaning struct {
	k, bytes, z int
	wide        bool // of A's records
	number      func(b []byte, k, c int) (scale, q, minimum float64)
}

func halfAt(b []byte, i int) float64 {
	h := bytesof.LittleEndian.Uint16(b[2*i:])
	return float64(int(h>>15)*-2+1) * float64(h&0x3ff|0x400) * math.Ldexp(1, int(h>>10&31)-25) // a normal number
}

func floatAt(b []byte, i int) float64 {
	return float64(math.Float32frombits(bytesof.LittleEndian.Uint32(b[4*i:])))
}

// at is byte k of column c in the vectors of b.
func at(b []byte, k, c int) int { return int(b[k/4*64+4*c+k%4]) }

var meanings = map[string]meaning{
	"Q8": {32, panel8, 128, false, func(b []byte, k, c int) (float64, float64, float64) {
		return halfAt(b, c), float64(at(b[32:], k, c)), 0
	}},
	"Q4": {32, panel4, 8, false, func(b []byte, k, c int) (float64, float64, float64) {
		return halfAt(b, c), float64(at(b[32:], k%16, c) >> (k / 16 * 4) & 15), 0
	}},
	"A8": {32, panelA8, 0, false, func(b []byte, k, c int) (float64, float64, float64) {
		b = b[k/16*panelA8/2:]
		return floatAt(b, c), float64(at(b[128:], k%16, c)), floatAt(b[64:], c)
	}},
	"Q4K": {256, header4K + 32*64, 0, true, func(b []byte, k, c int) (float64, float64, float64) {
		g := k / 32
		return halfAt(b, c) * float64(b[64+16*g+c]), float64(at(b[header4K+g/2*512:], k%32, c) >> (g % 2 * 4) & 15), halfAt(b, 16+c) * float64(b[192+g/2*32+2*c+g%2])
	}},
	"Q5K": {256, header4K + 40*64, 0, true, func(b []byte, k, c int) (float64, float64, float64) {
		g := k / 32
		q := at(b[header4K+512+g/2*512:], k%32, c)>>(g%2*4)&15 | at(b[header4K+64*g:], k%4, c)>>(k%32/4)&1<<4
		return halfAt(b, c) * float64(b[64+16*g+c]), float64(q), halfAt(b, 16+c) * float64(b[192+g/2*32+2*c+g%2])
	}},
	"Q6K": {256, panel6K, 32, true, func(b []byte, k, c int) (float64, float64, float64) {
		g, s, half := k/16, k/32%4, b[32+256+k/128*24*64:]
		q := at(half[s%2*512:], k%32, c)>>(s/2*4)&15 | at(half[1024:], k%32, c)>>(2*s)&3<<4
		return halfAt(b, c) * float64(int8(b[32+16*g+c])), float64(q), 0
	}},
	"I4": {32, panel4, 128, false, func(b []byte, k, c int) (float64, float64, float64) {
		return halfAt(b, c), level(b[32:], k, c), 0
	}},
	"I4K": {256, headerI4 + 32*64, 128, false, func(b []byte, k, c int) (float64, float64, float64) {
		g := k / 32
		return halfAt(b, c) * float64(int8(b[32+16*g+c])), level(b[headerI4+256*g:], k%32, c), 0
	}},
}

// level is number k of column c of 32 indices of half a byte: levels of IQ4_NL, 128 above their value.
func level(b []byte, k, c int) float64 {
	return [16]float64{1, 24, 45, 63, 79, 93, 106, 118, 129, 141, 153, 166, 181, 197, 217, 241}[at(b, k%16, c)>>(k/16*4)&15]
}

// randomPanel are blocks whose bytes are random and whose floats are about 1.
func randomPanel(form string, m meaning, blocks int) []byte {
	b := make([]byte, m.bytes*blocks)
	for i := range b {
		b[i] = byte(rand.Uint32())
		if form == "A8" {
			b[i] &= 0x7f // such weights have five bits at most
		}
	}
	for at := 0; at < len(b); at += m.bytes {
		block := b[at:]
		switch form {
		case "A8":
			for g := range 2 {
				for i := range 32 {
					bytesof.LittleEndian.PutUint32(block[g*panelA8/2+4*i:], math.Float32bits(normal()))
				}
			}
		default:
			for i := range 32 {
				if form == "Q4K" || form == "Q5K" || i < 16 {
					block[2*i+1] = byte(0x38+rand.IntN(6)) | byte(rand.IntN(2))<<7
				}
			}
			if form == "Q4K" || form == "Q5K" {
				for i := 64; i < header4K; i++ {
					block[i] &= 63 // scales and minima have six bits
				}
			}
		}
	}
	return b
}

// records are rows of blocks as [emit.VNNI]'s kernels read them, with the numbers that they mean.
func records(rows, blocks, z int) (b []byte, x [][]float64) {
	x = make([][]float64, rows)
	for range blocks {
		for r := range rows {
			var rec [64]byte
			scale := float32(rand.Float32() + 0.5)
			var sums [3]int
			for k := range 32 {
				q := rand.IntN(255) - 127
				rec[k] = byte(int8(q))
				sums[0], sums[1+k/16] = sums[0]+q, sums[1+k/16]+q
				x[r] = append(x[r], float64(q)*float64(scale))
			}
			bytesof.LittleEndian.PutUint32(rec[ofScale:], math.Float32bits(scale))
			for i, sum := range sums {
				bytesof.LittleEndian.PutUint32(rec[ofZ+4*i:], uint32(int32(-z*sum)))
				bytesof.LittleEndian.PutUint32(rec[ofSum+4*i:], math.Float32bits(scale*float32(sum)))
			}
			b = append(b, rec[:]...)
		}
	}
	return b, x
}

// wideRecords are rows of blocks of 256 k likewise.
func wideRecords(rows, blocks, z int) (b []byte, x [][]float64) {
	x = make([][]float64, rows)
	for range blocks {
		for r := range rows {
			var rec [wideBytes]byte
			scale := float32(rand.Float32() + 0.5)
			for g := range 16 { // of 16 k
				half, sum := rec[g/8*wideHalf:], 0
				for k := range 16 {
					q := rand.IntN(255) - 127
					half[g%8*16+k] = byte(int8(q))
					x[r] = append(x[r], float64(q)*float64(scale))
					sum += q
				}
				bytesof.LittleEndian.PutUint32(half[ofWideScale:], math.Float32bits(scale))
				bytesof.LittleEndian.PutUint32(half[ofWideZ+g%8*4:], uint32(int32(-z*sum)))
				pair := half[ofWidePairs+g%8/2*2:]
				bytesof.LittleEndian.PutUint16(pair, bytesof.LittleEndian.Uint16(pair)+uint16(int16(sum)))
			}
			b = append(b, rec[:]...)
		}
	}
	return b, x
}

// rows are records as a form's kernels read them.
func (m meaning) rows(rows, blocks, z int) ([]byte, [][]float64) {
	if m.wide {
		return wideRecords(rows, blocks*m.k/256, z)
	}
	return records(rows, blocks*m.k/32, z)
}

func TestDots(t *testing.T) {
	file := quantised()
	for _, isa := range []*emit.ISA{emit.AVX2, emit.AVXVNNI, emit.VNNI} {
		for form, m := range meanings {
			for rows := 1; rows <= mostRows(isa); rows *= 2 {
				name := fmt.Sprintf("dot%sx%d%s", form, rows, isa.Name)
				t.Run(name, func(t *testing.T) { testDot(t, file, name, form, m, rows, isa == emit.AVX2 && m.z == 128) })
			}
		}
	}
}

func testDot(t *testing.T, file *emit.File, name, form string, m meaning, rows int, signed bool) {
	const blocks, ldc = 2, 19
	z := m.z
	if signed { // the kernel takes z off itself
		z = 0
	}
	b := randomPanel(form, m, blocks)
	a, x := m.rows(rows, blocks, z)
	c := numbers(rows*ldc, normal)
	for acc := range 2 {
		want, scale := floats(c), 0.0
		for r := range rows {
			for col := range 16 {
				sum := 0.0
				for k, xk := range x[r] {
					s, q, low := m.number(b[k/m.k*m.bytes:], k%m.k, col)
					sum += xk * (s*(q-float64(m.z)) - low)
					scale = max(scale, math.Abs(xk*s*q))
				}
				want[r*ldc+col] = sum + float64(acc)*want[r*ldc+col]
			}
		}
		vm := machine.New(file)
		to, ap, bp := vm.Map(c), vm.Map(words(a)), vm.Map(words(b))
		call(t, vm, program(t, file, name), to, ldc, ap, bp, blocks, uint64(acc))
		for i, w := range want {
			if got := value(vm.Words(to)[i]); math.Abs(got-w) > 1e-5*scale*float64(len(x[0])) {
				t.Fatalf("acc %d: element %d is %v, want %v", acc, i, got, w)
			}
		}
	}
}

// rounded is the byte of a number of a block whose largest magnitude is top.
func rounded(x uint32, top float64) float64 {
	if top <= 0x1p-100 {
		return 0
	}
	return math.RoundToEven(float64(math.Float32frombits(x) * (127 / float32(top))))
}

func TestRoundBlocks(t *testing.T) {
	file := quantised()
	eachVersion(t, func(t *testing.T, isa *emit.ISA) {
		const blocks, stride, z = 3, 128, 32
		x := numbers(32*blocks, normal)
		clear(x[32:64])
		for i := range 32 {
			x[64+i] = math.Float32bits(1e-38 * float32(i))
		}
		vm := machine.New(file)
		dst := vm.Map(fresh(stride / 4 * blocks))
		call(t, vm, program(t, file, "roundBlocks"+isa.Name), dst, stride, vm.Map(x), blocks, z)
		out := wordBytes(vm.Words(dst))
		for n := range blocks {
			rec, top := out[n*stride:], 0.0
			for i := range 32 {
				top = max(top, math.Abs(value(x[32*n+i])))
			}
			scale := float64(float32(top) / 127)
			var sums [3]float64
			for i := range 32 {
				q := rounded(x[32*n+i], top)
				if got := float64(int8(rec[i])); got != q {
					t.Fatalf("block %d, number %d: %v, want %v", n, i, got, q)
				}
				sums[0], sums[1+i/16] = sums[0]+q, sums[1+i/16]+q
			}
			if got := floatAt(rec[ofScale:], 0); got != scale {
				t.Errorf("block %d: scale %v, want %v", n, got, scale)
			}
			for i, sum := range sums {
				if got := int32(bytesof.LittleEndian.Uint32(rec[ofZ+4*i:])); float64(got) != z*sum {
					t.Errorf("block %d: z times sum %d is %v, want %v", n, i, got, z*sum)
				}
				if got := floatAt(rec[ofSum:], i); got != float64(float32(sum)*float32(scale)) {
					t.Errorf("block %d: sum %d is %v, want %v", n, i, got, sum*scale)
				}
			}
		}
	})
}

func TestRoundWide(t *testing.T) {
	file := quantised()
	eachVersion(t, func(t *testing.T, isa *emit.ISA) {
		const blocks, stride = 3, 2 * wideBytes
		x := numbers(256*blocks, normal)
		clear(x[256:512])
		for i := range 256 {
			x[512+i] = math.Float32bits(1e-38 * float32(i))
		}
		vm := machine.New(file)
		dst := vm.Map(fresh(stride / 4 * blocks))
		call(t, vm, program(t, file, "roundWide"+isa.Name), dst, stride, vm.Map(x), blocks)
		out := wordBytes(vm.Words(dst))
		for n := range blocks {
			top := 0.0
			for i := range 256 {
				top = max(top, math.Abs(value(x[256*n+i])))
			}
			scale := float64(float32(top) / 127)
			var sums [16]int32
			for i := range 256 {
				q := rounded(x[256*n+i], top)
				if got := float64(int8(out[n*stride+i/128*wideHalf+i%128])); got != q {
					t.Fatalf("block %d, number %d: %v, want %v", n, i, got, q)
				}
				sums[i/16] += int32(q)
			}
			for h := range 2 {
				half := out[n*stride+h*wideHalf:]
				if got := floatAt(half[ofWideScale:], 0); got != scale {
					t.Errorf("block %d: scale %v, want %v", n, got, scale)
				}
				for g := range 8 {
					sum, pair := sums[8*h+g], sums[8*h+g&^1]+sums[8*h+g|1]
					if got := int32(bytesof.LittleEndian.Uint32(half[ofWideZ+4*g:])); got != -32*sum {
						t.Errorf("block %d: −32 times sum %d is %v, want %v", n, 8*h+g, got, -32*sum)
					}
					if got := int16(bytesof.LittleEndian.Uint16(half[ofWidePairs+g/2*2:])); int32(got) != pair {
						t.Errorf("block %d: sum %d of 32 is %v, want %v", n, 4*h+g/2, got, pair)
					}
				}
			}
		}
	})
}

func TestWords8(t *testing.T) {
	file := pack()
	const n, stride, flip = 8, 44, 0x80808080
	src := make([]uint32, 8*stride/4)
	for i := range src {
		src[i] = rand.Uint32()
	}
	vm := machine.New(file)
	dst := vm.Map(fresh(16 * n))
	call(t, vm, program(t, file, "words8AVX2"), dst, vm.Map(src), stride, n, flip)
	got := vm.Words(dst)
	for w := range n {
		for i := range 8 {
			if want := src[i*stride/4+w] ^ flip; got[16*w+i] != want {
				t.Fatalf("word %d of row %d: %#x, want %#x", w, i, got[16*w+i], want)
			}
			if got[16*w+8+i] != untouched {
				t.Fatalf("word %d behind row %d was written", w, i)
			}
		}
	}
}

// TestTiles unpacks panels and multiplies pieces of rows by them.
func TestTiles(t *testing.T) {
	file := quantised()
	for form, tile := range map[string]string{"Q8": "tile", "Q4": "tile", "A8": "tileHalvesMin", "Q4K": "tileWideMin", "Q5K": "tileWideMin", "Q6K": "tileWide", "I4": "tile", "I4K": "tile"} {
		t.Run(form, func(t *testing.T) { testTiles(t, file, form, tile, meanings[form]) })
	}
}

func testTiles(t *testing.T, file *emit.File, form, tile string, m meaning) {
	const blocks, ldc, rows = 3, 19, 32
	n := blocks * m.k / 32
	b := randomPanel(form, m, blocks)
	if m.wide {
		n = blocks
	}
	first, x := m.rows(tileRows16, blocks, m.z)
	second, y := m.rows(tileRows16, blocks, m.z)
	x = append(x, y...)
	c := numbers(rows*ldc, normal)
	for acc := range 2 {
		vm := machine.New(file)
		unpacked, to := vm.Map(fresh(blocks*m.k/32*(2*128+1024)/4)), vm.Map(c)
		call(t, vm, program(t, file, "stage"+form+"AMX"), unpacked, vm.Map(words(b)), blocks)
		call(t, vm, program(t, file, tile+"AMX"), to, ldc, vm.Map(words(append(first, second...))), uint64(len(first)), unpacked,
			vm.Map(fresh(512)), uint64(n), uint64(acc), rows/tileRows16, unpacked)
		for r := range rows {
			for col := range 16 {
				want, scale := float64(acc)*value(c[r*ldc+col]), 0.0
				for k, xk := range x[r] {
					s, q, low := m.number(b[k/m.k*m.bytes:], k%m.k, col)
					want += xk * (s*(q-float64(m.z)) - low)
					scale = max(scale, math.Abs(xk*s*q))
				}
				if got := value(vm.Words(to)[r*ldc+col]); math.Abs(got-want) > 1e-5*scale*float64(blocks*m.k) {
					t.Fatalf("acc %d: element %d, %d is %v, want %v", acc, r, col, got, want)
				}
			}
			if got := vm.Words(to)[r*ldc+16]; r+1 < rows && got != c[r*ldc+16] {
				t.Fatalf("beside row %d something was written", r)
			}
		}
	}
}
