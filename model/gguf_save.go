package model

import (
	"fmt"
	"maps"
	"math"
	"strings"

	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/nn"
)

// GGUFOptions say how [SaveGGUF] writes a model.
type GGUFOptions struct {
	Generation Generation      // its tokens go to tokenizer.ggml
	Meta       format.Metadata // keys beside the model's: the tokenizer, general.name
	// Type chooses the type of a matrix, which t names and shapes as the file has it; nil: the
	// type that the model has in memory. What is no matrix, and the positions' table, is F32.
	Type func(t format.Tensor) (format.DType, error)
	// Importance are weights of a matrix's columns for the search of scales; nil: none.
	Importance func(name string) []float32
	Threads    int // that find the scales of quantised types; 0: one for each core
	// Progress is called before each tensor, with the bytes of the model's weights that are done
	// and all of them.
	Progress func(done, all int64)
}

// SaveGGUF writes a language model as a GGUF file, atomically and a tensor at a time.
//
// Errors: a model type that has no GGUF form; a weight that has no name there; a type that a
// matrix cannot have, or that it cannot be converted to.
func SaveGGUF(path string, m interface{ Config() any }, o GGUFOptions) error {
	w, err := newGGUFWriter(m, o)
	if err != nil {
		return fmt.Errorf("model: %s: %w", path, err)
	}
	return format.WriteGGUF(path, w.meta, w.tensors, w.data)
}

// SaveGGUFShards is [SaveGGUF] in files of at most size bytes of tensors each, of which first is the path of the
// first, see [format.WriteGGUFShards].
func SaveGGUFShards(path string, size int64, m interface{ Config() any }, o GGUFOptions) (first string, err error) {
	w, err := newGGUFWriter(m, o)
	if err != nil {
		return "", fmt.Errorf("model: %s: %w", path, err)
	}
	return format.WriteGGUFShards(path, size, w.meta, w.tensors, w.data)
}

// ggufWriter fetches the tensors of a file one by one.
type ggufWriter struct {
	model   any
	options GGUFOptions
	meta    format.Metadata
	tensors []format.Tensor
	params  map[string][]nn.Param // by the file's names
	extra   map[string][]byte
	done    int64
	all     int64
}

func newGGUFWriter(m any, o GGUFOptions) (*ggufWriter, error) {
	a, config, err := archOf(m)
	if err != nil {
		return nil, err
	}
	w := &ggufWriter{model: m, options: o, meta: format.Metadata{}, params: byGGUF(m), extra: map[string][]byte{}}
	extra, err := a.write(config, w.meta)
	if err != nil {
		return nil, err
	}
	vocab := math.MaxInt
	if lm, ok := m.(LM); ok {
		vocab = lm.Shape().Vocab
	}
	setGeneration(w.meta, o.Generation, vocab)
	maps.Copy(w.meta, o.Meta)
	w.meta["general.architecture"] = a.name
	for _, p := range nn.Params(m) {
		if err := w.add(p); err != nil {
			return nil, fmt.Errorf("weight %s: %w", p.Name, err)
		}
	}
	for _, t := range extra {
		w.extra[t.Name] = t.Data
		w.tensors = append(w.tensors, t)
	}
	return w, nil
}

// add lists the tensor that begins with p.
func (w *ggufWriter) add(p nn.Param) error {
	group := w.params[p.GGUF]
	w.all += int64(p.Tensor.Bytes())
	switch {
	case p.GGUF == "":
		return fmt.Errorf("has no name in GGUF files")
	case group[0].Tensor != p.Tensor:
		return nil // stacked on the first
	}
	t := format.Tensor{Name: p.GGUF, Shape: p.Tensor.Shape()}
	if len(group) > 1 {
		t.Shape = append([]int{len(group)}, t.Shape...)
	}
	var err error
	t.DType, err = w.typeOf(t, p.Role, described(p).DType)
	w.tensors = append(w.tensors, t)
	return err
}

// typeOf is the type of a tensor that has type had in memory.
func (w *ggufWriter) typeOf(t format.Tensor, role nn.Role, had format.DType) (format.DType, error) {
	switch {
	case len(t.Shape) < 2, role == nn.Taps, strings.HasPrefix(t.Name, "position_embd."), strings.Contains(t.Name, ".ffn_gate_inp."):
		return format.F32, nil // what other programs' kernels read as nothing else
	case w.options.Type == nil:
		return had, nil
	}
	return w.options.Type(t)
}

// data are the bytes of one tensor.
func (w *ggufWriter) data(t format.Tensor) ([]byte, error) {
	if w.options.Progress != nil {
		w.options.Progress(w.done, w.all)
	}
	if b, ok := w.extra[t.Name]; ok {
		return b, nil
	}
	var all []byte
	for _, p := range w.params[t.Name] {
		b, err := w.one(p, t.DType)
		if err != nil {
			return nil, err
		}
		w.done += int64(p.Tensor.Bytes())
		if len(w.params[t.Name]) == 1 {
			return b, nil
		}
		all = append(all, b...)
	}
	return all, nil
}

// one is a weight in the order and the type of the file.
func (w *ggufWriter) one(p nn.Param, dtype format.DType) ([]byte, error) {
	t := described(p)
	t.Data = make([]byte, p.Tensor.Bytes())
	p.Tensor.ReadBytes(t.Data)
	if e, ok := w.model.(GGUFExporter); ok {
		var err error
		if t, err = e.ExportGGUF(t); err != nil {
			return nil, err
		}
	}
	x, err := format.F32s(t)
	if err != nil {
		return nil, err
	}
	if t.DType == dtype {
		return t.Data, format.CheckFinite(x, columns(t))
	}
	var importance []float32
	if w.options.Importance != nil {
		importance = w.options.Importance(p.GGUF)
	}
	return format.Quantise(dtype, x, t.Shape[len(t.Shape)-1], importance, w.options.Threads)
}
