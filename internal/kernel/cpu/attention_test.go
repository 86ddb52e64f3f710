package cpu_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/inkstone-ai/inkstone/internal/kernel"
	"github.com/inkstone-ai/inkstone/internal/kernel/cpu"
	"github.com/inkstone-ai/inkstone/internal/kernel/ref"
)

// sequences is a segments Mat; each sequence has queries and keys, and rows follow each other.
func sequences(d kernel.Device, each ...[2]int) (m kernel.Mat, queries, keys int) {
	m = kernel.Mat{Buf: d.Alloc(16 * len(each)), Rows: len(each), Cols: 4, Stride: 4, Type: kernel.I32}
	for i, s := range each {
		copy(kernel.Row[int32](m, i), []int32{int32(queries), int32(s[0]), int32(keys), int32(s[1])})
		queries += s[0]
		keys += s[1]
	}
	return m, queries, keys
}

// near fails where got is further from want than tolerance times the size of numbers there.
func near(t *testing.T, what string, got, want []float32, tolerance float64) {
	t.Helper()
	for i := range want {
		x, y := float64(got[i]), float64(want[i])
		if !(math.Abs(x-y) <= tolerance*(1+math.Abs(y))) && !(math.IsNaN(x) && math.IsNaN(y)) {
			t.Fatalf("%s: element %d is %v, want %v", what, i, x, y)
		}
	}
}

type attentionCase struct {
	p        kernel.AttentionParams
	segments [][2]int
}

var attentions = []attentionCase{
	{kernel.AttentionParams{H: 1, G: 1, D: 16, Causal: true}, [][2]int{{1, 1}}},
	{kernel.AttentionParams{H: 2, G: 2, D: 32, Causal: true}, [][2]int{{64, 64}, {64, 64}}},
	{kernel.AttentionParams{H: 2, G: 1, D: 8, Causal: true}, [][2]int{{5, 5}, {0, 3}, {70, 70}, {1, 130}}},
	{kernel.AttentionParams{H: 6, G: 2, D: 20, Causal: true}, [][2]int{{33, 200}, {1, 65}}},
	{kernel.AttentionParams{H: 3, G: 3, D: 33}, [][2]int{{7, 7}, {130, 131}}},
	{kernel.AttentionParams{H: 2, G: 1, D: 64, Causal: true, Window: 10}, [][2]int{{150, 150}, {3, 129}}},
	{kernel.AttentionParams{H: 2, G: 2, D: 4, Window: 70}, [][2]int{{100, 140}}},
	{kernel.AttentionParams{H: 4, G: 2, D: 17, Causal: true, SoftCap: 2}, [][2]int{{90, 90}}},
}

// inBoth are the cases in both precisions.
func inBoth(cases []attentionCase) []attentionCase {
	both := slices.Clone(cases)
	for _, c := range cases {
		c.p.Precision = kernel.BF16
		both = append(both, c)
	}
	return both
}

// An attended is a case with its operands and what the oracle makes of them, once for all versions.
type attended struct {
	attentionCase
	what              string
	n, keys           int
	segments, q, k, v kernel.Mat
	y, lse, dy        kernel.Mat
	dq, dk, dv        kernel.Mat // what is added to, where acc says so, is counting
	acc               bool
}

// attend are all cases, on the heap; grad says whether the gradients are wanted.
func attend(grad bool) (list []attended) {
	oracle := ref.New()
	for i, test := range inBoth(attentions) {
		c := attended{attentionCase: test, acc: i%2 == 1}
		p := &c.p
		p.Scale = float32(1 / math.Sqrt(float64(p.D)))
		c.what = fmt.Sprintf("%+v %v acc %v", *p, test.segments, c.acc)
		c.segments, c.n, c.keys = sequences(oracle, test.segments...)
		c.q, c.dy = grid(oracle, c.n, p.H*p.D, 3, normal), grid(oracle, c.n, p.H*p.D, 0, normal)
		c.k, c.v = grid(oracle, c.keys, p.G*p.D, 5, normal), grid(oracle, c.keys, p.G*p.D, 0, normal)
		c.y, c.lse = c.results(oracle)
		oracle.Attention(c.y, c.lse, c.q, c.k, c.v, c.segments, *p)
		if grad {
			c.dq, c.dk, c.dv = c.gradients(oracle)
			oracle.AttentionGrad(c.dq, c.dk, c.dv, c.q, c.k, c.v, c.y, c.lse, c.dy, c.segments, *p, c.acc)
		}
		list = append(list, c)
	}
	return list
}

