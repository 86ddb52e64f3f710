package train_test

import (
	"context"
	"fmt"

	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/train"
)

// A line is fitted to points of y = 3x − 1.
func ExampleRun() {
	d := tensor.CPU(1)
	defer d.Close()
	slope, shift := tensor.New(d, 1, 1), tensor.New(d, 1)
	slope.SetTrainable(true)
	shift.SetTrainable(true)

	line := &train.Stepper{
		Groups: []train.Group{{
			Params: []train.Param{{Name: "slope", Tensor: slope}, {Name: "shift", Tensor: shift}},
			Rule:   train.AdamW{},
			LR:     0.1,
		}},
		Schedule: train.Schedule{Shape: train.WSD, Warmup: 0.05, Decay: 0.5},
		Clip:     1,
		Loss: func(s *tensor.Step, index, _ int) (*tensor.Tensor, error) {
			x := s.Floats([]float32{-1, 0, 1, float32(index % 3)}, 4, 1)
			y := x.Scale(3).AddScalar(-1)
			return x.Linear(slope, shift).Sub(y).Square().Mean(), nil
		},
	}
	res, err := train.Run(context.Background(), train.Config{Device: d, Steps: 300}, line)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%d steps: y = %.2fx %+.2f\n", res.Steps, slope.Item(), shift.Item())
	// Output: 300 steps: y = 3.00x -1.00
}

func ExampleDepth() {
	r, err := train.Depth(4, 8192)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("width %d, %d heads, context %d, %d parameters\n", r.Width, r.Heads, r.Context, r.Parameters(8192))
	fmt.Printf("%d steps of %d tokens, AdamW %.2g, Muon %.2g\n", r.Steps(), r.Rows*r.Micro*r.Context, r.LR, r.MuonLR)
	// Output:
	// width 256, 4 heads, context 256, 5310720 parameters
	// 6483 steps of 16384 tokens, AdamW 0.0021, Muon 0.02
}
