package corpus_test

import (
	"slices"
	"testing"

	"github.com/inkstone-ai/inkstone/corpus"
)

// TestOrder: each item once an epoch, in another order each, which the seed decides.
func TestOrder(t *testing.T) {
	for _, n := range []int{1, 2, 7, 1000} {
		epoch := func(seed uint64, e int) (list []int) {
			for i := range n {
				list = append(list, corpus.Order{N: n, Seed: seed}.At(e*n+i))
			}
			return list
		}
		for e := range 3 {
			sorted := slices.Sorted(slices.Values(epoch(1, e)))
			for i, x := range sorted {
				if x != i {
					t.Fatalf("n %d: epoch %d has %v", n, e, sorted)
				}
			}
		}
		if !slices.Equal(epoch(1, 2), epoch(1, 2)) {
			t.Errorf("n %d: an order is not a function", n)
		}
		if n > 100 && (slices.Equal(epoch(1, 0), epoch(1, 1)) || slices.Equal(epoch(1, 0), epoch(2, 0))) {
			t.Errorf("n %d: two epochs or two seeds have one order", n)
		}
	}
}
