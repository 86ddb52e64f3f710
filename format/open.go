package format

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// Open opens the weights at path, a folder as [OpenWeights] does, or one file of
// any form that this package reads: what it is, its first bytes say.
//
// Errors: those of the form's own function; a file of no form that is known.
func Open(path string) (Weights, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("format: %w", err)
	}
	if info.IsDir() {
		return OpenWeights(path)
	}
	head, err := readHead(path)
	if err != nil {
		return nil, fmt.Errorf("format: %w", err)
	}
	npz := strings.EqualFold(filepath.Ext(path), ".npz")
	switch {
	case strings.HasPrefix(head, "GGUF"):
		return asWeights(OpenGGUF(path))
	case strings.HasPrefix(head, "\x93NUMPY"), strings.HasPrefix(head, "PK") && npz:
		return asWeights(OpenNumPy(path))
	case strings.HasPrefix(head, "PK"), strings.HasPrefix(head, "\x80"), strings.HasPrefix(head, "L"+legacyMagic.String()[:20]): // protocol 1
		return asWeights(OpenTorch(path))
	case len(head) > 8 && head[8] == '{' || strings.HasPrefix(head, lfsPointer):
		return asWeights(OpenSafetensors(path))
	}
	return nil, fmt.Errorf("format: %s: begins with %.8q: not one of safetensors, GGUF, PyTorch's .pt or .bin, NumPy's .npy or .npz", path, head)
}

// readHead returns the first bytes of a regular file.
func readHead(path string) (string, error) {
	f, _, err := openRegular(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	b := make([]byte, len(lfsPointer))
	n, err := io.ReadFull(f, b)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return "", err
	}
	return string(b[:n]), nil
}
