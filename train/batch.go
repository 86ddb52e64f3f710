package train

import "fmt"

// A Batch is N tokens of one or more sequences laid end to end, and what the model
// should say after each. Pretraining, tuning and evaluation share it.
type Batch struct {
	IDs     []int32   // (N) the tokens
	Targets []int32   // (N) the token that follows each
	Weights []float32 // (N) how much each prediction counts in the loss; nil counts all alike
	Lengths []int     // of the sequences, adding up to N; nil is one sequence
}

// Check returns an error where the parts of b do not fit each other.
func (b *Batch) Check() error {
	n, sum := len(b.IDs), 0
	for _, l := range b.Lengths {
		if l < 1 {
			return fmt.Errorf("train: batch: a sequence of %d tokens", l)
		}
		sum += l
	}
	switch {
	case n == 0:
		return fmt.Errorf("train: batch: no tokens")
	case len(b.Targets) != n:
		return fmt.Errorf("train: batch: %d tokens, %d targets", n, len(b.Targets))
	case b.Weights != nil && len(b.Weights) != n:
		return fmt.Errorf("train: batch: %d tokens, %d weights", n, len(b.Weights))
	case b.Lengths != nil && sum != n:
		return fmt.Errorf("train: batch: %d tokens in sequences of %d together", n, sum)
	}
	return nil
}

// Total returns the sum of b's weights, in float64.
func (b *Batch) Total() float64 {
	if b.Weights == nil {
		return float64(len(b.IDs))
	}
	sum := 0.0
	for _, w := range b.Weights {
		sum += float64(w)
	}
	return sum
}

// Normalize scales the weights of the micro batches of one update so that they
// sum to 1 over all of them, and returns their sum before. The sum of weighted
// losses, as the fused head computes it, is then their weighted mean, the same
// for one large batch as for its parts. It panics when nothing has weight: a mean of
// nothing is no loss.
func Normalize(batches ...*Batch) float64 {
	total := 0.0
	for _, b := range batches {
		total += b.Total()
	}
	if !(total > 0) {
		panic(fmt.Sprintf("train: Normalize: the weights of %d batches sum to %g", len(batches), total))
	}
	for _, b := range batches {
		b.scale(total)
	}
	return total
}

// scale divides in float64, so that parts and whole round alike.
func (b *Batch) scale(total float64) {
	if b.Weights == nil {
		b.Weights = make([]float32, len(b.IDs))
		for i := range b.Weights {
			b.Weights[i] = 1
		}
	}
	for i, w := range b.Weights {
		b.Weights[i] = float32(float64(w) / total)
	}
}
