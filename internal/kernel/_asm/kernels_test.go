package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/inkstone-ai/inkstone/internal/kernel/_asm/emit"
	"github.com/inkstone-ai/inkstone/internal/kernel/_asm/machine"
)

// These tests execute the generated programs of every instruction set in
// package machine, so that AVX-512 is verified on machines without it. Memory
// ends exactly where operands end: one lane too far is a fault.

// program finds a function of a family.
func program(t *testing.T, file *emit.File, name string) *emit.Func {
	t.Helper()
	for _, f := range file.Funcs {
		if f.Name == name {
			return f
		}
	}
	t.Fatalf("%s has no function %s", file.Name, name)
	return nil
}

func eachVersion(t *testing.T, f func(t *testing.T, isa *emit.ISA)) {
	for _, isa := range versions {
		t.Run(isa.Name, func(t *testing.T) { f(t, isa) })
	}
}

// numbers is n words of float32 values.
func numbers(n int, value func() float32) []uint32 {
	w := make([]uint32, n)
	for i := range w {
		w[i] = math.Float32bits(value())
	}
	return w
}

// small is an integer in −4…4: products of these add up without rounding.
func small() float32 { return float32(rand.IntN(9) - 4) }

func normal() float32 { return float32(rand.NormFloat64()) }

func value(w uint32) float64 { return float64(math.Float32frombits(w)) }

func call(t *testing.T, m *machine.Machine, f *emit.Func, args ...uint64) {
	t.Helper()
	if err := m.Call(f, args...); err != nil {
		t.Fatal(err)
	}
}

func equal(t *testing.T, what string, got []uint32, want []float64, tolerance float64) {
	t.Helper()
	for i, w := range want {
		if g := value(got[i]); !(math.Abs(g-w) <= tolerance*max(1e-3, math.Abs(w))) && !(math.IsNaN(g) && math.IsNaN(w)) && g != w {
			t.Fatalf("%s: element %d is %v, want %v", what, i, g, w)
		}
	}
}

func floats(words []uint32) []float64 {
	f := make([]float64, len(words))
	for i, w := range words {
		f[i] = value(w)
	}
	return f
}

func TestStrip(t *testing.T) { testStrip(t, "strip", 2) }

func TestHalf(t *testing.T) { testStrip(t, "half", 1) }

func testStrip(t *testing.T, name string, vectors int) {
	file := product()
	eachVersion(t, func(t *testing.T, isa *emit.ISA) {
		f, width := program(t, file, name+isa.Name), vectors*isa.Lanes
		for m := range 27 {
			for _, k := range []int{0, 1, 3, 4, 5, 9} {
				ldc, ars, acs, bs, acc := width+3, 11, 1, width+5, m&1
				if m%3 == 0 { // A transposed
					ars, acs = 1, m+2
				}
				if m == 0 || k == 0 && acc == 1 {
					continue
				}
				c := numbers((m-1)*ldc+width, small)
				a, b := numbers((m-1)*ars+max(0, k-1)*acs+1, small), numbers(max(0, k-1)*bs+width, small)
				want := floats(c)
				for i := range m {
					for j := range width {
						at := i*ldc + j
						want[at] *= float64(acc)
						for p := range k {
							want[at] += value(a[i*ars+p*acs]) * value(b[p*bs+j])
						}
					}
				}
				vm := machine.New(file)
				ca, aa, ba := vm.Map(c), vm.Map(a), vm.Map(b)
				call(t, vm, f, ca, uint64(ldc), aa, uint64(ars), uint64(acs), ba, uint64(bs), uint64(m), uint64(k), uint64(acc), ba)
				equal(t, fmt.Sprintf("m %d k %d", m, k), vm.Words(ca), want, 0)
			}
		}
	})
}

