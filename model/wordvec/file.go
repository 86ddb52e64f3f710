package wordvec

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A Form is a way in which files hold vectors.
type Form string

// Forms of vector files.
const (
	Text   Form = "text"   // word2vec's: a line "V C", then a line a word: the word and C numbers
	Binary Form = "binary" // word2vec's: a line "V C", then each word, a blank and C float32, little-endian
	Plain  Form = "glove"  // GloVe's: as Text, without the first line
)

// byteOrderMark is no part of a file's first word.
const byteOrderMark = "\ufeff"

// Open reads the file at path, whose form is found in its contents: with a first
// line of two numbers it is word2vec's, and binary where what follows is no text.
//
// Errors name the file and the line, or in a binary file the byte: a count of words
// or numbers other than announced, a number that is none or not finite, a word that
// is empty, no UTF-8 or there twice, a file that ends early or goes on.
func Open(path string) (*Vectors, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("wordvec: %w", err)
	}
	return Read(b, path)
}

// Read is [Open] for a file that is in memory; name stands for it in errors.
func Read(file []byte, name string) (*Vectors, error) {
	if bytes.HasPrefix(file, []byte("\x1f\x8b")) {
		return nil, fmt.Errorf("wordvec: %s: it is compressed by gzip: decompress it first", name)
	}
	file = bytes.TrimPrefix(file, []byte(byteOrderMark)) // of a text that an editor has saved
	r := &reader{name: name, file: file}
	count, width, ok := r.header()
	form := Plain
	if ok {
		if form = Text; binaryAfter(file[r.at:]) {
			form = Binary
		}
	}
	v, err := r.read(form, count, width)
	if err != nil {
		return nil, fmt.Errorf("wordvec: %s: %w", name, err)
	}
	return v, nil
}

// A reader goes through a file of vectors.
type reader struct {
	name string
	file []byte
	at   int // bytes read
	line int // lines read

	words []string
	seen  map[string]int // the line, or the byte, at which a word stands
	table []float32
}

// header reads word2vec's first line, where the file has one.
func (r *reader) header() (count, width int, ok bool) {
	line, _, found := bytes.Cut(r.file[:min(len(r.file), 64)], []byte("\n"))
	f := strings.Fields(string(line))
	if !found || len(f) != 2 {
		return 0, 0, false
	}
	count, err1 := strconv.Atoi(f[0])
	width, err2 := strconv.Atoi(f[1])
	if err1 != nil || err2 != nil {
		return 0, 0, false
	}
	r.at, r.line = len(line)+1, 1
	return count, width, true
}

// binaryAfter tells float32 from text, in which no control characters stand but
// blanks and ends of lines.
func binaryAfter(b []byte) bool {
	const enough = 1 << 16
	for _, c := range b[:min(len(b), enough)] {
		if c < ' ' && c != '\n' && c != '\t' && c != '\r' || c == 0x7f {
			return true
		}
	}
	return false
}

func (r *reader) read(form Form, count, width int) (*Vectors, error) {
	if form != Plain {
		// A word takes two bytes and a number two, or four: a header that asks for more
		// memory than the file can fill is refused before it is allocated.
		if count < 1 || width < 1 || count > len(r.file)/width {
			return nil, fmt.Errorf("line 1 announces %d words of %d numbers, which %d bytes can not hold", count, width, len(r.file))
		}
	}
	r.seen = make(map[string]int, count)
	r.table = make([]float32, 0, count*width)
	var err error
	if form == Binary {
		err = r.binary(count, width)
	} else {
		err = r.text(form, count, width)
	}
	if err != nil {
		return nil, err
	}
	return NewVectors(r.words, r.table)
}

// text reads the lines; of a file without a header the first tells the width.
func (r *reader) text(form Form, count, width int) error {
	for r.at < len(r.file) {
		line, _, _ := bytes.Cut(r.file[r.at:], []byte("\n"))
		r.at += len(line) + 1
		r.line++
		line = bytes.TrimRight(line, " \r\t")
		if len(line) == 0 && len(bytes.TrimSpace(r.file[min(r.at, len(r.file)):])) == 0 {
			break // empty lines at the end
		}
		f := bytes.FieldsFunc(line, func(c rune) bool { return c == ' ' || c == '\t' })
		if width == 0 && len(f) > 1 {
			width = len(f) - 1
		}
		if len(f) != width+1 || width == 0 {
			return fmt.Errorf("line %d has a word and %d numbers, want %d", r.line, max(0, len(f)-1), max(1, width))
		}
		if form == Text && len(r.words) == count {
			return fmt.Errorf("line %d: line 1 announces %d words, here is one more", r.line, count)
		}
		if err := r.word(f[0], r.line, "line"); err != nil {
			return err
		}
		if err := r.numbers(f[1:]); err != nil {
			return err
		}
	}
	if form == Text && len(r.words) != count {
		return fmt.Errorf("it ends after line %d with %d words, line 1 announces %d", r.line, len(r.words), count)
	}
	if len(r.words) == 0 {
		return fmt.Errorf("it holds no vectors")
	}
	return nil
}

