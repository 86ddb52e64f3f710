package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/inkstone-ai/inkstone/internal/kernel/_asm/machine"
)

// word is two numbers that BF16 has, side by side.
func word(low, high float64) uint32 {
	return math.Float32bits(float32(low))>>16 | math.Float32bits(float32(high))&0xffff0000
}

// halves are the two numbers of a word.
func halves(w uint32) (low, high float64) {
	return value(w << 16), value(w &^ 0xffff)
}

// checkWords compares bits.
func checkWords(t *testing.T, what string, got, want []uint32) {
	t.Helper()
	for i, w := range want {
		if got[i] != w {
			t.Fatalf("%s: word %d is %#x, want %#x", what, i, got[i], w)
		}
	}
}

// untouched stands where a kernel must not write.
const untouched = 0x7fc12345

func fresh(n int) []uint32 {
	w := make([]uint32, n)
	for i := range w {
		w[i] = untouched
	}
	return w
}

// element is number j of row i of src, 0 behind the last of k rows.
func element(src []uint32, ld, k, i, j int) float64 {
	if i >= k {
		return 0
	}
	return value(src[i*ld+j])
}

func TestStripPairs(t *testing.T) {
	file := product()
	for _, name := range []string{"strip", "half"} {
		f, width := program(t, file, name+"BF16"), 32
		if name == "half" {
			width = 16
		}
		for m := 1; m < 27; m++ {
			k, acc := m%6+1, m&1
			ldc, ars, acs, bs := width+3, 7, 1, width+5
			if m%3 == 0 {
				ars, acs = 1, m
			}
			c, pair := numbers((m-1)*ldc+width, small), func() float32 { return math.Float32frombits(word(float64(small()), float64(small()))) }
			a, b := numbers((m-1)*ars+(k-1)*acs+1, pair), numbers((k-1)*bs+width, pair)
			want := floats(c)
			for i := range m {
				for j := range width {
					want[i*ldc+j] *= float64(acc)
					for p := range k {
						a0, a1 := halves(a[i*ars+p*acs])
						b0, b1 := halves(b[p*bs+j])
						want[i*ldc+j] += a0*b0 + a1*b1
					}
				}
			}
			vm := machine.New(file)
			ca, aa, ba := vm.Map(c), vm.Map(a), vm.Map(b)
			call(t, vm, f, ca, uint64(ldc), aa, uint64(ars), uint64(acs), ba, uint64(bs), uint64(m), uint64(k), uint64(acc), ba)
			equal(t, fmt.Sprintf("%s m %d k %d", name, m, k), vm.Words(ca), want, 0)
		}
	}
}

func TestPairRows(t *testing.T) {
	file := pair()
	f := program(t, file, "pairRowsBF16")
	for n := 1; n < 37; n++ {
		k := n%5 + 1
		ld, ds := n+3, n+2
		src, want := numbers((k-1)*ld+n, small), fresh((k-1)/2*ds+n)
		for p := range (k + 1) / 2 {
			for j := range n {
				want[p*ds+j] = word(element(src, ld, k, 2*p, j), element(src, ld, k, 2*p+1, j))
			}
		}
		vm := machine.New(file)
		dst, from := vm.Map(fresh(len(want))), vm.Map(src)
		call(t, vm, f, dst, uint64(ds), from, uint64(ld), uint64(n), uint64(k))
		checkWords(t, fmt.Sprintf("n %d k %d", n, k), vm.Words(dst), want)
	}
}

func TestPairPanels(t *testing.T) {
	file := pair()
	f := program(t, file, "pairPanelsBF16")
	for k := 1; k < 7; k++ {
		count := k%3 + 1
		ld, words := count*32+k, (k+1)/2
		ps := words*32 + 5
		src, want := numbers((k-1)*ld+count*32, small), fresh((count-1)*ps+words*32)
		for p := range words {
			for j := range count * 32 {
				want[j/32*ps+p*32+j%32] = word(element(src, ld, k, 2*p, j), element(src, ld, k, 2*p+1, j))
			}
		}
		vm := machine.New(file)
		dst, from := vm.Map(fresh(len(want))), vm.Map(src)
		call(t, vm, f, dst, uint64(ps), from, uint64(ld), uint64(count), uint64(k))
		checkWords(t, fmt.Sprint("k ", k), vm.Words(dst), want)
	}
}

func TestPairLines(t *testing.T) {
	file := pair()
	f := program(t, file, "pairLinesBF16")
	const m, n, ld, ds = 3, 96, 101, 50
	src, want := numbers((m-1)*ld+n, small), fresh((m-1)*ds+n/2)
	for i := range m {
		for p := range n / 2 {
			want[i*ds+p] = word(value(src[i*ld+2*p]), value(src[i*ld+2*p+1]))
		}
	}
	vm := machine.New(file)
	dst, from := vm.Map(fresh(len(want))), vm.Map(src)
	call(t, vm, f, dst, ds, from, ld, n, m)
	checkWords(t, "lines", vm.Words(dst), want)
}

