package train

import (
	"math"

	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// An Input is a pass whose embeddings an adversary moves: the text of a language
// model; of an encoder–decoder the sources and, another one, the targets.
type Input struct {
	Pass *nn.Pass
	Rows int // the most tokens that it has in a micro batch
}

// noise is what an adversary adds to the embeddings of its inputs. Each sequence of each
// of them is moved by itself.
type noise struct {
	inputs []Input
	of     []*tensor.Tensor // of each input, (Rows, C), which collects its gradient
}

// newNoise is memory for inputs of so many channels.
func newNoise(d *tensor.Device, width int, inputs []Input) *noise {
	n := &noise{inputs: inputs}
	for _, in := range inputs {
		x := tensor.New(d, in.Rows, width)
		x.SetName("adversarial noise")
		x.SetTrainable(true)
		n.of = append(n.of, x)
	}
	return n
}

// show lets the passes to come add the noise, whose gradient begins at 0; again says
// that they are not the batch's first.
func (n *noise) show(again bool) {
	for i, in := range n.inputs {
		n.of[i].ZeroGrad()
		in.Pass.Noise, in.Pass.Replay = n.of[i], again
	}
}

// hide makes the passes to come clean ones.
func (n *noise) hide(again bool) {
	for _, in := range n.inputs {
		in.Pass.Noise, in.Pass.Replay = nil, again
	}
}

// clear makes all noise 0.
func (n *noise) clear() {
	for _, x := range n.of {
		x.Fill(0)
	}
}

// draw fills the noise with normal numbers, which key decides.
func (n *noise) draw(key uint64) {
	for i, x := range n.of {
		x.FillNormal(key^uint64(i)<<32, 1)
	}
}

// each changes the noise of every sequence of the batch that the passes have last seen:
// move gets its δ, to be written, and the gradient g.
func (n *noise) each(move func(delta, grad []float32)) {
	for i, in := range n.inputs {
		delta, grad := n.of[i].Floats(), n.of[i].Grad().Floats()
		at, width := 0, n.of[i].Dim(1)
		for _, span := range in.Pass.Spans {
			to := at + span.Rows*width
			move(delta[at:to], grad[at:to])
			at = to
		}
		n.of[i].WriteFloats(delta)
	}
}

// free takes the noise from the passes and gives its memory back.
func (n *noise) free() {
	n.hide(false)
	for _, x := range n.of {
		x.Free()
	}
}

// stretch gives x a length; zeros stay.
func stretch(x []float32, length float64) {
	if far := norm(x); far > 0 {
		for i := range x {
			x[i] *= float32(length / far)
		}
	}
}

func norm(x []float32) float64 {
	sum := 0.0
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum)
}
