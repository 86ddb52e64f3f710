package unet_test

import (
	"fmt"

	"github.com/inkstone-ai/inkstone/model/unet"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// A network fills a hole: the weights here are drawn, so it shows nothing yet.
func ExampleInpaint() {
	d := tensor.CPU(1)
	defer d.Close()
	m, err := unet.NewInpaint(unet.Config{Size: [2]int{8, 8}, Channels: 1, Widths: []int{4, 8}})
	if err != nil {
		panic(err)
	}
	nn.Init(m, d, 1)
	s := tensor.NewStep(d, tensor.StepOptions{})
	defer s.Close()
	s.Begin(0)
	picture, hole := s.Full(1, 1, 8, 8, 1), s.Full(0, 1, 8, 8, 1)
	fmt.Println(m.Forward(s, picture, hole, false).Shape())
	// Output: [1 8 8 1]
}

// A network turns a picture of one kind into one of another, and plays in training against a
// discriminator of pairs.
func ExamplePix2Pix() {
	d := tensor.CPU(1)
	defer d.Close()
	m, err := unet.NewPix2Pix(unet.Config{Size: [2]int{8, 8}, Channels: 3, Widths: []int{4, 8}, Judges: []int{4}})
	if err != nil {
		panic(err)
	}
	nn.Init(m, d, 1)
	s := tensor.NewStep(d, tensor.StepOptions{})
	defer s.Close()
	s.Begin(0)
	outline, filled := s.Full(0.5, 2, 8, 8, 3), s.Full(1, 2, 8, 8, 3)
	fmt.Println(m.Forward(s, outline, false).Shape(), m.Discriminator.Forward(s, outline, filled, false).Shape())
	// Output: [2 8 8 3] [2 3 3 1]
}
