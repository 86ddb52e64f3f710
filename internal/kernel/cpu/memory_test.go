package cpu

import (
	"math"
	"testing"
)

// TestKeepWithoutMemory: memory that can not grow is gone, not a slice of what was given back.
func TestKeepWithoutMemory(t *testing.T) {
	var m []float32
	keep(&m, 100)
	m[99] = 1
	func() {
		defer func() {
			if recover() == nil {
				t.Error("no panic over more than there are addresses")
			}
		}()
		keep(&m, math.MaxInt/4)
	}()
	if m != nil {
		t.Errorf("%d numbers are left of what was given back", len(m))
	}
	keep(&m, 10)
	m[9] = 1
	drop(&m)
}
