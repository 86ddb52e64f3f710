// Package tune adapts a trained model to a task, one file a task. It makes
// examples and their loss; package train runs the loop.
//
// [SFT] is supervised fine-tuning: conversations become ids by the model's chat
// template, and the loss counts the assistant's tokens alone.
//
// Letters in comments:
//
//	N tokens of a batch   V vocabulary
package tune

import (
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/train"
)

// Loss returns the weighted sum of lm's losses on b, a scalar of s; with weights
// from [train.Normalize] it is their weighted mean. p is filled anew: keep it from
// step to step, and it allocates nothing.
func Loss(s *tensor.Step, lm model.LM, p *nn.Pass, b *train.Batch) *tensor.Tensor {
	set(p, s, b)
	N := len(b.IDs)
	var weights *tensor.Tensor
	if b.Weights != nil {
		weights = s.Floats(b.Weights, N)
	}
	return model.Loss(lm, p, s.Ints(b.Targets, N), weights)
}

// Answer returns lm's scores after the tokens of b that have weight.
func Answer(s *tensor.Step, lm model.LM, p *nn.Pass, b *train.Batch) train.Answer {
	set(p, s, b)
	var rows, targets []int32
	var weights []float32
	for i, w := range b.Weights {
		if w != 0 {
			rows, targets, weights = append(rows, int32(i)), append(targets, b.Targets[i]), append(weights, w)
		}
	}
	n := len(rows)
	return train.Answer{
		Logits:  lm.Logits(lm.Forward(p).Rows(s.Ints(rows, n))),
		Targets: s.Ints(targets, n), Weights: s.Floats(weights, n),
	}
}

// set makes p the pass of b.
func set(p *nn.Pass, s *tensor.Step, b *train.Batch) {
	p.Spans = p.Spans[:0]
	for _, n := range b.Lengths {
		p.Spans = append(p.Spans, nn.Span{Rows: n})
	}
	if b.Lengths == nil {
		p.Spans = append(p.Spans, nn.Span{Rows: len(b.IDs)})
	}
	p.Set(s, b.IDs, p.Spans...)
}
