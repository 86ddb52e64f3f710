package corpus_test

import (
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/tokenizer"
)

func randomIDs(n, vocab int) corpus.IDs {
	r := rand.New(rand.NewPCG(uint64(n), 1))
	ids := make(corpus.IDs, n)
	for i := range ids {
		ids[i] = int32(r.IntN(vocab))
	}
	return ids
}

// TestShards writes one corpus in files of several sizes, one of them empty,
// and reads it at every length and place.
func TestShards(t *testing.T) {
	for _, vocab := range []int{300, 1 << 16, 1<<16 + 1, 200_000} {
		dir, ids := t.TempDir(), randomIDs(500, vocab)
		info := corpus.ShardInfo{Tokenizer: [32]byte{1, 2, 31: 9}, Vocab: vocab, End: 7}
		cuts := []int{0, 1, 200, 200, 500}
		var paths []string
		for i := range cuts[1:] {
			path := filepath.Join(dir, string(rune('a'+i)))
			if err := corpus.WriteShard(path, ids[cuts[i]:cuts[i+1]], info); err != nil {
				t.Fatal(err)
			}
			if !corpus.IsShard(path) {
				t.Errorf("IsShard(%s) is false", path)
			}
			paths = append(paths, path)
		}
		s, err := corpus.OpenShards(paths...)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if s.Info != info || s.Len() != 500 {
			t.Errorf("info %v of %d ids", s.Info, s.Len())
		}
		for n := range 501 {
			got := make([]int32, n)
			for _, at := range []int64{0, 1, 100, 200, int64(500 - n)} {
				err := s.ReadIDs(got, at)
				if inside := at+int64(n) <= 500; inside != (err == nil) {
					t.Fatalf("%d ids at %d: %v", n, at, err)
				} else if inside && !slices.Equal(got, ids[at:at+int64(n)]) {
					t.Fatalf("%d ids at %d differ", n, at)
				}
			}
		}
		memory, _ := corpus.Digest(ids)
		if disk, err := corpus.Digest(s); err != nil || disk != memory {
			t.Errorf("digests differ on disk and in memory: %v", err)
		}
		ids[499]++
		if other, _ := corpus.Digest(ids); other == memory {
			t.Error("another id, the same digest")
		}
	}
}

// TestShardBytes fixes the format.
func TestShardBytes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	err := corpus.WriteShard(path, []int32{1, 258}, corpus.ShardInfo{Tokenizer: [32]byte{5}, Vocab: 300, End: corpus.NoEnd})
	if err != nil {
		t.Fatal(err)
	}
	got, _ := os.ReadFile(path)
	want := "INKSHARD\x01\x00\x00\x00\x02\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x2c\x01\x00\x00\xff\xff\xff\xff\x05" +
		strings.Repeat("\x00", 31) + "\x01\x00\x02\x01"
	if string(got) != want {
		t.Errorf("got %q\nwant %q", got, want)
	}
}

func TestShardRefuses(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "good")
	info := corpus.ShardInfo{Vocab: 300, End: 0}
	if err := corpus.WriteShard(path, randomIDs(50, 300), info); err != nil {
		t.Fatal(err)
	}
	good, _ := os.ReadFile(path)
	put := func(at int, b ...byte) []byte {
		c := slices.Clone(good)
		copy(c[at:], b)
		return c
	}
	tests := []struct {
		name string
		data []byte
		want string
	}{
		{"empty", nil, "0 bytes"},
		{"header cut", good[:40], "40 bytes"},
		{"data cut", good[:100], "header says 50 ids"},
		{"odd", good[:101], "header says 50 ids"},
		{"longer", append(slices.Clone(good), 0, 0), "header says 50 ids"},
		{"magic", put(0, 'X'), "does not begin with"},
		{"version", put(8, 2), "version 2"},
		{"width", put(12, 4), "4 bytes"},
		{"count", put(16, 255, 255, 255, 255, 255, 255, 255, 255), "header says"},
		{"vocabulary 0", put(24, 0, 0), "vocabulary of 0"},
		{"vocabulary", put(24, 255, 255, 255, 255), "vocabulary"},
		{"end", put(28, 255, 255), "end of text"},
	}
	for _, test := range tests {
		bad := filepath.Join(dir, "bad")
		os.WriteFile(bad, test.data, 0o644)
		_, err := corpus.OpenShards(bad)
		expect(t, test.name, err, bad, test.want)
	}
	bad := filepath.Join(dir, "bad")
	os.WriteFile(bad, put(64, 0xff, 0xff), 0o644)
	s, err := corpus.OpenShards(bad)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	expect(t, "id", s.ReadIDs(make([]int32, 5), 0), "id 65535 at 0", "vocabulary of 300")
	other := filepath.Join(dir, "other")
	if err := corpus.WriteShard(other, []int32{1}, corpus.ShardInfo{Tokenizer: [32]byte{1}, Vocab: 300}); err != nil {
		t.Fatal(err)
	}
	_, err = corpus.OpenShards(path, other)
	expect(t, "another tokenizer", err, other, "another tokenizer")
	expect(t, "id beyond", corpus.WriteShard(path, []int32{300}, info), "id 300 at 0")
	if now, _ := os.ReadFile(path); !slices.Equal(now, good) {
		t.Error("the failed write changed the file")
	}
	_, err = corpus.OpenShards()
	expect(t, "none", err, "no shard")
	expect(t, "folder", corpus.WriteShard(filepath.Join(dir, "no", "x"), nil, info), "no such file")
}