func TestRow(t *testing.T) {
	file := product()
	eachVersion(t, func(t *testing.T, isa *emit.ISA) {
		f, width := program(t, file, "row"+isa.Name), 2*isa.Lanes
		for panels := 1; panels < 10; panels++ {
			k, acs, acc := panels%4+1, panels%3+1, panels&1
			bs, ps := width, k*width // packed
			if panels%2 == 0 {       // as they lie
				bs, ps = panels*width+3, width
			}
			c, a := numbers(panels*width, small), numbers((k-1)*acs+1, small)
			b := numbers((panels-1)*ps+(k-1)*bs+width, small)
			want := floats(c)
			for j := range want {
				want[j] *= float64(acc)
				for p := range k {
					want[j] += value(a[p*acs]) * value(b[j/width*ps+p*bs+j%width])
				}
			}
			vm := machine.New(file)
			ca, aa, ba := vm.Map(c), vm.Map(a), vm.Map(b)
			call(t, vm, f, ca, aa, uint64(acs), ba, uint64(bs), uint64(ps), uint64(panels), uint64(k), uint64(acc))
			equal(t, fmt.Sprintf("panels %d", panels), vm.Words(ca), want, 0)
		}
	})
}

func TestPanels(t *testing.T) {
	file := pack()
	eachVersion(t, func(t *testing.T, isa *emit.ISA) {
		f, width := program(t, file, "panels"+isa.Name), 2*isa.Lanes
		for k := 1; k < 9; k++ {
			count := 1 + k%4
			ld, ps := count*width+k, (k+1)*width
			src := numbers((k-1)*ld+count*width, normal)
			want := make([]float64, (count-1)*ps+k*width)
			for p := range k {
				for j := range count * width {
					want[j/width*ps+p*width+j%width] = value(src[p*ld+j])
				}
			}
			vm := machine.New(file)
			dst, from := vm.Map(make([]uint32, len(want))), vm.Map(src)
			call(t, vm, f, dst, uint64(ps), from, uint64(ld), uint64(count), uint64(k))
			equal(t, fmt.Sprint("k ", k), vm.Words(dst), want, 0)
		}
	})
}

// state is Go's struct lanes: top, sum, fade, from, to.
func state(count, keys int) []uint32 {
	w := make([]uint32, 5*64)
	for l := range 64 {
		w[l], w[64+l] = math.Float32bits(float32(math.Inf(-1))), math.Float32bits(0)
		if l%3 != 0 {
			w[l], w[64+l] = math.Float32bits(normal()), math.Float32bits(1+rand.Float32())
		}
		if l < count {
			w[192+l], w[256+l] = uint32(100+rand.IntN(keys/2+1)), uint32(100+rand.IntN(keys+2))
		}
	}
	return w
}

func TestWeigh(t *testing.T) {
	file := attention()
	eachVersion(t, func(t *testing.T, isa *emit.ISA) {
		f := program(t, file, "weigh"+isa.Name)
		for i := range 12 {
			keys, count, masked, scale := 1+i*3, isa.Lanes*(1+i%4), i&1, 0.5+float32(i)
			lane := min(isa.Lanes, 64-count) // lanes before it stay as they are
			ld := lane + count + i
			s, q := numbers((keys-1)*ld+lane+count, normal), state(lane+count, keys)
			want, wantQ := floats(s), floats(q)
			for l := lane; l < lane+count; l++ {
				top := wantQ[l]
				for j := range keys {
					x := &want[j*ld+l]
					*x *= float64(scale)
					if masked == 1 && (100+j < int(q[192+l]) || 100+j >= int(q[256+l])) {
						*x = math.Inf(-1)
					}
					top = max(top, *x)
				}
				base := top
				if math.IsInf(top, -1) {
					base = 0
				}
				fade := math.Exp(wantQ[l] - base)
				sum := wantQ[64+l] * fade
				for j := range keys {
					want[j*ld+l] = math.Exp(want[j*ld+l] - base)
					sum += want[j*ld+l]
				}
				wantQ[l], wantQ[64+l], wantQ[128+l] = top, sum, fade
			}
			vm := machine.New(file)
			sa, qa := vm.Map(s), vm.Map(q)
			call(t, vm, f, sa, uint64(ld), uint64(keys), qa, uint64(lane), uint64(count), 100, uint64(masked), uint64(math.Float32bits(scale)))
			equal(t, fmt.Sprint("weights ", i), vm.Words(sa), want, 4e-6)
			equal(t, fmt.Sprint("state ", i), vm.Words(qa), wantQ, 4e-6)
		}
	})
}

