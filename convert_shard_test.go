package inkstone_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/internal/testkit"
)

// TestConvertToShard: a name of one shard of several is refused before anything is written: it may be
// one of the source's, and alone it is no model.
func TestConvertToShard(t *testing.T) {
	out := filepath.Join(t.TempDir(), "m-00002-of-00002.gguf")
	for _, size := range []int64{0, 1} {
		if _, err := inkstone.Convert("nothing", out, &inkstone.ConvertOptions{ShardSize: size}); err == nil || !strings.Contains(err.Error(), "one shard of several; give that of all, "+strings.Replace(out, "-00002-of-00002", "", 1)) {
			t.Errorf("got %v", err)
		}
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("it was written")
	}
}

// TestConvertToShards: a folder goes to shards of a GGUF file, those to shards of a folder. What is made of them has
// the same bytes as what is made of single files.
func TestConvertToShards(t *testing.T) {
	dir, out := convertible(t, convertLlama), t.TempDir()
	convert := func(in, to string, size int64) *inkstone.Conversion {
		t.Helper()
		r, err := inkstone.Convert(in, to, &inkstone.ConvertOptions{ShardSize: size, Name: "x"})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	whole := convert(dir, filepath.Join(out, "whole.gguf"), 0)
	r := convert(dir, filepath.Join(out, "m.gguf"), whole.Bytes/3)
	if want := filepath.Join(out, "m-00001-of-0000"); r.Shards < 3 || !strings.HasPrefix(r.Path, want) || r.Bytes != whole.Bytes {
		t.Errorf("%s: %d shards of %d bytes, want %s, 3 at least, %d", r.Path, r.Shards, r.Bytes, want, whole.Bytes)
	}
	folder := convert(r.Path, filepath.Join(out, "folder"), whole.Bytes/3)
	if folder.Shards < 3 || folder.Path != filepath.Join(out, "folder") || folder.Bytes != whole.Bytes {
		t.Errorf("%s: %d shards of %d bytes", folder.Path, folder.Shards, folder.Bytes)
	}
	plain := convert(whole.Path, filepath.Join(out, "plain"), 0)
	for _, pair := range [][2]string{{whole.Path, r.Path}, {plain.Path, folder.Path}} {
		want := testkit.ReadFile(t, convert(pair[0], filepath.Join(out, "want.gguf"), 0).Path)
		if got := testkit.ReadFile(t, convert(pair[1], filepath.Join(out, "got.gguf"), 0).Path); !bytes.Equal(got, want) {
			t.Errorf("one file made of %s differs from one made of %s", pair[1], pair[0])
		}
	}
	if few := convert(dir, filepath.Join(out, "few"), 2*whole.Bytes); few.Shards != 0 {
		t.Errorf("a folder of one file has %d shards", few.Shards)
	}
	if few := convert(dir, filepath.Join(out, "few.gguf"), 2*whole.Bytes); few.Shards != 1 || few.Path != filepath.Join(out, "few-00001-of-00001.gguf") {
		t.Errorf("%s: %d shards", few.Path, few.Shards)
	}
}

// TestConvertOverShards: a source in shards is not replaced by its own conversion, one of another name is.
func TestConvertOverShards(t *testing.T) {
	dir, out := convertible(t, convertGPT2), t.TempDir()
	path := filepath.Join(out, "m.gguf")
	o := &inkstone.ConvertOptions{ShardSize: 1 << 40}
	r, err := inkstone.Convert(dir, path, o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := inkstone.Convert(r.Path, path, o); err == nil || !strings.Contains(err.Error(), "would replace its own source") {
		t.Errorf("got %v", err)
	}
	if _, err := inkstone.Convert(dir, path, o); err != nil {
		t.Errorf("earlier shards are replaced: %v", err)
	}
	if _, err := inkstone.Convert(r.Path, path, nil); err != nil {
		t.Errorf("shards to the file of their name: %v", err)
	}
	if _, err := inkstone.Convert(path, path, o); err != nil {
		t.Errorf("a file to its shards: %v", err)
	}
	if _, err := inkstone.Convert(dir, path, &inkstone.ConvertOptions{ShardSize: -1}); err == nil || !strings.Contains(err.Error(), "the size of a shard is -1") {
		t.Errorf("got %v", err)
	}
}
