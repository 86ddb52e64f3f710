package tokenizer

import (
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
	pipeline
	spelled map[string]int32 // words as a file spells them, where a decoder changes them
	unknown int32
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
	splitChars Split = &scanner{patternChars, scanChar, false}
	splitWords Split = &scanner{patternWords, scanWord, false}
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
	w := &Words{pipeline: pipeline{vocabulary: newVocabulary(len(words) + len(special) + 1), split: split}}
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
	if err := w.pipeline.finish(tokens, w); err != nil {
		return err
	}
	id, ok := w.ids[unknown]
	if !ok {
		return errorUnknown(unknown)
	}
	w.unknown = id
	return nil
}

// append appends the id of a word.
func (w *Words) append(dst []int32, word string) []int32 { return append(dst, w.word(word)) }

// word returns the id of a word of ordinary text.
func (w *Words) word(piece string) int32 {
	id, ok := w.ids[piece]
	if w.decoder != nil {
		id, ok = w.spelled[piece]
	}
	if ok && !w.special[id] {
		return id
	}
	return w.unknown
}

// UnknownID is the id of the token for words that are not in the vocabulary.
func (w *Words) UnknownID() int32 { return w.unknown }

// parseWords reads a document whose model is WordLevel.
func parseWords(d *document, m *modelJSON) (*Words, error) {
	unknown := stringOr(m.UnkToken, Unknown)
	names, size, err := parseVocab(d, m.Vocab)
	if err != nil {
		return nil, err
	}
	w := &Words{pipeline: pipeline{vocabulary: newVocabulary(size)}, spelled: names}
	if err := w.open(d, names, false); err != nil {
		return nil, err
	}
	return w, w.complete(d, names, func(tokens []AddedToken) error { return w.finish(tokens, unknown) })
}
