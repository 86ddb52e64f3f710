package main

import (
	"bytes"
	"encoding/json"
	"image/gif"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/format"
)

// TestWhole goes through the experiment with a handful of updates: copies are copies, and
// the mean images are further from what is real than they are.
func TestWhole(t *testing.T) {
	m := &corpus.Images{H: 8, W: 8, C: 1, Classes: []string{"left", "right"}}
	for i := range 240 {
		m.Labels = append(m.Labels, int32(i%2))
		for j := range 64 {
			v := uint8(i*31+j*j) % 60
			if j%8/4 == i%2 {
				v += 180
			}
			m.Pixels = append(m.Pixels, v)
		}
	}
	data, out := filepath.Join(t.TempDir(), "halves.zip"), t.TempDir()
	if err := format.WriteFile(data, m.WriteZip); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := run(t.Context(), []string{"-out", out, "-steps", "3", "-number", "10", data}, &b); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(filepath.Join(out, "gan.json"))
	if err != nil {
		t.Fatal(err)
	}
	var r struct{ Rows []row }
	if err := json.Unmarshal(file, &r); err != nil {
		t.Fatal(err)
	}
	if len(r.Rows) != 4 || r.Rows[0].Of != 20 || r.Rows[2].Nearest != 0 || r.Rows[1].Frechet > 1e-6 || r.Rows[3].Frechet < 2*r.Rows[2].Frechet {
		t.Errorf("measured %s", file)
	}
	if got := strings.Count(b.String(), "\n|"); got != 6 {
		t.Errorf("a table of %d lines:\n%s", got, b.String())
	}
	for name, decode := range map[string]func(f *os.File) error{
		"gan.png": func(f *os.File) error { _, err := png.Decode(f); return err }, "gan.gif": func(f *os.File) error { _, err := gif.DecodeAll(f); return err },
	} {
		f, err := os.Open(filepath.Join(out, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := decode(f); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		f.Close()
	}
}

// TestMeans: by hand, of images of two pixels.
func TestMeans(t *testing.T) {
	m := &corpus.Images{H: 1, W: 2, C: 1, Classes: []string{"a", "b"}, Pixels: []uint8{0, 10, 4, 20, 7, 9}, Labels: []int32{0, 0, 1}}
	got := means(m, 2)
	if !slices.Equal(got.Pixels, []uint8{2, 15, 2, 15, 7, 9, 7, 9}) || !slices.Equal(got.Labels, []int32{0, 0, 1, 1}) {
		t.Errorf("means %v of %v", got.Pixels, got.Labels)
	}
	if part := some(m, 2); !slices.Equal(part.Pixels, []uint8{0, 10, 4, 20}) || len(part.Labels) != 2 {
		t.Errorf("two are %v", part.Pixels)
	}
	if part := some(m, 1); !slices.Equal(part.Labels, []int32{0}) || some(m, 9).Len() != 3 {
		t.Errorf("one is of class %v", part.Labels)
	}
}