func (r *reader) numbers(f [][]byte) error {
	for i, text := range f {
		x, err := strconv.ParseFloat(string(text), 32)
		if err != nil || math.IsNaN(x) || math.IsInf(x, 0) {
			return fmt.Errorf("line %d: number %d, %q, is no finite number", r.line, i+1, shorten(text))
		}
		r.table = append(r.table, float32(x))
	}
	return nil
}

// word takes a word, at the line or byte given.
func (r *reader) word(b []byte, at int, unit string) error {
	switch before, twice := r.seen[string(b)]; {
	case !utf8.Valid(b):
		return fmt.Errorf("%s %d: the word %q is no UTF-8", unit, at, shorten(b))
	case len(b) == 0:
		return fmt.Errorf("%s %d: an empty word", unit, at)
	case twice:
		return fmt.Errorf("%s %d: the word %q stands at %s %d already", unit, at, shorten(b), unit, before)
	}
	w := string(b)
	r.seen[w] = at
	r.words = append(r.words, w)
	return nil
}

// binary reads words and float32; writers differ in whether a line ends after each.
func (r *reader) binary(count, width int) error {
	for n := range count {
		for r.at < len(r.file) && r.file[r.at] == '\n' {
			r.at++
		}
		start := r.at
		word, _, found := bytes.Cut(r.file[r.at:], []byte(" "))
		if !found || len(r.file)-start-len(word)-1 < 4*width {
			return fmt.Errorf("byte %d: it ends in word %d of %d", len(r.file), n+1, count)
		}
		if err := r.word(word, start, "byte"); err != nil {
			return err
		}
		r.at += len(word) + 1
		for i := range width {
			x := math.Float32frombits(binary.LittleEndian.Uint32(r.file[r.at:]))
			if f := float64(x); math.IsNaN(f) || math.IsInf(f, 0) {
				return fmt.Errorf("byte %d: number %d of %q is not finite", r.at, i+1, shorten(word))
			}
			r.table = append(r.table, x)
			r.at += 4
		}
	}
	if rest := bytes.TrimLeft(r.file[r.at:], "\n"); len(rest) > 0 {
		return fmt.Errorf("byte %d: line 1 announces %d words, and %d bytes follow them", len(r.file)-len(rest), count, len(rest))
	}
	return nil
}

func shorten(b []byte) []byte { return b[:min(len(b), 40)] }

// Write writes the vectors in the form given.
//
// Errors: a word that the form can not hold, such as one with a blank; a number that
// is not finite; those of w.
func (v *Vectors) Write(w io.Writer, form Form) error {
	b := bufio.NewWriter(w)
	switch form {
	case Text, Binary:
		fmt.Fprintf(b, "%d %d\n", len(v.words), v.width)
	case Plain:
	default:
		return fmt.Errorf("wordvec: form %q is none of %s, %s and %s", form, Text, Binary, Plain)
	}
	var number []byte
	for i, word := range v.words {
		marked := form == Plain && i == 0 && strings.HasPrefix(word, byteOrderMark)
		if word == "" || marked || strings.ContainsFunc(word, splitsWord) || !utf8.ValidString(word) {
			return fmt.Errorf("wordvec: the word %q, number %d, can not stand in a file of vectors: it is empty, has a blank or a control character, is no UTF-8, or begins the file with a byte order mark", word, i+1)
		}
		b.WriteString(word)
		if form == Binary {
			b.WriteByte(' ')
		}
		for _, x := range v.row(i) {
			if f := float64(x); math.IsNaN(f) || math.IsInf(f, 0) {
				return fmt.Errorf("wordvec: the vector of %q holds %g", word, x)
			}
			if form == Binary {
				number = binary.LittleEndian.AppendUint32(number[:0], math.Float32bits(x))
			} else { // the shortest digits that give the same float32 again
				number = strconv.AppendFloat(append(number[:0], ' '), float64(x), 'g', -1, 32)
			}
			b.Write(number)
		}
		b.WriteByte('\n')
	}
	if err := b.Flush(); err != nil {
		return fmt.Errorf("wordvec: %w", err)
	}
	return nil
}

// splitsWord reports characters that would end a word, or make a text look binary.
func splitsWord(r rune) bool { return r <= ' ' || r == 0x7f }

// FormOf is the form that a file's name asks for: .bin is binary, .glove GloVe's,
// all else word2vec's text.
func FormOf(path string) Form {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".bin":
		return Binary
	case ".glove":
		return Plain
	}
	return Text
}
