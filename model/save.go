package model

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/nn"
)

// Save writes m, a model of any kind, to dir as a Hugging Face folder: config.json,
// model.safetensors and generation_config.json, all or none of them (see
// [format.WriteFolder]). The tokenizer's files are its own business.
func Save(dir string, m interface{ Config() any }, g Generation) error {
	config, err := indent(m.Config())
	if err != nil {
		return fmt.Errorf("model: config of %T: %w", m, err)
	}
	generation, err := indent(g)
	if err != nil {
		return fmt.Errorf("model: generation config: %w", err)
	}
	folder := &format.Folder{Dir: dir, Config: config, Generation: generation}
	tensors, data, err := stream(m)
	if err != nil {
		return fmt.Errorf("model: %T: %w", m, err)
	}
	// transformers refuses a file that does not say which framework it is for.
	return format.WriteFolder(folder, map[string]string{"format": "pt"}, tensors, data)
}

func indent(v any) ([]byte, error) {
	b, err := json.MarshalIndent(v, "", "  ")
	return append(b, '\n'), err
}

// stream lists the file's tensors without data, and returns the function that
// fetches one's: no more than a single weight is in memory twice.
func stream(m any) (tensors []format.Tensor, data func(format.Tensor) ([]byte, error), err error) {
	params := map[string]nn.Param{}
	for _, p := range nn.Params(m) {
		t, err := exported(m, described(p))
		if err != nil {
			return nil, nil, err
		}
		params[t.Name] = p
		tensors = append(tensors, t)
	}
	return tensors, func(t format.Tensor) ([]byte, error) {
		p := params[t.Name]
		d := described(p)
		d.Data = make([]byte, p.Tensor.Bytes())
		p.Tensor.ReadBytes(d.Data)
		t, err := exported(m, d)
		return t.Data, err
	}, nil
}

// described is a weight as the walk names it, without data.
func described(p nn.Param) format.Tensor {
	dtype := format.DType(strings.ToUpper(p.Tensor.DType().String()))
	return format.Tensor{Name: p.Name, DType: dtype, Shape: p.Tensor.Shape()}
}

func exported(m any, t format.Tensor) (format.Tensor, error) {
	if e, ok := m.(Exporter); ok {
		return e.Export(t)
	}
	return t, nil
}
