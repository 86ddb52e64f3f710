package plot_test

import (
	"bytes"
	"encoding/xml"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/internal/plot"
)

// sample has a pair of lines, one of dots and a logarithmic axis.
func sample() plot.Chart {
	return plot.Chart{
		Title: "Loss & speed", X: plot.Scale{Name: "parameters", Log: true}, Y: plot.Scale{Name: "nats per token", Zero: true},
		Lines: []plot.Line{
			{Name: "held out", X: []float64{1e4, 1e5, 3e6}, Y: []float64{5, 3, 2.5}},
			{Name: "training", X: []float64{1e4, 1e5, 3e6}, Y: []float64{5, 2, 1}, Pair: true},
			{Name: "measured", X: []float64{2e4, 2e6}, Y: []float64{4, 4}, Dots: true},
			{Name: "one", X: []float64{1e6}, Y: []float64{1}},
		},
	}
}

// words are the texts of a drawing.
func words(t *testing.T, c plot.Chart) (all []string) {
	t.Helper()
	var b bytes.Buffer
	if err := c.WriteSVG(&b); err != nil {
		t.Fatal(err)
	}
	d := xml.NewDecoder(&b)
	for {
		token, err := d.Token()
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		if chars, ok := token.(xml.CharData); ok {
			if s := strings.TrimSpace(string(chars)); s != "" {
				all = append(all, s)
			}
		}
	}
}

func TestSVGSaysAll(t *testing.T) {
	got := words(t, sample())
	for _, want := range []string{"Loss & speed", "parameters", "nats per token", "held out", "training", "measured", "10k", "1M", "5M", "0", "5"} {
		if !slices.Contains(got, want) {
			t.Errorf("the drawing lacks %q; it has %q", want, got)
		}
	}
}

// TestTicks holds the axes' numbers against what a person would write.
func TestTicks(t *testing.T) {
	tests := []struct {
		x    []float64
		log  bool
		want string
	}{
		{[]float64{0, 100}, false, "0 20 40 60 80 100"},
		{[]float64{0, 1.4e6}, false, "0 0.5M 1.0M 1.5M"},
		{[]float64{2.31, 2.34}, false, "2.31 2.32 2.33 2.34"},
		{[]float64{1e7, 3.5e8}, true, "10M 20M 50M 100M 200M 500M"},
		{[]float64{3e-4, 0.1}, true, "0.0002 0.0005 0.001 0.002 0.005 0.01 0.02 0.05 0.1"},
		{[]float64{1, 1e6}, true, "1 10 100 1000 10k 100k 1M"},
		{[]float64{5, 5}, true, "5 10"},
	}
	for _, test := range tests {
		c := plot.Chart{X: plot.Scale{Log: test.log}, Y: plot.Scale{Name: "y"}, Lines: []plot.Line{{X: test.x, Y: make([]float64, len(test.x))}}}
		all := words(t, c)
		y := slices.Index(all, "-0.6")
		if got := strings.Join(all[:max(y, 0)], " "); got != test.want {
			t.Errorf("%v: %q, want %q", test.x, got, test.want)
		}
	}
}

// TestPNGHasEachLine looks for the ink of each line where its last point is.
func TestPNGHasEachLine(t *testing.T) {
	c := sample()
	var b bytes.Buffer
	if err := c.WritePNG(&b); err != nil {
		t.Fatal(err)
	}
	if b.Len() > 40_000 {
		t.Errorf("the picture takes %d bytes", b.Len())
	}
	img, err := png.Decode(&b)
	if err != nil {
		t.Fatal(err)
	}
	inks := map[color.RGBA]int{}
	for y := range img.Bounds().Dy() {
		for x := range img.Bounds().Dx() {
			inks[color.RGBAModel.Convert(img.At(x, y)).(color.RGBA)]++
		}
	}
	first, second := inks[color.RGBA{0, 0x77, 0xbb, 255}], inks[color.RGBA{0xdd, 0x66, 0, 255}]
	if first < 400 || second < 400 || inks[color.RGBA{0, 0x99, 0x77, 255}] < 100 {
		t.Errorf("%d, %d points of the first two inks", first, second)
	}
	if img.Bounds() != image.Rect(0, 0, 1600, 1000) {
		t.Errorf("the picture is %v", img.Bounds())
	}
}

func TestRefuses(t *testing.T) {
	for name, change := range map[string]func(*plot.Chart){
		"no point":           func(c *plot.Chart) { c.Lines = c.Lines[:0] },
		"uneven":             func(c *plot.Chart) { c.Lines[0].X = c.Lines[0].X[:1] },
		"not a number":       func(c *plot.Chart) { c.Lines[0].Y[1] = math.NaN() },
		"zero on a log axis": func(c *plot.Chart) { c.Lines[0].X[0] = 0 },
	} {
		c := sample()
		change(&c)
		if err := c.WriteSVG(io.Discard); err == nil {
			t.Errorf("%s: SVG: no error", name)
		}
		if err := c.WritePNG(io.Discard); err == nil {
			t.Errorf("%s: PNG: no error", name)
		}
	}
}

// TestLabels: points with names have each of them once, beside the point and not on
// one another where there is room, and no place in the legend.
func TestLabels(t *testing.T) {
	c := plot.Chart{Lines: []plot.Line{{X: []float64{0, 0.5, 0.51, 1}, Y: []float64{0, 0.5, 0.5, 1}, Labels: []string{"north", "east", "west", "south"}}}}
	got := words(t, c)
	for _, want := range []string{"north", "east", "west", "south"} {
		if n := len(slices.DeleteFunc(slices.Clone(got), func(s string) bool { return s != want })); n != 1 {
			t.Errorf("%q stands %d times in the drawing", want, n)
		}
	}
	var b bytes.Buffer
	if err := c.WritePNG(&b); err != nil {
		t.Fatal(err)
	}
	c.Lines[0].Labels = c.Lines[0].Labels[1:]
	if err := c.WriteSVG(io.Discard); err == nil || !strings.Contains(err.Error(), "4 points and 3 labels") {
		t.Errorf("a label too few: %v", err)
	}
}
