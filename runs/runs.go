// Package runs holds whole pipelines, one readable file each: what a user gets
// from one verb, from text to a model that was measured. They put the packages
// below together and hold no algorithm of their own.
package runs

import (
	"fmt"
	"time"

	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/tokenizer"
	"github.com/inkstone-ai/inkstone/train"
)

// A Watch is told how far a stage of a pipeline has come: done in [0, 1], with
// a text beside it. It is called often and must return soon.
type Watch func(stage string, done float64, text string)

func (w Watch) tell(stage string, done float64, format string, args ...any) {
	if w != nil {
		w(stage, done, fmt.Sprintf(format, args...))
	}
}

// training turns a run's metrics into what a Watch shows: the share of the
// budget that is spent, the loss smoothed over the last steps, the pace.
func (w Watch) training(stage string, budget time.Duration) func(train.Metrics) {
	var loss, rate float64
	return func(m train.Metrics) {
		if m.Evaluation != nil {
			return
		}
		if loss == 0 {
			loss, rate = m.Loss, m.TokensPerSecond
		}
		loss += 0.05 * (m.Loss - loss)
		rate += 0.05 * (m.TokensPerSecond - rate)
		w.tell(stage, m.Seconds/budget.Seconds(), "step %d · loss %.3f · %.0f tokens/s", m.Step, loss, rate)
	}
}

// fastest is the precision that trains in the least time: bf16 where the
// processor has it. Two minutes are better spent on more text than on more digits.
func fastest(d *tensor.Device) tensor.DType { return d.Precision(tensor.BF16) }

// saveFolder writes what every verb of Inkstone reads. The model comes last, with
// config.json at its end: a folder that has it is whole.
func saveFolder(dir string, lm model.LM, g model.Generation, t tokenizer.Tokenizer, c tokenizer.Config) error {
	if err := tokenizer.Save(t, dir); err != nil {
		return err
	}
	if err := tokenizer.SaveConfig(dir, c); err != nil {
		return err
	}
	return model.Save(dir, lm, g)
}
