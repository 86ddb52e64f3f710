package bert_test

import (
	"fmt"

	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/model/bert"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// A tiny BERT learns by heart which of two words is hidden between two others:
// after 5 comes 6 where 8 follows, and 7 where 9 does. What it says depends on
// both sides.
func Example() {
	d := tensor.CPU(1)
	defer d.Close()
	m, err := bert.New(bert.Config{
		Architectures: []string{string(bert.FillMask)}, Vocab: 10, Context: 4, Width: 16, Layers: 1, Heads: 2, Std: 0.2,
	})
	if err != nil {
		panic(err)
	}
	nn.Init(m, d, 1)
	for _, p := range nn.Params(m) {
		p.Tensor.SetTrainable(true)
	}
	ids := []int32{5, 4, 8 /**/, 5, 4, 9} // two sequences; 4 is the mask
	s := tensor.NewStep(d, tensor.StepOptions{Grad: true})
	defer s.Close()
	var p nn.Pass
	for i := range 60 {
		s.Begin(uint64(i))
		p.SetRows(s, ids, 3)
		loss := model.MaskedLoss(m, &p, p.Ints([]int32{1, 4}), p.Ints([]int32{6, 7}), nil)
		s.Backward(loss)
		for _, q := range nn.Params(m) {
			q.Tensor.Update(tensor.SGD, nil, nil, tensor.UpdateParams{LR: 0.1})
			q.Tensor.ZeroGrad()
		}
	}
	s.Begin(60)
	p.SetRows(s, ids, 3)
	x := m.Forward(&p)                                // (6, 16)
	logits := m.Logits(x.Rows(p.Ints([]int32{1, 4}))) // (2, 10)
	fmt.Println(logits.ArgMax(1).Ints())
	// Output: [6 7]
}
