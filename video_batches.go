package inkstone

import (
	"math"
	"math/rand/v2"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/eval"
	"github.com/inkstone-ai/inkstone/model/video"
	"github.com/inkstone-ai/inkstone/tensor"
)

// videoBatches lays out what a step learns from. A batch is a function of its number.
type videoBatches struct {
	model           *video.ConvLSTM
	predicted, made *corpus.Moving // clips to go on with; clips of one digit, of which the first frame and the condition are given
	order           corpus.Order   // of digits to draw
	rows, digitRows int
}

// Streams of clips: see [VideoSettings.moving].
const (
	learnedStream = iota
	madeStream
	heldStream
)

// newVideoBatches makes clips of some digits, in two streams from the one given on.
func newVideoBatches(m *video.ConvLSTM, digits *corpus.Images, s VideoSettings, stream uint64) (*videoBatches, error) {
	b := &videoBatches{model: m, order: corpus.Order{N: digits.Len(), Seed: s.Seed}, rows: s.Rows, digitRows: min(s.DigitRows, digits.Len())}
	var err error
	if b.predicted, err = s.moving(digits, s.Digits, stream); err != nil {
		return nil, err
	}
	b.made, err = s.moving(digits, 1, stream+1)
	return b, err
}

// prediction is the loss of batch index: given some frames, go on.
func (b *videoBatches) prediction(s *tensor.Step, index int) *tensor.Tensor {
	frames, _ := b.clips(s, b.predicted, index)
	return b.model.Loss(s, frames, b.model.Shape().Context, b.model.Unknown(b.rows))
}

// making is the loss of batch index: draw a digit; given one frame of one and told what it is and
// whither it goes, go on for as many frames as prediction is given.
func (b *videoBatches) making(s *tensor.Step, index int) *tensor.Tensor {
	frames, clips := b.clips(s, b.made, index)
	var c video.Condition
	for _, clip := range clips {
		g := clip.Digits[0]
		c.Classes = append(c.Classes, g.Label)
		c.Directions = append(c.Directions, float32(math.Cos(g.Direction)), float32(math.Sin(g.Direction)))
	}
	T := max(2, b.model.Shape().Context)
	return b.model.Loss(s, frames.Slice(0, 0, T), 1, c).Add(b.drawing(s, index))
}

// clips are those of batch index, (T, B, N, N).
func (b *videoBatches) clips(s *tensor.Step, m *corpus.Moving, index int) (*tensor.Tensor, []*corpus.Clip) {
	var clips []*corpus.Clip
	for i := range b.rows {
		clips = append(clips, m.Clip(index*b.rows+i))
	}
	return s.Floats(eval.TimeMajor(nil, clips, m.Side, m.Frames), m.Frames, b.rows, m.Side, m.Side), clips
}

// drawing is the loss of the drawer on digits of batch index.
func (b *videoBatches) drawing(s *tensor.Step, index int) *tensor.Tensor {
	pixels, classes, noise := b.digits(index)
	B := len(classes)
	return b.model.DrawLoss(s.Floats(pixels, B, len(pixels)/B), s.Ints(classes, B), s.Floats(noise, B, len(noise)/B))
}

// digits are those of batch index, (B, D) from 0 to 1, with classes (B) and noise (B, Z). Each comes
// once in an epoch.
func (b *videoBatches) digits(index int) (pixels []float32, classes []int32, noise []float32) {
	all := b.made.Digits
	r := rand.New(rand.NewPCG(b.order.Seed, uint64(index)))
	for i := range b.digitRows {
		at := b.order.At(index*b.digitRows + i)
		pixels, classes = eval.Unit(pixels, all.Image(at)), append(classes, all.Labels[at])
		for range b.model.Shape().Latent {
			noise = append(noise, float32(r.NormFloat64()))
		}
	}
	return pixels, classes, noise
}
