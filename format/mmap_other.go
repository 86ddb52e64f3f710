//go:build !unix && !windows

package format

import (
	"io"
	"os"
)

// mapBytes reads the file: these systems cannot map one.
func mapBytes(f *os.File, size int) (*mapping, error) {
	data := alignedBytes(size)
	if _, err := io.ReadFull(f, data); err != nil {
		return nil, err
	}
	return &mapping{data: data}, nil
}

func releasePages(file, part []byte) {}
