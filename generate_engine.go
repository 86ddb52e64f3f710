package inkstone

import (
	"bytes"
	"fmt"

	"github.com/inkstone-ai/inkstone/generate"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/train"
)

// engineOptions are those of an engine for one text at a time. Where nothing is said of the memory, a
// window that takes more than half of what is free is made shorter.
func (m *Model) engineOptions() (o generate.Options, err error) {
	o = generate.Options{Slots: 1, Memory: m.options.CacheMemory}
	if o.CacheType, err = m.cacheType(); err != nil {
		return o, err
	}
	shape := m.loaded.LM.Shape()
	free, ok := train.Available()
	if ok && o.Memory > free {
		return o, fmt.Errorf("a cache of %d bytes of keys and values, the machine has %d free: ask for less memory", o.Memory, free)
	}
	if ok && o.Memory == 0 && generate.CacheBytes(shape, o.CacheType, shape.Context) > free/2 {
		o.Memory = free / 2
	}
	if m.options.Draft == "" {
		return o, nil
	}
	if m.draft == nil { // it is there where an engine could not be made before
		if m.draft, err = m.loadDraft(m.options.Draft); err != nil {
			return o, err
		}
	}
	o.Draft = m.draft.LM
	return o, nil
}

// cacheType is the type of keys and values that a user names, or what suits the weights.
func (m *Model) cacheType() (tensor.DType, error) {
	switch name := m.options.CacheType; name {
	case "", "auto":
		return generate.CacheType(m.loaded.LM), nil
	case "f32":
		return tensor.F32, nil
	case "f16":
		return tensor.F16, nil
	case "q8_0":
		return tensor.Q8_0, nil
	default:
		return 0, fmt.Errorf("cache type %q is none of auto, f32, f16, q8_0", name)
	}
}

// loadDraft opens a model that guesses for m, of a folder or a GGUF file. It must read and write the same tokens.
func (m *Model) loadDraft(dir string) (*model.Loaded, error) {
	tok, err := OpenTokenizer(dir)
	if err != nil {
		return nil, fmt.Errorf("draft model: %w", err)
	}
	if tok.Size() != m.tok.Size() {
		return nil, fmt.Errorf("draft model: %s has %d tokens, the model %d: both must have the same tokenizer", dir, tok.Size(), m.tok.Size())
	}
	for id := range int32(tok.Size()) {
		a, _ := m.tok.Token(id)
		if b, _ := tok.Token(id); !bytes.Equal(a, b) {
			return nil, fmt.Errorf("draft model: token %d of %s is %q, the model's %q: both must have the same tokenizer", id, dir, b, a)
		}
	}
	loaded, err := model.Load(dir, m.device)
	if err != nil {
		return nil, fmt.Errorf("draft model: %w", err)
	}
	loaded.Pack()
	return loaded, nil
}
