package model

import (
	"bytes"
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
	return SaveFolder(&format.Folder{Dir: dir}, m, FolderOptions{Generation: g})
}

// FolderOptions say how [SaveFolder] writes a model.
type FolderOptions struct {
	Generation Generation
	// Type is F32, F16 or BF16; empty: each weight has the type that it has in memory, F32 where
	// that is quantised.
	Type format.DType
	// Finite refuses weights that are NaN or infinite, also those whose type is kept.
	Finite  bool
	Threads int // that convert weights to Type; 0: one for each core
	// ShardSize is the most bytes of weights in a file, see [format.WriteFolderShards]; 0: one file has all.
	ShardSize int64
	// Progress is called before each tensor, with the bytes of the model's weights that are done
	// and all of them.
	Progress func(done, all int64)
}

// SaveFolder is [Save] with the other files of folder, the tokenizer's, all in one step. It sets
// the folder's configurations.
func SaveFolder(folder *format.Folder, m interface{ Config() any }, o FolderOptions) error {
	config, err := indent(m.Config())
	if err != nil {
		return fmt.Errorf("model: config of %T: %w", m, err)
	}
	generation, err := indent(o.Generation)
	if err != nil {
		return fmt.Errorf("model: generation config: %w", err)
	}
	tensors, data, err := stream(m, o)
	if err != nil {
		return fmt.Errorf("model: %T: %w", m, err)
	}
	folder.Config, folder.Generation = withType(config, commonType(tensors)), generation
	// transformers refuses a file that does not say which framework it is for.
	return format.WriteFolderShards(folder, o.ShardSize, map[string]string{"format": "pt"}, tensors, data)
}

// commonType is the type of all matrices, F32 where they differ.
func commonType(tensors []format.Tensor) format.DType {
	var common format.DType
	for _, t := range tensors {
		switch {
		case len(t.Shape) < 2:
		case common != "" && common != t.DType:
			return format.F32
		default:
			common = t.DType
		}
	}
	return common
}

// withType says in a config.json which type most programs are to compute in.
func withType(config []byte, d format.DType) []byte {
	name, ok := map[format.DType]string{format.F16: "float16", format.BF16: "bfloat16"}[d]
	if !ok {
		return config
	}
	return bytes.Replace(config, []byte(`"torch_dtype": "float32"`), fmt.Appendf(nil, `"torch_dtype": %q`, name), 1)
}

func indent(v any) ([]byte, error) {
	b, err := json.MarshalIndent(v, "", "  ")
	return append(b, '\n'), err
}

// stream lists the file's tensors without data, and returns the function that
// fetches one's: no more than a single weight is in memory twice.
func stream(m any, o FolderOptions) (tensors []format.Tensor, data func(format.Tensor) ([]byte, error), err error) {
	params := map[string]nn.Param{}
	done, all := int64(0), int64(0)
	for _, p := range nn.Params(m) {
		t, err := exported(m, stored(p, o.Type))
		if err != nil {
			return nil, nil, err
		}
		params[t.Name] = p
		tensors = append(tensors, t)
		all += int64(p.Tensor.Bytes())
	}
	return tensors, func(t format.Tensor) ([]byte, error) {
		p := params[t.Name]
		if o.Progress != nil {
			o.Progress(done, all)
		}
		done += int64(p.Tensor.Bytes())
		d, err := converted(p, o)
		if err != nil {
			return nil, err
		}
		t, err = exported(m, d)
		return t.Data, err
	}, nil
}

// stored is a weight as a folder has it, without data.
func stored(p nn.Param, as format.DType) format.Tensor {
	t := described(p)
	switch {
	case as != "":
		t.DType = as
	case t.DType.Quantised():
		t.DType = format.F32
	}
	return t
}

// converted is a weight with its data, in the type of the file.
func converted(p nn.Param, o FolderOptions) (format.Tensor, error) {
	want, t := stored(p, o.Type), described(p)
	t.Data = make([]byte, p.Tensor.Bytes())
	p.Tensor.ReadBytes(t.Data)
	if t.DType == want.DType && !o.Finite {
		return t, nil
	}
	x, err := format.F32s(t)
	if err != nil {
		return t, err
	}
	cols := columns(t)
	if t.DType == want.DType {
		return t, format.CheckFinite(x, cols)
	}
	want.Data, err = format.Quantise(want.DType, x, cols, nil, o.Threads)
	return want, err
}

// columns is the length of a row.
func columns(t format.Tensor) int {
	if n := len(t.Shape); n > 0 {
		return t.Shape[n-1]
	}
	return 1
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
