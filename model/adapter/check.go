package adapter

import (
	"fmt"
	"maps"
	"slices"

	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/nn"
)

// Check finds the weights of a model, which need no values yet, that the adapter changes.
//
// Errors: a tensor that the model has no weight for or whose shape does not fit; a weight that the settings ask for and
// the file has not; an embedding that is the model's head too, which would change with it.
func (l *LoRA) Check(lm model.LM) error {
	l.updates, l.replaced = map[string]*update{}, map[string]format.Tensor{}
	f := finder{lm: lm, base: l.Base(), params: map[string]nn.Param{}}
	nn.Walk(lm, func(p nn.Param) { f.params[p.Name] = p })
	if err := l.find(&f); err != nil {
		return fmt.Errorf("adapter: %s: %w", l.dir, err)
	}
	return nil
}

func (l *LoRA) find(f *finder) error {
	for _, weight := range slices.Sorted(maps.Keys(l.full)) {
		t := l.full[weight]
		stored := t
		stored.Name = weight
		found, err := f.find(stored)
		if err == nil && !slices.Equal(found.Shape, f.params[found.Name].Tensor.Shape()) {
			err = f.misfit(found.Name, found.Shape)
		}
		if err != nil {
			return fmt.Errorf("tensor %s: %w", t.Name, err)
		}
		l.replaced[found.Name] = found
	}
	for _, module := range slices.Sorted(maps.Keys(l.modules)) {
		if err := l.findUpdate(f, l.modules[module]); err != nil {
			return err
		}
	}
	return l.missing(f)
}

// findUpdate finds the weight of an update. Of its shape (out, in) B has out and A has in; of an embedding it is the
// other way round.
func (l *LoRA) findUpdate(f *finder, u *update) error {
	out, in := u.b.Shape[0], u.a.Shape[1]
	if u.embedding {
		out, in = in, out
	}
	found, err := f.find(format.Tensor{Name: u.module + ".weight", Shape: []int{out, in}})
	if err != nil {
		return fmt.Errorf("tensor %s: %w", u.a.Name, err)
	}
	p := f.params[found.Name]
	switch shape := p.Tensor.Shape(); {
	case u.embedding != (p.Role == nn.Table):
		return fmt.Errorf("tensor %s: %s is a %s of the model, and lora_embedding is for a table", u.a.Name, p.Name, p.Role)
	case !u.embedding && p.Role != nn.Matrix && p.Role != nn.Head:
		return fmt.Errorf("tensor %s: %s is a %s of the model, no matrix", u.a.Name, p.Name, p.Role)
	case !slices.Equal(shape, []int{out, in}):
		return fmt.Errorf("tensors %s and %s: %w", u.a.Name, u.b.Name, f.misfit(p.Name, []int{out, in}))
	}
	l.updates[p.Name] = u
	return nil
}

// missing names a weight of the model that the settings ask for and the file has not.
func (l *LoRA) missing(f *finder) error {
	exact := l.config.Targets.exact() && l.config.Excluded.exact()
	for _, name := range slices.Sorted(maps.Keys(f.params)) {
		p := f.params[name]
		module, field := cutLast(name)
		_, updated := l.updates[name]
		_, replaced := l.replaced[name]
		matrix := field == "weight" && (p.Role == nn.Matrix || p.Role == nn.Head || p.Role == nn.Table)
		switch {
		case l.config.saved(module) && !replaced:
			return fmt.Errorf("modules_to_save names %s, but the file has no %s: save or fetch the adapter again", module, name)
		case field == "bias" && l.config.Bias == "all" && !replaced:
			return fmt.Errorf("bias is all, but the file has no %s: save or fetch the adapter again", name)
		case exact && matrix && l.config.targeted(module) && !updated && !replaced:
			return fmt.Errorf("target_modules names %s, but the file has no lora_A of it: save or fetch the adapter again", module)
		}
	}
	return nil
}

// A finder looks for weights of a model.
type finder struct {
	lm     model.LM
	base   string
	params map[string]nn.Param
}

// find is t, a tensor of a Hugging Face file, under the name that the model has for it and laid out as the model has it.
// Without data the name alone is that of the model.
func (f *finder) find(t format.Tensor) (format.Tensor, error) {
	found := t
	if i, ok := f.lm.(model.Importer); ok {
		var err error
		if found, err = i.Import(t); err != nil {
			return found, err
		}
	}
	p, ok := f.params[found.Name]
	switch {
	case !ok:
		return found, fmt.Errorf("the model has no weight %s; the adapter was made for %q", t.Name, f.base)
	case f.tied(p):
		return found, fmt.Errorf("the model's head is its embedding %s: an adapter of one of them would change both. Untie them first, with tie_word_embeddings false and lm_head.weight in the file", p.Name)
	}
	return found, nil
}

// tied says whether a weight is embedding and head at once.
func (f *finder) tied(p nn.Param) bool { return p.Role == nn.Table && p.Tensor == f.lm.HeadWeight() }

func (f *finder) misfit(name string, shape []int) error {
	return fmt.Errorf("they are for a weight of shape %v, but %s of the model has %v; the adapter was made for %q", shape, name, f.params[name].Tensor.Shape(), f.base)
}
