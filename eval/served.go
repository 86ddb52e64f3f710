package eval

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/inkstone-ai/inkstone/model"
)

// A Served is what another program made of a prompt: the ids of the prompt and of what it
// drew, and how likely it held them.
type Served struct {
	Prompt []int32
	Drawn  []Draw
}

// A Draw is one token and the likeliest of its place, with it or without.
type Draw struct {
	Choice
	Top []Choice
}

// A Choice is a token and its log-probability in nats.
type Choice struct {
	ID      int32
	LogProb float64
}

// AddServed takes a position where the second model told a few log-probabilities only: a
// are the first model's logits. Differences are of log-probabilities. The divergence
// is over those that were told and one class for all others, which is at most the
// divergence over all (the data processing inequality). Both hold the same
// likeliest token where a's is the likeliest of those told.
func (s *ParitySum) AddServed(a []float32, d Draw) {
	const least = 1e-9 // of the others: digits are rounded on the way
	p, log := &s.p, logSum(a)
	told := d.Top
	if !slices.ContainsFunc(told, func(c Choice) bool { return c.ID == d.ID }) {
		told = append(slices.Clone(told), d.Choice)
	}
	restA, restB, kl := 1.0, 1.0, 0.0
	best := told[0]
	for _, c := range told {
		mine := float64(a[c.ID]) - log
		diff := math.Abs(mine - c.LogProb)
		if diff > p.MaxDiff || math.IsNaN(diff) {
			p.MaxDiff = diff
		}
		p.MeanDiff += diff
		s.logits++
		restA, restB = restA-math.Exp(mine), restB-math.Exp(c.LogProb)
		kl += math.Exp(mine) * (mine - c.LogProb)
		if c.LogProb > best.LogProb {
			best = c
		}
	}
	if restA > least {
		kl += restA * math.Log(restA/max(restB, least))
	}
	p.KL += kl
	if !math.IsNaN(log) && argmax(a) == int(best.ID) {
		p.Agree++
	}
	p.LossA += log - float64(a[d.ID])
	p.LossB -= d.LogProb
	p.Positions++
}

// servedTop1 is the least share of likeliest tokens that agree where a bound asks for none.
const servedTop1 = 0.8

// Served is b for [ComparedServed]. A program's own likeliest tokens are likelier to it than to any other model, so
// that its perplexity on them is low whatever model it runs: of a type that is bounded by perplexity the divergence and
// the likeliest tokens are looked at instead. A divergence of ln(1+x) is what x more perplexity is on a text that the
// first model wrote.
func (b Bound) Served() Bound {
	if b.Perplexity > 0 {
		return Bound{Type: b.Type, KL: math.Log1p(b.Perplexity), Top1: servedTop1}
	}
	return b
}

// ComparedServed compares what another program made of prompts with what a makes of the
// same prompts and the tokens that were drawn.
//
// Errors: an id beyond the vocabulary; ctx's end.
func ComparedServed(ctx context.Context, a model.LM, answers []Served) (Parity, error) {
	V := a.Shape().Vocab
	var sum ParitySum
	r := newReader(a)
	defer r.step.Close()
	for _, s := range answers {
		ids := slices.Clone(s.Prompt)
		for _, d := range s.Drawn {
			ids = append(ids, d.ID)
		}
		if err := s.within(ids, V); err != nil {
			return Parity{}, fmt.Errorf("eval: %w", err)
		}
		if err := ctx.Err(); err != nil {
			return Parity{}, err
		}
		if len(s.Drawn) == 0 {
			continue
		}
		r.read(ids[:len(ids)-1])
		x := r.logits(len(s.Prompt)-1, len(s.Drawn))
		for i, d := range s.Drawn {
			sum.AddServed(x[i*V:][:V], d)
		}
	}
	if sum.p.Positions == 0 {
		return Parity{}, nil
	}
	return sum.Parity(), nil
}

func (s *Served) within(ids []int32, V int) error {
	if len(s.Prompt) == 0 && len(s.Drawn) > 0 {
		return errors.New("an answer to an empty prompt can not be compared")
	}
	for _, d := range s.Drawn {
		for _, c := range d.Top {
			ids = append(ids, c.ID)
		}
	}
	for _, id := range ids {
		if id < 0 || int(id) >= V {
			return fmt.Errorf("token %d beyond the model's vocabulary of %d", id, V)
		}
	}
	return nil
}
