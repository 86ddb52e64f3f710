package inkstone

import (
	"context"

	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/train"
)

// VocabFor and Derive let the tests see what is derived.
var VocabFor = vocabFor

// Derive fills s for a corpus and returns the parameters of its model and the
// tokens that the depth asks for.
func Derive(s Settings, vocab int, train, held int64) (Settings, int64, error) {
	s.EvalTokens = or(s.EvalTokens, 1<<18)
	if err := s.check(); err != nil {
		return s, 0, err
	}
	s, _, wanted, err := s.derive(size{vocab, train, held})
	return s, wanted, err
}

// FitInto lets the tests say how much memory is free.
var FitInto = fitInto

// EmbeddingRows are the rows of a model's embedding by word.
func EmbeddingRows(m *Model) map[string][]float32 {
	table, err := embeddingTable(m.loaded.LM, m.tok.Size())
	if err != nil {
		panic(err)
	}
	rows, all := table.Floats(), map[string][]float32{}
	for id := range m.tok.Size() {
		all[spelled(m.tok, int32(id))] = rows[id*table.Dim(1) : (id+1)*table.Dim(1)]
	}
	return all
}

// HoldOut lets the tests see a split of labelled examples.
func HoldOut[T any](all []T, keys func(T) []string, share float64, seed uint64) (learn, held []T, err error) {
	return holdOut(all, keys, share, seed)
}

// PlanAndHeld* are the plan of a run and the bytes that the arena holds after two of its
// steps.

func PlanAndHeldLanguage(ctx context.Context, o TrainOptions) (train.Plan, int64, error) {
	p, err := prepare(ctx, o)
	if err != nil {
		return train.Plan{}, 0, err
	}
	defer p.close()
	return planAndHeld(ctx, p.planned(), func(d *tensor.Device) (*train.Stepper, func(), error) {
		start(p.lm, d, 1)
		return p.stepper(d)
	})
}

func PlanAndHeldMasked(ctx context.Context, o MaskedOptions) (train.Plan, int64, error) {
	p, err := prepareMasked(ctx, o)
	if err != nil {
		return train.Plan{}, 0, err
	}
	return planAndHeld(ctx, p.planned(), func(d *tensor.Device) (*train.Stepper, func(), error) {
		p.start(d)
		return p.stepper(d)
	})
}

func PlanAndHeldTranslator(ctx context.Context, o TranslatorOptions) (train.Plan, int64, error) {
	t, err := prepareTranslator(ctx, o)
	if err != nil {
		return train.Plan{}, 0, err
	}
	return planAndHeld(ctx, t.planned(), func(d *tensor.Device) (*train.Stepper, func(), error) {
		start(t.model, d, 1)
		return t.stepper()
	})
}

func planAndHeld(ctx context.Context, p train.Plan, begin func(d *tensor.Device) (*train.Stepper, func(), error)) (train.Plan, int64, error) {
	d := tensor.CPU(1)
	defer d.Close()
	s, done, err := begin(d)
	if err != nil {
		return p, 0, err
	}
	defer done()
	m, err := train.Speed(ctx, d, tensor.F32, s, 0)
	return p, m.Activations, err
}
