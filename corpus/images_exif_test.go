package corpus_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/corpus"
)

// withExif puts a segment with one directory of two entries behind a JPEG's first bytes.
func withExif(jpg, tiff string) string {
	data := "Exif\x00\x00" + tiff
	return jpg[:2] + "\xff\xe1" + string([]byte{0, byte(2 + len(data))}) + data + jpg[2:]
}

const (
	big    = "MM\x00\x2a\x00\x00\x00\x08\x00\x02\x01\x00\x00\x03\x00\x00\x00\x01\x00\x09\x00\x00\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00\x00\x00\x00\x00"
	little = "II\x2a\x00\x08\x00\x00\x00\x01\x00\x12\x01\x03\x00\x01\x00\x00\x00\x03\x00\x00\x00\x00\x00\x00\x00"
)

func TestReadImagesTurned(t *testing.T) {
	jpg := encoded(t, "jpg", flat(4, 4, gray(9)))
	tests := []struct {
		name, file string
		said       bool
	}{
		{"plain", jpg, false},
		{"turned right", withExif(jpg, big), true},
		{"turned around", withExif(jpg, little), true},
		{"upright", withExif(jpg, strings.Replace(big, "\x00\x06", "\x00\x01", 1)), false},
		{"no orientation", withExif(jpg, strings.Replace(big, "\x01\x12", "\x01\x13", 1)), false},
		{"behind another segment", jpg[:2] + "\xff\xe0\x00\x04ab" + withExif(jpg, big)[2:], true},
		{"directory outside", withExif(jpg, big[:4]+"\xff\xff\xff\xff"), false},
		{"half a directory", withExif(jpg, big[:30]), false},
	}
	for _, test := range tests {
		dir := write(t, map[string]string{"x.jpg": test.file})
		_, said := readImages(t, corpus.ImageOptions{}, dir)
		want := "the camera's note that a picture is turned (Exif orientation) is not applied: 1 of 1 pictures, the first " + filepath.Join(dir, "x.jpg")
		if got := strings.Join(said, " "); test.said && got != want || !test.said && got != "" {
			t.Errorf("%s: Notice heard %q", test.name, got)
		}
	}
}

// FuzzDecodePicture: no panic, and a picture is as large as it says.
func FuzzDecodePicture(f *testing.F) {
	for _, ending := range []string{"png", "jpg", "gif", "bmp"} {
		f.Add([]byte(encoded(f, ending, flat(3, 2, gray(200)))))
	}
	f.Add([]byte(flatWebP(3, 2, 1, 2, 3)))
	f.Add([]byte(withExif(encoded(f, "jpg", flat(1, 1, gray(1))), big)))
	f.Fuzz(func(t *testing.T, file []byte) {
		corpus.Turned(file)
		if pic, err := corpus.DecodePicture(file); err == nil && len(pic.Pix) != 4*pic.Bounds().Dx()*pic.Bounds().Dy() {
			t.Errorf("%v has %d bytes", pic.Bounds(), len(pic.Pix))
		}
	})
}
