package format_test

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/internal/testkit"
)

// A foreignTensor is what a script of testdata says of a tensor.
type foreignTensor struct {
	DType format.DType
	Shape []int
	Data  string // hexadecimal
}

// foreign reads a list of files and their tensors.
func foreign(t *testing.T, path string) (files map[string]map[string]foreignTensor) {
	t.Helper()
	if err := json.Unmarshal(testkit.ReadFile(t, path), &files); err != nil {
		t.Fatal(err)
	}
	return files
}

// sameAs compares all of w with what the script says.
func sameAs(t *testing.T, w format.Weights, want map[string]foreignTensor) {
	t.Helper()
	if diff := cmp.Diff(slices.Sorted(maps.Keys(want)), w.Names()); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	for name, x := range want {
		got, ok := w.Tensor(name)
		if !ok {
			t.Errorf("%s is absent", name)
			continue
		}
		if data := hex.EncodeToString(got.Data); got.DType != x.DType || !slices.Equal(got.Shape, x.Shape) || data != x.Data || got.Name != name {
			t.Errorf("%s: got %s %v %s, want %s %v %s", name, got.DType, got.Shape, data, x.DType, x.Shape, x.Data)
		}
	}
}

// TestTorch reads what PyTorch wrote: both forms, two protocols, all types,
// views that share storages, parameters, containers in containers.
func TestTorch(t *testing.T) {
	for name, want := range foreign(t, "testdata/torch.json") {
		t.Run(name, func(t *testing.T) {
			w, err := format.OpenTorch(filepath.Join("testdata/torch", name))
			if err != nil {
				t.Fatal(err)
			}
			defer w.Close()
			sameAs(t, w, want)
		})
	}
}

// TestTorchOfCandle reads the files of another project's tests.
func TestTorchOfCandle(t *testing.T) {
	count := func(n int) (s string) {
		for i := range n {
			s += hex.EncodeToString([]byte{byte(i + 1), 0, 0, 0, 0, 0, 0, 0})
		}
		return s
	}
	tests := []struct {
		file, name string
		shape      []int
	}{
		{"fortran_tensor_3d.pth", "tensor_fortran", []int{2, 3, 4}},
		{"test.pt", "test", []int{2, 4}},
		{"test_with_key.pt", "model_state_dict.test", []int{2, 4}},
	}
	for _, tt := range tests {
		w, err := format.OpenTorch(testkit.Data(t, "weights-small-files/"+tt.file))
		if err != nil {
			t.Fatal(err)
		}
		n := 1
		for _, d := range tt.shape {
			n *= d
		}
		sameAs(t, w, map[string]foreignTensor{tt.name: {format.I64, tt.shape, count(n)}})
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	}
}

// pickled is a pickle of protocol 2 in PyTorch's older form, whose object is code.
func pickled(code string, rest ...string) string {
	magic := "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."
	return magic + "\x80\x02M\xe9\x03." + "\x80\x02}." + "\x80\x02" + code + "." + strings.Join(rest, "")
}

// view is the code of a tensor over a storage "0" of four float32: offset, shape
// and strides are pickled numbers.
func view(offset, shape, stride string) string {
	return "ctorch._utils\n_rebuild_tensor_v2\n((U\x07storagectorch\nFloatStorage\nU\x010U\x03cpuK\x04tQ" + offset + shape + stride + "\x89NtR"
}

