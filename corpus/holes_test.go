package corpus_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/corpus"
)

func mustHoles(t *testing.T, h corpus.Holes) *corpus.Holes {
	t.Helper()
	made, err := corpus.NewHoles(h)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// missing counts the pixels of a hole.
func missing(hole []uint8) (n int) {
	for _, v := range hole {
		n += int(v)
	}
	return n
}

// TestHolesAreAFunctionOfTheirNumber: asked for in another order they are the same; another
// seed or number makes others.
func TestHolesAreAFunctionOfTheirNumber(t *testing.T) {
	h := mustHoles(t, corpus.Holes{H: 28, W: 20, Seed: 3})
	third := h.Hole(2)
	h.Hole(9)
	if !slices.Equal(h.Hole(2), third) {
		t.Error("hole 2 depends on the ones before it")
	}
	if slices.Equal(h.Hole(3), third) || slices.Equal(mustHoles(t, corpus.Holes{H: 28, W: 20, Seed: 4}).Hole(2), third) {
		t.Error("another number or seed makes the same hole")
	}
}

// TestSquareHoles: a square of 3/8 to 1/2 of the shorter side, its middle in the middle half.
func TestSquareHoles(t *testing.T) {
	const H, W = 16, 24
	h := mustHoles(t, corpus.Holes{H: H, W: W, Kind: "squares", Seed: 1})
	sides := map[int]bool{}
	for i := range 200 {
		hole := h.Hole(i)
		top, left := H, W
		bottom, right := -1, -1
		for at, v := range hole {
			if v == 1 {
				y, x := at/W, at%W
				top, left, bottom, right = min(top, y), min(left, x), max(bottom, y), max(right, x)
			}
		}
		side := bottom - top + 1
		sides[side] = true
		if right-left+1 != side || missing(hole) != side*side {
			t.Fatalf("hole %d is no square: rows %d to %d, columns %d to %d, %d pixels", i, top, bottom, left, right, missing(hole))
		}
		if y, x := top+side/2, left+side/2; y < H/4 || y >= H-H/4 || x < W/4 || x >= W-W/4 {
			t.Errorf("hole %d has its middle at %d, %d", i, y, x)
		}
	}
	if len(sides) != 3 || !sides[6] || !sides[7] || !sides[8] {
		t.Errorf("sides %v, want 6 to 8", sides)
	}
}

// TestStrokeHoles: they are neither all nor nothing, of moderate area, and not squares.
func TestStrokeHoles(t *testing.T) {
	for _, size := range [][2]int{{4, 4}, {28, 28}, {5, 60}} {
		h := mustHoles(t, corpus.Holes{H: size[0], W: size[1], Kind: "strokes", Seed: 1})
		all := 0
		for i := range 100 {
			n := missing(h.Hole(i))
			if n < 1 || n >= size[0]*size[1] {
				t.Errorf("%v: hole %d has %d pixels", size, i, n)
			}
			all += n
		}
		if share := float64(all) / float64(100*size[0]*size[1]); share < 0.02 || share > 0.6 {
			t.Errorf("%v: holes take a share of %.2f", size, share)
		}
	}
	both := mustHoles(t, corpus.Holes{H: 28, W: 28, Seed: 1})
	squares := 0
	for i := range 200 {
		for side := 10; side <= 14; side++ {
			if missing(both.Hole(i)) == side*side {
				squares++
			}
		}
	}
	if squares < 70 || squares > 140 {
		t.Errorf("%d of 200 holes are squares, want about half", squares)
	}
}

func TestHolesRefuse(t *testing.T) {
	for want, h := range map[string]corpus.Holes{
		"pictures of 3 × 28": {H: 3, W: 28}, `"stars" are none of squares, strokes, both`: {H: 8, W: 8, Kind: "stars"},
	} {
		if _, err := corpus.NewHoles(h); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got the error %v, want one that says %q", err, want)
		}
	}
}
