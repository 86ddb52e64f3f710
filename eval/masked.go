package eval

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/tokenizer"
)

// MaskedOptions say how [Masked] examines. The zero value works.
type MaskedOptions struct {
	Context int // tokens of a row, those around the text among them; 0: the model's
	Rows    int // of a pass; 0: 16
	// Counted is text, as ids, whose unigrams and bigrams the baselines know: the
	// model's training text. nil: no baselines.
	Counted corpus.IDs
}

// A MaskedScore is how well something named hidden tokens.
type MaskedScore struct {
	Name string  `json:"name"`
	Loss float64 `json:"loss"` // nats per hidden token
	Top1 int     `json:"top1"` // hidden tokens whose likeliest filling was right
	Top5 int     `json:"top5"` // that were among the five likeliest
}

// A MaskedMeasurement is what [Masked] found: the model's score first, then the baselines'.
type MaskedMeasurement struct {
	Context   int           `json:"context"`
	Tokens    int           `json:"tokens"` // of the text
	Hidden    int           `json:"hidden"` // of them
	Scores    []MaskedScore `json:"scores"`
	PerSecond float64       `json:"tokens_per_second"`
}

// A hole is a hidden token with what a bigram sees of its place.
type hole struct {
	left, right int32 // −1: hidden too, or the border of a row
	was         int32
}

// maskedSeed chooses what is hidden, the same tokens for every model.
const maskedSeed = 1

// Masked hides 15 % of the tokens of a text, which tok made, all behind the mask
// token, and measures how well m names them: rows of the context that do not
// overlap, each with the frame of the tokenizer around it.
//
// Errors: a tokenizer without a mask token, a context that the model does not have,
// an id beyond its vocabulary, no text, ctx's end.
func Masked(ctx context.Context, m model.MaskedLM, tok tokenizer.Tokenizer, tokens corpus.IDs, o MaskedOptions) (*MaskedMeasurement, error) {
	e, err := newMaskedExam(m, tok, &o)
	if err != nil {
		return nil, fmt.Errorf("eval: %w", err)
	}
	began := time.Now()
	if err := e.text(ctx, tokens); err != nil {
		return nil, fmt.Errorf("eval: %w", err)
	}
	took := time.Since(began)
	e.score.Loss /= float64(len(e.holes))
	r := &MaskedMeasurement{Context: o.Context, Tokens: len(tokens), Hidden: len(e.holes), Scores: []MaskedScore{e.score},
		PerSecond: float64(len(tokens)) / took.Seconds()}
	if o.Counted != nil {
		r.Scores = append(r.Scores, newGrams(o.Counted, m.Shape().Vocab).scores(e.holes)...)
	}
	return r, nil
}

// maskedExam collects rows into passes.
type maskedExam struct {
	m       model.MaskedLM
	frame   *tokenizer.Frame
	masking *corpus.Masking
	special func(int32) bool
	o       MaskedOptions
	holes   []hole
	score   MaskedScore
}

func newMaskedExam(m model.MaskedLM, tok tokenizer.Tokenizer, o *MaskedOptions) (*maskedExam, error) {
	mask, ok := tok.ID(tokenizer.MaskToken)
	if !ok {
		return nil, fmt.Errorf("the tokenizer has no %s", tokenizer.MaskToken)
	}
	frame, err := tokenizer.FrameOf(tok)
	if err != nil {
		return nil, err
	}
	if o.Context == 0 {
		o.Context = m.Shape().Context
	}
	if o.Context > m.Shape().Context || o.Context <= frame.Extra(false) {
		return nil, fmt.Errorf("a context of %d tokens; the model has %d, and %d of them stand around the text", o.Context, m.Shape().Context, frame.Extra(false))
	}
	if o.Rows == 0 {
		o.Rows = 16
	}
	masking := corpus.BERTMasking(maskedSeed, mask, tok.Size(), tok.IsSpecial)
	masking.Mask, masking.Random = 1, 0
	return &maskedExam{m: m, frame: frame, masking: masking, special: tok.IsSpecial, o: *o, score: MaskedScore{Name: "this model"}}, nil
}

func (e *maskedExam) text(ctx context.Context, tokens corpus.IDs) error {
	vocab := int32(e.m.Shape().Vocab)
	if i := slices.IndexFunc(tokens, func(id int32) bool { return id < 0 || id >= vocab }); i >= 0 {
		return fmt.Errorf("token %d beyond the model's vocabulary of %d", tokens[i], vocab)
	}
	step := tensor.NewStep(deviceOf(e.m), tensor.StepOptions{})
	defer step.Close()
	T, number := e.o.Context-e.frame.Extra(false), int64(0)
	var ids []int32
	var spans []nn.Span
	for at := 0; at < len(tokens); at += T {
		if err := ctx.Err(); err != nil {
			return err
		}
		row, _ := e.frame.Join(tokens[at:min(at+T, len(tokens))], nil)
		ids, spans = append(ids, row...), append(spans, nn.Span{Rows: len(row)})
		if len(spans) == e.o.Rows || at+T >= len(tokens) {
			e.pass(step, ids, spans, number)
			ids, spans, number = ids[:0], spans[:0], number+1
		}
	}
	if len(e.holes) == 0 {
		return fmt.Errorf("there is no token to hide")
	}
	return nil
}

// deviceOf is where a model's weights are.
func deviceOf(m model.Encoder) *tensor.Device { return nn.Params(m)[0].Tensor.Device() }

