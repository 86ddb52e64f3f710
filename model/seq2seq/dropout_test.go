package seq2seq_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/model/seq2seq"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// TestDropoutPlaces: where everything is dropped, neither what a decoder knows of a source
// nor what it looks at depends on the words, and nothing but the last norm's bias, of a
// recurrent model nothing at all, is left for the head.
func TestDropoutPlaces(t *testing.T) {
	configs := map[string]func(c *seq2seq.Config){
		"transformer": func(c *seq2seq.Config) { c.EncoderLayers, c.DecoderLayers = 2, 2 },
		"post-norm":   func(c *seq2seq.Config) { c.PostNorm = true },
		"attention":   func(c *seq2seq.Config) { c.Architecture, c.Heads = seq2seq.AttentionArchitecture, 0 },
		"fixed": func(c *seq2seq.Config) {
			c.Architecture, c.Heads, c.EncoderLayers, c.DecoderLayers = seq2seq.FixedArchitecture, 0, 2, 2
		},
	}
	for name, change := range configs {
		t.Run(name, func(t *testing.T) {
			d := tensor.Reference()
			defer d.Close()
			c := small(seq2seq.TransformerArchitecture)
			change(&c)
			c.Dropout = 1 - 1e-6
			m, err := seq2seq.New(c)
			if err != nil {
				t.Fatal(err)
			}
			nn.Init(m, d, 1)
			for i, p := range nn.Params(m) {
				if p.Tensor.Dims() == 1 { // biases that are not 0 pass on what is not dropped
					p.Tensor.FillNormal(uint64(i), 0.5)
				}
				p.Tensor.SetTrainable(true)
			}
			one := dropped(d, m, []int32{1, 2, 3}, []int32{4, 5})
			other := dropped(d, m, []int32{9, 8, 7}, []int32{11, 12})
			for k := range one.memory {
				testkit.SameBits(t, fmt.Sprint("memory ", k), one.memory[k], other.memory[k])
			}
			testkit.SameBits(t, "alignment", one.weights, other.weights)
			left := make([]float32, c.Width)
			switch m := m.(type) {
			case *seq2seq.Transformer:
				l := &m.Decoder[c.DecoderLayers-1]
				if left = normed(d, left, &l.SelfNorm.LayerNorm, &l.CrossNorm.LayerNorm, &l.FeedNorm.LayerNorm); m.DecoderNorm != nil {
					left = m.DecoderNorm.B.Floats()
				}
			case *seq2seq.Fixed:
				for i, cell := range m.Encoder {
					testkit.Close(t, fmt.Sprint("states of layer ", i), one.memory[i], still(d, cell, 3), 1e-5, 1e-6)
				}
			}
			testkit.SameBits(t, "what the head reads", one.read, slices.Concat(left, left))
		})
	}
}

// what is left of a source and a target in training.
type what struct {
	memory        [][]float32
	read, weights []float32
}

func dropped(d *tensor.Device, m model.EncoderDecoder, source, target []int32) (w what) {
	s := tensor.NewStep(d, tensor.StepOptions{Grad: true})
	defer s.Close()
	s.Begin(1)
	var from, to nn.Pass
	from.Set(s, source, nn.Span{Rows: len(source)})
	to.Set(s, target, nn.Span{Rows: len(target)})
	memory := m.Encode(&from)
	for _, x := range slices.Concat(memory.States, memory.Tokens) {
		w.memory = append(w.memory, x.Floats())
	}
	w.read = m.Decode(&to, memory).Floats()
	if a, ok := m.(model.Aligner); ok {
		w.weights = a.Align(&from, &to).Floats()
	}
	return w
}

// normed is x after norms.
func normed(d *tensor.Device, x []float32, norms ...*nn.LayerNorm) []float32 {
	s := tensor.NewStep(d, tensor.StepOptions{})
	defer s.Close()
	s.Begin(0)
	y := s.Floats(x, 1, len(x))
	for _, n := range norms {
		y = n.Forward(y)
	}
	return y.Floats()
}

// still are the states of a cell after n steps without an input.
func still(d *tensor.Device, cell nn.Recurrent, n int) []float32 {
	s := tensor.NewStep(d, tensor.StepOptions{})
	defer s.Close()
	s.Begin(0)
	state := s.Zeros(1, cell.StateWidth())
	for range n {
		state = cell.Step(s.Zeros(1, cell.WI.Dim(1)), state)
	}
	return state.Floats()
}
