package tensor_test

import (
	"fmt"

	"github.com/inkstone-ai/inkstone/tensor"
)

// A net of two layers learns the exclusive or.
func Example() {
	d := tensor.Reference()
	defer d.Close()

	w1, b1 := tensor.New(d, 8, 2), tensor.New(d, 8) // (hidden, in)
	w2, b2 := tensor.New(d, 1, 8), tensor.New(d, 1) // (out, hidden)
	w1.FillNormal(1, 1)
	w2.FillNormal(2, 1)
	params := []*tensor.Tensor{w1, b1, w2, b2}
	for _, p := range params {
		p.SetTrainable(true)
	}

	s := tensor.NewStep(d, tensor.StepOptions{Grad: true})
	defer s.Close()
	var y *tensor.Tensor
	for i := range 200 {
		s.Begin(uint64(i))
		x := s.Floats([]float32{0, 0, 0, 1, 1, 0, 1, 1}, 4, 2)
		want := s.Floats([]float32{0, 1, 1, 0}, 4, 1)

		y = x.Linear(w1, b1).Tanh().Linear(w2, b2) // (4, 1)
		loss := y.Sub(want).Square().Mean()

		for _, p := range params {
			p.ZeroGrad()
		}
		if i == 199 {
			y = y.Keep() // Backward takes the activations back
		}
		s.Backward(loss)
		for _, p := range params {
			p.Update(tensor.SGD, nil, nil, tensor.UpdateParams{LR: 0.2})
		}
	}
	fmt.Printf("%.1f\n", y.Floats())
	// Output: [0.0 1.0 1.0 0.0]
}

// Shapes stretch to each other as NumPy's do: dimensions are aligned at the
// last, and one of length 1 repeats.
func ExampleTensor_Add() {
	d := tensor.Reference()
	s := tensor.NewStep(d, tensor.StepOptions{})
	s.Begin(0)
	column := s.Floats([]float32{10, 20}, 2, 1)
	row := s.Floats([]float32{1, 2, 3}, 3)
	sum := column.Add(row)
	fmt.Println(sum.Shape(), sum.Floats())
	// Output: [2 3] [11 12 13 21 22 23]
}

// The loss of the next token, averaged over the rows that count.
func ExampleTensor_HeadLoss() {
	d := tensor.Reference()
	head := tensor.FromFloats(d, []float32{1, 0, 0, 1, -1, -1}, 3, 2) // (V, C)
	s := tensor.NewStep(d, tensor.StepOptions{})
	s.Begin(0)
	x := s.Floats([]float32{4, 0, 0, 4, 1, 1}, 3, 2) // (N, C)
	targets := s.Ints([]int32{0, 1, 2}, 3)
	weights := s.Floats([]float32{0.5, 0.5, 0}, 3) // the last row does not count
	loss, rows := x.HeadLoss(head, nil, targets, tensor.CEOptions{Weights: weights})
	fmt.Printf("%.4f = %.4f\n", loss.Item(), rows.Floats())
	// Output: 0.0185 = [0.0092 0.0092 0.0000]
}

// A view shares its tensor's memory; Keep makes a copy that outlives the step.
func ExampleTensor_Slice() {
	d := tensor.Reference()
	s := tensor.NewStep(d, tensor.StepOptions{})
	s.Begin(0)
	x := s.Floats([]float32{1, 2, 3, 4, 5, 6}, 2, 3)
	kept := x.Slice(1, 1, 3).Keep()
	s.Begin(1) // x ends here
	fmt.Println(kept, kept.Floats())
	// Output: f32(2, 2) [2 3 5 6]
}
