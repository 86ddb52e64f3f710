package tokenizer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A cursor reads the two long parts of a file, vocab and merges, four times
// as fast as reflection does. Its data have been found to be valid JSON
// already, so it asks only whether a value is of the kind it should be.
type cursor struct {
	data []byte
	at   int
}

// peek returns the next byte that is not a blank, or 0 at the end.
func (c *cursor) peek() byte {
	for ; c.at < len(c.data); c.at++ {
		if b := c.data[c.at]; b != ' ' && b != '\n' && b != '\t' && b != '\r' {
			return b
		}
	}
	return 0
}

// take moves over a byte if it is the next.
func (c *cursor) take(b byte) bool {
	if c.peek() != b {
		return false
	}
	c.at++
	return true
}

// next moves over a comma, and tells whether the list that ends in end goes on.
func (c *cursor) next(end byte) bool {
	return c.take(',') || !c.take(end)
}

// string reads a string. Only one with escapes, or that is not UTF-8, needs
// the library.
func (c *cursor) string() (s string, err error) {
	if c.peek() != '"' {
		return "", fmt.Errorf("a string is expected, not %q", c.rest())
	}
	start := c.at
	escaped := false
	for c.at++; c.data[c.at] != '"'; c.at++ {
		if c.data[c.at] == '\\' {
			escaped = true
			c.at++
		}
	}
	c.at++
	literal := c.data[start:c.at]
	if escaped || !utf8.Valid(literal) {
		err = json.Unmarshal(literal, &s)
		return s, err
	}
	return string(literal[1 : len(literal)-1]), nil
}

// id reads an id.
func (c *cursor) id() (int32, error) {
	start := c.digits()
	n, err := strconv.ParseInt(string(c.data[start:c.at]), 10, 32)
	if err != nil {
		return 0, fmt.Errorf("an id is expected, not %q", (&cursor{c.data, start}).rest())
	}
	return int32(n), nil
}

// number reads a number.
func (c *cursor) number() (float64, error) {
	start := c.digits()
	literal := string(c.data[start:c.at])
	n, err := strconv.ParseFloat(literal, 64)
	if err != nil {
		return 0, fmt.Errorf("a number is expected, not %q", (&cursor{c.data, start}).rest())
	}
	return roundedTwice(literal, n), nil
}

// roundedTwice is a number as Hugging Face's library reads it: it rounds the
// digits as an integer, and again what a power of ten makes of them. The last
// bit decides where the scores of two ways to cut a text would be equal.
func roundedTwice(literal string, exact float64) float64 {
	digits, exponent := uint64(0), 0
	mantissa, power, _ := strings.Cut(strings.ToLower(literal), "e")
	whole, fraction, _ := strings.Cut(strings.TrimLeft(mantissa, "+-"), ".")
	for i, c := range whole + fraction {
		d := uint64(c - '0')
		if digits > (math.MaxUint64-d)/10 {
			exponent += max(0, len(whole)-i) // the rest of the digits do not count
			break
		}
		digits = 10*digits + d
		if i >= len(whole) {
			exponent--
		}
	}
	n, _ := strconv.Atoi(power) // "" is 0
	switch exponent += n; {
	case exponent < -31 || exponent > 31: // no score is so small or large
		return exact
	case exponent < 0:
		return math.Copysign(float64(digits)/math.Pow10(-exponent), exact)
	}
	return math.Copysign(float64(digits)*math.Pow10(exponent), exact)
}

// digits moves over what a number is written with, and returns its start.
func (c *cursor) digits() (start int) {
	c.peek()
	start = c.at
	for c.at < len(c.data) && bytes.IndexByte([]byte("+-.eE0123456789"), c.data[c.at]) >= 0 {
		c.at++
	}
	return start
}

// rest shows what is next, for a message.
func (c *cursor) rest() string {
	return shorten(string(c.data[c.at:min(c.at+80, len(c.data))]))
}

// readIDs reads an object of ids by name.
func readIDs(raw json.RawMessage) (map[string]int32, error) {
	c := &cursor{data: raw}
	names := make(map[string]int32, bytes.Count(raw, []byte(":")))
	if !c.take('{') {
		return nil, fmt.Errorf("an object is expected, not %q", c.rest())
	}
	for more := !c.take('}'); more; more = c.next('}') {
		name, err := c.string()
		if err != nil {
			return nil, err
		}
		c.take(':')
		if names[name], err = c.id(); err != nil {
			return nil, fmt.Errorf("%q: %w", shorten(name), err)
		}
	}
	return names, nil
}

// readMerges reads merges in the older form, "a b", or the newer, ["a", "b"].
func readMerges(raw json.RawMessage) (merges [][2]string, err error) {
	c := &cursor{data: raw}
	if !c.take('[') {
		return nil, fmt.Errorf("a list is expected, not %q", c.rest())
	}
	for more := !c.take(']'); more; more = c.next(']') {
		m, err := c.merge()
		if err != nil {
			return nil, fmt.Errorf("merge %d: %w", len(merges), err)
		}
		merges = append(merges, m)
	}
	return merges, nil
}

// merge reads a merge of either form.
func (c *cursor) merge() (m [2]string, err error) {
	if !c.take('[') {
		line, err := c.string()
		if err != nil {
			return m, err
		}
		return parseMerge(line)
	}
	for i := range m {
		if m[i], err = c.string(); err != nil {
			return m, err
		}
		if more := c.next(']'); more != (i == 0) {
			return m, fmt.Errorf("it has not two parts")
		}
	}
	return m, nil
}
