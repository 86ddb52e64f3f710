package model

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// An Encoder reads whole sequences, each token seeing those on both sides.
type Encoder interface {
	// Forward returns the last activations, (N, C), a row a token.
	Forward(p *nn.Pass) *tensor.Tensor
	// Shape tells the model's dimensions.
	Shape() Shape
	// Config returns what is written to config.json: a struct that JSON encodes.
	Config() any
}

// A MaskedLM is an [Encoder] that says which tokens may stand at a place.
type MaskedLM interface {
	Encoder
	// Logits returns (R, V) for R rows of Forward's result. It is asked for the
	// rows of hidden tokens alone: the head costs more than small models.
	Logits(rows *tensor.Tensor) *tensor.Tensor
	// Head returns what Logits multiplies, for a loss that never holds them all: they are
	// x·wᵀ + b, with x (R, C), w (V, C) and b (V) or nil.
	Head(rows *tensor.Tensor) (x, w, b *tensor.Tensor)
}

// MaskedLoss returns Σ weights[i]·(−log p(targets[i])) over the rows (R) of a
// pass, one number: with weights 1/R, the mean. rows and targets are (R) int32,
// weights (R) or nil for ones. Head and loss are fused as in [Loss], which see.
func MaskedLoss(m MaskedLM, p *nn.Pass, rows, targets, weights *tensor.Tensor) *tensor.Tensor {
	x, w, b := m.Head(m.Forward(p).Rows(rows))
	sum, _ := x.HeadLoss(w, b, targets, tensor.CEOptions{Weights: weights})
	return sum
}

// An Opened is a model of any kind with the weights of its folder.
type Opened[M any] struct {
	Model M
	Type  string // model_type

	weights format.Weights // mapped while the model's tensors point into it
	bound   boundTo
}

// Open opens a Hugging Face folder for inference, whatever its model can do, as
// long as it is an M: an [Encoder], a [MaskedLM]. For language models see [Load].
// Errors are Load's, and a model that is no M.
func Open[M any](dir string, d *tensor.Device) (*Opened[M], error) {
	return open[M](dir, d, bindMapped)
}

// OpenForTraining is [Open] with the weights copied to f32 memory that may be
// written.
func OpenForTraining[M any](dir string, d *tensor.Device) (*Opened[M], error) {
	return open[M](dir, d, bindCopy)
}

func open[M any](dir string, d *tensor.Device, bind binder) (*Opened[M], error) {
	folder, err := format.OpenFolder(dir)
	if err != nil {
		return nil, err
	}
	o := &Opened[M]{}
	if err := o.open(folder, d, bind); err != nil {
		return nil, errors.Join(fmt.Errorf("model: %s: %w", dir, err), o.Close())
	}
	return o, nil
}

func (o *Opened[M]) open(folder *format.Folder, d *tensor.Device, bind binder) error {
	m, err := Build(folder.Config)
	if err != nil {
		return err
	}
	is, ok := m.(M)
	if !ok {
		return fmt.Errorf("a %s is no %s", typed(folder.Config), kindOf[M]())
	}
	if o.Type, err = Type(folder.Config); err != nil {
		return err
	}
	o.Model = is
	if o.weights, err = format.OpenWeights(folder.Dir); err != nil {
		return err
	}
	o.bound, err = fill(m, o.weights, d, bind)
	return err
}

// kindOf names what M can do.
func kindOf[M any]() string {
	switch any((*M)(nil)).(type) {
	case *LM:
		return "language model"
	case *MaskedLM:
		return "masked language model"
	case *Encoder:
		return "encoder"
	case *EncoderDecoder:
		return "encoder–decoder"
	}
	name := reflect.TypeFor[M]().String() // *bert.BERT
	return name[strings.LastIndex(name, ".")+1:]
}

// Pack is [Pack] for a model of any kind; the file's pages go back to the system, as of [Loaded.Pack].
func (o *Opened[M]) Pack() {
	o.bound.pack(largestFirst(o.Model, func(p nn.Param) bool { return p.Role == nn.Matrix || p.Role == nn.Head }), o.weights)
}

// Close unmaps the weights. The model must not be used after it.
func (o *Opened[M]) Close() error {
	if o.weights == nil {
		return nil
	}
	w := o.weights
	o.weights = nil
	return w.Close()
}

// SaveEncoder writes m, an encoder or another model that generates nothing, to dir as a
// Hugging Face folder, config.json and model.safetensors, both or neither.
func SaveEncoder(dir string, m interface{ Config() any }) error {
	config, err := indent(m.Config())
	if err != nil {
		return fmt.Errorf("model: config of %T: %w", m, err)
	}
	tensors, data, err := stream(m, FolderOptions{})
	if err != nil {
		return fmt.Errorf("model: %T: %w", m, err)
	}
	return format.WriteFolder(&format.Folder{Dir: dir, Config: config}, map[string]string{"format": "pt"}, tensors, data)
}
