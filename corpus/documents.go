package corpus

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"
)

// Documents reads the files one after another, "-" from stdin. A name that
// ends in .gz is decompressed; under it a name that ends in .jsonl or .ndjson
// is JSON lines, a document each (see [ParseRecord]), any other is one
// document. A file without a byte gives none. It stops at the first error.
func Documents(files []string, stdin io.Reader) iter.Seq2[Document, error] {
	return func(yield func(Document, error) bool) {
		for _, file := range files {
			data, err := readAll(file, stdin)
			if err != nil {
				yield(Document{}, fmt.Errorf("corpus: %w", err))
				return
			}
			for d, err := range split(file, data) {
				if !yield(d, err) || err != nil {
					return
				}
			}
		}
	}
}

// Read is [Files] and [Documents] in one, for a corpus that fits in memory.
// Together the documents hold at least one byte, and so does each path that
// names a file; otherwise it is an error.
func Read(stdin io.Reader, paths ...string) (docs []Document, skipped []string, err error) {
	files, skipped, err := Files(paths...)
	if err != nil {
		return nil, nil, err
	}
	texts := map[string]int{}
	for d, err := range Documents(files, stdin) {
		if err != nil {
			return nil, nil, err
		}
		docs = append(docs, d)
		texts[source(d)]++
	}
	for _, path := range paths {
		if clean := filepath.Clean(path); texts[clean] == 0 && (path == "-" || isFile(path)) {
			return nil, nil, fmt.Errorf("corpus: %s: no text in it", path)
		}
	}
	if len(docs) == 0 {
		return nil, nil, fmt.Errorf("corpus: %s: no text in it", strings.Join(paths, ", "))
	}
	return docs, skipped, nil
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && !info.IsDir()
}

// source is the file a document came from.
func source(d Document) string {
	if i := strings.LastIndexByte(d.Name, ':'); i >= 0 && isJSONLines(d.Name[:i]) {
		return d.Name[:i]
	}
	return d.Name
}

// split yields the documents of one file.
func split(file string, data []byte) iter.Seq2[Document, error] {
	if isJSONLines(file) {
		return records(file, string(data))
	}
	return func(yield func(Document, error) bool) {
		if err := checkText(data); err != nil {
			yield(Document{}, fmt.Errorf("corpus: %s: %w", file, err))
		} else if len(data) > 0 {
			yield(Document{file, string(data)}, nil)
		}
	}
}

func isJSONLines(file string) bool {
	ext := filepath.Ext(strings.TrimSuffix(file, ".gz"))
	return ext == ".jsonl" || ext == ".ndjson"
}

// readAll reads a file, decompressed if its name ends in .gz. Its errors name
// the file.
func readAll(file string, stdin io.Reader) ([]byte, error) {
	if file == "-" {
		return io.ReadAll(stdin)
	}
	if !strings.HasSuffix(file, ".gz") {
		return os.ReadFile(file)
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	data, err := io.ReadAll(z)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return data, nil
}

// utf16 tells whether data begins with the mark that Windows' editors put before
// UTF-16 text.
func utf16(data []byte) bool {
	return bytes.HasPrefix(data, []byte{0xff, 0xfe}) || bytes.HasPrefix(data, []byte{0xfe, 0xff})
}

// checkText refuses what is not text. Every other encoding than UTF-8 shows
// itself by a NUL (UTF-16) or an invalid byte (Latin-1, GBK); taken as it is
// it would teach a model noise.
func checkText(data []byte) error {
	if utf16(data) {
		return errors.New("text in UTF-16: save it in UTF-8")
	}
	if i := bytes.IndexByte(data, 0); i >= 0 {
		return fmt.Errorf("a binary file: NUL at byte %d", i)
	}
	if utf8.Valid(data) {
		return nil
	}
	at := 0
	for at < len(data) {
		r, n := utf8.DecodeRune(data[at:])
		if r == utf8.RuneError && n == 1 {
			break
		}
		at += n
	}
	return fmt.Errorf("not UTF-8 text: 0x%02x at byte %d", data[at], at)
}
