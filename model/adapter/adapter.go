// Package adapter reads low-rank adapters as Hugging Face's PEFT library writes them, a folder of adapter_config.json
// and adapter_model.safetensors (or adapter_model.bin), and adds them to a model's weights. It trains none and keeps
// none apart: what it gives is one model, whose weights are
//
//	W' = W + s·B·A        s = α/r, or α/√r with use_rslora
//
// with the A (r, in) and B (out, r) that the adapter has for the weight W (out, in): LoRA, Hu et al. 2021,
// arXiv 2106.09685, equation 3, and rsLoRA, Kalajdzievski 2023, arXiv 2312.03732. With use_dora, Liu et al. 2024,
// arXiv 2402.09353, equation 5, each row is then scaled to the length that the adapter has for it:
//
//	W'[o] = m[o] · V[o] / ‖V[o]‖        V = W + s·B·A
//
// Of an embedding (V, C) A is (r, V) and B is (C, r), and s·(B·A)ᵀ is added. Sums are of float64, and the weight is
// rounded to float32 once.
//
// A [Stack] of adapters is a [model.Change] of [model.Load]. The weights are found by their names and shapes in the
// model, not in its file: a base in the layout of GPT-2's Conv1D, with fan_in_fan_out or without, and one that is a
// GGUF file take the same adapter.
//
// Nothing is passed over: a setting that is not known here, a tensor that the settings do not ask for or the model has
// no place for, and one that they ask for and the file has not are errors that name them.
package adapter

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"

	"github.com/inkstone-ai/inkstone/format"
)

// The names of a folder's files, as PEFT gives them.
const (
	configFile  = "adapter_config.json"
	weightsFile = "adapter_model.safetensors"
	torchFile   = "adapter_model.bin"
)

// A LoRA is an opened adapter.
type LoRA struct {
	dir     string
	config  config
	file    format.Weights
	modules map[string]*update       // by the adapter's names of modules
	full    map[string]format.Tensor // weights that replace the model's, by the adapter's names

	// What Check found of the model that the adapter is added to, by the names of its weights.
	updates  map[string]*update
	replaced map[string]format.Tensor
}

// An update is what is added to one weight.
type update struct {
	module    string
	embedding bool          // of which A and B lie the other way round
	a, b      format.Tensor // (r, in), (out, r)
	magnitude format.Tensor // (out): m of DoRA
	scale     float64
}

// Open opens the adapter in the folder dir.
//
// Errors: a file that is missing or damaged; an adapter that is no LoRA; a setting that is not supported, by its name; a
// tensor whose name, type, rank or shape is not what the settings ask for.
func Open(dir string) (*LoRA, error) {
	l := &LoRA{dir: dir, modules: map[string]*update{}, full: map[string]format.Tensor{}}
	if err := l.open(); err != nil {
		return nil, errors.Join(fmt.Errorf("adapter: %s: %w", dir, err), l.Close())
	}
	return l, nil
}

func (l *LoRA) open() error {
	b, err := os.ReadFile(filepath.Join(l.dir, configFile))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: an adapter is a folder that PEFT's save_pretrained wrote", err)
	}
	if err != nil {
		return err
	}
	if l.config, err = parseConfig(b); err != nil {
		return fmt.Errorf("%s: %w", configFile, err)
	}
	if l.file, err = openWeights(l.dir); err != nil {
		return err
	}
	return l.read()
}

