package train

// Of encoder–decoders a plan counts the sources' tokens and the targets' apart: S and T
// of a pair. The formulas are of package seq2seq's models, in the manner of
// [Dimensions.Activations], and a test holds them against the arena's count.

// pairActivations is Activations for B pairs. Buffers serve one size each, and those of
// sources and targets differ, so that the gradients of both add up; where some happen to
// have one size it is a few percent too much. Batches of other lengths take other buffers:
// a run over sentences of all lengths may come to hold more, up to where the arena trims.
func (d Dimensions) pairActivations(l Load) int64 {
	B, S, T, C := int64(l.Rows), int64(l.Source), int64(l.Context), int64(d.Width)
	chunk := d.headChunk(B * T)
	switch {
	case d.Cell == nil:
		return 4 * (B*(S*d.encoding()+T*d.decoding()) + chunk)
	case d.Attends: // four parts of a pair of tokens are kept by its scores, and the scores
		return 4 * (B*(S*(40*C+28)+T*(45*C+13)+S*T*(4*C+1)) + chunk)
	}
	cell := d.block()*int64(d.Layers) + d.gradients()
	return 4 * (B*(S*(cell+3*C+6)+T*(cell+5*C+7)+C*int64(5*d.Layers+5)) + chunk)
}

// encoding is the floats of a source token of a Transformer: the encoder's blocks, the
// keys and values that each decoder layer has of it with their gradients, which wait for
// the encoder's backward, the embedding in four forms, the encoder's output and its gradient.
func (d Dimensions) encoding() int64 {
	C, L := int64(d.Width), int64(d.Layers)
	return L*(d.block()+4*C) + 6*C + 5 + d.gradients()
}

// decoding is that of a target token: a block with cross-attention, the embedding, and the
// last norm with its gradient.
func (d Dimensions) decoding() int64 {
	C, L := int64(d.Width), int64(d.Layers)
	return L*(d.block()+4*C+int64(d.Heads)+2) + 6*C + 10 + d.gradients()
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
