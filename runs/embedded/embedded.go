// Package embedded is the small model that the binary carries, where it carries one:
// weights, tokenizer and chat template in one GGUF file, and its card. It holds the
// file alone; package runs trains it.
package embedded

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/inkstone-ai/inkstone/format"
)

// Names of the files in the folder model.
const (
	ModelFile    = "inkstone-go.gguf"
	CardFile     = "card.json"
	CardMarkdown = "card.md"
)

//go:embed model
var files embed.FS

// ErrNone says that this build carries no model.
var ErrNone = errors.New("this build carries no model of its own")

// Card is the card of the model, as JSON, or [ErrNone].
func Card() ([]byte, error) { return card(files) }

func card(from fs.FS) ([]byte, error) {
	data, err := fs.ReadFile(from, "model/"+CardFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNone
	}
	return data, err
}

// File is the path of the model as a file that can be mapped: it is laid into the user's
// cache at the first call, and anew where what is there is not it. Where that cannot be
// written it goes to the folder of temporary files. [ErrNone] where there is no model.
func File() (string, error) {
	dirs := []string{os.TempDir()}
	if cache, err := os.UserCacheDir(); err == nil {
		dirs = append([]string{cache}, dirs...)
	}
	return file(files, dirs)
}

// file lays the model into the first of dirs that takes it. The name has the digest, so
// that two versions of the program do not fight over it.
func file(from fs.FS, dirs []string) (string, error) {
	data, err := fs.ReadFile(from, "model/"+ModelFile)
	if errors.Is(err, fs.ErrNotExist) {
		return "", ErrNone
	} else if err != nil {
		return "", err
	}
	sum := sha256.Sum256(data)
	var errs []error
	for _, dir := range dirs {
		path := filepath.Join(dir, "inkstone", hex.EncodeToString(sum[:8]), ModelFile)
		if err := lay(path, data, sum); err == nil {
			return path, nil
		} else {
			errs = append(errs, err)
		}
	}
	return "", fmt.Errorf("the embedded model: %w", errors.Join(errs...))
}

// lay writes data to path unless it is there.
func lay(path string, data []byte, sum [32]byte) error {
	if have, err := os.ReadFile(path); err == nil && sha256.Sum256(have) == sum {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return format.WriteFile(path, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}
