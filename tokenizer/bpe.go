package tokenizer

import (
	"fmt"
	"slices"
	"strings"
	"sync"
)

// A BPE is a byte pair encoding. Text is cut into pieces by a Split; in each
// piece the pairs of neighbouring tokens are merged in the order of their
// ranks, starting from single bytes, until no pair has a merge.
type BPE struct {
	vocabulary
	merges    []merge // by rank
	pairs     pairTable
	initial   [256]int32 // ids of single bytes; -1: the vocabulary lacks it
	split     Split
	words     *scanner   // split, when it is a scanner: the fast way
	whole     bool       // a piece that is a token is taken as it is (ignore_merges)
	normal    normalizer // nil: none
	chars     *chars     // nil: over bytes
	tokens    []AddedToken
	added     *added // those found in the text as it is
	late      *added // those found in the normalised text; nil: no normalizer
	caches    sync.Pool
	bytePairs *[1 << 16]joined // what becomes of two bytes; nil: a byte has no token
	document  *document        // the file it was read from; nil when made here
}

// finish makes the tables of a BPE whose vocabulary, merges and added tokens
// are set; bytes not in the vocabulary are -1 in initial.
func (t *BPE) finish(split Split, tokens []AddedToken) error {
	if err := t.setAdded(tokens); err != nil {
		return err
	}
	t.tokens = slices.Clone(tokens)
	t.added, t.pairs = newAdded(tokens), newPairTable(t.merges)
	t.caches.New = func() any { return new(cache) }
	if t.chars == nil {
		t.bytePairs = t.newBytePairs()
	}
	if t.normal != nil {
		t.added, t.late = normalizedApart(tokens, t.normal)
	}
	t.split = split
	t.words, _ = split.(*scanner)
	return nil
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

// Encode returns the ids of ordinary text.
func (t *BPE) Encode(text string) []int32 { return t.Append(nil, text, false) }

// EncodeSpecial is Encode with special tokens found in the text.
func (t *BPE) EncodeSpecial(text string) []int32 { return t.Append(nil, text, true) }

// Append appends the ids of text to dst, with special tokens found or not:
// Encode and EncodeSpecial for a caller that reuses its memory.
func (t *BPE) Append(dst []int32, text string, special bool) []int32 {
	if dst == nil {
		dst = make([]int32, 0, len(text)/3+8) // English has 4.4 bytes a token, code 3
	}
	c := t.caches.Get().(*cache)
	defer t.caches.Put(c)
	if t.normal == nil {
		return t.added.cut(dst, text, special, func(dst []int32, text string, first bool) []int32 {
			return t.appendPlain(dst, text, first, c)
		})
	}
	return t.added.cut(dst, text, special, func(dst []int32, text string, first bool) []int32 {
		return t.late.cut(dst, t.normal(text), special, func(dst []int32, text string, second bool) []int32 {
			return t.appendPlain(dst, text, first && second, c)
		})
	})
}

// appendPlain appends the ids of text between added tokens; first tells that
// none is before it.
func (t *BPE) appendPlain(dst []int32, text string, first bool, c *cache) []int32 {
	if t.chars != nil && t.chars.metaspace != nil && text != "" {
		m := t.chars.metaspace
		m.pieces(m.mark(text, first), func(piece string) { dst = t.appendPiece(dst, piece, c) })
		return dst
	}
	if t.words == nil {
		t.split.Pieces(text, func(piece string) { dst = t.appendPiece(dst, piece, c) })
		return dst
	}
	for len(text) > 0 {
		n := t.words.next(text)
		dst = t.appendPiece(dst, text[:n], c)
		text = text[n:]
	}
	return dst
}

// appendPiece appends the ids of a piece, from the cache if they are there.
func (t *BPE) appendPiece(dst []int32, piece string, c *cache) []int32 {
	if len(piece) > cachePiece {
		return t.appendMerged(dst, piece)
	}
	line, packed, ok := c.at(piece)
	if ok {
		if line.n == 1 {
			return append(dst, line.ids[0])
		}
		return append(dst, line.ids[:line.n%(cacheIDs+1)]...)
	}
	start := len(dst)
	dst = t.appendMerged(dst, piece)
	if ids := dst[start:]; len(ids) <= cacheIDs {
		line.put(packed, len(piece), ids)
	}
	return dst
}

// appendMerged appends the ids of a piece by merging. Bytes that the
// vocabulary lacks are left out; see Missing.
func (t *BPE) appendMerged(dst []int32, piece string) []int32 {
	if t.whole {
		if id, ok := t.lookup(piece); ok {
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

// Decode returns the bytes that the ids stand for, without the blank that a
// tokenizer of Llama 2's kind puts before a text.
func (t *BPE) Decode(ids []int32) string {
	text := t.vocabulary.Decode(ids)
	if t.chars != nil {
		for range t.chars.strip {
			text = strings.TrimPrefix(text, " ")
		}
	}
	return text
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

// AddedTokens returns the tokens that are found in a text before splitting,
// the special ones among them.
func (t *BPE) AddedTokens() []AddedToken { return slices.Clone(t.tokens) }

// NewByte returns the tokenizer whose ids are the bytes 0 … 255, followed by
// the special tokens in their order. It has no merges.
func NewByte(special ...string) (*BPE, error) {
	return newBPE(nil, Whole, special)
}

// newBPE makes a BPE whose ids are the 256 bytes, one for each merge, and the
// special tokens.
func newBPE(merges []merge, split Split, special []string) (*BPE, error) {
	t := &BPE{vocabulary: newVocabulary(256 + len(merges) + len(special)), merges: merges}
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
	if err := t.finish(split, tokens); err != nil {
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
