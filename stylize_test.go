package inkstone_test

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/style"
)

// sheet is a picture of H × W × C in a file of its own.
func sheet(t *testing.T, H, W, C int, pixel func(y, x, c int) uint8) string {
	t.Helper()
	m := &corpus.Images{H: H, W: W, C: C}
	for i := range H * W * C {
		m.Pixels = append(m.Pixels, pixel(i/C/W, i/C%W, i%C))
	}
	return zipped(t, m)
}

// features is the folder of a CNN of pictures of so many channels.
func features(t *testing.T, C int) string {
	t.Helper()
	r, err := inkstone.TrainImages(t.Context(), inkstone.ImageOptions{
		Data: []string{planks(t, 20, C)}, Out: filepath.Join(t.TempDir(), "cnn"), Threads: 1,
		Settings: inkstone.ImageSettings{Depth: 2, Width: 8, Rows: 8, Steps: 15},
	})
	if err != nil {
		t.Fatal(err)
	}
	return r.Dir
}

// TestStylize: of CNNs and pictures in grey and in colour; other sizes than the CNN was
// trained on; the style comes nearer.
func TestStylize(t *testing.T) {
	ramp := func(y, x, c int) uint8 { return uint8(60 + 3*y + 40*c) }
	weave := func(y, x, c int) uint8 { return uint8(255 * ((x/2 + c) % 2)) }
	for _, C := range []int{1, 3} {
		model := features(t, C)
		for _, content := range []int{1, 3} {
			o := inkstone.StylizeOptions{
				Model: model, Content: sheet(t, 20, 13, content, ramp), Style: sheet(t, 9, 30, 3, weave), Threads: 1, Options: style.Options{Steps: 10},
			}
			made, err := inkstone.Stylize(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			p := made.Picture
			if p.H != 20 || p.W != 13 || p.C != max(C, content) || made.Start.Content != 0 || made.End.Style >= made.Start.Style {
				t.Errorf("CNN of %d channels, content of %d: a picture of %d × %d × %d, losses %v and %v", C, content, p.H, p.W, p.C, made.Start, made.End)
			}
			o.Threads = 2
			again, err := inkstone.Stylize(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(again.Picture.Pixels, p.Pixels) {
				t.Errorf("CNN of %d channels, content of %d: two threads make another picture", C, content)
			}
		}
	}
}

// TestStylizeKeepsColours: a CNN of grey pictures moves the luma alone, all channels of a
// pixel by as much.
func TestStylizeKeepsColours(t *testing.T) {
	content := sheet(t, 16, 16, 3, func(y, x, c int) uint8 { return uint8(90 + 30*c + x) })
	made, err := inkstone.Stylize(t.Context(), inkstone.StylizeOptions{
		Model: features(t, 1), Content: content, Style: sheet(t, 16, 16, 1, func(y, x, _ int) uint8 { return uint8(200 * (y / 2 % 2)) }),
		Threads: 1, Options: style.Options{Steps: 10, LR: 0.01},
	})
	if err != nil {
		t.Fatal(err)
	}
	moved := 0
	for i := 0; i < len(made.Picture.Pixels); i += 3 {
		by := func(c int) int { return int(made.Picture.Pixels[i+c]) - (90 + 30*c + i/3%16) }
		if by(0) != by(1) || by(1) != by(2) {
			t.Fatalf("pixel %d moved by %d, %d, %d", i/3, by(0), by(1), by(2))
		}
		if by(0) != 0 {
			moved++
		}
	}
	if moved < 100 {
		t.Errorf("%d of 256 pixels moved", moved)
	}
}

// TestStylizeSize: both are resized by the longer side, which is said, and a picture that is
// too small or too many are refused.
func TestStylizeSize(t *testing.T) {
	grey := func(y, x, _ int) uint8 { return uint8(8*x + y) }
	model := features(t, 1)
	var said []string
	o := inkstone.StylizeOptions{
		Model: model, Content: sheet(t, 20, 10, 1, grey), Style: sheet(t, 16, 16, 1, grey), Size: 16, Threads: 1, Options: style.Options{Steps: 1},
		Notice: func(s string) { said = append(said, s) },
	}
	made, err := inkstone.Stylize(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if p := made.Picture; p.H != 16 || p.W != 8 || len(said) != 1 || !strings.Contains(said[0], "resized to 16 × 8") {
		t.Errorf("a picture of %d × %d; said %q", p.H, p.W, said)
	}
	o.Size = 3
	if _, err := inkstone.Stylize(t.Context(), o); err == nil || !strings.Contains(err.Error(), "the network looks at 4 × 4 at least") {
		t.Errorf("3 pixels: %v", err)
	}
	many := filepath.Join(t.TempDir(), "many.zip")
	if err := format.WriteFile(many, slopes(2).WriteZip); err != nil {
		t.Fatal(err)
	}
	o.Size, o.Style = 0, many
	if _, err := inkstone.Stylize(t.Context(), o); err == nil || !strings.Contains(err.Error(), "2 pictures: want one") {
		t.Errorf("two pictures: %v", err)
	}
}