// results are where outputs go.
func (c *attended) results(d kernel.Device) (y, lse kernel.Mat) {
	seven := func() float32 { return 7 }
	return grid(d, c.n, c.p.H*c.p.D, 1, seven), grid(d, c.n, c.p.H, 2, seven)
}

// gradients are where gradients go, with numbers that may be added to.
func (c *attended) gradients(d kernel.Device) (dq, dk, dv kernel.Mat) {
	j := float32(0)
	count := func() float32 { j++; return j / 1000 }
	return grid(d, c.n, c.p.H*c.p.D, 1, count), grid(d, c.keys, c.p.G*c.p.D, 2, count), grid(d, c.keys, c.p.G*c.p.D, 0, count)
}

func TestAttention(t *testing.T) {
	cases, memory := attend(false), ref.New()
	eachVersion(t, func(t *testing.T, name string) {
		one, three := version(t, name, 1), version(t, name, 3)
		for _, c := range cases {
			tolerance := 3e-6
			if c.p.Precision == kernel.BF16 {
				tolerance = 2e-2 // operands have 8 bits
			}
			y1, lse1 := c.results(memory)
			one.Attention(y1, lse1, c.q, c.k, c.v, c.segments, c.p)
			y3, lse3 := c.results(memory)
			three.Attention(y3, lse3, c.q, c.k, c.v, c.segments, c.p)
			near(t, c.what+" y", whole(y1), whole(c.y), tolerance)
			near(t, c.what+" lse", whole(lse1), whole(c.lse), tolerance)
			same(t, c.what+" y of 3 threads", whole(y3), whole(y1))
			same(t, c.what+" lse of 3 threads", whole(lse3), whole(lse1))
			one.Attention(y3, kernel.Mat{}, c.q, c.k, c.v, c.segments, c.p)
			same(t, c.what+" y without lse", whole(y3), whole(y1))
		}
	})
}

// TestAttentionAlone: a query has the same bits in the batch, in a chunk, and
// alone with a cache.
func TestAttentionAlone(t *testing.T) {
	eachVersion(t, func(t *testing.T, name string) {
		d := version(t, name, 1)
		for _, p := range []kernel.AttentionParams{
			{H: 2, G: 2, D: 32, Scale: 0.2, Causal: true},
			{H: 4, G: 1, D: 24, Scale: 0.2, Causal: true, Window: 40},
		} {
			const n = 150
			q := grid(d, n, p.H*p.D, 3, normal)
			k, v := grid(d, n, p.G*p.D, 5, normal), grid(d, n, p.G*p.D, 0, normal)
			batch, parts := grid(d, n, p.H*p.D, 0, normal), grid(d, n, p.H*p.D, 0, normal)
			segments, _, _ := sequences(d, [2]int{n, n})
			d.Attention(batch, kernel.Mat{}, q, k, v, segments, p)
			for first := 0; first < n; {
				count := min(1+first%3*20, n-first)
				copy(kernel.Row[int32](segments, 0), []int32{int32(first), int32(count), 0, int32(first + count)})
				d.Attention(parts, kernel.Mat{}, q, k, v, segments, p)
				first += count
			}
			same(t, fmt.Sprintf("%+v", p), whole(parts), whole(batch))
		}
	})
}

// TestAttentionPast: queries behind a long past in pages have the same bits together and alone, for any number of
// threads; keys are of every type, lanes few or many, and what lies behind the last key is not a number.
func TestAttentionPast(t *testing.T) {
	const page, keys, queries = 64, 1290, 6
	eachVersion(t, func(t *testing.T, name string) {
		one, three := version(t, name, 1), version(t, name, 3)
		for _, typ := range []kernel.DType{kernel.F32, kernel.F16, kernel.Q8_0} {
			for _, p := range []kernel.AttentionParams{
				{H: 2, G: 2, D: 64}, {H: 2, G: 1, D: 96, Window: 600}, {H: 4, G: 1, D: 128, SoftCap: 3}, {H: 5, G: 1, D: 32}, {H: 3, G: 1, D: 160},
			} {
				pages := (keys + page - 1) / page
				p.Scale, p.Causal, p.Page = 0.1, true, page
				p.Pages = kernel.Mat{Buf: one.Alloc(4 * pages), Rows: 1, Cols: pages, Stride: pages, Type: kernel.I32}
				for i := range pages {
					kernel.Elements[int32](p.Pages.Buf)[i] = int32(pages - 1 - i)
				}
				k, v := normalPages(one, pages*page, p.G*p.D, keys%page, typ), normalPages(one, pages*page, p.G*p.D, keys%page, typ)
				q := grid(one, queries, p.H*p.D, 3, normal)
				segments, _, _ := sequences(one, [2]int{queries, keys})
				want, got := grid(one, queries, p.H*p.D, 0, normal), grid(one, queries, p.H*p.D, 0, normal)
				one.Attention(want, kernel.Mat{}, q, k, v, segments, p)
				if x := kernel.Row[float32](want, 0)[0]; x != x {
					t.Fatal("not a number")
				}
				for _, d := range []kernel.Device{one, three} {
					for i := range queries {
						copy(kernel.Row[int32](segments, 0), []int32{int32(i), 1, 0, int32(keys - queries + i + 1)})
						d.Attention(got, kernel.Mat{}, q, k, v, segments, p)
					}
					for i := range queries {
						same(t, fmt.Sprintf("%v, %+v, %d threads, query %d", typ, p, d.Threads(), i), kernel.Row[float32](got, i), kernel.Row[float32](want, i))
					}
				}
			}
		}
	})
}

