package tokenizer

import (
	"iter"
	"strings"
	"sync"
)

// countPieces counts how often each piece occurs in the texts. Each thread
// takes one text at a time and counts for itself; sums do not depend on who
// counted what.
func countPieces(texts iter.Seq[string], split Split, threads int) map[string]int64 {
	work := make(chan string, threads)
	counters := make([]pieceCounter, threads)
	var wait sync.WaitGroup
	for i := range counters {
		counters[i] = pieceCounter{index: map[string]int{}}
		wait.Go(func() {
			for text := range work {
				split.Pieces(text, counters[i].count)
			}
		})
	}
	for text := range texts {
		work <- text
	}
	close(work)
	wait.Wait()
	total := make(map[string]int64, 2*len(counters[0].counts))
	for _, c := range counters {
		for piece, i := range c.index {
			total[piece] += c.counts[i]
		}
	}
	return total
}

// A pieceCounter counts pieces. The counts stand outside the map because a
// look-up is half the price of an assignment.
type pieceCounter struct {
	index  map[string]int
	counts []int64
}

func (c *pieceCounter) count(piece string) {
	if i, ok := c.index[piece]; ok {
		c.counts[i]++
		return
	}
	c.index[strings.Clone(piece)] = len(c.counts)
	c.counts = append(c.counts, 1)
}
