package tokenizer

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"
)

// GGUF returns the metadata that describe a tokenizer in a GGUF file, under the keys
// tokenizer.ggml.*: what [ParseGGUF] reads. A model's vocabulary of size ids may be
// larger than the tokenizer's; the rest are tokens that no text has.
//
// A normaliser to Unicode's NFC is left out, as it is in the files of other programs, and so is
// that added tokens take the blanks around them. Where a tokenizer.json puts a blank before
// a text only if it has none (Mistral's), or not behind an added token, one is always put there.
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
	for b, id := range t.chars.fallback {
		if id >= 0 {
			pieces[id].kind = pieceByte
		} else if _, ok := t.chars.runes[rune(b)]; !ok || b >= utf8.RuneSelf {
			return fmt.Errorf("a BPE over characters needs a token for each byte there, and has none for %s", byteName(b))
		}
	}
	if t.chars.unknown < 0 {
		return errors.New("a BPE over characters needs an unknown token there")
	}
	pieces[t.chars.unknown].kind = pieceUnknown
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
	if pre := t.document.PreTokenizer; !is(pre) || sameJSON(pre, noBlank) {
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

// noBlank is Gemma's pre_tokenizer, which finds nothing: its normalizer leaves no blank.
const noBlank = `{"type":"Split","pattern":{"String":" "},"behavior":"MergedWithPrevious","invert":false}`

// sameJSON compares two values, whatever the order of keys.
func sameJSON(a []byte, b string) bool {
	var x, y any
	return json.Unmarshal(a, &x) == nil && json.Unmarshal([]byte(b), &y) == nil && reflect.DeepEqual(x, y)
}
