package plot_test

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/internal/plot"
)

// filled is a picture of one value in every channel.
func filled(h, w, c int, v uint8) plot.Picture {
	return plot.Picture{H: h, W: w, C: c, Pixels: bytes.Repeat([]byte{v}, h*w*c)}
}

func gridPNG(t *testing.T, g *plot.Grid) image.Image {
	t.Helper()
	var b bytes.Buffer
	if err := g.WritePNG(&b); err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(&b)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// TestGridPixels holds every pixel of a small grid against a drawing of it.
func TestGridPixels(t *testing.T) {
	g := &plot.Grid{
		Pictures: []plot.Picture{
			{}, {H: 2, W: 1, C: 1, Pixels: []uint8{0, 255}}, {H: 1, W: 2, C: 3, Pixels: []uint8{1, 2, 3, 250, 0, 9}},
		},
		Columns: 2, Scale: 2, Margin: 1,
	}
	const drawing = `
...........
.......KK..
.......KK..
.......WW..
.......WW..
...........
...........
.AABB......
.AABB......
...........
...........`
	inks := map[byte]color.RGBA{'.': {0xe0, 0xe0, 0xe0, 255}, 'K': {0, 0, 0, 255}, 'W': {255, 255, 255, 255}, 'A': {1, 2, 3, 255}, 'B': {250, 0, 9, 255}}
	img := gridPNG(t, g)
	rows := strings.Fields(drawing)
	if img.Bounds() != image.Rect(0, 0, len(rows[0]), len(rows)) {
		t.Fatalf("the grid is %v", img.Bounds())
	}
	for y, row := range rows {
		for x := range row {
			if got := color.RGBAModel.Convert(img.At(x, y)); got != inks[row[x]] {
				t.Errorf("row %d, column %d: %v, want %v", y, x, got, inks[row[x]])
			}
		}
	}
}

// TestGridCaptions: the pictures stand below and right of the captions, and there is ink
// over each column and beside each row, and none between.
func TestGridCaptions(t *testing.T) {
	g := &plot.Grid{Columns: 3, Above: []string{"real", "a caption wider than its column", "x"}, Beside: []string{"first", "2"}}
	for range 6 {
		g.Pictures = append(g.Pictures, filled(40, 40, 1, 255))
	}
	img := gridPNG(t, g)
	if _, ok := img.(*image.Gray); !ok {
		t.Errorf("a grid of grey pictures is written as %T", img)
	}
	white, ink := map[image.Point]bool{}, map[image.Point]bool{}
	var corners []image.Point
	for y := range img.Bounds().Dy() {
		for x := range img.Bounds().Dx() {
			p := image.Pt(x, y)
			switch v := color.GrayModel.Convert(img.At(x, y)).(color.Gray).Y; {
			case v == 255:
				white[p] = true
				if !white[p.Sub(image.Pt(1, 0))] && !white[p.Sub(image.Pt(0, 1))] {
					corners = append(corners, p)
				}
			case v < 100:
				ink[p] = true
			}
		}
	}
	if len(corners) != 6 || len(white) != 6*1600 {
		t.Fatalf("%d pictures, %d white pixels", len(corners), len(white))
	}
	inked := func(r image.Rectangle) (n int) {
		for p := range ink {
			if p.In(r) {
				n++
			}
		}
		return n
	}
	total := 0
	for _, c := range corners[:3] { // a caption is centred on its picture
		if n := inked(image.Rect(c.X, 0, c.X+40, corners[0].Y)); n < 5 {
			t.Errorf("%d dark pixels above the picture at %v", n, c)
		}
	}
	for _, row := range [][2]int{{corners[0].Y, 40}, {corners[3].Y, 12}} {
		n := inked(image.Rect(0, row[0], corners[0].X, row[0]+40))
		if total += n; n < row[1]/2 {
			t.Errorf("%d dark pixels beside the row at %d", n, row[0])
		}
	}
	if total += inked(image.Rect(0, 0, img.Bounds().Dx(), corners[0].Y)); total != len(ink) {
		t.Errorf("%d of %d dark pixels are captions", total, len(ink))
	}
}

func TestGridDefaults(t *testing.T) {
	var g plot.Grid
	for range 7 {
		g.Pictures = append(g.Pictures, filled(5, 5, 3, 9))
	}
	if got := gridPNG(t, &g).Bounds(); got != image.Rect(0, 0, 4+3*9, 4+3*9) { // 3 × 3, two places of the last row are empty
		t.Errorf("seven pictures of 5 × 5: %v", got)
	}
}

func TestFloats(t *testing.T) {
	p, err := plot.Floats(1, 2, 3, []float32{0, 0.5, 1, -7, 7, 0.1})
	if want := []byte{0, 128, 255, 0, 255, 26}; err != nil || !bytes.Equal(p.Pixels, want) {
		t.Errorf("%v, want %v, error %v", p.Pixels, want, err)
	}
	nan := float32(0)
	nan /= nan
	if _, err := plot.Floats(2, 2, 1, []float32{0, 0, 0, nan}); err == nil || !strings.Contains(err.Error(), "row 1, column 1, channel 0 is not a number") {
		t.Errorf("NaN: error %v", err)
	}
	if _, err := plot.Floats(2, 2, 1, []float32{0}); err == nil || !strings.Contains(err.Error(), "2 × 2 × 1 has 1 values") {
		t.Errorf("too few: error %v", err)
	}
}

func TestGridRefuses(t *testing.T) {
	white := filled(2, 2, 1, 255)
	for want, g := range map[string]plot.Grid{
		"no picture":                    {},
		"all 2 places are empty":        {Pictures: make([]plot.Picture, 2)},
		"-1 columns":                    {Pictures: []plot.Picture{white}, Columns: -1},
		"scale -1":                      {Pictures: []plot.Picture{white}, Scale: -1},
		"margin -1":                     {Pictures: []plot.Picture{white}, Margin: -1},
		"2 captions above 1 columns":    {Pictures: []plot.Picture{white}, Above: []string{"a", "b"}},
		"2 captions beside 1 rows":      {Pictures: []plot.Picture{white}, Beside: []string{"a", "b"}},
		"2 × 2 × 3 has 4 values (pictu": {Pictures: []plot.Picture{{H: 2, W: 2, C: 3, Pixels: white.Pixels}}},
		"2 × 2 pixels of 2 channels":    {Pictures: []plot.Picture{{H: 2, W: 2, C: 2, Pixels: white.Pixels}}},
		"give a smaller scale":          {Pictures: []plot.Picture{filled(10, 10, 1, 0)}, Scale: 4000},
	} {
		if err := g.WritePNG(io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	path := filepath.Join(t.TempDir(), "grid.png")
	good, bad := plot.Grid{Pictures: []plot.Picture{white}}, plot.Grid{}
	if err := format.WriteFile(path, good.WritePNG); err != nil {
		t.Fatal(err)
	}
	if err := format.WriteFile(path, bad.WritePNG); err == nil {
		t.Error("a grid without a picture was written")
	}
	if data, err := os.ReadFile(path); err != nil || !bytes.HasPrefix(data, []byte("\x89PNG")) {
		t.Errorf("the earlier file is gone: %v", err)
	}
}