func TestTorchRefuses(t *testing.T) {
	const keys, four = "\x80\x02]U\x010a.", "\x04\x00\x00\x00\x00\x00\x00\x00"
	data := four + strings.Repeat("\x00", 16)
	tests := []struct{ name, file, says string }{
		{"nothing", "", "the pickle ends early"},
		{"text", "words", "opcode 0x77"},
		{"system", "cposix\nsystem\n(U\x02idtR.", `"posix.system" is a program, not data, and is not run`},
		{"system, protocol 4", "\x80\x04\x8c\x05posix\x8c\x06system\x93.", `"posix.system" is a program`},
		{"eval", pickled("c__builtin__\neval\n"), `"__builtin__.eval" is a program`},
		{"pickle in pickle", pickled("ctorch.storage\n_load_from_bytes\n"), `"torch.storage._load_from_bytes" is a program`},
		{"quantised", pickled("ctorch._utils\n_rebuild_qtensor\n"), `"torch._utils._rebuild_qtensor" is a program`},
		{"class by INST", pickled("(iposix\nsystem\n"), "opcode 0x69"},
		{"extension", pickled("\x82\x01"), "opcode 0x82"},
		{"protocol 6", "\x80\x06.", "protocol 6 is not one of 1 to 5"},
		{"protocol 0", "(lp0\n.", "protocol 0 writes a tensor's storage as a text"},
		{"no number", "Ifour\n.", `"four" is not a number`},
		{"long number", "L" + strings.Repeat("9", 4301) + "L\n.", "is not a number of at most 4300 digits"},
		{"no magic", "\x80\x02K\x01.", "begins with the number 1"},
		{"big-endian", strings.Replace(pickled("N"), "}.", "}U\x0dlittle_endian\x89s.", 1), "big-endian machine"},
		{"no tensors", pickled("}", "\x80\x02]."), "has no tensors: it is a dictionary"},
		{"no keys", pickled("}", "\x80\x02}."), "the storages' keys are a dictionary"},
		{"no storage", pickled(view("K\x00", "K\x04\x85", "K\x01\x85"), "\x80\x02]."), `storage "0" is not in the file`},
		{"short storage", pickled(view("K\x00", "K\x04\x85", "K\x01\x85"), keys, data[:20]), `storage "0" takes 16 bytes, the file has 12 more`},
		{"other length", pickled(view("K\x00", "K\x04\x85", "K\x01\x85"), keys, "\x05"+data[1:]), `has 5 elements, the tensors say 4`},
		{"bytes after", pickled(view("K\x00", "K\x04\x85", "K\x01\x85"), keys, data+"x"), "1 bytes after the last storage"},
		{"another key", pickled("}", keys, data), `storage "0" is of no tensor`},
		{"offset", pickled(view("K\x01", "K\x04\x85", "K\x01\x85"), keys, data), "offset 1, shape [4] and strides [1] lead out of a storage of 4 elements"},
		{"stride", pickled(view("K\x00", "K\x02\x85", "K\x04\x85"), keys, data), "lead out of a storage"},
		{"huge stride", pickled(view("K\x00", "K\x02\x85", "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f\x85"), keys, data), "lead out of a storage"},
		{"negative stride", pickled(view("K\x00", "K\x02\x85", "J\xff\xff\xff\xff\x85"), keys, data), "-1 is not from 0"},
		{"repeated", pickled(view("K\x00", "M\xff\xff\x85", "K\x00\x85"), keys, data), `tensor "tensor" has 65535 elements, its storage 4`},
		{"dimensions", pickled(view("K\x00", "K\x02K\x02\x86", "K\x01\x85"), keys, data), "has 2 dimensions"},
		{"key twice", pickled("}(U\x01aNU\x01aNu"), "key a is there twice"},
		{"memo", pickled("h\x05"), "memo 5 is read before it is written"},
		{"stack", pickled("\x86"), "the stack has too few values"},
		{"below the mark", pickled("K\x01(\x85"), "the stack has too few values"},
		{"no mark", pickled("t"), "no mark"},
		{"length", pickled("X\xff\xff\xff\xff"), "length 4294967295: the pickle ends early"},
		{"attributes of a tensor", pickled(view("K\x00", "K\x04\x85", "K\x01\x85")+"}b", keys, data), "a tensor is given attributes"},
		{"no zip", "PK\x03\x04", "zip: "},
		{"deep", pickled(strings.Repeat("]", 99)+strings.Repeat("a", 98), "\x80\x02]."), "nested more than 64 deep"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := format.ReadTorch("x.pt", []byte(tt.file))
			if err == nil || !strings.Contains(err.Error(), tt.says) || !strings.HasPrefix(err.Error(), "format: x.pt: ") {
				t.Errorf("got %v, want %q", err, tt.says)
			}
		})
	}
	if w, err := format.ReadTorch("x.pt", []byte(pickled(view("K\x00", "K\x04\x85", "K\x01\x85"), keys, data))); err != nil {
		t.Errorf("what the tests change is refused itself: %v", err)
	} else {
		sameAs(t, w, map[string]foreignTensor{"tensor": {format.F32, []int{4}, strings.Repeat("0", 32)}})
	}
}

// TestTorchProtocol1: numbers and truth values are lines of text there.
func TestTorchProtocol1(t *testing.T) {
	magic := "L119547037146038801333356L\n." + "M\xe9\x03." + "}U\x0dlittle_endianI01\ns."
	code := strings.Replace(view("I0\n", "(I2\nL2L\nt", "(I2\nI1\nt"), "\x89Nt", "I00\nNt", 1) + "."
	w, err := format.ReadTorch("x.pt", []byte(magic+code+"]U\x010a."+"\x04\x00\x00\x00\x00\x00\x00\x00"+strings.Repeat("\x00", 16)))
	if err != nil {
		t.Fatal(err)
	}
	sameAs(t, w, map[string]foreignTensor{"tensor": {format.F32, []int{2, 2}, strings.Repeat("0", 32)}})
}