// normalPages are pages in another type, the last rows of the first one, where the past ends, not numbers.
func normalPages(d kernel.Device, rows, cols, end int, typ kernel.DType) kernel.Mat {
	m := grid(d, rows, cols, 0, normal)
	for r := end; r < 64 && typ != kernel.Q8_0; r++ { // which has none
		for c := range cols {
			kernel.Row[float32](m, r)[c] = float32(math.NaN())
		}
	}
	return converted(d, m, typ)
}

func TestAttentionGrad(t *testing.T) {
	cases, memory := attend(true), ref.New()
	eachVersion(t, func(t *testing.T, name string) {
		one, three := version(t, name, 1), version(t, name, 3)
		for _, c := range cases {
			tolerance := 2e-5
			if c.p.Precision == kernel.BF16 {
				tolerance = 5e-2
			}
			var got [2][3]kernel.Mat
			for i, d := range []kernel.Device{one, three} {
				dq, dk, dv := c.gradients(memory)
				d.AttentionGrad(dq, dk, dv, c.q, c.k, c.v, c.y, c.lse, c.dy, c.segments, c.p, c.acc)
				got[i] = [3]kernel.Mat{dq, dk, dv}
			}
			for i, want := range []kernel.Mat{c.dq, c.dk, c.dv} {
				what := c.what + " " + []string{"dq", "dk", "dv"}[i]
				near(t, what, whole(got[0][i]), whole(want), tolerance)
				same(t, what+" of 3 threads", whole(got[1][i]), whole(got[0][i]))
			}
		}
	})
}

// TestAttentionExtremes: scores that are infinite or not numbers do what the oracle says.
func TestAttentionExtremes(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	eachVersion(t, func(t *testing.T, name string) {
		d, oracle := version(t, name, 1), ref.New()
		p := kernel.AttentionParams{H: 1, G: 1, D: 16, Scale: 1, Causal: true}
		for _, x := range []float32{0, 1e30, -1e30, 200, -200, -inf, nan} {
			segments, n, _ := sequences(d, [2]int{20, 20})
			q, k, v := grid(d, n, 16, 0, normal), grid(d, n, 16, 0, normal), grid(d, n, 16, 0, normal)
			copy(kernel.Row[float32](q, 5), []float32{x, 0})
			got, want := grid(d, n, 16, 0, normal), grid(d, n, 16, 0, normal)
			d.Attention(got, kernel.Mat{}, q, k, v, segments, p)
			oracle.Attention(want, kernel.Mat{}, q, k, v, segments, p)
			tolerance := 1e-5
			if x == 200 || x == -200 {
				tolerance = 1e-4 // a score of some hundreds is exact to 3e-5 in float32, and so is its power of e
			}
			for r := range n {
				near(t, fmt.Sprint(x, " row ", r), kernel.Row[float32](got, r), kernel.Row[float32](want, r), tolerance)
			}
		}
	})
}

// TestAttentionAllocs: attention after the first takes nothing from the heap.
func TestAttentionAllocs(t *testing.T) {
	d := cpu.New(2)
	defer d.Close()
	p := kernel.AttentionParams{H: 4, G: 2, D: 24, Scale: 0.2, Causal: true}
	segments, n, _ := sequences(d, [2]int{70, 70}, [2]int{5, 5})
	m := func(cols int) kernel.Mat { return grid(d, n, cols, 0, normal) }
	q, k, v, y, lse, dy := m(96), m(48), m(48), m(96), m(4), m(96)
	dq, dk, dv := m(96), m(48), m(48)
	if n := testing.AllocsPerRun(20, func() {
		d.Attention(y, lse, q, k, v, segments, p)
		d.AttentionGrad(dq, dk, dv, q, k, v, y, lse, dy, segments, p, false)
	}); n != 0 {
		t.Errorf("%v allocations a pass", n)
	}
}

