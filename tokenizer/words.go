package tokenizer

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
)

// Words is a vocabulary of distinct words, or of distinct characters, with one
// token for all that are not in it. The unknown token is special and the last
// id, so that a character vocabulary has the ids of nanoGPT's.
//
// Saved files are Hugging Face's WordLevel model. A word's bytes that are not
// valid UTF-8 are an unknown word: such a file could not hold them.
type Words struct {
	vocabulary
	split    Split
	unknown  int32
	added    *added
	document *document
}

// Unknown is the spelling of the token for words that are not in a vocabulary.
const Unknown = "<unk>"

// The pieces of Words. A word is a run of letters, marks and numbers; a Han
// sign is a word of its own, because Chinese sets no blanks; every other
// character stands alone, blanks too, so that what is known decodes to what
// was encoded.
const (
	patternChars = `[\s\S]`
	patternWords = `\p{Han}|(?:(?!\p{Han})[\p{L}\p{M}\p{N}])+|[^\p{L}\p{M}\p{N}]`
)

var (
	splitChars Split = &scanner{patternChars, scanChar}
	splitWords Split = &scanner{patternWords, scanWord}
)

// NewChars returns the vocabulary of the distinct characters of the texts,
// in the order of their code points, and then special tokens and Unknown.
func NewChars(texts iter.Seq[string], special ...string) (*Words, error) {
	counts := countPieces(texts, splitChars, 1)
	chars := known(counts, 1)
	slices.Sort(chars)
	return newWords(chars, splitChars, special)
}

// NewWords returns the vocabulary of the distinct words of the texts that
// occur at least minCount times, the most frequent first, those of one
// frequency in the order of their bytes, and then special tokens and Unknown.
func NewWords(texts iter.Seq[string], minCount int, special ...string) (*Words, error) {
	counts := countPieces(texts, splitWords, 1)
	words := known(counts, int64(minCount))
	slices.SortFunc(words, func(a, b string) int {
		if d := counts[b] - counts[a]; d != 0 {
			return int(max(-1, min(1, d)))
		}
		return strings.Compare(a, b)
	})
	return newWords(words, splitWords, special)
}

// WordList returns the vocabulary of the words given, in their order, and then
// special tokens and Unknown, which need not be left out of the list. A word that
// the split of texts would not leave whole can be looked up, and no text has it.
func WordList(list []string, special ...string) (*Words, error) {
	reserved := append(slices.Clone(special), Unknown)
	var words []string
	for _, w := range list {
		if !slices.Contains(reserved, w) {
			words = append(words, w)
		}
	}
	return newWords(words, splitWords, special)
}

// known lists the pieces that occur often enough and are valid UTF-8.
func known(counts map[string]int64, minCount int64) (pieces []string) {
	for p, n := range counts {
		if n >= minCount && strings.ToValidUTF8(p, "") == p {
			pieces = append(pieces, p)
		}
	}
	return pieces
}

func newWords(words []string, split Split, special []string) (*Words, error) {
	if len(words) == 0 {
		return nil, errors.New("tokenizer: words: the texts have none")
	}
	w := &Words{vocabulary: newVocabulary(len(words) + len(special) + 1), split: split}
	for i, word := range words {
		w.set(int32(i), []byte(word))
	}
	if err := w.finish(specials(append(slices.Clone(special), Unknown), len(words)), Unknown); err != nil {
		return nil, fmt.Errorf("tokenizer: words: %w", err)
	}
	return w, nil
}

// finish sets the added tokens and finds the unknown one.
func (w *Words) finish(tokens []AddedToken, unknown string) (err error) {
	for _, t := range tokens {
		if id, ok := w.ids[t.Content]; ok && id != t.ID {
			return fmt.Errorf("added token %q is a word already, with the id %d", t.Content, id)
		}
	}
	if err := w.setAdded(tokens); err != nil {
		return err
	}
	w.added = newAdded(tokens)
	id, ok := w.ids[unknown]
	if !ok {
		return fmt.Errorf("the unknown token %q is not in the vocabulary", unknown)
	}
	w.unknown = id
	return nil
}

// Encode returns the ids of ordinary text.
func (w *Words) Encode(text string) []int32 { return w.encode(text, false) }

// EncodeSpecial is Encode with special tokens found in the text.
func (w *Words) EncodeSpecial(text string) []int32 { return w.encode(text, true) }

func (w *Words) encode(text string, special bool) []int32 {
	return w.added.cut(nil, text, special, func(dst []int32, text string, _ bool) []int32 {
		w.split.Pieces(text, func(piece string) { dst = append(dst, w.word(piece)) })
		return dst
	})
}

// word returns the id of a word of ordinary text.
func (w *Words) word(piece string) int32 {
	if id, ok := w.ids[piece]; ok && !w.special[id] {
		return id
	}
	return w.unknown
}

// UnknownID is the id of the token for words that are not in the vocabulary.
func (w *Words) UnknownID() int32 { return w.unknown }

// parseWords reads a document whose model is WordLevel.
func parseWords(d *document, m *modelJSON) (*Words, error) {
	if is(d.Normalizer) {
		return nil, fmt.Errorf("normalizer %s is not supported", typeOf(d.Normalizer))
	}
	if !is(d.Decoder) || typeOf(d.Decoder) != `"Fuse"` {
		return nil, errors.New("WordLevel: only the decoder Fuse is supported")
	}
	if m.UnkToken == nil {
		return nil, errors.New("WordLevel: there is no unk_token")
	}
	split, err := parseWordSplit(d.PreTokenizer)
	if err != nil {
		return nil, fmt.Errorf("pre_tokenizer: %w", err)
	}
	names, size, err := parseVocab(d, m.Vocab)
	if err != nil {
		return nil, err
	}
	w := &Words{vocabulary: newVocabulary(size), split: split, document: d}
	for name, id := range names {
		if w.bytes[id] != nil {
			return nil, fmt.Errorf("model: vocab: two tokens have the id %d, one is %q", id, shorten(name))
		}
		w.set(id, []byte(name))
	}
	return w, w.finish(d.AddedTokens, *m.UnkToken)
}

// parseWordSplit reads the steps of a WordLevel file.
func parseWordSplit(raw json.RawMessage) (Split, error) {
	steps, err := flatten(raw, 0)
	if err != nil {
		return nil, err
	}
	var q sequence
	for _, step := range steps {
		if typeOf(step) == `"ByteLevel"` {
			return nil, errors.New("WordLevel with ByteLevel is not supported")
		}
		s, err := parseStep(step)
		if err != nil {
			return nil, err
		}
		q = append(q, s)
	}
	return Sequence(q...), nil
}
