package tokenizer

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"
)

// writeSentence sets what a BPE of SentencePiece needs: scores in the place of merges. A piece's is the
// negative rank of the merge that makes it.
func (t *BPE) writeSentence(m map[string]any, pieces []scored) error {
	n, err := t.sentenceOf()
	if err == nil {
		err = t.markBytes(pieces)
	}
	if err != nil {
		return err
	}
	made := t.makers(&t.pairs, pieces)
	for id, p := range pieces {
		if r := t.strange(p); r != 0 {
			return fmt.Errorf("SentencePiece joins characters that are no pieces too, and %q has %q", p.text, r)
		}
		pieces[id].score = -float32(len(t.merges) + 1) // nothing makes it
		if made[id].rank != noRank {
			pieces[id].score = -float32(made[id].rank + 1)
		}
	}
	if err := errors.Join(t.sameMakers(pieces, made), t.sameWhole(pieces, made)); err != nil {
		return err
	}
	writeBlanks(pieces, made)
	scores := make([]float32, len(pieces))
	for id, p := range pieces {
		scores[id] = p.score
	}
	m["tokenizer.ggml.model"], m["tokenizer.ggml.pre"], m["tokenizer.ggml.scores"] = "llama", "default", scores
	m["tokenizer.ggml.add_space_prefix"], m["tokenizer.ggml.remove_extra_whitespaces"] = n.prefix, n.shrink
	m["tokenizer.ggml.unknown_token_id"] = uint32(t.chars.unknown)
	return nil
}

// markBytes tells the pieces of bytes and the unknown one from others, and refuses what there is none for.
func (t *BPE) markBytes(pieces []scored) error {
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
	return nil
}

// merged tells whether a text may be merged into a piece of this kind.
func (k pieceKind) merged() bool { return k == pieceNormal || k == pieceDefined }

// makers returns, by id, the merge that makes each piece, of rank noRank where none does. There is one at most:
// what becomes a piece is merged within any text as it is alone, for nothing merges across its
// ends before it is done. A file's other merges of the piece never happen, whatever their rank.
func (t *BPE) makers(pairs *pairTable, pieces []scored) []merge {
	made := make([]merge, len(pieces))
	var symbols []int32
	for id, p := range pieces {
		made[id].rank = noRank
		if p.kind.merged() {
			symbols = t.chars.append(symbols[:0], p.text)
			if m := pairs.last(symbols); m.id == int32(id) {
				made[id] = m
			}
		}
	}
	return made
}

// strange is a character of a normal piece that is no piece itself, 0 if there is none.
func (t *BPE) strange(p scored) rune {
	for _, r := range p.text {
		if _, ok := t.chars.runes[r]; !ok && p.kind == pieceNormal {
			return r
		}
	}
	return 0
}

// sameMakers sees that scores lead to the merges that t has: any two neighbours whose text is a
// piece join there.
func (t *BPE) sameMakers(pieces []scored, want []merge) error {
	joined := slices.Clone(pieces)
	for id := range joined {
		if joined[id].kind.merged() {
			joined[id].kind = pieceNormal
		}
	}
	pairs := newPairTable(scoreMerges(joined, t.chars.names))
	found := t.foundFirst()
	for id, got := range t.makers(&pairs, pieces) {
		switch want := want[id]; {
		case found[int32(id)]:
		case got.rank == noRank && want.rank == noRank, got.rank != noRank && got.left == want.left && got.right == want.right:
		case got.rank == noRank:
			return fmt.Errorf("SentencePiece joins by pieces alone, and never makes %q of %q and %q", t.written(want.id), t.written(want.left), t.written(want.right))
		default:
			return fmt.Errorf("SentencePiece joins by pieces alone, and would make %q of %q and %q", t.written(got.id), t.written(got.left), t.written(got.right))
		}
	}
	return nil
}

// foundFirst are the added tokens that no text is left of for merging.
func (t *BPE) foundFirst() map[int32]bool {
	found := map[int32]bool{}
	for _, a := range t.tokens {
		found[a.ID] = !a.Special && !a.SingleWord && !strings.Contains(a.Content, blank)
	}
	return found
}

// sameWhole sees that nothing is lost where a text that is a piece is taken as it is: merges make it too.
func (t *BPE) sameWhole(pieces []scored, made []merge) error {
	for id, p := range pieces {
		if t.whole && p.kind == pieceNormal && made[id].rank == noRank && utf8.RuneCountInString(p.text) > 1 {
			return fmt.Errorf("it takes %q as it is, which no merges make", p.text)
		}
	}
	return nil
}

// writeBlanks makes normal pieces of added tokens of blanks that merges make too, such as Gemma's ▁▁: other
// programs write only normal pieces with blanks for ▁.
func writeBlanks(pieces []scored, made []merge) {
	for id := range pieces {
		if p := &pieces[id]; p.kind == pieceDefined && strings.Contains(p.text, blank) && (made[id].rank != noRank || p.text == blank) {
			p.kind = pieceNormal
		}
	}
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
