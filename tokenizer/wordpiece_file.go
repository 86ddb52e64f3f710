package tokenizer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"
)

// wordPieceJSON is the model of a document.
type wordPieceJSON struct {
	Type     string       `json:"type"`
	Unknown  string       `json:"unk_token"`
	Prefix   *string      `json:"continuing_subword_prefix"`
	MaxChars *int         `json:"max_input_chars_per_word"`
	Vocab    orderedVocab `json:"vocab"`
}

type bertNormalizerJSON struct {
	Type    string `json:"type"`
	Clean   bool   `json:"clean_text"`
	Chinese bool   `json:"handle_chinese_chars"`
	Accents *bool  `json:"strip_accents"` // null: as lowercase
	Lower   bool   `json:"lowercase"`
}

type wordPieceDecoderJSON struct {
	Type    string `json:"type"`
	Prefix  string `json:"prefix"`
	Cleanup bool   `json:"cleanup"`
}

func errorUnknown(token string) error {
	return fmt.Errorf("the unknown token %q is not in the vocabulary", token)
}

// bert reads a BertNormalizer, whose absent fields mean true.
func bert(raw json.RawMessage) (normalizer, error) {
	j := bertNormalizerJSON{Clean: true, Chinese: true, Lower: true}
	if err := json.Unmarshal(raw, &j); err != nil {
		return nil, fmt.Errorf("BertNormalizer: %w", err)
	}
	n := bertNormalizer{j.Clean, j.Chinese, j.Lower, j.Lower}
	if j.Accents != nil {
		n.accents = *j.Accents
	}
	return n.apply, nil
}

// parseWordPiece reads a document whose model is WordPiece.
func parseWordPiece(d *document) (*WordPiece, error) {
	var m struct {
		wordPieceJSON
		Vocab json.RawMessage `json:"vocab"`
	}
	m.Unknown = UnknownToken
	if err := json.Unmarshal(d.Model, &m); err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	names, size, err := parseVocab(d, m.Vocab)
	if err != nil {
		return nil, err
	}
	w := &WordPiece{pipeline: pipeline{vocabulary: newVocabulary(size)}, prefix: wordPiecePrefix, most: wordPieceMost}
	if m.Prefix != nil {
		w.prefix = *m.Prefix
	}
	if m.MaxChars != nil {
		w.most = *m.MaxChars
	}
	if !is(d.Decoder) { // what the model does is undone all the same
		decoded := *d
		decoded.Decoder = raw(wordPieceDecoderJSON{"WordPiece", w.prefix, false})
		err = w.open(&decoded, names, false)
		w.document = d
	} else {
		err = w.open(d, names, false)
	}
	if err != nil {
		return nil, err
	}
	if err := w.complete(d, names, func(tokens []AddedToken) error { return w.finish(tokens, m.Unknown) }); err != nil {
		return nil, err
	}
	if !is(d.PostProcessor) {
		w.frame, _ = newFrame(w) // nil where it has not BERT's tokens
	}
	return w, nil
}

// LoadVocab reads BERT's vocab.txt: a token a line, its number from 0 the id.
// lower says that the vocabulary is one of small letters without accents
// ("uncased"), which the file does not tell. Errors name the file and the line.
func LoadVocab(path string, lower bool) (*WordPiece, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("tokenizer: %w", err)
	}
	w, err := parseLines(data, lower)
	if err != nil {
		return nil, fmt.Errorf("tokenizer: %s: %w", path, err)
	}
	return w, nil
}

func parseLines(data []byte, lower bool) (*WordPiece, error) {
	var names []string
	seen := map[string]int{}
	for line := range bytes.Lines(data) {
		name := strings.TrimRight(string(line), "\r\n")
		number := len(names) + 1
		switch {
		case !utf8.ValidString(name):
			return nil, fmt.Errorf("line %d: not UTF-8", number)
		case name == "":
			return nil, fmt.Errorf("line %d: no token", number)
		case seen[name] > 0:
			return nil, fmt.Errorf("line %d: %q stands in line %d already", number, shorten(name), seen[name])
		}
		seen[name], names = number, append(names, name)
	}
	for _, s := range []string{UnknownToken, ClassToken, SepToken} {
		if seen[s] == 0 {
			return nil, fmt.Errorf("no line is %s: this is no vocabulary of BERT", s)
		}
	}
	return newWordPiece(names, lower)
}

// loadVocabDir is LoadVocab for a folder, whose tokenizer_config.json may say
// whether letters are small; without one they are, as transformers has it.
func loadVocabDir(dir string, added []AddedToken) (*WordPiece, error) {
	c := struct {
		Lower *bool `json:"do_lower_case"`
	}{}
	path := filepath.Join(dir, "tokenizer_config.json")
	data, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("tokenizer: %w", err)
	}
	if err == nil {
		if err := json.Unmarshal(data, &c); err != nil {
			return nil, fmt.Errorf("tokenizer: %s: %w", path, err)
		}
	}
	lower := c.Lower == nil || *c.Lower
	w, err := LoadVocab(filepath.Join(dir, "vocab.txt"), lower)
	if err != nil {
		return nil, err
	}
	if err := w.extend(added); err != nil {
		return nil, fmt.Errorf("tokenizer: %s: %w", dir, err)
	}
	w.document = w.newDocument(lower)
	return w, nil
}

// newWordPiece makes a tokenizer with BERT's rules of tokens in the order of
// their ids; those of [MaskedSpecial] among them are special.
func newWordPiece(names []string, lower bool) (*WordPiece, error) {
	w := &WordPiece{pipeline: pipeline{vocabulary: newVocabulary(len(names))}, prefix: wordPiecePrefix, most: wordPieceMost}
	ids := make(map[string]int32, len(names))
	for id, name := range names {
		if first, ok := ids[name]; ok {
			return nil, fmt.Errorf("%q has two ids, %d and %d", shorten(name), first, id)
		}
		ids[name] = int32(id)
	}
	var tokens []AddedToken
	for _, s := range MaskedSpecial {
		if id, ok := ids[s]; ok {
			tokens = append(tokens, AddedToken{ID: id, Content: s, Special: true})
		}
	}
	w.normal = bertNormalizer{true, true, lower, lower}.apply
	w.split = bertWords{}
	w.decoder = newDecoder(ids, []decodeStep{(&decoderJSON{}).wordPiece()}, nil, &w.vocabulary)
	if err := w.finish(tokens, UnknownToken); err != nil {
		return nil, err
	}
	var err error
	if w.frame, err = newFrame(w); err != nil {
		return nil, err
	}
	w.document = w.newDocument(lower)
	return w, nil
}

// newDocument describes a WordPiece that no file did.
func (w *WordPiece) newDocument(lower bool) *document {
	vocab := make(orderedVocab, len(w.bytes))
	for id, b := range w.bytes {
		vocab[id] = string(b)
	}
	return &document{
		Version: "1.0", AddedTokens: w.tokens,
		Normalizer:    raw(bertNormalizerJSON{"BertNormalizer", true, true, nil, lower}),
		PreTokenizer:  raw(typed{"BertPreTokenizer"}),
		PostProcessor: w.processor(),
		Decoder:       raw(wordPieceDecoderJSON{"WordPiece", w.prefix, true}),
		Model:         raw(wordPieceJSON{"WordPiece", UnknownToken, &w.prefix, &w.most, vocab}),
	}
}
