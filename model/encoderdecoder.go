package model

import (
	"errors"
	"fmt"

	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// An EncoderDecoder answers one sequence, the source, with another, the target:
// a translation. It is all that training and generation need to know of a model
// of that kind.
type EncoderDecoder interface {
	// Encode reads sources, which are the sequences of p, and returns what the
	// decoder is to know of them.
	Encode(p *nn.Pass) *Memory
	// Decode reads the targets so far, which are the sequences of p, and returns
	// the activations after the last layer, (N, C), a row a token. With p's Cache
	// it goes on where earlier passes ended.
	Decode(p *nn.Pass, m *Memory) *tensor.Tensor
	// Logits returns (R, V) for R rows of Decode's result.
	Logits(rows *tensor.Tensor) *tensor.Tensor
	// HeadWeight is the matrix of Logits, (V, C).
	HeadWeight() *tensor.Tensor
	// Shape tells the decoder's dimensions. Context bounds sources and targets alike.
	Shape() Shape
	// Config returns what is written to config.json: a struct that JSON encodes.
	Config() any
}

// An Aligner is an [EncoderDecoder] that can show which of the source's tokens its
// decoder looks at.
type Aligner interface {
	// Align returns the weights with which each token of one target, before it is
	// followed by the next, sees the tokens of one source: (T, S), rows that add up to 1.
	Align(source, target *nn.Pass) *tensor.Tensor
}

// A Memory is what a decoder knows of S sources that were encoded in one pass,
// their N tokens laid end to end. A model puts there what its decoder reads at
// every step, so that it is computed once: keys and values, a last state.
type Memory struct {
	Tokens  []*tensor.Tensor // (N, …) each: a row for each token of the sources
	States  []*tensor.Tensor // (S, …) each: a row for each source
	Lengths []int            // S of them: the sources' tokens, which add up to N

	// Of is the source that each sequence of a decoding pass answers; sequences
	// of one source follow each other. nil: sequence i answers source i.
	Of []int
}

// Source returns the source of sequence i of a decoding pass.
func (m *Memory) Source(i int) int {
	if m.Of == nil {
		return i
	}
	return m.Of[i]
}

// Segments returns, as [nn.FlashAttention] takes them, the rows of p that may
// look at each source's rows: queries of the targets, keys of the sources. The
// sequences of one source are one segment, for in cross-attention a query does
// not depend on its neighbours.
//
// It panics when p's sequences are not those of m.
func (m *Memory) Segments(p *nn.Pass) *tensor.Tensor {
	if n := len(p.Spans); m.Of != nil && n != len(m.Of) || m.Of == nil && n != len(m.Lengths) {
		panic(fmt.Sprintf("model: %d sequences to decode, memory of %d sources for %d sequences", n, len(m.Lengths), len(m.Of)))
	}
	first := make([]int32, len(m.Lengths))
	for i := 1; i < len(first); i++ {
		first[i] = first[i-1] + int32(m.Lengths[i-1])
	}
	var rows []int32
	row, before := int32(0), -1
	for i, span := range p.Spans {
		source, n := m.Source(i), int32(span.Rows)
		if source == before {
			rows[len(rows)-3] += n
		} else {
			rows = append(rows, row, n, first[source], int32(m.Lengths[source]))
		}
		row, before = row+n, source
	}
	return p.Step().Ints(rows, len(rows)/4, 4)
}

// Keep returns a copy that outlives the step in which m was made, for the passes
// that decode from it. [Memory.Free] gives it back.
func (m *Memory) Keep() *Memory {
	k := &Memory{Lengths: m.Lengths}
	for _, t := range m.Tokens {
		k.Tokens = append(k.Tokens, t.Keep())
	}
	for _, t := range m.States {
		k.States = append(k.States, t.Keep())
	}
	return k
}

// Free gives the memory of a kept copy back.
func (m *Memory) Free() {
	for _, list := range [][]*tensor.Tensor{m.Tokens, m.States} {
		for _, t := range list {
			t.Free()
		}
	}
}

// EncoderDecoderLoss returns Σ weights[i]·CE(targets[i]) over the rows
// of the targets' pass, one number, with label smoothing ε (Szegedy et al. 2015,
// arXiv:1512.00567): as [Loss], which see, is for a language model.
func EncoderDecoderLoss(m EncoderDecoder, source, target *nn.Pass, targets, weights *tensor.Tensor, smoothing float32) *tensor.Tensor {
	x := m.Decode(target, m.Encode(source))
	sum, _ := x.HeadLoss(m.HeadWeight(), nil, targets, tensor.CEOptions{Weights: weights, Smoothing: smoothing})
	return sum
}

// A LoadedAs is a model of the kind M with what its folder says of it.
type LoadedAs[M any] struct {
	Model      M
	Type       string     // model_type
	Generation Generation // the end tokens

	weights format.Weights
}

// LoadAs is [Load] for models that are no language models: M is what the model
// must be.
func LoadAs[M any](dir string, d *tensor.Device) (*LoadedAs[M], error) {
	l := &LoadedAs[M]{}
	if err := l.open(dir, d); err != nil {
		return nil, errors.Join(fmt.Errorf("model: %s: %w", dir, err), l.Close())
	}
	return l, nil
}

func (l *LoadedAs[M]) open(dir string, d *tensor.Device) error {
	folder, err := format.OpenFolder(dir)
	if err != nil {
		return err
	}
	m, err := Build(folder.Config)
	if err != nil {
		return err
	}
	var ok bool
	if l.Model, ok = m.(M); !ok {
		return fmt.Errorf("a %s is no %s", typed(folder.Config), kindOf[M]())
	}
	if l.Type, err = Type(folder.Config); err != nil {
		return err
	}
	if l.Generation, err = parseGeneration(folder); err != nil {
		return err
	}
	if l.weights, err = format.OpenWeights(dir); err != nil {
		return err
	}
	_, err = fill(m, l.weights, d, bindMapped)
	return err
}

// Close unmaps the weights. The model must not be used after it.
func (l *LoadedAs[M]) Close() error {
	if l.weights == nil {
		return nil
	}
	w := l.weights
	l.weights = nil
	return w.Close()
}
