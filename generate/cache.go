package generate

import (
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// slots is a cache in which each sequence has a strip of context rows of its
// own, in every layer. Strips are allocated at the first use of a layer, which
// is when its sizes are known; memory that no sequence has reached is address
// space only.
type slots struct {
	device  *tensor.Device
	count   int // strips
	context int // rows of each; 0 for a model without a window, whose sequences are states

	keys, values []*tensor.Tensor // of each layer (count·context, G, D)
	inputs       []*tensor.Tensor // of each convolution (count·context, C)
	states       []*tensor.Tensor // of each recurrent layer (count, W)

	step     *tensor.Step   // of the pass
	at       []int          // the strip of each of its sequences
	rows     []int32        // scratch of segments
	segments *tensor.Tensor // (S, 4): the pass's rows, the strips' filled parts
}

var (
	_ nn.Cache    = (*slots)(nil)
	_ nn.Recent   = (*slots)(nil)
	_ nn.Stateful = (*slots)(nil)
)

// begin tells the strips of a pass's sequences, in the order of its spans.
func (c *slots) begin(s *tensor.Step, p *nn.Pass, at []int) {
	c.step, c.at, c.rows = s, at, c.rows[:0]
	first := 0
	for i, span := range p.Spans {
		c.rows = append(c.rows, int32(first), int32(span.Rows), int32(at[i]*c.context), int32(span.Past+span.Rows))
		first += span.Rows
	}
	c.segments = s.Ints(c.rows, len(at), 4)
}

// Attend stores k and v of a layer and returns the attention of q over all that
// the sequences have stored.
func (c *slots) Attend(layer int, p *nn.Pass, q, k, v *tensor.Tensor, a nn.Attention) *tensor.Tensor {
	keys, values := c.store(&c.keys, layer, p, k), c.store(&c.values, layer, p, v)
	return nn.FlashAttention(c.segments, q, keys, values, a)
}

// Recent stores the input of a convolution and returns all that is stored.
func (c *slots) Recent(conv int, p *nn.Pass, x *tensor.Tensor, _ int) (rows, segments *tensor.Tensor) {
	return c.step.Use(c.store(&c.inputs, conv, p, x)), c.segments
}

// State returns a copy of the sequences' states, zeros for a new one's.
func (c *slots) State(layer int, p *nn.Pass, width int) *tensor.Tensor {
	for len(c.states) <= layer {
		c.states = append(c.states, tensor.New(c.device, c.count, width))
	}
	t := c.states[layer]
	rows := make([]int32, len(c.at))
	for i, at := range c.at {
		rows[i] = int32(at)
		if p.Spans[i].Past == 0 {
			t.Slice(0, at, at+1).Fill(0)
		}
	}
	return c.step.Use(t).Rows(c.step.Ints(rows, len(rows)))
}

// SetState stores them after the pass.
func (c *slots) SetState(layer int, _ *nn.Pass, states *tensor.Tensor) {
	for i, at := range c.at {
		c.states[layer].AssignRows(at, states, i, 1)
	}
}

// store appends the rows of x (N, …) to the strips of strips[i].
func (c *slots) store(strips *[]*tensor.Tensor, i int, p *nn.Pass, x *tensor.Tensor) *tensor.Tensor {
	for len(*strips) <= i {
		*strips = append(*strips, nil)
	}
	t := (*strips)[i]
	if t == nil {
		shape := x.Shape()
		shape[0] = c.count * c.context
		t = tensor.New(c.device, shape...)
		(*strips)[i] = t
	}
	first := 0
	for j, span := range p.Spans {
		t.AssignRows(c.at[j]*c.context+span.Past, x, first, span.Rows)
		first += span.Rows
	}
	return t
}

// copy gives strip to the first rows of strip from: a hypothesis goes on in two ways.
func (c *slots) copy(to, from, rows int) {
	for _, strips := range [][]*tensor.Tensor{c.keys, c.values, c.inputs} {
		for _, t := range strips {
			if t != nil {
				t.AssignRows(to*c.context, t, from*c.context, rows)
			}
		}
	}
	for _, t := range c.states {
		t.AssignRows(to, t, from, 1)
	}
}

// free gives the memory back.
func (c *slots) free() {
	for _, strips := range [][]*tensor.Tensor{c.keys, c.values, c.inputs, c.states} {
		for _, t := range strips {
			if t != nil {
				t.Free()
			}
		}
	}
	c.keys, c.values, c.inputs, c.states = nil, nil, nil, nil
}
