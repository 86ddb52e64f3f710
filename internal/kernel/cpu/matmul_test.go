package cpu_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"

	"github.com/inkstone-ai/inkstone/internal/kernel"
	"github.com/inkstone-ai/inkstone/internal/kernel/cpu"
	"github.com/inkstone-ai/inkstone/internal/kernel/ref"
)

// guard is what lies between and around rows; no kernel may touch it.
const guard = 12345.5

// grid is a matrix in a device with gap elements between rows.
func grid(d kernel.Device, rows, cols, gap int, value func() float32) kernel.Mat {
	data := make([]float32, (rows+2)*(cols+gap))
	for i := range data {
		data[i] = guard
	}
	m := kernel.Mat{Off: cols + gap, Rows: rows, Cols: cols, Stride: cols + gap}
	for r := range rows {
		for c := range cols {
			data[m.Index(r, c)] = value()
		}
	}
	m.Buf = d.Alloc(4 * len(data))
	d.Write(m.Buf, 0, unsafe.Slice((*byte)(unsafe.Pointer(&data[0])), 4*len(data)))
	return m
}

// whole is everything in m's buffer, guards included.
func whole(m kernel.Mat) []float32 { return kernel.Elements[float32](m.Buf) }

// same reports the first difference in bits.
func same(t *testing.T, what string, got, want []float32) {
	t.Helper()
	for i := range want {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
			t.Fatalf("%s: element %d is %v (%#x), want %v (%#x)", what, i,
				got[i], math.Float32bits(got[i]), want[i], math.Float32bits(want[i]))
		}
	}
}

// quantisedAlone are the versions that have code of their own for quantised weights alone, to which
// TestVersionsShare holds them.
var quantisedAlone = []string{"avxvnni", "avx512vnni"}

// eachVersion runs f for every version that has code of its own for floats; those that do not run
// here are skipped aloud.
func eachVersion(t *testing.T, f func(t *testing.T, name string)) {
	for _, name := range cpu.All {
		if slices.Contains(quantisedAlone, name) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			d, err := cpu.NewVersion(name, 1)
			if err != nil {
				t.Skip(err)
			}
			d.Close()
			f(t, name)
		})
	}
}

