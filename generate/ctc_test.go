package generate_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/inkstone-ai/inkstone/generate"
)

// ctcScores are log-probabilities of rows drawn at random.
func ctcScores(rng *rand.Rand, rows, classes int) []float32 {
	scores := make([]float32, rows*classes)
	for t := range rows {
		sum, row := 0.0, scores[t*classes:][:classes]
		for k := range row {
			row[k] = float32(2 * rng.NormFloat64())
			sum += math.Exp(float64(row[k]))
		}
		for k := range row {
			row[k] -= float32(math.Log(sum))
		}
	}
	return scores
}

// reads is what an alignment says.
func reads(path []int32, blank int32) (labels []int32) {
	for t, k := range path {
		if k != blank && (t == 0 || path[t-1] != k) {
			labels = append(labels, k)
		}
	}
	return labels
}

// readings adds up every alignment: classes^rows of them.
func readings(scores []float32, rows, classes int, blank int32) map[string]float64 {
	all, path := map[string]float64{}, make([]int32, rows)
	for {
		p := 0.0
		for t, k := range path {
			p += float64(scores[t*classes+int(k)])
		}
		all[fmt.Sprint(reads(path, blank))] += math.Exp(p)
		t := 0
		for t < rows {
			if path[t]++; int(path[t]) < classes {
				break
			}
			path[t] = 0
			t++
		}
		if t == rows {
			return all
		}
	}
}

// TestCTCBeamFindsAll: wide enough, the search has every reading with the probability that
// adding up all alignments gives; and narrow, the best one of those.
func TestCTCBeamFindsAll(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for trial := range 30 {
		rows, classes := 1+trial%6, 2+trial%3
		blank := int32(trial % classes)
		scores := ctcScores(rng, rows, classes)
		want := readings(scores, rows, classes, blank)
		got := generate.CTCBeam(scores, classes, blank, 1<<20)
		if len(got) != len(want) {
			t.Fatalf("%d×%d: %d readings, want %d", rows, classes, len(got), len(want))
		}
		for i, r := range got {
			if p := want[fmt.Sprint(r.Labels)]; math.Abs(math.Exp(r.LogProb)-p) > 1e-6*p {
				t.Errorf("%d×%d: %v has probability %v, want %v", rows, classes, r.Labels, math.Exp(r.LogProb), p)
			}
			if i > 0 && r.LogProb > got[i-1].LogProb {
				t.Errorf("%d×%d: reading %d is likelier than the one before", rows, classes, i)
			}
		}
		if narrow := generate.CTCBeam(scores, classes, blank, 20); !slices.Equal(narrow[0].Labels, got[0].Labels) || len(narrow) > 20 {
			t.Errorf("%d×%d: a beam of 20 finds %v, the best is %v", rows, classes, narrow[0].Labels, got[0].Labels)
		}
	}
}

// TestCTCGreedy: the best path, which need not be the best reading.
func TestCTCGreedy(t *testing.T) {
	log := func(p ...float64) (s []float32) {
		for _, v := range p {
			s = append(s, float32(math.Log(v)))
		}
		return s
	}
	for _, tt := range []struct {
		name   string
		scores []float32
		want   []int32
	}{
		{"none", nil, nil},
		{"repetitions", log(.1, .8, .1, .1, .8, .1, .1, .1, .8), []int32{1, 2}},
		{"apart by a blank", log(.1, .8, .1, .8, .1, .1, .1, .8, .1), []int32{1, 1}},
		{"blanks", log(.8, .1, .1, .8, .1, .1), nil},
	} {
		if got := generate.CTCGreedy(tt.scores, 3, 0); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
	scores := log(.6, .4, .6, .4) // blank, blank is 0.36; label 1 is 0.64 in three ways
	if got := generate.CTCGreedy(scores, 2, 0); len(got) != 0 {
		t.Errorf("greedy says %v", got)
	}
	if got := generate.CTCBeam(scores, 2, 0, 2); !slices.Equal(got[0].Labels, []int32{1}) || math.Abs(math.Exp(got[0].LogProb)-0.64) > 1e-6 {
		t.Errorf("the beam says %v", got)
	}
}

// TestCTCPath by hand: 1 1 blank 1 2 2 blank.
func TestCTCPath(t *testing.T) {
	var scores []float32
	for _, k := range []int{1, 1, 0, 1, 2, 2, 0} {
		row := make([]float32, 3)
		row[k] = 1
		scores = append(scores, row...)
	}
	want := []generate.CTCSpan{{Label: 1, From: 0, To: 2}, {Label: 1, From: 3, To: 4}, {Label: 2, From: 4, To: 6}}
	if got := generate.CTCPath(scores, 3, 0); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
