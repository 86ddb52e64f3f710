package format

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A Folder is a Hugging Face model folder, apart from its weights: the small
// files as bytes, nil where one is absent. Their contents belong to the
// packages that know them; here they are JSON or text.
type Folder struct {
	Dir             string
	Config          []byte // config.json: the architecture's name and dimensions
	Generation      []byte // generation_config.json: sampling defaults, end tokens
	Tokenizer       []byte // tokenizer.json
	TokenizerConfig []byte // tokenizer_config.json
	ChatTemplate    []byte // chat_template.jinja
	Vocab, Merges   []byte // vocab.json and merges.txt, the older form of GPT-2's tokenizer
}

// part is one small file of a folder and the field that holds it.
type part struct {
	name string
	data *[]byte
}

// parts lists the folder's files in the order in which they are put in place:
// config.json, without which OpenFolder sees no model, comes last.
func (f *Folder) parts() []part {
	return []part{
		{"tokenizer.json", &f.Tokenizer},
		{"tokenizer_config.json", &f.TokenizerConfig},
		{"chat_template.jinja", &f.ChatTemplate},
		{"vocab.json", &f.Vocab},
		{"merges.txt", &f.Merges},
		{"generation_config.json", &f.Generation},
		{"config.json", &f.Config},
	}
}

// OpenFolder reads the small files of a model folder; [OpenWeights] opens its
// weights.
//
// Errors: dir is not a folder or has no config.json, and what it has instead; a
// file that cannot be read; one that ought to be a JSON object and is not, or
// has a key twice.
func OpenFolder(dir string) (*Folder, error) {
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		if IsGGUF(dir) {
			return nil, fmt.Errorf("format: %s is a GGUF file, and a folder is needed here: inkstone convert %s DIR makes one of it", dir, dir)
		}
		return nil, fmt.Errorf("format: %s is a file; a model is a folder with config.json, which says what it is, its tokenizer, and the weights as %s or, of PyTorch, %s; or it is a GGUF file", dir, weightsFile, weightsForms[1].single)
	}
	f := &Folder{Dir: dir}
	for _, p := range f.parts() {
		path := filepath.Join(dir, p.name)
		b, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("format: %w", err)
		}
		if err := checkPart(p.name, b); err != nil {
			return nil, fmt.Errorf("format: %s: %w", path, err)
		}
		*p.data = b
	}
	if f.Config == nil {
		return nil, fmt.Errorf("format: %s is not a model folder: config.json: %w; %s", dir, fs.ErrNotExist, contents(dir))
	}
	return f, nil
}

// WriteFolder writes a model folder: f's files that are not nil and
// model.safetensors with the tensors, whose bytes come from data as in
// [StreamSafetensors]; with a nil data from the tensors themselves. The folder
// is f.Dir, made where it is not there; its other files are left alone.
//
// All files are complete under temporary names before the first is put in
// place, and config.json is the last: where the disk fills up, the earlier
// model is intact.
func WriteFolder(f *Folder, metadata map[string]string, tensors []Tensor, data func(Tensor) ([]byte, error)) error {
	return WriteFolderShards(f, 0, metadata, tensors, data)
}

// WriteFolderShards is [WriteFolder] with weights of more than size bytes in shards, model-00001-of-00003.safetensors and
// so on beside model.safetensors.index.json. They take the tensors in the given order, each as many as size
// bytes hold, headers not counted; a larger tensor has a shard of its own. Less is written to one file, and with
// a size of 0 everything. A folder that has model.safetensors is refused where shards are written.
func WriteFolderShards(f *Folder, size int64, metadata map[string]string, tensors []Tensor, data func(Tensor) ([]byte, error)) (err error) {
	if f.Config == nil {
		return fmt.Errorf("format: %s: a model folder needs a config.json", f.Dir)
	}
	if data == nil {
		data = func(t Tensor) ([]byte, error) { return t.Data, nil }
	}
	weights, err := f.weightFiles(size, metadata, tensors, data)
	if err != nil {
		return fmt.Errorf("format: write %s: %w", filepath.Join(f.Dir, weightsFile), err)
	}
	_, absent := os.Stat(f.Dir)
	if err := os.MkdirAll(f.Dir, 0o777); err != nil {
		return fmt.Errorf("format: %w", err)
	}
	if absent != nil {
		forget := made(f.Dir)
		defer func() {
			if forget(); err != nil {
				os.Remove(f.Dir) // only where nothing is in it
			}
		}()
	}
	ready, err := f.stage(weights)
	defer func() {
		for _, s := range ready {
			err = errors.Join(err, s.discard())
		}
	}()
	if err != nil {
		return err
	}
	placed, err := placeAll(ready)
	ready = ready[placed:]
	return err
}

// stage writes the folder's files, the weights first, under temporary names. With an
// error it returns those that were complete by then.
func (f *Folder) stage(weights []folderFile) (ready []*staged, err error) {
	for _, file := range weights {
		s, err := stage(filepath.Join(f.Dir, file.name), file.write)
		if err != nil {
			return ready, err
		}
		ready = append(ready, s)
	}
	for _, p := range f.parts() {
		if *p.data == nil {
			continue
		}
		path := filepath.Join(f.Dir, p.name)
		if err := checkPart(p.name, *p.data); err != nil {
			return ready, fmt.Errorf("format: %s: %w", path, err)
		}
		s, err := stage(path, func(w io.Writer) error { _, err := w.Write(*p.data); return err })
		if err != nil {
			return ready, err
		}
		ready = append(ready, s)
	}
	return ready, nil
}

// checkPart sees that a .json file is one JSON object. In the two that people
// edit by hand it also refuses a key that is there twice, of which a decoder
// would silently take the last.
func checkPart(name string, b []byte) error {
	if !strings.HasSuffix(name, ".json") {
		return nil
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(b, &object); err != nil {
		return jsonError(b, err)
	}
	if object == nil {
		return errors.New("is null, not a JSON object")
	}
	if strings.HasSuffix(name, "config.json") {
		return checkKeys(json.NewDecoder(bytes.NewReader(b)))
	}
	return nil
}

// contents says what dir holds, for the error that misses a file in it.
func contents(dir string) string {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err.Error()
	}
	var names, pickles []string
	for _, e := range entries {
		switch name := e.Name(); {
		case strings.HasPrefix(name, "."):
			continue
		case len(names) < 12:
			names = append(names, name)
		case len(names) == 12:
			names = append(names, "…")
		}
		if slices.Contains([]string{".bin", ".pt", ".pth", ".ckpt"}, filepath.Ext(e.Name())) {
			pickles = append(pickles, e.Name())
		}
	}
	if len(names) == 0 {
		return "the folder is empty"
	}
	if slices.Contains(names, "adapter_config.json") {
		return "the folder has an adapter: give the model that it was made for, and this by --adapter"
	}
	return "the folder has " + strings.Join(names, ", ") + pickleHint(pickles)
}

// pickleHint says what PyTorch's files ought to be called.
func pickleHint(files []string) string {
	switch len(files) {
	case 0:
		return ""
	case 1:
		return "; PyTorch's weights are looked for as pytorch_model.bin: is " + files[0] + " the file? Rename it"
	}
	return "; PyTorch's weights are looked for as pytorch_model.bin, or in shards pytorch_model-00001-of-00002.bin and so on"
}
