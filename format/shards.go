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
	"strings"
)

// The names of a folder's weights, as the Hugging Face libraries give them.
const (
	weightsFile = "model.safetensors"
	indexFile   = "model.safetensors.index.json"
)

// OpenWeights opens the weights of the folder dir: model.safetensors or, where
// there is none, the shards that model.safetensors.index.json names. A file whose name ends in
// .gguf is opened as [OpenGGUF] does.
//
// Errors: neither is there, and what is there instead; an index that is not the
// format's JSON or names a file outside of dir; a shard that is missing, lacks
// a tensor that the index promises, or has one that the index does not give to
// it; everything of [OpenSafetensors]. The index's total_size is not compared:
// writers disagree on whether tied tensors count once.
func OpenWeights(dir string) (Weights, error) {
	if IsGGUF(dir) {
		g, err := OpenGGUF(dir)
		if err != nil {
			return nil, err // not a typed nil in the interface
		}
		return g, nil
	}
	single, err := OpenSafetensors(filepath.Join(dir, weightsFile))
	if err == nil {
		return single, nil // not a typed nil in the interface
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	path := filepath.Join(dir, indexFile)
	index, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("format: %s: neither %s nor %s: %w; %s", dir, weightsFile, indexFile, fs.ErrNotExist, contents(dir))
	}
	if err != nil {
		return nil, fmt.Errorf("format: %w", err)
	}
	home, err := parseIndex(index)
	if err != nil {
		return nil, fmt.Errorf("format: %s: %w", path, err)
	}
	s, err := openShards(dir, home)
	if err != nil {
		return nil, fmt.Errorf("format: %s: %w", path, err)
	}
	return s, nil
}

// parseIndex returns the file name of each tensor's shard.
func parseIndex(index []byte) (home map[string]string, err error) {
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
		if strings.ContainsAny(file, `/\:`) || !strings.HasSuffix(file, ".safetensors") {
			return nil, fmt.Errorf("tensor %q: %q is not the name of a safetensors file in the folder", name, file)
		}
	}
	return home, nil
}

// shards are the files of an index, by name, and each tensor's home.
type shards struct {
	home  map[string]string
	files map[string]*Safetensors
}

func openShards(dir string, home map[string]string) (_ *shards, err error) {
	s := &shards{home: home, files: map[string]*Safetensors{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	for _, file := range slices.Compact(slices.Sorted(maps.Values(home))) {
		if s.files[file], err = OpenSafetensors(filepath.Join(dir, file)); err != nil {
			delete(s.files, file)
			return nil, fmt.Errorf("shard %s: %w", file, err)
		}
		for name := range s.files[file].tensors {
			if home[name] != file {
				return nil, fmt.Errorf("shard %s has tensor %q, which the index does not give to it", file, name)
			}
		}
	}
	for _, name := range s.Names() {
		if _, ok := s.files[home[name]].tensors[name]; !ok {
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
