package tokenizer

import (
	"errors"
	"fmt"
	"iter"
	"runtime"
)

// TrainOptions say how TrainBPE learns. Vocab is required; the zero values of
// the others mean what their comments say.
type TrainOptions struct {
	Vocab   int      // ids: 256 bytes + merges + special tokens
	Split   Split    // nil: GPT2
	Special []string // the last ids, in this order
	Threads int      // that count pieces; 0: one for each processor
	// MinCount is the number of times a pair must occur to be merged; 0: 2.
	MinCount int
	// Progress, when set, is called after each hundredth of the merges.
	Progress func(done, total int)
}

// TrainBPE learns a byte-level BPE from texts: again and again the pair of
// neighbouring tokens that is most frequent becomes a token. Of pairs that
// are equally frequent the one with the lower left id wins, then the one with
// the lower right id. A pair whose bytes are a token already, by another
// merge, is passed over, so no two ids have the same bytes.
//
// Ids 0 … 255 are the bytes, then come the merges in the order of learning,
// then the special tokens. The result depends on the texts, on Vocab, Split,
// Special and MinCount alone: not on the order of the texts, nor on Threads.
//
// When no pair occurs MinCount times any more, learning ends early, and Size
// of the result is less than Vocab. Texts without any bytes are an error.
func TrainBPE(texts iter.Seq[string], o TrainOptions) (*BPE, error) {
	if o.Split == nil {
		o.Split = GPT2
	}
	if o.Threads <= 0 {
		o.Threads = runtime.GOMAXPROCS(0)
	}
	if o.MinCount <= 0 {
		o.MinCount = 2
	}
	want := o.Vocab - 256 - len(o.Special)
	if want < 0 {
		return nil, fmt.Errorf("tokenizer: train: a vocabulary of %d has no room for 256 bytes and %d special tokens", o.Vocab, len(o.Special))
	}
	counts := countPieces(texts, o.Split, o.Threads)
	if len(counts) == 0 {
		return nil, errors.New("tokenizer: train: the texts are empty")
	}
	l, err := newLearner(counts)
	if err != nil {
		return nil, err
	}
	return newBPE(l.learn(want, int64(o.MinCount), o.Progress), o.Split, o.Special)
}
