package corpus_test

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/corpus"
)

// dots are pictures of 2 × 3 pixels, each of a brightness of its own.
func dots() *corpus.Images {
	m := &corpus.Images{H: 2, W: 3, C: 1, Classes: []string{"0", "1", "2", "3"}}
	for k := range 4 {
		m.Pixels = append(m.Pixels, bytes.Repeat([]byte{uint8(50 + 50*k)}, 6)...)
		m.Labels = append(m.Labels, int32(k))
	}
	return m
}

func moving(t *testing.T, m corpus.Moving) *corpus.Moving {
	t.Helper()
	r, err := corpus.NewMoving(m)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestMovingFrames: each frame is the digits at their places, the brighter above, and nothing
// else.
func TestMovingFrames(t *testing.T) {
	m := moving(t, corpus.Moving{Digits: dots(), Side: 12, Frames: 15, Count: 2, Seed: 1})
	overlaps := 0
	for i := range 20 {
		c := m.Clip(i)
		for f := range 15 {
			want := make([]uint8, 12*12)
			for _, d := range c.Digits {
				if d.Label != m.Digits.Labels[d.Picture] {
					t.Fatalf("clip %d: label %d of picture %d", i, d.Label, d.Picture)
				}
				for y := range 2 {
					for x := range 3 {
						p := (d.Places[f][0]+y)*12 + d.Places[f][1] + x
						if want[p] > 0 {
							overlaps++
						}
						want[p] = max(want[p], uint8(50+50*d.Label))
					}
				}
			}
			if !bytes.Equal(c.Frames[f*144:(f+1)*144], want) {
				t.Fatalf("clip %d frame %d is not its digits at their places", i, f)
			}
		}
	}
	if overlaps == 0 {
		t.Error("no two digits met: the brighter one is not tested")
	}
}

// TestMovingIsAFunctionOfItsNumber: whatever was asked for before.
func TestMovingIsAFunctionOfItsNumber(t *testing.T) {
	m := moving(t, corpus.Moving{Digits: dots(), Side: 12, Seed: 7})
	first := m.Clip(5)
	m.Clip(3)
	if !bytes.Equal(m.Clip(5).Frames, first.Frames) {
		t.Error("clip 5 is another the second time")
	}
	other := *m
	other.Seed++
	for name, c := range map[string]*corpus.Clip{"clip 6": m.Clip(6), "another seed": other.Clip(5)} {
		if bytes.Equal(c.Frames, first.Frames) {
			t.Errorf("%s is the same clip", name)
		}
	}
	if m.Speed != 0.9 || m.Frames != 20 || m.Count != 1 {
		t.Errorf("speed %g, %d frames, %d digits by default", m.Speed, m.Frames, m.Count)
	}
}

// TestBounce by hand: a wall at 10 sends what would be 12 to 8; a wall at 0 sends −2 to 2.
func TestBounce(t *testing.T) {
	way := [2]float64{10, 10}
	right := corpus.Bounce([2]float64{5, 4}, way, 0, 4, 6)
	if want := [][2]int{{5, 4}, {5, 8}, {5, 8}, {5, 4}, {5, 0}, {5, 4}}; !slices.Equal(right, want) {
		t.Errorf("to the right: %v, want %v", right, want)
	}
	up := corpus.Bounce([2]float64{5, 4}, way, -math.Pi/2, 4, 4)
	if want := [][2]int{{5, 4}, {1, 4}, {3, 4}, {7, 4}}; !slices.Equal(up, want) {
		t.Errorf("upward: %v, want %v", up, want)
	}
	down := corpus.Bounce([2]float64{0, 0}, way, math.Pi/4, math.Sqrt2*3, 3)
	if want := [][2]int{{0, 0}, {3, 3}, {6, 6}}; !slices.Equal(down, want) {
		t.Errorf("downward to the right: %v, want %v", down, want)
	}
}

func TestMovingRefuses(t *testing.T) {
	with := func(change func(*corpus.Images)) *corpus.Images {
		d := dots()
		change(d)
		return d
	}
	tests := []struct {
		m    corpus.Moving
		want string
	}{
		{corpus.Moving{}, "no pictures"},
		{corpus.Moving{Digits: with(func(d *corpus.Images) { d.C, d.W = 3, 1 })}, "grey"},
		{corpus.Moving{Digits: with(func(d *corpus.Images) { d.Labels = nil })}, "without labels"},
		{corpus.Moving{Digits: dots(), Side: 3}, "can not move in a frame of 3 × 3"},
		{corpus.Moving{Digits: dots(), Side: -1}, "1 or more"},
		{corpus.Moving{Digits: dots(), Frames: -1}, "1 or more"},
		{corpus.Moving{Digits: dots(), Count: -1}, "1 or more"},
		{corpus.Moving{Digits: dots(), Side: 12, Speed: 10}, "speed of 10 pixels"},
		{corpus.Moving{Digits: dots(), Side: 12, Speed: math.NaN()}, "speed of NaN"},
	}
	for _, tt := range tests {
		if _, err := corpus.NewMoving(tt.m); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: error %v, want %q", tt.m, err, tt.want)
		}
	}
}

func BenchmarkMovingClip(b *testing.B) {
	m, err := corpus.NewMoving(corpus.Moving{Digits: dots(), Count: 2})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(m.Frames * m.Side * m.Side))
	for i := range b.N {
		m.Clip(i)
	}
}
