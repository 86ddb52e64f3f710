package tokenizer

import "slices"

// Fit takes the added tokens away whose ids a model of size ids does not have, and returns them: Gemma 3's tokenizer
// has one for pictures, which its models of text alone do not know. Where such a token is written in a text, it is
// text like any other then. The tokenizer must not be in use yet.
//
// Where a model lacks other ids too, or one that the frame has, the tokenizer stays as it is and does not fit.
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
	if p.frame != nil && p.frame.has(beyond) {
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
