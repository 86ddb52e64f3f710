package corpus_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/corpus"
)

// sketch reads a picture of '#', 255, and '.', 0; digits are tenths of 250.
func sketch(lines ...string) *corpus.Images {
	m := &corpus.Images{H: len(lines), W: len(lines[0]), C: 1, Labels: []int32{0}, Classes: []string{"x"}, Names: []string{"sketch"}}
	for _, v := range []byte(strings.Join(lines, "")) {
		switch v {
		case '#':
			m.Pixels = append(m.Pixels, 255)
		case '.':
			m.Pixels = append(m.Pixels, 0)
		default:
			m.Pixels = append(m.Pixels, 25*(v-'0'))
		}
	}
	return m
}

func TestDrawingsByHand(t *testing.T) {
	blot := sketch(".....", ".....", "..8..", ".....", ".....")
	tests := []struct {
		style    string
		of, want *corpus.Images
	}{
		{"plain", blot, blot},
		{"bold", blot, sketch(".....", ".888.", ".888.", ".888.", ".....")},
		{"outline", blot, sketch(".....", ".888.", ".8.8.", ".888.", ".....")},
		{"thin", sketch("........", ".######.", ".######.", ".######.", "........"), sketch("........", "........", "..###...", "........", "........")},
		{"thin", sketch(".......", ".#####.", ".#####.", ".##.##.", ".#####.", ".#####.", "......."), sketch(".......", ".......", "..###..", "..#.#..", "..###..", ".......", ".......")}, // a ring stays one
		{"thin", sketch("4444", "4554", "4444"), sketch("....", "....", "....")},                                                                                                           // no ink below 128
	}
	for _, tt := range tests {
		got, err := tt.of.Draw(tt.style)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.Pixels, tt.want.Pixels) || got.H != tt.of.H || got.W != tt.of.W || got.C != 1 {
			t.Errorf("%s of %v is %v, want %v", tt.style, tt.of.Pixels, got.Pixels, tt.want.Pixels)
		}
		if !slices.Equal(got.Labels, tt.of.Labels) || !slices.Equal(got.Names, tt.of.Names) || !slices.Equal(got.Classes, tt.of.Classes) {
			t.Errorf("%s lost the labels %v of %v or the names %v", tt.style, got.Labels, got.Classes, got.Names)
		}
	}
	emboss, err := blot.Draw("emboss")
	if err != nil {
		t.Fatal(err)
	}
	want := bytes.Repeat([]byte{128}, 25)
	want[6], want[18] = 228, 28 // light from the upper left: bright before the ink, dark behind it
	if !bytes.Equal(emboss.Pixels, want) {
		t.Errorf("emboss is %v, want %v", emboss.Pixels, want)
	}
}

// TestNeon: white where ink is, colour beside it by side, the wall far from it.
func TestNeon(t *testing.T) {
	line := strings.Repeat(".", 10) + "##" + strings.Repeat(".", 10)
	m, err := sketch(slices.Repeat([]string{line}, 9)...).Draw("neon")
	if err != nil {
		t.Fatal(err)
	}
	at := func(y, x int) [3]uint8 { return [3]uint8(m.Pixels[3*(y*m.W+x):]) }
	if m.C != 3 || at(4, 10) != [3]uint8{255, 255, 255} {
		t.Errorf("%d channels, ink is %v", m.C, at(4, 10))
	}
	if left, right := at(4, 8), at(4, 13); left[1] <= left[0] || right[0] <= right[1] || left[2] < left[1] {
		t.Errorf("the glow is %v left of the ink and %v right of it", left, right)
	}
	if at(4, 0) != [3]uint8{44, 44, 44} || at(3, 0) != [3]uint8{12, 12, 12} || at(4, 1) != [3]uint8{12, 12, 12} {
		t.Errorf("the wall is %v, its joints %v and %v", at(4, 0), at(3, 0), at(4, 1))
	}
}

func TestDrawRefuses(t *testing.T) {
	colour := &corpus.Images{H: 1, W: 1, C: 3, Pixels: []uint8{1, 2, 3}}
	if _, err := colour.Draw("bold"); err == nil || !strings.Contains(err.Error(), "3 channels") {
		t.Errorf("colour is drawn with the error %v", err)
	}
	if _, err := sketch("#").Draw("oil"); err == nil || !strings.Contains(err.Error(), `"oil" is none of plain, bold`) {
		t.Errorf("oil is drawn with the error %v", err)
	}
	for _, style := range corpus.Drawings() {
		if _, err := sketch("#").Draw(style); err != nil {
			t.Errorf("%s: %v", style, err)
		}
	}
}

// TestPairsOfPictures: beside each other and apart again; grey becomes colour beside colour.
func TestPairsOfPictures(t *testing.T) {
	a := &corpus.Images{H: 2, W: 1, C: 1, Pixels: []uint8{1, 2, 3, 4}, Labels: []int32{0, 1}, Classes: []string{"x", "y"}, Names: []string{"first", "second"}}
	b := &corpus.Images{H: 2, W: 1, C: 3, Pixels: []uint8{10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21}}
	pairs, err := corpus.Beside(a, b)
	if err != nil {
		t.Fatal(err)
	}
	want := []uint8{1, 1, 1, 10, 11, 12, 2, 2, 2, 13, 14, 15, 3, 3, 3, 16, 17, 18, 4, 4, 4, 19, 20, 21}
	if !bytes.Equal(pairs.Pixels, want) || pairs.W != 2 || pairs.C != 3 || !slices.Equal(pairs.Labels, a.Labels) || !slices.Equal(pairs.Names, a.Names) {
		t.Errorf("pairs are %v of %d × %d × %d, labels %v, names %v", pairs.Pixels, pairs.H, pairs.W, pairs.C, pairs.Labels, pairs.Names)
	}
	left, right, err := pairs.Halves()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(right.Pixels, b.Pixels) || !bytes.Equal(left.Pixels, []uint8{1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4}) || right.W != 1 || !slices.Equal(right.Labels, a.Labels) {
		t.Errorf("apart they are %v and %v", left.Pixels, right.Pixels)
	}
	if _, err := corpus.Beside(a, &corpus.Images{H: 2, W: 2, C: 1, Pixels: make([]uint8, 8)}); err == nil {
		t.Error("pictures of other sizes are pairs")
	}
	if _, _, err := (&corpus.Images{H: 1, W: 3, C: 1}).Halves(); err == nil || !strings.Contains(err.Error(), "3 columns") {
		t.Errorf("three columns have halves, with the error %v", err)
	}
}
