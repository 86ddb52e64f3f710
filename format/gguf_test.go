package format_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/inkstone-ai/inkstone/format"
)

// TestForeignGGUF reads a file of ggml's own library: every type of value and seven of tensors.
func TestForeignGGUF(t *testing.T) {
	g, err := format.OpenGGUF("testdata/foreign.gguf")
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	want := format.Metadata{
		"general.architecture": "test", "general.quantization_version": uint32(2), "one.str": "名字 <s>", "list.str": []string{"", "Ġthe", "a"}, "list.none": []int32{},
		"one.u8": uint8(200), "list.u8": []uint8{200, 0, 1}, "one.i8": int8(-100), "list.i8": []int8{-100, 0, 1},
		"one.u16": uint16(60000), "list.u16": []uint16{60000, 0, 1}, "one.i16": int16(-30000), "list.i16": []int16{-30000, 0, 1},
		"one.u32": uint32(4e9), "list.u32": []uint32{4e9, 0, 1}, "one.i32": int32(-2e9), "list.i32": []int32{-2e9, 0, 1},
		"one.u64": uint64(1 << 63), "list.u64": []uint64{1 << 63, 0, 1}, "one.i64": int64(-1 << 62), "list.i64": []int64{-1 << 62, 0, 1},
		"one.f32": float32(0.1), "list.f32": []float32{0.1, 0, 1}, "one.f64": 0.1, "list.f64": []float64{0.1, 0, 1},
		"one.bool": true, "list.bool": []bool{true, false, true},
	}
	if diff := cmp.Diff(want, g.Meta()); diff != "" {
		t.Errorf("metadata (-want +got):\n%s", diff)
	}
	wantList := `a.f16              F16 (3)
b.q8_0             Q8_0 (2, 64)
c.q4_K             Q4_K (2, 1, 256)
d.bf16             BF16 (2, 1, 2, 5)
e.i32              I32 (1)
f.q6_K             Q6_K (256)
token_embd.weight  F32 (3, 4)
7 tensors, 932 elements, 0.0 MB
`
	if got := format.Describe(g); got != wantList {
		t.Errorf("got\n%swant\n%s", got, wantList)
	}
	x, _ := g.Tensor("token_embd.weight")
	f, err := format.F32s(x)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range f {
		if v != float32(i)/8 {
			t.Errorf("element %d is %v, want %v", i, v, float32(i)/8)
		}
	}
	for _, name := range g.Order()[1:] {
		x, _ := g.Tensor(name)
		for i, b := range x.Data {
			if b != byte(i) {
				t.Errorf("%s: byte %d is %d", name, i, b)
				break
			}
		}
	}
}

// ggufTypes are all types that GGUF files have.
var ggufTypes = []format.DType{
	format.F32, format.F16, format.BF16, format.F64, format.I8, format.I16, format.I32, format.I64,
	format.Q8_0, format.Q4_0, format.Q4_1, format.Q5_0, format.Q5_1, format.Q2_K, format.Q3_K, format.Q4_K,
	format.Q5_K, format.Q6_K, format.IQ4_NL, format.MXFP4, format.IQ4_XS,
}

// ggufTensors has every type in several shapes, with random bytes.
func ggufTensors(seed uint64) (tensors []format.Tensor) {
	r := rand.New(rand.NewPCG(seed, 0))
	sizes := map[format.DType]int{format.Q8_0: 34, format.Q4_0: 18, format.Q4_1: 20, format.Q5_0: 22, format.Q5_1: 24, format.Q2_K: 84,
		format.Q3_K: 110, format.Q4_K: 144, format.Q5_K: 176, format.Q6_K: 210, format.IQ4_NL: 18, format.MXFP4: 17, format.IQ4_XS: 136}
	for _, d := range ggufTypes {
		for i, shape := range [][]int{{}, {3 * d.Block()}, {5, 2 * d.Block()}, {2, 0}, {2, 1, 3, d.Block()}} {
			if d.Quantised() && len(shape) == 0 {
				continue
			}
			elements := 1
			for _, n := range shape {
				elements *= n
			}
			data := make([]byte, elements*max(d.Size(), sizes[d])/d.Block())
			for j := range data {
				data[j] = byte(r.Uint32())
			}
			tensors = append(tensors, format.Tensor{Name: fmt.Sprintf("blk.%d.%s", i, d), DType: d, Shape: shape, Data: data})
		}
	}
	return tensors
}

