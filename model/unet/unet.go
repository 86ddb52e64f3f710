// Package unet holds networks that make a picture of a picture, on the encoder–decoder with
// skip connections of Ronneberger et al. 2015, arXiv:1505.04597: [Inpaint] fills holes,
// [Pix2Pix] turns pictures of one kind into those of another. Importing the package makes
// their model types known to package model.
//
// Dimensions, in comments throughout:
//
//	B pictures   H height   W width   C channels of a picture   D channels of a level
package unet

import (
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// A UNet maps pictures to pictures of the same size: levels on the way down, each with half
// the rows and columns of the one before; as many on the way up, each of which has the
// level of its size from the way down beside what comes from below. Unlike in the paper,
// pictures keep their size (there is padding) and each convolution has batch normalisation.
type UNet struct {
	Down []block   `hf:"down"` // full size first
	Up   []up      `hf:"up"`   // smallest first
	Out  nn.Conv2D `hf:"out"`  // 1 × 1
}

// A block is two convolutions of 3 × 3, each with a norm and a ReLU.
type block struct {
	Convs []unit `hf:"convs"`
}

type unit struct {
	Conv nn.Conv2D      `hf:"conv"`
	Norm nn.BatchNorm2D `hf:"norm"`
}

// up doubles the sides and joins what is beside.
type up struct {
	Spread nn.ConvTranspose2D `hf:"spread"`
	Block  block              `hf:"block"`
}

func newUNet(in, out int, widths []int) (u UNet) {
	for _, w := range widths {
		u.Down = append(u.Down, newBlock(in, w))
		in = w
	}
	for i := len(widths) - 2; i >= 0; i-- {
		spread := nn.NewConvTranspose2D(widths[i+1], widths[i], 2, tensor.Square(2, 0), true)
		u.Up = append(u.Up, up{spread, newBlock(2*widths[i], widths[i])})
	}
	u.Out = nn.NewConv2D(widths[0], out, 1, tensor.Square(1, 0), true)
	return u
}

func newBlock(in, out int) (b block) {
	for range 2 {
		b.Convs = append(b.Convs, unit{nn.NewConv2D(in, out, 3, tensor.Square(1, 1), false), nn.NewBatchNorm2D(out)})
		in = out
	}
	return b
}

// forward maps x (B, h, w, D) to (B, h, w, D').
func (b *block) forward(s *tensor.Step, x *tensor.Tensor, training bool) *tensor.Tensor {
	for i := range b.Convs {
		x = b.Convs[i].Norm.ForwardReLU(s, b.Convs[i].Conv.Forward(x), training)
	}
	return x
}

// Logits returns (B, H, W, C'), pixels before their sigmoid, of x (B, H, W, C) from 0 to 1.
// training says that norms go by the batch and remember it.
func (u *UNet) Logits(s *tensor.Step, x *tensor.Tensor, training bool) *tensor.Tensor {
	x = x.AddScalar(-0.5).Scale(2)
	var beside []*tensor.Tensor
	for i := range u.Down {
		if i > 0 {
			beside = append(beside, x)
			x = x.MaxPool(2, 2, tensor.Square(2, 0)) // (B, H/2ⁱ, W/2ⁱ, D)
		}
		x = u.Down[i].forward(s, x, training)
	}
	for i := range u.Up {
		skip := beside[len(beside)-1-i]
		x = u.Up[i].Spread.Forward(x).Concat(3, skip) // (B, 2h, 2w, 2D)
		x = u.Up[i].Block.forward(s, x, training)
	}
	return u.Out.Forward(x)
}