func FuzzOpenShards(f *testing.F) {
	header := binary.LittleEndian.AppendUint32([]byte("INKSHARD"), 1)
	f.Add(append(header, make([]byte, 60)...))
	f.Add([]byte("INKSHARD"))
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "s")
		os.WriteFile(path, data, 0o644)
		s, err := corpus.OpenShards(path)
		if err != nil {
			return
		}
		defer s.Close()
		if s.Len() > int64(len(data)) {
			t.Fatalf("%d ids in %d bytes", s.Len(), len(data))
		}
		s.ReadIDs(make([]int32, s.Len()), 0)
	})
}

// TestAtomically fails after each number of bytes: the file that was there is
// whole, and nothing else is left in the folder.
func TestAtomically(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	if err := os.WriteFile(path, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	full := errors.New("no space left")
	for n := range 100 {
		err := corpus.Atomically(path, func(w io.Writer) error {
			w.Write(make([]byte, n))
			return full
		})
		if !errors.Is(err, full) {
			t.Fatalf("error %v", err)
		}
		names, _ := os.ReadDir(dir)
		if text, _ := os.ReadFile(path); string(text) != "old" || len(names) != 1 {
			t.Fatalf("after %d bytes the folder holds %v, the file %q", n, names, text)
		}
	}
	err := corpus.Atomically(path, func(w io.Writer) error { _, err := io.WriteString(w, "new"); return err })
	if text, _ := os.ReadFile(path); err != nil || string(text) != "new" {
		t.Errorf("%q, %v", text, err)
	}
}

// TestShardOnFullDisk lets the disk fill up after each byte of a shard.
func TestShardOnFullDisk(t *testing.T) {
	if !testkit.Alone(t) {
		return
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "00000.ids")
	if err := os.WriteFile(path, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	ids, info := randomIDs(40, 256), corpus.ShardInfo{Vocab: 256, End: corpus.NoEnd}
	for room := range uint64(64 + 2*40) {
		var err error
		testkit.FullDisk(t, room, func() { err = corpus.WriteShard(path, ids, info) })
		expect(t, "full disk", err, path)
		names, _ := os.ReadDir(dir)
		if text, _ := os.ReadFile(path); string(text) != "old" || len(names) != 1 {
			t.Fatalf("room for %d bytes: the folder holds %v, the file %q", room, names, text)
		}
	}
}

func byteTokenizer(t testing.TB) tokenizer.Tokenizer {
	t.Helper()
	tok, err := tokenizer.NewByte("<|endoftext|>")
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func sequence(docs []corpus.Document) func(func(corpus.Document, error) bool) {
	return func(yield func(corpus.Document, error) bool) {
		for _, d := range docs {
			if !yield(d, nil) {
				return
			}
		}
	}
}

func TestWriteShards(t *testing.T) {
	tok := byteTokenizer(t)
	end, _ := tok.ID("<|endoftext|>")
	docs := []corpus.Document{doc("a", "hello"), doc("b", "<|endoftext|>"), doc("c", strings.Repeat("字", 40))}
	want := corpus.Encode(tok, docs, end)
	if text := tok.Decode(want); text != "hello<|endoftext|><|endoftext|><|endoftext|>"+docs[2].Text+"<|endoftext|>" || want.Len() != 5+1+13+1+120+1 {
		t.Errorf("encoded %d ids, decoded %q", want.Len(), text)
	}
	dir := t.TempDir()
	paths, err := corpus.WriteShards(dir, tok, sequence(docs), end, 50)
	if err != nil || len(paths) != 3 {
		t.Fatalf("%v, %v", paths, err)
	}
	s, err := corpus.OpenShards(paths...)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	got := make([]int32, s.Len())
	if err := s.ReadIDs(got, 0); err != nil || !slices.Equal(got, want) {
		t.Errorf("%v: %s", err, cmp.Diff([]int32(want), got))
	}
	if s.Info.Tokenizer != corpus.Fingerprint(tok) || s.Info.End != end {
		t.Error("the shards' information differs")
	}
	_, err = corpus.WriteShards(dir, tok, sequence(docs), end, 50)
	expect(t, "second corpus", err, "holds shards already")
	defer func(before int) { *corpus.EncodeAhead = before }(*corpus.EncodeAhead)
	*corpus.EncodeAhead = 1
	empty, written := t.TempDir(), 0
	broken := func(yield func(corpus.Document, error) bool) {
		for _, d := range docs {
			yield(d, nil)
		}
		shards, _ := os.ReadDir(empty)
		written = len(shards)
		yield(corpus.Document{}, errors.New("corpus: broken source"))
	}
	_, err = corpus.WriteShards(empty, tok, broken, end, 2)
	expect(t, "source", err, "broken source")
	if left, _ := os.ReadDir(empty); len(left) != 0 || written == 0 {
		t.Errorf("%d shards were written before the error, %v is left after it", written, left)
	}
}

func TestFingerprint(t *testing.T) {
	plain, special := byteTokenizer(t), []string{"<|endoftext|>", "<|im_end|>"}
	other, err := tokenizer.NewByte(special...)
	if err != nil {
		t.Fatal(err)
	}
	if corpus.Fingerprint(plain) != corpus.Fingerprint(byteTokenizer(t)) {
		t.Error("equal tokenizers differ")
	}
	if corpus.Fingerprint(plain) == corpus.Fingerprint(other) {
		t.Error("different tokenizers are equal")
	}
}
