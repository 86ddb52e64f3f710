package model

import (
	"bytes"
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
	// when their data are the same. A tensor of neither shape nor data asks for its
	// name alone, which is returned beside any error.
	Import(t format.Tensor) (format.Tensor, error)
}

// An Exporter undoes [Importer] for the files that [Save] writes.
type Exporter interface {
	// Export returns t, named by [nn.Walk], as the file has it. Data may be nil:
	// then name and shape alone matter.
	Export(t format.Tensor) (format.Tensor, error)
}

// A Change alters the weights of a language model on the way from its file to memory, as an adapter does.
type Change interface {
	// Check is called first, with the model, whose weights have shapes and no values yet.
	Check(lm LM) error
	// Apply returns the weight t, which has the name that [nn.Walk] shows and the shape that the model has: changed, in a
	// type that [format.F32s] reads and in memory of its own, or t itself.
	Apply(t format.Tensor) (format.Tensor, error)
}

// A Loaded is a model with what its folder says of it.
type Loaded struct {
	LM         LM
	Type       string     // model_type
	Generation Generation // defaults of sampling, the end tokens

	weights format.Weights // mapped while LM's tensors point into it
	bound   boundTo
}

// Pack is [Pack] for a loaded model. It gives the file's pages back to the
// system, a weight's as soon as it is packed: memory holds the model once, and of the file
// at most the largest weight, which is the first. Those that are still needed, of the embedding, return
// when they are read. A matrix of 16 bits or fewer that an Import had to copy stays beside its packed form.
func (l *Loaded) Pack() { l.bound.pack(matrices(l.LM), l.weights) }

// boundTo are a file's tensors by the names of the weights that they are: those that lie in the file as they are. What
// an Import made is not kept, so that it can be collected.
type boundTo map[string]format.Tensor

