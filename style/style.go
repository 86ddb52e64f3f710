// Package style gives a picture the style of another by optimisation, after Gatys, Ecker &
// Bethge 2016, Image Style Transfer Using Convolutional Neural Networks: the pixels are the
// parameters, and the losses are of what a trained network sees in them.
//
// Dimensions, in comments throughout:
//
//	H height   W width   C channels of a picture   N channels of a layer   M its places
//
// See the package's example.
package style

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/train"
)

// A Network sees pictures in layers.
type Network interface {
	// Maps returns what each layer sees, (1, h, w, N), of a picture (1, H, W, C) of numbers
	// from 0 to 1, the first layer first. The picture may have any size from Least on.
	Maps(s *tensor.Step, x *tensor.Tensor) []*tensor.Tensor
	// Least is the smallest side of a picture that all layers see.
	Least() int
}

// A Picture is (H, W, C) numbers from 0 to 1.
type Picture struct {
	H, W, C int
	Pixels  []float32
}

// Options say how [Transfer] weighs and goes. The zero value works.
type Options struct {
	Content float64 // α, weight of the content loss. 0: 1; a negative one means none
	Style   float64 // β, weight of the style loss. 0: 3; a negative one means none
	Layer   int     // whose content is kept, from 1. 0: the middle one
	Steps   int     // of Adam. 0: 300
	LR      float64 // of Adam, of pixels from 0 to 1. 0: 0.02
	Noise   bool    // start from noise instead of the content
	Seed    uint64  // of the noise

	// Progress, where present, gets the losses before each step.
	Progress func(step int, l Losses)
}

// Losses are relative: 0 is the same, 1 as far as a black feature map is. They are the
// content loss (eq. 1) and style loss (eq. 5) of the paper with weights of layers such that
// neither the network's scale nor the sizes of the pictures matter:
//
//	content = Σ(F − P)²/ΣP²      style = mean over layers of Σ(G − A)²/ΣA²
//
// F and P are maps of the picture and of the content, G and A Gram matrices FᵀF/M of the
// picture and of the style (eq. 3, each by its own number of places M).
type Losses struct {
	Content float64 `json:"content"`
	Style   float64 `json:"style"`
}

// Transfer returns a picture of content's size that has content's content and style's
// style, and the losses of it.
//
// Errors: pictures of other channels than each other or smaller than the network takes, a
// layer that there is not, a network to which content or style is black all over, a loss
// that is not a number, the end of ctx.
func Transfer(ctx context.Context, d *tensor.Device, net Network, content, style Picture, o Options) (Picture, Losses, error) {
	t, err := newTransfer(d, net, content, style, o)
	if err != nil {
		return Picture{}, Losses{}, err
	}
	defer t.close()
	for i := range t.o.Steps {
		if err := ctx.Err(); err != nil {
			return Picture{}, Losses{}, fmt.Errorf("style: %w", err)
		}
		if err := t.update(i); err != nil {
			return Picture{}, Losses{}, err
		}
	}
	l, _ := t.losses(false)
	return Picture{content.H, content.W, content.C, t.x.Floats()}, l, nil
}

// Measure returns the losses of a picture as it is.
func Measure(d *tensor.Device, net Network, picture, content, style Picture, o Options) (Losses, error) {
	if picture.H != content.H || picture.W != content.W || picture.C != content.C {
		return Losses{}, fmt.Errorf("style: a picture of %d × %d × %d is measured by a content of %d × %d × %d", picture.H, picture.W, picture.C, content.H, content.W, content.C)
	}
	if err := picture.check("picture", content.C); err != nil {
		return Losses{}, err
	}
	t, err := newTransfer(d, net, content, style, o)
	if err != nil {
		return Losses{}, err
	}
	defer t.close()
	t.x.WriteFloats(picture.Pixels)
	l, _ := t.losses(false)
	return l, nil
}

// A transfer is a picture on its way.
type transfer struct {
	o       Options
	net     Network
	step    *tensor.Step
	x       *tensor.Tensor   // (1, H, W, C), the picture
	slots   []*tensor.Tensor // of Adam
	content *tensor.Tensor   // (1, h, w, N), map of the content at one layer
	grams   []*tensor.Tensor // (N, N) of the style, of each layer

	contentWeight float32   // 1/ΣP²
	styleWeights  []float32 // 1/ΣA² of each layer
}

// check asks whether the numbers are those of a picture of so many channels.
func (p Picture) check(name string, channels int) error {
	if len(p.Pixels) != p.H*p.W*p.C || p.C != channels {
		return fmt.Errorf("style: the %s is %d numbers of %d × %d × %d; want %d channels", name, len(p.Pixels), p.H, p.W, p.C, channels)
	}
	return nil
}

func newTransfer(d *tensor.Device, net Network, content, style Picture, o Options) (*transfer, error) {
	for i, p := range []Picture{content, style} {
		name := [...]string{"content", "style"}[i]
		if least := net.Least(); p.H < least || p.W < least {
			return nil, fmt.Errorf("style: the %s has %d × %d pixels; the network looks at %d × %d at least", name, p.H, p.W, least, least)
		}
		if err := p.check(name, content.C); err != nil {
			return nil, err
		}
	}
	t := &transfer{o: o.complete(), net: net, step: tensor.NewStep(d, tensor.StepOptions{Grad: true})}
	if err := t.targets(content, style); err != nil {
		t.close()
		return nil, err
	}
	t.x = tensor.New(d, 1, content.H, content.W, content.C)
	t.x.SetName("the picture")
	t.x.SetTrainable(true)
	t.x.WriteFloats(content.Pixels)
	if o.Noise {
		r := rand.New(rand.NewPCG(o.Seed, 0))
		noise := make([]float32, len(content.Pixels))
		for i := range noise {
			noise[i] = r.Float32()
		}
		t.x.WriteFloats(noise)
	}
	for range adam.Slots() {
		t.slots = append(t.slots, tensor.New(d, t.x.Shape()...))
	}
	return t, nil
}

var adam = train.Adam{}

func (o Options) complete() Options {
	or := func(x *float64, otherwise float64) {
		if *x == 0 {
			*x = otherwise
		}
		*x = max(0, *x)
	}
	or(&o.Content, 1)
	or(&o.Style, 3)
	or(&o.LR, 0.02)
	if o.Steps == 0 {
		o.Steps = 300
	}
	return o
}
