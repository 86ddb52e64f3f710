package kerneltest

import (
	"math"

	"github.com/inkstone-ai/inkstone/internal/kernel"
)

// passes are sets of sequences: query row, queries, key row, keys.
var passes = []struct {
	name          string
	segments      []int32
	queries, keys int
}{
	{"one token", []int32{0, 1, 0, 1}, 1, 1},
	{"one sequence", []int32{0, 67, 0, 67}, 67, 67},
	{"packed", []int32{0, 3, 0, 3, 3, 40, 3, 40, 43, 1, 43, 1, 44, 0, 44, 0, 44, 33, 44, 33}, 77, 77},
	{"with a past", []int32{0, 5, 0, 25, 5, 1, 30, 70}, 6, 100},
	{"shared rows out of order", []int32{4, 2, 0, 9, 0, 4, 10, 12}, 6, 22},
	{"long", []int32{0, 1, 0, 700}, 1, 700},
	{"none", nil, 0, 0},
}

// apart are sets of queries and keys of different sequences, where all are seen.
var apart = []struct {
	name          string
	segments      []int32
	queries, keys int
}{
	{"more queries than keys", []int32{0, 7, 0, 3, 7, 1, 3, 5, 8, 70, 8, 1, 78, 90, 9, 40}, 168, 49},
	{"fewer", []int32{0, 2, 0, 70, 2, 65, 70, 66}, 67, 136},
}

func segmentsArg(s []int32) *arg { return from(kernel.I32, len(s)/4, 4, s) }

// heads are the head counts and widths tried.
var heads = []kernel.AttentionParams{
	{H: 1, G: 1, D: 1}, {H: 4, G: 4, D: 8}, {H: 4, G: 2, D: 32}, {H: 6, G: 1, D: 20}, {H: 2, G: 2, D: 64}, {H: 1, G: 1, D: 67},
}

// attentionParams fills in scale and the variants of the mask.
func attentionParams(f func(p kernel.AttentionParams)) {
	for i, p := range heads {
		p.Scale, p.Causal = float32(1/math.Sqrt(float64(p.D))), true
		f(p)
		p.Window = 7
		f(p)
		if p.Window, p.SoftCap = 0, 5; i%2 == 0 {
			f(p)
		}
		p.Causal = false
		f(p)
		p.SoftCap = 0
		f(p)
		p.Window = 9
		f(p)
	}
}

// passesOf are the sets of sequences that p allows.
func passesOf(p kernel.AttentionParams) []struct {
	name          string
	segments      []int32
	queries, keys int
} {
	if p.Causal || p.Window > 0 {
		return passes
	}
	return append(passes[:len(passes):len(passes)], apart...)
}

func attentions(g *gen) (list []call) {
	attentionParams(func(p kernel.AttentionParams) {
		for i, pass := range passesOf(p) {
			args := []*arg{output(g.normal(pass.queries, p.H*p.D)), output(g.normal(pass.queries, p.H)),
				g.normal(pass.queries, p.H*p.D), g.normal(pass.keys, p.G*p.D), g.normal(pass.keys, p.G*p.D), segmentsArg(pass.segments)}
			if i%2 == 1 {
				strided(args...)
				args[1] = nil
			}
			list = append(list, call{name: named("Attention %s %+v", pass.name, p), args: args, rtol: 2e-5, atol: 1e-5,
				do: func(d kernel.Device, m []kernel.Mat) { d.Attention(m[0], m[1], m[2], m[3], m[4], m[5], p) }})
		}
	})
	return append(list, pagedAttentions(g)...)
}

// A pagedPass has the key rows of its sequences in pages.
var pagedPasses = []struct {
	name        string
	segments    []int32 // key rows count through the table
	queries     int
	page, pages int // rows of a page, and how many there are
	table       []int32
}{
	{"one token", []int32{0, 1, 0, 1}, 1, 64, 2, []int32{1}},
	{"a page full", []int32{0, 3, 0, 64}, 3, 64, 3, []int32{2, 0}},
	{"several, one shared", []int32{0, 5, 0, 130, 5, 1, 192, 129, 6, 20, 384, 20}, 26, 64, 5, []int32{4, 1, 0, 4, 1, 3, 2}},
	{"pages of two tiles", []int32{2, 1, 0, 300, 0, 2, 384, 100}, 3, 128, 4, []int32{3, 0, 2, 1}},
	{"long", []int32{0, 1, 0, 1500, 1, 9, 1536, 600}, 10, 64, 40, backwards(36)},
	{"long prompt", []int32{0, 90, 0, 1100}, 90, 64, 18, backwards(18)},
}

// backwards is n-1, n-2 … 0.
func backwards(n int32) (table []int32) {
	for i := range n {
		table = append(table, n-1-i)
	}
	return table
}

// pagedAttentions are attentions over pages, and over keys of every type.
func pagedAttentions(g *gen) (list []call) {
	for i, p := range []kernel.AttentionParams{
		{H: 4, G: 2, D: 32, Scale: 0.2, Causal: true}, {H: 2, G: 2, D: 64, Scale: 0.1, Causal: true, Window: 70},
		{H: 3, G: 1, D: 96, Scale: 0.1, Causal: true, SoftCap: 4}, {H: 2, G: 1, D: 20, Scale: 0.2, Causal: true}, {H: 1, G: 1, D: 32, Scale: 0.2},
	} {
		for j, pass := range pagedPasses {
			for _, typ := range []kernel.DType{kernel.F32, kernel.F16, kernel.Q8_0} {
				if p.D%typ.Block() != 0 {
					continue
				}
				rows := pass.page * pass.pages
				table := from(kernel.I32, 1, len(pass.table), pass.table)
				args := []*arg{output(g.normal(pass.queries, p.H*p.D)), output(g.normal(pass.queries, p.H)),
					g.normal(pass.queries, p.H*p.D), g.of(typ, rows, p.G*p.D), g.of(typ, rows, p.G*p.D), segmentsArg(pass.segments), table}
				if (i+j)%2 == 1 {
					strided(args...)
					args[1] = nil
				}
				list = append(list, call{name: named("Attention over pages, %s, %v, setting %d", pass.name, typ, i), args: args, rtol: 2e-5, atol: 1e-5,
					do: func(d kernel.Device, m []kernel.Mat) {
						p.Pages, p.Page = m[6], pass.page
						d.Attention(m[0], m[1], m[2], m[3], m[4], m[5], p)
					}})
			}
		}
	}
	return list
}

