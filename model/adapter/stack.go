package adapter

import (
	"errors"

	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/model"
)

var _ model.Change = (*Stack)(nil)

// A Stack is adapters that are added to a model one after the other, the first first: a [model.Change].
type Stack struct {
	Adapters []*LoRA
	// Exact keeps changed weights as F32. Otherwise they get the type that the base has them in where that is F16 or BF16,
	// rounded once, after the last adapter; weights of the quantised types become F32 all the same.
	Exact   bool
	Threads int // that add; 0: one for each core
}

// OpenStack opens the adapters of folders. Errors are those of [Open].
func OpenStack(dirs ...string) (*Stack, error) {
	s := &Stack{}
	for _, dir := range dirs {
		l, err := Open(dir)
		if err != nil {
			return nil, errors.Join(err, s.Close())
		}
		s.Adapters = append(s.Adapters, l)
	}
	return s, nil
}

// Check is [LoRA.Check] of each.
func (s *Stack) Check(lm model.LM) error {
	for _, l := range s.Adapters {
		if err := l.Check(lm); err != nil {
			return err
		}
	}
	return nil
}

// Apply is [LoRA.Apply] of each in turn.
func (s *Stack) Apply(t format.Tensor) (format.Tensor, error) {
	changed := t
	for _, l := range s.Adapters {
		var err error
		if changed, err = l.apply(changed, s.Threads); err != nil {
			return t, err
		}
	}
	half := t.DType == format.F16 || t.DType == format.BF16
	if s.Exact || !half || changed.DType != format.F32 {
		return changed, nil
	}
	x, err := format.F32s(changed)
	if err != nil {
		return t, err
	}
	changed.DType = t.DType
	changed.Data, err = format.Quantise(t.DType, x, t.Shape[len(t.Shape)-1], nil, s.Threads)
	return changed, err
}

// Close closes all of them. A model that was loaded with the stack does not need it any more.
func (s *Stack) Close() error {
	var errs []error
	for _, l := range s.Adapters {
		errs = append(errs, l.Close())
	}
	return errors.Join(errs...)
}
