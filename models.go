package inkstone

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/format/hub"
)

// Resolve returns the folder or file that a user means by model: a path that is
// there, or else ORG/NAME or ORG/NAME@REVISION of the hub's cache, or NAME of the
// oldest models, which have no ORG, or ORG/NAME/FILE of one. The network is not touched: what is not in the
// cache is an error that says which command fetches it. Where a folder is one GGUF
// file, its path is returned.
//
// What is neither a path nor like a name of the hub is returned as it is, for
// the error of whoever opens it; so is a single word that the cache does not have.
func Resolve(model string) (string, error) {
	if info, err := os.Stat(model); err == nil && info.IsDir() {
		return wholeFile(model, model)
	} else if err == nil {
		return model, nil
	}
	if !likeHub(model) {
		if path, err := inside(model); path != "" || err != nil {
			return path, err
		}
		return model, nil
	}
	n, err := hub.ParseName(model)
	if err != nil {
		return model, nil
	}
	config, err := hub.FromEnvironment(os.Getenv)
	if err != nil {
		return "", err
	}
	dir, err := config.Find(n)
	if errors.Is(err, hub.ErrNotCached) { // ORG/NAME@REVISION/FILE has the form of a name too
		if path, _ := inside(model); path != "" {
			return path, nil
		}
	}
	switch word := !strings.Contains(n.Repo, "/"); {
	case errors.Is(err, hub.ErrNotCached) && word:
		return model, nil
	case errors.Is(err, hub.ErrNotCached):
		return "", fmt.Errorf("model: there is no folder or file %s, and %w", model, err)
	case err != nil:
		return "", err
	}
	return wholeFile(model, dir)
}

// inside is the path of ORG/NAME/FILE, where the cache has ORG/NAME: one of several
// GGUF files, or a folder of the model; "" where it has not.
func inside(model string) (string, error) {
	for at := strings.LastIndexByte(model, '/'); at > 0; at = strings.LastIndexByte(model[:at], '/') {
		n, err := hub.ParseName(model[:at])
		if err != nil {
			continue
		}
		config, err := hub.FromEnvironment(os.Getenv)
		if err != nil {
			return "", err
		}
		dir, err := config.Find(n)
		file := filepath.FromSlash(model[at+1:])
		if err != nil || !filepath.IsLocal(file) {
			continue
		}
		path := filepath.Join(dir, file)
		info, err := os.Stat(path)
		switch {
		case err != nil:
			return "", fmt.Errorf("model: there is no file %s, and the cache's %s has none of that name: fetch it with: inkstone pull %s --include %q", model, n, n, model[at+1:])
		case info.IsDir():
			return wholeFile(model, path)
		}
		return path, nil
	}
	return "", nil
}

// likeHub says that the text may be ORG/NAME or NAME: one slash at most, and no
// path of this system's way to write one.
func likeHub(model string) bool {
	name, _, _ := strings.Cut(model, "@")
	return strings.Count(name, "/") <= 1 && !strings.HasPrefix(name, ".") && !filepath.IsAbs(name) && !format.NamesGGUF(name)
}

// wholeFile is the one GGUF file of a folder that is no model itself, else the
// folder. The first of some shards stands for all. model is what the user calls it.
func wholeFile(model, dir string) (string, error) {
	whole, folder, err := modelsIn(dir)
	if err != nil {
		return "", fmt.Errorf("model: %w", err)
	}
	if folder {
		return dir, nil
	}
	switch len(whole) {
	case 0:
		return dir, nil
	case 1:
		return filepath.Join(dir, whole[0]), nil
	}
	return "", fmt.Errorf("model: %s has several models: %s; name one, as %s/%s", model, strings.Join(whole, ", "), model, whole[0])
}

// modelsIn are the GGUF files of a folder, and whether it is a model itself: it has a
// config.json, and weights of its own where GGUF files lie beside it. Some publish a
// config.json with a GGUF file, which does without.
func modelsIn(dir string) (whole []string, folder bool, err error) {
	entries, err := os.ReadDir(dir)
	weights := false
	for _, e := range entries {
		if _, no, _, shard := format.ShardName(e.Name()); format.NamesGGUF(e.Name()) && (!shard || no == 1) {
			whole = append(whole, e.Name())
		}
		ext := filepath.Ext(e.Name())
		weights = weights || ext == ".safetensors" || ext == ".bin"
	}
	return whole, exists(filepath.Join(dir, "config.json")) && (weights || len(whole) == 0), err
}

// FindModels lists the models of folders below root, hidden ones left out: those
// that have a config.json, of their own weights, and GGUF files, whose shards are one model under the
// name of the first.
//
// Errors: a folder that cannot be read.
func FindModels(root string) ([]hub.Cached, error) {
	var found []hub.Cached
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case path != root && strings.HasPrefix(d.Name(), "."):
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case d.IsDir():
			_, folder, err := modelsIn(path)
			if err != nil || !folder {
				return err
			}
			m, err := hub.Measure(path)
			found = append(found, m)
			return err
		case format.NamesGGUF(path):
			m, err := hub.Measure(path)
			if n := len(found); n > 0 && sameShards(found[n-1].Dir, path) {
				found[n-1].Files, found[n-1].Bytes = found[n-1].Files+1, found[n-1].Bytes+m.Bytes
				if m.LastUsed.After(found[n-1].LastUsed) {
					found[n-1].LastUsed = m.LastUsed
				}
				return err
			}
			found = append(found, m)
			return err
		}
		return nil
	})
	return found, err
}

// sameShards says that two paths are shards of one file.
func sameShards(a, b string) bool {
	stemA, _, countA, okA := format.ShardName(a)
	stemB, _, countB, okB := format.ShardName(b)
	return okA && okB && stemA == stemB && countA == countB
}
