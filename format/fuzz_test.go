package format_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/inkstone-ai/inkstone/format"
)

// allocated returns the bytes that f allocates, those of other goroutines
// included.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// allowed is the allocation that a file of n bytes justifies: the smallest
// header entry of about 50 bytes becomes a map entry, a Tensor and a few tokens.
func allowed(n int) uint64 { return 64<<10 + 100*uint64(n) }

// FuzzReadSafetensors: no panic, no allocation that the size does not justify,
// and what is accepted survives a round trip bit for bit.
func FuzzReadSafetensors(f *testing.F) {
	f.Add(file(`{}`, 0))
	f.Add(file(`{"__metadata__":{"a":"b"},"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}  `, 8))
	f.Add(file(`{"x":{"dtype":"U8","shape":[0,99999999999],"data_offsets":[0,0]},"y":{"dtype":"BF16","shape":[],"data_offsets":[0,2]}}`, 2))
	f.Add(file(`{"x":{"dtype":"F32","shape":[1,2],"data_offsets":[8,16]},"y":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}}`, 16))
	foreign, err := os.ReadFile("testdata/foreign.safetensors")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(foreign)
	f.Fuzz(func(t *testing.T, b []byte) {
		var s *format.Safetensors
		var err error
		if got := allocated(func() { s, err = format.ReadSafetensors("fuzz", b) }); got > allowed(len(b)) {
			t.Errorf("%d bytes allocated for a file of %d", got, len(b))
		}
		if err != nil {
			if !strings.HasPrefix(err.Error(), "format: fuzz: ") {
				t.Errorf("error %q does not name package and file", err)
			}
			return
		}
		format.Describe(s)
		var tensors []format.Tensor
		for _, name := range s.Names() {
			x, _ := s.Tensor(name)
			tensors = append(tensors, x)
			format.F32s(x)
		}
		var again bytes.Buffer
		if err := format.Encode(&again, s.Metadata(), tensors); err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		s2, err := format.ReadSafetensors("again", again.Bytes())
		if err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
		if !cmp.Equal(s.Metadata(), s2.Metadata()) || !cmp.Equal(s.Names(), s2.Names()) {
			t.Error("metadata or names differ after a round trip")
		}
		for _, want := range tensors {
			if got, _ := s2.Tensor(want.Name); !cmp.Equal(got, want, equalTensor) {
				t.Errorf("tensor %q differs after a round trip", want.Name)
			}
		}
	})
}

// FuzzOpenFolder: no panic on any config.json, and what is accepted is an object.
func FuzzOpenFolder(f *testing.F) {
	for _, s := range []string{`{}`, `{"a":[1,{"b":null}]}`, `{"a":1,"a":2}`, `[]`, `{"a":"\ud800"}`, "\ufeff{}", strings.Repeat("[", 99)} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		dir := t.TempDir()
		write(t, dir, "config.json", string(b))
		folder, err := format.OpenFolder(dir)
		var object map[string]any
		if jsonErr := json.Unmarshal(b, &object); err == nil && (jsonErr != nil || object == nil || !bytes.Equal(folder.Config, b)) {
			t.Errorf("accepted %q: %v", b, jsonErr)
		}
	})
}

// FuzzOpenWeights: no panic on any index.
func FuzzOpenWeights(f *testing.F) {
	index, err := os.ReadFile("testdata/shards/model.safetensors.index.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(index)
	f.Add([]byte(`{"weight_map":{"a":"b.safetensors"}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		dir := t.TempDir()
		if err := os.CopyFS(dir, os.DirFS("testdata/shards")); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "model.safetensors.index.json"), b, 0o666); err != nil {
			t.Fatal(err)
		}
		w, err := format.OpenWeights(dir)
		if err != nil {
			return
		}
		defer w.Close()
		for _, name := range w.Names() {
			if _, ok := w.Tensor(name); !ok {
				t.Errorf("tensor %q is named and absent", name)
			}
		}
	})
}

// TestAllocation opens files that promise much more than they hold.
func TestAllocation(t *testing.T) {
	many := "{" + strings.Repeat(`"":{"dtype":"U8","shape":[],"data_offsets":[0,0]},`, 1<<12)
	tests := []struct {
		name string
		file []byte
	}{
		{"huge tensor", file(`{"x":{"dtype":"U8","shape":[1099511627776],"data_offsets":[0,1099511627776]}}`, 0)},
		{"long header", append([]byte{0, 0, 0, 0, 1, 0, 0, 0}, make([]byte, 100)...)},
		{"long shape", file(`{"x":{"dtype":"U8","shape":[`+strings.Repeat("0,", 1<<16)+`0],"data_offsets":[0,0]}}`, 0)},
		{"deep", file(`{"x":`+strings.Repeat("[", 1<<16), 0)},
		{"deep metadata", file(`{"__metadata__":`+strings.Repeat(`{"a":`, 1<<16), 0)},
		{"many names", file(many, 0)},
		{"long name", file(`{"`+strings.Repeat("x", 1<<18)+`":{}}`, 0)},
	}
	dir := t.TempDir()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(dir, "x")
			if err := os.WriteFile(path, tt.file, 0o666); err != nil {
				t.Fatal(err)
			}
			var err error
			got := allocated(func() { _, err = format.OpenSafetensors(path) })
			if err == nil && tt.name != "long shape" {
				t.Error("accepted")
			}
			if got > allowed(len(tt.file)) {
				t.Errorf("%d bytes allocated for a file of %d", got, len(tt.file))
			}
		})
	}
}
