package tokenizer

import (
	"strings"
	"unicode/utf8"
)

// A WordPiece cuts words into the longest pieces that its vocabulary has, from
// left to right (Wu et al. 2016, arXiv:1609.08144; BERT: Devlin et al. 2018,
// arXiv:1810.04805). A piece that continues a word is written with a prefix,
// ##. A word of which some part is no piece is the unknown token as a whole.
//
// What the normaliser takes away (capitals, accents, control characters) and
// the number of blanks do not come back: Decode writes one blank between words.
type WordPiece struct {
	pipeline                        // tokens are as they are written, with the prefix
	starts, inside map[string]int32 // pieces that begin a word, and that continue one, without the prefix
	prefix         string           // ##
	longest        int              // bytes of the longest piece
	most           int              // characters of a word; longer ones are unknown
	unknown        int32
}

// Spellings of BERT's special tokens.
const (
	PadToken     = "[PAD]"
	UnknownToken = "[UNK]"
	ClassToken   = "[CLS]" // begins every text
	SepToken     = "[SEP]" // ends every segment
	MaskToken    = "[MASK]"
)

// MaskedSpecial are the special tokens of a masked language model, in the order
// in which a learned vocabulary begins with them.
var MaskedSpecial = []string{PadToken, UnknownToken, ClassToken, SepToken, MaskToken}

const (
	wordPiecePrefix = "##"
	wordPieceMost   = 100
)

// index makes the tables of pieces. Special and other added tokens are no
// pieces of words: nobody can spell one in a text.
func (w *WordPiece) index() {
	w.starts, w.inside = map[string]int32{}, map[string]int32{}
	for id, b := range w.bytes {
		if b == nil || w.special[int32(id)] {
			continue
		}
		if rest, ok := strings.CutPrefix(string(b), w.prefix); ok && rest != "" && w.prefix != "" {
			w.inside[rest] = int32(id)
			w.longest = max(w.longest, len(rest))
		}
		w.starts[string(b)] = int32(id)
		w.longest = max(w.longest, len(b))
	}
}

// append appends the pieces of a word.
func (w *WordPiece) append(dst []int32, word string) []int32 {
	if len(word) > w.most && utf8.RuneCountInString(word) > w.most {
		return append(dst, w.unknown)
	}
	begin, table := len(dst), w.starts
	for word != "" {
		id, n := w.piece(table, word)
		if n == 0 {
			return append(dst[:begin], w.unknown)
		}
		dst, word, table = append(dst, id), word[n:], w.inside
	}
	return dst
}

// piece finds the longest piece that a text begins with; n is its length, 0
// where there is none.
func (w *WordPiece) piece(table map[string]int32, text string) (id int32, n int) {
	for n = min(len(text), w.longest); n > 0; n-- {
		if n < len(text) && !utf8.RuneStart(text[n]) {
			continue
		}
		if id, ok := table[text[:n]]; ok {
			return id, n
		}
	}
	return 0, 0
}

// cleaned takes the blank before a token away where English has none, as Hugging
// Face's decoder does.
var cleaned = strings.NewReplacer(" .", ".", " ?", "?", " !", "!", " ,", ",",
	" ' ", "'", " n't", "n't", " 'm", "'m", " 's", "'s", " 've", "'ve", " 're", "'re")

// Continues tells whether a token continues the word of the one before it.
func (w *WordPiece) Continues(id int32) bool {
	b, ok := w.Token(id)
	return ok && w.prefix != "" && !w.special[id] && strings.HasPrefix(string(b), w.prefix)
}

// UnknownID is the id of the token for words that are not in the vocabulary.
func (w *WordPiece) UnknownID() int32 { return w.unknown }

// Frame returns what the tokenizer puts around a text or a pair of texts: what
// its file says, or nothing.
func (w *WordPiece) Frame() *Frame {
	if w.frame != nil {
		return w.frame
	}
	return &Frame{[]framePart{{text: 'A'}}, []framePart{{text: 'A'}, {text: 'B'}}}
}

// finish sets the added tokens and finds the unknown one.
func (w *WordPiece) finish(tokens []AddedToken, unknown string) error {
	if err := w.pipeline.finish(tokens, w); err != nil {
		return err
	}
	id, ok := w.ids[unknown]
	if !ok {
		return errorUnknown(unknown)
	}
	w.unknown = id
	w.index()
	return nil
}
