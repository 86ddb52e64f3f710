package format_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/internal/testkit"
)

// equalTensor compares what a file says of a tensor.
var equalTensor = cmp.Options{cmpopts.IgnoreUnexported(format.Tensor{}), cmpopts.EquateEmpty()}

// dtypes are all element types.
var dtypes = []format.DType{
	format.Bool, format.U8, format.U16, format.U32, format.U64, format.I8, format.I16, format.I32, format.I64,
	format.F8E4M3, format.F8E5M2, format.F8E8M0, format.F16, format.BF16, format.F32, format.F64, format.C64,
}

// randomTensors has every type in shapes that would misalign a naive layout.
func randomTensors(seed uint64) []format.Tensor {
	r := rand.New(rand.NewPCG(seed, 0))
	var ts []format.Tensor
	for i, shape := range [][]int{{}, {3}, {5, 7}, {0}, {4, 0, 2}, {1, 1, 1, 3}} {
		for _, d := range dtypes {
			n := d.Size()
			for _, dim := range shape {
				n *= dim
			}
			data := make([]byte, n)
			for j := range data {
				data[j] = byte(r.Uint32())
			}
			name := string(d) + strings.Repeat(".x", i) + "\"<名字>\x00"
			ts = append(ts, format.Tensor{Name: name, DType: d, Shape: shape, Data: data})
		}
	}
	return ts
}

func TestRoundTrip(t *testing.T) {
	dir := t.TempDir()
	metadata := map[string]string{"format": "pt", "中": "文 </script>", "": "\n"}
	tests := []struct {
		name     string
		metadata map[string]string
		tensors  []format.Tensor
	}{
		{"nothing", nil, nil},
		{"metadata alone", metadata, nil},
		{"one", nil, randomTensors(1)[:1]},
		{"every type", metadata, randomTensors(2)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(dir, tt.name)
			if err := format.WriteSafetensors(path, tt.metadata, tt.tensors); err != nil {
				t.Fatal(err)
			}
			s, err := format.OpenSafetensors(path)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if diff := cmp.Diff(tt.metadata, s.Metadata()); diff != "" {
				t.Errorf("metadata (-want +got):\n%s", diff)
			}
			if got := len(s.Names()); got != len(tt.tensors) {
				t.Errorf("got %d tensors, want %d", got, len(tt.tensors))
			}
			for _, want := range tt.tensors {
				got, ok := s.Tensor(want.Name)
				if diff := cmp.Diff(want, got, equalTensor); !ok || diff != "" {
					t.Errorf("tensor %q, found %v (-want +got):\n%s", want.Name, ok, diff)
				}
			}
		})
	}
}

func TestEqualArgumentsGiveEqualBytes(t *testing.T) {
	var first []byte
	for seed := range uint64(8) {
		ts := randomTensors(3)
		rand.New(rand.NewPCG(seed, 1)).Shuffle(len(ts), func(i, j int) { ts[i], ts[j] = ts[j], ts[i] })
		var b bytes.Buffer
		if err := format.Encode(&b, map[string]string{"a": "1", "b": "2", "c": "3"}, ts); err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = b.Bytes()
		} else if !bytes.Equal(first, b.Bytes()) {
			t.Fatal("the order of the tensors shows in the file")
		}
	}
}

func TestWrittenDataAreAligned(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x")
	if err := format.WriteSafetensors(path, nil, randomTensors(4)); err != nil {
		t.Fatal(err)
	}
	file := testkit.ReadFile(t, path)
	if n := binary.LittleEndian.Uint64(file); (n+8)%64 != 0 {
		t.Errorf("the data section begins at byte %d, want a multiple of 64", n+8)
	}
	// In memory that is aligned, tensors that are views rather than copies
	// show that each is.
	words := make([]uint64, len(file)/8+1)
	memory := unsafe.Slice((*byte)(unsafe.Pointer(&words[0])), len(file))
	copy(memory, file)
	s, err := format.ReadSafetensors("memory", memory)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range s.Names() {
		if x, _ := s.Tensor(name); len(x.Data) > 0 && !within(x.Data, memory) {
			t.Errorf("tensor %q was misaligned", name)
		}
	}
}

