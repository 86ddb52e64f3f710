package video

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/inkstone-ai/inkstone/tensor"
)

// Continue returns the n frames that follow on frames (T, B, H, W): (B, H, W) of numbers from 0 to 1
// each, on s.
func (m *ConvLSTM) Continue(s *tensor.Step, frames *tensor.Tensor, c Condition, n int) []*tensor.Tensor {
	T := frames.Dim(0)
	return m.Rollout(s, first(frames, T), c, T+n)[T-1:]
}

// A Wish is what a clip of the model's own is to show.
type Wish struct {
	Class     int     // of Config.Classes
	Direction float64 // in which the digit starts, radians from rightward to downward
	Seed      uint64  // of the digit's looks and of its first place
}

// Generate makes a clip of T frames for each wish, (T, H, W) of numbers from 0 to 1, on s, which
// it begins. The digit is the drawer's, from noise and the class; its first place is even over the frame;
// what follows is the one clip that the network expects, nothing of it is drawn by chance.
// A wish is fulfilled alike whatever others stand beside it.
//
// Errors: a class that the model has not; a direction that is no number; fewer than 1 frame.
func (m *ConvLSTM) Generate(s *tensor.Step, wishes []Wish, T int) (clips [][]float32, err error) {
	if err := m.checkWishes(wishes, T); err != nil {
		return nil, err
	}
	s.Begin(0)
	first, c := m.firstFrames(s, wishes)
	for b := range wishes {
		clips = append(clips, append([]float32(nil), first[b*m.pixels():(b+1)*m.pixels()]...))
	}
	if T == 1 {
		return clips, nil
	}
	frames := s.Floats(first, 1, len(wishes), m.config.Size[0], m.config.Size[1])
	for _, x := range m.Continue(s, frames, c, T-1) {
		for b, values := 0, x.Floats(); b < len(clips); b++ {
			clips[b] = append(clips[b], values[b*m.pixels():(b+1)*m.pixels()]...)
		}
	}
	return clips, nil
}

func (m *ConvLSTM) checkWishes(wishes []Wish, T int) error {
	if T < 1 || T > mostFrames || len(wishes) == 0 {
		return fmt.Errorf("video: %d clips of %d frames; want 1 or more, and 1 to %d frames", len(wishes), T, mostFrames)
	}
	for _, w := range wishes {
		if w.Class < 0 || w.Class >= len(m.config.Classes) {
			return fmt.Errorf("video: class %d; the model draws 0 to %d", w.Class, len(m.config.Classes)-1)
		}
		if math.IsNaN(w.Direction) || math.IsInf(w.Direction, 0) {
			return fmt.Errorf("video: a direction of %g", w.Direction)
		}
	}
	return nil
}

// pixels is the number of a frame's.
func (m *ConvLSTM) pixels() int { return m.config.Size[0] * m.config.Size[1] }

// firstFrames are (B, H, W), with what is told of them.
func (m *ConvLSTM) firstFrames(s *tensor.Step, wishes []Wish) (frames []float32, c Condition) {
	B := len(wishes)
	var noise []float32
	var places [][2]int
	for _, w := range wishes {
		r := rand.New(rand.NewPCG(w.Seed, 0))
		for range m.config.Latent {
			noise = append(noise, float32(r.NormFloat64()))
		}
		places = append(places, [2]int{r.IntN(m.config.Size[0] - m.config.Digit[0] + 1), r.IntN(m.config.Size[1] - m.config.Digit[1] + 1)})
		c.Classes = append(c.Classes, int32(w.Class))
		c.Directions = append(c.Directions, float32(math.Cos(w.Direction)), float32(math.Sin(w.Direction)))
	}
	drawn := m.Draw(s.Floats(noise, B, m.config.Latent), s.Ints(c.Classes, B)).Sigmoid().Floats() // (B, D)
	frames = make([]float32, B*m.pixels())
	h, w := m.config.Digit[0], m.config.Digit[1]
	for b, at := range places {
		for y := range h {
			copy(frames[b*m.pixels()+(at[0]+y)*m.config.Size[1]+at[1]:], drawn[(b*h+y)*w:(b*h+y+1)*w])
		}
	}
	return frames, c
}
