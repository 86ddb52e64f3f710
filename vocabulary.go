package inkstone

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/tokenizer"
)

// OpenTokenizer opens a tokenizer: a folder, a tokenizer.json, a tokenizer.model of SentencePiece, or
// a GGUF file, of whose metadata it is made. Errors name the file and the fact; a path with no
// tokenizer is fs.ErrNotExist.
func OpenTokenizer(path string) (tokenizer.Tokenizer, error) {
	if !format.IsGGUF(path) {
		return tokenizer.Load(path)
	}
	metadata, err := ggufMetadata(path)
	if err != nil {
		return nil, err
	}
	t, err := tokenizerOfGGUF(metadata)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return t, nil
}

// wholeKey is the key of a GGUF file that has a whole tokenizer.json, one that its other keys
// cannot say.
const wholeKey = "tokenizer.huggingface.json"

// wholeTokenizer is that tokenizer.json, nil where there is none.
func wholeTokenizer(metadata format.Metadata) ([]byte, error) {
	k := metadata.Keys("")
	if !k.Has(wholeKey) {
		return nil, nil
	}
	return []byte(k.String(wholeKey)), k.Err()
}

func tokenizerOfGGUF(metadata format.Metadata) (tokenizer.Tokenizer, error) {
	if whole, err := wholeTokenizer(metadata); whole != nil || err != nil {
		if err != nil {
			return nil, err
		}
		return tokenizer.Parse(whole)
	}
	return tokenizer.ParseGGUF(metadata)
}

// ggufMetadata reads the keys of a GGUF file.
func ggufMetadata(path string) (format.Metadata, error) {
	g, err := format.OpenGGUF(path)
	if err != nil {
		return nil, err
	}
	metadata := g.Meta()
	return metadata, g.Close()
}

// chatTemplate reads the template of a folder or of a GGUF file, nil where there is none.
func chatTemplate(path string) (*tokenizer.ChatTemplate, error) {
	if format.IsGGUF(path) {
		return ggufTemplate(path)
	}
	t, err := tokenizer.LoadTemplate(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return t, err
}

func ggufTemplate(path string) (*tokenizer.ChatTemplate, error) {
	metadata, err := ggufMetadata(path)
	if err != nil {
		return nil, err
	}
	t, err := tokenizer.TemplateOfGGUF(metadata)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return t, nil
}
