package format

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"strings"
)

// mostShards is what split.count, 16 bits wide, can say.
const mostShards = 1<<16 - 1

// WriteGGUFShards is [WriteGGUF] for shards of at most size bytes of tensors each: NAME.gguf becomes
// NAME-00001-of-00003.gguf and so on, of which first is the path of the first. It alone has the metadata; llama.cpp's
// gguf-split cuts in the same places, and numbers a single shard too. What stands before a shard's tensors is not counted;
// a tensor of more than size bytes has a shard of its own.
//
// All shards are put in place or none; earlier ones of the same names are replaced, of other counts left
// alone.
func WriteGGUFShards(path string, size int64, meta Metadata, tensors []Tensor, data func(Tensor) ([]byte, error)) (first string, err error) {
	shards, err := cutGGUF(tensors, size)
	if err != nil {
		return "", fmt.Errorf("format: write %s: %w", path, err)
	}
	paths := make([]string, len(shards))
	for i := range paths {
		paths[i] = ShardPath(strings.TrimSuffix(path, filepath.Ext(path)), i+1, len(shards), ".gguf") // not .GGUF: llama.cpp looks for this
	}
	return paths[0], writeTogether(paths, func(i int, w io.Writer) error {
		return encodeGGUF(w, shardMeta(withVersion(meta, tensors), i, len(shards), len(tensors)), shards[i], data)
	})
}

// cutGGUF sees to it that no two shards have a tensor of one name, and cuts.
func cutGGUF(tensors []Tensor, size int64) ([][]Tensor, error) {
	entries, err := layOutGGUF(tensors, ggufAlignment)
	if err != nil {
		return nil, err
	}
	sizes := make([]int, len(entries))
	for i, e := range entries {
		sizes[i] = e.end - e.begin + pad(e.end, ggufAlignment)
	}
	return cut(tensors, sizes, size)
}

// shardMeta are the keys of shard i of n; meta goes to the first.
func shardMeta(meta Metadata, i, n, tensors int) Metadata {
	m := Metadata{}
	if i == 0 {
		maps.Copy(m, meta)
	}
	m[splitNo], m[splitCount], m[splitTensors] = uint16(i), uint16(n), int32(tensors)
	return m
}

// cut parts tensors of the given sizes, in their order, into shards of at most most bytes. A larger tensor is one by
// itself; no tensors are one shard.
func cut(tensors []Tensor, sizes []int, most int64) (shards [][]Tensor, err error) {
	if most < 1 {
		return nil, errors.New("the size of a shard is not positive")
	}
	begin, sum := 0, int64(0)
	for i, n := range sizes {
		if sum += int64(n); sum > most && i > begin {
			shards = append(shards, tensors[begin:i])
			begin, sum = i, int64(n)
		}
	}
	shards = append(shards, tensors[begin:])
	if len(shards) > mostShards {
		return nil, fmt.Errorf("%d shards of %d bytes, and %d is the most: the size is too small", len(shards), most, mostShards)
	}
	return shards, nil
}
