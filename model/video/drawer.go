package video

import (
	"math"

	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// A drawer draws digits (D pixels) of a class from noise: a variational autoencoder of which both
// sides know the class. Read is needed in training alone.
type drawer struct {
	Read       nn.Linear    `hf:"read"`        // D to F
	ReadClass  nn.Embedding `hf:"read_class"`  // (K, F)
	Moments    nn.Linear    `hf:"moments"`     // F to 2Z: means, logarithms of variances
	Write      nn.Linear    `hf:"write"`       // Z to F
	WriteClass nn.Embedding `hf:"write_class"` // (K, F)
	Out        nn.Linear    `hf:"out"`         // F to D
}

func newDrawer(D, K, F, Z int) drawer {
	d := drawer{
		Read: even(D, F), ReadClass: nn.NewEmbedding(K, F), Moments: even(F, 2*Z),
		Write: even(Z, F), WriteClass: nn.NewEmbedding(K, F), Out: even(F, D),
	}
	d.ReadClass.Std, d.WriteClass.Std = 1, 1 // as what is read and the noise beside them
	return d
}

// even is a linear map that keeps variances.
func even(in, out int) nn.Linear {
	l := nn.NewLinear(in, out, true)
	l.Std = float32(1 / math.Sqrt(float64(in)))
	return l
}

// Draw returns the logits of digits, (B, D), of classes (B) from noise z (B, Z), normal of
// variance 1.
func (m *ConvLSTM) Draw(z, classes *tensor.Tensor) *tensor.Tensor {
	d := &m.Drawer
	return d.Out.Forward(d.Write.Forward(z).Add(d.WriteClass.Forward(classes)).ReLU())
}

// DrawLoss is the drawer's −ELBO over the number of pixels, mean over digits x (B, D), from 0 to
// 1: nats a pixel. classes is (B); noise (B, Z) is normal of variance 1.
func (m *ConvLSTM) DrawLoss(x, classes, noise *tensor.Tensor) *tensor.Tensor {
	d := &m.Drawer
	moments := d.Moments.Forward(d.Read.Forward(x).Add(d.ReadClass.Forward(classes)).ReLU())
	Z := moments.Dim(1) / 2
	mean, logVar := moments.Slice(1, 0, Z), moments.Slice(1, Z, 2*Z)
	z := mean.Add(noise.Mul(logVar.Scale(0.5).Exp()))                                // (B, Z)
	divergence := mean.Square().Add(logVar.Exp()).Sub(logVar).AddScalar(-1).Sum()    // twice the KL divergence from N(0, 1)
	likeness := crossEntropy(m.Draw(z, classes), x).Sum()                            // nats
	return likeness.Add(divergence.Scale(0.5)).Scale(1 / float32(x.Dim(0)*x.Dim(1))) // one number
}
