package inkstone

import (
	"fmt"

	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/model/adapter"
	"github.com/inkstone-ai/inkstone/nn"
)

// load opens the model's weights with its adapters.
func (m *Model) load() (*model.Loaded, error) {
	if len(m.options.Adapters) == 0 {
		return model.Load(m.dir, m.device)
	}
	stack, err := adapter.OpenStack(m.options.Adapters...)
	if err != nil {
		return nil, err
	}
	defer stack.Close()
	stack.Threads = m.options.Threads
	if m.options.exact {
		stack.Exact = true
		return model.LoadForTraining(m.dir, m.device, stack)
	}
	return model.Load(m.dir, m.device, stack)
}

// load opens the source with the adapters. What they change is rounded once: to the type that the source has it in, or
// where another is asked for when it is written.
func (c *conversion) load() error {
	stack, err := adapter.OpenStack(c.Adapters...)
	if err != nil {
		return err
	}
	defer stack.Close()
	stack.Exact, stack.Threads = c.Type != "", c.Threads
	if c.loaded, err = model.Load(c.in, c.device, stack); err != nil {
		return err
	}
	for _, l := range stack.Adapters {
		c.note("adapter %s: weights changed: %d, rank %d, made for %q", l.Dir(), l.Weights(), l.Rank(), l.Base())
	}
	return nil
}

// checkQuantised refuses a GGUF file some of whose weights would be F32, where nobody has said so.
func (c *conversion) checkQuantised() error {
	if len(c.Adapters) == 0 || c.Type != "" || !format.NamesGGUF(c.out) {
		return nil
	}
	for _, p := range nn.Params(c.loaded.LM) {
		if p.Tensor.DType().Quantised() {
			return fmt.Errorf("%s is %s, and weights that an adapter changes are not: give a type that all of them are to have", p.Name, typeName(p.Tensor.DType().String()))
		}
	}
	return nil
}
