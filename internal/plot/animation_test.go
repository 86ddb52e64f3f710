package plot_test

import (
	"bytes"
	"image"
	"image/color"
	"image/gif"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/inkstone-ai/inkstone/internal/plot"
)

func animate(t *testing.T, a *plot.Animation) *gif.GIF {
	t.Helper()
	var b bytes.Buffer
	if err := a.WriteGIF(&b); err != nil {
		t.Fatal(err)
	}
	g, err := gif.DecodeAll(&b)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// TestAnimationPixels: grey, and few colours, are exact in every frame.
func TestAnimationPixels(t *testing.T) {
	all := plot.Picture{H: 16, W: 16, C: 1}
	few := plot.Picture{H: 16, W: 16, C: 3}
	for i := range 256 {
		all.Pixels = append(all.Pixels, uint8(i))
		few.Pixels = append(few.Pixels, uint8(i), uint8(3*i), uint8(7*i))
	}
	frames := []plot.Picture{all, few, filled(16, 16, 1, 255)}
	g := animate(t, &plot.Animation{Frames: frames, Scale: 3, Delay: 250 * time.Millisecond})
	if len(g.Image) != 3 || g.LoopCount != 0 || g.Delay[0] != 25 || g.Delay[2] != 25 || g.Image[0].Bounds() != image.Rect(0, 0, 48, 48) {
		t.Fatalf("%d frames, loop %d, delays %v, %v", len(g.Image), g.LoopCount, g.Delay, g.Image[0].Bounds())
	}
	for n, f := range frames {
		for y := range 48 {
			for x := range 48 {
				i := (y/3*16 + x/3) * f.C
				want := color.RGBA{f.Pixels[i], f.Pixels[i], f.Pixels[i], 255}
				if f.C == 3 {
					want.G, want.B = f.Pixels[i+1], f.Pixels[i+2]
				}
				if got := color.RGBAModel.Convert(g.Image[n].At(x, y)); got != want {
					t.Fatalf("frame %d, row %d, column %d: %v, want %v", n, y, x, got, want)
				}
			}
		}
	}
	if g := animate(t, &plot.Animation{Frames: frames}); g.Delay[1] != 10 || g.Image[1].Bounds() != image.Rect(0, 0, 16, 16) {
		t.Errorf("by default a delay of %v and %v", g.Delay, g.Image[1].Bounds())
	}
}

// TestAnimationDithers: of more than 256 colours the mean over a neighbourhood is kept.
func TestAnimationDithers(t *testing.T) {
	p := plot.Picture{H: 32, W: 32, C: 3}
	for i := range 32 * 32 {
		p.Pixels = append(p.Pixels, uint8(100+i%32), uint8(60+i/32), uint8(i%7))
	}
	frame := animate(t, &plot.Animation{Frames: []plot.Picture{p}}).Image[0]
	for y := 0; y < 32; y += 16 {
		for x := 0; x < 32; x += 16 {
			var got, want [3]int
			for i := range 256 {
				c := color.RGBAModel.Convert(frame.At(x+i%16, y+i/16)).(color.RGBA)
				at := ((y+i/16)*32 + x + i%16) * 3
				for k, v := range []uint8{c.R, c.G, c.B} {
					got[k], want[k] = got[k]+int(v), want[k]+int(p.Pixels[at+k])
				}
			}
			for k := range got {
				if d := (got[k] - want[k]) / 256; d > 5 || d < -5 {
					t.Errorf("around row %d, column %d channel %d is %d, want %d", y, x, k, got[k]/256, want[k]/256)
				}
			}
		}
	}
}

func TestAnimationRefuses(t *testing.T) {
	p := filled(2, 2, 1, 0)
	for want, a := range map[string]plot.Animation{
		"no frame":                  {},
		"frame 2 is 3 × 2":          {Frames: []plot.Picture{p, filled(3, 2, 1, 0)}},
		"scale -1":                  {Frames: []plot.Picture{p}, Scale: -1},
		"scale 40000":               {Frames: []plot.Picture{p}, Scale: 40000},
		"a delay of 5ms":            {Frames: []plot.Picture{p}, Delay: 5 * time.Millisecond},
		"a delay of 1h":             {Frames: []plot.Picture{p}, Delay: time.Hour},
		"has 1 values (frame 2 of ": {Frames: []plot.Picture{p, {H: 2, W: 2, C: 1, Pixels: []uint8{1}}}},
	} {
		if err := a.WriteGIF(io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}
