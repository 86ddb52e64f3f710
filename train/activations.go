package train

import "github.com/inkstone-ai/inkstone/tensor"

// Activations returns the bytes that a step's arena holds for B rows of T tokens. The
// results that Backward reads stay until their gradient was formed, but for norms,
// activations and gates, of which one at a time exists; the logits exist in chunks of
// rows only and the attention's scores never. Buffers serve one size each, so a chunk of
// logits and the gradients of the backward add up though they do not meet.
//
// With checkpoint a block keeps its input alone, and the whole of one block at a time
// is computed again. A test holds the formula against the arena's own count.
func (d Dimensions) Activations(B, T int, checkpoint bool) int64 {
	return d.activations(Load{Rows: B, Context: T, Checkpoint: checkpoint})
}

// activations is Activations of whatever the model and the run are. A virtual adversary
// has the results of two passes on one tape.
func (d Dimensions) activations(l Load) int64 {
	if d = d.complete(); l.Source > 0 {
		return d.pairActivations(l)
	}
	N, C, passes := int64(l.Rows)*int64(l.Context), int64(d.Width), l.Adversary.taped()
	blocks := passes * int64(d.Layers) * d.block()
	if l.Checkpoint {
		blocks = passes*int64(d.Layers)*C + d.block()
		if !d.Encoder {
			blocks += d.dropped()
		}
	}
	asked := N
	if d.Encoder && l.Asked > 0 {
		asked = max(1, int64(l.Asked*float64(N)+0.5))
	}
	return 4*N*(blocks+d.outside(l.Adversary)+d.gradients()) + d.head(asked, l.Adversary)
}

// head is the bytes of what is computed for the tokens that the head is asked for.
func (d Dimensions) head(tokens int64, a Adversary) int64 {
	b := buffers{}
	d.logits(b, tokens, a)
	if d.Encoder { // rows, layer, its activation and norm, gradients; ids, targets, weights, losses
		C := int64(d.Width)
		b.add(4*a.taped()+1, tokens*C)
		b.add(6*a.taped(), tokens)
	}
	return b.bytes()
}

// logits adds those of N tokens to b: chunks of rows, of which the last is smaller, or
// all at once for a virtual adversary, who compares the answers of two passes: logits
// and their logarithms of both, what the divergence is made of, and gradients.
func (d Dimensions) logits(b buffers, N int64, a Adversary) {
	V, rows := int64(d.Vocab), int64(tensor.HeadRows(d.Vocab, d.Width))
	if a.Method == "virtual" {
		b.add(9, N*V)
		return
	}
	last := buffers{}
	last.add(1, N%rows*V)
	if N >= rows {
		b.add(1, rows*V)
	}
	b.join(last)
}

// complete derives the dimensions that may be left out.
func (d Dimensions) complete() Dimensions {
	if d.KVHeads == 0 {
		d.KVHeads = d.Heads
	}
	if d.HeadDim == 0 && d.Heads > 0 {
		d.HeadDim = d.Width / d.Heads
	}
	return d
}

// heads is the channels of all queries, and of all keys, which are as many as those of
// the values.
func (d Dimensions) heads() (q, kv int64) {
	return int64(d.Heads) * int64(d.HeadDim), int64(d.KVHeads) * int64(d.HeadDim)
}

// block is the floats of one token that a block keeps: the projections, rotary's turned
// copies, attention (with a log-sum for each head), the feed-forward part, what enters
// the two sums and the sums, and a mean and a deviation of each norm.
func (d Dimensions) block() int64 {
	C, F, H := int64(d.Width), int64(d.Hidden), int64(d.Heads)
	if d.Cell != nil { // products of the input, what the cell keeps, states
		return C * int64(d.Cell.Gates()+d.Cell.Kept()+d.Cell.States())
	}
	q, kv := d.heads()
	n := (q + 2*kv) + (q + H) + 4*C + F + 4
	if d.Encoder {
		n += d.dropped() + C // the first norm is read again behind the feed-forward part
	}
	if d.Gated {
		n += (q + kv) + F
	}
	if d.HeadNorms {
		n += 2 * int64(d.Heads+d.KVHeads)
	}
	if d.PostNorms {
		n += 4
	}
	return n + d.mixed()
}

