package tokenizer

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
)

// GGUF returns the metadata that describe a tokenizer in a GGUF file, under the keys
// tokenizer.ggml.*: what [ParseGGUF] reads. A model's vocabulary of size ids may be
// larger than the tokenizer's; the rest are tokens that no text has.
//
// A normaliser to Unicode's NFC is left out, as it is in the files of other programs.
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
	m := map[string]any{}
	var err error
	if b.chars == nil {
		err = b.writeGPT2(m)
	} else {
		err = b.writeSentence(m, size)
	}
	if err == nil {
		err = b.writeFrame(m)
	}
	if err != nil {
		return nil, fmt.Errorf("tokenizer: GGUF: %w", err)
	}
	b.writeTokens(m, size)
	b.writeFIM(m)
	return m, nil
}

// writeTokens sets the texts and the kinds of all ids.
func (t *BPE) writeTokens(m map[string]any, size int) {
	texts, kinds := make([]string, size), make([]int32, size)
	for id := range texts {
		texts[id], kinds[id] = paddingName(id), int32(pieceUnused)
		if id < len(t.bytes) && t.bytes[id] != nil {
			texts[id], kinds[id] = t.written(int32(id)), int32(pieceNormal)
		}
	}
	for _, a := range t.tokens {
		texts[a.ID], kinds[a.ID] = a.Content, int32(pieceDefined)
		if a.Special {
			kinds[a.ID] = int32(pieceControl)
		}
	}
	if t.chars != nil {
		for _, id := range t.chars.fallback {
			if id >= 0 {
				kinds[id] = int32(pieceByte)
			}
		}
		if t.chars.unknown >= 0 {
			kinds[t.chars.unknown] = int32(pieceUnknown)
		}
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
	if d := t.document; d != nil && is(d.Normalizer) && typeOf(d.Normalizer) != `"NFC"` {
		return fmt.Errorf("the normalizer %s has no form there", typeOf(d.Normalizer))
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
	for _, name := range slices.Concat(preNames, slices.Sorted(maps.Keys(ggufSplits))) {
		if g := ggufSplits[name]; g.whole == t.whole && slices.Equal(g.patterns, patterns) {
			return name, nil
		}
	}
	return "", fmt.Errorf("its split has no name in tokenizer.ggml.pre: %q, ignore_merges %v", patterns, t.whole)
}

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
			return []string{s.pattern}, nil
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

// writeSentence sets what a BPE of SentencePiece needs: scores in the place of merges. A piece's is the
// negative rank of what it is merged of.
func (t *BPE) writeSentence(m map[string]any, size int) error {
	n, err := t.sentenceOf()
	if err != nil {
		return err
	}
	pieces := make([]scored, len(t.bytes))
	for id := range pieces {
		pieces[id] = scored{text: t.written(int32(id)), kind: pieceNormal}
	}
	for _, a := range t.tokens {
		pieces[a.ID].kind = pieceControl
	}
	for _, id := range append([]int32{t.chars.unknown}, t.chars.fallback[:]...) {
		if id < 0 {
			return errors.New("a BPE over characters needs an unknown token and one for each byte there")
		}
		pieces[id].kind = pieceByte
	}
	for i := len(t.merges) - 1; i >= 0; i-- {
		pieces[t.merges[i].id].score = -float32(t.merges[i].rank + 1)
	}
	if err := t.sameMerges(pieces); err != nil {
		return err
	}
	scores := make([]float32, size)
	for id, p := range pieces {
		scores[id] = p.score
	}
	m["tokenizer.ggml.model"], m["tokenizer.ggml.pre"], m["tokenizer.ggml.scores"] = "llama", "default", scores
	m["tokenizer.ggml.add_space_prefix"], m["tokenizer.ggml.remove_extra_whitespaces"] = n.prefix, n.shrink
	return nil
}

// sameMerges sees that scores lead to the merges that t has: any two neighbours whose text is a
// piece join there.
func (t *BPE) sameMerges(pieces []scored) error {
	want := slices.Clone(t.merges)
	got := scoreMerges(pieces, t.chars.names)
	if len(got) != len(want) {
		return fmt.Errorf("its %d merges are not all ways to make its pieces, which are %d; SentencePiece joins by pieces alone", len(want), len(got))
	}
	place := map[[2]int32]int32{}
	for _, g := range want {
		place[[2]int32{g.left, g.right}] = g.id
	}
	for _, g := range got {
		if id, ok := place[[2]int32{g.left, g.right}]; !ok || id != g.id {
			return fmt.Errorf("it does not merge %q and %q, which SentencePiece does", t.written(g.left), t.written(g.right))
		}
	}
	if t.sentence == nil && !together(want) {
		return errors.New("its merges are not in the order of its pieces")
	}
	return nil
}

// together tells whether the merges that make one piece follow each other.
func together(merges []merge) bool {
	slices.SortFunc(merges, func(a, b merge) int { return int(a.rank - b.rank) })
	seen := map[int32]bool{}
	for i, g := range merges {
		if seen[g.id] && merges[i-1].id != g.id {
			return false
		}
		seen[g.id] = true
	}
	return true
}

// sentenceOf is SentencePiece's normaliser, as a tokenizer.json spells it too.
func (t *BPE) sentenceOf() (*sentence, error) {
	if n := t.sentence; n != nil {
		if n.table != nil || n.suffix || !n.escape {
			return nil, errors.New("a SentencePiece model that replaces characters, or that writes blanks otherwise, has no form there as a BPE")
		}
		return n, nil
	}
	if t.document == nil {
		return nil, errors.New("a BPE over characters has no form there")
	}
	if !is(t.document.PreTokenizer) {
		const replace = `{"type":"Replace","pattern":{"String":" "},"content":"▁"}`
		const prepend = `{"type":"Prepend","prepend":"▁"}`
		normalizer := t.document.Normalizer
		switch {
		case sameJSON(normalizer, `{"type":"Sequence","normalizers":[`+prepend+`,`+replace+`]}`):
			return &sentence{prefix: true, escape: true}, nil
		case sameJSON(normalizer, replace), sameJSON(normalizer, `{"type":"Sequence","normalizers":[`+replace+`]}`):
			return &sentence{escape: true}, nil
		}
	}
	if s, ok := t.split.(*metaspace); ok && s.replacement == blank && !s.split && !is(t.document.Normalizer) {
		return &sentence{prefix: s.scheme != "never", escape: true}, nil
	}
	return nil, errors.New("a BPE over characters whose normalizer or pre_tokenizer are not SentencePiece's has no form there")
}

// sameJSON compares two values, whatever the order of keys.
func sameJSON(a []byte, b string) bool {
	var x, y any
	return json.Unmarshal(a, &x) == nil && json.Unmarshal([]byte(b), &y) == nil && reflect.DeepEqual(x, y)
}
