package wordvec_test

import (
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/model/wordvec"
)

var sample = []float32{1, -0.5, 3e-8, 0.1, 12345.678, -1e20}

func vectors(t testing.TB, words []string, table []float32) *wordvec.Vectors {
	t.Helper()
	v, err := wordvec.NewVectors(words, table)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestForms: what is written in any form is read again, bit for bit, and the form
// is found in the file.
func TestForms(t *testing.T) {
	v := vectors(t, []string{"the", "naïve", "月"}, sample)
	for _, form := range []wordvec.Form{wordvec.Text, wordvec.Binary, wordvec.Plain} {
		var b bytes.Buffer
		if err := v.Write(&b, form); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "v")
		if err := os.WriteFile(path, b.Bytes(), 0o666); err != nil {
			t.Fatal(err)
		}
		got, err := wordvec.Open(path)
		if err != nil {
			t.Fatalf("%s: %v", form, err)
		}
		if !slices.Equal(got.Words(), v.Words()) || got.Width() != 2 {
			t.Errorf("%s: words %q of %d numbers", form, got.Words(), got.Width())
		}
		for i, w := range v.Words() {
			x, _ := got.Vector(w)
			testkit.SameBits(t, string(form)+": "+w, x, sample[2*i:2*i+2])
		}
	}
}

// TestForeignFiles reads what other writers make: a blank at the ends of lines
// (word2vec), CRLF, no newline after binary vectors (some of gensim's), a missing
// last newline, tabs.
func TestForeignFiles(t *testing.T) {
	number := binary.LittleEndian.AppendUint32(nil, math.Float32bits(0.25))
	tests := []struct{ name, file string }{
		{"word2vec's blank", "2 1\na 0.25 \nb 0.25 \n"},
		{"CRLF", "2 1\r\na 0.25\r\nb 0.25\r\n"},
		{"no last newline", "a 0.25\nb 0.25"},
		{"tabs", "a\t0.25\nb\t2.5e-1\n\n"},
		{"a byte order mark", "\ufeff2 1\na 0.25\nb 0.25\n"},
		{"a byte order mark and no header", "\ufeffa 0.25\nb 0.25\n"},
		{"binary with newlines", "2 1\na " + string(number) + "\nb " + string(number) + "\n"},
		{"binary without", "2 1\na " + string(number) + "b " + string(number)},
	}
	for _, tt := range tests {
		v, err := wordvec.Read([]byte(tt.file), "file")
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		for _, w := range []string{"a", "b"} {
			if x, ok := v.Vector(w); !ok || len(x) != 1 || x[0] != 0.25 {
				t.Errorf("%s: %q is %v", tt.name, w, x)
			}
		}
	}
}

