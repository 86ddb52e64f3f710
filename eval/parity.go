package eval

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// A Parity says how far two models of one vocabulary are apart, position by
// position of one text: a checkpoint and its quantised file, or the same weights
// in two formats. The first is the one that the second ought to be.
type Parity struct {
	Positions int     `json:"positions"`       // at which the next token was predicted
	MaxDiff   float64 `json:"max_logit_diff"`  // the largest |Δlogit|
	MeanDiff  float64 `json:"mean_logit_diff"` // the mean |Δlogit|
	KL        float64 `json:"kl_divergence"`   // the mean of Σ p ln(p/q), nats; p of the first model
	Agree     int     `json:"top1_agreed"`     // positions at which both hold the same token for the likeliest
	LossA     float64 `json:"loss_a"`          // nats per token, of the first model
	LossB     float64 `json:"loss_b"`
}

// Finite is x, or nil where x is infinite or not a number, neither of which JSON has:
// they become null there.
func Finite(x float64) *float64 {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return nil
	}
	return &x
}

// MarshalJSON writes null for what is not a finite number.
func (p Parity) MarshalJSON() ([]byte, error) {
	type plain Parity
	return json.Marshal(struct {
		plain
		MaxDiff  *float64 `json:"max_logit_diff"`
		MeanDiff *float64 `json:"mean_logit_diff"`
		KL       *float64 `json:"kl_divergence"`
		LossA    *float64 `json:"loss_a"`
		LossB    *float64 `json:"loss_b"`
	}{plain(p), Finite(p.MaxDiff), Finite(p.MeanDiff), Finite(p.KL), Finite(p.LossA), Finite(p.LossB)})
}

// Top1 is the share of positions at which both models hold the same token for
// the likeliest.
func (p Parity) Top1() float64 { return ratio(p.Agree, p.Positions) }

// Perplexity is the second model's perplexity over the first one's, minus 1.
func (p Parity) Perplexity() float64 { return math.Exp(p.LossB-p.LossA) - 1 }

// A ParitySum collects a [Parity]. The zero value is empty.
type ParitySum struct {
	p      Parity
	logits int64
}

// Add takes a position: the logits of both models, (V) each, and the token that
// follows. It panics when their lengths differ, or target is not below them. A
// logit that is not a number makes all that is derived from it none, and models do
// not agree there.
func (s *ParitySum) Add(a, b []float32, target int32) {
	if len(a) != len(b) || int(target) >= len(a) {
		panic(fmt.Sprintf("eval: logits (%d) and (%d), target %d", len(a), len(b), target))
	}
	p := &s.p
	logA, logB := logSum(a), logSum(b)
	kl := 0.0
	for i := range a {
		x, y := float64(a[i]), float64(b[i])
		d := math.Abs(x - y)
		if d > p.MaxDiff || math.IsNaN(d) { // which then stays: no number is more
			p.MaxDiff = d
		}
		p.MeanDiff += d
		if prob := math.Exp(x - logA); !(prob <= 0) { // a NaN counts
			kl += prob * ((x - logA) - (y - logB))
		}
	}
	p.KL += kl
	if !math.IsNaN(logA) && !math.IsNaN(logB) && argmax(a) == argmax(b) {
		p.Agree++
	}
	p.LossA += logA - float64(a[target])
	p.LossB += logB - float64(b[target])
	p.Positions++
	s.logits += int64(len(a))
}

// Parity is the mean over what was added.
func (s *ParitySum) Parity() Parity {
	p, n := s.p, float64(s.p.Positions)
	p.MeanDiff /= float64(s.logits)
	p.KL, p.LossA, p.LossB = max(p.KL/n, 0), p.LossA/n, p.LossB/n
	return p
}

// logSum is ln Σ exp x, the maximum subtracted so that nothing overflows.
func logSum(x []float32) float64 {
	most := math.Inf(-1)
	for _, v := range x {
		most = math.Max(most, float64(v)) // a NaN stays
	}
	sum := 0.0
	for _, v := range x {
		sum += math.Exp(float64(v) - most)
	}
	return most + math.Log(sum)
}

// argmax is the first of the largest.
func argmax(x []float32) (best int) {
	for i, v := range x {
		if v > x[best] {
			best = i
		}
	}
	return best
}

// logitBytes bounds the logits that are in memory at once.
const logitBytes = 32 << 20

// Compared are two models on one text.
//
// Errors: vocabularies of two sizes; fewer than two tokens; an id beyond the
// vocabulary; ctx's end.
func Compared(ctx context.Context, a, b model.LM, tokens corpus.Tokens, window int, progress func(done int)) (Parity, error) {
	V := a.Shape().Vocab
	if other := b.Shape().Vocab; V != other {
		return Parity{}, fmt.Errorf("eval: vocabularies of %d and %d tokens can not be compared", V, other)
	}
	var sum ParitySum
	left, right := newReader(a), newReader(b)
	defer left.step.Close()
	defer right.step.Close()
	rows := max(1, logitBytes/(4*V))
	for w, err := range corpus.Windows(tokens, window, window) {
		if err == nil {
			err = errors.Join(ctx.Err(), within(w, V))
		}
		if err != nil {
			return Parity{}, fmt.Errorf("eval: %w", err)
		}
		left.read(w.IDs)
		right.read(w.IDs)
		for at := 0; at < len(w.IDs); at += rows {
			n := min(rows, len(w.IDs)-at)
			x, y := left.logits(at, n), right.logits(at, n)
			for i := range n {
				sum.Add(x[i*V:][:V], y[i*V:][:V], w.Targets[at+i])
			}
		}
		if progress != nil {
			progress(sum.p.Positions)
		}
	}
	return sum.Parity(), nil
}

