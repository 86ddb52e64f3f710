package corpus

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"

	"github.com/inkstone-ai/inkstone/tokenizer"
)

// NoEnd says that documents follow each other without a separating id.
const NoEnd = int32(-1)

// Encode returns the ids of all documents in order, each followed by the id
// end (the tokenizer's end of text) unless that is [NoEnd]. Special tokens
// written in a text are encoded as ordinary characters. It encodes on all
// processors; the result does not depend on how many there are.
func Encode(t tokenizer.Tokenizer, docs []Document, end int32) IDs {
	return join(each(t, docs), nil, end)
}

// EncodeBegun is [Encode] with what begins a text by the tokenizer's file, see [tokenizer.Begin],
// before each document; not twice where that is the end of the one before it.
func EncodeBegun(t tokenizer.Tokenizer, docs []Document, end int32) IDs {
	return join(each(t, docs), tokenizer.Begin(t), end)
}

// each encodes the documents apart.
func each(t tokenizer.Tokenizer, docs []Document) [][]int32 {
	parts := make([][]int32, len(docs))
	var work sync.WaitGroup
	next := make(chan int)
	for range runtime.GOMAXPROCS(0) {
		work.Go(func() {
			for i := range next {
				parts[i] = t.Encode(docs[i].Text)
			}
		})
	}
	for i := range docs {
		next <- i
	}
	close(next)
	work.Wait()
	return parts
}

func join(parts [][]int32, begin []int32, end int32) IDs {
	n := 0
	for _, p := range parts {
		n += len(begin) + len(p) + 1
	}
	all := make(IDs, 0, n)
	for _, p := range parts {
		if k := len(all) - len(begin); k < 0 || !slices.Equal(all[k:], begin) {
			all = append(all, begin...)
		}
		all = append(all, p...)
		if end != NoEnd {
			all = append(all, end)
		}
	}
	return all
}

// probe is a text on which split rules differ: blanks, digits, CamelCase,
// contractions, scripts, a control sign.
const probe = "It's 1,234.50   done!\n\n\tfunc getHTTPServer(x int64) — naïve Ünïcode 汉字在厨房里 αβγ 🙂\r\n"

// Fingerprint is a SHA-256 over all that makes ids mean what they mean: the
// bytes of every token, which are special, and the ids of a probing text, by
// which tokenizers with one vocabulary and two split rules differ.
func Fingerprint(t tokenizer.Tokenizer) [32]byte {
	h := sha256.New()
	number := func(n int) { h.Write(binary.LittleEndian.AppendUint32(nil, uint32(n))) }
	number(t.Size())
	for id := range int32(t.Size()) {
		token, ok := t.Token(id)
		if !ok {
			number(-1)
			continue
		}
		number(len(token))
		h.Write(token)
		if t.IsSpecial(id) {
			number(1)
		}
	}
	for _, id := range t.Encode(probe) {
		number(int(id))
	}
	return [32]byte(h.Sum(nil))
}

// encodeAhead is how many bytes of text WriteShards encodes at a time, on all
// processors: large enough to keep them busy, small beside a shard. Only tests
// change it.
var encodeAhead = 16 << 20

// WriteShards encodes documents as they come and writes them to shards of size
// ids (the last has fewer) in the folder dir: 00000.ids, 00001.ids, … It
// returns their paths. A folder that holds shards already is an error, and
// after any error the shards written are removed, so that a folder never holds
// two corpora or half of one.
func WriteShards(dir string, t tokenizer.Tokenizer, docs iter.Seq2[Document, error], end int32, size int) (paths []string, err error) {
	if old, _ := filepath.Glob(filepath.Join(dir, "*.ids")); len(old) > 0 {
		return nil, fmt.Errorf("corpus: folder %s holds shards already", dir)
	}
	defer func() {
		if err != nil {
			for _, p := range paths {
				err = errors.Join(err, os.Remove(p))
			}
			paths = nil
		}
	}()
	info := ShardInfo{Fingerprint(t), t.Size(), end}
	var ids IDs
	for batch, err := range batches(docs, encodeAhead) {
		if err != nil {
			return paths, err
		}
		ids = append(ids, Encode(t, batch, end)...)
		for len(ids) >= size {
			if paths, err = nextShard(dir, paths, ids[:size], info); err != nil {
				return paths, err
			}
			ids = ids[size:]
		}
	}
	if len(ids) > 0 {
		return nextShard(dir, paths, ids, info)
	}
	return paths, nil
}

func nextShard(dir string, paths []string, ids IDs, info ShardInfo) ([]string, error) {
	path := filepath.Join(dir, fmt.Sprintf("%05d.ids", len(paths)))
	if err := WriteShard(path, ids, info); err != nil {
		return paths, err
	}
	return append(paths, path), nil
}

// batches groups documents until they have that many bytes of text together.
func batches(docs iter.Seq2[Document, error], bytes int) iter.Seq2[[]Document, error] {
	return func(yield func([]Document, error) bool) {
		var batch []Document
		have := 0
		for d, err := range docs {
			if err != nil {
				yield(nil, err)
				return
			}
			batch, have = append(batch, d), have+len(d.Text)
			if have >= bytes {
				if !yield(batch, nil) {
					return
				}
				batch, have = nil, 0
			}
		}
		if len(batch) > 0 {
			yield(batch, nil)
		}
	}
}