func TestTranspose16(t *testing.T) {
	file := pair()
	for _, tt := range []struct {
		name string
		per  int
	}{{"transpose16AVX512", 1}, {"transposePairs16BF16", 2}} {
		f, k := program(t, file, tt.name), 32*tt.per
		ld, ds := k+3, 19
		src, want := numbers(15*ld+k, small), fresh((k/tt.per-1)*ds+16)
		for p := range k / tt.per {
			for i := range 16 {
				want[p*ds+i] = src[i*ld+p]
				if tt.per == 2 {
					want[p*ds+i] = word(value(src[i*ld+2*p]), value(src[i*ld+2*p+1]))
				}
			}
		}
		vm := machine.New(file)
		dst, from := vm.Map(fresh(len(want))), vm.Map(src)
		call(t, vm, f, dst, uint64(ds), from, uint64(ld), uint64(k))
		checkWords(t, tt.name, vm.Words(dst), want)
	}
}

// TestRoundsToEven: the interpreter's conversion is that of package kernel.
func TestRoundsToEven(t *testing.T) {
	file := pair()
	f := program(t, file, "pairLinesBF16")
	src := make([]uint32, 32)
	for i, w := range []uint32{0x3f808000, 0x3f818000, 0x3f808001, 0x7f7fffff, 0x7f800001, 0x80000001, 0xff800000, 0x00400000} {
		src[i] = w
	}
	want := []uint32{0x3f82_3f80, 0x7f80_3f81, 0x8000_7fc0, 0x0000_ff80}
	vm := machine.New(file)
	dst, from := vm.Map(fresh(16)), vm.Map(src)
	call(t, vm, f, dst, 16, from, 32, 32, 1)
	checkWords(t, "rounded", vm.Words(dst), want)
}

func TestTurnPairs16(t *testing.T) {
	file := pair()
	const n, ds, ld = 32, 19, 37
	src := numbers(31*ld+n, func() float32 { return float32(rand.IntN(200) - 100) })
	vm := machine.New(file)
	dst := vm.Map(fresh((n-1)*ds + 16))
	call(t, vm, program(t, file, "turnPairs16BF16"), dst, ds, vm.Map(src), ld, n)
	want := fresh((n-1)*ds + 16)
	for j := range n {
		for p := range 16 {
			want[j*ds+p] = word(element(src, ld, 32, 2*p, j), element(src, ld, 32, 2*p+1, j))
		}
	}
	checkWords(t, "turnPairs16", vm.Words(dst), want)
}

// randomF16 are random F16 numbers between -2 and 2, two to a word, and their values.
func randomF16(n int) (words []uint32, values []float32) {
	words, values = make([]uint32, n/2), make([]float32, n)
	for i := range values {
		h := uint16(rand.IntN(1<<15)&0x3fff | rand.IntN(2)<<15)
		words[i/2] |= uint32(h) << (i % 2 * 16)
		mantissa, exp := float64(h&0x3ff), int(h>>10&31)
		if exp > 0 {
			mantissa += 1024
		}
		values[i] = float32(math.Copysign(math.Ldexp(mantissa, max(exp, 1)-25), float64(1-int(h>>15)*2)))
	}
	return words, values
}

func TestTurnF16(t *testing.T) {
	file := pair()
	const k, ld, ds = 48, 58, 19
	words, values := randomF16(15*ld + k)
	want := fresh((k-1)*ds + 16)
	for p := range k {
		for i := range 16 {
			want[p*ds+i] = math.Float32bits(values[i*ld+p])
		}
	}
	vm := machine.New(file)
	dst, from := vm.Map(fresh(len(want))), vm.Map(words)
	call(t, vm, program(t, file, "turnF16AVX512"), dst, ds, from, from, 2*ld, k)
	checkWords(t, "turned", vm.Words(dst), want)
}

func TestAddF16(t *testing.T) {
	file := attention()
	for _, n := range []int{16, 96, 128, 240} {
		const rows = 5
		ld := n + 6
		words, values := randomF16((rows-1)*ld + n)
		y, w := numbers(n+1, small), numbers(rows, small)
		want := slices.Clone(y)
		for i := range rows {
			for j := range n {
				want[j] = math.Float32bits(float32(math.FMA(float64(value(w[i])), float64(values[i*ld+j]), float64(value(want[j])))))
			}
		}
		vm := machine.New(file)
		dst, by, from := vm.Map(y), vm.Map(w), vm.Map(words)
		call(t, vm, program(t, file, "addF16AVX512"), dst, by, from, from, uint64(2*ld), rows, uint64(n))
		checkWords(t, fmt.Sprint(n), vm.Words(dst), want)
	}
}
