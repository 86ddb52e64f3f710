package corpus

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
)

// Holes draws which pixels of a picture are missing. Hole i is a function of the settings and
// i: nothing is stored.
type Holes struct {
	H, W int    // rows and columns of the pictures
	Kind string // one of [HoleKinds]; "": both
	Seed uint64
}

// HoleKinds are the values of [Holes.Kind]: a square near the middle, its side 3/8 to 1/2 of
// the shorter one's; three bent strokes, as wide as an eighth of it; or by turns.
func HoleKinds() []string { return []string{"squares", "strokes", "both"} }

// NewHoles checks a Holes and fills what is zero.
//
// Errors: a picture with a side below 4; a Kind that there is not.
func NewHoles(h Holes) (*Holes, error) {
	if h.Kind == "" {
		h.Kind = "both"
	}
	switch {
	case min(h.H, h.W) < 4 || h.H > maxPicture/h.W:
		return nil, fmt.Errorf("corpus: holes in pictures of %d × %d: a side is 4 or more, and all of it at most %d pixels", h.H, h.W, maxPicture)
	case !slices.Contains(HoleKinds(), h.Kind):
		return nil, fmt.Errorf("corpus: holes %q are none of %s", h.Kind, strings.Join(HoleKinds(), ", "))
	}
	return &h, nil
}

// Hole is hole i, (H, W): 1 where a pixel is missing, else 0. Neither is all of it.
func (h *Holes) Hole(i int) []uint8 {
	r := rand.New(rand.NewPCG(h.Seed, uint64(i)))
	hole := make([]uint8, h.H*h.W)
	if h.Kind == "squares" || h.Kind == "both" && r.IntN(2) == 0 {
		h.square(hole, r)
	} else {
		h.strokes(hole, r)
	}
	return hole
}

// square makes a square whose middle is in the middle half of both sides, or as near to it
// as the edges let it.
func (h *Holes) square(hole []uint8, r *rand.Rand) {
	short := min(h.H, h.W)
	side := max(1, short*3/8) + r.IntN(short/2-short*3/8+1)
	at := func(n int) int { return min(max(n/4+r.IntN(n-n/2)-side/2, 0), n-side) }
	y, x := at(h.H), at(h.W)
	for row := y; row < y+side; row++ {
		for column := x; column < x+side; column++ {
			hole[row*h.W+column] = 1
		}
	}
}

// strokes makes three, each of half the shorter side, that bend as they go.
func (h *Holes) strokes(hole []uint8, r *rand.Rand) {
	short := min(h.H, h.W)
	width := max(1, float64(short)/8)
	for range 3 {
		y, x := r.Float64()*float64(h.H), r.Float64()*float64(h.W)
		y, x = float64(h.H)/4+y/2, float64(h.W)/4+x/2 // starts in the middle half
		direction := 2 * math.Pi * r.Float64()
		for range short / 2 {
			h.dot(hole, y, x, width/2)
			direction += (r.Float64() - 0.5) / 2
			y, x = y+math.Sin(direction), x+math.Cos(direction)
		}
	}
}

// dot makes a disc, as far as it is inside; the pixel under its middle is part of it.
func (h *Holes) dot(hole []uint8, y, x, radius float64) {
	from := func(v float64) int { return max(int(math.Floor(v-radius)), 0) }
	to := func(v float64, n int) int { return min(int(math.Ceil(v+radius)), n-1) }
	for row := from(y); row <= to(y, h.H); row++ {
		for column := from(x); column <= to(x, h.W); column++ {
			dy, dx := float64(row)-y, float64(column)-x
			if float64(dy*dy)+float64(dx*dx) <= float64(radius*radius) { // float64: no fused multiply-add, equal everywhere
				hole[row*h.W+column] = 1
			}
		}
	}
	if row, column := int(y), int(x); row >= 0 && row < h.H && column >= 0 && column < h.W && y >= 0 && x >= 0 {
		hole[row*h.W+column] = 1
	}
}
