package plot_test

import (
	"bytes"
	"image/color"
	"image/png"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/internal/plot"
)

// TestScorePixels: pictures of different heights stand under each other, in the same columns.
func TestScorePixels(t *testing.T) {
	s := &plot.Score{Pictures: []plot.Picture{filled(20, 3, 1, 255), filled(2, 3, 3, 10), filled(30, 3, 1, 0)}, Beside: []string{"a", "", "b"}, Scale: 1, Margin: 2}
	s.Pictures[0].Pixels[20*3-1] = 7 // its lower right corner
	var b bytes.Buffer
	if err := s.WritePNG(&b); err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(&b)
	if err != nil {
		t.Fatal(err)
	}
	right := img.Bounds().Dx() - 3 // the last column of pictures
	if h := img.Bounds().Dy(); h != 2+20+2+16+2+30+2 {
		t.Errorf("the score is %d high", h)
	}
	// A place is as high as its picture, or as a caption; the picture stands in its middle.
	for _, p := range []struct {
		y    int
		want uint8
	}{{1, 0xe0}, {2, 255}, {21, 7}, {22, 0xe0}, {30, 0xe0}, {31, 10}, {32, 10}, {33, 0xe0}, {41, 0xe0}, {42, 0}, {71, 0}, {72, 0xe0}} {
		if got := color.GrayModel.Convert(img.At(right, p.y)).(color.Gray).Y; got != p.want {
			t.Errorf("row %d is %d, want %d", p.y, got, p.want)
		}
	}
}

func TestScoreRefuses(t *testing.T) {
	for says, s := range map[string]*plot.Score{
		"0 pictures":          {},
		"1 pictures, 0 capti": {Pictures: []plot.Picture{filled(1, 1, 1, 0)}},
		"picture 2 is 2 wide": {Pictures: []plot.Picture{filled(1, 1, 1, 0), filled(1, 2, 1, 0)}, Beside: []string{"", ""}},
		"(picture 1 of a sco": {Pictures: []plot.Picture{{H: 1, W: 1, C: 2}}, Beside: []string{""}},
		"at most":             {Pictures: []plot.Picture{filled(100, 1000, 1, 0)}, Beside: []string{""}, Scale: 4096},
	} {
		if err := s.WritePNG(&bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("error %v, want %q", err, says)
		}
	}
}
