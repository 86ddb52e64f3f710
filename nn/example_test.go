package nn_test

import (
	"fmt"

	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// Three tokens with queries, keys and values of two channels. The scores of
// orange's query (1, 1) are its products with the keys (0, 0), (2, 0), (0, 2),
// over √2: 0, 1.41, 1.41. Softmax makes 0.11, 0.45, 0.45 of them, and the output
// is that mixture of the values. <START> sees itself alone, and apple does not
// see orange, which comes after it.
func ExampleFlashAttention() {
	d := tensor.Reference()
	defer d.Close()
	s := tensor.NewStep(d, tensor.StepOptions{})
	s.Begin(0)

	tokens := []string{"<START>", "apple", "orange"}
	q := s.Floats([]float32{1, 0 /**/, 1, 0 /**/, 1, 1}, 3, 1, 2) // (N, H, D)
	k := s.Floats([]float32{0, 0 /**/, 2, 0 /**/, 0, 2}, 3, 1, 2)
	v := s.Floats([]float32{0, 0 /**/, 1, 0 /**/, 0, 1}, 3, 1, 2)
	segments := s.Ints([]int32{0, 3, 0, 3}, 1, 4) // one sequence

	y := nn.FlashAttention(segments, q, k, v, nn.Attention{}).Floats()
	for i, token := range tokens {
		fmt.Printf("%-7s  %.2f of apple, %.2f of orange\n", token, y[2*i], y[2*i+1])
	}
	// Output:
	// <START>  0.00 of apple, 0.00 of orange
	// apple    0.80 of apple, 0.00 of orange
	// orange   0.45 of apple, 0.45 of orange
}

// A model is a struct; its weights are the fields with tags.
func ExampleWalk() {
	perceptron := &struct {
		Hidden nn.Linear  `hf:"hidden"`
		Norm   nn.RMSNorm `hf:"norm"`
		Out    nn.Linear  `hf:"out"`
	}{nn.NewLinear(2, 8, true), nn.NewRMSNorm(8, 1e-5), nn.NewLinear(8, 1, false)}
	nn.Walk(perceptron, func(p nn.Param) { fmt.Println(p.Name, p.Tensor.Shape(), p.Role) })
	// Output:
	// hidden.weight [8 2] matrix
	// hidden.bias [8] bias
	// norm.weight [8] gain
	// out.weight [1 8] matrix
}

// An Elman cell with one channel, weights 1 and no biases adds its input to its state and
// keeps the tanh of that. Two sequences go through it side by side, one of them
// longer; the second begins where an earlier one ended.
func ExampleRecurrent() {
	d := tensor.Reference()
	defer d.Close()
	layer := nn.NewRecurrent(nn.RNN, 1, 1)
	for _, w := range []*tensor.Tensor{layer.WI, layer.WH, layer.BI, layer.BH} {
		w.Bind(d)
	}
	layer.WI.Fill(1)
	layer.WH.Fill(1)

	s := tensor.NewStep(d, tensor.StepOptions{})
	s.Begin(0)
	var p nn.Pass
	p.Set(s, []int32{0, 1, 2, 3, 4}, nn.Span{Rows: 2}, nn.Span{Rows: 3}) // ids 0 1, and 2 3 4
	o := p.TimeOrder()
	fmt.Println("ids in the order of time:", o.IDs.Ints(), "sequences a step:", o.Steps)

	x := s.Floats([]float32{1, 0, 0, 0, 0}, 5, 1) // a one for id 2, the first of the longer sequence
	start := s.Floats([]float32{0, 0.5}, 2, 1)    // of the pass's two sequences
	y, end := layer.Forward(o, x, start)
	for t, h := range y.Rows(o.Back).Floats() {
		fmt.Printf("after id %d: %.3f\n", t, h)
	}
	fmt.Printf("states: %.3f\n", end.Floats())
	// Output:
	// ids in the order of time: [2 0 3 1 4] sequences a step: [2 2 1]
	// after id 0: 0.000
	// after id 1: 0.000
	// after id 2: 0.905
	// after id 3: 0.719
	// after id 4: 0.616
	// states: [0.000 0.616]
}