func TestGGUFRoundTrip(t *testing.T) {
	foreign, err := format.OpenGGUF("testdata/foreign.gguf")
	if err != nil {
		t.Fatal(err)
	}
	defer foreign.Close()
	aligned := foreign.Meta()
	aligned["general.alignment"] = uint32(256)
	tests := []struct {
		name    string
		meta    format.Metadata
		tensors []format.Tensor
	}{
		{"nothing", nil, nil},
		{"metadata alone", foreign.Meta(), nil},
		{"one", nil, ggufTensors(1)[:1]},
		{"every type", aligned, ggufTensors(2)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x.gguf")
			if err := format.WriteGGUF(path, tt.meta, tt.tensors, nil); err != nil {
				t.Fatal(err)
			}
			w, err := format.OpenWeights(path)
			if err != nil {
				t.Fatal(err)
			}
			defer w.Close()
			g := w.(*format.GGUF)
			if diff := cmp.Diff(tt.meta, g.Meta(), equalTensor); diff != "" {
				t.Errorf("metadata (-want +got):\n%s", diff)
			}
			if len(g.Order()) != len(tt.tensors) {
				t.Fatalf("got %d tensors, want %d", len(g.Order()), len(tt.tensors))
			}
			for i, want := range tt.tensors {
				if got, _ := g.Tensor(g.Order()[i]); !cmp.Equal(got, want, equalTensor) {
					t.Errorf("tensor %d: got %s %s %v, want %s %s %v, or the bytes differ", i, got.Name, got.DType, got.Shape, want.Name, want.DType, want.Shape)
				}
			}
		})
	}
}

// TestGGUFSameBytes: what ggml's library wrote comes back byte for byte but for the order of
// keys.
func TestGGUFSameBytes(t *testing.T) {
	foreign, err := os.ReadFile("testdata/foreign.gguf")
	if err != nil {
		t.Fatal(err)
	}
	g, err := format.ReadGGUF("foreign", foreign)
	if err != nil {
		t.Fatal(err)
	}
	again := encodeGGUF(t, g.Meta(), all(g))
	infos := bytes.Index(foreign, []byte("token_embd.weight")) - 8
	if len(again) != len(foreign) || !bytes.Equal(again[infos:], foreign[infos:]) || !bytes.Equal(again[:24], foreign[:24]) {
		t.Errorf("%d bytes, the original has %d, or what is not keys differs", len(again), len(foreign))
	}
	if twice := encodeGGUF(t, g.Meta(), all(g)); !bytes.Equal(again, twice) {
		t.Error("equal arguments give two files")
	}
}

// TestGGUFKeyOrder: the architecture first, then general, the model, the tokenizer.
func TestGGUFKeyOrder(t *testing.T) {
	meta := format.Metadata{"tokenizer.ggml.model": "gpt2", "zeta.block_count": uint32(1), "general.name": "n", "general.architecture": "zeta", "a": true}
	b, at := encodeGGUF(t, meta, nil), 0
	for _, key := range []string{"general.architecture", "general.name", "a", "zeta.block_count", "tokenizer.ggml.model"} {
		next := bytes.Index(b[at:], append(binary.LittleEndian.AppendUint64(nil, uint64(len(key))), key...))
		if next < 0 {
			t.Fatalf("key %s is not behind the one before", key)
		}
		at += next
	}
}

func all(g *format.GGUF) (tensors []format.Tensor) {
	for _, name := range g.Order() {
		x, _ := g.Tensor(name)
		tensors = append(tensors, x)
	}
	return tensors
}

func encodeGGUF(t testing.TB, meta format.Metadata, tensors []format.Tensor) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := format.EncodeGGUF(&b, meta, tensors); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// A gguf is a file that is put together by hand, and may be wrong.
type gguf struct{ b []byte }

