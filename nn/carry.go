package nn

import (
	"fmt"
	"slices"

	"github.com/inkstone-ai/inkstone/tensor"
)

// A Carry is the cache of training: it carries the states of recurrent layers from
// batch to batch, each row of which goes on where the one before ended. No gradient
// passes from batch to batch: back-propagation through time is cut there (Williams
// & Peng 1990). It has no room for keys and values.
//
// Where a batch is gone through several times, the first pass carries the states on;
// each of the others, see [Pass.Replay], begins where that one began.
type Carry struct {
	// States of each layer, (streams, W), the numbers that a checkpoint of the run needs.
	States []*tensor.Tensor

	starts []*tensor.Tensor // with which the newest batch of each stream began
	first  int              // stream of the pass's first sequence
}

var (
	_ Cache    = (*Carry)(nil)
	_ Stateful = (*Carry)(nil)
)

// NewCarry returns a carry for so many streams and layers of the widths given, all zeros.
func NewCarry(d *tensor.Device, streams int, widths ...int) *Carry {
	c := &Carry{}
	for _, w := range widths {
		c.States, c.starts = append(c.States, tensor.New(d, streams, w)), append(c.starts, tensor.New(d, streams, w))
	}
	return c
}

// Begin says that the sequences of the passes to come are streams first, first+1, ….
func (c *Carry) Begin(first int) { c.first = first }

// State returns a copy of the streams' states, zeros where a sequence begins.
func (c *Carry) State(layer int, p *Pass, width int) *tensor.Tensor {
	start, S := c.starts[layer], len(p.Spans)
	if start.Dim(1) != width {
		panic(fmt.Sprintf("nn: states of %d channels in a carry of %d", width, start.Dim(1)))
	}
	if !p.Replay {
		start.AssignRows(c.first, c.States[layer], c.first, S)
		for i, span := range p.Spans {
			if span.Past == 0 {
				start.Slice(0, c.first+i, c.first+i+1).Fill(0)
			}
		}
	}
	return p.step.Use(start.Slice(0, c.first, c.first+S)).Contiguous()
}

// SetState stores them after the pass.
func (c *Carry) SetState(layer int, p *Pass, states *tensor.Tensor) {
	if !p.Replay {
		c.States[layer].AssignRows(c.first, states, 0, len(p.Spans))
	}
}

// Attend panics: a model with attention needs keys and values, not states.
func (c *Carry) Attend(int, *Pass, *tensor.Tensor, *tensor.Tensor, *tensor.Tensor, Attention) *tensor.Tensor {
	panic("nn: attention over a Carry, which keeps states alone")
}

// Free gives the memory back.
func (c *Carry) Free() {
	for _, t := range slices.Concat(c.States, c.starts) {
		t.Free()
	}
}
