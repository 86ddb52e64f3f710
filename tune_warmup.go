package inkstone

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"slices"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/model/bert"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tokenizer"
	"github.com/inkstone-ai/inkstone/train"
	"github.com/inkstone-ai/inkstone/tune"
)

const (
	warmUpDir  = "warmup"
	warmUpHeld = 512 // examples that a warm-up is evaluated on
)

// warmUp trains the head on examples that are made of plain text, where there is some,
// and lets the tuning begin from there. A few hundred examples do not teach an encoder to
// look for the words of one text in another, which is what answers and likenesses rest
// on; plain text teaches it without a label.
func (t *headTuning) warmUp(ctx context.Context) error {
	if len(t.WarmUp) == 0 {
		return nil
	}
	w := *t
	w.Out, w.WarmUp, w.WarmUpSteps, w.Steps = filepath.Join(t.Out, warmUpDir), nil, 0, t.WarmUpSteps
	w.EvalEvery, w.CheckpointEvery, w.Adversarial, w.groups = 0, 0, train.Adversary{}, muon
	if err := vacant(w.Out, t.Resume); err != nil {
		return fmt.Errorf("tune: %w", err)
	}
	if err := unlessDone(ctx, func() (err error) { w.task, err = t.warmUpTask(); return err }); err != nil {
		return err
	}
	t.Notice(fmt.Sprintf("first %d examples that are made of %s", w.task.learn.Len(), named(t.WarmUp)))
	if _, _, err := w.run(ctx); err != nil {
		return fmt.Errorf("warm-up: %w", err)
	}
	t.from = w.Out
	return nil
}

// muon are the optimizers of a warm-up, those of a pretraining: it is long, and what it
// teaches is new.
func muon(m *bert.BERT) []train.Group {
	lr := 3e-3 * math.Sqrt(128/float64(m.Shape().Width))
	return train.MuonGroups(nn.Params(m), train.Muon{}, 0.02, train.AdamW{Beta2: 0.98}, lr, 0.01)
}

// warmUpTask makes the examples: each is met once. Those that the context does not hold,
// or of which the question alone takes half of it, are left out.
func (t *headTuning) warmUpTask() (*headTask, error) {
	docs, _, err := corpus.Read(t.Stdin, t.WarmUp...)
	if err != nil {
		return nil, err
	}
	frame, err := tokenizer.FrameOf(t.tok)
	if err != nil {
		return nil, err
	}
	n := t.WarmUpSteps*t.Rows + warmUpHeld
	c, scores := t.task.learn.(*tune.Classify)
	switch {
	case t.task.kind == bert.Answers:
		all, err := corpus.Clozes(docs, n, t.Seed)
		if err != nil {
			return nil, err
		}
		all = slices.DeleteFunc(all, func(q corpus.Question) bool { return len(t.tok.Encode(q.Text)) > t.context/2 })
		held := min(warmUpHeld, len(all)/2)
		return answerTask(t.tok, frame, all[held:], all[:held], t.context)
	case scores && len(c.Labels) == 0:
		low, high := c.Range()
		all, err := corpus.Likenesses(docs, n, low, high, t.Seed)
		if err != nil {
			return nil, err
		}
		all = slices.DeleteFunc(all, func(x corpus.Labelled) bool {
			return len(t.tok.Encode(x.Text))+len(t.tok.Encode(x.Pair))+frame.Extra(true) > t.context
		})
		held := min(warmUpHeld, len(all)/2)
		task, err := classifyTask(t.tok, frame, all[held:], all[:held], t.task.labels, t.context)
		if err != nil {
			return nil, err
		}
		task.learn = tune.NewLikeness(task.learn.(*tune.Classify))
		return task, nil
	}
	return nil, fmt.Errorf("tune: no warm-up can be made of plain text for labels, only for scores and spans")
}