// TestTorchRepeats: what expand made repeats elements, in proportion to the file.
func TestTorchRepeats(t *testing.T) {
	const keys, data = "\x80\x02]U\x010a.", "\x04\x00\x00\x00\x00\x00\x00\x00" + "aaaabbbbccccdddd"
	w, err := format.ReadTorch("x.pt", []byte(pickled(view("K\x01", "K\x04K\x02\x86", "K\x00K\x01\x86"), keys, data)))
	if err != nil {
		t.Fatal(err)
	}
	sameAs(t, w, map[string]foreignTensor{"tensor": {format.F32, []int{4, 2}, strings.Repeat("6262626263636363", 4)}})
	two := "]("
	for range 20 { // each for itself is in proportion
		two += view("K\x00", "K\x20\x85", "K\x00\x85")
	}
	if _, err := format.ReadTorch("x.pt", []byte(pickled(two+"e", keys, data))); err == nil || !strings.Contains(err.Error(), "in proportion to the file") {
		t.Errorf("many: %v", err)
	}
}

// TestTorchShared: lists that hold each other name a tensor 2^30 times.
func TestTorchShared(t *testing.T) {
	list := "]"
	for i := range 30 {
		list += "q" + string(rune(i)) + "0](h" + string(rune(i)) + "h" + string(rune(i)) + "e"
	}
	_, err := format.ReadTorch("x.pt", []byte(pickled(list, "\x80\x02].")))
	if err == nil || !strings.Contains(err.Error(), "hold each other too often") {
		t.Errorf("got %v", err)
	}
}

// TestTorchGrows: pickles of a few bytes that would take memory without end, by values that hold each other
// or are given again and again.
func TestTorchGrows(t *testing.T) {
	const keys, data = "\x80\x02]U\x010a.", "\x04\x00\x00\x00\x00\x00\x00\x00" + "aaaabbbbccccdddd"
	nested := "K\x01\x85q\x00" + strings.Repeat("0h\x00h\x00h\x00\x87q\x00", 50)
	const n = 2000
	for _, tt := range []struct{ name, file, says string }{
		{"device", pickled("ctorch\ndevice\n("+nested+"tR", "\x80\x02]."), "has no tensors: it is a string"},
		{"metadata", pickled(strings.Replace(view("K\x00", "K\x04\x85", "K\x01\x85"), "\x89NtR", "\x89N}"+nested+"\x88stR", 1), keys, data), `metadata "" is not supported`},
		{"pairs", pickled("]q\x01(NN\x86q\x020"+strings.Repeat("h\x02", n)+"e0"+"ccollections\nOrderedDict\nq\x030]("+strings.Repeat("h\x03h\x01\x85R", n)+"e", "\x80\x02]."), "hold each other too often"},
		{"dimensions", pickled("(K\x01q\x04"+strings.Repeat("h\x04", n)+"tq\x050]("+strings.Repeat(view("K\x00", "h\x05", "h\x05"), n)+"e", keys, data), "hold each other too often"},
		{"number", "\x80\x02\x8b\x00\x00\x10\x00" + strings.Repeat("w", 1<<20) + ".", "a number of 1048576 bytes"},
		{"string", "\x80\x02X\x00\x00\x10\x00" + strings.Repeat("\xff", 1<<20) + ".", "is not valid UTF-8"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var err error
			if got := allocated(func() { _, err = format.ReadTorch("x.pt", []byte(tt.file)) }); got > allowed(len(tt.file)) {
				t.Errorf("%d bytes allocated for a file of %d", got, len(tt.file))
			}
			if err == nil || !strings.Contains(err.Error(), tt.says) || len(err.Error()) > 2000 {
				t.Errorf("got %.300v, want %q", err, tt.says)
			}
		})
	}
}

