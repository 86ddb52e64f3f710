package format

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// The names of a folder's weights, as the Hugging Face libraries give them.
const (
	weightsFile = "model.safetensors"
	indexFile   = "model.safetensors.index.json"
)

// A weightsForm is one way in which a folder has its weights: a file, or shards
// beside an index, and how one is opened.
type weightsForm struct {
	single, index, suffix string
	open                  func(path string) (Weights, error)
}

// weightsForms are in the order in which they are looked for.
var weightsForms = []weightsForm{
	{weightsFile, indexFile, ".safetensors", func(path string) (Weights, error) { return asWeights(OpenSafetensors(path)) }},
	{"pytorch_model.bin", "pytorch_model.bin.index.json", ".bin", func(path string) (Weights, error) { return asWeights(OpenTorch(path)) }},
}

// asWeights keeps a nil pointer from becoming an interface that is not nil.
func asWeights[W Weights](w W, err error) (Weights, error) {
	if err != nil {
		return nil, err
	}
	return w, nil
}

// OpenWeights opens the weights of the folder dir: model.safetensors or, where
// there is none, the shards that model.safetensors.index.json names; without
// either PyTorch's pytorch_model.bin or the shards of pytorch_model.bin.index.json.
// A GGUF file is opened as [OpenGGUF] does.
//
// Errors: none is there, and what is there instead; an index that is not the
// format's JSON or names a file outside of dir; a shard that is missing, lacks
// a tensor that the index promises, or has one that another shard has too or ought to have; everything of [OpenSafetensors] and [OpenTorch]. The index's total_size is
// not compared: writers disagree on whether tied tensors count once.
func OpenWeights(dir string) (Weights, error) {
	if IsGGUF(dir) {
		return asWeights(OpenGGUF(dir))
	}
	for _, form := range weightsForms {
		w, err := form.openIn(dir)
		if w != nil || err != nil {
			return w, err
		}
	}
	return nil, fmt.Errorf("format: %s: neither %s nor %s, %s or %s: %w; %s", dir, weightsFile, indexFile,
		weightsForms[1].single, weightsForms[1].index, fs.ErrNotExist, contents(dir))
}

// openIn opens dir's weights of this form; nil without an error where it has none.
func (f weightsForm) openIn(dir string) (Weights, error) {
	single, err := f.open(filepath.Join(dir, f.single))
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return single, err
	}
	path := filepath.Join(dir, f.index)
	index, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return f.openAlone(dir)
	}
	if err != nil {
		return nil, fmt.Errorf("format: %w", err)
	}
	home, err := f.parseIndex(index)
	if err != nil {
		return nil, fmt.Errorf("format: %s: %w", path, err)
	}
	s, err := f.openShards(dir, slices.Compact(slices.Sorted(maps.Values(home))), home)
	if err != nil {
		return nil, fmt.Errorf("format: %s: %w", path, err)
	}
	return s, nil
}

// openAlone opens shards that no index is beside: each says in its name how many there are.
func (f weightsForm) openAlone(dir string) (Weights, error) {
	stem := strings.TrimSuffix(f.single, f.suffix)
	const five = "[0-9][0-9][0-9][0-9][0-9]"
	found, err := fs.Glob(os.DirFS(dir), stem+"-"+five+"-of-"+five+f.suffix)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	name := strings.TrimSuffix(found[0], f.suffix)
	n, _ := strconv.Atoi(name[len(name)-5:])
	if len(found) != n {
		return nil, fmt.Errorf("format: %s: %s is one of %d shards, %d are there, without %s", dir, found[0], n, len(found), f.index)
	}
	var files []string
	for i := range n {
		files = append(files, ShardPath(stem, i+1, n, f.suffix))
	}
	s, err := f.openShards(dir, files, map[string]string{})
	if err != nil {
		return nil, fmt.Errorf("format: %s: %w", dir, err)
	}
	return s, nil
}

// parseIndex returns the file name of each tensor's shard.
func (f weightsForm) parseIndex(index []byte) (home map[string]string, err error) {
	err = readJSON(index, func(d *json.Decoder, key string) (err error) {
		if key == "weight_map" {
			home, err = readStrings(d)
			return err
		}
		var ignored json.RawMessage // "metadata", see OpenWeights
		return d.Decode(&ignored)
	})
	if err != nil {
		return nil, err
	}
	if len(home) == 0 {
		return nil, errors.New("weight_map is missing or empty")
	}
	for name, file := range home {
		if strings.ContainsAny(file, `/\:`) || !strings.HasSuffix(file, f.suffix) {
			return nil, fmt.Errorf("tensor %q: %q is not the name of a %s file in the folder", name, file, strings.TrimPrefix(f.suffix, "."))
		}
	}
	return home, nil
}

// shards are the files of an index, by name, and each tensor's home.
type shards struct {
	home  map[string]string
	files map[string]Weights
}

// openShards opens files. home is completed by the tensors that the index does not name, as
// Hugging Face's library reads them too.
func (f weightsForm) openShards(dir string, files []string, home map[string]string) (_ *shards, err error) {
	s := &shards{home: home, files: map[string]Weights{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	for _, file := range files {
		if s.files[file], err = f.open(filepath.Join(dir, file)); err != nil {
			delete(s.files, file)
			return nil, fmt.Errorf("shard %s: %w", file, err)
		}
		for _, name := range s.files[file].Names() {
			if at, ok := home[name]; ok && at != file {
				return nil, fmt.Errorf("shard %s has tensor %q, which is of shard %s", file, name, at)
			}
			home[name] = file
		}
	}
	for _, name := range s.Names() {
		if _, ok := s.files[home[name]].Tensor(name); !ok {
			return nil, fmt.Errorf("tensor %q is not in shard %s", name, home[name])
		}
	}
	return s, nil
}

func (s *shards) Names() []string { return slices.Sorted(maps.Keys(s.home)) }

func (s *shards) Tensor(name string) (Tensor, bool) {
	file, ok := s.home[name]
	if !ok {
		return Tensor{}, false
	}
	return s.files[file].Tensor(name)
}

func (s *shards) Close() error {
	var errs []error
	for _, f := range s.files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}
