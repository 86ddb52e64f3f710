package corpus

import (
	"fmt"
	"slices"
	"strings"
)

// Drawings are the styles in which [Images.Draw] draws a picture, bright ink on a dark ground,
// once more. Each pixel is whole-number arithmetic of the pixels around it.
//
//   - plain: as it is;
//   - bold: the brightest of the nine pixels around (Serra 1982, dilation);
//   - outline: what bold adds, the contour alone;
//   - thin: a line of one pixel in the middle of the strokes (Zhang & Suen 1984);
//   - emboss: as if pressed into grey paper, with light from the upper left;
//   - neon, in colour: white tubes that glow, magenta where the glow falls to the right and
//     cyan to the left, before a wall of bricks of four pixels.
func Drawings() []string { return []string{"plain", "bold", "outline", "thin", "emboss", "neon"} }

// Draw draws grey pictures in one of [Drawings], with their labels.
//
// Errors: pictures in colour; a style that there is not.
func (m *Images) Draw(style string) (*Images, error) {
	if m.C != 1 {
		return nil, fmt.Errorf("corpus: drawing: pictures of %d channels; read them with Channels 1, grey", m.C)
	}
	var draw func(c canvas) []uint8
	switch style {
	case "plain":
		draw = func(c canvas) []uint8 { return c.pixels }
	case "bold":
		draw = func(c canvas) []uint8 { return c.bold().pixels }
	case "outline":
		draw = canvas.outline
	case "thin":
		draw = canvas.thin
	case "emboss":
		draw = canvas.emboss
	case "neon":
		draw = canvas.neon
	default:
		return nil, fmt.Errorf("corpus: drawing %q is none of %s", style, strings.Join(Drawings(), ", "))
	}
	drawn := &Images{H: m.H, W: m.W, C: 1, Labels: slices.Clone(m.Labels), Classes: slices.Clone(m.Classes), Names: slices.Clone(m.Names)}
	for i := range m.Len() {
		drawn.Pixels = append(drawn.Pixels, draw(canvas{m.H, m.W, m.Image(i)})...)
	}
	if style == "neon" {
		drawn.C = 3
	}
	return drawn, nil
}

// A canvas is a grey picture (H, W).
type canvas struct {
	H, W   int
	pixels []uint8
}

// at is a pixel, 0 outside.
func (c canvas) at(y, x int) int {
	if y < 0 || x < 0 || y >= c.H || x >= c.W {
		return 0
	}
	return int(c.pixels[y*c.W+x])
}

// each makes a picture pixel by pixel.
func (c canvas) each(pixel func(y, x int) int) canvas {
	made := canvas{c.H, c.W, make([]uint8, len(c.pixels))}
	for i := range made.pixels {
		made.pixels[i] = uint8(min(max(pixel(i/c.W, i%c.W), 0), 255))
	}
	return made
}

func (c canvas) bold() canvas {
	return c.each(func(y, x int) (most int) {
		for i := range 9 {
			most = max(most, c.at(y+i/3-1, x+i%3-1))
		}
		return most
	})
}

func (c canvas) outline() []uint8 {
	bold := c.bold()
	return c.each(func(y, x int) int { return bold.at(y, x) - c.at(y, x) }).pixels
}

func (c canvas) emboss() []uint8 {
	return c.each(func(y, x int) int { return 128 + (c.at(y+1, x+1)-c.at(y-1, x-1))/2 }).pixels
}

// blur is the mean of the nine pixels around, three times.
func (c canvas) blur() canvas {
	for range 3 {
		from := c
		c = from.each(func(y, x int) (sum int) {
			for i := range 9 {
				sum += from.at(y+i/3-1, x+i%3-1)
			}
			return sum / 9
		})
	}
	return c
}

func (c canvas) neon() (rgb []uint8) {
	glow := c.blur()
	for i, core := range c.pixels {
		y, x := i/c.W, i%c.W
		wall := 44
		if y%4 == 3 || (x+y/4%2*2)%4 == 3 { // the joints
			wall = 12
		}
		gx, gy := glow.at(y, x+1)-glow.at(y, x-1), glow.at(y+1, x)-glow.at(y-1, x)
		red := 128 - 127*gx/(max(gx, -gx)+max(gy, -gy)+1) // of 255; the glow falls where the slope is negative
		light := 2 * glow.at(y, x)
		for _, share := range [3]int{red, 255 - red, 255} {
			rgb = append(rgb, uint8(min(255, max(int(core), wall+light*share/255))))
		}
	}
	return rgb
}
