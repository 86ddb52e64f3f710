package corpus

import (
	"fmt"
	"iter"
)

// A Window is a stretch of tokens for evaluation.
type Window struct {
	IDs     []int32 // at most T
	Targets []int32 // IDs moved on by one
	From    int     // Targets[From:] count; those before were counted by earlier windows
}

// Windows yields windows of at most t ids that begin stride ids apart, such
// that every id but the first is a counted target exactly once. With stride =
// t they do not overlap; with a smaller stride a counted target has at least
// t-stride ids of context, once there are so many. The slices are reused by
// the next window. It panics unless 1 ≤ stride ≤ t; fewer than two tokens are
// an error.
func Windows(tokens Tokens, t, stride int) iter.Seq2[Window, error] {
	if stride < 1 || stride > t {
		panic(fmt.Sprintf("corpus: Windows: stride %d with windows of %d", stride, t))
	}
	return func(yield func(Window, error) bool) {
		last := tokens.Len() - 1 // the last id is only a target
		if last < 1 {
			yield(Window{}, fmt.Errorf("corpus: %d tokens: nothing to predict", tokens.Len()))
			return
		}
		buffer := make([]int32, t+1)
		counted := int64(0) // targets so far
		for at := int64(0); counted < last; at += int64(stride) {
			end := min(at+int64(t), last)
			row := buffer[:end-at+1]
			if err := tokens.ReadIDs(row, at); err != nil {
				yield(Window{}, err)
				return
			}
			if !yield(Window{row[:len(row)-1], row[1:], int(counted - at)}, nil) {
				return
			}
			counted = end
		}
	}
}