// openWeights opens whichever of the two files is there.
func openWeights(dir string) (format.Weights, error) {
	w, err := format.OpenSafetensors(filepath.Join(dir, weightsFile))
	if err == nil {
		return w, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	t, err := format.OpenTorch(filepath.Join(dir, torchFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("neither %s nor %s: %w", weightsFile, torchFile, fs.ErrNotExist)
	}
	if err != nil {
		return nil, err
	}
	return t, nil
}

// read sorts the file's tensors into updates and whole weights.
func (l *LoRA) read() error {
	adapter, named := "", false
	for _, key := range l.file.Names() {
		n, err := parseName(key)
		if err != nil {
			return fmt.Errorf("tensor %s: %w", key, err)
		}
		if n.part == original {
			continue // what PEFT's wrapper keeps for the time without the adapter
		}
		if n.part != whole {
			if named && n.adapter != adapter {
				return fmt.Errorf("tensor %s: the file has the adapters %q and %q: save one alone", key, adapter, n.adapter)
			}
			adapter, named = n.adapter, true
		}
		t, _ := l.file.Tensor(key)
		if err := l.place(n, t); err != nil {
			return fmt.Errorf("tensor %s: %w", key, err)
		}
	}
	if len(l.modules) == 0 {
		return errors.New("the file has no tensor of a LoRA, none that is called lora_A or lora_embedding_A")
	}
	for _, module := range slices.Sorted(maps.Keys(l.modules)) {
		if err := l.complete(l.modules[module]); err != nil {
			return err
		}
	}
	return l.wanted()
}

// place puts a tensor where its name says.
func (l *LoRA) place(n name, t format.Tensor) error {
	if !slices.Contains([]format.DType{format.F32, format.F16, format.BF16, format.F64}, t.DType) {
		return fmt.Errorf("has type %s, want F32, F16, BF16 or F64", t.DType)
	}
	if n.part == whole {
		if other, again := l.full[n.weight]; again && !same(other, t) {
			return fmt.Errorf("differs from %s, and both are %s", other.Name, n.weight)
		}
		l.full[n.weight] = t
		return nil
	}
	u := l.modules[n.module]
	if u == nil {
		u = &update{module: n.module, embedding: n.embedding}
		l.modules[n.module] = u
	}
	part := map[part]*format.Tensor{first: &u.a, second: &u.b, magnitude: &u.magnitude}[n.part]
	switch {
	case n.part == magnitude && !l.config.DoRA:
		return fmt.Errorf("is of DoRA, but use_dora is not set in %s", configFile)
	case n.part != magnitude && u.embedding != n.embedding:
		return fmt.Errorf("%s has both lora_ and lora_embedding_ tensors", n.module)
	case part.Shape != nil:
		return fmt.Errorf("is there twice under different names, the other is %s", part.Name)
	}
	*part = t
	return nil
}

// same says that two tensors are one: PEFT saves a weight under the names of two wrappers.
func same(a, b format.Tensor) bool {
	return a.DType == b.DType && slices.Equal(a.Shape, b.Shape) && bytes.Equal(a.Data, b.Data)
}

// complete sees that an update has its parts and that they fit each other and the settings.
func (l *LoRA) complete(u *update) error {
	for _, p := range []struct {
		t    format.Tensor
		part string
	}{{u.a, "A"}, {u.b, "B"}} {
		switch {
		case p.t.Shape == nil:
			return fmt.Errorf("%s has no lora_%s: the file is not whole, save or fetch the adapter again", u.module, p.part)
		case len(p.t.Shape) != 2:
			return fmt.Errorf("tensor %s has shape %v, want a matrix: adapters of convolutions are not supported", p.t.Name, p.t.Shape)
		}
	}
	rank := l.config.rank(u.module)
	switch {
	case u.a.Shape[0] != rank:
		return fmt.Errorf("tensor %s has shape %v, a rank of %d, but %s asks for %d", u.a.Name, u.a.Shape, u.a.Shape[0], configFile, rank)
	case u.b.Shape[1] != rank:
		return fmt.Errorf("tensor %s has shape %v, a rank of %d, but %s asks for %d", u.b.Name, u.b.Shape, u.b.Shape[1], configFile, rank)
	case l.config.DoRA && u.embedding:
		return fmt.Errorf("%s: use_dora of an embedding is not supported: merge the adapter with PEFT", u.module)
	case l.config.DoRA && u.magnitude.Shape == nil:
		return fmt.Errorf("%s has no lora_magnitude_vector, which use_dora asks for: save or fetch the adapter again", u.module)
	case l.config.DoRA && !slices.Equal(u.magnitude.Shape, u.b.Shape[:1]):
		return fmt.Errorf("tensor %s has shape %v, want %v", u.magnitude.Name, u.magnitude.Shape, u.b.Shape[:1])
	}
	alpha := l.config.alpha(u.module)
	u.scale = alpha / float64(rank)
	if l.config.RSLoRA {
		u.scale = alpha / math.Sqrt(float64(rank))
	}
	return nil
}

// wanted refuses what the settings do not ask for.
func (l *LoRA) wanted() error {
	for _, module := range slices.Sorted(maps.Keys(l.modules)) {
		if !l.config.targeted(module) {
			return fmt.Errorf("tensor %s: target_modules of %s does not name %s", l.modules[module].a.Name, configFile, module)
		}
	}
	for _, weight := range slices.Sorted(maps.Keys(l.full)) {
		t := l.full[weight]
		module, field := cutLast(weight)
		_, updated := l.modules[module]
		biased := field == "bias" && l.config.Bias != "none"
		if !biased && !(updated && isBaseLayer(t.Name)) && !l.config.saved(module) {
			return fmt.Errorf("tensor %s: is no part of a LoRA, and modules_to_save of %s does not name %s", t.Name, configFile, module)
		}
	}
	return nil
}

// Dir returns the folder of the adapter.
func (l *LoRA) Dir() string { return l.dir }

// Base returns the model that the adapter was made for, as its settings call it. It is for the user to read: only names and
// shapes decide what the adapter fits.
func (l *LoRA) Base() string { return l.config.Base }

// Rank returns r, which single weights may have otherwise.
func (l *LoRA) Rank() int { return l.config.Rank }

// Weights returns how many weights the adapter changes or replaces.
func (l *LoRA) Weights() int {
	n := len(l.full)
	for module := range l.modules {
		if _, both := l.full[module+".weight"]; !both {
			n++
		}
	}
	return n
}

// Close unmaps the adapter's file.
func (l *LoRA) Close() error {
	if l.file == nil {
		return nil
	}
	w := l.file
	l.file = nil
	return w.Close()
}
