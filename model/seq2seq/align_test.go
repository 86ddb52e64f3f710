package seq2seq_test

import (
	"fmt"
	"testing"

	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/model/seq2seq"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// TestAlignIsTheMixture: an alignment is how much of each source token the decoder gets.
// The models are changed so that they pass the mixture on as it is, and the values that
// are mixed are 1 at one token and 0 at all others.
func TestAlignIsTheMixture(t *testing.T) {
	d := tensor.Reference()
	defer d.Close()
	for _, architecture := range []string{seq2seq.TransformerArchitecture, seq2seq.AttentionArchitecture} {
		c := small(architecture)
		if architecture == seq2seq.TransformerArchitecture {
			c.DecoderLayers = 2
		}
		m := drawn(t, c, d)
		values := 0
		switch m := m.(type) {
		case *seq2seq.Transformer:
			m.DecoderNorm, values = nil, 3
			last := &m.Decoder[1]
			last.Cross.O.W.WriteFloats(identity(c.Width))
			last.Feed.Down.W.Fill(0)
		case *seq2seq.Attention:
			w := m.Cell.WI.Floats()
			for i := range w {
				if i%(3*c.Width) >= c.Width { // states are to depend on the target alone
					w[i] = 0
				}
			}
			m.Cell.WI.WriteFloats(w)
			w = make([]float32, m.Readout.W.Len())
			for row := range 2 * c.Width { // [s; x; c]: the first channel of c
				w[row*4*c.Width+2*c.Width] = 1
			}
			m.Readout.W.WriteFloats(w)
		}
		s := tensor.NewStep(d, tensor.StepOptions{})
		defer s.Close()
		s.Begin(0)
		const S, T = 5, 4
		var from, to nn.Pass
		from.Set(s, []int32{1, 5, 9, 2, 7}, nn.Span{Rows: S})
		to.Set(s, []int32{3, 11, 4, 8}, nn.Span{Rows: T})
		memory := m.Encode(&from)
		shape := memory.Tokens[values].Shape()
		// mixture is what the decoder makes of values that are 1 at a token, (T), the mean over its channels.
		mixture := func(token int) []float32 {
			x := make([]float32, memory.Tokens[values].Len())
			for i := range x {
				if i/(len(x)/S) == token {
					x[i] = 1
				}
			}
			memory.Tokens[values] = s.Floats(x, shape...)
			return m.Decode(&to, memory).Mean(1).Floats()
		}
		nothing := mixture(-1)
		got := m.(model.Aligner).Align(&from, &to).Floats()
		for token := range S {
			want, said := mixture(token), make([]float32, T)
			for row := range want {
				want[row] -= nothing[row]
				said[row] = got[row*S+token]
			}
			testkit.Close(t, fmt.Sprintf("%s: weights of token %d", architecture, token), said, want, 1e-4, 1e-6)
		}
	}
}

func identity(n int) []float32 {
	x := make([]float32, n*n)
	for i := range n {
		x[i*n+i] = 1
	}
	return x
}
