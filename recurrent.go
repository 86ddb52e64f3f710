package inkstone

import (
	"fmt"
	"math"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/train"
)

// recurrent tells models whose past is a state: they are trained along streams of the
// text, by truncated back-propagation through time, with the state carried from
// batch to batch.
func (s Settings) recurrent() bool { return s.Model == "rnn" || s.Model == "lstm" || s.Model == "gru" }

// recurrentContext is the longest conversation that a recurrent model is tuned on,
// through all of which gradients go back; it has no window that would say.
const recurrentContext = 1024

// streams sets what a recurrent model's defaults have different. The recipe is that of
// Zaremba et al. 2014, two layers and 20 streams, with Muon in place of SGD, and AdamW for
// the embedding, which learns as fast as SGD's rate of 1 lets it. tokens are those to
// train on: a short text has fewer streams.
func (s *Settings) streams(tokens int64) {
	s.Depth = or(s.Depth, 2)
	s.Width, s.Context = or(s.Width, 128*s.Depth), or(s.Context, 64)
	if s.Rows == 0 {
		s.Rows, s.Micro = int(min(16, max(1, tokens/int64(4*s.Context)))), or(s.Micro, 1)
	}
	if s.Optimizer = or(s.Optimizer, "muon"); s.Optimizer == "muon" {
		s.LR, s.MuonLR = or(s.LR, 0.03*math.Sqrt(128/float64(s.Width))), or(s.MuonLR, 0.03)
	}
}

// alongStreams is the stepper of a recurrent model: micro batch number m has streams of
// its own, from m·B on.
func (p *pretraining) alongStreams(lm model.Recurrent) (*train.Stepper, error) {
	s := p.settings
	streams, err := corpus.NewStreams(p.train, s.Rows*s.Micro, s.Context, s.Seed)
	if err != nil {
		return nil, fmt.Errorf("%w: take fewer rows or a shorter context", err)
	}
	p.carry = nn.NewCarry(lm.HeadWeight().Device(), s.Rows*s.Micro, lm.StateWidths()...)
	n := s.Rows * s.Context
	ids, targets, weights := make([]int32, n), make([]int32, n), make([]float32, n)
	for i := range weights {
		weights[i] = 1 / float32(n*s.Micro)
	}
	spans := make([]nn.Span, s.Rows)
	pass := nn.Pass{Cache: p.carry}
	st := &train.Stepper{
		Groups: s.groups(p.lm), Schedule: s.Schedule, Clip: s.Clip, Micro: s.Micro, Tokens: n * s.Micro,
		Loss: func(step *tensor.Step, index, micro int) (*tensor.Tensor, error) {
			past, err := streams.Batch(int64(index), micro*s.Rows, ids, targets)
			if err != nil {
				return nil, err
			}
			for i := range spans {
				spans[i] = nn.Span{Rows: s.Context, Past: past}
			}
			p.carry.Begin(micro * s.Rows)
			pass.Set(step, ids, spans...)
			return model.Loss(lm, &pass, step.Ints(targets, n), step.Floats(weights, n)), nil
		},
	}
	for i, t := range p.carry.States {
		st.State = append(st.State, train.Param{Name: fmt.Sprintf("layer.%d", i), Tensor: t})
	}
	return st, nil
}
