package tokenizer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// Save writes a tokenizer.json that Hugging Face's library reads: to path, or
// into path when it is a folder. The file appears whole or not at all; an
// earlier one stays as it was when writing fails. A tokenizer that was read
// from a tokenizer.json is written with all the parts it had.
func Save(t Tokenizer, path string) error {
	data, err := marshal(t)
	if err != nil {
		return fmt.Errorf("tokenizer: save: %w", err)
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		path = filepath.Join(path, "tokenizer.json")
	}
	if err := writeFile(path, data); err != nil {
		return fmt.Errorf("tokenizer: save %s: %w", path, err)
	}
	return nil
}

// JSON returns the tokenizer.json that [Save] writes.
func JSON(t Tokenizer) ([]byte, error) {
	data, err := marshal(t)
	if err != nil {
		return nil, fmt.Errorf("tokenizer: %w", err)
	}
	return data, nil
}

// writeFile writes beside the file, makes sure of the bytes, and renames.
func writeFile(path string, data []byte) (err error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return errors.New("it is no file, and a file would replace it; give the path of a file")
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*"+tempSuffix)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	for _, step := range []func() error{
		func() error { _, err := f.Write(data); return err },
		func() error { return f.Chmod(0o644) }, // CreateTemp makes it private
		f.Sync,
		f.Close,
		func() error { return os.Rename(f.Name(), path) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// tempSuffix is package format's: who locks the folder removes what a killed
// process left.
const tempSuffix = ".inkstone-tmp"

// marshal writes the document of a tokenizer.
func marshal(t Tokenizer) ([]byte, error) {
	p := baseOf(t)
	if p == nil {
		return nil, fmt.Errorf("tokenizer.json has no form for a %T", t)
	}
	d := p.document
	if d == nil {
		var err error
		if d, err = describe(t); err != nil {
			return nil, err
		}
	}
	data, err := encode(d)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := json.Indent(&b, data, "", "  "); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// describe writes the document of a tokenizer that was not read from one.
func describe(t Tokenizer) (*document, error) {
	switch t := t.(type) {
	case *BPE:
		if t.sentence != nil {
			return t.sentenceDocument()
		}
		return t.newDocument(), nil
	case *Unigram:
		return nil, errors.New("tokenizer.json has no exact form for a Unigram of SentencePiece; keep its tokenizer.model or GGUF file")
	case *Words:
		return t.newDocument(), nil
	}
	return nil, fmt.Errorf("tokenizer.json has no form for a %T", t)
}

// newDocument describes a BPE over bytes. Special tokens stand in the vocabulary too:
// otherwise who reads it would number them anew.
func (t *BPE) newDocument() *document {
	no := false
	level := byteLevelJSON{"ByteLevel", false, true, &no}
	steps := t.split.preTokenizer()
	if t.split == GPT2 {
		yes := true
		steps = []any{byteLevelJSON{"ByteLevel", false, true, &yes}}
	} else {
		steps = append(steps, level)
	}
	vocab := make(orderedVocab, len(t.bytes))
	for id, b := range t.bytes {
		if b != nil {
			vocab[id] = spell(b)
		}
	}
	for _, a := range t.tokens {
		vocab[a.ID] = a.Content
	}
	// The older form of merges: every version reads it, and no spelled token
	// has a blank in it.
	merges := make([]string, len(t.merges))
	for i, m := range t.merges {
		merges[i] = vocab[m.left] + " " + vocab[m.right]
	}
	return &document{
		Version: "1.0", AddedTokens: t.AddedTokens(),
		PreTokenizer: raw(chain(steps)), Decoder: raw(level), PostProcessor: t.processor(level),
		Model: raw(modelJSON{Type: "BPE", IgnoreMerges: t.whole, Vocab: raw(vocab), Merges: raw(merges)}),
	}
}

// sentenceDocument describes a BPE of SentencePiece, as transformers writes
// those of Llama. The ranks of pieces with one score, which are equal here,
// follow each other there.
func (t *BPE) sentenceDocument() (*document, error) {
	n := t.sentence
	if n.table != nil || n.shrink || n.suffix || !n.escape || len(t.chars.defined.ids) > 0 {
		return nil, errors.New("tokenizer.json has no exact form for this SentencePiece model, which replaces characters, takes blanks away or has pieces that its user defined; keep its tokenizer.model")
	}
	replace := func(from, to string) any {
		return map[string]any{"type": "Replace", "pattern": patternJSON{String: &from}, "content": to}
	}
	normal := []any{replace(" ", blank)}
	decode := []any{replace(blank, " "), typed{"ByteFallback"}, typed{"Fuse"}}
	if n.prefix {
		normal = append([]any{map[string]any{"type": "Prepend", "prepend": blank}}, normal...)
		decode = append(decode, map[string]any{"type": "Strip", "content": " ", "start": 1, "stop": 0})
	}
	merges := make([][2]string, len(t.merges))
	for i, m := range t.merges {
		merges[i] = [2]string{t.decoder.names[m.left], t.decoder.names[m.right]}
	}
	unknown := t.decoder.names[t.chars.unknown]
	return &document{
		Version: "1.0", AddedTokens: t.tokens,
		Normalizer: raw(map[string]any{"type": "Sequence", "normalizers": normal}),
		Decoder:    raw(map[string]any{"type": "Sequence", "decoders": decode}), PostProcessor: t.processor(),
		Model: raw(modelJSON{Type: "BPE", UnkToken: &unknown, FuseUnk: true, ByteFallback: t.chars.fallback[0] >= 0,
			Vocab: raw(orderedVocab(t.decoder.names)), Merges: raw(merges)}),
	}, nil
}

// processor is the post_processor: steps, and then what the frame puts around a text.
func (p *pipeline) processor(steps ...any) json.RawMessage {
	if p.frame != nil {
		steps = append(steps, p.frame.processor(p.spelled))
	}
	switch len(steps) {
	case 0:
		return nil
	case 1:
		return raw(steps[0])
	}
	return raw(map[string]any{"type": "Sequence", "processors": steps})
}

// spelled is a token as the file writes it.
func (p *pipeline) spelled(id int32) string {
	if p.decoder != nil {
		return p.decoder.names[id]
	}
	if i := slices.IndexFunc(p.tokens, func(t AddedToken) bool { return t.ID == id }); i >= 0 {
		return p.tokens[i].Content
	}
	return spell(p.bytes[id])
}

// newDocument describes Words.
func (w *Words) newDocument() *document {
	vocab := make(orderedVocab, len(w.bytes))
	for id, b := range w.bytes {
		vocab[id] = string(b)
	}
	return &document{
		Version: "1.0", AddedTokens: w.tokens,
		PreTokenizer: raw(chain(w.split.preTokenizer())),
		Decoder:      raw(typed{"Fuse"}),
		Model:        raw(wordLevelJSON{"WordLevel", vocab, string(w.bytes[w.unknown])}),
	}
}

// chain is one step, or several in a sequence.
func chain(steps []any) any {
	if len(steps) == 1 {
		return steps[0]
	}
	return map[string]any{"type": "Sequence", "pretokenizers": steps}
}

type wordLevelJSON struct {
	Type     string       `json:"type"`
	Vocab    orderedVocab `json:"vocab"`
	UnkToken string       `json:"unk_token"`
}

// orderedVocab is written as an object in the order of the ids, which a map
// would not keep; an empty name is an id without a token.
type orderedVocab []string

// MarshalJSON writes {"name": id, …}.
func (v orderedVocab) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	for id, name := range v {
		if name == "" {
			continue
		}
		if len(b) > 1 {
			b = append(b, ',')
		}
		key, err := encode(name)
		if err != nil {
			return nil, err
		}
		b = fmt.Appendf(append(b, key...), ":%d", id)
	}
	return append(b, '}'), nil
}

// encode is json.Marshal without escapes for HTML, which nobody reads here.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// raw encodes values of this package, which cannot fail.
func raw(v any) json.RawMessage {
	b, err := encode(v)
	if err != nil {
		panic(err)
	}
	return b
}
