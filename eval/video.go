package eval

import (
	"context"
	"fmt"
	"math"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/model/video"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// VideoOptions refine [Video].
type VideoOptions struct {
	Clips int              // of the clips, from the first. 0: 256
	Rows  int              // clips at a time. 0: 16
	Judge model.Classifier // reads digits; nil: none are read

	JudgeDevice *tensor.Device // that the judge's weights are on. nil: the model's
}

// A VideoMeasurement is how well a model goes on with clips, beside what needs no model.
type VideoMeasurement struct {
	Clips  int
	First  int        // the first frame that is predicted, from 1
	Model  VideoScore // given the frames before First
	Copy   VideoScore // the last of them, again and again
	Linear VideoScore // the last of them, moved on as it was before
	Truth  VideoScore // what comes: how many digits the judge reads at best
	Drawn  VideoScore // clips of the model's own, first frame; of these, no errors
	Made   VideoScore // their frame First-1
}

// A VideoScore is of one way to go on.
type VideoScore struct {
	SquaredError []float64 // Σ over pixels (0 to 1), mean over clips, of each frame from First on
	Right, Of    int       // digits that the judge reads in the last frame
}

// Video measures a model on clips of digits that move: frames after those that the model was trained
// to be given. A digit is read where it truly is in the last frame, so that one drawn elsewhere does
// not count; of the model's own clips, in which place and class are the model's, around the
// centre of what is white.
//
// Errors: clips of another size than the model's, or of another number of frames; a judge of
// pictures that are no digits of the clips.
func Video(ctx context.Context, m *video.ConvLSTM, d *tensor.Device, clips *corpus.Moving, o VideoOptions) (*VideoMeasurement, error) {
	c := m.Shape()
	if clips.Side != c.Size[0] || clips.Side != c.Size[1] || clips.Frames != c.Frames {
		return nil, fmt.Errorf("eval: clips of %d frames of %d × %d pixels; the model has %d of %d × %d", clips.Frames, clips.Side, clips.Side, c.Frames, c.Size[0], c.Size[1])
	}
	v := &videoEvaluation{VideoOptions: o, model: m, clips: clips, step: tensor.NewStep(d, tensor.StepOptions{})}
	defer v.step.Close()
	if v.Clips == 0 {
		v.Clips = 256
	}
	if v.Rows == 0 {
		v.Rows = 16
	}
	if v.JudgeDevice == nil {
		v.JudgeDevice = d
	}
	if err := v.checkJudge(); err != nil {
		return nil, err
	}
	nn.Freeze(m, true)
	defer nn.Freeze(m, false)
	return v.run(ctx)
}

// A videoEvaluation is one call of Video.
type videoEvaluation struct {
	VideoOptions
	model  *video.ConvLSTM
	clips  *corpus.Moving
	step   *tensor.Step
	seen   [4][]float32 // pictures for the judge: of Model, Copy, Linear, Truth
	labels []int32
}

func (v *videoEvaluation) checkJudge() error {
	if v.Judge == nil {
		return nil
	}
	s, g := v.Judge.Images(), v.clips.Digits
	if s.H != g.H || s.W != g.W || s.C != 1 || len(s.Classes) != len(v.model.Shape().Classes) {
		return fmt.Errorf("eval: the judge reads pictures of %d × %d × %d in %d classes; the clips have digits of %d × %d × 1 in %d",
			s.H, s.W, s.C, len(s.Classes), g.H, g.W, len(v.model.Shape().Classes))
	}
	for k, name := range v.model.Shape().Classes {
		if s.Classes[k] != name {
			return fmt.Errorf("eval: class %d of the judge is %q, of the model %q", k, s.Classes[k], name)
		}
	}
	return nil
}

func (v *videoEvaluation) run(ctx context.Context) (*VideoMeasurement, error) {
	n := v.clips.Frames - v.model.Shape().Context
	r := &VideoMeasurement{Clips: v.Clips, First: v.model.Shape().Context + 1}
	for _, s := range []*VideoScore{&r.Model, &r.Copy, &r.Linear, &r.Truth} {
		s.SquaredError = make([]float64, n)
	}
	for at := 0; at < v.Clips; at += v.Rows {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("eval: %w", err)
		}
		v.batch(r, at, min(v.Rows, v.Clips-at))
	}
	for _, s := range []*VideoScore{&r.Model, &r.Copy, &r.Linear, &r.Truth} {
		for t := range s.SquaredError {
			s.SquaredError[t] /= float64(v.Clips)
		}
	}
	return r, v.judge(ctx, r)
}

