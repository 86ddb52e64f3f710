package tokenizer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Load reads a tokenizer: a tokenizer.json, SentencePiece's tokenizer.model or Mistral's
// tekken.json, or a folder with a tokenizer.json, or one with GPT-2's vocab.json and
// merges.txt (also under the names encoder.json and vocab.bpe), with BERT's
// vocab.txt, with a tekken.json, or with a tokenizer.model (also spiece.model and
// sentencepiece.bpe.model). Of a folder's tokenizer_config.json, and of its
// added_tokens.json, counts what is said about tokens as in transformers. For
// rank files see LoadTiktoken, for GGUF ParseGGUF.
func Load(path string) (Tokenizer, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("tokenizer: %w", err)
	}
	if !info.IsDir() {
		return loadFile(path)
	}
	return loadFolder(path)
}

// loadFile reads a tokenizer.json or, by its name, a tokenizer.model or a tekken.json.
func loadFile(path string) (Tokenizer, error) {
	switch {
	case strings.HasSuffix(path, ".model"):
		return loadModel(path)
	case filepath.Base(path) == "tekken.json":
		return loadTekken(path)
	}
	return loadJSON(path)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

func loadJSON(path string) (Tokenizer, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("tokenizer: %w", err)
	}
	t, err := Parse(data)
	if err != nil {
		return nil, fmt.Errorf("tokenizer: %s: %w", path, err)
	}
	return t, nil
}

// Parse reads the bytes of a tokenizer.json. What this package cannot do as
// the file says is an error that names it.
func Parse(data []byte) (Tokenizer, error) {
	var d document
	if err := json.Unmarshal(data, &d); err != nil {
		return nil, err
	}
	if d.Model == nil {
		return nil, errors.New("there is no model")
	}
	var model modelJSON
	if err := json.Unmarshal(d.Model, &model); err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	if model.Type == "" {
		model.Type = model.kind()
	}
	switch model.Type {
	case "BPE":
		return parseBPE(&d, &model)
	case "WordLevel":
		return parseWords(&d, &model)
	case "WordPiece":
		return parseWordPiece(&d)
	case "Unigram":
		return parseUnigram(&d)
	}
	return nil, fmt.Errorf("model %q is not supported", model.Type)
}

// kind is the type of a model in a file from before 2021, which does not say
// it: the fields tell, and Hugging Face's library asks in the same order.
func (m *modelJSON) kind() string {
	switch {
	case is(m.Merges):
		return "BPE"
	case m.ContinuingSubwordPrefix != nil:
		return "WordPiece"
	case bytes.HasPrefix(bytes.TrimLeft(m.Vocab, " \t\r\n"), []byte("[")):
		return "Unigram"
	}
	return "WordLevel"
}

// open reads what stands before and after the model: overBytes tells that the
// model is over bytes and has its tokens' bytes already.
func (p *pipeline) open(d *document, names map[string]int32, overBytes bool) (err error) {
	p.document = d
	if p.normal, err = parseNormalizer(d.Normalizer); err != nil {
		return fmt.Errorf("normalizer: %w", err)
	}
	if p.split, err = parseSplit(d.PreTokenizer, overBytes); err != nil {
		return fmt.Errorf("pre_tokenizer: %w", err)
	}
	if overBytes {
		return nil
	}
	tokens, whole, err := parseDecoder(d.Decoder)
	if err != nil {
		return fmt.Errorf("decoder: %w", err)
	}
	p.decoder = newDecoder(names, tokens, whole, &p.vocabulary)
	return nil
}

// complete reads the added tokens and the post_processor.
func (p *pipeline) complete(d *document, names map[string]int32, finish func([]AddedToken) error) error {
	if err := fitAdded(d.AddedTokens, names); err != nil {
		return err
	}
	if err := finish(d.AddedTokens); err != nil {
		return err
	}
	var err error
	if p.frame, err = parseFrame(d.PostProcessor, p); err != nil {
		return fmt.Errorf("post_processor: %w", err)
	}
	return nil
}

// is tells whether a raw value is there and not null.
func is(raw json.RawMessage) bool { return len(raw) > 0 && string(raw) != "null" }