func attentionGrads(g *gen) (list []call) {
	attentionParams(func(p kernel.AttentionParams) {
		for i, pass := range passesOf(p) {
			q, k, v := g.normal(pass.queries, p.H*p.D), g.normal(pass.keys, p.G*p.D), g.normal(pass.keys, p.G*p.D)
			y, lse := attend(q, k, v, segmentsArg(pass.segments), p)
			args := []*arg{output(g.normal(pass.queries, p.H*p.D)), output(g.normal(pass.keys, p.G*p.D)), output(g.normal(pass.keys, p.G*p.D)),
				q, k, v, y, lse, g.normal(pass.queries, p.H*p.D), segmentsArg(pass.segments)}
			if i%2 == 1 {
				strided(args...)
			}
			list = append(list, call{name: named("AttentionGrad %s %+v", pass.name, p), args: args, rtol: 5e-5, atol: 5e-5,
				do: func(d kernel.Device, m []kernel.Mat) {
					d.AttentionGrad(m[0], m[1], m[2], m[3], m[4], m[5], m[6], m[7], m[8], m[9], p, i%3 == 0)
				}})
		}
	})
	return list
}

func rotaries(g *gen) (list []call) {
	type setting struct{ rows, heads, d, pairs int }
	settings := []setting{{5, 3, 16, 8}, {9, 2, 20, 4}, {2, 1, 2, 1}, {4, 2, 6, 0}, {300, 4, 32, 16}, {0, 2, 8, 4}}
	for pairs := 1; pairs <= maxTail; pairs++ {
		settings = append(settings, setting{3, 2, 2*pairs + pairs%3, pairs})
	}
	for i, s := range settings {
		freqs := make([]float32, s.pairs)
		for j := range freqs {
			freqs[j] = float32(math.Pow(10000, -float64(j)/float64(s.pairs)))
		}
		for form := range 8 {
			interleaved, inverse, acc := form&1 != 0, form&2 != 0, form&4 != 0
			args := []*arg{output(g.normal(s.rows, s.heads*s.d)), g.normal(s.rows, s.heads*s.d), g.ids(s.rows, 300), from(kernel.F32, 1, s.pairs, freqs)}
			if form%3 == 1 {
				strided(args...)
			}
			name := named("Rotary setting %d interleaved %v inverse %v acc %v", i, interleaved, inverse, acc)
			list = append(list, call{name: name, args: args, rtol: 1e-6, atol: 1e-6,
				do: func(d kernel.Device, m []kernel.Mat) {
					d.Rotary(m[0], m[1], m[2], m[3], s.heads, interleaved, inverse, acc)
				}})
			if !acc {
				list = append(list, call{name: name + " in place", args: []*arg{output(g.normal(s.rows, s.heads*s.d)), args[2], args[3]}, rtol: 1e-6, atol: 1e-6,
					do: func(d kernel.Device, m []kernel.Mat) {
						d.Rotary(m[0], m[0], m[1], m[2], s.heads, interleaved, inverse, false)
					}})
			}
		}
	}
	return list
}

func convs(g *gen) (list []call) {
	convForms(func(pass, cols, width int) {
		p := passes[pass]
		args := []*arg{output(g.normal(p.queries, cols)), g.normal(p.keys, cols), g.normal(width, cols), segmentsArg(p.segments)}
		if pass%2 == 1 {
			strided(args...)
		}
		list = append(list, call{name: named("CausalConv %s %d channels width %d", p.name, cols, width), args: args, rtol: 1e-6, atol: 2e-6,
			do: func(d kernel.Device, m []kernel.Mat) { d.CausalConv(m[0], m[1], m[2], m[3]) }})
	})
	return list
}

func convGrads(g *gen) (list []call) {
	convForms(func(pass, cols, width int) {
		p := passes[pass]
		args := []*arg{output(g.normal(p.keys, cols)), output(g.normal(width, cols)), g.normal(p.keys, cols), g.normal(width, cols),
			g.normal(p.queries, cols), segmentsArg(p.segments)}
		if pass%2 == 1 {
			strided(args...)
		}
		for _, acc := range []bool{false, true} {
			list = append(list, call{name: named("CausalConvGrad %s %d channels width %d acc %v", p.name, cols, width, acc), args: args, rtol: 1e-5, atol: 1e-5,
				do: func(d kernel.Device, m []kernel.Mat) { d.CausalConvGrad(m[0], m[1], m[2], m[3], m[4], m[5], acc) }})
		}
	})
	return list
}

// convForms tries every pass at a few channels, and every tail of channels.
func convForms(f func(pass, cols, width int)) {
	for pass := range passes {
		f(pass, 128, 4)
		f(pass, 5, 1)
	}
	for cols := range maxTail + 1 {
		f(2, cols, 3)
	}
}
