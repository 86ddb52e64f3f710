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
