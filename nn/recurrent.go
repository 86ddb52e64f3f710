package nn

import (
	"fmt"
	"math"
	"slices"

	"github.com/inkstone-ai/inkstone/tensor"
)

// A Cell is what a recurrent layer computes at each step.
type Cell = tensor.Cell

// Cells: the networks of Elman 1990 and of Hochreiter & Schmidhuber 1997, and the
// gated recurrent unit of Cho et al. 2014; see [tensor.LSTMCell] for their formulas.
const (
	RNN  = tensor.ElmanCell
	LSTM = tensor.LSTMCell
	GRU  = tensor.GRUCell
)

// Recurrent is a layer of cells that goes over sequences from their first token to
// the last. Weights have PyTorch's names and order of gates: i, f, g, o of an LSTM
// and r, z, n of a GRU.
//
// A state is one row a sequence, (S, W): h, of an LSTM h and c side by side.
type Recurrent struct {
	WI *tensor.Tensor `hf:"weight_ih_l0"` // (gates·H, in)
	WH *tensor.Tensor `hf:"weight_hh_l0"` // (gates·H, H)
	BI *tensor.Tensor `hf:"bias_ih_l0"`   // (gates·H)
	BH *tensor.Tensor `hf:"bias_hh_l0"`   // (gates·H)

	Std float32 // of the weights at the start; 0: 1/√(3H), the deviation of PyTorch's uniform numbers

	cell Cell
}

// NewRecurrent declares a layer from in channels to hidden, H.
func NewRecurrent(cell Cell, in, hidden int) Recurrent {
	n := cell.Gates() * hidden
	return Recurrent{WI: tensor.Declare(n, in), WH: tensor.Declare(n, hidden), BI: tensor.Declare(n), BH: tensor.Declare(n), cell: cell}
}

// Hidden is H, the channels of the output.
func (r *Recurrent) Hidden() int { return r.WH.Dim(1) }

// StateWidth is W, the channels of a state: H, of an LSTM 2H.
func (r *Recurrent) StateWidth() int { return r.cell.States() * r.Hidden() }

// Forward runs the layer over x (N, in), whose rows are in the order of o: y (N, H)
// are its outputs in that order and end (S, W) the states after each sequence's
// last token. start (S, W) are those before the first, both in the order of the
// pass's sequences.
//
// The products with the input are one for all steps; a step waits for the one
// before it with the product of the state alone.
func (r *Recurrent) Forward(o *TimeOrder, x, start *tensor.Tensor) (y, end *tensor.Tensor) {
	states := x.Linear(r.WI, r.BI).Recurrent(r.cell, r.WH, r.BH, o.sorted(start), o.Steps) // (N, W)
	return states.Slice(1, 0, r.Hidden()), states.Rows(o.Last)
}

// Step makes one step of every sequence: x (S, in) and the states before give the
// states after, (S, W). Of an LSTM, h is the first H columns.
func (r *Recurrent) Step(x, before *tensor.Tensor) *tensor.Tensor {
	return x.Linear(r.WI, r.BI).Recurrent(r.cell, r.WH, r.BH, before, []int{x.Dim(0)})
}

// Output is the h of states (…, W), (…, H).
func (r *Recurrent) Output(states *tensor.Tensor) *tensor.Tensor {
	return states.Slice(-1, 0, r.Hidden())
}

// Role tells matrices from biases.
func (r *Recurrent) Role(field string) Role {
	if field == "BI" || field == "BH" {
		return Bias
	}
	return Matrix
}

// Draw fills weights and biases from a uniform distribution around 0, as PyTorch does: in
// ±1/√H, with Std in ±√3·Std. The forget gate of an LSTM begins open, at 1
// (Jozefowicz et al. 2015): what a cell holds, and its gradient, then lasts from the
// first step on.
func (r *Recurrent) Draw(field string, w *tensor.Tensor, key uint64) {
	std := r.Std
	if std == 0 {
		std = float32(1 / math.Sqrt(3*float64(r.Hidden())))
	}
	bound := float32(math.Sqrt(3)) * std
	w.FillUniform(key, -bound, bound)
	if H := r.Hidden(); r.cell == LSTM && field == "BI" {
		w.Slice(0, H, 2*H).Fill(1)
	}
	if H := r.Hidden(); r.cell == LSTM && field == "BH" {
		w.Slice(0, H, 2*H).Fill(0)
	}
}