func TestBadFiles(t *testing.T) {
	number := string(binary.LittleEndian.AppendUint32(nil, math.Float32bits(0.25)))
	nan := string(binary.LittleEndian.AppendUint32(nil, math.Float32bits(float32(math.NaN()))))
	tests := []struct{ name, file, says string }{
		{"empty", "", "v: it holds no vectors"},
		{"compressed", "\x1f\x8b\x08\x00", "v: it is compressed by gzip"},
		{"a word alone", "a\n", "v: line 1 has a word and 0 numbers, want 1"},
		{"one number too few", "2 2\na 1 2\nb 1\n", "v: line 3 has a word and 1 numbers, want 2"},
		{"one number too many", "a 1 2\nb 1 2 3\n", "v: line 2 has a word and 3 numbers, want 2"},
		{"an empty line inside", "a 1\n\nb 1\n", "v: line 2 has a word and 0 numbers, want 1"},
		{"fewer words than announced", "3 1\na 1\nb 1\n", "v: it ends after line 3 with 2 words, line 1 announces 3"},
		{"more words than announced", "1 1\na 1\nb 1\n", "v: line 3: line 1 announces 1 words, here is one more"},
		{"no number", "2 1\na 1\nb x\n", `v: line 3: number 1, "x", is no finite number`},
		{"NaN", "a 1\nb NaN\n", `v: line 2: number 1, "NaN", is no finite number`},
		{"too large", "a 1e39\n", "is no finite number"},
		{"twice", "a 1\nb 2\na 3\n", `v: line 3: the word "a" stands at line 1 already`},
		{"no UTF-8", "a 1\n\xff\xfe 2\n", "v: line 2: the word \"\\xff\\xfe\" is no UTF-8"},
		{"an absurd header", "999999999 999999999\na 1\n", "can not hold"},
		{"a header of nothing", "0 5\n", "v: line 1 announces 0 words"},
		{"binary that ends in a word", "2 1\na " + number + "\nb", "v: byte 12: it ends in word 2 of 2"},
		{"binary that ends in a number", "2 1\na " + number + "\nb " + number[:3], "it ends in word 2 of 2"},
		{"binary that goes on", "1 1\na " + number + "\nb " + number, "v: byte 11: line 1 announces 1 words, and 6 bytes follow"},
		{"binary, twice", "2 1\na " + number + "\na " + number, `v: byte 11: the word "a" stands at byte 4 already`},
		{"binary, NaN", "1 1\na " + nan, `number 1 of "a" is not finite`},
		{"binary, an empty word", "1 1\n " + number, "v: byte 4: an empty word"},
		{"binary, no UTF-8", "1 1\n\xff " + number, "is no UTF-8"},
	}
	for _, tt := range tests {
		v, err := wordvec.Read([]byte(tt.file), "v")
		if err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v, %v; want %q", tt.name, v, err, tt.says)
		}
	}
	if _, err := wordvec.Open(filepath.Join(t.TempDir(), "absent")); err == nil {
		t.Error("a file that is absent was read")
	}
}

func TestWriteRefuses(t *testing.T) {
	tests := []struct {
		word string
		x    float32
		says string
	}{
		{"a b", 1, "has a blank"}, {"", 1, "is empty"}, {"\xff", 1, "no UTF-8"}, {"a\x00", 1, "control character"}, {"a", float32(math.Inf(1)), "holds +Inf"},
	}
	for _, tt := range tests {
		v := vectors(t, []string{tt.word}, []float32{tt.x})
		for _, form := range []wordvec.Form{wordvec.Text, wordvec.Binary, wordvec.Plain} {
			if err := v.Write(&bytes.Buffer{}, form); err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%q, %g as %s: %v, want %q", tt.word, tt.x, form, err, tt.says)
			}
		}
	}
	marked := vectors(t, []string{"\ufeffa"}, sample)
	if err := marked.Write(&bytes.Buffer{}, wordvec.Plain); err == nil || !strings.Contains(err.Error(), "byte order mark") {
		t.Errorf("a first word that would be read as another: %v", err)
	}
	if err := marked.Write(&bytes.Buffer{}, wordvec.Text); err != nil {
		t.Error(err)
	}
	if err := vectors(t, []string{"a"}, sample).Write(&bytes.Buffer{}, "other"); err == nil {
		t.Error("an unknown form was written")
	}
}

// FuzzRead: a file of any bytes is read or refused, with no more memory than it
// justifies; what was read is written and read again as it was, in every form.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{
		"2 1\na 1\nb 2\n", "a 1 2\nb 3 4\n", "1 1\na \x00\x00\x80\x3f\n", "2 2\na \x00\x00\x80\x3f\x00\x00\x80\x3fb \x00\x00\x80\x3f\x00\x00\x80\x3f",
		"999999999 2\n", "1 1\n", "\xef\xbb\xbfa 1\n", "-1 -1\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		v, err := wordvec.Read(file, "file")
		if err != nil {
			if !strings.HasPrefix(err.Error(), "wordvec: file: ") {
				t.Errorf("the error does not name the file: %v", err)
			}
			return
		}
		for _, form := range []wordvec.Form{wordvec.Text, wordvec.Binary} {
			var b bytes.Buffer
			if err := v.Write(&b, form); err != nil {
				return // a word that this package does not write
			}
			again, err := wordvec.Read(b.Bytes(), "again")
			if err != nil {
				if form == wordvec.Binary {
					continue // few bytes that all look like text
				}
				t.Fatalf("%s: %v", form, err)
			}
			if form == wordvec.Text && !slices.Equal(again.Words(), v.Words()) {
				t.Fatalf("words %q became %q", v.Words(), again.Words())
			}
		}
	})
}