// mixed is the floats of one token that a mixture of experts has beside a feed-forward part of
// as many channels: what goes to the experts, comes of them, and is sorted and
// weighted. What each expert has changes its size from step to step, so that about as
// much again lies unused.
func (d Dimensions) mixed() int64 { return int64(d.Experts)*7*int64(d.Width) + 2*d.experts() }

// experts is the channels inside of a token's experts.
func (d Dimensions) experts() int64 {
	if d.Experts == 0 {
		return 0
	}
	return int64(d.Hidden)
}

// dropped is the floats of one token that stay for dropout, which comes between a result
// that could be computed again and whoever reads it for the second time.
func (d Dimensions) dropped() int64 {
	switch {
	case !d.Drops:
		return 0
	case d.Cell != nil:
		return int64(d.Width * d.Cell.States())
	}
	return int64(d.Width)
}

// outside is ends with what an adversary adds: the noisy embedding, of a recurrent network
// also in the order of its steps. A virtual one has all of it twice, but for the last
// gradient and what the clean pass has not.
func (d Dimensions) outside(a Adversary) int64 {
	n, extra := d.ends(), int64(d.Width)
	if d.Cell != nil {
		extra *= 2
	}
	switch {
	case a.Method == "":
		return n
	case a.Method == "virtual" && d.Cell != nil && d.Drops: // what dropout drew from stays with both passes
		return 2*n + int64(d.Layers+1)*int64(d.Width) + 5
	case a.Method == "virtual":
		return 2*n + extra - 2*int64(d.Width) + 5
	}
	return n + extra
}

// ends is the floats of one token outside of the blocks: ids, positions, targets,
// weights and losses, the embedding, and the last norm with its gradient.
func (d Dimensions) ends() int64 {
	C := int64(d.Width)
	switch {
	case d.Cell != nil: // ids in two orders, the embedding, the output in the pass's order, its gradient, what is dropped out
		return 7 + 3*C + d.dropped()
	case d.Encoder: // ids, positions; the embedding, positions, two sums, the norm, the last gradient
		return 4 + 6*C + d.dropped()
	}
	n := 5 + C + (C + 2) + C + d.dropped()
	if !d.Gated {
		n += 2 * C // positions, and their sum with the tokens
	}
	if d.Conv || d.PostNorms { // the embedding times √C
		n += C
	}
	return n
}

// gradients is the floats of one token that the backward of a block needs beside what
// is kept: the activation or gate computed again and its gradients, and those of the
// projections. Gradients as wide as the model lie where the values of the sums have
// just been taken back.
func (d Dimensions) gradients() int64 {
	C, F := int64(d.Width), int64(d.Hidden)
	if d.Cell != nil { // of the products and the states, of a GRU also of the state's products
		n := d.Cell.Gates() + d.Cell.States()
		switch *d.Cell {
		case tensor.GRUCell:
			n += d.Cell.Gates()
		case tensor.ElmanCell: // one serves for both
			n--
		}
		return C * int64(n)
	}
	q, kv := d.heads()
	switch {
	case d.Encoder: // those of three projections lie where values have been taken back
		return 2 * F
	case !d.Gated:
		return 2*F + 3*q
	}
	n := 3*F + d.mixed()
	if d.Fused {
		return 4*F + q + 2*kv
	}
	if q != C {
		n += 2 * q
	}
	if kv != C {
		n += 2 * kv
	}
	return n
}

// process is the bytes that grow beside the tensors: Go's heap, which reaches 4 MiB
// before it is collected for the first time, and code as it is first run; and copies
// that the device makes of a product's operands, in the order in which it reads them:
// of each no more than fits the processor's cache at a time.
func (d Dimensions) process(B, T int) int64 {
	const own, most = 5 << 20, 8 << 20
	N, V, C, F := int64(B)*int64(T), int64(d.Vocab), int64(d.Width), int64(d.Hidden)
	left := min(most, 4*N*F)
	right := min(most, 4*C*max(N, F, V))
	return own + left + right
}
