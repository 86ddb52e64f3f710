package wordvec

import (
	"math/rand/v2"
	"slices"
)

// Cooccurrences are the numbers X_ij that are not zero, in an order drawn by a seed: the
// paper's sampling of them without putting back. They are tokens as a corpus.Loader
// reads them, number n being pair n.
type Cooccurrences struct {
	I, J []int32
	X    []float32
}

// CountCooccurrences counts how often words stand near each other: each of two words at
// distance d ≤ window adds 1/d for the other (Pennington 2014, 4.2). ids equal to
// boundary stand for nothing and nothing reaches across them.
func CountCooccurrences(ids []int32, window int, boundary int32, seed uint64) *Cooccurrences {
	counts := map[uint64]float32{}
	for at, id := range ids {
		if id == boundary {
			continue
		}
		for d := 1; d <= min(window, at); d++ {
			other := ids[at-d]
			if other == boundary {
				break
			}
			counts[pairKey(id, other)] += 1 / float32(d)
			counts[pairKey(other, id)] += 1 / float32(d)
		}
	}
	return shuffled(counts, seed)
}

func pairKey(i, j int32) uint64 { return uint64(uint32(i))<<32 | uint64(uint32(j)) }

// shuffled lists the counts in an order that does not depend on a map's.
func shuffled(counts map[uint64]float32, seed uint64) *Cooccurrences {
	keys := make([]uint64, 0, len(counts))
	for k := range counts {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	rand.New(rand.NewPCG(seed, 0)).Shuffle(len(keys), func(a, b int) { keys[a], keys[b] = keys[b], keys[a] })
	p := &Cooccurrences{make([]int32, len(keys)), make([]int32, len(keys)), make([]float32, len(keys))}
	for n, k := range keys {
		p.I[n], p.J[n], p.X[n] = int32(k>>32), int32(uint32(k)), counts[k]
	}
	return p
}

// Len is the number of pairs.
func (p *Cooccurrences) Len() int64 { return int64(len(p.X)) }

// ReadIDs numbers the pairs from at on.
func (p *Cooccurrences) ReadIDs(dst []int32, at int64) error {
	for i := range dst {
		dst[i] = int32(at) + int32(i)
	}
	return nil
}

// Pick copies the pairs of the numbers given.
func (p *Cooccurrences) Pick(numbers []int32, i, j []int32, x []float32) {
	for n, at := range numbers {
		i[n], j[n], x[n] = p.I[at], p.J[at], p.X[at]
	}
}
