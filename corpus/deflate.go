package corpus

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"fmt"
)

// counter counts what is written to it.
type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

// Gzip is what gzip at level 9 needs for the documents, each compressed
// alone with its header, in bits per byte of text: what a compressor reaches
// that knows nothing but the file.
func Gzip(docs []Document) float64 {
	var size counter
	z, err := gzip.NewWriterLevel(&size, gzip.BestCompression)
	must(err)
	for _, d := range docs {
		z.Reset(&size)
		_, err := z.Write([]byte(d.Text))
		must(err)
		must(z.Close())
	}
	return bitsPerByte(size, docs)
}

// GzipPrimed is the same with the last 32 KiB of the training text as a
// dictionary before each document, all that the format can look back on. It is
// the bare deflate stream (RFC 1951); gzip's own header has no place for a
// dictionary and would add 18 bytes a document.
func GzipPrimed(train, docs []Document) float64 {
	var size counter
	z, err := flate.NewWriterDict(&size, flate.BestCompression, tail(train, 32<<10))
	must(err)
	for _, d := range docs {
		z.Reset(&size) // keeps the dictionary
		_, err := z.Write([]byte(d.Text))
		must(err)
		must(z.Close())
	}
	return bitsPerByte(size, docs)
}

// tail is the last n bytes of the documents' texts laid end to end.
func tail(docs []Document, n int) []byte {
	var parts [][]byte
	for i := len(docs) - 1; i >= 0 && n > 0; i-- {
		text := docs[i].Text
		text = text[max(0, len(text)-n):]
		parts = append([][]byte{[]byte(text)}, parts...)
		n -= len(text)
	}
	return bytes.Join(parts, nil)
}

func bitsPerByte(size counter, docs []Document) float64 {
	if n := Bytes(docs); n > 0 {
		return 8 * float64(size) / float64(n)
	}
	return 0
}

// must: a counter never fails, and the levels are constants.
func must(err error) {
	if err != nil {
		panic(fmt.Sprintf("corpus: deflate: %v", err))
	}
}
