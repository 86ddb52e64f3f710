package inkstone

import (
	"context"
	"fmt"
	"math"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/eval"
	"github.com/inkstone-ai/inkstone/model/video"
	"github.com/inkstone-ai/inkstone/tensor"
)

// A Video is a loaded model of clips. Its methods are called by one goroutine at a time.
type Video struct{ inFolder[*video.ConvLSTM] }

// LoadVideo opens the folder of a ConvLSTM, one that [TrainVideo] wrote. Errors are those of
// [Load].
func LoadVideo(dir string, o *LoadOptions) (*Video, error) {
	f, err := openFolder[*video.ConvLSTM](dir, o)
	if err != nil {
		return nil, err
	}
	return &Video{f}, nil
}

// Shape tells the model's dimensions.
func (v *Video) Shape() video.Config { return v.opened.Model.Shape() }

// A ClipWish is what a clip of the model's own is to show.
type ClipWish struct {
	Class     string  // one of Shape().Classes
	Direction float64 // in which it starts, degrees from rightward to downward
	Seed      uint64  // of the digit's looks and its first place
}

// Generate makes a clip of T frames for each wish, (T, H, W) of numbers from 0 to 1. The first
// frame's digit is drawn from noise, the rest is what the network expects of it.
//
// Errors: a class that the model has not; fewer than one frame.
func (v *Video) Generate(wishes []ClipWish, T int) ([][]float32, error) {
	var all []video.Wish
	for _, w := range wishes {
		wish := video.Wish{Class: -1, Direction: w.Direction * math.Pi / 180, Seed: w.Seed}
		for k, name := range v.Shape().Classes {
			if name == w.Class {
				wish.Class = k
			}
		}
		if wish.Class < 0 {
			return nil, fmt.Errorf("video: no class %q; the model has %q", w.Class, v.Shape().Classes)
		}
		all = append(all, wish)
	}
	s := tensor.NewStep(v.device, tensor.StepOptions{})
	defer s.Close()
	return v.opened.Model.Generate(s, all, T)
}

// Read reads digits, of the model's classes.
func (v *Video) Read(notice func(string), paths ...string) (*corpus.Images, error) {
	return readDigits(notice, v.Shape().Classes, paths)
}

// HeldOut is the part of a training's digits, all of them given here, that it held out.
func (v *Video) HeldOut(digits *corpus.Images) (*corpus.Images, error) {
	s, err := v.settings()
	if err != nil {
		return nil, err
	}
	_, held, err := digits.Split(s.HeldOut, s.Seed)
	return held, err
}

// Clips are those that the digits give, as training had them: of so many frames, digits and speed,
// and a seed.
func (v *Video) Clips(digits *corpus.Images, seed uint64) (*corpus.Moving, error) {
	s, err := v.settings()
	if err != nil {
		return nil, err
	}
	s.Seed = seed
	return s.moving(digits, s.Digits, heldStream)
}

// settings are those of the training.
func (v *Video) settings() (VideoSettings, error) {
	return settingsOf(v.dir, "which clips it learned from", ReadVideoSettings)
}

// Evaluate measures the model on the first n clips, 0: 256. judge, a classifier of the digits, may be
// nil: then no digit is read.
func (v *Video) Evaluate(ctx context.Context, clips *corpus.Moving, n int, judge *Classifier) (*eval.VideoMeasurement, error) {
	o := eval.VideoOptions{Clips: n}
	if judge != nil {
		o.Judge, o.JudgeDevice = judge.opened.Model, judge.device
	}
	return eval.Video(ctx, v.opened.Model, v.device, clips, o)
}

// Continue goes on with clips for n frames, from as many of each as training gave: those frames and
// then the model's, (T, N, N) of numbers from 0 to 1.
func (v *Video) Continue(clips []*corpus.Clip, n int) ([][]float32, error) {
	c, B := v.Shape(), len(clips)
	size := c.Size[0] * c.Size[1]
	all := make([][]float32, B)
	for b, clip := range clips {
		if len(clip.Frames) < c.Context*size || c.Size[0] != c.Size[1] {
			return nil, fmt.Errorf("video: clip %d has %d pixels; the model is given %d frames of %d", b+1, len(clip.Frames), c.Context, size)
		}
		all[b] = eval.Unit(nil, clip.Frames[:c.Context*size])
	}
	if B == 0 || n < 1 {
		return nil, fmt.Errorf("video: %d clips and %d frames to go on with; want 1 or more", B, n)
	}
	s := tensor.NewStep(v.device, tensor.StepOptions{})
	defer s.Close()
	s.Begin(0)
	m := v.opened.Model
	given := s.Floats(eval.TimeMajor(nil, clips, c.Size[0], c.Context), c.Context, B, c.Size[0], c.Size[1])
	for _, x := range m.Continue(s, given, m.Unknown(B), n) {
		for b, values := 0, x.Floats(); b < B; b++ {
			all[b] = append(all[b], values[b*size:(b+1)*size]...)
		}
	}
	return all, nil
}
