package corpus_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/inkstone-ai/inkstone/corpus"
)

// TestWriteZip: what is written is read again, pixel for pixel, class for class.
func TestWriteZip(t *testing.T) {
	for _, C := range []int{1, 3} {
		for _, classes := range [][]string{{"2", "10"}, {"a", "b/c"}, nil} {
			m := &corpus.Images{H: 2, W: 3, C: C, Classes: classes}
			for i := range 12 * 2 * 3 * C {
				m.Pixels = append(m.Pixels, uint8(i*7))
			}
			if classes != nil {
				m.Labels = []int32{0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1} // in the order of the paths
			}
			if classes != nil && classes[0] == "2" {
				slices.Reverse(m.Labels) // 10 is before 2
			}
			var first, second bytes.Buffer
			for _, b := range []*bytes.Buffer{&first, &second} {
				if err := m.WriteZip(b); err != nil {
					t.Fatal(err)
				}
			}
			if !bytes.Equal(first.Bytes(), second.Bytes()) {
				t.Error("the same pictures give other bytes")
			}
			path := filepath.Join(t.TempDir(), "images.zip")
			if err := os.WriteFile(path, first.Bytes(), 0o666); err != nil {
				t.Fatal(err)
			}
			got, err := corpus.ReadImages(corpus.ImageOptions{}, path)
			if err != nil {
				t.Fatal(err)
			}
			if got.Digest() != m.Digest() {
				t.Errorf("%d channels, classes %v: read again %v, %d pictures, labels %v, other pixels or labels", C, classes, got.Classes, got.Len(), got.Labels)
			}
		}
	}
}

func TestWithoutEmpty(t *testing.T) {
	m := &corpus.Images{H: 1, W: 1, C: 1, Pixels: []uint8{1, 2, 3}, Labels: []int32{3, 1, 3}, Classes: []string{"a", "b", "c", "d"}}
	got, empty := m.WithoutEmpty()
	if !slices.Equal(got.Classes, []string{"b", "d"}) || !slices.Equal(got.Labels, []int32{1, 0, 1}) || !slices.Equal(empty, []string{"a", "c"}) {
		t.Errorf("got classes %v, labels %v and without a picture %v", got.Classes, got.Labels, empty)
	}
	if same, none := got.WithoutEmpty(); same != got || none != nil {
		t.Errorf("of whole classes: %v left out", none)
	}
}

// TestWritePNG: one picture of several, read again as it was.
func TestWritePNG(t *testing.T) {
	m := &corpus.Images{H: 1, W: 2, C: 3, Pixels: []uint8{0, 0, 0, 0, 0, 0, 1, 2, 3, 250, 251, 252}}
	var file bytes.Buffer
	if err := m.WritePNG(&file, 1); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "one.png")
	if err := os.WriteFile(path, file.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	one, err := corpus.ReadImages(corpus.ImageOptions{}, path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(one.Pixels, m.Image(1)) || one.C != 3 {
		t.Errorf("read %v, wrote %v", one.Pixels, m.Image(1))
	}
}
