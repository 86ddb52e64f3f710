package tokenizer

import (
	"maps"
	"slices"
)

// Fit takes the added tokens away whose ids a model of size ids does not have, and returns them: Gemma 3's tokenizer
// has one for pictures, which its models of text alone do not know. Where such a token is written in a text, it is
// text like any other then. The tokenizer must not be in use yet.
//
// Where a model lacks other ids too, or one that the frame has or that ordinary text becomes, the tokenizer
// stays as it is and does not fit.
func Fit(t Tokenizer, size int) (gone []AddedToken) {
	p := baseOf(t)
	if p == nil || t.Size() <= size {
		return nil
	}
	beyond := map[int32]bool{}
	for _, a := range p.tokens {
		if int(a.ID) >= size {
			beyond[a.ID], gone = true, append(gone, a)
		}
	}
	for id := size; id < len(p.bytes); id++ {
		if p.bytes[id] != nil && !beyond[int32(id)] {
			return nil
		}
	}
	if p.frame != nil && p.frame.has(beyond) || p.model.reaches(int32(size)) {
		return nil
	}
	p.forget(size, gone)
	return gone
}

// has tells whether one of the ids is put around a text.
func (f *Frame) has(ids map[int32]bool) bool {
	return slices.ContainsFunc(slices.Concat(f.single, f.pair), func(part framePart) bool {
		return slices.ContainsFunc(part.ids, func(id int32) bool { return ids[id] })
	})
}

// forget takes the ids from size on away, which are those of the tokens gone.
func (p *pipeline) forget(size int, gone []AddedToken) {
	for _, a := range gone {
		delete(p.ids, a.Content)
		delete(p.special, a.ID)
	}
	p.bytes = p.bytes[:size]
	p.tokens = slices.DeleteFunc(p.tokens, func(a AddedToken) bool { return int(a.ID) >= size })
	p.look()
}

// from finds ids from size on.
func from(size int32) func(id int32) bool { return func(id int32) bool { return id >= size } }

func (t *BPE) reaches(size int32) bool {
	beyond := from(size)
	if slices.ContainsFunc(t.merges, func(m merge) bool { return beyond(m.id) }) || slices.ContainsFunc(t.initial[:], beyond) {
		return true
	}
	c := t.chars
	return c != nil && (beyond(c.unknown) || slices.ContainsFunc(c.fallback[:], beyond) || slices.ContainsFunc(c.defined.ids, beyond) ||
		anyOf(c.runes, beyond) || t.whole && anyOf(c.names, beyond))
}

func (t *Unigram) reaches(size int32) bool {
	return t.unknown >= size || slices.ContainsFunc(t.trie.ids, from(size)) || slices.ContainsFunc(t.fallback[:], from(size))
}

func (w *WordPiece) reaches(size int32) bool {
	return w.unknown >= size || anyOf(w.starts, from(size)) || anyOf(w.inside, from(size))
}

func (w *Words) reaches(size int32) bool { return w.unknown >= size || anyOf(w.spelled, from(size)) }

// anyOf tells whether an id of a map is one of those.
func anyOf[K comparable](ids map[K]int32, is func(int32) bool) bool {
	for id := range maps.Values(ids) {
		if is(id) {
			return true
		}
	}
	return false
}
