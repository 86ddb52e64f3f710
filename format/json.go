package format

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// The JSON of headers, indexes and configurations is read token by token: a
// plain decoder takes the last of two equal keys, null for 0, and replaces
// what is not UTF-8, each without a word.

// readJSON reads text that is one JSON object and calls field after each key,
// with the decoder before the key's value.
func readJSON(text []byte, field func(d *json.Decoder, key string) error) error {
	if !utf8.Valid(text) {
		return errors.New("is not valid UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := readObject(d, func(key string) error { return field(d, key) }); err != nil {
		return err
	}
	if rest := bytes.Trim(text[d.InputOffset():], " \t\r\n"); len(rest) > 0 {
		return fmt.Errorf("%d bytes after the JSON object", len(rest))
	}
	return nil
}

// readObject reads a JSON object and calls field after each key. It refuses a
// key that is there twice.
func readObject(d *json.Decoder, field func(key string) error) error {
	if err := expect(d, '{'); err != nil {
		return err
	}
	return readFields(d, field)
}

// readFields reads what follows the opening brace.
func readFields(d *json.Decoder, field func(key string) error) error {
	seen := map[string]bool{}
	for d.More() {
		key, err := readString(d)
		if err != nil {
			return err
		}
		if seen[key] {
			return fmt.Errorf("key %q is there twice", key)
		}
		seen[key] = true
		if err := field(key); err != nil {
			return err
		}
	}
	return expect(d, '}')
}

// readStrings reads a JSON object of strings, or null, which is none.
func readStrings(d *json.Decoder) (map[string]string, error) {
	t, err := token(d)
	if err != nil || t == nil {
		return nil, err
	}
	if t != json.Delim('{') {
		return nil, fmt.Errorf("%v where { is expected", t)
	}
	m := map[string]string{}
	err = readFields(d, func(key string) error {
		s, err := readString(d)
		if err != nil {
			return fmt.Errorf("%q: %w", key, err)
		}
		m[key] = s
		return nil
	})
	return m, err
}

// readInts reads a JSON array of integers that are not negative.
func readInts(d *json.Decoder) ([]int, error) {
	if err := expect(d, '['); err != nil {
		return nil, err
	}
	var ints []int
	for d.More() {
		t, err := token(d)
		if err != nil {
			return nil, err
		}
		n, ok := t.(json.Number)
		if !ok {
			return nil, fmt.Errorf("%v is not a number", t)
		}
		i, err := parseInt(n)
		if err != nil {
			return nil, err
		}
		ints = append(ints, i)
	}
	return ints, expect(d, ']')
}

func parseInt(n json.Number) (int, error) {
	i, err := n.Int64()
	if err != nil || i < 0 || int64(int(i)) != i {
		return 0, fmt.Errorf("%s is not an integer from 0 to the largest int", n)
	}
	return int(i), nil
}

func readString(d *json.Decoder) (string, error) {
	t, err := token(d)
	if err != nil {
		return "", err
	}
	s, ok := t.(string)
	if !ok {
		return "", fmt.Errorf("%v is not a string", t)
	}
	return s, nil
}

func expect(d *json.Decoder, delim json.Delim) error {
	t, err := token(d)
	if err == nil && t != delim {
		err = fmt.Errorf("%v where %v is expected", t, delim)
	}
	return err
}

func token(d *json.Decoder) (json.Token, error) {
	t, err := d.Token()
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return t, err
}

// jsonError adds the line to a syntax error.
func jsonError(b []byte, err error) error {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		line := 1 + bytes.Count(b[:min(int(syntax.Offset), len(b))], []byte("\n"))
		return fmt.Errorf("line %d: %w", line, err)
	}
	return err
}

// checkKeys reads one JSON value and refuses a repeated key at any depth. The
// value is known to be valid, so its depth is bounded.
func checkKeys(d *json.Decoder) error {
	t, err := token(d)
	switch {
	case err != nil:
		return err
	case t == json.Delim('{'):
		return readFields(d, func(string) error { return checkKeys(d) })
	case t == json.Delim('['):
		for d.More() {
			if err := checkKeys(d); err != nil {
				return err
			}
		}
		return expect(d, ']')
	}
	return nil
}
