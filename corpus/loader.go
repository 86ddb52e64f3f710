package corpus

import "fmt"

// A Loader cuts a corpus into windows and deals them out in batches. It keeps
// no position: a batch is a function of seed and number alone, so a run that
// resumes at step s, or a rank that takes every second batch, needs nothing
// but that number.
//
// In each epoch every window of T ids comes exactly once, in an order drawn
// for that epoch. The windows do not overlap, and begin at an offset drawn for
// the epoch too, so that their borders do not stay in place; at most 2T ids
// at the ends are left out of one epoch.
type Loader struct {
	tokens  Tokens
	seed    uint64
	b, t    int
	windows int64 // of an epoch
}

// NewLoader deals batches of b rows of t ids. Tokens shorter than one context
// and the id after it, t+1, are an error.
func NewLoader(tokens Tokens, b, t int, seed uint64) (*Loader, error) {
	if b < 1 || t < 1 {
		panic(fmt.Sprintf("corpus: NewLoader: batch of %d rows of %d ids", b, t))
	}
	n := tokens.Len()
	if n < int64(t)+1 {
		return nil, fmt.Errorf("corpus: data of %d tokens is shorter than one context: %d and the token after it", n, t)
	}
	windows := (n - 1) / int64(t)
	if windows > 1 {
		windows-- // leaves room to move the windows' borders
	}
	return &Loader{tokens, seed, b, t, windows}, nil
}

// Windows is the number of rows in an epoch.
func (l *Loader) Windows() int64 { return l.windows }

// Batch fills ids and targets, both (B, T) in row order, with batch number i,
// i ≥ 0; targets are the ids moved on by one. Wrong lengths panic.
func (l *Loader) Batch(i int64, ids, targets []int32) error {
	if len(ids) != l.b*l.t || len(targets) != l.b*l.t || i < 0 {
		panic(fmt.Sprintf("corpus: Batch %d: ids of length %d and targets of %d for (%d, %d)", i, len(ids), len(targets), l.b, l.t))
	}
	row := make([]int32, l.t+1)
	for b := range l.b {
		if err := l.tokens.ReadIDs(row, l.start(i*int64(l.b)+int64(b))); err != nil {
			return err
		}
		copy(ids[b*l.t:(b+1)*l.t], row)
		copy(targets[b*l.t:(b+1)*l.t], row[1:])
	}
	return nil
}

// start is where the window of row number i, counted over all epochs, begins.
func (l *Loader) start(i int64) int64 {
	epoch, place := i/l.windows, i%l.windows
	key := scramble(l.seed ^ scramble(uint64(epoch)+1))
	slack := uint64(l.tokens.Len() - 1 - l.windows*int64(l.t))
	offset := scramble(key^0xa5a5) % (slack + 1)
	return int64(offset) + int64(permute(uint64(place), uint64(l.windows), key))*int64(l.t)
}

// permute maps [0, n) onto itself one to one, in an order given by the key: a
// Feistel network (Luby and Rackoff 1988) over the next even number of bits,
// walked until it falls below n (Black and Rogaway 2002), on average less than
// four times. Unlike a shuffled list it needs no memory and no start-up.
func permute(x, n, key uint64) uint64 {
	half := uint(1)
	for n > 1<<(2*half) {
		half++
	}
	mask := uint64(1)<<half - 1
	for {
		left, right := x>>half, x&mask
		for round := range uint64(4) {
			left, right = right, left^scramble(key+round<<56^right)&mask
		}
		if x = left<<half | right; x < n {
			return x
		}
	}
}

// scramble is the finaliser of SplitMix64 (Steele, Lea, Flood 2014).
func scramble(z uint64) uint64 {
	z += 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
