// Package inkstone is the whole life of a generative model in a dozen names:
// [Train] a GPT on text, [Tune] it on conversations, [Load] it, then
// [Model.Generate], [Model.Chat] and [Model.Evaluate]; [Plan] says beforehand
// what a training needs.
//
// It is pure Go. The same tokenizer, model code and kernels serve training,
// evaluation and generation. The packages below it hold the parts, for whoever
// wants to put them together in another way: tensor, nn, model, tokenizer, corpus,
// train, tune, generate, eval.
package inkstone

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/generate"
	"github.com/inkstone-ai/inkstone/model"
	_ "github.com/inkstone-ai/inkstone/model/gpt" // its architectures
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/tokenizer"
)

// A Model is a loaded model with its tokenizer, ready to be used. Its methods
// are called by one goroutine at a time.
type Model struct {
	dir      string
	device   *tensor.Device
	loaded   *model.Loaded
	tok      tokenizer.Tokenizer
	template *tokenizer.ChatTemplate // nil: the folder has none, or templateErr says what is wrong with it
	engine   *generate.Engine        // nil until something is generated
	packed   bool                    // the weights are in the layout of the kernels
	options  LoadOptions
	draft    *model.Loaded // guesses tokens; nil: none, or nothing is generated yet

	templateErr error
}

// Kind is the model_type of a model's folder, "" where there is none to read: what
// opens the folder will say why.
func Kind(dir string) string {
	folder, err := format.OpenFolder(dir)
	if err != nil {
		return ""
	}
	kind, _ := model.Type(folder.Config)
	return kind
}

// LoadOptions change how a model is loaded; nil and the zero value work.
type LoadOptions struct {
	Threads int // 0: one for each core

	// Adapters are folders of LoRA adapters that are added to the weights in this order, see package
	// model/adapter. Weights that they change are in memory, in the type that the model has them in, rounded once, or F32
	// where that is quantised.
	Adapters []string

	// Of Generate and Chat:
	CacheType   string // of keys and values: f32, f16 or q8_0; "" or auto: f32 for weights of F32, else f16
	CacheMemory int64  // bytes of keys and values; 0: a full window, or half of what is free where that takes more
	Draft       string // folder of a smaller model with the same tokenizer that guesses tokens; "": none

	exact bool // the sum of model and adapters is F32, all of it
}

// Load opens a model's folder: one that [Train] or [Tune] wrote, or a Hugging
// Face folder of a known architecture. Weights stay mapped from the file.
//
// Errors: a file that is missing or malformed, an architecture that is not
// known, a tensor that is missing or not used, a vocabulary larger than the model's; an
// adapter that is damaged, not supported or of another model.
func Load(dir string, o *LoadOptions) (*Model, error) {
	if o == nil {
		o = &LoadOptions{}
	}
	if format.IsGGUF(dir) {
		// opening it says more, as which shards are meant
	} else if _, err := os.Stat(dir); err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	if err := tensor.CheckCPU(); err != nil {
		return nil, err
	}
	m := &Model{dir: dir, device: tensor.CPU(o.Threads), options: *o}
	if err := m.open(); err != nil {
		return nil, errors.Join(err, m.Close())
	}
	return m, nil
}

func (m *Model) open() (err error) {
	if m.loaded, err = m.load(); err != nil {
		return err
	}
	if m.tok, err = OpenTokenizer(m.dir); err != nil {
		return err
	}
	if _, err := fitVocabulary(m.loaded.LM, m.tok, m.dir); err != nil {
		return fmt.Errorf("%s: %w", m.dir, err)
	}
	m.template, m.templateErr = chatTemplate(m.dir)
	return nil
}

// converses says why there can be no conversation with the model, nil where there can.
// A template that does not parse is an error for those who need it alone.
func (m *Model) converses() error {
	if m.template == nil && m.templateErr == nil {
		return errNoTemplate(m.dir)
	}
	return m.templateErr
}

// pack lays the weights out for the kernels, before their first use.
func (m *Model) pack() {
	if !m.packed {
		m.loaded.Pack()
		m.packed = true
	}
}

// Close gives the model's memory and threads back.
func (m *Model) Close() error {
	var err error
	if m.engine != nil {
		m.engine.Close()
	}
	if m.loaded != nil {
		err = m.loaded.Close()
	}
	if m.draft != nil {
		err = errors.Join(err, m.draft.Close())
	}
	m.device.Close()
	return err
}

// Tokenizer returns the model's tokenizer.
func (m *Model) Tokenizer() tokenizer.Tokenizer { return m.tok }

// Parameters returns the number of the model's weights.
func (m *Model) Parameters() int { return model.Parameters(m.loaded.LM) }

// Context returns the number of tokens that the model reads at once, 0 for a recurrent
// one, which has no window.
func (m *Model) Context() int { return m.loaded.LM.Shape().Context }

// Dir returns the folder that the model was loaded from.
func (m *Model) Dir() string { return filepath.Clean(m.dir) }