func TestSlopes(t *testing.T) {
	file := attention()
	eachVersion(t, func(t *testing.T, isa *emit.ISA) {
		f := program(t, file, "slopes"+isa.Name)
		for i := range 12 {
			keys, count, masked, scale := 1+i*3, isa.Lanes*(1+i%4), i&1, 0.5+float32(i)/8
			lane := min(isa.Lanes, 64-count)
			ld := lane + count + i
			n := (keys-1)*ld + lane + count
			s, dp, q := numbers(n, normal), numbers(n, normal), state(lane+count, keys)
			for l := range 64 {
				q[l] = math.Float32bits(3 + normal())
			}
			wantS, wantP := floats(s), floats(dp)
			for j := range keys {
				for l := lane; l < lane+count; l++ {
					at := j*ld + l
					p := math.Exp(wantS[at]*float64(scale) - value(q[l]))
					if masked == 1 && (100+j < int(q[192+l]) || 100+j >= int(q[256+l])) {
						p = 0
					}
					wantS[at], wantP[at] = p, (wantP[at]-value(q[64+l]))*p*float64(scale)
				}
			}
			vm := machine.New(file)
			sa, da, qa := vm.Map(s), vm.Map(dp), vm.Map(q)
			call(t, vm, f, sa, da, uint64(ld), uint64(keys), qa, uint64(lane), uint64(count), 100, uint64(masked), uint64(math.Float32bits(scale)))
			equal(t, fmt.Sprint("weights ", i), vm.Words(sa), wantS, 4e-6)
			equal(t, fmt.Sprint("slopes ", i), vm.Words(da), wantP, 1e-5)
		}
	})
}

func TestScaleRows(t *testing.T) {
	file := attention()
	eachVersion(t, func(t *testing.T, isa *emit.ISA) {
		f := program(t, file, "scaleRows"+isa.Name)
		for rows := 1; rows < 6; rows++ {
			cols := isa.Lanes * rows
			ld := cols + 1
			x, by := numbers((rows-1)*ld+cols, small), numbers(rows, small)
			want := floats(x)
			for i := range rows {
				for j := range cols {
					want[i*ld+j] *= value(by[i])
				}
			}
			vm := machine.New(file)
			xa, ba := vm.Map(x), vm.Map(by)
			call(t, vm, f, xa, uint64(ld), ba, uint64(rows), uint64(cols))
			equal(t, fmt.Sprint("rows ", rows), vm.Words(xa), want, 0)
		}
	})
}

// TestExp covers the range of the exponential, and what is outside it.
func TestExp(t *testing.T) {
	eachVersion(t, func(t *testing.T, isa *emit.ISA) {
		file := &emit.File{Name: "exp"}
		file.Func(isa, "exp", "", []emit.Param{{Name: "x", Type: "*float32"}}, func(f *emit.Func) {
			x := f.Arg("x")
			f.Store(expWeight(f, f.Load(emit.At(x, 0))), emit.At(x, 0))
			f.Ret()
		})
		check := func(at float32, tolerance float64) {
			words := numbers(isa.Lanes, func() float32 { return at })
			want := math.Exp(float64(at))
			if at < -87.33654 {
				want = 0
			}
			vm := machine.New(file)
			a := vm.Map(words)
			call(t, vm, file.Funcs[0], a)
			if got := value(vm.Words(a)[0]); !(math.Abs(got-want) <= tolerance*want) && !(got != got && want != want) {
				t.Fatalf("exp(%v) is %v, want %v", at, got, want)
			}
		}
		for i := range 4000 {
			check(float32(i)/4000*(-87.3), 1.2e-7*1.5)
			check(float32(i)/4000*88, 1.2e-7*1.5)
		}
		for _, x := range []float64{0, math.Copysign(0, -1), -88, -200, -1e30, math.Inf(-1), math.NaN()} {
			check(float32(x), 0)
		}
	})
}

