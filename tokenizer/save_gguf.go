package tokenizer

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// GGUF returns the metadata that describe a tokenizer in a GGUF file, under the keys
// tokenizer.ggml.*: what [ParseGGUF] reads. A model's vocabulary of size ids may be
// larger than the tokenizer's; the rest are tokens that no text has.
//
// What the metadata have no place for is left out, as it is in the files of other programs, such as a normaliser to
// Unicode's NFC: [GGUFLost] tells it.
//
// Errors: a tokenizer that is neither a BPE over bytes, split in a way that has a name in GGUF files,
// nor one of SentencePiece; a frame of more than one token before and one behind a text.
func GGUF(t Tokenizer, size int) (map[string]any, error) {
	b, ok := t.(*BPE)
	if !ok {
		return nil, fmt.Errorf("tokenizer: GGUF files have no form here for a %T, only for a BPE", t)
	}
	if size < b.Size() {
		return nil, fmt.Errorf("tokenizer: %d ids do not fit a vocabulary of %d", b.Size(), size)
	}
	m, pieces := map[string]any{}, b.ggufPieces(size)
	var err error
	if b.chars == nil {
		err = b.writeGPT2(m)
	} else {
		err = b.writeSentence(m, pieces)
	}
	if err == nil {
		err = b.writeFrame(m)
	}
	if err != nil {
		return nil, fmt.Errorf("tokenizer: GGUF: %w", err)
	}
	writePieces(m, pieces)
	b.writeFIM(m)
	return m, nil
}

// ggufPieces are the texts and the kinds of all ids.
func (t *BPE) ggufPieces(size int) []scored {
	pieces := make([]scored, size)
	for id := range pieces {
		pieces[id] = scored{text: paddingName(id), kind: pieceUnused}
		if id < len(t.bytes) && t.bytes[id] != nil {
			pieces[id] = scored{text: t.written(int32(id)), kind: pieceNormal}
		}
	}
	for _, a := range t.userPieces() {
		pieces[a.ID] = scored{text: strings.ReplaceAll(a.Content, blank, " "), kind: pieceDefined}
	}
	for _, a := range t.tokens {
		pieces[a.ID] = scored{text: a.Content, kind: pieceDefined}
		if a.Special {
			pieces[a.ID].kind = pieceControl
		}
	}
	return pieces
}

// userPieces are the pieces of a tokenizer.model that its user defined.
func (t *BPE) userPieces() (list []AddedToken) {
	if t.chars == nil || len(t.chars.defined.ids) == 0 {
		return nil
	}
	for id, name := range t.decoder.names {
		if name != "" && t.chars.defined.longest(name) == len(name) {
			list = append(list, AddedToken{ID: int32(id), Content: name})
		}
	}
	return list
}

// writePieces sets their texts and kinds.
func writePieces(m map[string]any, pieces []scored) {
	texts, kinds := make([]string, len(pieces)), make([]int32, len(pieces))
	for id, p := range pieces {
		texts[id], kinds[id] = p.text, int32(p.kind)
	}
	m["tokenizer.ggml.tokens"], m["tokenizer.ggml.token_type"] = texts, kinds
}

// paddingName is the text of an id that has no token.
func paddingName(id int) string { return fmt.Sprintf("[PAD%d]", id) }

// written is how files write a token.
func (t *BPE) written(id int32) string {
	if t.chars != nil {
		return t.decoder.names[id]
	}
	return spell(t.bytes[id])
}

// writeGPT2 sets what a BPE over bytes needs.
func (t *BPE) writeGPT2(m map[string]any) error {
	if d := t.document; d != nil {
		steps, err := flatten(d.Normalizer, 0)
		if err != nil {
			return err
		}
		for _, step := range steps {
			if typeOf(step) != `"NFC"` {
				return fmt.Errorf("the normalizer %s has no form there", typeOf(step))
			}
		}
	}
	pre, err := t.preName()
	if err != nil {
		return err
	}
	merges := make([]string, len(t.merges))
	for i, g := range t.merges {
		merges[i] = t.written(g.left) + " " + t.written(g.right)
	}
	m["tokenizer.ggml.model"], m["tokenizer.ggml.pre"], m["tokenizer.ggml.merges"] = "gpt2", pre, merges
	return nil
}

// preNames are the names that are tried first, where several mean the same.
var preNames = []string{"gpt-2", "llama-bpe", "dbrx", "qwen2", "gpt-4o", "tekken", "smollm"}

// preName is the name of the split.
func (t *BPE) preName() (string, error) {
	if len(t.merges) == 0 {
		return "gpt-2", nil // single bytes, wherever a text is cut
	}
	patterns, err := patternsOf(t.split)
	if err != nil {
		return "", err
	}
	other := ""
	for _, name := range slices.Concat(preNames, slices.Sorted(maps.Keys(ggufSplits))) {
		switch g := ggufSplits[name]; {
		case !slices.Equal(g.patterns, patterns):
		case g.whole == t.whole:
			return name, nil
		case other == "":
			other = name
		}
	}
	if other != "" && t.reachesAll() {
		return other, nil
	}
	return "", fmt.Errorf("its split has no name in tokenizer.ggml.pre: %q, ignore_merges %v", patterns, t.whole)
}

// reachesAll tells whether merging leads to every token, so that taking a piece
// that is a token as it is makes no difference.
func (t *BPE) reachesAll() bool {
	for id, b := range t.bytes {
		if b == nil || t.special[int32(id)] || slices.ContainsFunc(t.tokens, func(a AddedToken) bool { return int(a.ID) == id }) {
			continue
		}
		if ids := t.pairs.mergeAll(t.appendBytes(nil, string(b))); len(ids) != 1 || ids[0] != int32(id) {
			return false
		}
	}
	return true
}

// breaks writes ends of lines as the patterns of known splits do.
var breaks = strings.NewReplacer("\r", `\r`, "\n", `\n`)

// patternsOf are the regular expressions of a split, each of which cuts the pieces of the one before.
func patternsOf(s Split) ([]string, error) {
	switch s := s.(type) {
	case *scanner:
		return []string{s.pattern}, nil
	case digits:
		if s.individual {
			return []string{patternDigit}, nil
		}
		return []string{`\p{N}+`}, nil
	case *matcher:
		if !s.literal && !s.invert && s.behavior == "Isolated" {
			return []string{breaks.Replace(s.pattern)}, nil
		}
	case sequence:
		var all []string
		for _, part := range s {
			p, err := patternsOf(part)
			if err != nil {
				return nil, err
			}
			all = append(all, p...)
		}
		return all, nil
	}
	return nil, fmt.Errorf("a split of type %T has no form there", s)
}

// writeFrame says which tokens stand before and behind a text.
func (t *BPE) writeFrame(m map[string]any) error {
	var before, behind []int32
	if t.frame != nil {
		before, behind = t.frame.around()
	}
	if len(before) > 1 || len(behind) > 1 {
		return fmt.Errorf("%d tokens before a text and %d behind it; one each can be told", len(before), len(behind))
	}
	m["tokenizer.ggml.add_bos_token"], m["tokenizer.ggml.add_eos_token"] = len(before) > 0, len(behind) > 0
	if len(before) > 0 {
		m["tokenizer.ggml.bos_token_id"] = uint32(before[0])
	}
	if len(behind) > 0 {
		m["tokenizer.ggml.eos_token_id"] = uint32(behind[0])
	}
	return nil
}
