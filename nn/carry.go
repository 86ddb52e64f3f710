package nn

import (
	"fmt"

	"github.com/inkstone-ai/inkstone/tensor"
)

// A Carry is the cache of training: it carries the states of recurrent layers from
// batch to batch, each row of which goes on where the one before ended. No gradient
// passes from batch to batch: back-propagation through time is cut there (Williams
// & Peng 1990). It has no room for keys and values.
type Carry struct {
	// States of each layer, (streams, W), the numbers that a checkpoint of the run needs.
	States []*tensor.Tensor

	first int // stream of the pass's first sequence
}

var (
	_ Cache    = (*Carry)(nil)
	_ Stateful = (*Carry)(nil)
)

// NewCarry returns a carry for so many streams and layers of the widths given, all zeros.
func NewCarry(d *tensor.Device, streams int, widths ...int) *Carry {
	c := &Carry{}
	for _, w := range widths {
		c.States = append(c.States, tensor.New(d, streams, w))
	}
	return c
}

// Begin says that the sequences of the passes to come are streams first, first+1, ….
func (c *Carry) Begin(first int) { c.first = first }

// State returns a copy of the streams' states, zeros where a sequence begins.
func (c *Carry) State(layer int, p *Pass, width int) *tensor.Tensor {
	t := c.States[layer]
	if t.Dim(1) != width {
		panic(fmt.Sprintf("nn: states of %d channels in a carry of %d", width, t.Dim(1)))
	}
	for i, span := range p.Spans {
		if span.Past == 0 {
			t.Slice(0, c.first+i, c.first+i+1).Fill(0)
		}
	}
	return p.step.Use(t.Slice(0, c.first, c.first+len(p.Spans))).Contiguous()
}

// SetState stores them after the pass.
func (c *Carry) SetState(layer int, p *Pass, states *tensor.Tensor) {
	c.States[layer].AssignRows(c.first, states, 0, len(p.Spans))
}

// Attend panics: a model with attention needs keys and values, not states.
func (c *Carry) Attend(int, *Pass, *tensor.Tensor, *tensor.Tensor, *tensor.Tensor, Attention) *tensor.Tensor {
	panic("nn: attention over a Carry, which keeps states alone")
}

// Free gives the memory back.
func (c *Carry) Free() {
	for _, t := range c.States {
		t.Free()
	}
}
