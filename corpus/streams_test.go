package corpus_test

import (
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/corpus"
)

// TestStreams: within an epoch every row goes on where it ended, rows do not overlap,
// and a batch depends on its number alone.
func TestStreams(t *testing.T) {
	const n, rows, T = 103, 3, 8
	ids := make(corpus.IDs, n)
	for i := range ids {
		ids[i] = int32(i)
	}
	s, err := corpus.NewStreams(ids, rows, T, 5)
	if err != nil {
		t.Fatal(err)
	}
	if s.Windows() != 4 {
		t.Fatalf("%d windows, want 4: 102 tokens in 3 rows", s.Windows())
	}
	offsets := map[int32]bool{}
	for epoch := range int64(6) {
		seen := map[int32]bool{}
		var last [rows]int32
		for place := range s.Windows() {
			x, y := make([]int32, rows*T), make([]int32, rows*T)
			past, err := s.Batch(epoch*s.Windows()+place, 0, x, y)
			if err != nil || past != int(place)*T {
				t.Fatalf("epoch %d, window %d: %d tokens before, %v", epoch, place, past, err)
			}
			for i, id := range x {
				row := i / T
				if seen[id] || y[i] != id+1 || (place > 0 || i%T > 0) && id != last[row]+1 {
					t.Fatalf("epoch %d, window %d: row %d reads %d after %d, target %d", epoch, place, row, id, last[row], y[i])
				}
				seen[id], last[row] = true, id
			}
			if place == 0 {
				offsets[x[0]] = true
			}
			part, next := make([]int32, T), make([]int32, T)
			if _, err := s.Batch(epoch*s.Windows()+place, 2, part, next); err != nil || part[0] != x[2*T] || next[T-1] != y[3*T-1] {
				t.Fatalf("row 2 alone is %v, %v; of all %v", part, err, x[2*T:])
			}
		}
	}
	if len(offsets) < 2 {
		t.Error("every epoch begins at the same token")
	}
	if _, err := corpus.NewStreams(ids, 20, T, 5); err == nil || !strings.Contains(err.Error(), "too few for 20 streams") {
		t.Errorf("20 streams of 103 tokens: %v", err)
	}
}