func newGGUF(version uint32, tensors, keys uint64) *gguf {
	return (&gguf{[]byte("GGUF")}).u32(version).u64(tensors).u64(keys)
}
func (f *gguf) u32(v uint32) *gguf    { f.b = binary.LittleEndian.AppendUint32(f.b, v); return f }
func (f *gguf) u64(v uint64) *gguf    { f.b = binary.LittleEndian.AppendUint64(f.b, v); return f }
func (f *gguf) bytes(b ...byte) *gguf { f.b = append(f.b, b...); return f }
func (f *gguf) text(s string) *gguf   { return f.u64(uint64(len(s))).bytes([]byte(s)...) }
func (f *gguf) pad() *gguf            { return f.bytes(make([]byte, -len(f.b)&31)...) }

// f32 is the info of a tensor of one dimension.
func (f *gguf) f32(name string, n, offset uint64) *gguf {
	return f.text(name).u32(1).u64(n).u32(0).u64(offset)
}

// TestGGUFRefuses: each fact of a wrong file is told.
func TestGGUFRefuses(t *testing.T) {
	one := func(version uint32) *gguf { return newGGUF(version, 1, 0) }
	tests := []struct {
		name string
		file *gguf
		want string
	}{
		{"empty", &gguf{}, `is no GGUF file: it begins with ""`},
		{"other magic", &gguf{[]byte("GGML1234")}, `is no GGUF file: it begins with "GGML"`},
		{"lfs", &gguf{[]byte("version https://git-lfs.github.com/spec/v1\n")}, "git lfs pull"},
		{"short", &gguf{[]byte("GGUF\x03\x00")}, "the version at byte 4 takes 4 bytes, the file has 2 more"},
		{"version 1", newGGUF(1, 0, 0), "GGUF version 1; 2 and 3 are read"},
		{"version 4", newGGUF(4, 0, 0), "GGUF version 4"},
		{"big-endian", newGGUF(3<<24, 0, 0), "big-endian"},
		{"tensors", newGGUF(3, 1<<60, 0), "1152921504606846976 tensors, but only 0 bytes"},
		{"keys", newGGUF(3, 0, 1<<60).bytes(make([]byte, 64)...), "1152921504606846976 keys, but only 64 bytes"},
		{"key beyond the end", newGGUF(3, 0, 1).u64(100).bytes(make([]byte, 20)...), "a key at byte 32 takes 100 bytes, the file has 20 more"},
		{"long key", newGGUF(3, 0, 1).u64(1 << 40).bytes(make([]byte, 20)...), "a key at byte 32 has 1099511627776 bytes, the format allows"},
		{"empty key", newGGUF(3, 0, 1).text("").u32(0).bytes(0), "empty or not UTF-8"},
		{"key twice", newGGUF(3, 0, 2).text("k").u32(0).bytes(0).text("k").u32(0).bytes(0), `key "k" is there twice`},
		{"type of value", newGGUF(3, 0, 1).text("key").u32(13).u64(0), `key "key": type 13 of a value`},
		{"bool", newGGUF(3, 0, 1).text("key").u32(7).bytes(2), `key "key": 2 is neither false (0) nor true (1)`},
		{"number beyond the end", newGGUF(3, 0, 1).text("key").u32(10).bytes(1, 2), "1 numbers of a list, but only 2 bytes"},
		{"text beyond the end", newGGUF(3, 0, 1).text("key").u32(8).u64(math.MaxUint64), `key "key": a text at byte 47`},
		{"list beyond the end", newGGUF(3, 0, 1).text("key").u32(9).u32(5).u64(1 << 60), "1152921504606846976 numbers of a list"},
		{"list that overflows", newGGUF(3, 0, 1).text("key").u32(9).u32(10).u64(1 << 61).bytes(make([]byte, 64)...), "numbers of a list, but only 64"},
		{"texts beyond the end", newGGUF(3, 0, 1).text("key").u32(9).u32(8).u64(1 << 60), "texts of a list"},
		{"a text of a list", newGGUF(3, 0, 1).text("key").u32(9).u32(8).u64(2).text("a").u64(9), "text 1 of a list"},
		{"list of lists", newGGUF(3, 0, 1).text("key").u32(9).u32(9).u64(0), "list of lists"},
		{"alignment", newGGUF(3, 0, 1).text("general.alignment").u32(4).u32(24), "general.alignment is 24, want a power of two"},
		{"alignment 0", newGGUF(3, 0, 1).text("general.alignment").u32(4).u32(0), "general.alignment is 0"},
		{"alignment as text", newGGUF(3, 0, 1).text("general.alignment").u32(8).text("32"), `general.alignment is "32" (string), want an integer`},
		{"long name", one(3).text(strings.Repeat("n", 65)).bytes(make([]byte, 64)...), "has 65 bytes, the format allows 64"},
		{"empty name", one(3).f32("", 1, 0).pad().u32(0), "name is empty"},
		{"zero byte", one(3).f32("a\x00b", 1, 0).pad().u32(0), "zero byte"},
		{"name twice", newGGUF(3, 2, 0).f32("w", 1, 0).f32("w", 1, 32).pad().bytes(make([]byte, 64)...), `tensor "w" is there twice`},
		{"five dimensions", one(3).text("w").u32(5).u64(1).u64(1).u64(1).u64(1).u64(1).u32(0).u64(0), `tensor "w": 5 dimensions`},
		{"a dimension of 2^64−1", one(3).f32("w", math.MaxUint64, 0), "a dimension of 18446744073709551615"},
		{"product", one(3).text("w").u32(2).u64(1 << 40).u64(1 << 40).u32(0).u64(0), "overflows"},
		{"bytes overflow", one(3).f32("w", 1<<62, 0), "overflows"},
		{"end overflows", one(3).f32("w", 1<<60, math.MaxInt64-31), "overflows"},
		{"unknown type", one(3).text("w").u32(1).u64(32).u32(77).u64(0), "type 77 is not known"},
		{"type not read", one(3).text("w").u32(1).u64(256).u32(16).u64(0), "type IQ2_XXS is not supported"},
		{"broken blocks", one(3).text("w").u32(2).u64(33).u64(32).u32(8).u64(0), "no whole number of blocks of 32"},
		{"a scalar of blocks", one(3).text("w").u32(0).u32(8).u64(0), "no whole number of blocks of 32"},
		{"unaligned", one(3).f32("w", 1, 4).pad().bytes(make([]byte, 64)...), "offset 4 is not a multiple of the alignment of 32"},
		{"data beyond the end", one(3).f32("w", 9, 0).pad().bytes(make([]byte, 35)...), `tensor "w" ends at byte 36 of the data, the file has 35`},
		{"overlap", newGGUF(3, 2, 0).f32("v", 9, 0).f32("w", 1, 32).pad().bytes(make([]byte, 64)...), `tensors "v" and "w" overlap`},
		{"same place", newGGUF(3, 2, 0).f32("v", 9, 0).f32("w", 9, 0).pad().bytes(make([]byte, 64)...), "overlap"},
		{"hole", one(3).f32("w", 1, 64).pad().bytes(make([]byte, 96)...), "bytes 0 to 64 of the data"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "bad.gguf")
			if err := os.WriteFile(path, tt.file.b, 0o666); err != nil {
				t.Fatal(err)
			}
			var err error
			got := allocated(func() { _, err = format.OpenGGUF(path) })
			if err == nil {
				t.Fatalf("accepted, want %q", tt.want)
			}
			fact, named := strings.CutPrefix(err.Error(), "format: "+path) // which has the test's name in it
			if !named || !strings.Contains(fact, tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			if got > allowed(len(tt.file.b)) {
				t.Errorf("%d bytes allocated for a file of %d", got, len(tt.file.b))
			}
		})
	}
}

