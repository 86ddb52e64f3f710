package corpus

import (
	"cmp"
	"fmt"
	"slices"
)

// A Masking hides tokens for a masked language model, which learns to name
// them (Devlin et al. 2018, arXiv:1810.04805, 3.1). What it hides is a function
// of Seed and of a batch's number alone.
type Masking struct {
	Seed   uint64
	Share  float64 // of the tokens that are chosen: BERT's is 0.15
	Mask   float64 // of the chosen ones, become the mask token: BERT's is 0.8
	Random float64 // become any token that is not special: 0.1; the others stay as they are
	// WholeWords chooses words rather than tokens: all pieces of one or none.
	WholeWords bool

	MaskID    int32
	Vocab     int                 // ids run from 0 to Vocab−1
	Special   func(id int32) bool // tokens that are never chosen
	Continues func(id int32) bool // tokens that continue a word, for WholeWords
}

// BERTMasking is the masking of the paper. special says which ids are never
// chosen, among them mask.
func BERTMasking(seed uint64, mask int32, vocab int, special func(id int32) bool) *Masking {
	return &Masking{Seed: seed, Share: 0.15, Mask: 0.8, Random: 0.1, MaskID: mask, Vocab: vocab, Special: special}
}

// Check returns an error where the shares are none.
func (m *Masking) Check() error {
	inside := func(x float64) bool { return x >= 0 && x <= 1 }
	if !(m.Share > 0 && m.Share < 1) || !inside(m.Mask) || !inside(m.Random) || m.Mask+m.Random > 1 {
		return fmt.Errorf("corpus: masking: share %g must lie between 0 and 1, and of it mask %g and random %g must not exceed 1", m.Share, m.Mask, m.Random)
	}
	return nil
}

// A hideable is a word or a token that may be hidden: ids[from:to].
type hideable struct {
	from, to int
	key      uint64
}

// Hide chooses tokens of batch number i, changes ids there and returns the
// places, in their order, and what stood there. Of n tokens that are not special it
// chooses the nearest number to Share·n, but one at least where n is not 0; whole
// words as many as fit into that number, one at least.
func (m *Masking) Hide(ids []int32, i int64) (places, were []int32) {
	units, n := m.units(ids, i)
	want := max(1, int(m.Share*float64(n)+0.5))
	slices.SortFunc(units, func(a, b hideable) int { return cmp.Compare(a.key, b.key) })
	for _, u := range units {
		if size := u.to - u.from; len(places) == 0 || len(places)+size <= want {
			for at := u.from; at < u.to; at++ {
				places = append(places, int32(at))
			}
		}
		if len(places) >= want {
			break
		}
	}
	slices.Sort(places)
	for _, at := range places {
		were = append(were, ids[at])
		ids[at] = m.instead(ids[at], scramble(m.key(i)^scramble(uint64(at)^0x5a5a5a5a)))
	}
	return places, were
}

func (m *Masking) key(i int64) uint64 { return scramble(m.Seed ^ scramble(uint64(i)+1)) }

// units lists what may be hidden, each with the number that orders it, and
// counts their tokens.
func (m *Masking) units(ids []int32, i int64) (units []hideable, n int) {
	key, inWord := m.key(i), false
	for at, id := range ids {
		if m.Special(id) {
			inWord = false
			continue
		}
		n++
		if m.WholeWords && inWord && m.Continues(id) {
			units[len(units)-1].to++
			continue
		}
		units, inWord = append(units, hideable{at, at + 1, scramble(key + uint64(at))}), true
	}
	return units, n
}

// instead is what stands in the place of a chosen token; r is random.
func (m *Masking) instead(id int32, r uint64) int32 {
	switch u := float64(r>>11) / (1 << 53); {
	case u < m.Mask:
		return m.MaskID
	case u >= m.Mask+m.Random:
		return id
	}
	for {
		r = scramble(r)
		if other := int32(r % uint64(m.Vocab)); !m.Special(other) {
			return other
		}
	}
}
