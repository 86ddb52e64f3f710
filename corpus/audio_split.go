package corpus

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
)

// Digest is the SHA-256 of all that a run learns from: the rate, samples, labels, classes and
// speakers, but not the places they came from.
func (s *Sounds) Digest() [32]byte {
	h := sha256.New()
	number := func(n int) { h.Write(binary.LittleEndian.AppendUint64(nil, uint64(n))) }
	text := func(t string) {
		number(len(t))
		h.Write([]byte(t))
	}
	for _, n := range []int{s.Rate, s.Len(), len(s.Classes)} {
		number(n)
	}
	for _, c := range s.Classes {
		text(c)
	}
	for i := range s.Samples {
		sum := s.sum(i)
		h.Write(sum[:])
		number(int(s.Labels[i]))
		text(s.Speakers[i])
	}
	return [32]byte(h.Sum(nil))
}

// sum is the SHA-256 of a recording's samples.
func (s *Sounds) sum(i int) [32]byte {
	b := make([]byte, 0, 4*len(s.Samples[i]))
	for _, v := range s.Samples[i] {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return sha256.Sum256(b)
}

// Split holds out a share of the recordings, 0 < share < 1, of each speaker and class that share, at
// least one where there are two: what is measured on them is of voices that were heard. Recordings that
// are equal are on the same side. The draw is by the seed and the samples, not by names.
//
// It is an error when one side would have no recording.
func (s *Sounds) Split(share float64, seed uint64) (train, held *Sounds, err error) {
	if share <= 0 || share >= 1 {
		panic(fmt.Sprintf("corpus: Sounds.Split: share %v", share))
	}
	keys := make([]uint64, s.Len())
	groups := map[string][]int{} // of a speaker and a class
	for i := range s.Samples {
		sum := s.sum(i)
		keys[i] = scramble(seed ^ scramble(binary.LittleEndian.Uint64(sum[:])))
		name := fmt.Sprintf("%d %s", s.Labels[i], s.Speakers[i])
		groups[name] = append(groups[name], i)
	}
	out := map[uint64]bool{}
	for _, g := range groups {
		slices.SortFunc(g, func(a, b int) int { return cmp.Compare(keys[a], keys[b]) })
		n := max(1, int(math.Round(share*float64(len(g)))))
		for _, i := range g[:min(n, len(g)-1)] {
			out[keys[i]] = true
		}
	}
	train = s.Where(func(i int) bool { return !out[keys[i]] })
	held = s.Where(func(i int) bool { return out[keys[i]] })
	if train.Len() == 0 || held.Len() == 0 {
		return nil, nil, fmt.Errorf("corpus: %d recordings of %d words are too few to hold out a share of %g: want two of a word by one speaker", s.Len(), len(s.Classes), share)
	}
	return train, held, nil
}

// Voices are the names of the speakers, sorted.
func (s *Sounds) Voices() []string {
	return slices.Compact(slices.Sorted(slices.Values(s.Speakers)))
}

// Relabel returns the recordings with labels numbered by classes, those of a model for example. A word
// that is none of them is an error that names the recording.
func (s *Sounds) Relabel(classes []string) (*Sounds, error) {
	r := *s
	r.Classes, r.Labels = classes, nil
	for i, k := range s.Labels {
		to := slices.Index(classes, s.Classes[k])
		if to < 0 {
			return nil, fmt.Errorf("corpus: %s: its word %q is none of %q", s.Names[i], s.Classes[k], classes)
		}
		r.Labels = append(r.Labels, int32(to))
	}
	return &r, nil
}