// A TimeOrder is the order in which recurrent layers read the tokens of a pass: those
// of all sequences' first step, then those of the second and so on, longer sequences
// before shorter ones, so that each step's rows are the first of the step before.
type TimeOrder struct {
	Steps []int          // sequences that have a token at each step
	IDs   *tensor.Tensor // (N) int32, the pass's token ids in this order
	Last  *tensor.Tensor // (S) int32, the row of each sequence's last token, sequences in the pass's order
	Back  *tensor.Tensor // (N) int32, the row of each token of the pass

	first *tensor.Tensor // (S) int32, the sequences, longest first; nil where that is their order

	longest, starts, last, back, ids []int32 // what the tensors are made of, kept from pass to pass
	tokens                           []int32 // the token of the pass at each row
}

// TimeOrder returns the order of p's tokens for its recurrent layers, formed once a pass.
func (p *Pass) TimeOrder() *TimeOrder {
	if !p.ordered {
		p.order.fill(p)
		p.ordered = true
	}
	return &p.order
}

// EmbedInTime is [Pass.Embed] with rows in the order of p.TimeOrder.
func (p *Pass) EmbedInTime(e *Embedding) *tensor.Tensor {
	o := p.TimeOrder()
	if p.Noise == nil {
		return e.Forward(o.IDs)
	}
	return p.Embed(e).Rows(p.Ints(o.tokens))
}

func (o *TimeOrder) fill(p *Pass) {
	S, N := len(p.Spans), len(p.ids)
	o.sort(p.Spans)
	o.last, o.back = slices.Grow(o.last[:0], S)[:S], slices.Grow(o.back[:0], N)[:N]
	o.Steps, o.ids, o.tokens = o.Steps[:0], o.ids[:0], o.tokens[:0]
	for t := 0; len(o.ids) < N; t++ {
		n := 0
		for ; n < S && p.Spans[o.longest[n]].Rows > t; n++ {
			s := o.longest[n]
			from, row := o.starts[s]+int32(t), int32(len(o.ids))
			o.back[from], o.last[s] = row, row
			o.ids, o.tokens = append(o.ids, p.ids[from]), append(o.tokens, from)
		}
		o.Steps = append(o.Steps, n)
	}
	o.IDs, o.Back, o.Last = p.step.Ints(o.ids, N), p.step.Ints(o.back, N), p.step.Ints(o.last, S)
	if o.first = nil; !slices.IsSorted(o.longest) {
		o.first = p.step.Ints(o.longest, S)
	}
}

// sort orders the sequences by length and finds the row at which each begins.
func (o *TimeOrder) sort(spans []Span) {
	o.longest, o.starts = o.longest[:0], o.starts[:0]
	at := int32(0)
	for i, span := range spans {
		o.longest, o.starts = append(o.longest, int32(i)), append(o.starts, at)
		at += int32(span.Rows)
	}
	slices.SortStableFunc(o.longest, func(a, b int32) int { return spans[b].Rows - spans[a].Rows })
}

// Longest returns the sequences in the order of the rows of a step.
func (o *TimeOrder) Longest() []int32 { return o.longest }

// sorted are states in the order in which a step has them.
func (o *TimeOrder) sorted(states *tensor.Tensor) *tensor.Tensor {
	if o.first == nil {
		return states
	}
	return states.Rows(o.first)
}

// A Stateful is a [Cache] that keeps the states of recurrent layers from pass to
// pass, for models that have them. Such a model sees all of the past through a state
// and has no context window.
type Stateful interface {
	// State returns the states of a layer before the pass, (S, width), zeros for a
	// sequence without a past.
	State(layer int, p *Pass, width int) *tensor.Tensor
	// SetState stores those after it.
	SetState(layer int, p *Pass, states *tensor.Tensor)
}

// Recur runs layer number layer over x, whose rows are in the order of p.TimeOrder,
// and returns its outputs (N, H). States come from p.Cache and go there; without one every
// sequence begins with zeros. It panics when p's cache is no [Stateful].
func (p *Pass) Recur(layer int, r *Recurrent, x *tensor.Tensor) *tensor.Tensor {
	W := r.StateWidth()
	if p.Cache == nil {
		y, _ := r.Forward(p.TimeOrder(), x, p.step.Zeros(len(p.Spans), W))
		return y
	}
	c, ok := p.Cache.(Stateful)
	if !ok {
		panic(fmt.Sprintf("nn: a recurrent layer over cache %T, which keeps no states", p.Cache))
	}
	y, end := r.Forward(p.TimeOrder(), x, c.State(layer, p, W))
	c.SetState(layer, p, end)
	return y
}
