package inkstone

import (
	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/eval"
	"github.com/inkstone-ai/inkstone/tensor"
)

// holes are those of n pictures, (n, H, W), 1 where a pixel is missing: of another stream
// than those that training learns from.
func (s *PictureSettings) holes(n int, stream uint64) (all []uint8, err error) {
	h, err := corpus.NewHoles(corpus.Holes{H: s.Size[0], W: s.Size[1], Kind: s.Holes, Seed: s.Seed ^ stream})
	if err != nil {
		return nil, err
	}
	for i := range n {
		all = append(all, h.Hole(i)...)
	}
	return all, nil
}

// holeBatches lay out pictures of a step and a new hole in each. A batch is a function of
// its number.
type holeBatches struct {
	images *imageBatches
	holes  *corpus.Holes
	hole   []float32
}

func newHoleBatches(pictures *corpus.Images, s *PictureSettings, stream uint64) (*holeBatches, error) {
	holes, err := corpus.NewHoles(corpus.Holes{H: s.Size[0], W: s.Size[1], Kind: s.Holes, Seed: s.Seed ^ stream})
	return &holeBatches{images: newImageBatches(pictures, s.Rows, 0, s.Seed), holes: holes}, err
}

// batch is pictures (B, H, W, C) and holes (B, H, W, 1) of step index.
func (b *holeBatches) batch(s *tensor.Step, index int) (x, holes *tensor.Tensor) {
	pixels, _ := b.images.batch(index)
	B, m := b.images.rows, b.images.images
	b.hole = b.hole[:0]
	for i := range B {
		for _, v := range b.holes.Hole(index*B + i) {
			b.hole = append(b.hole, float32(v))
		}
	}
	return s.Floats(pixels, B, m.H, m.W, m.C), s.Floats(b.hole, B, m.H, m.W, 1)
}

// pairBatches lay out pairs of a step. A batch is a function of its number.
type pairBatches struct {
	a, b *corpus.Images
	rows int

	order corpus.Order
	x, y  []float32
}

func newPairBatches(pairs *corpus.Images, s *PictureSettings) (*pairBatches, error) {
	a, b, err := pairs.Halves()
	return &pairBatches{a: a, b: b, rows: s.Rows, order: corpus.Order{N: pairs.Len(), Seed: s.Seed}}, err
}

// batch is the first and the second pictures, (B, H, W, C) both, of step index.
func (p *pairBatches) batch(s *tensor.Step, index int) (x, y *tensor.Tensor) {
	p.x, p.y = p.x[:0], p.y[:0]
	for i := range p.rows {
		at := p.order.At(index*p.rows + i)
		p.x, p.y = eval.Unit(p.x, p.a.Image(at)), eval.Unit(p.y, p.b.Image(at))
	}
	return s.Floats(p.x, p.rows, p.a.H, p.a.W, p.a.C), s.Floats(p.y, p.rows, p.a.H, p.a.W, p.a.C)
}

// some are at most n pictures, evenly from all: they may be in the order of their classes.
func some(m *corpus.Images, n int) *corpus.Images {
	if n >= m.Len() {
		return m
	}
	part := &corpus.Images{H: m.H, W: m.W, C: m.C, Classes: m.Classes}
	for i := range n {
		at := i * m.Len() / n
		part.Pixels = append(part.Pixels, m.Image(at)...)
		if m.Labels != nil {
			part.Labels = append(part.Labels, m.Labels[at])
		}
		if m.Names != nil {
			part.Names = append(part.Names, m.Names[at])
		}
	}
	return part
}
