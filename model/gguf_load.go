package model

import (
	"errors"
	"fmt"
	"slices"

	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/nn"
)

// importer returns a function that turns a stored tensor into weights under the names of
// [nn.Walk]: none where it is known and not needed.
func importer(m any, weights format.Weights) (func(format.Tensor) ([]format.Tensor, error), error) {
	if _, ok := weights.(*format.GGUF); !ok {
		return func(stored format.Tensor) ([]format.Tensor, error) {
			t, err := imported(m, stored)
			if err != nil || t.Name == "" {
				return nil, err
			}
			return []format.Tensor{t}, nil
		}, nil
	}
	extra, err := extraTensors(m)
	if err != nil {
		return nil, err
	}
	params := byGGUF(m)
	return func(stored format.Tensor) ([]format.Tensor, error) {
		if slices.ContainsFunc(extra, func(t format.Tensor) bool { return t.Name == stored.Name }) {
			return nil, nil
		}
		return importGGUF(m, stored, params[stored.Name])
	}, nil
}

// byGGUF groups the weights by their names in GGUF files: experts share one.
func byGGUF(m any) map[string][]nn.Param {
	params := map[string][]nn.Param{}
	for _, p := range nn.Params(m) {
		if p.GGUF != "" {
			params[p.GGUF] = append(params[p.GGUF], p)
		}
	}
	return params
}

// extraTensors are the tensors of m's GGUF file that are no weights.
func extraTensors(m any) ([]format.Tensor, error) {
	a, config, err := archOf(m)
	if err != nil {
		return nil, err
	}
	return a.write(config, format.Metadata{})
}

// CheckGGUF says why GGUF files have no form for a model, nil where they have.
func CheckGGUF(m any) error {
	_, _, err := archOf(m)
	return err
}

// archOf is how m stands in GGUF files.
func archOf(m any) (a arch, config any, err error) {
	configured, ok := m.(interface{ Config() any })
	if !ok {
		return a, nil, fmt.Errorf("a %T has no config", m)
	}
	b, err := indent(configured.Config())
	if err != nil {
		return a, nil, err
	}
	name, err := Type(b)
	if err != nil {
		return a, nil, err
	}
	if a, ok = archs[name]; !ok {
		return a, nil, fmt.Errorf("a model of type %s has no GGUF form; %v have", name, GGUFTypes())
	}
	return a, configured.Config(), nil
}

// importGGUF splits a tensor into the weights that it holds, and lays them out as the model has
// them. A name that is none of the model's stays what it is.
func importGGUF(m any, stored format.Tensor, params []nn.Param) ([]format.Tensor, error) {
	if len(params) == 0 {
		return []format.Tensor{stored}, nil
	}
	parts, err := unstacked(stored, len(params))
	if err != nil {
		return nil, err
	}
	for i, p := range params {
		parts[i].Shape = DropOnes(parts[i].Shape, len(p.Tensor.Shape()))
		if !slices.Equal(parts[i].Shape, p.Tensor.Shape()) {
			return nil, fmt.Errorf("has shape %v, the metadata ask for %v", parts[i].Shape, p.Tensor.Shape())
		}
		parts[i].Name = p.Name
		if im, ok := m.(GGUFImporter); ok {
			if parts[i], err = im.ImportGGUF(parts[i]); err != nil {
				return nil, err
			}
		}
	}
	return parts, nil
}

// DropOnes is a shape without the outermost dimensions of 1 that are more than rank: a GGUF file may
// tell up to four of any tensor.
func DropOnes(shape []int, rank int) []int {
	for len(shape) > rank && shape[0] == 1 {
		shape = shape[1:]
	}
	return shape
}

// unstacked is t alone, or its n slices along the outermost dimension.
func unstacked(t format.Tensor, n int) ([]format.Tensor, error) {
	if n == 1 {
		return []format.Tensor{t}, nil
	}
	t.Shape = DropOnes(t.Shape, 3) // of n matrices
	if len(t.Shape) == 0 || t.Shape[0] != n {
		return nil, fmt.Errorf("has shape %v, the model stacks %d weights in it", t.Shape, n)
	}
	parts, size := make([]format.Tensor, n), len(t.Data)/n
	for i := range parts {
		parts[i] = t
		parts[i].Shape = slices.Clone(t.Shape[1:])
		parts[i].Data = t.Data[i*size : (i+1)*size : (i+1)*size]
	}
	return parts, nil
}

// PermuteRows puts row order[i] of a matrix or a vector at place i, in whatever type its rows are.
func PermuteRows(t format.Tensor, order []int) (format.Tensor, error) {
	if len(t.Shape) == 0 || t.Shape[0] != len(order) {
		return t, fmt.Errorf("has shape %v, want %d rows", t.Shape, len(order))
	}
	if t.Data == nil {
		return t, nil
	}
	if len(t.Data)%len(order) != 0 {
		return t, errors.New("a quantised vector cannot be permuted")
	}
	out, row := t, len(t.Data)/len(order)
	out.Data = make([]byte, 0, len(t.Data))
	for _, from := range order {
		out.Data = append(out.Data, t.Data[from*row:][:row]...)
	}
	t.Release()
	return out, nil
}