func version(t testing.TB, name string, threads int) kernel.Device {
	d, err := cpu.NewVersion(name, threads)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

// small is an integer in −4…4: sums of products of these are exact, so every
// order of adding gives the same result and ref's must be met exactly.
func small() float32 { return float32(rand.IntN(9) - 4) }

func normal() float32 { return float32(rand.NormFloat64()) }

// An exactCase is a product and what it must give.
type exactCase struct {
	what          string
	a, b, c, want kernel.Mat
	p             kernel.Product
	packed        bool
}

// exactCases are products of small integers by the oracle.
func exactCases() (list []exactCase) {
	var shapes [][3]int
	for _, m := range []int{1, 2, 5, 6, 7, 12, 13, 23, 97} {
		for _, n := range []int{1, 3, 8, 15, 16, 17, 31, 32, 33, 48, 63, 65, 130} {
			for _, k := range []int{0, 1, 2, 7, 8, 9, 67} {
				shapes = append(shapes, [3]int{m, n, k})
			}
		}
	}
	shapes = append(shapes, [3]int{110, 130, 300}, [3]int{1, 5000, 40}, [3]int{1100, 2, 1000}, [3]int{9, 36, 60000}, [3]int{30, 520, 33}, [3]int{1, 523, 300}, [3]int{251, 600, 20}, [3]int{1022, 40, 300})
	for i, s := range shapes {
		if testing.Short() && i%7 != 0 {
			continue
		}
		ta, tb := i&1 != 0, i>>1&1 != 0
		if i >= len(shapes)-8 {
			ta, tb = true, i&1 == 0 // packed in parts, or by the tile; the last one's rows of A are 1,024 apart
		}
		list = append(list, exactly(s[0], s[1], s[2], kernel.Product{TA: ta, TB: tb, Acc: i/3&1 != 0}, i/5&1 != 0))
	}
	return list
}

func exactly(m, n, k int, p kernel.Product, packed bool) exactCase {
	oracle := ref.New()
	a, b := grid(oracle, m, k, 3, small), grid(oracle, k, n, 5, small)
	if p.TA {
		a = grid(oracle, k, m, 2, small)
	}
	if p.TB {
		b = grid(oracle, n, k, 1, small)
	}
	c := grid(oracle, m, n, 4, small)
	want := duplicate(c)
	oracle.MatMul(want, a, b, p)
	return exactCase{fmt.Sprintf("m %d n %d k %d %+v packed %v", m, n, k, p, packed), a, b, c, want, p, packed}
}

// duplicate is a copy of m, guards included, on the heap.
func duplicate(m kernel.Mat) kernel.Mat {
	c := m
	c.Buf = ref.New().Alloc(m.Buf.Bytes)
	copy(whole(c), whole(m))
	return c
}

func TestMatMulExact(t *testing.T) {
	cases := exactCases()
	eachVersion(t, func(t *testing.T, name string) {
		d := version(t, name, 2)
		for _, x := range cases {
			b, c := x.b, duplicate(x.c)
			if x.packed {
				b = d.Pack(b, x.p.TB)
			}
			d.MatMul(c, x.a, b, x.p)
			same(t, x.what, whole(c), whole(x.want))
			if x.packed {
				d.Free(b.Buf)
			}
		}
	})
}

// TestMatMulBits: an element's bits do not depend on threads, packing,
// transposition, the number of rows beside it, or the instruction set's width.
func TestMatMulBits(t *testing.T) {
	tests := [][3]int{{1, 100, 300}, {7, 65, 513}, {100, 50, 77}, {130, 200, 900}}
	eachVersion(t, func(t *testing.T, name string) {
		one, three := version(t, name, 1), version(t, name, 3)
		for _, s := range tests {
			m, n, k := s[0], s[1], s[2]
			a, b := grid(one, m, k, 0, normal), grid(one, k, n, 3, normal)
			at, bt := turned(one, a), turned(one, b)
			want := grid(one, m, n, 0, normal)
			one.MatMul(want, a, b, kernel.Product{})
			check := func(what string, d kernel.Device, a, b kernel.Mat, ta, tb bool) {
				t.Helper()
				c := grid(d, m, n, 0, normal)
				d.MatMul(c, a, b, kernel.Product{TA: ta, TB: tb})
				same(t, fmt.Sprintf("%v %s", s, what), whole(c), whole(want))
			}
			check("3 threads", three, a, b, false, false)
			check("transposed", three, at, bt, true, true)
			check("packed", three, a, one.Pack(bt, true), false, true)
			c := grid(one, m, n, 0, normal)
			for i := range m { // row by row, packed and not
				row, out := a, c
				row.Off, row.Rows = a.Index(i, 0), 1
				out.Off, out.Rows = c.Index(i, 0), 1
				if i%2 == 0 {
					three.MatMul(out, row, b, kernel.Product{})
				} else {
					three.MatMul(out, row, one.Pack(b, false), kernel.Product{})
				}
			}
			same(t, fmt.Sprintf("%v alone", s), whole(c), whole(want))
		}
	})
}

// turned is the transposed copy of m.
func turned(d kernel.Device, m kernel.Mat) kernel.Mat {
	i := 0
	return grid(d, m.Cols, m.Rows, 2, func() float32 {
		x := whole(m)[m.Index(i%m.Rows, i/m.Rows)]
		i++
		return x
	})
}

func TestMatMulBatch(t *testing.T) {
	oracle := ref.New()
	eachVersion(t, func(t *testing.T, name string) {
		d := version(t, name, 2)
		for i, s := range [][4]int{{5, 20, 30, 40}, {3, 1, 16, 8}, {4, 64, 32, 64}, {3, 2, 700, 1000}, {3, 7, 50, 9}} {
			batch, m, n, k := s[0], s[1], s[2], s[3]
			ta, repeat := i%2 == 1, i%3 == 2
			a, b := grid(d, batch*m, k, 0, small), grid(d, batch*k, n, 0, small)
			a.Rows, b.Rows = m, k
			if ta {
				a = grid(d, batch*k, m, 0, small)
				a.Rows = k
			}
			strideB := k * n
			if repeat {
				strideB = 0
			}
			c := grid(d, batch*m, n, 0, small)
			c.Rows = m
			want := c
			want.Buf = oracle.Alloc(c.Buf.Bytes)
			copy(whole(want), whole(c))
			oracle.MatMul(want, a, b, kernel.Product{TA: ta, Acc: true, Batch: batch, StrideC: m * n, StrideA: m * k, StrideB: strideB})
			d.MatMul(c, a, b, kernel.Product{TA: ta, Acc: true, Batch: batch, StrideC: m * n, StrideA: m * k, StrideB: strideB})
			same(t, fmt.Sprint(s, ta, repeat), whole(c), whole(want))
		}
	})
}

// TestMatMulHalf: BF16 and F16 operands give what their float32 values give, packed BF16 in its
// precision.
func TestMatMulHalf(t *testing.T) {
	eachVersion(t, func(t *testing.T, name string) {
		d := version(t, name, 2)
		for _, half := range []kernel.DType{kernel.BF16, kernel.F16} {
			for i, s := range [][3]int{{1, 64, 100}, {1, 7, 9}, {10, 50, 300}, {100, 33, 20}, {9, 16, 11}} {
				m, n, k := s[0], s[1], s[2]
				for way := range 8 {
					ta, tb, packed := way&1 != 0, way&2 != 0, way&4 != 0
					a, b := grid(d, m, k, 1, normal), grid(d, k, n, 2, normal)
					if ta {
						a = turned(d, a)
					}
					if tb {
						b = turned(d, b)
					}
					a16, a32 := halved(d, a, half)
					b16, b32 := halved(d, b, half)
					got, want := grid(d, m, n, 0, normal), grid(d, m, n, 0, normal)
					if packed {
						b16 = d.Pack(b16, tb)
					}
					d.MatMul(got, a16, b16, kernel.Product{TA: ta, TB: tb})
					p := kernel.Product{TA: ta, TB: tb}
					if packed && half == kernel.BF16 {
						p.Precision = half
					}
					d.MatMul(want, a32, b32, p)
					same(t, fmt.Sprint(half, i, way), whole(got), whole(want))
				}
			}
		}
	})
}

// TestMatMulRounds: a product in BF16 is that of the rounded numbers, over any
// blocking of K and with any operand transposed.
func TestMatMulRounds(t *testing.T) {
	oracle := ref.New()
	eachVersion(t, func(t *testing.T, name string) {
		d := version(t, name, 2)
		if d.Precision(kernel.BF16) != kernel.BF16 {
			t.Skip(name + " does not multiply BF16")
		}
		for i, s := range [][3]int{{1, 70, 33}, {5, 65, 64}, {40, 33, 1601}, {300, 130, 95}, {250, 530, 80}, {13, 200, 3100}} {
			m, n, k := s[0], s[1], s[2]
			a, b, c0 := grid(oracle, m, k, 1, normal), grid(oracle, k, n, 2, normal), grid(oracle, m, n, 3, normal)
			at, bt := turned(oracle, a), turned(oracle, b)
			plain := duplicate(c0)
			oracle.MatMul(plain, a, b, kernel.Product{Precision: kernel.BF16})
			for way := range 8 {
				p := kernel.Product{TA: way&1 != 0, TB: way&2 != 0, Acc: way&4 != 0, Precision: kernel.BF16}
				a, b, c := a, b, duplicate(c0)
				if p.TA {
					a = at
				}
				if p.TB {
					b = bt
				}
				d.MatMul(c, a, b, p)
				for j, x := range whole(plain) {
					if p.Acc && whole(c0)[j] != guard {
						x += whole(c0)[j]
					}
					if got := whole(c)[j]; !(math.Abs(float64(got-x)) <= 1e-5*math.Sqrt(float64(k))) && got != x {
						t.Fatalf("%d, way %d: element %d is %v, want %v", i, way, j, got, x)
					}
				}
			}
		}
	})
}

// halved rounds m to a half-width type, and widens that again.
func halved(d kernel.Device, m kernel.Mat, t kernel.DType) (half, wide kernel.Mat) {
	half, wide = m, m
	half.Type = t
	half.Buf, wide.Buf = d.Alloc(m.Buf.Bytes/2), d.Alloc(m.Buf.Bytes)
	to, from := kernel.ToBF16, kernel.FromBF16
	if t == kernel.F16 {
		to, from = kernel.ToF16, kernel.FromF16
	}
	for i, x := range whole(m) {
		kernel.Elements[uint16](half.Buf)[i] = to(x)
		whole(wide)[i] = from(to(x))
	}
	return half, wide
}

// TestMatMulAllocs: a product after the first takes nothing from the heap.
func TestMatMulAllocs(t *testing.T) {
	d := cpu.New(2)
	defer d.Close()
	a, b, c := grid(d, 70, 60, 0, normal), grid(d, 60, 50, 0, normal), grid(d, 70, 50, 0, normal)
	if n := testing.AllocsPerRun(20, func() { d.MatMul(c, a, b, kernel.Product{Acc: true}) }); n != 0 {
		t.Errorf("%v allocations a product", n)
	}
}

func BenchmarkMatMul(b *testing.B) {
	for _, s := range []struct {
		m, n, k int
		ta, tb  bool
	}{
		{1024, 1024, 1024, false, false}, {256, 3072, 768, false, false}, {256, 768, 3072, false, true},
		{768, 384, 128, false, true}, {768, 128, 384, false, false}, {128, 384, 768, true, false},
		{3072, 1536, 384, false, true}, {384, 1536, 3072, true, false}, {2048, 600, 128, false, true},
		{256, 50257, 768, false, true},
	} {
		for _, precision := range []kernel.DType{kernel.F32, kernel.BF16} {
			b.Run(fmt.Sprintf("%v/%dx%dx%d/ta=%v/tb=%v", precision, s.m, s.n, s.k, s.ta, s.tb), func(b *testing.B) {
				d := cpu.New(0)
				defer d.Close()
				x, w, y := grid(d, s.m, s.k, 0, normal), grid(d, s.k, s.n, 0, normal), grid(d, s.m, s.n, 0, normal)
				if s.ta {
					x.Rows, x.Cols, x.Stride = s.k, s.m, s.m
				}
				if s.tb {
					w.Rows, w.Cols, w.Stride = s.n, s.k, s.k
				}
				for b.Loop() {
					d.MatMul(y, x, w, kernel.Product{TA: s.ta, TB: s.tb, Precision: precision})
				}
				b.ReportMetric(2*float64(s.m)*float64(s.n)*float64(s.k)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
			})
		}
	}
}

// BenchmarkDecode is one row by a packed weight, at memory speed.
func BenchmarkDecode(b *testing.B) {
	for _, t := range []kernel.DType{kernel.F32, kernel.BF16} {
		b.Run(t.String(), func(b *testing.B) {
			d := cpu.New(0)
			defer d.Close()
			const n, k = 32000, 2048
			w := grid(d, k, n, 0, normal)
			if t == kernel.BF16 {
				w, _ = halved(d, w, t)
			}
			p := d.Pack(w, false)
			x, y := grid(d, 1, k, 0, normal), grid(d, 1, n, 0, normal)
			b.SetBytes(int64(p.Buf.Bytes))
			for b.Loop() {
				d.MatMul(y, x, p, kernel.Product{})
			}
		})
	}
}