// TestWidenRows widens rows of every kind of scale and every integer, and of every F16.
func TestWidenRows(t *testing.T) {
	file := pack()
	f := program(t, file, "widenRowsQ8AVX2")
	scales := map[uint16]float64{0x3c00: 1, 0xb800: -0.5, 0x0001: 1.0 / (1 << 24), 0x7bff: 65504, 0: 0, 0x7c00: math.Inf(1), 0x7e00: math.NaN()}
	const ld = 3*34 + 2 // rows of three blocks
	for half, scale := range scales {
		src, want := make([]byte, 2*ld+3*34+2), make([]float64, 9*32)
		for i := range want {
			block, x := src[i/96*ld+i/32%3*34:], byte(i)
			block[0], block[1], block[2+i%32] = byte(half), byte(half>>8), x
			want[i] = float64(float32(scale * float64(int8(x))))
		}
		vm := machine.New(file)
		dst, from := vm.Map(make([]uint32, len(want))), vm.Map(packed(src))
		call(t, vm, f, dst, from, ld, 3, 3)
		equal(t, fmt.Sprintf("scale %v", scale), vm.Words(dst), want, 0)
	}
	f = program(t, file, "widenRowsF16AVX2")
	vm, src, want := machine.New(file), make([]byte, 1<<17), make([]float64, 1<<15)
	for i := range 1 << 16 {
		src[2*i], src[2*i+1] = byte(i), byte(i>>8)
	}
	for i := range want { // rows of 128 bytes, 64 numbers, of which 32 are taken
		h := uint16(i/32*64 + i%32)
		want[i] = math.Copysign(math.Ldexp(float64(h&0x3ff)+1024, int(h>>10&31)-25), float64(1-int(h>>15)*2))
		switch exp := h >> 10 & 31; {
		case exp == 0:
			want[i] = math.Copysign(math.Ldexp(float64(h&0x3ff), -24), want[i])
		case exp == 31 && h&0x3ff == 0:
			want[i] = math.Inf(int(want[i]))
		case exp == 31:
			want[i] = math.NaN()
		}
	}
	dst, from := vm.Map(make([]uint32, len(want))), vm.Map(packed(src))
	call(t, vm, f, dst, from, 128, 1024, 4)
	equal(t, "f16", vm.Words(dst), want, 0)
}

// packed is b as words.
func packed(b []byte) (words []uint32) {
	for ; len(b) >= 4; b = b[4:] {
		words = append(words, uint32(b[0])|uint32(b[1])<<8|uint32(b[2])<<16|uint32(b[3])<<24)
	}
	return words
}

// TestStripTiles adds pairs of BF16 by tiles: all numbers of rows that are left, and accumulation.
func TestStripTiles(t *testing.T) {
	file := product()
	f := program(t, file, "stripAMX")
	for _, m := range []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 31, 32, 33, 50, 64} {
		k, acc := 16*(1+m%3), m&1
		ldc, ars, bs := 35, k+m%2, 37
		c := numbers((m-1)*ldc+32, small)
		pairs := func(n int) []uint32 {
			w := make([]uint32, n)
			for i := range w {
				w[i] = word(float64(i*7%13-6), float64(i*5%11-5))
			}
			return w
		}
		a, b := pairs((m-1)*ars+k), pairs((k-1)*bs+32)
		want := floats(c)
		for i := range m {
			for j := range 32 {
				at := i*ldc + j
				want[at] *= float64(acc)
				for p := range k {
					x0, x1 := halves(a[i*ars+p])
					y0, y1 := halves(b[p*bs+j])
					want[at] += x0*y0 + x1*y1
				}
			}
		}
		vm := machine.New(file)
		ca, ba := vm.Map(c), vm.Map(b)
		call(t, vm, f, ca, uint64(ldc), vm.Map(a), uint64(ars), 1, ba, uint64(bs), uint64(m), uint64(k), uint64(acc), ba)
		equal(t, fmt.Sprintf("m %d k %d", m, k), vm.Words(ca), want, 0)
	}
}
