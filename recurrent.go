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
// the embedding at ten times a transformer's rate, about the best of those tried (LOG.md).
// tokens are those to train on: a short text has fewer streams.
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

// alongStreams are the batches of a recurrent model: micro batch number m has streams of
// its own, from m·B on.
func (p *pretraining) alongStreams(lm model.Recurrent, pass *nn.Pass) (_ nextBatch, state []train.Param, _ error) {
	s := p.settings
	streams, err := corpus.NewStreams(p.train, s.Rows*s.Micro, s.Context, s.Seed)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: take fewer rows or a shorter context", err)
	}
	p.carry = nn.NewCarry(lm.HeadWeight().Device(), s.Rows*s.Micro, lm.StateWidths()...)
	pass.Cache = p.carry
	for i, t := range p.carry.States {
		state = append(state, train.Param{Name: fmt.Sprintf("layer.%d", i), Tensor: t})
	}
	ids, targets := make([]int32, s.Rows*s.Context), make([]int32, s.Rows*s.Context)
	spans := make([]nn.Span, s.Rows)
	return func(step *tensor.Step, index, micro int) ([]int32, error) {
		past, err := streams.Batch(int64(index), micro*s.Rows, ids, targets)
		if err != nil {
			return nil, err
		}
		for i := range spans {
			spans[i] = nn.Span{Rows: s.Context, Past: past}
		}
		p.carry.Begin(micro * s.Rows)
		pass.Set(step, ids, spans...)
		return targets, nil
	}, state, nil
}
