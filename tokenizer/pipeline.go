package tokenizer

import (
	"slices"
	"sync"
)

// A pipeline is what all tokenizers of this package share: added tokens are
// found in the text, what lies between them is normalised and cut into pieces,
// the model gives the ids of a piece, and the decoder leads back from ids to
// text. The stages and their order are those of Hugging Face's tokenizers.
type pipeline struct {
	vocabulary
	tokens   []AddedToken
	found    [2]finders // the tokens to look for, without special ones and with them
	normal   normalizer // nil: none
	sentence *sentence  // SentencePiece's normaliser, in the place of normal; nil: none
	split    Split
	words    *scanner // split, when it is a scanner: the fast way
	seams    *seams   // where pieces are cut for the cache; nil: nowhere
	model    model
	decoder  *decoder  // nil: the text is the tokens' bytes, one after another
	frame    *Frame    // what the file puts around a text; nil: it does not say
	caches   sync.Pool // of *cache
	document *document // the file it was read from; nil when made here
}

// A model appends the ids of a piece.
type model interface {
	append(dst []int32, piece string) []int32
	// reaches tells whether a piece may become an id from size on.
	reaches(size int32) bool
}

// finders look for added tokens in the text as it is, and then in the
// normalised text, as they are normalised.
type finders struct{ raw, late *added }

// finish makes the tables of a pipeline whose vocabulary and stages are set.
func (p *pipeline) finish(tokens []AddedToken, m model) error {
	if err := p.setAdded(tokens); err != nil {
		return err
	}
	if p.decoder != nil {
		p.decoder.add(tokens, &p.vocabulary)
	}
	p.tokens, p.model = slices.Clone(tokens), m
	p.caches.New = func() any { return new(cache) }
	p.words, _ = p.split.(*scanner)
	p.look()
	return nil
}

// look makes what looks for the added tokens in a text.
func (p *pipeline) look() {
	for i := range p.found {
		var raw, late []AddedToken
		for _, t := range p.tokens {
			switch {
			case t.Special && i == 0:
			case t.Normalized:
				if t.Content = p.normalize(t.Content); t.Content != "" {
					late = append(late, t)
				}
			default:
				raw = append(raw, t)
			}
		}
		p.found[i] = finders{newAdded(raw), newAdded(late)}
	}
}

// Encode returns the ids of ordinary text.
func (p *pipeline) Encode(text string) []int32 { return p.Append(nil, text, false) }

// EncodeSpecial is Encode with special tokens found in the text.
func (p *pipeline) EncodeSpecial(text string) []int32 { return p.Append(nil, text, true) }

// Append appends the ids of text to dst, with special tokens found or not:
// Encode and EncodeSpecial for a caller that reuses its memory.
func (p *pipeline) Append(dst []int32, text string, special bool) []int32 {
	if dst == nil {
		dst = make([]int32, 0, len(text)/3+8) // English has 4.4 bytes a token, code 3
	}
	f := &p.found[0]
	if special {
		f = &p.found[1]
	}
	c := p.caches.Get().(*cache)
	defer p.caches.Put(c)
	return f.raw.cut(dst, text, nil, func(dst []int32, text string, after *AddedToken) []int32 {
		if text == "" {
			return dst
		}
		return f.late.cut(dst, p.normalize(text), after, func(dst []int32, text string, after *AddedToken) []int32 {
			return p.appendPlain(dst, text, after == nil, c)
		})
	})
}

// normalize does what the normaliser says.
func (p *pipeline) normalize(text string) string {
	switch {
	case p.sentence != nil:
		return p.sentence.normalize(text)
	case p.normal != nil:
		return p.normal(text)
	}
	return text
}

// appendPlain appends the ids of normalised text between added tokens; first
// tells that none is before it.
func (p *pipeline) appendPlain(dst []int32, text string, first bool, c *cache) []int32 {
	if text == "" {
		return dst
	}
	if p.words == nil {
		cut(p.split, text, first, func(piece string, _ bool) { dst = p.appendParts(dst, piece, c) })
		return dst
	}
	for len(text) > 0 {
		n := p.words.next(text)
		dst = p.appendPiece(dst, text[:n], c)
		text = text[n:]
	}
	return dst
}

// appendParts appends the ids of a piece, which may be long.
func (p *pipeline) appendParts(dst []int32, piece string, c *cache) []int32 {
	if p.seams == nil {
		return p.appendPiece(dst, piece, c)
	}
	for piece != "" {
		n := p.seams.next(piece)
		dst = p.appendPiece(dst, piece[:n], c)
		piece = piece[n:]
	}
	return dst
}

// appendPiece appends the ids of a piece, from the cache if they are there.
func (p *pipeline) appendPiece(dst []int32, piece string, c *cache) []int32 {
	if len(piece) > cachePiece || piece == "" {
		return p.model.append(dst, piece)
	}
	line, packed, ok := c.at(piece)
	if ok {
		if line.n == 1 {
			return append(dst, line.ids[0])
		}
		return append(dst, line.ids[:line.n%(cacheIDs+1)]...)
	}
	start := len(dst)
	dst = p.model.append(dst, piece)
	if ids := dst[start:]; len(ids) <= cacheIDs {
		line.put(packed, len(piece), ids)
	}
	return dst
}

// AddedTokens returns the tokens that are found in a text before splitting,
// the special ones among them.
func (p *pipeline) AddedTokens() []AddedToken { return slices.Clone(p.tokens) }

// Decode returns the text that the ids stand for.
func (p *pipeline) Decode(ids []int32) string {
	if p.decoder == nil {
		return p.vocabulary.Decode(ids)
	}
	return p.decoder.decode(&p.vocabulary, ids)
}

// base gives the functions of this package what all tokenizers share.
func (p *pipeline) base() *pipeline { return p }

// baseOf returns the pipeline of a tokenizer, nil for one of another package.
func baseOf(t Tokenizer) *pipeline {
	if b, ok := t.(interface{ base() *pipeline }); ok {
		return b.base()
	}
	return nil
}