// pack packs weights and gives the pages of all of the file back, those of each at once.
func (s boundTo) pack(weights []nn.Param, file format.Weights) {
	for _, p := range weights {
		p.Tensor.Pack()
		s[p.Name].Release()
	}
	if file == nil {
		return
	}
	for _, name := range file.Names() {
		t, _ := file.Tensor(name)
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

// Load opens a Hugging Face folder or a GGUF file for inference: the weights stay where they
// are in the mapped files and are read when they are touched. Those that a change alters are in memory.
//
// Errors name the folder or file and the fact: those of [Build], of [Folder] and of
// [format.OpenWeights]; a tensor that the model has not or that the file has
// not; a shape that differs; those of the changes.
func Load(path string, d *tensor.Device, changes ...Change) (*Loaded, error) {
	return load(path, d, bindMapped, changes)
}

// LoadForTraining is [Load] with the weights copied to f32 memory that may be
// written.
func LoadForTraining(path string, d *tensor.Device, changes ...Change) (*Loaded, error) {
	return load(path, d, bindCopy, changes)
}

func load(path string, d *tensor.Device, bind binder, changes []Change) (*Loaded, error) {
	l := &Loaded{}
	folder, err := l.folder(path)
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	if err := l.open(folder, d, bind, changes); err != nil {
		return nil, errors.Join(fmt.Errorf("model: %s: %w", path, err), l.Close())
	}
	return l, nil
}

// folder reads what a folder or a GGUF file says of its model. Of the latter the weights are
// open then.
func (l *Loaded) folder(path string) (*format.Folder, error) {
	if !format.IsGGUF(path) {
		return format.OpenFolder(path)
	}
	file, err := format.OpenGGUF(path)
	if err != nil {
		return nil, err
	}
	l.weights = file
	folder, err := Folder(file)
	if err != nil {
		return nil, fmt.Errorf("model: %s: %w", path, err)
	}
	return folder, nil
}

func (l *Loaded) open(folder *format.Folder, d *tensor.Device, bind binder, changes []Change) (err error) {
	if l.LM, err = BuildLM(folder.Config); err != nil {
		return err
	}
	if l.Type, err = Type(folder.Config); err != nil {
		return err
	}
	if l.Generation, err = parseGeneration(folder); err != nil {
		return err
	}
	for _, c := range changes {
		if err := c.Check(l.LM); err != nil {
			return err
		}
	}
	if l.weights == nil {
		if l.weights, err = format.OpenWeights(folder.Dir); err != nil {
			return err
		}
	}
	l.bound, err = fill(l.LM, l.weights, d, bind, changes...)
	return err
}

// Fill gives a model the values of weights, copied to memory of d.
func Fill(m any, weights format.Weights, d *tensor.Device) error {
	_, err := fill(m, weights, d, bindCopy)
	return err
}

// A binder gives a declared tensor the data of t.
type binder func(w *tensor.Tensor, d *tensor.Device, t format.Tensor) error

// bindMapped points w into the file. Gains and biases are copied: a system may hold two megabytes of a file in memory for
// one that is read in every pass.
func bindMapped(w *tensor.Tensor, d *tensor.Device, t format.Tensor) error {
	dt, ok := mappable[t.DType]
	if !ok || t.DType.Quantised() && len(t.Shape) < 2 {
		return bindCopy(w, d, t)
	}
	data := t.Data
	if len(t.Shape) < 2 {
		data = bytes.Clone(data)
		t.Release()
	}
	w.BindBytes(d, dt, data)
	return nil
}

// mappable are the types that kernels read as a file has them.
var mappable = map[format.DType]tensor.DType{
	format.F32: tensor.F32, format.BF16: tensor.BF16, format.F16: tensor.F16,
	format.Q8_0: tensor.Q8_0, format.Q4_0: tensor.Q4_0, format.Q4_1: tensor.Q4_1, format.Q5_0: tensor.Q5_0, format.Q5_1: tensor.Q5_1,
	format.Q2_K: tensor.Q2_K, format.Q3_K: tensor.Q3_K, format.Q4_K: tensor.Q4_K, format.Q5_K: tensor.Q5_K, format.Q6_K: tensor.Q6_K,
	format.IQ4_NL: tensor.IQ4_NL, format.MXFP4: tensor.MXFP4, format.IQ4_XS: tensor.IQ4_XS,
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

// A filling is a model whose weights are being bound.
type filling struct {
	model  any
	params map[string]nn.Param
	bound  map[string]format.Tensor // by the names of params
	mapped boundTo                  // of them, those that are a tensor of the file
	origin map[string]string        // the file's name of each
	unused []string                 // tensors of the file
	device *tensor.Device
	bind   binder

	changes []Change
}

// fill binds every weight of m to the tensor of its name, and returns those that are as the file has them.
func fill(m any, weights format.Weights, d *tensor.Device, bind binder, changes ...Change) (boundTo, error) {
	f := &filling{m, map[string]nn.Param{}, map[string]format.Tensor{}, boundTo{}, map[string]string{}, nil, d, bind, changes}
	for _, p := range nn.Params(m) {
		f.params[p.Name] = p
	}
	if _, ok := weights.(*format.GGUF); !ok {
		var err error
		if weights, err = disclose(m, weights); err != nil {
			return nil, err
		}
	}
	into, err := importer(m, weights)
	if err != nil {
		return nil, err
	}
	for _, name := range weights.Names() {
		stored, _ := weights.Tensor(name)
		tensors, err := into(stored)
		if err != nil {
			return nil, fmt.Errorf("tensor %s: %w", name, err)
		}
		for _, t := range tensors {
			if err := f.take(stored, t); err != nil {
				return nil, err
			}
		}
	}
	return f.mapped, complete(m, f.bound, f.unused, weights.Names())
}

// take binds the weight that t, made of stored, is.
func (f *filling) take(stored, t format.Tensor) error {
	p, ok := f.params[t.Name]
	switch first, again := f.bound[t.Name]; {
	case !ok:
		f.unused = append(f.unused, stored.Name)
	case !slices.Equal(t.Shape, p.Tensor.Shape()):
		return fmt.Errorf("tensor %s has shape %v, the config asks for %v", stored.Name, stored.Shape, f.asked(p))
	case again && !same(first, t):
		return fmt.Errorf("tensor %s differs from %s, both are %s by the config", stored.Name, f.origin[t.Name], t.Name)
	case !again:
		f.bound[t.Name], f.origin[t.Name] = t, stored.Name // unchanged: a tensor that is there twice is compared with it
		t, err := f.changed(t)
		if err != nil {
			return fmt.Errorf("tensor %s: %w", stored.Name, err)
		}
		if !copied(stored, t) {
			f.mapped[t.Name] = t
		}
		p.Tensor.SetName(p.Name)
		if err := f.binderOf(p, stored, t)(p.Tensor, f.device, t); err != nil {
			return fmt.Errorf("tensor %s: %w", stored.Name, err)
		}
	}
	return nil
}

// asked is the shape that a weight ought to have in the file.
func (f *filling) asked(p nn.Param) []int {
	if e, ok := f.model.(Exporter); ok {
		if t, err := e.Export(format.Tensor{Name: p.Name, Shape: p.Tensor.Shape()}); err == nil {
			return t.Shape
		}
	}
	return p.Tensor.Shape()
}

// changed is t after all changes. Its pages of the file are given back where something else takes its place.
func (f *filling) changed(t format.Tensor) (format.Tensor, error) {
	to := t
	for _, c := range f.changes {
		var err error
		if to, err = c.Apply(to); err != nil {
			return t, err
		}
	}
	if copied(t, to) {
		t.Release()
	}
	return to, nil
}

// binderOf is bind, unless Import has made a copy: then f32 goes to the memory
// of the device, so that the copy can be collected. A convolution's taps are f32.
func (f *filling) binderOf(p nn.Param, stored, t format.Tensor) binder {
	if p.Role == nn.Taps || t.DType == format.F32 && copied(stored, t) {
		return bindCopy
	}
	return f.bind
}

// copied reports whether t, made of stored, does not begin where that lies in its file.
func copied(stored, t format.Tensor) bool { return len(t.Data) > 0 && &t.Data[0] != &stored.Data[0] }

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
func complete(m any, bound map[string]format.Tensor, unused, names []string) error {
	var missing []string
	for _, p := range nn.Params(m) {
		if _, ok := bound[p.Name]; !ok {
			missing = append(missing, p.Name)
		}
	}
	if len(missing) > 0 {
		if len(unused) == 0 {
			unused = names
		}
		return fmt.Errorf("%s of the model are not in the file: %s; the file has %s", count(missing), few(missing), few(unused))
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
