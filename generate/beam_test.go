package generate_test

import (
	"math"
	"slices"
	"testing"

	"github.com/inkstone-ai/inkstone/generate"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// A chain is a translator that looks at the last token alone, by a table of
// probabilities, so that a beam search over it can be followed by hand.
type chain struct {
	logits nn.Embedding // (V, V): the row of a token is what may follow it
	passes int          // of the decoder
	rows   int          // the most tokens of one
}

const chainBegin, chainVocab = int32(1), 7

// newChain: next[t] are the probabilities of what follows t; what is left out has next to none.
func newChain(t *testing.T, next map[int32]map[int32]float64) *chain {
	c := &chain{logits: nn.NewEmbedding(chainVocab, chainVocab)}
	c.logits.W = tensor.New(cpu(t, 1), chainVocab, chainVocab)
	logits := slices.Repeat([]float32{-60}, chainVocab*chainVocab)
	for last, row := range next {
		for id, p := range row {
			logits[int(last)*chainVocab+int(id)] = float32(math.Log(p))
		}
	}
	c.logits.W.WriteFloats(logits)
	return c
}

func (c *chain) Encode(p *nn.Pass) *model.Memory {
	m := &model.Memory{}
	for _, span := range p.Spans {
		m.Lengths = append(m.Lengths, span.Rows)
	}
	return m
}

func (c *chain) Decode(p *nn.Pass, _ *model.Memory) *tensor.Tensor {
	c.passes, c.rows = c.passes+1, max(c.rows, len(p.Spans))
	return c.logits.Forward(p.IDs)
}

func (c *chain) Logits(rows *tensor.Tensor) *tensor.Tensor { return rows }
func (c *chain) HeadWeight() *tensor.Tensor                { return c.logits.W }
func (c *chain) Shape() model.Shape {
	return model.Shape{Vocab: chainVocab, Context: 60, Width: chainVocab}
}
func (c *chain) Config() any { return nil }

// search runs a request and compares all of its targets with those wanted, in their order.
func (c *chain) search(t *testing.T, r generate.SourceRequest, want []generate.Hypothesis) {
	t.Helper()
	r.Source, r.Begin = []int32{2}, chainBegin
	if r.End == nil {
		r.End = []int32{end}
	}
	got, err := translator(t, c, 0).Run(t.Context(), []generate.SourceRequest{r})
	if err != nil {
		t.Fatal(err)
	}
	same := slices.EqualFunc(got[0], want, func(a, b generate.Hypothesis) bool {
		return slices.Equal(a.IDs, b.IDs) && math.Abs(a.LogProb-b.LogProb) < 1e-5 && math.Abs(a.Score-b.Score) < 1e-5 && a.Finish == b.Finish
	})
	if !same {
		t.Errorf("penalty %g: %+v, want %+v", r.LengthPenalty, got[0], want)
	}
}

// TestBeamWaitsForTheLonger: a target that has ended does not end the search while one
// that is behind it can still get the better score by its length, and does where none can.
func TestBeamWaitsForTheLonger(t *testing.T) {
	next := map[int32]map[int32]float64{chainBegin: {end: 0.4, 2: 0.33, 6: 0.27}, 2: {3: 1}, 3: {4: 1}, 4: {end: 1}, 6: {6: 1}}
	long := generate.Hypothesis{IDs: []int32{2, 3, 4}, LogProb: math.Log(0.33), Score: math.Log(0.33) / (9.0 / 6), Finish: generate.Ended}
	short := generate.Hypothesis{LogProb: math.Log(0.4), Score: math.Log(0.4), Finish: generate.Ended} // -0.92; the scores on the way to the long one are -1.11, -0.95, -0.83 and -0.74
	c := newChain(t, next)
	c.search(t, generate.SourceRequest{Beam: 2, LengthPenalty: 1, MaxTokens: 6}, []generate.Hypothesis{long, short})
	c = newChain(t, next)
	c.search(t, generate.SourceRequest{Beam: 2, MaxTokens: 6}, []generate.Hypothesis{short})
	if c.passes != 1 {
		t.Errorf("without a penalty: %d passes, want 1: what is less likely stays so", c.passes)
	}
	// The best of those that have ended counts, not the last: 0.3 rather than 0.1.
	c = newChain(t, map[int32]map[int32]float64{chainBegin: {2: 0.5, end: 0.3, 6: 0.2}, 2: {3: 0.8, end: 0.2}, 3: {4: 0.6, 5: 0.4}, 4: {4: 1}, 6: {4: 0.4, 5: 0.3, 6: 0.3}})
	hypothesis := func(p float64, ids ...int32) generate.Hypothesis {
		return generate.Hypothesis{IDs: ids, LogProb: math.Log(p), Score: math.Log(p), Finish: generate.Ended}
	}
	c.search(t, generate.SourceRequest{Beam: 3, MaxTokens: 6}, []generate.Hypothesis{hypothesis(0.3), hypothesis(0.1, 2)})
	if c.passes != 3 {
		t.Errorf("%d passes, want 3: 0.5, 0.4, 0.24", c.passes)
	}
}

// TestBeamCutsBehind: targets that are cut come behind every one that has ended, however
// bad that is, the better ones first, and are scored by the tokens that they have.
func TestBeamCutsBehind(t *testing.T) {
	c := newChain(t, map[int32]map[int32]float64{chainBegin: {2: 0.6, 3: 0.3, end: 0.1}, 2: {2: 1}, 3: {4: 0.9, end: 0.1}})
	hypothesis := func(p float64, n int, why generate.Finish, ids ...int32) generate.Hypothesis {
		return generate.Hypothesis{IDs: ids, LogProb: math.Log(p), Score: math.Log(p) / math.Pow(float64(5+n)/6, 0.8), Finish: why}
	}
	c.search(t, generate.SourceRequest{Beam: 3, LengthPenalty: 0.8, MaxTokens: 2}, []generate.Hypothesis{
		hypothesis(0.1, 1, generate.Ended),
		hypothesis(0.6, 2, generate.MaxReached, 2, 2),
		hypothesis(0.27, 2, generate.MaxReached, 3, 4),
	})
}

// TestTargetEnds: any of the end tokens ends a target; without one it has four times the
// source's tokens and forty more, but no more than the context.
func TestTargetEnds(t *testing.T) {
	c := newChain(t, map[int32]map[int32]float64{chainBegin: {2: 0.5, 3: 0.3, 4: 0.2}, 2: {5: 1}, 3: {6: 1}, 4: {4: 1}})
	c.search(t, generate.SourceRequest{Beam: 2, End: []int32{5, 6}, MaxTokens: 9, LengthPenalty: 1}, []generate.Hypothesis{
		{IDs: []int32{2}, LogProb: math.Log(0.5), Score: math.Log(0.5) / (7.0 / 6), Finish: generate.Ended},
		{IDs: []int32{3}, LogProb: math.Log(0.3), Score: math.Log(0.3) / (7.0 / 6), Finish: generate.Ended},
	})
	endless := newChain(t, map[int32]map[int32]float64{chainBegin: {4: 1}, 4: {4: 1}})
	for source, want := range map[int]int{1: 44, 3: 52, 6: 60} {
		r := generate.SourceRequest{Source: slices.Repeat([]int32{2}, source), Begin: chainBegin, End: []int32{end}}
		got, err := translator(t, endless, 0).Run(t.Context(), []generate.SourceRequest{r})
		if err != nil {
			t.Fatal(err)
		}
		if h := got[0][0]; len(h.IDs) != want || h.Finish != generate.MaxReached {
			t.Errorf("a source of %d: %d tokens, %v, want %d", source, len(h.IDs), h.Finish, want)
		}
	}
}

// TestBeamTies: of hypotheses that are as likely the lower id comes first.
func TestBeamTies(t *testing.T) {
	c := newChain(t, map[int32]map[int32]float64{chainBegin: {2: 0.25, 3: 0.25, 4: 0.25, 5: 0.25}})
	var want []generate.Hypothesis
	for id := int32(2); id < 5; id++ {
		want = append(want, generate.Hypothesis{IDs: []int32{id}, LogProb: math.Log(0.25), Score: math.Log(0.25), Finish: generate.MaxReached})
	}
	c.search(t, generate.SourceRequest{Beam: 3, MaxTokens: 1}, want)
}

// TestTargetRepeatsLess: without a beam a repetition penalty multiplies the scores of the
// target's tokens; the log-probability stays the model's.
func TestTargetRepeatsLess(t *testing.T) {
	c := newChain(t, map[int32]map[int32]float64{chainBegin: {2: 0.6, 3: 0.4}, 2: {2: 0.6, 3: 0.4}, 3: {2: 0.6, 4: 0.4}, 4: {end: 1}})
	p := math.Log(0.6 * 0.4 * 0.4)
	r := generate.SourceRequest{Sampling: generate.Sampling{RepetitionPenalty: 3}, MaxTokens: 5}
	c.search(t, r, []generate.Hypothesis{{IDs: []int32{2, 3, 4}, LogProb: p, Score: p, Finish: generate.Ended}})
}

// TestSlotsBoundThePass: no more hypotheses are followed at once than there are slots,
// but for a beam that is wider alone.
func TestSlotsBoundThePass(t *testing.T) {
	next := map[int32]map[int32]float64{chainBegin: {2: 0.3, 3: 0.3, 4: 0.2, 5: 0.2}, 2: {2: 1}, 3: {3: 1}, 4: {4: 1}, 5: {5: 1}}
	for slots, want := range map[int]int{3: 2, 4: 4, 5: 4, 6: 6, 1: 2} {
		c := newChain(t, next)
		r := generate.SourceRequest{Source: []int32{2}, Begin: chainBegin, End: []int32{end}, Beam: 2, MaxTokens: 3}
		got, err := translator(t, c, slots).Run(t.Context(), []generate.SourceRequest{r, r, r})
		if err != nil || len(got) != 3 {
			t.Fatalf("%d results, error %v", len(got), err)
		}
		if c.rows != want {
			t.Errorf("three beams of 2 in %d slots: %d hypotheses in a pass, want %d", slots, c.rows, want)
		}
	}
}
