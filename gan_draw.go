package inkstone

import (
	"io"
	"math"
	"slices"
	"time"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/internal/plot"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/model/gan"
	"github.com/inkstone-ai/inkstone/tensor"
)

// mostDrawn is how many classes are drawn where none is named, and images of one where no
// number is.
const mostDrawn = 10

// WriteGrid writes a PNG of n images, 0: 10, of each of classes, a row a class. The images
// of a column are of the same noise. No classes: the first 10.
func (g *GAN) WriteGrid(w io.Writer, classes []int32, n int, seed uint64) error {
	return writeGrid(w, g.device, g.opened.Model, classes, n, seed)
}

// WriteWalk writes a GIF of a walk through the noise, from one of n images, 0: 10, to the
// next and from the last to the first, with each of classes beside the other. No classes:
// the first 10. On the way noise keeps its length (Shoemake 1985), as images of shorter
// noise are not what the model has learned.
func (g *GAN) WriteWalk(w io.Writer, classes []int32, n int, seed uint64) error {
	const frames = 12 // from an image to the next
	m := g.opened.Model
	classes = drawn(m, classes)
	n, z := or(n, mostDrawn), m.Latent()
	stops := noiseOf(m, n, seed)
	a := plot.Animation{Scale: scaleOf(m.Images()), Delay: 80 * time.Millisecond}
	for i := range n * frames {
		from, to := i/frames, (i/frames+1)%n
		noise := between(stops[from*z:(from+1)*z], stops[to*z:(to+1)*z], float64(i%frames)/frames)
		a.Frames = append(a.Frames, beside(sample(g.device, m, classes, slices.Repeat(noise, len(classes)))))
	}
	return a.WriteGIF(w)
}

// drawn are the classes to draw; one number stands for all images of a model without.
func drawn(m *gan.GAN, classes []int32) []int32 {
	if known := m.Images().Classes; len(known) == 0 {
		return []int32{0}
	} else if len(classes) == 0 {
		for k := range min(mostDrawn, len(known)) {
			classes = append(classes, int32(k))
		}
	}
	return classes
}

func writeGrid(w io.Writer, d *tensor.Device, m *gan.GAN, classes []int32, n int, seed uint64) error {
	n, classes = or(n, mostDrawn), drawn(m, classes)
	known := m.Images().Classes
	g := plot.Grid{Columns: n, Scale: scaleOf(m.Images())}
	var of []int32
	for _, k := range classes {
		of = append(of, slices.Repeat([]int32{k}, n)...)
		if len(known) > 0 {
			g.Beside = append(g.Beside, known[k])
		}
	}
	made := sample(d, m, of, slices.Repeat(noiseOf(m, n, seed), len(classes)))
	for i := range made.Len() {
		g.Pictures = append(g.Pictures, plot.Picture{H: made.H, W: made.W, C: made.C, Pixels: made.Image(i)})
	}
	return g.WritePNG(w)
}

// beside is one picture of images side by side.
func beside(m *corpus.Images) plot.Picture {
	row := m.W * m.C
	p := plot.Picture{H: m.H, W: m.W * m.Len(), C: m.C}
	for y := range m.H {
		for i := range m.Len() {
			p.Pixels = append(p.Pixels, m.Image(i)[y*row:(y+1)*row]...)
		}
	}
	return p
}

// between is the place a share t of the way from a to b, along the arc.
func between(a, b []float32, t float64) []float32 {
	var ab, aa, bb float64
	for i := range a {
		ab += float64(a[i]) * float64(b[i])
		aa += float64(a[i]) * float64(a[i])
		bb += float64(b[i]) * float64(b[i])
	}
	angle := math.Acos(min(1, max(-1, ab/math.Sqrt(aa*bb))))
	p, q := 1-t, t // of one direction the arc is a line
	if sin := math.Sin(angle); sin > 1e-6 {
		p, q = math.Sin((1-t)*angle)/sin, math.Sin(t*angle)/sin
	}
	x := make([]float32, len(a))
	for i := range x {
		x[i] = float32(p*float64(a[i]) + q*float64(b[i]))
	}
	return x
}

// scaleOf makes small images large enough to be seen.
func scaleOf(s model.ImageShape) int { return max(1, 56/max(s.H, s.W)) }