// TestEvilTorch: a file that runs a program in Python is refused with its name.
func TestEvilTorch(t *testing.T) {
	for _, name := range []string{"evil.pt", "evil.bin"} {
		_, err := format.OpenTorch(filepath.Join("testdata/torch", name))
		if err == nil || !strings.Contains(err.Error(), `"posix.system" is a program`) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestPickleFolder: a folder's weights are PyTorch's where it has no safetensors.
func TestPickleFolder(t *testing.T) {
	dir := t.TempDir()
	copyFile(t, "testdata/torch/legacy2.pt", filepath.Join(dir, "pytorch_model.bin"))
	w, err := format.OpenWeights(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := w.Tensor("module.0.weight"); !ok {
		t.Errorf("names %q", w.Names())
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	if err := format.WriteSafetensors(filepath.Join(dir, "model.safetensors"), nil, []format.Tensor{format.FromF32("only", []float32{1}, 1)}); err != nil {
		t.Fatal(err)
	}
	if w, err = format.OpenWeights(dir); err != nil || !cmp.Equal(w.Names(), []string{"only"}) {
		t.Errorf("%v; safetensors beside a pickle are not preferred", err)
	}
	w.Close()
}

func TestPickleShards(t *testing.T) {
	dir := t.TempDir()
	copyFile(t, "testdata/torch/alone.pt", filepath.Join(dir, "pytorch_model-00001-of-00001.bin"))
	index := func(tensor, file string) {
		write(t, dir, "pytorch_model.bin.index.json", `{"weight_map":{"`+tensor+`":"`+file+`"}}`)
	}
	index("tensor", "pytorch_model-00001-of-00001.bin")
	w, err := format.OpenWeights(dir)
	if err != nil {
		t.Fatal(err)
	}
	if x, ok := w.Tensor("tensor"); !ok || !slices.Equal(x.Shape, []int{3, 2}) {
		t.Errorf("got %v", x)
	}
	w.Close()
	for _, bad := range []struct{ tensor, file, says string }{
		{"tensor", "model.safetensors", "is not the name of a bin file"},
		{"tensor", "../x.bin", "is not the name of a bin file"},
		{"absent", "pytorch_model-00001-of-00001.bin", `tensor "absent" is not in shard`},
		{"tensor", "x.bin", "shard x.bin: "},
	} {
		index(bad.tensor, bad.file)
		if _, err := format.OpenWeights(dir); err == nil || !strings.Contains(err.Error(), bad.says) {
			t.Errorf("%v: %v", bad, err)
		}
	}
}

// TestOpen finds out what a file is.
func TestOpen(t *testing.T) {
	for path, tensor := range map[string]string{
		"testdata/foreign.safetensors": "", "testdata/shards": "wte", "testdata/torch/zip2.pt": "scalar",
		"testdata/torch/legacy4.pt": "scalar", "testdata/numpy/v2.npy": "v2", "testdata/numpy/stored.npz": "f4",
	} {
		w, err := format.Open(path)
		if err != nil {
			t.Error(err)
			continue
		}
		if _, ok := w.Tensor(tensor); !ok && tensor != "" || len(w.Names()) == 0 {
			t.Errorf("%s: names %q", path, w.Names())
		}
		w.Close()
	}
	if _, err := format.Open("testdata/pytorch_files.py"); err == nil || !strings.Contains(err.Error(), `begins with "#!/usr/b"`) {
		t.Errorf("a text: %v", err)
	}
	if _, err := format.Open("testdata/absent"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an absent file: %v", err)
	}
}

// FuzzReadTorch: no panic, and no allocation that the size does not justify.
func FuzzReadTorch(f *testing.F) {
	for _, name := range []string{"zip2.pt", "zip4.pt", "legacy2.pt", "legacy4.pt", "alone.pt", "evil.pt", "evil.bin"} {
		b, err := os.ReadFile(filepath.Join("testdata/torch", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	const keys = "\x80\x02]U\x010a."
	f.Add([]byte(pickled(view("K\x01", "K\x02K\x01\x86", "K\x01K\x03\x86"), keys, "\x04\x00\x00\x00\x00\x00\x00\x00"+strings.Repeat("x", 16))))
	f.Fuzz(func(t *testing.T, b []byte) {
		var w *format.Torch
		var err error
		if got := allocated(func() { w, err = format.ReadTorch("fuzz", b) }); got > 4*allowed(len(b)) {
			t.Errorf("%d bytes allocated for a file of %d", got, len(b))
		}
		if err != nil {
			return
		}
		for _, name := range w.Names() {
			x, _ := w.Tensor(name)
			if len(x.Data) != x.Len()*x.DType.Size() {
				t.Errorf("%s: %d bytes of shape %v", name, len(x.Data), x.Shape)
			}
		}
	})
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	if err := os.WriteFile(to, testkit.ReadFile(t, from), 0o666); err != nil {
		t.Fatal(err)
	}
}
