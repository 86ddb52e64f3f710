package corpus

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// Moving makes clips of digits that move in a square frame and bounce at its walls, after
// Srivastava et al. 2015, arXiv:1502.04681, section 3.2. Clip i is a function of the pictures, the
// settings and i: nothing is stored.
//
// Letters: T frames, N pixels of a frame's side, h and w of a digit.
type Moving struct {
	Digits *Images // grey, with labels
	Side   int     // N
	Frames int     // T
	Count  int     // digits of a clip
	Speed  float64 // pixels from frame to frame
	Seed   uint64
}

// NewMoving checks a Moving and fills what is zero: a Side of 64, 20 Frames, a Count of 1 and a
// tenth of the way that a digit has as Speed, as the paper has them.
//
// Errors: no pictures, colour, no labels; a picture that fills the frame; a number below 1;
// a Speed that is not between 0 and the way that a digit has.
func NewMoving(m Moving) (*Moving, error) {
	or := func(n *int, otherwise int) {
		if *n == 0 {
			*n = otherwise
		}
	}
	or(&m.Side, 64)
	or(&m.Frames, 20)
	or(&m.Count, 1)
	d := m.Digits
	switch {
	case d == nil || d.Len() == 0:
		return nil, fmt.Errorf("corpus: moving digits: no pictures")
	case d.C != 1:
		return nil, fmt.Errorf("corpus: moving digits: pictures of %d channels; read them with Channels 1, grey", d.C)
	case d.Labels == nil:
		return nil, fmt.Errorf("corpus: moving digits: pictures without labels: want a folder for each class, or an IDX file of labels")
	case m.Side < 1 || m.Frames < 1 || m.Count < 1:
		return nil, fmt.Errorf("corpus: moving digits: a side of %d pixels, %d frames, %d digits: each is 1 or more", m.Side, m.Frames, m.Count)
	case d.H >= m.Side || d.W >= m.Side:
		return nil, fmt.Errorf("corpus: moving digits: pictures of %d × %d can not move in a frame of %d × %d", d.H, d.W, m.Side, m.Side)
	}
	way := float64(m.Side - max(d.H, d.W))
	if m.Speed == 0 {
		m.Speed = way / 10
	}
	if !(m.Speed > 0 && m.Speed <= way) {
		return nil, fmt.Errorf("corpus: moving digits: a speed of %g pixels a frame is not between 0 and %g, the way that a digit has", m.Speed, way)
	}
	return &m, nil
}

// A Clip is frames, and what moves in them.
type Clip struct {
	Frames []uint8       // (T, N, N), 0 black to 255 white
	Digits []MovingDigit // the Count of them
}

// A MovingDigit is one of a clip.
type MovingDigit struct {
	Picture   int      // of Digits
	Label     int32    // its class
	Direction float64  // in which it starts, radians from rightward to downward
	Places    [][2]int // (T), row and column of the upper left corner in each frame
}

// Clip makes clip i: digits drawn one by one and evenly, with start and direction; where they lie
// on each other the brighter pixel is seen.
func (m *Moving) Clip(i int) *Clip {
	r := rand.New(rand.NewPCG(m.Seed, uint64(i)))
	c := &Clip{Frames: make([]uint8, m.Frames*m.Side*m.Side)}
	way := [2]float64{float64(m.Side - m.Digits.H), float64(m.Side - m.Digits.W)}
	for range m.Count {
		g := MovingDigit{Picture: r.IntN(m.Digits.Len())}
		start := [2]float64{r.Float64() * way[0], r.Float64() * way[1]}
		g.Direction = 2 * math.Pi * r.Float64()
		g.Label, g.Places = m.Digits.Labels[g.Picture], Bounce(start, way, g.Direction, m.Speed, m.Frames)
		for t, at := range g.Places {
			Place(c.Frames[t*m.Side*m.Side:][:m.Side*m.Side], m.Side, m.Digits.Image(g.Picture), m.Digits.W, at)
		}
		c.Digits = append(c.Digits, g)
	}
	return c
}

// Bounce is the path of a point that starts in a rectangle of the height and width given, moves in a
// direction (radians from rightward to downward) by speed each frame and is mirrored
// at the walls: its row and column, rounded, in each of T frames.
func Bounce(start, way [2]float64, direction, speed float64, T int) (places [][2]int) {
	step := [2]float64{math.Sin(direction) * speed, math.Cos(direction) * speed}
	for t := range T {
		var at [2]int
		for k := range at {
			at[k] = int(math.Round(mirror(start[k]+float64(float64(t)*step[k]), way[k]))) // float64: no fused multiply-add, equal everywhere
		}
		places = append(places, at)
	}
	return places
}

// mirror folds x into 0 … way, as two mirrors would.
func mirror(x, way float64) float64 {
	x = math.Mod(math.Abs(x), 2*way)
	return min(x, 2*way-x)
}

// Place lays a picture of so many columns into a square frame, its upper left corner at a
// place where all of it is inside; the brighter pixel stays.
func Place(frame []uint8, side int, picture []uint8, width int, at [2]int) {
	for p, v := range picture {
		to := &frame[(at[0]+p/width)*side+at[1]+p%width]
		*to = max(*to, v)
	}
}
