package kerneltest

import (
	"math"

	"github.com/inkstone-ai/inkstone/internal/kernel"
)

// alignments are sets of sequences for CTC: rows and labels of each, and classes.
var alignments = []struct {
	name    string
	lengths [][2]int
	classes int
	spread  float32 // of the logits
}{
	{"one row, one label", [][2]int{{1, 1}}, 2, 3},
	{"several", [][2]int{{7, 3}, {12, 0}, {4, 4}, {1, 0}, {30, 9}, {9, 2}}, 5, 3},
	{"two labels only, often repeated", [][2]int{{20, 8}, {15, 9}, {11, 5}}, 3, 3},
	{"just too short or not", [][2]int{{5, 5}, {5, 4}, {9, 5}, {4, 5}, {0, 2}, {0, 0}, {3, 1}}, 3, 2},
	{"blank alone", [][2]int{{6, 0}, {0, 0}}, 1, 2},
	{"none", nil, 4, 1},
	{"long", [][2]int{{150, 40}, {5, 2}}, 29, 4},
	{"sure of something else", [][2]int{{70, 25}, {60, 20}}, 40, 90},
	{"many classes", [][2]int{{3, 2}, {4, 1}}, 2500, 5},
}

// labels are ids of n labels that are not blank; of two classes or three many repeat.
func (g *gen) labels(n, classes, blank int) *arg {
	data := make([]int32, n)
	for i := range data {
		if data[i] = int32(g.rng.IntN(classes - 1)); data[i] >= int32(blank) {
			data[i]++
		}
	}
	return from(kernel.I32, n, 1, data)
}

func ctcs(g *gen) (list []call) {
	for i, a := range alignments {
		rows, labels, segments := 0, 0, []int32(nil)
		for _, n := range a.lengths {
			segments = append(segments, int32(rows), int32(n[0]), int32(labels), int32(n[1]))
			rows, labels = rows+n[0], labels+n[1]
		}
		S := len(a.lengths)
		for _, blank := range []int{0, a.classes - 1} {
			x := g.uniform(rows, a.classes, -a.spread, a.spread)
			if i == 1 { // a class of probability 0, which some targets need
				floats(x.data)[2*a.classes+1] = float32(math.Inf(-1))
			}
			args := []*arg{output(g.normal(S, 1)), output(g.normal(rows, a.classes)), x, g.labels(labels, a.classes, blank), segmentsArg(segments), nil}
			if blank == 0 {
				args[5] = g.uniform(1, S, -1, 2)
				if S > 3 { // of a sequence that fits, and of one that may not
					floats(args[5].data)[1], floats(args[5].data)[3] = 0, 0
				}
				strided(args...)
			}
			in := x.copy()
			for _, zero := range []bool{false, true} {
				tag := named("CTC %s blank %d zero infinity %v", a.name, blank, zero)
				list = append(list,
					call{name: tag, args: args, rtol: 1e-5, atol: 2e-6, do: func(d kernel.Device, m []kernel.Mat) {
						d.CTC(m[0], m[1], m[2], m[3], m[4], m[5], int32(blank), zero)
					}},
					call{name: tag + " loss only", args: []*arg{args[0], args[2], args[3], args[4]}, rtol: 1e-5, atol: 2e-6, do: func(d kernel.Device, m []kernel.Mat) {
						d.CTC(m[0], kernel.Mat{}, m[1], m[2], m[3], kernel.Mat{}, int32(blank), zero)
					}},
					call{name: tag + " in place", args: []*arg{args[0], in, args[3], args[4], args[5]}, rtol: 1e-5, atol: 2e-6, do: func(d kernel.Device, m []kernel.Mat) {
						d.CTC(m[0], m[1], m[1], m[2], m[3], m[4], int32(blank), zero)
					}})
			}
		}
	}
	return list
}
