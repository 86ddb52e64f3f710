package inkstone

import (
	"fmt"
	"math"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/corpus/ngram"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/train"
)

// ngramTokens of the training text are enough to say what a text is worth; they
// take less than a second.
const ngramTokens = 300_000

// A worth is what a text tells about itself before any training.
type worth struct {
	grams [3]float64 // nats for a held-out token, by order
	bytes float64    // of a held-out token
}

// worth fits three n-gram models on the beginning of the training text and scores the
// held-out text that an evaluation reads.
func (p *pretraining) worth() (w worth, err error) {
	held := make(corpus.IDs, p.evalTokens().Len())
	if err := p.evalTokens().ReadIDs(held, 0); err != nil {
		return w, err
	}
	ids := make(corpus.IDs, min(p.train.Len(), ngramTokens))
	if err := p.train.ReadIDs(ids, 0); err != nil {
		return w, err
	}
	for i := range w.grams {
		if w.grams[i], err = gramLoss(ids, held, p.tokenizer.Size(), i+1); err != nil {
			return w, err
		}
	}
	for _, id := range held {
		if text, ok := p.tokenizer.Token(id); ok && !p.tokenizer.IsSpecial(id) {
			w.bytes += float64(len(text)) / float64(len(held))
		}
	}
	return w, nil
}

// gramLoss is the nats for a held token of a model of so many ids, never 0: a text of
// one letter has no logarithm.
func gramLoss(ids, held []int32, vocab, order int) (float64, error) {
	m, err := ngram.Train([][]int32{ids}, vocab, order)
	if err != nil {
		return 0, err
	}
	return max(1e-3, m.Bits(held)*math.Ln2/float64(len(held))), nil
}

// trial is the run as the study of losses sees it.
func (p *pretraining) trial(w worth) train.Trial {
	s, vocab := p.settings, p.tokenizer.Size()
	return train.Trial{
		Tokenizer: s.Tokenizer, Depth: s.Depth, Body: int64(model.Parameters(p.lm)) - int64(vocab)*int64(s.Width),
		Tokens: s.tokensPerStep() * int64(s.Steps), Updates: s.Steps, Unique: p.train.Len(), Context: s.Context, Vocab: vocab,
		Unigram: w.grams[0], Bigram: w.grams[1], Trigram: w.grams[2], BytesPerToken: w.bytes,
	}
}

// expect is the loss that the run is expected to end with.
func (p *pretraining) expect(w worth) (train.Expectation, error) {
	e := train.StudyLaw().Expect(p.trial(w))
	unlike, err := p.unlikeStudy()
	e.Outside = append(e.Outside, unlike...)
	return e, err
}

// unlikeStudy names the settings that the study did not vary and that are not the
// recipe's here.
func (p *pretraining) unlikeStudy() (all []string, err error) {
	s := p.settings
	plain := Settings{
		Depth: s.Depth, Context: s.Context, Tokenizer: s.Tokenizer, Rows: s.Rows, Micro: s.Micro, Steps: s.Steps, EvalTokens: s.EvalTokens,
	}
	if plain, _, _, err = plain.derive(size{p.tokenizer.Size(), p.train.Len(), p.held.Len()}); err != nil {
		return nil, err
	}
	for _, x := range []struct {
		key       string
		got, want any
	}{
		{"model", s.Model, plain.Model}, {"width", s.Width, plain.Width}, {"hidden", s.Hidden, plain.Hidden}, {"kv_heads", s.KVHeads, plain.KVHeads},
		{"dropout", s.Dropout, plain.Dropout}, {"optimizer", s.Optimizer, plain.Optimizer}, {"lr", s.LR, plain.LR}, {"muon_lr", s.MuonLR, plain.MuonLR},
		{"beta2", s.Beta2, plain.Beta2}, {"decay", s.Decay, plain.Decay}, {"clip", s.Clip, plain.Clip}, {"schedule", s.Schedule, plain.Schedule},
	} {
		if x.got != x.want && (x.key != "hidden" || s.Model == plain.Model && s.Width == plain.Width) {
			all = append(all, fmt.Sprintf("%s %v (study: %v)", x.key, x.got, x.want))
		}
	}
	return all, nil
}
