package train

import (
	"fmt"

	"github.com/inkstone-ai/inkstone/tensor"
)

// Rows are those rows of a table that one step reads and changes. A table of word
// vectors has a row for each of a hundred thousand words and a batch meets a
// thousand of them: going over all for the gradient, its norm and the update would
// take most of the time. So a step has a copy of its rows, (Most, …), that is
// trained as any parameter, and puts it back; so it does with the rule's state.
//
// A row that no batch asks for is not touched, by weight decay and by moments that
// would fade neither: rules without both (SGD, AdaGrad) give what they give on the
// whole table, the others are "lazy" (as PyTorch's SparseAdam is).
type Rows struct {
	Most int // rows of one step

	table *tensor.Tensor   // (V, …)
	part  *tensor.Tensor   // (Most, …), trainable: rows ids of the table
	slots []*tensor.Tensor // as part, of the rule's state
	ids   []int32          // the step's rows, none twice
}

// Take fetches rows ids of the table, none of them twice, and returns the copy as
// a tensor (Most, …) of step s, of which the first len(ids) rows count. A [Stepper]'s
// Loss calls it once and leaves ids alone until the next step; more than Most ids panic.
func (r *Rows) Take(s *tensor.Step, ids []int32) *tensor.Tensor {
	if r.part == nil {
		panic("train: Take: these Rows are of no parameter that is being trained")
	}
	if len(ids) > r.Most {
		panic(fmt.Sprintf("train: Take: %d rows, at most %d were announced", len(ids), r.Most))
	}
	r.ids = ids
	r.part.TakeRows(r.table, ids)
	return s.Use(r.part)
}

// bind makes r the rows of table, whose rule keeps the given number of slots.
func (r *Rows) bind(table *tensor.Tensor, slots int) {
	shape := table.Shape()
	shape[0] = r.Most
	*r = Rows{Most: r.Most, table: table, part: tensor.New(table.Device(), shape...)}
	r.part.SetTrainable(true)
	for range slots {
		r.slots = append(r.slots, tensor.New(table.Device(), shape...))
	}
}

// free gives the copies back.
func (r *Rows) free() {
	if r.part == nil {
		return
	}
	for _, t := range append(r.slots, r.part) {
		t.Free()
	}
	*r = Rows{Most: r.Most}
}

// update makes one step of a rule on the rows; slots are of the whole table.
func (r *Rows) update(rule Rule, s *tensor.Step, slots []*tensor.Tensor, h Hyper) {
	for i, whole := range slots {
		r.slots[i].TakeRows(whole, r.ids)
	}
	rule.Update(s, r.part, r.slots, h)
	r.table.PutRows(r.ids, r.part)
	for i, whole := range slots {
		whole.PutRows(r.ids, r.slots[i])
	}
	r.ids = nil
}

// trained is what gets the gradient: the parameter, or its rows.
func (p Param) trained() *tensor.Tensor {
	if p.Rows != nil {
		return p.Rows.part
	}
	return p.Tensor
}
