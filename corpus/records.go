package corpus

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
)

// records yields the documents of JSON lines; blank lines hold none.
func records(file, text string) iter.Seq2[Document, error] {
	return func(yield func(Document, error) bool) {
		for number, line := range lines(text) {
			content, err := ParseRecord([]byte(line))
			if err != nil {
				yield(Document{}, fmt.Errorf("corpus: %s: line %d: %w", file, number, err))
				return
			}
			if content != "" && !yield(Document{fmt.Sprintf("%s:%d", file, number), content}, nil) {
				return
			}
		}
	}
}

// A Line is one of a file's.
type Line struct {
	Number int    // from 1
	Text   string // without white space at its ends
}

// Lines reads a file's lines that are not blank; it may be gzipped, and "-" is stdin.
// Errors name the file, and the line that is no UTF-8 text; a file without a line is one.
func Lines(stdin io.Reader, path string) (all []Line, err error) {
	data, err := readAll(path, stdin)
	if err != nil {
		return nil, fmt.Errorf("corpus: %w", err)
	}
	for number, line := range lines(string(data)) {
		if err := checkText([]byte(line)); err != nil {
			return nil, fmt.Errorf("corpus: %s: line %d: %w", path, number, err)
		}
		all = append(all, Line{number, strings.TrimSpace(line)})
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("corpus: %s: no line of text in it", path)
	}
	return all, nil
}

// lines yields the lines that are not blank, numbered from 1. A byte order
// mark before the first is left out, as RFC 8259, 8.1 allows.
func lines(text string) iter.Seq2[int, string] {
	return func(yield func(int, string) bool) {
		number := 0
		for line := range strings.Lines(strings.TrimPrefix(text, "\ufeff")) {
			number++
			if strings.TrimSpace(line) != "" && !yield(number, line) {
				return
			}
		}
	}
}

// ParseRecord returns the text of one JSON-lines record. It is the string
// "text"; or, in a record without it, the strings of "paragraphs", a line each,
// below the string "title" if there is one (the form of poem collections). Other
// keys are data about the text. A record with neither is an error.
func ParseRecord(line []byte) (string, error) {
	var record struct {
		Text       *string  `json:"text"`
		Title      string   `json:"title"`
		Paragraphs []string `json:"paragraphs"`
		Messages   any      `json:"messages"`
	}
	if err := decodeObject(line, &record); err != nil {
		return "", err
	}
	content := ""
	switch {
	case record.Text != nil:
		content = *record.Text
	case record.Paragraphs != nil:
		if record.Title != "" {
			content = record.Title + "\n"
		}
		content += strings.Join(record.Paragraphs, "\n") + "\n"
	case record.Messages != nil:
		return "", fmt.Errorf(`has "messages", no "text": conversations are for fine-tuning`)
	default:
		return "", fmt.Errorf(`neither "text" nor "paragraphs" in it`)
	}
	if strings.IndexByte(content, 0) >= 0 {
		return "", fmt.Errorf("NUL in its text")
	}
	return content, nil
}

// decodeFile decodes a file that is one JSON value, with a byte order mark or
// without. Its errors name the line.
func decodeFile(data []byte, into any) error {
	if err := checkText(data); err != nil {
		return err
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	err := json.Unmarshal(data, into)
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	at := int64(0)
	switch {
	case errors.As(err, &syntax):
		at = syntax.Offset
	case errors.As(err, &kind):
		at = kind.Offset
	default:
		return err
	}
	return fmt.Errorf("line %d: %w", 1+bytes.Count(data[:min(at, int64(len(data)))], []byte("\n")), err)
}

// decodeObject decodes a line that is exactly one JSON object.
func decodeObject(line []byte, into any) error {
	if err := checkText(line); err != nil {
		return err
	}
	line = bytes.TrimSpace(line)
	if len(line) == 0 || line[0] != '{' {
		return fmt.Errorf("not a JSON object")
	}
	return json.Unmarshal(line, into)
}
