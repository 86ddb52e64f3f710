package runs

import (
	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/train"
)

// Lesson is t on pairs that a program writes, numbers or dates, for whoever wants to
// see an encoder–decoder learn something whole in minutes. It is an example, not a
// task: what is right follows from rules, letter by letter. Settings that t has win.
func Lesson(t Translation, name string) Translation {
	const pairs = 20_000
	if name == "dates" {
		t.Pairs = corpus.DatePairs(pairs, t.Seed)
	} else {
		t.Pairs = corpus.NumberPairs(pairs, t.Seed)
	}
	s := &t.Settings
	if *s == (inkstone.TranslatorSettings{}) {
		*s = inkstone.TranslatorSettings{Tokenizer: "char", Width: 96, Heads: 4, Layers: 2, Rows: 32, HeldOut: 0.02, LR: 2e-3, Dropout: -1, Smoothing: -1,
			Schedule: train.Schedule{Shape: train.Cosine, Warmup: 0.05}} // every letter is to be right: the rate ends at 0
	}
	return t
}
