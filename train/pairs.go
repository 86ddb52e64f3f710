package train

import (
	"slices"

	"github.com/inkstone-ai/inkstone/tensor"
)

// Of encoder–decoders a plan counts the sources' tokens and the targets' apart: S and T
// of a pair. The formulas are of package seq2seq's models, in the manner of
// [Dimensions.Activations], and a test holds them against the arena's count.

// pairActivations is Activations for pairs. Buffers serve one size each, and those of
// sources and targets differ, and those of one batch and the next: a run over sentences
// of all lengths comes to hold several times what one of its batches needs, up to where the
// step gives all of it back ([tensor.Trims]). The plan goes through the run's own
// batches and has the most that they come to.
func (d Dimensions) pairActivations(l Load) (most int64) {
	held, settled := buffers{}, int64(0)
	for batch := range slices.Chunk(l.pairs(), l.Rows) {
		if settled > 0 && tensor.Trims(int(held.bytes()), int(settled)) {
			held, settled = buffers{}, 0
		}
		held.join(d.pairBuffers(batch, l.Adversary))
		now := held.bytes()
		if settled == 0 {
			settled = now
		}
		most = max(most, now)
	}
	return most
}

// pairs are the lengths of the batches: those that are known, or one batch of Source and
// Context.
func (l Load) pairs() [][2]int {
	if n := len(l.Lengths); n >= l.Rows {
		return l.Lengths[:n-n%l.Rows]
	}
	return slices.Repeat([][2]int{{l.Source, l.Context}}, l.Rows)
}

// pairBuffers are those of one batch: what stays until its gradient was formed, and what
// comes one after the other, the logits, the targets' gradients, the sources'.
func (d Dimensions) pairBuffers(batch [][2]int, a Adversary) buffers {
	b, S, T := buffers{}, int64(0), int64(0) // tokens of both sides
	for _, pair := range batch {
		S, T = S+int64(pair[0]), T+int64(pair[1])
	}
	logits, targets, sources := buffers{}, buffers{}, buffers{}
	d.logits(logits, T, a)
	switch {
	case d.Cell == nil:
		d.encoding(b, sources, S, a)
		d.decoding(b, targets, T, a)
		targets.add(int64(d.Layers), S*2*int64(d.Width)) // of the keys and values, which wait for the encoder's backward
	case d.Attends:
		d.aligning(b, batch, S, T, a)
	default:
		d.remembering(b, sources, S, 3+a.noisy(3)+(a.taped()-1), a)
		d.remembering(b, targets, T, 5+a.noisy(2), a)
		b.add(a.taped()*3*int64(d.Layers), int64(len(batch))*2*int64(d.Width))
	}
	targets.join(sources)
	targets.join(logits)
	b.plus(targets)
	return b
}

// noisy is how many results an adversary adds for each embedding that it moves, of which
// a virtual one has the second among those of its second pass.
func (a Adversary) noisy(results int64) int64 {
	if a.Method == "" || a.Method == "virtual" {
		return 0
	}
	return results
}

// encoding adds what a Transformer has of N source tokens: the encoder's blocks, the keys
// and values that each decoder layer has of them, the embedding in four forms and the
// encoder's output.
func (d Dimensions) encoding(b, turn buffers, N int64, a Adversary) {
	C, F, H, L, kept := int64(d.Width), int64(d.Hidden), int64(d.Heads), int64(d.Layers), a.taped()
	b.add(kept*(5*L+5)+a.noisy(1), N*C)
	b.add(kept*L, N*2*C)
	b.add(kept*L, N*3*C)
	b.add(kept*L, N*F)
	b.add(kept*L, N*H)
	b.add(kept*(2*L+1), N*2)
	b.add(kept*4, N)
	d.turning(turn, N)
}