// TestGGUFTruncated: a real file that ends early is refused at any length but those that cut
// nothing but padding.
func TestGGUFTruncated(t *testing.T) {
	whole, err := os.ReadFile("testdata/foreign.gguf")
	if err != nil {
		t.Fatal(err)
	}
	for n := range len(whole) - 32 {
		if _, err := format.ReadGGUF("x", whole[:n]); err == nil {
			t.Errorf("%d of %d bytes are accepted", n, len(whole))
		}
	}
}

// TestGGUFTrailing: bytes after the last tensor are let be, as llama.cpp does.
func TestGGUFTrailing(t *testing.T) {
	f := newGGUF(3, 1, 0).f32("w", 1, 0).pad().u32(math.Float32bits(5)).bytes(make([]byte, 60)...)
	g, err := format.ReadGGUF("behind", f.b)
	if err != nil {
		t.Fatal(err)
	}
	x, _ := g.Tensor("w")
	if got, err := format.F32s(x); err != nil || !cmp.Equal(got, []float32{5}) {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestGGUFVersion2(t *testing.T) {
	f := newGGUF(2, 1, 0).f32("w", 2, 0).pad().u32(math.Float32bits(1)).u32(math.Float32bits(2))
	g, err := format.ReadGGUF("two", f.b)
	if err != nil {
		t.Fatal(err)
	}
	x, _ := g.Tensor("w")
	if got, err := format.F32s(x); err != nil || !cmp.Equal(got, []float32{1, 2}) {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestWriteGGUFRefuses(t *testing.T) {
	w := format.FromF32("w", []float32{1, 2}, 2)
	tests := []struct {
		name    string
		meta    format.Metadata
		tensors []format.Tensor
		want    string
	}{
		{"an int", format.Metadata{"k": 1}, nil, `key "k": a value of Go type int`},
		{"nothing", format.Metadata{"k": nil}, nil, "Go type <nil>"},
		{"a list of lists", format.Metadata{"k": [][]int32{}}, nil, "Go type [][]int32"},
		{"an empty key", format.Metadata{"": true}, nil, "is empty"},
		{"alignment", format.Metadata{"general.alignment": uint32(33)}, nil, "general.alignment is 33"},
		{"twice", nil, []format.Tensor{w, w}, `tensor "w": is there twice`},
		{"long name", nil, []format.Tensor{format.FromF32(strings.Repeat("n", 64), nil, 0)}, "longer than 63 bytes"},
		{"five dimensions", nil, []format.Tensor{format.FromF32("w", []float32{1}, 1, 1, 1, 1, 1)}, "5 dimensions"},
		{"type", nil, []format.Tensor{{Name: "w", DType: format.C64, Shape: []int{0}}}, "type C64 is none that GGUF has"},
		{"type not written", nil, []format.Tensor{{Name: "w", DType: "iq1_s", Shape: []int{256}}}, "type iq1_s is none"},
		{"blocks", nil, []format.Tensor{{Name: "w", DType: format.Q4_K, Shape: []int{32}}}, "no whole number of blocks of 256"},
		{"data", nil, []format.Tensor{{Name: "w", DType: format.F32, Shape: []int{2}, Data: make([]byte, 7)}}, "takes 8 bytes, its data has 7"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			err := format.WriteGGUF(filepath.Join(dir, "x.gguf"), tt.meta, tt.tensors, nil)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			if left, _ := os.ReadDir(dir); len(left) > 0 {
				t.Errorf("%s is left behind", left[0].Name())
			}
		})
	}
}

// writeShards writes n files with a tensor each.
func writeShards(t *testing.T, dir string, n int, change func(i int, meta format.Metadata)) (first string) {
	t.Helper()
	for i := range n {
		meta := format.Metadata{"split.no": uint16(i), "split.count": uint16(n), "split.tensors.count": int32(n)}
		if i == 0 {
			meta["general.architecture"] = "test"
		}
		if change != nil {
			change(i, meta)
		}
		path := filepath.Join(dir, fmt.Sprintf("m-%05d-of-%05d.gguf", i+1, n))
		if err := format.WriteGGUF(path, meta, []format.Tensor{format.FromF32(fmt.Sprint("w", i), []float32{float32(i)}, 1)}, nil); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			first = path
		}
	}
	return first
}

func TestGGUFShards(t *testing.T) {
	dir := t.TempDir()
	writeShards(t, dir, 3, nil)
	for i := range 3 {
		g, err := format.OpenGGUF(filepath.Join(dir, fmt.Sprintf("m-%05d-of-00003.gguf", i+1)))
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(g.Order(), " "); got != "w0 w1 w2" {
			t.Errorf("shard %d: tensors %s", i+1, got)
		}
		if diff := cmp.Diff(format.Metadata{"general.architecture": "test"}, g.Meta()); diff != "" {
			t.Errorf("metadata (-want +got):\n%s", diff)
		}
		x, _ := g.Tensor("w2")
		if v, _ := format.F32s(x); v[0] != 2 {
			t.Errorf("w2 is %v", v)
		}
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestGGUFMerged: what gguf-split --merge leaves in a file that is whole again.
func TestGGUFMerged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.gguf")
	meta := format.Metadata{"general.architecture": "test", "split.no": uint16(0), "split.count": uint16(0), "split.tensors.count": int32(1)}
	if err := format.WriteGGUF(path, meta, []format.Tensor{format.FromF32("w", []float32{1}, 1)}, nil); err != nil {
		t.Fatal(err)
	}
	g, err := format.OpenGGUF(path)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	if diff := cmp.Diff(format.Metadata{"general.architecture": "test"}, g.Meta()); diff != "" {
		t.Errorf("metadata (-want +got):\n%s", diff)
	}
}

// TestGGUFCapitals: .GGUF is .gguf, of shards too.
func TestGGUFCapitals(t *testing.T) {
	dir := t.TempDir()
	writeShards(t, dir, 2, nil)
	for i := range 2 {
		name := filepath.Join(dir, fmt.Sprintf("m-%05d-of-00002", i+1))
		if err := os.Rename(name+".gguf", name+".GGUF"); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(dir, "m-00002-of-00002.GGUF")
	if !format.IsGGUF(path) || format.IsGGUF(dir+"/m.ggufx") {
		t.Error("IsGGUF does not tell names apart")
	}
	w, err := format.OpenWeights(path)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if got := strings.Join(w.Names(), " "); got != "w0 w1" {
		t.Errorf("tensors %s", got)
	}
}

func TestGGUFShardsRefused(t *testing.T) {
	tests := []struct {
		name   string
		n      int
		change func(i int, meta format.Metadata)
		spoil  func(dir string) error
		want   string
	}{
		{name: "missing", n: 3, spoil: func(dir string) error { return os.Remove(filepath.Join(dir, "m-00002-of-00003.gguf")) }, want: "shard 2 of 3 is missing"},
		{name: "count", n: 2, change: func(i int, meta format.Metadata) { meta["split.count"] = uint16(5) }, want: "is shard 1 of 2 by its name and 1 of 5 by its metadata"},
		{name: "number", n: 2, change: func(i int, meta format.Metadata) { meta["split.no"] = uint16(0) }, want: "is shard 2 of 2 by its name and 1 of 2 by its metadata"},
		{name: "no metadata", n: 2, change: func(i int, meta format.Metadata) { clear(meta) }, want: "by its metadata"},
		{name: "tensors", n: 2, change: func(i int, meta format.Metadata) { meta["split.tensors.count"] = int32(7) }, want: "says that the shards have 7 tensors, they have 2"},
		{name: "twice", n: 2, spoil: func(dir string) error {
			meta := format.Metadata{"split.no": uint16(1), "split.count": uint16(2)}
			return format.WriteGGUF(filepath.Join(dir, "m-00002-of-00002.gguf"), meta, []format.Tensor{format.FromF32("w0", nil, 0)}, nil)
		}, want: `tensor "w0" is in an earlier shard too`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			path := writeShards(t, dir, tt.n, tt.change)
			if tt.spoil != nil {
				if err := tt.spoil(dir); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := format.OpenGGUF(path); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
	dir := t.TempDir()
	alone := filepath.Join(dir, "alone.gguf")
	if err := os.Rename(writeShards(t, dir, 2, nil), alone); err != nil {
		t.Fatal(err)
	}
	if _, err := format.OpenGGUF(alone); err == nil || !strings.Contains(err.Error(), "its name must end in -00001-of-00002.gguf") {
		t.Errorf("a shard under another name: %v", err)
	}
}

func TestKeys(t *testing.T) {
	meta := format.Metadata{"a.n": uint8(7), "a.big": uint64(1 << 63), "a.neg": int16(-2), "a.f": float32(0.5), "a.s": "x", "a.b": true,
		"a.ints": []int32{1, -2}, "a.words": []uint32{3}, "a.strings": []string{"y"}, "a.floats": []float32{1}, "a.same": []int32{4, 4}, "a.empty": []int32{}}
	k := meta.Keys("a.")
	if k.Int("n") != 7 || k.Int("neg") != -2 || k.IntOr("n", 1) != 7 || k.IntOr("none", 9) != 9 || k.Float("f") != 0.5 || k.FloatOr("none", 3) != 3 ||
		k.String("s") != "x" || k.StringOr("none", "z") != "z" || !k.Bool("b") || !k.BoolOr("none", true) ||
		!cmp.Equal(k.Ints("ints"), []int{1, -2}) || !cmp.Equal(k.Ints("words"), []int{3}) || k.Strings("strings")[0] != "y" || k.Floats("floats")[0] != 1 ||
		k.IntOfEach("n", 5) != 7 || k.IntOfEach("same", 2) != 4 || k.IntOfEachOr("none", 2, 6) != 6 || k.IntOfEachOr("same", 2, 6) != 4 ||
		!k.Has("n") || k.Has("none") {
		t.Error("a value is read wrong")
	}
	if k.Err() != nil {
		t.Error(k.Err())
	}
	tests := []struct {
		name string
		read func(k *format.Keys)
		want string
	}{
		{"absent", func(k *format.Keys) { k.Int("none"); k.String("n") }, "metadata has no a.none"},
		{"text for integer", func(k *format.Keys) { k.IntOr("s", 1) }, `metadata a.s is "x" (string), want an integer`},
		{"too large", func(k *format.Keys) { k.Int("big") }, "(uint64), want an integer"},
		{"float for integer", func(k *format.Keys) { k.Int("f") }, "(float32), want an integer"},
		{"integer for float", func(k *format.Keys) { k.Float("n") }, `metadata a.n is "7" (uint8), want a floating-point number`},
		{"integer for text", func(k *format.Keys) { k.String("n") }, "want a string"},
		{"integer for truth", func(k *format.Keys) { k.Bool("n") }, "want true or false"},
		{"floats for integers", func(k *format.Keys) { k.Ints("floats") }, "1 numbers or texts ([]float32), want a list of integers"},
		{"one for a list", func(k *format.Keys) { k.Ints("n") }, "want a list of integers"},
		{"texts for integers", func(k *format.Keys) { k.Ints("strings") }, "want a list of integers"},
		{"integers for texts", func(k *format.Keys) { k.Strings("ints") }, "want a list of strings"},
		{"layers that differ", func(k *format.Keys) { k.IntOfEach("ints", 2) }, "metadata a.ints is 1 for layer 0 and -2 for layer 1"},
		{"layers that are more", func(k *format.Keys) { k.IntOfEach("same", 3) }, "metadata a.same has 2 numbers for 3 layers"},
		{"no layers", func(k *format.Keys) { k.IntOfEach("empty", 0) }, "metadata a.empty has 0 numbers for 0 layers"},
		{"texts for each", func(k *format.Keys) { k.IntOfEach("strings", 1) }, "want a list of integers"},
		{"integers for floats", func(k *format.Keys) { k.Floats("ints") }, "want a list of 32-bit"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			k := meta.Keys("a.")
			tt.read(k)
			if k.Err() == nil || !strings.Contains(k.Err().Error(), tt.want) {
				t.Errorf("got %v, want %q", k.Err(), tt.want)
			}
		})
	}
}

// FuzzReadGGUF: no panic, no allocation that the size does not justify, and what is accepted
// survives a round trip.
func FuzzReadGGUF(f *testing.F) {
	foreign, err := os.ReadFile("testdata/foreign.gguf")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(foreign)
	f.Add(newGGUF(3, 2, 0).f32("v", 9, 0).f32("w", 1, 64).pad().bytes(make([]byte, 96)...).b)
	f.Add(newGGUF(2, 0, 1).text("k").u32(9).u32(8).u64(2).text("a").text("").b)
	f.Add(newGGUF(3, 1, 1).text("general.alignment").u32(4).u32(64).text("q").u32(2).u64(64).u64(2).u32(8).u64(0).bytes(make([]byte, 300)...).b)
	f.Fuzz(func(t *testing.T, b []byte) {
		var g *format.GGUF
		var err error
		if got := allocated(func() { g, err = format.ReadGGUF("fuzz", b) }); got > allowed(len(b)) {
			t.Errorf("%d bytes allocated for a file of %d", got, len(b))
		}
		if err != nil {
			if !strings.HasPrefix(err.Error(), "format: fuzz: ") {
				t.Errorf("error %q does not name package and file", err)
			}
			return
		}
		format.Describe(g)
		tensors := all(g)
		for _, x := range tensors {
			format.F32s(x)
			if len(x.Name) == 64 {
				return // read, but never written
			}
		}
		if err := format.EncodeGGUF(io.Discard, g.Meta(), tensors); err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
	})
}