// pass hides tokens of some rows and looks at what the model says of them.
func (e *maskedExam) pass(step *tensor.Step, ids []int32, spans []nn.Span, number int64) {
	places, were := e.masking.Hide(ids, number)
	if len(places) == 0 {
		return
	}
	step.Begin(0)
	var p nn.Pass
	p.Set(step, ids, spans...)
	logits := e.m.Logits(e.m.Forward(&p).Rows(p.Ints(places)))
	log := logits.LogSoftmax().Floats()
	V := len(log) / len(places)
	for i, at := range places {
		e.score.add(log[i*V:(i+1)*V], were[i])
		e.holes = append(e.holes, hole{e.seen(ids, at-1), e.seen(ids, at+1), were[i]})
	}
}

// seen is the token at a place, −1 where a bigram learns nothing from it.
func (e *maskedExam) seen(ids []int32, at int32) int32 {
	if at < 0 || int(at) >= len(ids) || ids[at] == e.masking.MaskID {
		return -1
	}
	return ids[at]
}

// add counts one hidden token: log holds the logarithm of each filling's probability.
func (s *MaskedScore) add(log []float32, was int32) {
	s.Loss -= float64(log[was])
	better := 0
	for id, l := range log {
		if l > log[was] || l == log[was] && id < int(was) {
			better++
		}
	}
	if better < 1 {
		s.Top1++
	}
	if better < 5 {
		s.Top5++
	}
}

// grams count unigrams and bigrams of a text.
type grams struct {
	one    []float64 // probability of each token, with one added to each count
	counts []float64
	after  map[int32]map[int32]float64 // after[l][w]: times w followed l
	before map[int32]map[int32]float64 // before[r][w]: times w preceded r
}

func newGrams(tokens corpus.IDs, vocab int) *grams {
	g := &grams{make([]float64, vocab), make([]float64, vocab), map[int32]map[int32]float64{}, map[int32]map[int32]float64{}}
	for i, id := range tokens {
		g.counts[id]++
		if i > 0 {
			bump(g.after, tokens[i-1], id)
			bump(g.before, id, tokens[i-1])
		}
	}
	for id, n := range g.counts {
		g.one[id] = (n + 1) / float64(len(tokens)+vocab)
	}
	return g
}

func bump(m map[int32]map[int32]float64, of, w int32) {
	if m[of] == nil {
		m[of] = map[int32]float64{}
	}
	m[of][w]++
}

// priors are how many tokens the unigrams count for in a bigram's probability.
var priors = []float64{0.5, 2, 8, 32}

// scores are those of the unigram, and of both neighbours' bigrams in two forms,
// with the prior that suits the holes best: chosen on the test itself, in the
// baselines' favour.
func (g *grams) scores(holes []hole) []MaskedScore {
	unigram := g.score("unigram", holes, func(log []float64, _ hole) {
		for id, p := range g.one {
			log[id] = math.Log(p)
		}
	})
	product := g.best("both neighbours' bigrams, p(w|left)·p(w|right)", holes, 0)
	bayes := g.best("the same divided by p(w)", holes, 1)
	return []MaskedScore{unigram, product, bayes}
}

// best tries the priors; less is the power of p(w) that is divided by.
func (g *grams) best(name string, holes []hole, less float64) MaskedScore {
	var all []MaskedScore
	for _, prior := range priors {
		all = append(all, g.score(name, holes, func(log []float64, h hole) {
			left, right := 1.0, 1.0 // what the unigrams' mass is multiplied by
			if h.left >= 0 {
				left = prior / (g.counts[h.left] + prior)
			}
			if h.right >= 0 {
				right = prior / (g.counts[h.right] + prior)
			}
			for id, p := range g.one {
				log[id] = math.Log(left*p) + math.Log(right*p) - less*math.Log(p)
			}
			g.raise(log, g.after[h.left], prior)
			g.raise(log, g.before[h.right], prior)
		}))
	}
	return slices.MaxFunc(all, func(a, b MaskedScore) int { return cmp.Compare(a.Top1, b.Top1) })
}

// raise adds what the bigrams of one neighbour have counted to logarithms that
// hold the unigrams' share of (n + prior·p)/(total + prior).
func (g *grams) raise(log []float64, counted map[int32]float64, prior float64) {
	for id, n := range counted {
		log[id] += math.Log(1 + n/(prior*g.one[id]))
	}
}

// score lets fill say the logarithms of scores for each hole, and makes
// probabilities of them.
func (g *grams) score(name string, holes []hole, fill func(log []float64, h hole)) MaskedScore {
	s := MaskedScore{Name: name}
	log, single := make([]float64, len(g.one)), make([]float32, len(g.one))
	for _, h := range holes {
		fill(log, h)
		most, sum := slices.Max(log), 0.0
		for _, l := range log {
			sum += math.Exp(l - most)
		}
		for id, l := range log {
			single[id] = float32(l - most - math.Log(sum))
		}
		s.add(single, h.was)
	}
	s.Loss /= float64(len(holes))
	return s
}

// Report lists the measurement.
func (m *MaskedMeasurement) Report(title string) Report {
	r := Report{Title: title}
	for _, s := range m.Scores {
		r.Number("masked loss, "+s.Name, "nats per token", s.Loss)
		r.Share("top 1, "+s.Name, s.Top1, m.Hidden)
		r.Share("top 5, "+s.Name, s.Top5, m.Hidden)
	}
	r.Number("tokens", "", float64(m.Tokens))
	r.Number("hidden", "", float64(m.Hidden))
	r.Number("tokens per second", "", m.PerSecond)
	r.Note("rows of %d tokens; 15 %% of the tokens are hidden, all behind the mask token", m.Context)
	return r
}
