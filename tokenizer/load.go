package tokenizer

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Load reads a tokenizer: a tokenizer.json, or a folder with one, or a folder
// with GPT-2's vocab.json and merges.txt (also under the names encoder.json
// and vocab.bpe), or with BERT's vocab.txt. For rank files see LoadTiktoken.
func Load(path string) (Tokenizer, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("tokenizer: %w", err)
	}
	if !info.IsDir() {
		return loadJSON(path)
	}
	if file := filepath.Join(path, "tokenizer.json"); exists(file) {
		return loadJSON(file)
	}
	for _, names := range [][2]string{{"vocab.json", "merges.txt"}, {"encoder.json", "vocab.bpe"}} {
		vocab, merges := filepath.Join(path, names[0]), filepath.Join(path, names[1])
		if exists(vocab) && exists(merges) {
			return loadGPT2(vocab, merges)
		}
	}
	if exists(filepath.Join(path, "vocab.txt")) {
		return loadVocabDir(path)
	}
	return nil, fmt.Errorf("tokenizer: %s has none of tokenizer.json, vocab.json with merges.txt, and vocab.txt: %w", path, fs.ErrNotExist)
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
	switch model.Type {
	case "BPE", "": // files before 2021 have no type
		return parseBPE(&d, &model)
	case "WordLevel":
		return parseWords(&d, &model)
	case "WordPiece":
		return parseWordPiece(&d)
	}
	return nil, fmt.Errorf("model %q is not supported", model.Type)
}

// is tells whether a raw value is there and not null.
func is(raw json.RawMessage) bool { return len(raw) > 0 && string(raw) != "null" }
