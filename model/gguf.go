package model

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/inkstone-ai/inkstone/format"
)

// GGUF says how a model type stands in GGUF files: under which name of an architecture, and
// with which keys. C is its config, as [LM.Config] returns it. The names of weights are the gguf tags of the model's fields (see
// [nn.Walk]); what these cannot say, a [GGUFImporter] and a [GGUFExporter] do.
type GGUF[C any] struct {
	Arch string // general.architecture

	// Read returns the config of a file. k reads the keys of the architecture,
	// "llama.block_count" as "block_count"; its error need not be looked at. Nil for a type that other
	// types' files stand for: a Mistral is a llama there.
	Read func(file *format.GGUF, k *format.Keys) (C, error)

	// Write sets the keys of the architecture: an int becomes a uint32, a float a float32. Its
	// error says what other programs would read wrong.
	Write func(c C, set func(key string, value any)) error

	// Extra are tensors that are no weights of the model: they are written, and when they are read
	// Read has what they say. Nil: none.
	Extra func(c C) []format.Tensor
}

// A GGUFImporter is a model whose weights lie otherwise in GGUF files: with permuted rows, or with
// another number added.
type GGUFImporter interface {
	// ImportGGUF returns a file's tensor, which has the name and the shape of [nn.Walk], as the
	// model has it.
	ImportGGUF(t format.Tensor) (format.Tensor, error)
}

// A GGUFExporter undoes [GGUFImporter].
type GGUFExporter interface {
	// ExportGGUF returns t, named and shaped by [nn.Walk], as GGUF files have it. Data may be nil:
	// then the type alone matters.
	ExportGGUF(t format.Tensor) (format.Tensor, error)
}

// arch is a GGUF without its type.
type arch struct {
	name  string
	read  func(file *format.GGUF) (config any, err error)
	write func(config any, meta format.Metadata) ([]format.Tensor, error)
}

var (
	archs   = map[string]arch{} // by model type
	readers = map[string]arch{} // by general.architecture
)

// RegisterGGUF makes a model type known to GGUF files. It is called from init functions.
func RegisterGGUF[C any](modelType string, g GGUF[C]) {
	a := arch{name: g.Arch}
	a.write = func(config any, meta format.Metadata) ([]format.Tensor, error) {
		c, ok := config.(C)
		if !ok {
			return nil, fmt.Errorf("a config %T has no GGUF form", config)
		}
		set, failed := setter(meta, g.Arch)
		if err := errors.Join(g.Write(c, set), *failed); err != nil || g.Extra == nil {
			return nil, err
		}
		return g.Extra(c), nil
	}
	archs[modelType] = a
	if g.Read == nil {
		return
	}
	a.read = func(file *format.GGUF) (any, error) {
		k := file.Meta().Keys(g.Arch + ".")
		c, err := g.Read(file, k)
		if k.Err() != nil {
			return nil, k.Err()
		}
		return c, err
	}
	if readers[g.Arch].read != nil {
		panic(fmt.Sprintf("model: GGUF architecture %s is registered twice", g.Arch))
	}
	readers[g.Arch] = a
}

// setter returns what sets keys of arch in meta, in the widths that other programs expect, and
// where its first error will be.
func setter(meta format.Metadata, arch string) (set func(key string, value any), failed *error) {
	failed = new(error)
	return func(key string, value any) {
		switch v := value.(type) {
		case int:
			if v < 0 || v > math.MaxUint32 {
				*failed = fmt.Errorf("%s is %d, which does not fit 32 bits", key, v)
			}
			value = uint32(v)
		case float64:
			value = float32(v)
		}
		meta[arch+"."+key] = value
	}, failed
}

// GGUFTypes returns the model types that GGUF files can hold, in lexical order.
func GGUFTypes() []string { return slices.Sorted(maps.Keys(archs)) }

// ReadsGGUF says that GGUF files of this general.architecture can be read.
func ReadsGGUF(architecture string) bool { return readers[architecture].read != nil }

// Folder returns what a Hugging Face folder would say of a GGUF file's model: its config.json and
// generation_config.json, and its chat template. The tokenizer is not among them.
//
// Errors: an architecture that is not known; a key that is absent or has a wrong type; a setting
// that the architecture here does not have.
func Folder(file *format.GGUF) (*format.Folder, error) {
	k := file.Meta().Keys("")
	name, template := k.String("general.architecture"), k.StringOr("tokenizer.chat_template", "")
	if k.Err() != nil {
		return nil, k.Err()
	}
	a, ok := readers[name]
	if !ok {
		return nil, fmt.Errorf("unknown general.architecture %q; known are %s", name, strings.Join(slices.Sorted(maps.Keys(readers)), ", "))
	}
	config, err := a.read(file)
	if err != nil {
		return nil, err
	}
	generation, err := generationOf(file.Meta())
	if err != nil {
		return nil, err
	}
	f := &format.Folder{}
	if f.Config, err = completed(config); err != nil {
		return nil, err
	}
	if f.Generation, err = indent(generation); err != nil {
		return nil, err
	}
	if template != "" {
		f.ChatTemplate = []byte(template)
	}
	return f, nil
}

// completed is the config.json of a config that a file told: with all that building the model
// fills in.
func completed(config any) ([]byte, error) {
	b, err := json.Marshal(config)
	if err != nil {
		return nil, err
	}
	m, err := Build(b)
	if err != nil {
		return nil, err
	}
	return indent(m.(interface{ Config() any }).Config())
}

// generationOf reads the tokens that begin and end a text.
func generationOf(meta format.Metadata) (Generation, error) {
	var g Generation
	k := meta.Keys("tokenizer.ggml.")
	id := func(key string) *int32 {
		if n := int32(k.IntOr(key, -1)); n >= 0 {
			return &n
		}
		return nil
	}
	g.BOS, g.Pad = id("bos_token_id"), id("padding_token_id")
	for _, key := range []string{"eos_token_id", "eot_token_id", "eom_token_id"} {
		if n := id(key); n != nil && !slices.Contains(g.EOS, *n) {
			g.EOS = append(g.EOS, *n)
		}
	}
	return g, k.Err()
}

// setGeneration undoes generationOf. A token that the vocabulary does not have is left out: a
// config.json that keeps its class's tokens beside a smaller vocabulary names such, and
// readers of GGUF files refuse them.
func setGeneration(meta format.Metadata, g Generation, vocab int) {
	set := func(key string, id int32) {
		if id >= 0 && int(id) < vocab {
			meta["tokenizer.ggml."+key] = uint32(id)
		}
	}
	if g.BOS != nil {
		set("bos_token_id", *g.BOS)
	}
	if g.Pad != nil {
		set("padding_token_id", *g.Pad)
	}
	for i, key := range []string{"eos_token_id", "eot_token_id", "eom_token_id"} {
		if i < len(g.EOS) {
			set(key, g.EOS[i])
		}
	}
}
