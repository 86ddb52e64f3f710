package generate

import (
	"fmt"

	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// paged is a cache in pages: a place of the pool is a page in the keys and values of every layer
// and in the inputs of every convolution. Recurrent layers keep a state for each sequence instead. Tensors are
// allocated at the first use of a layer, which is when its sizes are known; memory that no page
// has reached is address space only.
type paged struct {
	device *tensor.Device
	total  int          // pages
	dtype  tensor.DType // of keys and values
	slots  int          // sequences, for states

	keys, values []*tensor.Tensor // of each layer (total·pageTokens, G, D)
	inputs       []*tensor.Tensor // of each convolution (total·pageTokens, C)
	states       []*tensor.Tensor // of each recurrent layer (slots, W)

	step     *tensor.Step // of the pass
	at       []place      // of each of its sequences
	words    []int32      // scratch of segments
	table    []int32      // pages of the pass's sequences, end to end
	segments *tensor.Tensor
	pages    *tensor.Tensor
}

// A place is where a sequence's past lies.
type place struct {
	pages []*page
	slot  int // of its state
}

var (
	_ nn.Cache    = (*paged)(nil)
	_ nn.Recent   = (*paged)(nil)
	_ nn.Stateful = (*paged)(nil)
)

// pageBytes is the memory of a page.
func pageBytes(s model.Shape, dt tensor.DType) int {
	return pageTokens * (2*s.Layers*dt.Bytes(s.KVHeads*s.HeadDim) + tensor.F32.Bytes(s.Inputs))
}

// CacheType is the type of keys and values that suits a model: F32 where most of its matrices' bytes are F32, so that
// tokens come as the training saw them; else F16, which rounds no more than the weights were rounded, and takes half the
// memory and half the reading.
func CacheType(lm model.LM) tensor.DType {
	full, all := 0, 0
	nn.Walk(lm, func(p nn.Param) {
		if p.Role != nn.Matrix {
			return
		}
		if all += p.Tensor.Bytes(); p.Tensor.DType() == tensor.F32 {
			full += p.Tensor.Bytes()
		}
	})
	if 2*full > all {
		return tensor.F32
	}
	return tensor.F16
}

// CacheBytes is the memory that the keys and values of so many tokens of one text take, and the inputs of
// convolutions.
func CacheBytes(s model.Shape, t tensor.DType, tokens int) int64 {
	return int64(pagesOf(tokens)) * int64(pageBytes(s, t))
}

// begin tells where the pasts of a pass's sequences lie, in the order of its spans.
func (c *paged) begin(s *tensor.Step, p *nn.Pass, at []place) {
	c.step, c.at, c.words, c.table = s, at, c.words[:0], c.table[:0]
	first := 0
	for i, span := range p.Spans {
		key := len(c.table) * pageTokens
		c.words = append(c.words, int32(first), int32(span.Rows), int32(key), int32(span.Past+span.Rows))
		for _, g := range at[i].pages {
			c.table = append(c.table, g.at)
		}
		first += span.Rows
	}
	c.segments, c.pages = s.Ints(c.words, len(at), 4), s.Ints(c.table, len(c.table))
}

// Attend stores k and v of a layer and returns the attention of q over all that
// the sequences have stored.
func (c *paged) Attend(layer int, p *nn.Pass, q, k, v *tensor.Tensor, a nn.Attention) *tensor.Tensor {
	keys, values := c.store(&c.keys, layer, p, k, c.dtype), c.store(&c.values, layer, p, v, c.dtype)
	a.Pages, a.Page = c.pages, pageTokens
	return nn.FlashAttention(c.segments, q, keys, values, a)
}

// Recent stores the input of a convolution and returns it behind what the sequences had before.
func (c *paged) Recent(conv int, p *nn.Pass, x *tensor.Tensor, width int) (rows, segments *tensor.Tensor) {
	stored := c.store(&c.inputs, conv, p, x, tensor.F32)
	var ids, words []int32
	first := 0
	for i, span := range p.Spans {
		from := max(0, span.Past-(width-1))
		words = append(words, int32(first), int32(span.Rows), int32(len(ids)), int32(span.Past+span.Rows-from))
		for at := from; at < span.Past+span.Rows; at++ {
			ids = append(ids, c.row(i, at))
		}
		first += span.Rows
	}
	return c.step.Use(stored).Rows(c.step.Ints(ids, len(ids))), c.step.Ints(words, len(p.Spans), 4)
}

// row is where position at of sequence i of the pass lies.
func (c *paged) row(i, at int) int32 {
	return c.at[i].pages[at/pageTokens].at*pageTokens + int32(at%pageTokens)
}

// store puts the rows of x (N, …) into the pages of list[i].
func (c *paged) store(list *[]*tensor.Tensor, i int, p *nn.Pass, x *tensor.Tensor, dt tensor.DType) *tensor.Tensor {
	t := c.tensor(list, i, x.Shape(), dt)
	first := 0
	for j, span := range p.Spans {
		for past, end := span.Past, span.Past+span.Rows; past < end; {
			n := min(pageTokens-past%pageTokens, end-past)
			t.AssignRows(int(c.row(j, past)), x, first, n)
			past, first = past+n, first+n
		}
	}
	return t
}

// tensor is list[i], allocated where it is not yet.
func (c *paged) tensor(list *[]*tensor.Tensor, i int, shape []int, dt tensor.DType) *tensor.Tensor {
	for len(*list) <= i {
		*list = append(*list, nil)
	}
	if (*list)[i] == nil {
		if last := shape[len(shape)-1]; last%dt.Block() != 0 {
			panic(fmt.Sprintf("generate: a cache of %v for heads of %d channels", dt, last))
		}
		shape[0] = c.total * pageTokens
		(*list)[i] = tensor.NewTyped(c.device, dt, shape...)
	}
	return (*list)[i]
}

// State returns a copy of the sequences' states, zeros for a new one's.
func (c *paged) State(layer int, p *nn.Pass, width int) *tensor.Tensor {
	for len(c.states) <= layer {
		c.states = append(c.states, tensor.New(c.device, c.slots, width))
	}
	t := c.states[layer]
	rows := make([]int32, len(c.at))
	for i, at := range c.at {
		rows[i] = int32(at.slot)
		if p.Spans[i].Past == 0 {
			t.Slice(0, at.slot, at.slot+1).Fill(0)
		}
	}
	return c.step.Use(t).Rows(c.step.Ints(rows, len(rows)))
}

// SetState stores them after the pass.
func (c *paged) SetState(layer int, _ *nn.Pass, states *tensor.Tensor) {
	for i, at := range c.at {
		c.states[layer].AssignRows(at.slot, states, i, 1)
	}
}

// stored are the tensors that have pages, in the order of a file.
func (c *paged) stored() (all []*tensor.Tensor) {
	for _, list := range [][]*tensor.Tensor{c.keys, c.values, c.inputs} {
		for _, t := range list {
			if t != nil {
				all = append(all, t)
			}
		}
	}
	return all
}

// copy copies the first rows of page from to page to.
func (c *paged) copy(to, from int32, rows int) {
	for _, t := range c.stored() {
		t.AssignRows(int(to)*pageTokens, t, int(from)*pageTokens, rows)
	}
}

// close gives the memory back.
func (c *paged) close() {
	for _, t := range append(c.stored(), c.states...) {
		t.Free()
	}
	c.keys, c.values, c.inputs, c.states = nil, nil, nil, nil
}