// batch adds B clips from the number at.
func (v *videoEvaluation) batch(r *VideoMeasurement, at, B int) {
	v.step.Begin(0)
	c, N := v.model.Shape(), v.clips.Side
	var all []*corpus.Clip
	for b := range B {
		all = append(all, v.clips.Clip(at+b))
	}
	given := v.step.Floats(TimeMajor(nil, all, N, c.Context), c.Context, B, N, N)
	var predicted [][]float32 // (T)(B, N, N)
	for _, x := range v.model.Continue(v.step, given, v.model.Unknown(B), c.Frames-c.Context) {
		predicted = append(predicted, x.Floats())
	}
	for b, clip := range all {
		v.clip(r, clip, func(t int) []float32 { return predicted[t][b*N*N : (b+1)*N*N] })
	}
}

// clip adds one clip, of which frame t after those given was predicted so.
func (v *videoEvaluation) clip(r *VideoMeasurement, clip *corpus.Clip, predicted func(t int) []float32) {
	N, given := v.clips.Side, r.First-1
	frame := func(t int) []float32 { return Unit(nil, clip.Frames[t*N*N:(t+1)*N*N]) }
	last, dy, dx := frame(given-1), 0, 0
	if given > 1 {
		dy, dx = motion(frame(given-2), last, N, int(math.Ceil(v.clips.Speed))+1)
	}
	for t := range v.clips.Frames - given {
		truth := frame(given + t)
		guesses := [][]float32{predicted(t), last, shiftedFrame(last, N, dy*(t+1), dx*(t+1)), truth}
		for k, s := range []*VideoScore{&r.Model, &r.Copy, &r.Linear, &r.Truth} {
			s.SquaredError[t] += squaredError(guesses[k], truth)
			if v.Judge != nil && given+t == v.clips.Frames-1 {
				for _, g := range clip.Digits {
					v.seen[k] = cropped(v.seen[k], guesses[k], N, v.clips.Digits.H, v.clips.Digits.W, g.Places[given+t])
				}
			}
		}
	}
	for _, g := range clip.Digits {
		v.labels = append(v.labels, g.Label)
	}
}

// judge has all digits read, and those of the model's own clips.
func (v *videoEvaluation) judge(ctx context.Context, r *VideoMeasurement) error {
	if v.Judge == nil {
		return nil
	}
	for k, s := range []*VideoScore{&r.Model, &r.Copy, &r.Linear, &r.Truth} {
		if err := v.read(ctx, s, v.seen[k], v.labels); err != nil {
			return err
		}
	}
	drawn, made, labels, err := v.own(ctx, r.First-1)
	if err != nil {
		return err
	}
	if err := v.read(ctx, &r.Drawn, drawn, labels); err != nil {
		return err
	}
	return v.read(ctx, &r.Made, made, labels)
}

// read counts the pictures in which the judge reads the label.
func (v *videoEvaluation) read(ctx context.Context, s *VideoScore, pixels []float32, labels []int32) error {
	m, err := Images(ctx, v.Judge, v.JudgeDevice, pixels, labels)
	if err != nil {
		return err
	}
	s.Right, s.Of = m.Right, m.Of
	return nil
}

// own makes as many clips of T frames as are measured, of all classes in turn and in all directions,
// and returns the digits of their first frames and their last ones.
func (v *videoEvaluation) own(ctx context.Context, T int) (drawn, made []float32, labels []int32, err error) {
	N, h, w := v.clips.Side, v.clips.Digits.H, v.clips.Digits.W
	for at := 0; at < v.Clips; at += v.Rows {
		if err := ctx.Err(); err != nil {
			return nil, nil, nil, fmt.Errorf("eval: %w", err)
		}
		var wishes []video.Wish
		for i := at; i < min(at+v.Rows, v.Clips); i++ {
			wish := video.Wish{Class: i % len(v.model.Shape().Classes), Direction: float64(i) * math.Pi * (3 - math.Sqrt(5)), Seed: v.clips.Seed + uint64(i)}
			wishes, labels = append(wishes, wish), append(labels, int32(wish.Class))
		}
		clips, err := v.model.Generate(v.step, wishes, T)
		if err != nil {
			return nil, nil, nil, err
		}
		for _, x := range clips {
			first, last := x[:N*N], x[(T-1)*N*N:]
			drawn = cropped(drawn, first, N, h, w, centred(first, N, h, w))
			made = cropped(made, last, N, h, w, centred(last, N, h, w))
		}
	}
	return drawn, made, labels, nil
}

// TimeMajor appends the first T frames of clips (T, B, N, N), as numbers from 0 to 1.
func TimeMajor(to []float32, clips []*corpus.Clip, N, T int) []float32 {
	for t := range T {
		for _, c := range clips {
			to = Unit(to, c.Frames[t*N*N:(t+1)*N*N])
		}
	}
	return to
}
