package tensor

import (
	"fmt"
	"slices"
)

// Segments returns the segments (S, 4) of S sequences that lie end to end, as
// queries and keys alike: sequence i is rows starts[i] … starts[i+1]−1, and the
// last of starts is their number.
func (s *Step) Segments(starts []int32) *Tensor {
	if len(starts) == 0 || starts[0] != 0 {
		panic(fmt.Sprintf("tensor: Segments: starts %v do not begin with 0", slices.Clone(starts)))
	}
	s.words = s.words[:0]
	for i, from := range starts[:len(starts)-1] {
		n := starts[i+1] - from
		if n < 0 {
			panic(fmt.Sprintf("tensor: Segments: starts %v fall", slices.Clone(starts)))
		}
		s.words = append(s.words, from, n, from, n)
	}
	return s.Ints(s.words, len(starts)-1, 4)
}

// whole is the segments of one sequence.
func (s *Step) whole(queries, keys int) *Tensor {
	s.words = append(s.words[:0], 0, int32(queries), 0, int32(keys))
	return s.Ints(s.words, 1, 4)
}
