package corpus_test

import (
	"bytes"
	"encoding/binary"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/corpus"
)

// idx is a file of bytes in that form.
func idx(dims []int, values ...uint8) string {
	b := []byte{0, 0, 8, byte(len(dims))}
	for _, d := range dims {
		b = binary.BigEndian.AppendUint32(b, uint32(d))
	}
	return string(append(b, values...))
}

func TestReadImagesIDX(t *testing.T) {
	pictures, labels := idx([]int{3, 1, 2}, 0, 255, 7, 8, 9, 10), idx([]int{3}, 4, 0, 2)
	dir := write(t, map[string]string{
		"a-images-idx3-ubyte": pictures, "a-labels-idx1-ubyte": labels,
		"b-images.idx3-ubyte": zipped(pictures), "b-labels.idx1-ubyte.gz": zipped(labels),
		"pictures": pictures, "numbers": idx([]int{3}, 12, 11, 2),
	})
	at := func(name string) string { return filepath.Join(dir, name) }
	want, _ := readImages(t, corpus.ImageOptions{}, at("a-images-idx3-ubyte"))
	if want.H != 1 || want.W != 2 || want.C != 1 || !slices.Equal(want.Pixels, []uint8{0, 255, 7, 8, 9, 10}) || !slices.Equal(want.Labels, []int32{4, 0, 2}) {
		t.Errorf("read %+v", want)
	}
	if got := strings.Join(want.Classes, ""); got != "0123456789" || want.Names[2] != at("a-images-idx3-ubyte")+": item 3" {
		t.Errorf("classes %q, the third is %s", want.Classes, want.Names[2])
	}
	for _, paths := range [][]string{{at("b-images.idx3-ubyte")}, {at("pictures"), at("a-labels-idx1-ubyte")}} {
		got, said := readImages(t, corpus.ImageOptions{}, paths...)
		if got.Digest() != want.Digest() || len(said) > 0 {
			t.Errorf("%v: read %+v, heard %q", paths, got, said)
		}
	}
	bare, said := readImages(t, corpus.ImageOptions{}, at("pictures"))
	if bare.Labels != nil || len(said) != 1 || said[0] != "no labels: 1 IDX files, the first "+at("pictures") {
		t.Errorf("without labels: %v, heard %q", bare.Labels, said)
	}
	more, _ := readImages(t, corpus.ImageOptions{H: 2, W: 2, Channels: 3, Invert: true}, at("pictures"), at("numbers"), at("a-images-idx3-ubyte"))
	if !slices.Equal(more.Labels, []int32{12, 11, 2, 4, 0, 2}) || len(more.Classes) != 13 || more.Classes[10] != "10" || more.Len() != 6 {
		t.Errorf("two files: labels %v of %q", more.Labels, more.Classes)
	}
	if got := more.Image(0); len(got) != 12 || got[0] != 255 || got[3] != 0 {
		t.Errorf("0 255, to 2 × 2 × 3 and inverted: %v", got)
	}
}

func TestReadImagesIDXRefuses(t *testing.T) {
	good := idx([]int{2, 2, 2}, 1, 2, 3, 4, 5, 6, 7, 8)
	tests := []struct{ images, labels, want string }{
		{good[:2], "", "is no picture"},
		{good[:10], "", "x-images-idx3-ubyte: the header of 16 bytes ends at byte 10"},
		{good[:20], "", "x-images-idx3-ubyte: the dimensions [2 2 2] need 24 bytes, the file ends at byte 20"},
		{good + "more", "", "the file goes on at byte 24"},
		{zipped(good)[:30], "", "x-images-idx3-ubyte: after byte 24: unexpected EOF"},
		{idx([]int{2}, 1, 2), "", "byte 0: the magic number is 0x00000801, not 0x00000803; it is a file of labels"},
		{idx([]int{1, 1, 1, 1}, 1), "", "0x00000804, not 0x00000803; it has 4 dimensions"},
		{"\x00\x00\x0d\x03" + good[4:], "", "byte 0: the magic number is 0x00000d03"},
		{idx([]int{0, 2, 2}), "", "byte 4: dimension 1 is 0"},
		{idx([]int{2, 2, 0}), "", "byte 12: dimension 3 is 0"},
		{idx([]int{1, 1 << 30, 1 << 30}), "", "byte 8: pictures of 1073741824 × 1073741824"},
		{idx([]int{1<<32 - 1, 2, 2}, 1), "", "need 17179869196 bytes, the file ends at byte 17"},
		{good, idx([]int{3}, 1, 2, 3), "x-labels-idx1-ubyte has 3 labels and "},
		{good, idx([]int{2}, 1), "x-labels-idx1-ubyte: the dimensions [2] need 10 bytes, the file ends at byte 9"},
		{good, good, "x-labels-idx1-ubyte: byte 0: the magic number is 0x00000803, not 0x00000801; it is a file of pictures"},
	}
	for _, test := range tests {
		files := map[string]string{"x-images-idx3-ubyte": test.images}
		if test.labels != "" {
			files["x-labels-idx1-ubyte"] = test.labels
		}
		_, err := corpus.ReadImages(corpus.ImageOptions{}, filepath.Join(write(t, files), "x-images-idx3-ubyte"))
		if err == nil || !strings.Contains(err.Error(), test.want) || !strings.HasPrefix(err.Error(), "corpus: ") {
			t.Errorf("%.24q: error %v, want %q", test.images, err, test.want)
		}
	}
	few := write(t, map[string]string{"x-images-idx3-ubyte": good, "x-labels-idx1-ubyte": idx([]int{2}, 1, 5)})
	_, err := corpus.ReadImages(corpus.ImageOptions{Classes: []string{"0", "1"}}, filepath.Join(few, "x-images-idx3-ubyte"))
	if err == nil || !strings.Contains(err.Error(), `item 2 has the label "5", which is none of the 2 classes 0, 1`) {
		t.Errorf("label 5 of 2 classes: error %v", err)
	}
}

// FuzzReadIDX: no panic, and what is accepted is what the header says.
func FuzzReadIDX(f *testing.F) {
	f.Add([]byte(idx([]int{2, 1, 2}, 1, 2, 3, 4)), true)
	f.Add([]byte(idx([]int{2}, 1, 2)), false)
	f.Add([]byte(idx([]int{1<<32 - 1, 1 << 13, 1 << 13}, 1, 2, 3)), true)
	f.Add([]byte("\x00\x00\x08\x03\x00"), true)
	f.Fuzz(func(t *testing.T, file []byte, images bool) {
		magic := uint32(0x801)
		if images {
			magic = 0x803
		}
		dims, values, err := corpus.ReadIDX(bytes.NewReader(file), magic)
		if err != nil {
			return
		}
		if again := idx(dims, values...); again != string(file) {
			t.Errorf("%q was read as %v, %v", file, dims, values)
		}
	})
}