// decoding adds what it has of N target tokens: blocks with cross-attention, the
// embedding, and the last norm.
func (d Dimensions) decoding(b, turn buffers, N int64, a Adversary) {
	C, F, H, L, kept := int64(d.Width), int64(d.Hidden), int64(d.Heads), int64(d.Layers), a.taped()
	b.add(kept*(9*L+5)+a.noisy(1), N*C)
	b.add(kept*L, N*3*C)
	b.add(kept*L, N*F)
	b.add(kept*2*L, N*H)
	b.add(kept*(3*L+1), N*2)
	b.add(kept*7, N)
	d.turning(turn, N)
}

// turning adds what the backward of N tokens needs beside what is kept.
func (d Dimensions) turning(turn buffers, N int64) {
	C := int64(d.Width)
	turn.add(1, N*C)
	turn.add(1, N*3*C)
	turn.add(2, N*int64(d.Hidden))
}

// remembering adds what the cells of one side have of N tokens: their layers, and so many
// results as wide as the model outside of them.
func (d Dimensions) remembering(b, turn buffers, N, outside int64, a Adversary) {
	C, L, kept := int64(d.Width), int64(d.Layers), a.taped()
	b.add(kept*outside+(kept-1)*L, N*C) // between two passes dropout leaves more
	b.add(kept*L, N*C*int64(d.Cell.Gates()))
	b.add(kept*L, N*C*int64(d.Cell.Kept()))
	b.add(kept*L, N*C*int64(d.Cell.States()))
	b.add(kept*7, N)
	turn.add(1, N*C*int64(d.Cell.Gates()))
	turn.add(1, N*C*int64(d.Cell.States()))
}

// aligning adds what cells with attention between them have: two directions of S source
// tokens, the T of the targets, and in each step of a decoding the parts of every pair of
// a target that goes on and a token of its source.
func (d Dimensions) aligning(b buffers, batch [][2]int, S, T int64, a Adversary) {
	C, kept := int64(d.Width), a.taped()
	b.add(kept*11+a.noisy(5)+(kept-1)*5, S*C)
	b.add(kept*2+2, S*2*C)
	b.add(kept*2+2, S*3*C)
	b.add(kept*2, S*4*C)
	b.add(kept*12, S)
	b.add(kept*8+a.noisy(2), T*C)
	b.add(kept*2+3, T*2*C)
	b.add(kept+1, T*4*C)
	longest := slices.Clone(batch) // before the others, as a step has them
	slices.SortStableFunc(longest, func(a, b [2]int) int { return b[1] - a[1] })
	for n, at := int64(len(batch)), 1; n > 0; at++ {
		b.add(kept*2+(kept-1), S*C)
		b.add(kept, S*2*C)
		b.add(kept, S)
		b.add(kept*2+1, n*C)
		b.add(kept*2+1, n*2*C)
		b.add(kept*2, n*3*C)
		b.add(kept, n*4*C)
		for ; n > 0 && longest[n-1][1] <= at; n-- {
			S -= int64(longest[n-1][0])
		}
	}
}

// pairFLOPs is FLOPs for a mean token of pairs: a head and a decoder for the targets', an
// encoder for the sources', and 12 for each channel of a token that attention looks at, 6
// where it looks back alone.
func (d Dimensions) pairFLOPs(l Load) float64 {
	S, T := float64(l.Source), float64(l.Context)
	L, C, F := float64(d.Layers), float64(d.Width), float64(d.Hidden)
	source, target := 0.0, 6*C*float64(d.Vocab)
	switch {
	case d.Cell == nil:
		source += L * (6*(4*C*C+2*C*F+2*C*C) + 12*C*S)
		target += L * (6*(6*C*C+2*C*F) + 6*C*T + 12*C*S)
	case d.Attends: // two directions and their keys; a query, a cell of 3C, the readout; score and mean of each annotation
		gates := float64(d.Cell.Gates())
		source += 6 * (4*gates*C*C + 2*C*C)
		target += 6 * (C*C + 4*gates*C*C + 8*C*C + 3*C*S)
	default:
		step := 6 * L * float64(d.Cell.Gates()) * 2 * C * C
		source, target = source+step, target+step
	}
	return (S*source + T*target) / (S + T)
}
