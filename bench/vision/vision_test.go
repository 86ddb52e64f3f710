package main

import (
	"testing"

	"github.com/inkstone-ai/inkstone/corpus"
)

// TestBaselines: by hand, on images of two pixels.
func TestBaselines(t *testing.T) {
	learned := &corpus.Images{H: 1, W: 2, C: 1, Classes: []string{"a", "b"},
		Pixels: []uint8{0, 0, 40, 0, 250, 250, 130, 90, 0, 10}, Labels: []int32{0, 0, 1, 1, 0}, Names: []string{"1", "2", "3", "4", "5"}}
	for _, c := range []struct {
		x                          []uint8
		nearest, nearestMean, most int32
	}{
		{[]uint8{10, 0}, 0, 0, 0},
		{[]uint8{90, 60}, 1, 0, 0}, // the nearest is an image of b, the nearer mean that of a
		{[]uint8{200, 200}, 1, 1, 0},
	} {
		if got := nearest(learned)(c.x); got != c.nearest {
			t.Errorf("%v: nearest %d", c.x, got)
		}
		if got := nearestMean(learned)(c.x); got != c.nearestMean {
			t.Errorf("%v: nearest mean %d", c.x, got)
		}
		if got := commonest(learned)(c.x); got != c.most {
			t.Errorf("%v: commonest %d", c.x, got)
		}
	}
}

// TestRest: what is not of the part, in order.
func TestRest(t *testing.T) {
	all := &corpus.Images{H: 1, W: 1, C: 1, Pixels: []uint8{1, 2, 3}, Labels: []int32{0, 1, 0}, Names: []string{"a", "b", "c"}}
	got := rest(all, &corpus.Images{Names: []string{"b"}})
	if string(got.Pixels) != "\x01\x03" || len(got.Labels) != 2 || got.Names[1] != "c" {
		t.Errorf("%+v", got)
	}
}
