// Package video holds a model of short clips: [ConvLSTM]. Importing the package makes its
// model type known to package model.
//
// Dimensions, in comments throughout:
//
//	B clips   T frames   H, W pixels   h, w patches   P pixels of a patch
//	C channels   K classes   F channels inside the drawer   Z numbers of noise
package video

import (
	"errors"
	"fmt"

	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

func init() { model.Register("convlstm", New) }

var (
	_ model.Importer = (*ConvLSTM)(nil)
	_ model.Exporter = (*ConvLSTM)(nil)
)

// ConvLSTM predicts the frame after each of a clip's: convolutional LSTM layers, one on
// another (Shi et al. 2015, arXiv:1506.04214, equation 3, without its peepholes), on patches of
// frames as in the paper's section 4.1; a 1 × 1 convolution of all layers' outputs gives the next
// frame. Where the frames given end, it goes on from those it predicted.
//
// Encoder and forecaster share their weights, other than in the paper, so that one network
// goes on from any number of frames, one even. What one frame does not show may be told by a
// [Condition]: the digit's class and the direction in which it starts.
//
// The first frame of a clip of the model's own has a digit that its drawer draws from a class and
// noise: a conditional variational autoencoder (Kingma & Welling 2013, arXiv:1312.6114; Sohn et al.
// 2015). The program places it.
type ConvLSTM struct {
	Class     nn.Embedding `hf:"class"`     // (K+1, C), the last row: not known
	Direction nn.Linear    `hf:"direction"` // (C, 2)
	Stem      nn.Conv2D    `hf:"stem"`      // P to C
	Layers    []cell       `hf:"layers"`
	Mover     mover        `hf:"mover"`
	Drawer    drawer       `hf:"drawer"`

	config Config
}

// A Condition is what a model is told of clips beside their frames.
type Condition struct {
	Classes    []int32   // (B), K: not known
	Directions []float32 // (B, 2), cosine (rightward) and sine (downward) of the first step; zeros: not known
}

// Unknown is the condition of B clips of which nothing is told.
func (m *ConvLSTM) Unknown(B int) Condition {
	c := Condition{make([]int32, B), make([]float32, 2*B)}
	for b := range c.Classes {
		c.Classes[b] = int32(len(m.config.Classes))
	}
	return c
}

// New returns a ConvLSTM whose weights have shapes but no values yet.
//
// Errors: a dimension that is absent or absurd; patches that do not fill the frame; the config of an older
// kind of model.
func New(c Config) (*ConvLSTM, error) {
	if err := c.complete(); err != nil {
		return nil, err
	}
	P, first, all := c.Patch*c.Patch, c.Widths[0], 0
	m := &ConvLSTM{
		config: c,
		Class:  nn.NewEmbedding(len(c.Classes)+1, first), Direction: nn.NewLinear(2, first, false),
		Stem:   nn.NewConv2D((1+c.Motions)*P, first, 1, tensor.Square(1, 0), true),
		Drawer: newDrawer(c.Digit[0]*c.Digit[1], len(c.Classes), c.Hidden, c.Latent),
	}
	m.Direction.Std = 0.5 // as large as what the stem gives
	in := first
	for _, width := range c.Widths {
		m.Layers = append(m.Layers, newCell(in, width, c.Kernel))
		in, all = width, all+width
	}
	m.Mover = newMover(all, P, c.Motions, c.Global)
	return m, nil
}

// places are the patches of a column and of a row of a frame.
func (m *ConvLSTM) places() (h, w int) {
	return m.config.Size[0] / m.config.Patch, m.config.Size[1] / m.config.Patch
}

// Patches lays frames (N, H, W) out as (N, h, w, P).
func (m *ConvLSTM) Patches(x *tensor.Tensor) *tensor.Tensor {
	N, p := x.Dim(0), m.config.Patch
	h, w := m.places()
	x = x.Reshape(N, h, p, w, p).Permute(0, 1, 3, 2, 4).Contiguous() // (N, h, w, p, p)
	return x.Reshape(N, h, w, p*p)
}

// Frames undoes Patches.
func (m *ConvLSTM) Frames(x *tensor.Tensor) *tensor.Tensor {
	N, p := x.Dim(0), m.config.Patch
	h, w := m.places()
	x = x.Reshape(N, h, w, p, p).Permute(0, 1, 3, 2, 4).Contiguous() // (N, h, p, w, p)
	return x.Reshape(N, h*p, w*p)
}

// A rollout is clips on their way.
type rollout struct {
	*ConvLSTM
	step     *tensor.Step
	told     *tensor.Tensor // (B, 1, 1, C)
	states   []state        // of the layers and of the mover
	expected *tensor.Tensor // (B, h, w, M·P), what was predicted of the frame to come, layer by layer
	flight   *flight
}

// Rollout returns frames 2 … T, (B, H, W) each, on s: after the frames (B, H, W) that are given, from
// the model's own.
func (m *ConvLSTM) Rollout(s *tensor.Step, given []*tensor.Tensor, c Condition, T int) (frames []*tensor.Tensor) {
	r := m.start(s, given[0].Dim(0), c)
	for t := range T - 1 {
		if t < len(given) {
			frames = append(frames, r.next(given[t], true))
		} else {
			frames = append(frames, r.next(frames[t-1], false))
		}
	}
	return frames
}

// start is a rollout before its first frame.
func (m *ConvLSTM) start(s *tensor.Step, B int, c Condition) *rollout {
	told := m.Class.Forward(s.Ints(c.Classes, B)).Add(m.Direction.Forward(s.Floats(c.Directions, B, 2)))
	h, w := m.places()
	r := &rollout{ConvLSTM: m, step: s, told: told.Reshape(B, 1, 1, told.Dim(1)), expected: s.Zeros(B, h, w, m.config.Motions*m.config.Patch*m.config.Patch)}
	for _, width := range m.config.Widths {
		r.states = append(r.states, newState(s, B, h, w, width))
	}
	r.states = append(r.states, newState(s, B, 1, 1, m.config.Global))
	return r
}

// next reads a frame (B, H, W) and returns the one after it: the last that was given, moved on.
func (r *rollout) next(frame *tensor.Tensor, given bool) *tensor.Tensor {
	outputs := r.read(frame) // (B, h, w, ΣC)
	if given {
		r.flight = takeOff(r.step, r.layers(frame, outputs), r.flight)
	}
	moved := r.flight.fly(r.step, r.motions(outputs)) // (B·M, H, W)
	r.expected = r.joined(r.Patches(moved))
	return union(moved, r.config.Motions)
}

// motions are what the layers do next, (B·M, 3). It reads the mean of all places' outputs, centres in patches
// and steps in pixels: about 1 each.
func (r *rollout) motions(outputs *tensor.Tensor) *tensor.Tensor {
	B, M, last := outputs.Dim(0), r.config.Motions, len(r.states)-1
	patch := 1 / float32(r.config.Patch)
	x := outputs.Mean(1, 2).Reshape(B, -1).Concat(1, r.flight.centre.Scale(patch).Reshape(B, 2*M), r.flight.step.Reshape(B, 2*M))
	r.states[last] = r.Mover.Whole.forward(x.Reshape(B, 1, 1, -1), r.states[last]) // (B, 1, 1, G)
	return r.Mover.Motion.Forward(r.states[last].h.Reshape(B, -1)).Reshape(B*M, 3)
}

// read moves the convolutional states by a frame and returns all their outputs side by side.
func (r *rollout) read(frame *tensor.Tensor) *tensor.Tensor {
	x := r.Stem.Forward(r.Patches(frame).Concat(3, r.expected)).Add(r.told) // (B, h, w, C)
	var outputs []*tensor.Tensor
	for i := range r.Layers {
		r.states[i] = r.Layers[i].forward(x, r.states[i])
		x = r.states[i].h
		outputs = append(outputs, x)
	}
	return outputs[0].Concat(3, outputs[1:]...)
}

// layers cuts a frame (B, H, W) into M by what the states' outputs say of each pixel, (B·M, H, W).
func (r *rollout) layers(frame, outputs *tensor.Tensor) *tensor.Tensor {
	B, M := frame.Dim(0), r.config.Motions
	if M == 1 {
		return frame
	}
	masks := r.Frames(r.parted(r.Mover.Masks.Forward(outputs).Sigmoid())) // (B·M, H, W)
	H, W := frame.Dim(1), frame.Dim(2)
	return masks.Reshape(B, M, H, W).Mul(frame.Reshape(B, 1, H, W)).Reshape(B*M, H, W)
}

// joined lays patches of layers (B·M, h, w, P) side by side, (B, h, w, M·P).
func (r *rollout) joined(x *tensor.Tensor) *tensor.Tensor {
	M, h, w, P := r.config.Motions, x.Dim(1), x.Dim(2), x.Dim(3)
	return x.Reshape(-1, M, h, w, P).Permute(0, 2, 3, 1, 4).Contiguous().Reshape(-1, h, w, M*P)
}

// parted undoes joined.
func (r *rollout) parted(x *tensor.Tensor) *tensor.Tensor {
	M, h, w := r.config.Motions, x.Dim(1), x.Dim(2)
	P := x.Dim(3) / M
	return x.Reshape(-1, h, w, M, P).Permute(0, 3, 1, 2, 4).Contiguous().Reshape(-1, h, w, P)
}

// Loss is the mean over pixels and frames 2 … T of the squared error of what is predicted of them from
// the first ones; to a frame's sum is added the square of the distance, in pixels, of the centres of white:
// where nothing overlaps, pixels do not say whither. frames is (T, B, H, W), from 0 to 1, and given says
// how many of the T the model reads.
func (m *ConvLSTM) Loss(s *tensor.Step, frames *tensor.Tensor, given int, c Condition) *tensor.Tensor {
	T := frames.Dim(0)
	var sum *tensor.Tensor
	for t, x := range m.Rollout(s, first(frames, given), c, T) {
		y := frame(frames, t+1)
		loss := x.Sub(y).Square().Sum().Add(centre(s, x).Sub(centre(s, y)).Square().Sum())
		if sum != nil {
			loss = sum.Add(loss)
		}
		sum = loss
	}
	return sum.Scale(1 / float32(frames.Slice(0, 1, T).Len()))
}

// frame is number t of frames (T, B, H, W).
func frame(frames *tensor.Tensor, t int) *tensor.Tensor { return frames.Slice(0, t, t+1).Squeeze(0) }

// first are the first n of frames (T, B, H, W).
func first(frames *tensor.Tensor, n int) (all []*tensor.Tensor) {
	for t := range n {
		all = append(all, frame(frames, t))
	}
	return all
}

// crossEntropy is −y·log σ(z) − (1−y)·log(1−σ(z)), without the overflow of a logarithm of 0.
func crossEntropy(z, y *tensor.Tensor) *tensor.Tensor { return z.Softplus().Sub(z.Mul(y)) }

// Config returns a [Config].
func (m *ConvLSTM) Config() any { return m.config }

// Shape tells the model's dimensions.
func (m *ConvLSTM) Shape() Config { return m.config }

// Import reads filters as PyTorch orders them.
func (*ConvLSTM) Import(t format.Tensor) (format.Tensor, error) { return model.ImportImages(t) }

// Export undoes Import.
func (*ConvLSTM) Export(t format.Tensor) (format.Tensor, error) { return model.ExportImages(t) }

// Config is the config.json of a [ConvLSTM].
type Config struct {
	Type    string   `json:"model_type"` // set by New
	Size    [2]int   `json:"image_size"` // H and W
	Patch   int      `json:"patch_size"` // pixels of a side
	Widths  []int    `json:"hidden_sizes"`
	Kernel  int      `json:"kernel_size"` // of the layers, odd
	Global  int      `json:"global_size"` // channels of the state of the frame as a whole
	Motions int      `json:"num_motions"` // layers that a frame is cut into
	Classes []string `json:"classes"`
	Digit   [2]int   `json:"digit_size"` // height and width of what the drawer draws
	Hidden  int      `json:"drawer_hidden_size"`
	Latent  int      `json:"latent_size"`
	Context int      `json:"context_frames"` // that training gave
	Frames  int      `json:"num_frames"`     // of a clip in training
}

// The largest dimensions that a config may ask for; a file of a few bytes must not ask
// for gigabytes.
const (
	mostPixels = 1 << 12 // of a side
	mostWidth  = 1 << 12
	mostLayers = 1 << 6
	mostFrames = 1 << 12
)

func (c *Config) complete() error {
	c.Type = "convlstm"
	if c.Motions == 0 && c.Global == 0 {
		return errors.New("video: convlstm config: num_motions and global_size are missing: a model of an older kind, which painted frames; train it again")
	}
	for _, n := range []struct {
		key               string
		value, from, most int
	}{
		{"image_size", c.Size[0], 1, mostPixels}, {"image_size", c.Size[1], 1, mostPixels}, {"patch_size", c.Patch, 1, mostPixels},
		{"hidden_sizes: layers", len(c.Widths), 1, mostLayers}, {"kernel_size", c.Kernel, 1, 31},
		{"global_size", c.Global, 1, mostWidth}, {"num_motions", c.Motions, 1, mostLayers}, {"classes", len(c.Classes), 1, mostWidth},
		{"digit_size", c.Digit[0], 1, c.Size[0]}, {"digit_size", c.Digit[1], 1, c.Size[1]},
		{"drawer_hidden_size", c.Hidden, 1, mostWidth}, {"latent_size", c.Latent, 1, mostWidth},
		{"context_frames", c.Context, 1, mostFrames}, {"num_frames", c.Frames, 2, mostFrames},
	} {
		if n.value < n.from || n.value > n.most {
			return fmt.Errorf("video: convlstm config: %s is %d, want %d to %d", n.key, n.value, n.from, n.most)
		}
	}
	for _, w := range c.Widths {
		if w < 1 || w > mostWidth {
			return fmt.Errorf("video: convlstm config: hidden_sizes has %d, want 1 to %d", w, mostWidth)
		}
	}
	switch {
	case c.Size[0]%c.Patch != 0 || c.Size[1]%c.Patch != 0:
		return fmt.Errorf("video: convlstm config: patches of %d pixels a side do not fill frames of %d × %d", c.Patch, c.Size[0], c.Size[1])
	case c.Kernel%2 == 0:
		return fmt.Errorf("video: convlstm config: kernel_size %d is even: a frame would change its size", c.Kernel)
	case c.Context >= c.Frames:
		return fmt.Errorf("video: convlstm config: context_frames %d leave nothing of num_frames %d to predict", c.Context, c.Frames)
	}
	return nil
}
