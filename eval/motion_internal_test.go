package eval

import (
	"slices"
	"testing"
)

// ramp is a frame of 5 × 5 of different numbers.
func ramp() []float32 {
	x := make([]float32, 25)
	for i := range x {
		x[i] = float32(i+1) / 25
	}
	return x
}

// TestShiftedFrame: each pixel comes from where it was, black from outside.
func TestShiftedFrame(t *testing.T) {
	x := ramp()
	for dy := -6; dy <= 6; dy++ {
		for dx := -6; dx <= 6; dx++ {
			got := shiftedFrame(x, 5, dy, dx)
			for i := range got {
				r, c, want := i/5-dy, i%5-dx, float32(0)
				if r >= 0 && r < 5 && c >= 0 && c < 5 {
					want = x[r*5+c]
				}
				if got[i] != want {
					t.Fatalf("by (%d, %d): pixel %d is %g, want %g", dy, dx, i, got[i], want)
				}
			}
		}
	}
}

// TestMotion finds a shift, and none where all are alike.
func TestMotion(t *testing.T) {
	x := make([]float32, 9*9)
	x[4*9+4], x[4*9+5], x[5*9+4] = 1, 0.5, 0.25
	for dy := -3; dy <= 3; dy++ {
		for dx := -3; dx <= 3; dx++ {
			if y, z := motion(x, shiftedFrame(x, 9, dy, dx), 9, 3); y != dy || z != dx {
				t.Errorf("(%d, %d) is found as (%d, %d)", dy, dx, y, z)
			}
		}
	}
	black := make([]float32, 81)
	if y, z := motion(black, black, 9, 3); y != 0 || z != 0 {
		t.Errorf("a black frame moves by (%d, %d)", y, z)
	}
}

// TestCentred by hand, and inside the frame whatever is white.
func TestCentred(t *testing.T) {
	x := make([]float32, 8*8)
	x[3*8+4], x[4*8+4] = 0.5, 0.5 // centre of mass (3.5, 4)
	if got := centred(x, 8, 4, 3); got != [2]int{2, 3} {
		t.Errorf("place %v, want [2 3]", got)
	}
	if got := cropped(nil, x, 8, 4, 3, [2]int{2, 3}); !slices.Equal(got, []float32{0, 0, 0, 0, 0.5, 0, 0, 0.5, 0, 0, 0, 0}) {
		t.Errorf("cropped %v", got)
	}
	x = make([]float32, 8*8)
	x[3*8+4] = 1 // (3, 4): rows 1.5 to 4.5 are rounded to 2 … 5
	if got := centred(x, 8, 4, 3); got != [2]int{2, 3} {
		t.Errorf("place %v, want [2 3]", got)
	}
	corner := make([]float32, 8*8)
	corner[63] = 1
	if got := centred(corner, 8, 4, 3); got != [2]int{4, 5} {
		t.Errorf("place %v, want [4 5]", got)
	}
	if got := centred(make([]float32, 64), 8, 4, 4); got != [2]int{2, 2} {
		t.Errorf("place %v of nothing, want [2 2]", got)
	}
}
