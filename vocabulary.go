package inkstone

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/model"
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

// fitVocabulary takes added tokens from a tokenizer that the model of a folder has no rows for, unless the chat
// template writes them, and refuses a tokenizer that has more ids all the same.
func fitVocabulary(lm model.LM, t tokenizer.Tokenizer, dir string) (gone []tokenizer.AddedToken, err error) {
	had := t.Size()
	if gone = tokenizer.Fit(t, lm.Shape().Vocab); len(gone) > 0 {
		source, err := tokenizer.TemplateSource(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		for _, a := range gone {
			if strings.Contains(source, a.Content) {
				return nil, fmt.Errorf("%w; the chat template writes %q", model.CheckVocabulary(lm, had), a.Content)
			}
		}
	}
	return gone, model.CheckVocabulary(lm, t.Size())
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
