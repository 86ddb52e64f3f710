package mel_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/inkstone-ai/inkstone/corpus/mel"
)

// masked are energies of ones (T, M) after masks.
func masked(k mel.Masks, seed uint64, T, M int) []float32 {
	x := make([]float32, T*M)
	for i := range x {
		x[i] = 1
	}
	k.Apply(rand.New(rand.NewPCG(seed, 0)), x, M)
	return x
}

// TestMasks: bands hide whole columns, spans whole rows, each of every width from none to the most
// that is allowed, at the ends too.
func TestMasks(t *testing.T) {
	const T, M = 11, 7
	columns, rows := map[[2]int]bool{}, map[[2]int]bool{}
	for seed := range uint64(2000) {
		columns[gap(t, masked(mel.Masks{Bands: 1, Filters: 3}, seed, T, M), T, M, 1)] = true
		rows[gap(t, masked(mel.Masks{Spans: 1, Frames: 9, Share: 0.37}, seed, T, M), T, M, M)] = true
	}
	// Places of widths 1 to 3 among 7 filters, and of 1 to 4 = ⌊0.37·11⌋ among 11 frames; and none.
	if want := 7 + 6 + 5 + 1; len(columns) != want {
		t.Errorf("%d bands, want %d", len(columns), want)
	}
	if want := 11 + 10 + 9 + 8 + 1; len(rows) != want {
		t.Errorf("%d spans, want %d", len(rows), want)
	}
	for i, v := range masked(mel.Masks{}, 1, T, M) {
		if v != 1 {
			t.Fatalf("no masks hide energy %d", i)
		}
	}
	masked(mel.Masks{Bands: 2, Filters: 100, Spans: 2, Frames: 100}, 1, 3, 2) // more than there is
}

// gap is where zeros lie that are whole rows (each = M) or columns (1), first and width.
func gap(t *testing.T, x []float32, T, M, each int) (g [2]int) {
	t.Helper()
	n := T * M / each
	hidden := make([]bool, n)
	if each == 1 {
		n, hidden = M, hidden[:M]
	}
	for k := range hidden {
		zeros, of := 0, 0
		for i, v := range x {
			if each == 1 && i%M == k || each == M && i/M == k {
				of++
				if v == 0 {
					zeros++
				}
			}
		}
		if zeros != 0 && zeros != of {
			continue
		}
		hidden[k] = zeros == of
	}
	covered := 0
	for k, h := range hidden {
		if h {
			if g[1] == 0 {
				g[0] = k
			}
			if g[1]++; k != g[0]+g[1]-1 {
				t.Fatalf("hidden parts %v do not hang together", hidden)
			}
			covered += len(x) / n
		}
	}
	for _, v := range x {
		if v == 0 {
			covered--
		}
	}
	if covered != 0 {
		t.Fatalf("%d zeros lie outside of whole parts", -covered)
	}
	return g
}

// TestColour: every frame gets the same curve, which is smooth, has no mean and is as large as it may be.
func TestColour(t *testing.T) {
	const T, M, runs = 3, 40, 400
	squares := 0.0
	for seed := range uint64(runs) {
		x := make([]float32, T*M)
		mel.Colour(rand.New(rand.NewPCG(seed, 0)), x, M, 0.5)
		for i, v := range x {
			squares += float64(v) * float64(v) / (T * M * runs)
			if v != x[i%M] {
				t.Fatalf("frame %d gets another curve", i/M)
			}
			// The steepest of the four cosines changes by 4π/39 of its height from one filter to the next.
			if i%M > 0 && math.Abs(float64(v-x[i-1])) > 4*0.5*4*math.Pi/39*2 {
				t.Fatalf("seed %d: a jump from %g to %g", seed, x[i-1], v)
			}
		}
	}
	if want := 4 * 0.25 / 2; math.Abs(squares-want) > 0.1*want {
		t.Errorf("mean square %g, want %g", squares, want)
	}
	x := []float32{1, 2}
	r := rand.New(rand.NewPCG(1, 1))
	if mel.Colour(r, x, 2, 0); x[0] != 1 || r.Uint64() != rand.New(rand.NewPCG(1, 1)).Uint64() {
		t.Error("no colour changes or draws something")
	}
}