func BenchmarkAttention(b *testing.B) {
	for _, s := range []struct{ batch, queries, keys, h, g, d int }{
		{12, 64, 64, 4, 4, 32}, {8, 256, 256, 6, 6, 64}, {1, 1, 8192, 8, 8, 64}, {1, 1, 8192, 8, 2, 64}, {1, 512, 512, 8, 2, 64},
	} {
		p := kernel.AttentionParams{H: s.h, G: s.g, D: s.d, Scale: 0.1, Causal: true}
		d := cpu.New(0)
		b.Cleanup(d.Close)
		each := make([][2]int, s.batch)
		for i := range each {
			each[i] = [2]int{s.queries, s.keys}
		}
		segments, n, keys := sequences(d, each...)
		q, k, v := grid(d, n, s.h*s.d, 0, normal), grid(d, keys, s.g*s.d, 0, normal), grid(d, keys, s.g*s.d, 0, normal)
		y, dy, lse := grid(d, n, s.h*s.d, 0, normal), grid(d, n, s.h*s.d, 0, normal), grid(d, n, s.h, 0, normal)
		// Pairs of a query and a key it sees, times 2·D multiply-adds.
		pairs := float64(s.batch*s.h) * float64(s.queries) * (float64(s.keys) - float64(s.queries-1)/2)
		name := fmt.Sprintf("b=%d/q=%d/k=%d/h=%d/g=%d/d=%d", s.batch, s.queries, s.keys, s.h, s.g, s.d)
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				d.Attention(y, lse, q, k, v, segments, p)
			}
			b.ReportMetric(4*pairs*float64(s.d)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
		})
		if s.queries == 1 {
			continue
		}
		dq, dk, dv := grid(d, n, s.h*s.d, 0, normal), grid(d, keys, s.g*s.d, 0, normal), grid(d, keys, s.g*s.d, 0, normal)
		b.Run(name+"/grad", func(b *testing.B) {
			for b.Loop() {
				d.AttentionGrad(dq, dk, dv, q, k, v, y, lse, dy, segments, p, false)
			}
			b.ReportMetric(10*pairs*float64(s.d)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
		})
	}
}

// BenchmarkAttentionPast is a token's attention over a long past in pages: 4,096 keys of one
// head that all queries share, and of eight heads, of every type, with one thread and with all.
func BenchmarkAttentionPast(b *testing.B) {
	const keys, page = 4096, 64
	for _, g := range []int{1, 2, 4, 8} {
		for _, typ := range []kernel.DType{kernel.F32, kernel.F16, kernel.Q8_0} {
			for _, threads := range []int{1, 0} {
				d := cpu.New(threads)
				b.Cleanup(d.Close)
				p := kernel.AttentionParams{H: 8, G: g, D: 64, Scale: 0.1, Causal: true, Page: page}
				segments, _, _ := sequences(d, [2]int{1, keys})
				q, y := grid(d, 1, 512, 0, normal), grid(d, 1, 512, 0, normal)
				k, v := converted(d, grid(d, keys, g*64, 0, normal), typ), converted(d, grid(d, keys, g*64, 0, normal), typ)
				p.Pages = kernel.Mat{Buf: d.Alloc(4 * keys / page), Rows: 1, Cols: keys / page, Stride: keys / page, Type: kernel.I32}
				for i := range keys / page {
					kernel.Elements[int32](p.Pages.Buf)[i] = int32((i*5 + 3) % (keys / page))
				}
				b.Run(fmt.Sprintf("g=%d/%v/threads=%d", g, typ, d.Threads()), func(b *testing.B) {
					for b.Loop() {
						d.Attention(y, kernel.Mat{}, q, k, v, segments, p)
					}
					b.ReportMetric(float64(2*typ.Bytes(keys*g*64)*b.N)/b.Elapsed().Seconds()/1e9, "GB/s")
				})
			}
		}
	}
}

// converted is a copy of m in another type.
func converted(d kernel.Device, m kernel.Mat, typ kernel.DType) kernel.Mat {
	c := kernel.Mat{Buf: d.Alloc(typ.Bytes(m.Len())), Rows: m.Rows, Cols: m.Cols, Stride: m.Cols, Type: typ}
	d.Copy(c, m, false)
	return c
}
