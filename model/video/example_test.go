package video_test

import (
	"fmt"
	"math"

	"github.com/inkstone-ai/inkstone/model/video"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// A model makes a clip of its own: the weights here are drawn, so it shows nothing yet.
func ExampleConvLSTM_Generate() {
	d := tensor.CPU(1)
	defer d.Close()
	m, err := video.New(video.Config{
		Size: [2]int{16, 16}, Patch: 4, Widths: []int{8, 8}, Kernel: 3, Global: 8, Motions: 1,
		Classes: []string{"0", "1"}, Digit: [2]int{8, 8}, Hidden: 16, Latent: 4, Context: 3, Frames: 6,
	})
	if err != nil {
		panic(err)
	}
	nn.Init(m, d, 1)
	s := tensor.NewStep(d, tensor.StepOptions{})
	defer s.Close()
	clips, err := m.Generate(s, []video.Wish{{Class: 1, Direction: math.Pi / 4, Seed: 7}}, 6)
	if err != nil {
		panic(err)
	}
	fmt.Println(len(clips), "clip of", len(clips[0])/(16*16), "frames")
	// Output: 1 clip of 6 frames
}