func within(w corpus.Window, V int) error {
	for i, id := range w.IDs {
		if most := max(id, w.Targets[i]); int(most) >= V {
			return fmt.Errorf("token %d beyond the model's vocabulary of %d", most, V)
		}
	}
	return nil
}

// A reader runs one model over windows.
type reader struct {
	lm   model.LM
	step *tensor.Step
	pass nn.Pass
	x    *tensor.Tensor // activations of the window, (N, C)
}

func newReader(lm model.LM) *reader {
	return &reader{lm: lm, step: tensor.NewStep(lm.HeadWeight().Device(), tensor.StepOptions{})}
}

func (r *reader) read(ids []int32) {
	r.step.Begin(0)
	r.pass.Set(r.step, ids, nn.Span{Rows: len(ids)})
	r.x = r.lm.Forward(&r.pass)
}

// logits returns those of n rows, (n, V).
func (r *reader) logits(at, n int) []float32 {
	rows := make([]int32, n)
	for i := range rows {
		rows[i] = int32(at + i)
	}
	return r.lm.Logits(r.x.Rows(r.step.Ints(rows, n))).Floats()
}

// A Bound is what a [Parity] has to keep, by the lossiest type of weights of the two
// models. A zero field asks for nothing.
type Bound struct {
	Type       string  `json:"type"`
	MaxDiff    float64 `json:"max_logit_diff,omitempty"`
	KL         float64 `json:"kl_divergence,omitempty"`
	Top1       float64 `json:"top1,omitempty"`       // at least
	Perplexity float64 `json:"perplexity,omitempty"` // at most so much more or less, of the first model's
}

// bounds go from the exact types to the lossy ones. Types of fewer than 4.5 bits
// a weight have none: what they cost is the model's to say.
var bounds = []Bound{
	{Type: "F32", MaxDiff: 1e-4},
	{Type: "F16", KL: 1e-3},
	{Type: "BF16", KL: 1e-3},
	{Type: "Q8_0", KL: 2e-3, Top1: 0.98},
	{Type: "Q6_K", Perplexity: 0.03},
	{Type: "Q5_K", Perplexity: 0.03},
	{Type: "Q5_1", Perplexity: 0.03},
	{Type: "Q5_0", Perplexity: 0.03},
	{Type: "Q4_K", Perplexity: 0.03},
	{Type: "Q4_1"},
	{Type: "Q4_0"},
	{Type: "IQ4_NL"},
	{Type: "IQ4_XS"},
	{Type: "MXFP4"},
	{Type: "Q3_K"},
	{Type: "Q2_K"},
}

// BoundOf is that of the lossiest of types; it asks for nothing where one is not
// known.
func BoundOf(types []string) Bound {
	worst := -1
	for _, t := range types {
		at := -1
		for i, b := range bounds {
			if b.Type == t {
				at = i
			}
		}
		if at < 0 {
			return Bound{Type: t}
		}
		worst = max(worst, at)
	}
	if worst < 0 {
		return Bound{}
	}
	return bounds[worst]
}

// HasType says whether t is a type of weights, with a bound or without.
func HasType(t string) bool {
	return slices.ContainsFunc(bounds, func(b Bound) bool { return b.Type == t })
}

// None says that the bound asks for nothing.
func (b Bound) None() bool { return b == Bound{Type: b.Type} }

// Failures are what of the bound is not kept. What is not a number keeps none.
func (b Bound) Failures(p Parity) (failed []string) {
	tests := []struct {
		asked, kept bool
		text        string
	}{
		{b.MaxDiff > 0, p.MaxDiff <= b.MaxDiff, fmt.Sprintf("the largest logit difference is %.3g, the bound of %s is %.3g", p.MaxDiff, b.Type, b.MaxDiff)},
		{b.KL > 0, p.KL <= b.KL, fmt.Sprintf("the KL divergence is %.3g, the bound of %s is %.3g", p.KL, b.Type, b.KL)},
		{b.Top1 > 0, p.Top1() >= b.Top1, fmt.Sprintf("the likeliest token agrees in %.2f %%, the bound of %s is %.2f %%", 100*p.Top1(), b.Type, 100*b.Top1)},
		{b.Perplexity > 0, math.Abs(p.Perplexity()) <= b.Perplexity, fmt.Sprintf("the perplexity differs by %+.2f %%, the bound of %s is ±%.2f %%", 100*p.Perplexity(), b.Type, 100*b.Perplexity)},
		{true, !math.IsNaN(p.MaxDiff) && !math.IsInf(p.MaxDiff, 0), "a logit is not a number"},
	}
	for _, t := range tests {
		if t.asked && !t.kept {
			failed = append(failed, t.text)
		}
	}
	return failed
}

// Perplexities are e^loss of both models.
func (p Parity) Perplexities() (a, b float64) { return math.Exp(p.LossA), math.Exp(p.LossB) }
