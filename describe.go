package inkstone

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/model"
)

// A Description is what a model's files say of it, without its weights being read. An
// empty field is not said.
type Description struct {
	Path       string         `json:"path"`
	Type       string         `json:"model_type,omitempty"`
	Known      bool           `json:"known"`                  // this program has the architecture
	Refused    string         `json:"refused,omitempty"`      // why a GGUF file of it does not run: a setting that it lacks, or that this program has not
	Arch       string         `json:"architecture,omitempty"` // the class that a config.json names, or general.architecture
	Name       string         `json:"name,omitempty"`         // general.name of a GGUF file
	Parameters int            `json:"parameters"`             // of an architecture that is known, else elements in the file
	Context    int            `json:"context,omitempty"`
	Vocabulary int            `json:"vocabulary,omitempty"`
	Layers     int            `json:"layers,omitempty"`
	Width      int            `json:"width,omitempty"`
	Types      map[string]int `json:"types"` // elements in the file by type
	Bytes      int            `json:"bytes"` // of the tensors
	Licence    string         `json:"licence,omitempty"`
	Template   string         `json:"chat_template,omitempty"`
	Tensors    []FileTensor   `json:"tensors"`

	table string
}

// A FileTensor is one array of a file.
type FileTensor struct {
	Name  string       `json:"name"`
	Type  format.DType `json:"type"`
	Shape []int        `json:"shape"`
	Bytes int          `json:"bytes"`
}

// Table lists the tensors for people, layers of one shape on one line.
func (s *Description) Table() string { return s.table }

// Describe reads what a model says of itself: a folder, a GGUF, or a file of weights
// alone (safetensors, PyTorch's, NumPy's), which has tensors and no more.
//
// Errors: a file that is missing or malformed; a setting of a folder that this program does not
// have, of an architecture that it has. A GGUF file is described all the same, and Refused says it.
func Describe(path string) (*Description, error) {
	s := &Description{Path: path, Types: map[string]int{}}
	weights, err := format.Open(path)
	if err != nil {
		return nil, err
	}
	s.list(weights)
	if err := errors.Join(s.describe(path, weights), weights.Close()); err != nil {
		return nil, err
	}
	return s, nil
}

// list takes what the tensors' headers say.
func (s *Description) list(w format.Weights) {
	for _, name := range w.Names() {
		t, _ := w.Tensor(name)
		s.Tensors = append(s.Tensors, FileTensor{name, t.DType, t.Shape, len(t.Data)})
		s.Types[string(t.DType)] += t.Len()
		s.Parameters += t.Len()
		s.Bytes += len(t.Data)
	}
	s.table = format.Describe(w)
}

// describe takes what is beside the tensors.
func (s *Description) describe(path string, w format.Weights) error {
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("model: %w", err)
	}
	if file, ok := w.(*format.GGUF); ok {
		return s.gguf(file)
	}
	if !info.IsDir() {
		return nil
	}
	folder, err := format.OpenFolder(path)
	if err != nil {
		return err
	}
	if err := s.config(folder.Config); err != nil {
		return fmt.Errorf("model: %s: %w", filepath.Join(path, "config.json"), err)
	}
	template, err := chatTemplate(path)
	if err != nil {
		return err
	}
	if template != nil {
		s.Template = template.Source()
	}
	s.Licence, err = licence(path)
	return err
}

// config reads the fields that configurations of most architectures have, under
// their two names. Dimensions may be those of the text model inside another.
func (s *Description) config(b []byte) error {
	type dims struct {
		Positions int `json:"max_position_embeddings"`
		NPos      int `json:"n_positions"`
		Context   int `json:"max_seq_len"`
		Vocab     int `json:"vocab_size"`
		Layers    int `json:"num_hidden_layers"`
		NLayer    int `json:"n_layer"`
		Hidden    int `json:"hidden_size"`
		NEmbd     int `json:"n_embd"`
	}
	var c struct {
		dims
		Type          string   `json:"model_type"`
		Architectures []string `json:"architectures"`
		Text          *dims    `json:"text_config"`
	}
	if err := json.Unmarshal(b, &c); err != nil {
		return err
	}
	d := c.dims
	if c.Text != nil {
		d = *c.Text
	}
	s.Type, s.Arch = c.Type, strings.Join(c.Architectures, ", ")
	s.Context, s.Vocabulary = max(d.Positions, d.NPos, d.Context), d.Vocab
	s.Layers, s.Width = max(d.Layers, d.NLayer), max(d.Hidden, d.NEmbd)
	if s.Known = slices.Contains(model.Types(), c.Type); !s.Known {
		return nil
	}
	m, err := model.Build(b)
	if err != nil {
		return err
	}
	s.Parameters = model.Parameters(m)
	return nil
}

// gguf reads the keys that all GGUF files have.
func (s *Description) gguf(file *format.GGUF) error {
	general := file.Meta().Keys("general.")
	s.Type, s.Licence = general.String("architecture"), general.StringOr("license", "")
	s.Arch, s.Name = s.Type, general.StringOr("name", "")
	k := file.Meta().Keys(s.Type + ".")
	s.Context, s.Layers, s.Width = k.IntOr("context_length", 0), k.IntOr("block_count", 0), k.IntOr("embedding_length", 0)
	own := file.Meta().Keys("tokenizer.")
	s.Template = own.StringOr("chat_template", "")
	if own.Has("ggml.tokens") {
		s.Vocabulary = len(own.Strings("ggml.tokens"))
	}
	if err := errors.Join(general.Err(), k.Err(), own.Err()); err != nil {
		return fmt.Errorf("model: %s: %w", s.Path, err)
	}
	if s.Known = model.ReadsGGUF(s.Type); !s.Known {
		return nil
	}
	built, err := buildGGUF(file)
	if err != nil {
		s.Refused = err.Error()
		return nil
	}
	s.Parameters = model.Parameters(built)
	return nil
}

// buildGGUF is a file's model without weights.
func buildGGUF(file *format.GGUF) (any, error) {
	folder, err := model.Folder(file)
	if err != nil {
		return nil, err
	}
	return model.Build(folder.Config)
}

// licenceLine is the licence in the header of a model's card.
var licenceLine = regexp.MustCompile(`(?m)^license:\s*["']?([^"'\n]+?)["']?\s*$`)

// licence is that of the card's header (README.md between lines of ---), else
// the first line of a file LICENSE.
func licence(dir string) (string, error) {
	card, err := os.ReadFile(filepath.Join(dir, "README.md"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("model: %w", err)
	}
	if rest, ok := strings.CutPrefix(string(card), "---\n"); ok {
		header, _, _ := strings.Cut(rest, "\n---")
		if m := licenceLine.FindStringSubmatch(header); m != nil {
			return m[1], nil
		}
	}
	for _, name := range []string{"LICENSE", "LICENSE.txt", "LICENSE.md"} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return "", fmt.Errorf("model: %w", err)
		}
		line, _, _ := strings.Cut(strings.TrimSpace(string(text)), "\n")
		return strings.TrimSpace(line), nil
	}
	return "", nil
}

// TypeNames lists the types of the tensors, that of most elements first.
func (s *Description) TypeNames() []string {
	return slices.SortedFunc(maps.Keys(s.Types), func(a, b string) int {
		if s.Types[a] != s.Types[b] {
			return s.Types[b] - s.Types[a]
		}
		return strings.Compare(a, b)
	})
}
