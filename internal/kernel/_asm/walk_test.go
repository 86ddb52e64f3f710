package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/internal/kernel/_asm/emit"
	"github.com/inkstone-ai/inkstone/internal/kernel/_asm/machine"
)

// sizes are those that walks are tried at: every tail behind up to two
// vectors, and around the multiples of a vector up to twice what the widest
// loop takes at a time.
func sizes() (list []int) {
	for n := range 36 {
		list = append(list, n)
	}
	return append(list, 47, 48, 49, 63, 64, 65, 79, 80, 81, 95, 96, 97, 111, 127, 128, 129, 143, 145)
}

// specialNumbers are those at which functions break.
var specialNumbers = []float64{
	0, math.Copysign(0, -1), 1, -1, 0.5, 2.5, -2.5, math.Inf(1), math.Inf(-1), math.NaN(), 1e-40, -1e-40, 1e-38, 1e-7, -1e-4,
	0.1, 3, -3, 9, -9, 20, -20, 50, -50, 87.5, 88.5, 89, -87, -88.5, -103, -104, 200, -200, 1e4, -1e4, 3e38, -3e38,
}

// mixed is a special number now and then, else a normal one.
func mixed() float32 {
	if rand.IntN(4) == 0 {
		return float32(specialNumbers[rand.IntN(len(specialNumbers))])
	}
	return 3 * normal()
}

// An operation is one call of a walk: its slices by name, numbers and flags.
type operation struct {
	slices  map[string][]uint32
	numbers map[string]float32
	flag    bool
}

// random fills in what f takes, n elements of each slice.
func random(f *emit.Func, n int, value func() float32) operation {
	o := operation{map[string][]uint32{}, map[string]float32{}, rand.IntN(2) == 0}
	for _, p := range f.Params {
		switch {
		case p.Result:
		case p.Type == floatSlice:
			o.slices[p.Name] = numbers(n, value)
		case p.Type == "float32":
			o.numbers[p.Name] = normal()
		}
	}
	return o
}

// on executes f on o and returns what the slices then hold, and the results.
// A slice that o has as nil is absent.
func (o operation) on(t *testing.T, file *emit.File, f *emit.Func) (slices map[string][]uint32, results []float32) {
	t.Helper()
	m, at, args := machine.New(file), map[string]uint64{}, []uint64{}
	for _, p := range f.Params {
		switch {
		case p.Result:
		case p.Type == floatSlice && o.slices[p.Name] == nil:
			args = append(args, 0, 0, 0)
		case p.Type == floatSlice:
			n := uint64(len(o.slices[p.Name]))
			at[p.Name] = m.Map(o.slices[p.Name])
			args = append(args, at[p.Name], n, n)
		case p.Type == "float32":
			args = append(args, uint64(math.Float32bits(o.numbers[p.Name])))
		case o.flag:
			args = append(args, 1)
		default:
			args = append(args, 0)
		}
	}
	call(t, m, f, args...)
	slices = map[string][]uint32{}
	for name, addr := range at {
		slices[name] = m.Words(addr)
	}
	return slices, m.Results(f)
}

// pairs calls g with the AVX2 and the AVX-512 form of each function of file.
func pairs(t *testing.T, file *emit.File, g func(t *testing.T, narrow, wide *emit.Func)) {
	for _, f := range file.Funcs {
		if stem, ok := strings.CutSuffix(f.Name, emit.AVX2.Name); ok {
			t.Run(stem, func(t *testing.T) { g(t, f, program(t, file, stem+emit.AVX512.Name)) })
		}
	}
}

// TestVersionsAgree executes both forms of every element-wise function at
// every size: elements do not depend on the width of a vector, so all bits are
// the same. The AVX2 form is what the suite of package kerneltest runs.
func TestVersionsAgree(t *testing.T) {
	for _, family := range []func() *emit.File{unary, gated, binary, optimizer, norm} {
		file := family()
		pairs(t, file, func(t *testing.T, narrow, wide *emit.Func) {
			for _, n := range sizes() {
				o := random(narrow, n, mixed)
				agree(t, file, narrow, wide, n, o, math.Inf(1))
			}
		})
	}
}

// TestReductionsAgree does so for sums, which differ by their order alone.
func TestReductionsAgree(t *testing.T) {
	for _, family := range []func() *emit.File{reduce, norm} {
		file := family()
		pairs(t, file, func(t *testing.T, narrow, wide *emit.Func) {
			for _, n := range sizes() {
				agree(t, file, narrow, wide, n, random(narrow, n, normal), 1e-4)
			}
		})
	}
}

// TestOptionalSlices leaves out each of the slices that a row of norms may lack.
func TestOptionalSlices(t *testing.T) {
	file := norm()
	pairs(t, file, func(t *testing.T, narrow, wide *emit.Func) {
		for _, n := range sizes() {
			o := random(narrow, n, normal)
			for i, name := range []string{"w", "b", "dw", "db"} {
				if (n+i)%3 == 0 || n%5 == 0 {
					delete(o.slices, name)
				}
			}
			agree(t, file, narrow, wide, n, o, 1e-4)
		}
	})
}

// agree executes both forms on o and compares slices bit for bit and results
// to a tolerance.
func agree(t *testing.T, file *emit.File, narrow, wide *emit.Func, n int, o operation, tolerance float64) {
	t.Helper()
	want, wantResults := o.on(t, file, narrow)
	got, results := o.on(t, file, wide)
	for name := range want {
		sameBits(t, fmt.Sprintf("n %d, flag %v, %s", n, o.flag, name), got[name], want[name])
	}
	for i, w := range wantResults {
		if math.Abs(float64(results[i]-w)) > tolerance*max(1, math.Abs(float64(w))) {
			t.Fatalf("n %d: result %d is %v, want %v", n, i, results[i], w)
		}
	}
}

// TestExtremes compares the largest and smallest, NaN included, with Go's.
func TestExtremes(t *testing.T) {
	file := reduce()
	for stem, f := range map[string]func(a, b float32) float32{
		"maxOf": func(a, b float32) float32 { return max(a, b) }, "minOf": func(a, b float32) float32 { return min(a, b) },
	} {
		eachVersion(t, func(t *testing.T, isa *emit.ISA) {
			p := program(t, file, stem+isa.Name)
			for i, n := range append(sizes(), sizes()...) {
				o := random(p, n, mixed)
				want := f(float32(math.Inf(-1)), float32(math.Inf(1))) // the neutral one is the other
				want = -want
				for j, w := range o.slices["x"] {
					x := math.Float32frombits(w)
					if x != x && i%2 == 0 {
						x = 1
						o.slices["x"][j] = math.Float32bits(x)
					}
					want = f(want, x)
				}
				if _, got := o.on(t, file, p); got[0] != want && !(got[0] != got[0] && want != want) {
					t.Fatalf("%s of %d: %v, want %v", stem, n, got[0], want)
				}
			}
		})
	}
}

func sameBits(t *testing.T, what string, got, want []uint32) {
	t.Helper()
	for i, w := range want {
		if g := got[i]; g != w && !(math.IsNaN(value(g)) && math.IsNaN(value(w))) {
			t.Fatalf("%s: element %d of %d is %v (%#x), want %v (%#x)", what, i, len(want), value(g), g, value(w), w)
		}
	}
}
