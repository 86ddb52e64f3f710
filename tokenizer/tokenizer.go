// Package tokenizer turns text into ids and back: bytes, characters, words,
// byte pair encoding (BPE), unigram models and WordPiece, and renders
// conversations with the chat templates that travel with a model.
//
// It reads and writes Hugging Face's tokenizer.json, reads SentencePiece's
// tokenizer.model, the vocabularies of GGUF files, GPT-2's vocab.json with
// merges.txt, Mistral's tekken.json and tiktoken's rank files, and trains BPE and WordPiece. It adds
// nothing to a text on its own: no token of beginning or end (what a file
// wants there is a [Frame], see [Framed] and [NotDone]; a chat template
// writes such tokens where they belong).
//
// Letters and words of this package:
//
//	text    bytes of any kind; UTF-8 is usual, nothing breaks when it is not
//	piece   a run of text that a Split cut out; no token crosses its border
//	token   a run of bytes with an id (int32, 0 … Size-1)
//	merge   a pair of tokens (left, right) that becomes one token
//	rank    a merge's place in the order of learning; lower ranks join first
//	special a token with a meaning beyond its letters, such as <|im_end|>
//
// BPE of text: Sennrich, Haddow and Birch, arXiv 1508.07909; over bytes:
// Radford et al., "Language Models are Unsupervised Multitask Learners", 2.2.
//
// The first thing to read is the example of [TrainBPE].
package tokenizer

// A Tokenizer maps text to ids and back. All implementations in this package
// may be used by many goroutines at once.
type Tokenizer interface {
	// Encode returns the ids of ordinary text. A special token that is written
	// in it is text like any other, so that nobody can smuggle one in.
	Encode(text string) []int32

	// EncodeSpecial is Encode, but special tokens written in the text become
	// their ids. It is for text that a template or a program wrote.
	EncodeSpecial(text string) []int32

	// Decode returns the bytes that the ids stand for, special tokens as they
	// are written. The result may be invalid UTF-8 when ids end inside a
	// character; see Stream. An id that has no token gives U+FFFD.
	Decode(ids []int32) string

	// Size is the number of ids, special ones included: the rows of an
	// embedding. Ids run from 0 to Size-1.
	Size() int

	// Token returns the bytes an id stands for. They must not be changed.
	Token(id int32) (bytes []byte, ok bool)

	// ID returns the id of a special token, or of the token with these bytes.
	ID(token string) (id int32, ok bool)

	// IsSpecial tells whether the id is a special token.
	IsSpecial(id int32) bool
}

// replacement stands in decoded text for an id that no token has.
const replacement = "\uFFFD"
