package model

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// An Importer is a model whose files differ from its struct: other names,
// transposed matrices, tensors that are no weights.
type Importer interface {
	// Import returns a file's tensor under the name and in the shape that
	// [nn.Walk] shows; an empty name says that it is known and not needed. Two
	// tensors of a file may get one name (a tied head that is stored as well)
	// when their data are the same.
	Import(t format.Tensor) (format.Tensor, error)
}

// An Exporter undoes [Importer] for the files that [Save] writes.
type Exporter interface {
	// Export returns t, named by [nn.Walk], as the file has it. Data may be nil:
	// then name and shape alone matter.
	Export(t format.Tensor) (format.Tensor, error)
}

// A Loaded is a model with what its folder says of it.
type Loaded struct {
	LM         LM
	Type       string     // model_type
	Generation Generation // defaults of sampling, the end tokens

	weights format.Weights // mapped while LM's tensors point into it
}

// Pack is [Pack] for a loaded model. It gives the file's pages back to the
// system; those that are still needed, of the embedding, return when they are
// read.
func (l *Loaded) Pack() {
	Pack(l.LM)
	if l.weights == nil {
		return
	}
	for _, name := range l.weights.Names() {
		t, _ := l.weights.Tensor(name)
		t.Release()
	}
}

// Close unmaps the weights. The model must not be used after it.
func (l *Loaded) Close() error {
	if l.weights == nil {
		return nil
	}
	w := l.weights
	l.weights = nil
	return w.Close()
}

// Load opens a Hugging Face folder for inference: the weights stay where they
// are in the mapped files and are read when they are touched.
//
// Errors name the folder and the fact: those of [Build] and of
// [format.OpenWeights]; a tensor that the model has not or that the file has
// not; a shape that differs.
func Load(dir string, d *tensor.Device) (*Loaded, error) { return load(dir, d, bindMapped) }

// LoadForTraining is [Load] with the weights copied to f32 memory that may be
// written.
func LoadForTraining(dir string, d *tensor.Device) (*Loaded, error) { return load(dir, d, bindCopy) }

func load(dir string, d *tensor.Device, bind binder) (*Loaded, error) {
	folder, err := format.OpenFolder(dir)
	if err != nil {
		return nil, err
	}
	l := &Loaded{}
	if err := l.open(folder, d, bind); err != nil {
		return nil, errors.Join(fmt.Errorf("model: %s: %w", dir, err), l.Close())
	}
	return l, nil
}

func (l *Loaded) open(folder *format.Folder, d *tensor.Device, bind binder) (err error) {
	if l.LM, err = BuildLM(folder.Config); err != nil {
		return err
	}
	if l.Type, err = Type(folder.Config); err != nil {
		return err
	}
	if l.Generation, err = parseGeneration(folder); err != nil {
		return err
	}
	if l.weights, err = format.OpenWeights(folder.Dir); err != nil {
		return err
	}
	return fill(l.LM, l.weights, d, bind)
}

// Fill gives a model the values of weights, copied to memory of d.
func Fill(m any, weights format.Weights, d *tensor.Device) error {
	return fill(m, weights, d, bindCopy)
}

// A binder gives a declared tensor the data of t.
type binder func(w *tensor.Tensor, d *tensor.Device, t format.Tensor) error

// bindMapped points w into the file.
func bindMapped(w *tensor.Tensor, d *tensor.Device, t format.Tensor) error {
	types := map[format.DType]tensor.DType{format.F32: tensor.F32, format.BF16: tensor.BF16, format.F16: tensor.F16}
	dt, ok := types[t.DType]
	if !ok {
		return bindCopy(w, d, t)
	}
	w.BindBytes(d, dt, t.Data)
	return nil
}

// bindCopy converts to f32 and gives the file's pages back.
func bindCopy(w *tensor.Tensor, d *tensor.Device, t format.Tensor) error {
	x, err := format.F32s(t)
	if err != nil {
		return err
	}
	w.Bind(d)
	w.WriteFloats(x)
	t.Release()
	return nil
}

// fill binds every weight of m to the tensor of its name.
func fill(m any, weights format.Weights, d *tensor.Device, bind binder) error {
	params, bound, origin := map[string]nn.Param{}, map[string]format.Tensor{}, map[string]string{}
	for _, p := range nn.Params(m) {
		params[p.Name] = p
	}
	var unused []string
	for _, name := range weights.Names() {
		stored, _ := weights.Tensor(name)
		t, err := imported(m, stored)
		if err != nil {
			return fmt.Errorf("tensor %s: %w", name, err)
		}
		p, ok := params[t.Name]
		switch first, again := bound[t.Name]; {
		case t.Name == "":
		case !ok:
			unused = append(unused, name)
		case !slices.Equal(t.Shape, p.Tensor.Shape()):
			return fmt.Errorf("tensor %s has shape %v, the config asks for %v", name, t.Shape, p.Tensor.Shape())
		case again && !same(first, t):
			return fmt.Errorf("tensor %s differs from %s, both are %s by the config", name, origin[t.Name], t.Name)
		case !again:
			bound[t.Name], origin[t.Name] = t, name
			p.Tensor.SetName(p.Name)
			if err := binderOf(bind, stored, t)(p.Tensor, d, t); err != nil {
				return fmt.Errorf("tensor %s: %w", name, err)
			}
		}
	}
	return complete(m, bound, unused)
}

// binderOf is bind, unless Import has made a copy: then f32 goes to the memory
// of the device, so that the copy can be collected.
func binderOf(bind binder, stored, t format.Tensor) binder {
	if t.DType == format.F32 && len(t.Data) > 0 && &t.Data[0] != &stored.Data[0] {
		return bindCopy
	}
	return bind
}

func imported(m any, t format.Tensor) (format.Tensor, error) {
	if i, ok := m.(Importer); ok {
		return i.Import(t)
	}
	return t, nil
}

func same(a, b format.Tensor) bool {
	return a.DType == b.DType && slices.Equal(a.Shape, b.Shape) && string(a.Data) == string(b.Data)
}

// complete sees that file and model have the same tensors.
func complete(m any, bound map[string]format.Tensor, unused []string) error {
	var missing []string
	for _, p := range nn.Params(m) {
		if _, ok := bound[p.Name]; !ok {
			missing = append(missing, p.Name)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("%s of the model are not in the file: %s", count(missing), few(missing))
	}
	if len(unused) > 0 {
		return fmt.Errorf("%s of the file are not of the model: %s", count(unused), few(unused))
	}
	return nil
}

func count(names []string) string { return fmt.Sprintf("%d tensors", len(names)) }

// few lists at most five names.
func few(names []string) string {
	if len(names) > 5 {
		return strings.Join(names[:5], ", ") + ", …"
	}
	return strings.Join(names, ", ")
}

// path names a file of a folder in errors.
func path(folder *format.Folder, name string) string { return filepath.Join(folder.Dir, name) }
