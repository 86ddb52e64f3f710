package train

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
)

// Fingerprint returns the SHA-256 of the files' contents, in their order, as 64
// hexadecimal digits: what [Identity] records of a tokenizer or of token shards. Where
// a file ends and the next begins counts.
func Fingerprint(paths ...string) (string, error) {
	all := sha256.New()
	for _, path := range paths {
		sum, err := fileSum(path)
		if err != nil {
			return "", fmt.Errorf("train: fingerprint: %w", err)
		}
		all.Write(sum)
	}
	return hex.EncodeToString(all.Sum(nil)), nil
}

func fileSum(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return nil, err
	}
	return h.Sum(nil), nil
}
