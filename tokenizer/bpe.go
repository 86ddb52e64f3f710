package tokenizer

import (
	"fmt"
	"slices"
)

// A BPE is a byte pair encoding. Text is cut into pieces by a Split; in each
// piece the pairs of neighbouring tokens are merged in the order of their
// ranks, starting from single bytes, until no pair has a merge.
type BPE struct {
	pipeline
	merges    []merge // by rank
	pairs     pairTable
	initial   [256]int32       // ids of single bytes; -1: the vocabulary lacks it
	bytePairs *[1 << 16]joined // what becomes of two bytes; nil: a byte has no token
	whole     bool             // a piece that is a token is taken as it is (ignore_merges)
	chars     *chars           // nil: over bytes
}

// finish makes the tables of a BPE whose vocabulary, stages and merges are
// set; bytes not in the vocabulary are -1 in initial.
func (t *BPE) finish(tokens []AddedToken) error {
	t.pairs = newPairTable(t.merges)
	if t.chars == nil {
		t.bytePairs = t.newBytePairs()
	} else {
		t.seams = newSeams(t)
	}
	return t.pipeline.finish(tokens, t)
}

// newBytePairs looks all pairs of bytes up once.
func (t *BPE) newBytePairs() *[1 << 16]joined {
	var p [1 << 16]joined
	for i := range p {
		left, right := t.initial[i>>8], t.initial[i&255]
		if left < 0 || right < 0 {
			return nil
		}
		p[i] = t.pairs.find(left, right)
	}
	return &p
}

// append appends the ids of a piece by merging. Bytes that the vocabulary
// lacks are left out; see Missing.
func (t *BPE) append(dst []int32, piece string) []int32 {
	if t.whole {
		if id, ok := t.lookup(piece); ok && !t.special[id] {
			return append(dst, id)
		}
	}
	start := len(dst)
	if t.chars != nil {
		dst = t.chars.append(dst, piece)
	} else {
		if t.bytePairs != nil && len(piece) <= shortPiece {
			return t.appendShort(dst, piece)
		}
		dst = t.appendBytes(dst, piece)
	}
	return dst[:start+len(t.pairs.mergeAll(dst[start:]))]
}

// lookup finds the token that is written as the piece.
func (t *BPE) lookup(piece string) (id int32, ok bool) {
	if t.chars != nil {
		id, ok = t.chars.names[piece]
	} else {
		id, ok = t.ids[piece]
	}
	return id, ok
}

// appendShort appends the ids of a short piece over bytes.
func (t *BPE) appendShort(dst []int32, piece string) []int32 {
	start := len(dst)
	dst = slices.Grow(dst, len(piece))[:start+len(piece)]
	symbols := dst[start:]
	var found [shortPiece]joined
	for i := range len(piece) {
		b := piece[i]
		symbols[i] = t.initial[b]
		if i > 0 {
			found[i-1] = t.bytePairs[uint16(piece[i-1])<<8|uint16(b)]
		}
	}
	return dst[:start+len(t.pairs.mergeFound(symbols, &found))]
}

// appendBytes appends the ids of the single bytes of a piece.
func (t *BPE) appendBytes(dst []int32, piece string) []int32 {
	dst = slices.Grow(dst, len(piece))
	for i := range len(piece) {
		if id := t.initial[piece[i]]; id >= 0 {
			dst = append(dst, id)
		}
	}
	return dst
}

// Missing returns the bytes that the vocabulary has no token for: Encode
// leaves them out, as Hugging Face's library does. It is empty for any
// vocabulary that was trained on bytes.
func (t *BPE) Missing() (bytes []byte) {
	initial := &t.initial
	if t.chars != nil {
		initial = &t.chars.fallback
	}
	for b, id := range initial {
		if id < 0 {
			bytes = append(bytes, byte(b))
		}
	}
	return bytes
}

// Merges returns the number of merges.
func (t *BPE) Merges() int { return len(t.merges) }

// NewByte returns the tokenizer whose ids are the bytes 0 … 255, followed by
// the special tokens in their order. It has no merges.
func NewByte(special ...string) (*BPE, error) {
	return newBPE(nil, Whole, special)
}

// newBPE makes a BPE whose ids are the 256 bytes, one for each merge, and the
// special tokens.
func newBPE(merges []merge, split Split, special []string) (*BPE, error) {
	t := &BPE{pipeline: pipeline{vocabulary: newVocabulary(256 + len(merges) + len(special))}, merges: merges}
	for b := range 256 {
		t.set(int32(b), []byte{byte(b)})
		t.initial[b] = int32(b)
	}
	for _, m := range merges {
		t.set(m.id, slices.Concat(t.bytes[m.left], t.bytes[m.right]))
	}
	tokens := specials(special, 256+len(merges))
	for _, s := range tokens {
		if id, ok := t.ids[s.Content]; ok {
			return nil, fmt.Errorf("tokenizer: special token %q is a token already, with the id %d", s.Content, id)
		}
	}
	t.split = split
	if err := t.finish(tokens); err != nil {
		return nil, fmt.Errorf("tokenizer: %w", err)
	}
	return t, nil
}

// specials gives names the ids from first on.
func specials(names []string, first int) (tokens []AddedToken) {
	for i, s := range names {
		tokens = append(tokens, AddedToken{ID: int32(first + i), Content: s, Special: true})
	}
	return tokens
}
