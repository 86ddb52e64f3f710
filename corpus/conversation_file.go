package corpus

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
)

// IsConversations reports whether a file is JSON lines whose first record has
// "messages": what [Conversations] reads and [Read] refuses. Standard input is
// not looked at and is none; see [Sniff].
func IsConversations(path string) (bool, error) {
	if path == "-" || !isJSONLines(path) {
		return false, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return false, fmt.Errorf("corpus: %w", err)
	}
	defer f.Close()
	var r io.Reader = f
	if strings.HasSuffix(path, ".gz") {
		if r, err = gzip.NewReader(f); err != nil {
			return false, fmt.Errorf("corpus: %s: %w", path, err)
		}
	}
	line, err := firstLine(r)
	if err != nil {
		return false, fmt.Errorf("corpus: %s: %w", path, err)
	}
	return startsConversation(line), nil
}

// Sniff is IsConversations for a stream; all is the stream from its beginning.
func Sniff(r io.Reader) (conversations bool, all io.Reader, err error) {
	var read strings.Builder
	line, err := firstLine(io.TeeReader(r, &read))
	if err != nil {
		return false, nil, fmt.Errorf("corpus: standard input: %w", err)
	}
	return startsConversation(line), io.MultiReader(strings.NewReader(read.String()), r), nil
}

// startsConversation reports whether a line is a record with "messages". One that is
// no JSON is text for Read to refuse, by name and line.
func startsConversation(line string) bool {
	var record struct {
		Messages json.RawMessage `json:"messages"`
	}
	return json.Unmarshal([]byte(line), &record) == nil && record.Messages != nil
}

// firstLine returns the first line that is not blank, "" where there is none.
func firstLine(r io.Reader) (string, error) {
	b := bufio.NewReader(r)
	for {
		line, err := b.ReadString('\n')
		if strings.TrimSpace(line) != "" || err == io.EOF {
			return line, nil
		}
		if err != nil {
			return "", err
		}
	}
}
