package style

import (
	"fmt"
	"math"

	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/train"
)

// targets looks at content and style once.
func (t *transfer) targets(content, style Picture) (err error) {
	t.step.NoGrad(func() {
		t.step.Begin(0)
		maps := t.net.Maps(t.step, on(t.step, content))
		if t.o.Layer == 0 {
			t.o.Layer = (len(maps) + 1) / 2
		}
		if t.o.Layer < 1 || t.o.Layer > len(maps) {
			err = fmt.Errorf("style: layer %d; the network has 1 to %d", t.o.Layer, len(maps))
			return
		}
		t.content = maps[t.o.Layer-1].Keep()
		if t.contentWeight = inverse(t.content); t.contentWeight == 0 {
			err = fmt.Errorf("style: layer %d of the network sees nothing in the content", t.o.Layer)
			return
		}
		t.step.Begin(0)
		for i, m := range t.net.Maps(t.step, on(t.step, style)) {
			g := gram(m).Keep()
			w := inverse(g)
			if w == 0 {
				err = fmt.Errorf("style: layer %d of the network sees nothing in the style", i+1)
			}
			t.grams, t.styleWeights = append(t.grams, g), append(t.styleWeights, w)
		}
	})
	return err
}

func on(s *tensor.Step, p Picture) *tensor.Tensor { return s.Floats(p.Pixels, 1, p.H, p.W, p.C) }

// inverse is 1 over the sum of squares, 0 where that is none.
func inverse(x *tensor.Tensor) float32 {
	sum := x.SumSquares()
	if sum == 0 {
		return 0
	}
	return float32(1 / sum)
}

// gram is FᵀF/M (N, N) of a map (1, h, w, N).
func gram(x *tensor.Tensor) *tensor.Tensor {
	N := x.Dim(3)
	M := x.Len() / N
	f := x.Reshape(M, N)
	return f.TMatMul(f).Scale(1 / float32(M))
}

// losses of the picture as it is, and on the tape α·content + β·style where that is wanted.
func (t *transfer) losses(wanted bool) (l Losses, total *tensor.Tensor) {
	s := t.step
	s.Begin(0)
	look := func() {
		maps := t.net.Maps(s, s.Use(t.x))
		content := maps[t.o.Layer-1].Sub(s.Use(t.content)).Square().Sum().Scale(t.contentWeight)
		var style *tensor.Tensor
		for i, m := range maps {
			e := gram(m).Sub(s.Use(t.grams[i])).Square().Sum().Scale(t.styleWeights[i] / float32(len(maps)))
			if style == nil {
				style = e
			} else {
				style = style.Add(e)
			}
		}
		l = Losses{float64(content.Item()), float64(style.Item())}
		total = content.Scale(float32(t.o.Content)).Add(style.Scale(float32(t.o.Style)))
	}
	if wanted {
		look()
	} else {
		s.NoGrad(look)
	}
	return l, total
}

// update makes step i, from 0, of Adam and brings pixels that left back to 0 and 1.
func (t *transfer) update(i int) error {
	l, total := t.losses(true)
	if v := float64(total.Item()); math.IsNaN(v) || math.IsInf(v, 0) {
		return fmt.Errorf("style: step %d: the loss is %g", i+1, v)
	}
	if t.o.Progress != nil {
		t.o.Progress(i, l)
	}
	t.x.ZeroGrad()
	t.step.Backward(total)
	adam.Update(t.step, t.x, t.slots, train.Hyper{Step: i + 1, LR: t.o.LR, Scale: 1})
	pixels := t.x.Floats()
	for j, v := range pixels {
		pixels[j] = min(max(v, 0), 1)
	}
	t.x.WriteFloats(pixels)
	return nil
}

func (t *transfer) close() {
	t.step.Close()
	for _, x := range append(append([]*tensor.Tensor{t.x, t.content}, t.slots...), t.grams...) {
		if x != nil {
			x.Free()
		}
	}
}