// within says whether part lies in whole's memory.
func within(part, whole []byte) bool {
	at, begin := uintptr(unsafe.Pointer(&part[0])), uintptr(unsafe.Pointer(&whole[0]))
	return begin <= at && at < begin+uintptr(len(whole))
}

// file returns a safetensors file of a header and a data section.
func file(header string, data int) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), make([]byte, data)...)
}

// TestMetadataNull: the format's own library takes null for no metadata.
func TestMetadataNull(t *testing.T) {
	s, err := format.ReadSafetensors("x", file(`{"__metadata__":null,"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, 1))
	if err != nil || s.Metadata() != nil {
		t.Errorf("got %v, %v", s, err)
	}
}

func TestRefuses(t *testing.T) {
	const x = `{"dtype":"F32","shape":[2],"data_offsets":[0,8]}`
	huge := binary.LittleEndian.AppendUint64(nil, 1<<63)
	short := binary.LittleEndian.AppendUint64(nil, 9)
	tests := []struct {
		name string
		file []byte
		says string
	}{
		{"empty", nil, "0 bytes are too few"},
		{"seven bytes", make([]byte, 7), "7 bytes are too few"},
		{"no header", make([]byte, 8), "does not begin with '{'"},
		{"long header", append(short, "{}"...), "header length 9 exceeds file of 10 bytes"},
		{"huge header", append(huge, "{}"...), "header length 9223372036854775808 exceeds file"},
		{"git-lfs", []byte("version https://git-lfs.github.com/spec/v1\n"), "git-lfs"},
		{"truncated data", file(`{"x":`+x+`}`, 7), `tensor "x" ends at byte 8 of the data, the file has 7`},
		{"trailing data", file(`{"x":`+x+`}`, 9), "1 bytes after the last tensor"},
		{"data without tensor", file(`{}`, 1), "1 bytes after the last tensor"},
		{"blank first", file(` {}`, 0), "does not begin with '{'"},
		{"array", file(`[]`, 0), "does not begin with '{'"},
		{"cut JSON", file(`{"x":{"dtype":`, 0), "unexpected EOF"},
		{"no JSON", file(`{"x":{]`, 0), "invalid character"},
		{"text after", file(`{} {}`, 0), "2 bytes after the JSON object"},
		{"NUL padding", file("{}\x00", 0), "1 bytes after the JSON object"},
		{"not UTF-8", file("{\"\xff\":"+x+"}", 8), "not valid UTF-8"},
		{"name twice", file(`{"x":`+x+`,"x":`+x+`}`, 8), `key "x" is there twice`},
		{"name twice by escape", file(`{"x":`+x+`,"\u0078":`+x+`}`, 8), `key "x" is there twice`},
		{"key twice", file(`{"x":{"dtype":"F32","dtype":"F32","data_offsets":[0,8]}}`, 8), `key "dtype" is there twice`},
		{"metadata twice", file(`{"__metadata__":{},"__metadata__":{}}`, 0), "twice"},
		{"metadata key twice", file(`{"__metadata__":{"a":"","a":""}}`, 0), "twice"},
		{"metadata number", file(`{"__metadata__":{"a":1}}`, 0), `"a": 1 is not a string`},
		{"metadata list", file(`{"__metadata__":[]}`, 0), "[ where { is expected"},
		{"tensor null", file(`{"x":null}`, 0), "<nil> where { is expected"},
		{"no dtype", file(`{"x":{"shape":[2],"data_offsets":[0,8]}}`, 8), `tensor "x": needs dtype, shape and data_offsets`},
		{"unknown key", file(`{"x":{"dtype":"F32","shape":[2],"stride":[1],"data_offsets":[0,8]}}`, 8), `"stride": is not a key`},
		{"unknown type", file(`{"x":{"dtype":"F4","shape":[2],"data_offsets":[0,1]}}`, 1), `type "F4" is not supported`},
		{"type null", file(`{"x":{"dtype":null,"shape":[2],"data_offsets":[0,8]}}`, 8), `"dtype": <nil> is not a string`},
		{"shape null", file(`{"x":{"dtype":"F32","shape":null,"data_offsets":[0,4]}}`, 4), `"shape": <nil> where [ is expected`},
		{"dimension null", file(`{"x":{"dtype":"F32","shape":[null],"data_offsets":[0,0]}}`, 0), "<nil> is not a number"},
		{"dimension negative", file(`{"x":{"dtype":"F32","shape":[-1,-2],"data_offsets":[0,8]}}`, 8), "-1 is not an integer"},
		{"dimension fraction", file(`{"x":{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]}}`, 8), "2.0 is not an integer"},
		{"dimension huge", file(`{"x":{"dtype":"F32","shape":[18446744073709551618],"data_offsets":[0,8]}}`, 8), "is not an integer"},
		{"shape overflows", file(`{"x":{"dtype":"F32","shape":[4611686018427387905,2],"data_offsets":[0,8]}}`, 8), "overflows"},
		{"shape overflows by type", file(`{"x":{"dtype":"F32","shape":[4611686018427387906],"data_offsets":[0,8]}}`, 8), "overflows"},
		{"shape overflows an int alone", file(`{"x":{"dtype":"U8","shape":[4294967296,2147483648],"data_offsets":[0,8]}}`, 8), "overflows"},
		{"offsets one", file(`{"x":{"dtype":"F32","shape":[2],"data_offsets":[8]}}`, 8), "data_offsets has 1 numbers, not 2"},
		{"offsets reversed", file(`{"x":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}`, 8), "takes 8 bytes, data_offsets [8,0] hold -8"},
		{"offsets short", file(`{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}`, 8), "takes 8 bytes, data_offsets [0,4] hold 4"},
		{"overlap", file(`{"x":`+x+`,"y":{"dtype":"U8","shape":[8],"data_offsets":[4,12]}}`, 12), `tensors "x" and "y" overlap`},
		{"same data", file(`{"x":`+x+`,"y":`+x+`}`, 8), `tensors "x" and "y" overlap`},
		{"hole", file(`{"x":`+x+`,"y":{"dtype":"U8","shape":[1],"data_offsets":[9,10]}}`, 10), `bytes 8 to 9 of the data, before tensor "y", belong to no tensor`},
		{"hole first", file(`{"y":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}`, 2), "bytes 0 to 1 of the data"},
		{"empty tensor beyond", file(`{"y":{"dtype":"U8","shape":[0],"data_offsets":[5,5]}}`, 0), "bytes 0 to 5 of the data"},
	}
	dir := t.TempDir()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(dir, "bad.safetensors")
			if err := os.WriteFile(path, tt.file, 0o666); err != nil {
				t.Fatal(err)
			}
			_, err := format.OpenSafetensors(path)
			if err == nil || !strings.Contains(err.Error(), tt.says) || !strings.HasPrefix(err.Error(), "format: "+path) {
				t.Errorf("got %v, want %q with the path", err, tt.says)
			}
		})
	}
}

// TestRefusesHeaderBeyondTheCap maps a sparse file, which takes no disk.
func TestRefusesHeaderBeyondTheCap(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x")
	if err := os.WriteFile(path, binary.LittleEndian.AppendUint64(nil, 100_000_001), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, 100_000_009); err != nil {
		t.Fatal(err)
	}
	if _, err := format.OpenSafetensors(path); err == nil || !strings.Contains(err.Error(), "header length 100000001 exceeds the format's limit of 100000000") {
		t.Errorf("got %v", err)
	}
}

func TestRefusesWhatIsNoFile(t *testing.T) {
	dir := t.TempDir()
	if _, err := format.OpenSafetensors(dir); err == nil || !strings.Contains(err.Error(), dir+": not a regular file") {
		t.Errorf("a folder: %v", err)
	}
	if _, err := format.OpenSafetensors(filepath.Join(dir, "absent")); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "absent") {
		t.Errorf("an absent file: %v", err)
	}
}

func TestWriterRefuses(t *testing.T) {
	x := format.FromF32("x", []float32{1, 2}, 2)
	tests := []struct {
		name     string
		metadata map[string]string
		tensors  []format.Tensor
		says     string
	}{
		{"name twice", nil, []format.Tensor{x, x}, `tensor "x" is there twice`},
		{"reserved", nil, []format.Tensor{format.FromF32("__metadata__", []float32{1}, 1)}, "reserved"},
		{"name not UTF-8", nil, []format.Tensor{format.FromF32("\xff", []float32{1}, 1)}, "not valid UTF-8"},
		{"metadata not UTF-8", map[string]string{"a": "\xff"}, nil, "not valid UTF-8"},
		{"type", nil, []format.Tensor{{Name: "x", DType: "F4"}}, `type "F4" is not supported`},
		{"little data", nil, []format.Tensor{{Name: "x", DType: format.F32, Shape: []int{2}, Data: make([]byte, 4)}}, "takes 8 bytes, its data has 4"},
		{"negative", nil, []format.Tensor{{Name: "x", DType: format.F32, Shape: []int{-1}}}, "overflows"},
		{"overflow", nil, []format.Tensor{{Name: "x", DType: format.F32, Shape: []int{math.MaxInt}}}, "overflows"},
		{"sum overflows", nil, []format.Tensor{{Name: "x", DType: format.U8, Shape: []int{math.MaxInt}}, {Name: "y", DType: format.U8, Shape: []int{1}}}, "overflows"},
	}
	path := filepath.Join(t.TempDir(), "x.safetensors")
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := format.WriteSafetensors(path, tt.metadata, tt.tensors)
			if err == nil || !strings.Contains(err.Error(), tt.says) || !strings.Contains(err.Error(), path) {
				t.Errorf("got %v, want %q with the path", err, tt.says)
			}
			if files, _ := os.ReadDir(filepath.Dir(path)); len(files) > 0 {
				t.Errorf("left %v behind", files)
			}
		})
	}
}

func TestClose(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.safetensors")
	if err := format.WriteSafetensors(path, nil, []format.Tensor{format.FromF32("x", []float32{1}, 1)}); err != nil {
		t.Fatal(err)
	}
	s, err := format.OpenSafetensors(path)
	if err != nil {
		t.Fatal(err)
	}
	x, _ := s.Tensor("x")
	for range 2 {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	x.Release() // of an address that is no longer the file's: must do nothing
	defer func() {
		if recover() == nil {
			t.Error("Tensor after Close did not panic")
		}
	}()
	s.Tensor("x")
}

// TestForeignVoices reads a file that the Rust library wrote.
func TestForeignVoices(t *testing.T) {
	b := testkit.ReadFile(t, testkit.Data(t, "weights-small-files/voices.safetensors.gz"))
	path := filepath.Join(t.TempDir(), "voices.safetensors")
	if err := os.WriteFile(path, b, 0o666); err != nil {
		t.Fatal(err)
	}
	s, err := format.OpenSafetensors(path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if got, want := s.Names(), []string{"mask", "tokens"}; !cmp.Equal(got, want) {
		t.Errorf("got names %q, want %q", got, want)
	}
	// The tensors tile the file's end, so their bytes are known by position.
	tokens, _ := s.Tensor("tokens")
	mask, _ := s.Tensor("mask")
	want := format.Tensor{Name: "tokens", DType: format.I64, Shape: []int{1, 982, 33}, Data: b[len(b)-291654 : len(b)-32406]}
	if diff := cmp.Diff(want, tokens, equalTensor); diff != "" {
		t.Errorf("tokens (-want +got):\n%.2000s", diff)
	}
	want = format.Tensor{Name: "mask", DType: format.U8, Shape: []int{1, 982, 33}, Data: b[len(b)-32406:]}
	if diff := cmp.Diff(want, mask, equalTensor); diff != "" {
		t.Errorf("mask (-want +got):\n%.2000s", diff)
	}
	for i, m := range mask.Data {
		if m > 1 {
			t.Fatalf("mask[%d] is %d, want 0 or 1", i, m)
		}
	}
}

// TestForeignPython reads what testdata/foreign.py wrote; its data section is
// misaligned.
func TestForeignPython(t *testing.T) {
	s, err := format.OpenSafetensors("testdata/foreign.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if diff := cmp.Diff(map[string]string{"format": "pt", "language": "中文"}, s.Metadata()); diff != "" {
		t.Errorf("metadata (-want +got):\n%s", diff)
	}
	want := []format.Tensor{
		{Name: "brain", DType: "BF16", Shape: []int{2, 2}, Data: []byte{0x80, 0x3f, 0, 0xc0, 0x40, 0x40, 0x80, 0x71}},
		{Name: "byte", DType: "U8", Shape: []int{3}, Data: []byte{0, 7, 255}},
		{Name: "double", DType: "F64", Shape: []int{3}, Data: words64(0x3fb999999999999a, 0xc6293e5939a08cea, 0x3730000000000000)},
		{Name: "half", DType: "F16", Shape: []int{5}, Data: []byte{0, 0x3c, 0, 0xc0, 0xff, 0x7b, 1, 0, 0x55, 0x35}},
		{Name: "long", DType: "I64", Shape: []int{2}, Data: words64(1<<64-1, 1<<62)},
		{Name: "nothing", DType: "F32", Shape: []int{0, 7}},
		{Name: "scalar", DType: "F32", Data: []byte{0, 0, 0x28, 0x42}},
		{Name: "truth", DType: "BOOL", Shape: []int{2}, Data: []byte{1, 0}},
		{Name: "z.f32", DType: "F32", Shape: []int{2, 3}, Data: []byte{
			0, 0, 0, 0, 0, 0, 0, 0x80, 0, 0, 0xc0, 0x3f, 0, 0, 0x10, 0xc0, 1, 0, 0, 0, 0, 0, 0x80, 0x7f,
		}},
		{Name: `名字 "quoted"`, DType: "I32", Shape: []int{1}, Data: []byte{0xfb, 0xff, 0xff, 0xff}},
	}
	var got []format.Tensor
	for _, name := range s.Names() {
		x, _ := s.Tensor(name)
		if a := uintptr(unsafe.Pointer(unsafe.SliceData(x.Data))); a%uintptr(x.DType.Size()) != 0 {
			t.Errorf("tensor %q of type %s lies at address %#x", name, x.DType, a)
		}
		got = append(got, x)
	}
	if diff := cmp.Diff(want, got, equalTensor); diff != "" {
		t.Errorf("tensors (-want +got):\n%s", diff)
	}
	if _, ok := s.Tensor("absent"); ok {
		t.Error("an absent tensor was found")
	}
}

// TestWritesWhatPythonWrites copies the foreign file and compares every byte
// with what the script wrote by the rules that WriteSafetensors documents.
func TestWritesWhatPythonWrites(t *testing.T) {
	s, err := format.OpenSafetensors("testdata/foreign.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var tensors []format.Tensor
	for _, name := range s.Names() {
		x, _ := s.Tensor(name)
		tensors = append(tensors, x)
	}
	path := filepath.Join(t.TempDir(), "x")
	if err := format.WriteSafetensors(path, s.Metadata(), tensors); err != nil {
		t.Fatal(err)
	}
	want := testkit.ReadFile(t, "testdata/canonical.safetensors")
	if diff := cmp.Diff(string(want), string(testkit.ReadFile(t, path))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func words64(words ...uint64) (b []byte) {
	for _, w := range words {
		b = binary.LittleEndian.AppendUint64(b, w)
	}
	return b
}
