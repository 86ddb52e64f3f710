package format

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// The keys of a shard; general.split_… is not in use.
const (
	splitNo      = "split.no"            // from 0
	splitCount   = "split.count"         // of files
	splitTensors = "split.tensors.count" // of all files
)

var shardName = regexp.MustCompile(`^(.*)-(\d{5})-of-(\d{5})\.(?i:gguf)$`)

// ShardName takes the name, or path, of a shard of a GGUF apart: STEM-NO-of-N.gguf,
// NO from 1. ok is false for any other name.
func ShardName(name string) (stem string, no, n int, ok bool) {
	m := shardName.FindStringSubmatch(name)
	if m == nil {
		return "", 0, 0, false
	}
	no, _ = strconv.Atoi(m[2]) // five digits
	n, _ = strconv.Atoi(m[3])
	return m[1], no, n, true
}

// ShardPath is the name that [ShardName] takes apart; extension has its dot.
func ShardPath(stem string, no, n int, extension string) string {
	return fmt.Sprintf("%s-%05d-of-%05d%s", stem, no, n, extension)
}

// shardPaths are all files of the shards that path is one of, or path alone.
func shardPaths(path string) ([]string, error) {
	stem, no, n, ok := ShardName(path)
	if !ok {
		return []string{path}, meantShards(path)
	}
	if no < 1 || no > n {
		return nil, fmt.Errorf("the name says shard %d of %d", no, n)
	}
	var paths []string
	for i := range n {
		p := ShardPath(stem, i+1, n, filepath.Ext(path))
		if _, err := os.Stat(p); errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("shard %d of %d is missing: %w", i+1, n, err)
		}
		paths = append(paths, p)
	}
	return paths, nil
}

// meantShards is the error for a file that is not there, but in shards.
func meantShards(path string) error {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return nil // what else is wrong, opening it says
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return nil
	}
	want := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
	for _, e := range entries {
		if stem, no, _, ok := ShardName(e.Name()); ok && stem == want && no == 1 {
			return fmt.Errorf("%w, but its shards are: give %s", fs.ErrNotExist, filepath.Join(filepath.Dir(path), e.Name()))
		}
	}
	return nil
}

// checkShard compares what file i of n says of its place. A single file may say nothing, or that it is one of
// none, as gguf-split --merge leaves it.
func checkShard(path string, meta Metadata, i, n int) error {
	k := meta.Keys("")
	no, count := k.IntOr(splitNo, 0), k.IntOr(splitCount, 1)
	if count == 0 {
		count = 1
	}
	switch {
	case k.Err() != nil:
		return fmt.Errorf("format: %s: %w", path, k.Err())
	case count != n && n == 1:
		return fmt.Errorf("format: %s: is shard %d of %d; its name must end in -%05d-of-%05d.gguf, and the others lie beside it", path, no+1, count, no+1, count)
	case no != i || count != n:
		return fmt.Errorf("format: %s: is shard %d of %d by its name and %d of %d by its metadata", path, i+1, n, no+1, count)
	}
	return nil
}
