package format_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/format"
)

// TestNumPy reads what NumPy wrote: all types, both orders, the three versions,
// compressed and not.
func TestNumPy(t *testing.T) {
	for name, want := range foreign(t, "testdata/numpy.json") {
		t.Run(name, func(t *testing.T) {
			w, err := format.OpenNumPy(filepath.Join("testdata/numpy", name))
			if err != nil {
				t.Fatal(err)
			}
			defer w.Close()
			sameAs(t, w, want)
		})
	}
}

// npy is a file of version 1 with this header.
func npy(header, data string) []byte {
	return []byte("\x93NUMPY\x01\x00" + string([]byte{byte(len(header)), byte(len(header) >> 8)}) + header + data)
}

func TestNumPyRefuses(t *testing.T) {
	for name, says := range map[string]string{
		"big.npy": "big-endian machine", "objects.npy": "an array of objects is a pickle",
		"records.npy": "an array of records", "text.npy": `type "<U2" is not one of numbers`,
	} {
		path := filepath.Join("testdata/numpy", name)
		if _, err := format.OpenNumPy(path); err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: got %v, want %q", name, err, says)
		}
	}
	const header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }"
	tests := []struct {
		name string
		file []byte
		says string
	}{
		{"nothing", nil, "does not begin as an array"},
		{"version", []byte("\x93NUMPY\x04\x00\x00\x00\x00\x00\x00"), "version 4"},
		{"long header", []byte("\x93NUMPY\x02\x00\xff\xff\xff\xff"), "header length 4294967295 exceeds file"},
		{"other text", npy("hello", ""), `"hello" is not {'descr'`},
		{"short", npy(header, "1234567"), "F32 of shape [2] has 7 bytes"},
		{"long", npy(header, "123456789"), "F32 of shape [2] has 9 bytes"},
		{"huge", npy(strings.Replace(header, "2,", "4611686018427387904, 4", 1), ""), "shape [4611686018427387904 4] has 0 bytes"},
		{"huger", npy(strings.Replace(header, "2,", "99999999999999999999,", 1), ""), "out of range"},
	}
	for _, tt := range tests {
		_, err := format.ReadNumPy("x.npy", tt.file)
		if err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.says)
		}
	}
	if _, err := format.ReadNumPy("x.npy", npy(header, "12345678")); err != nil {
		t.Errorf("what the tests change is refused itself: %v", err)
	}
}

// FuzzReadNumPy: no panic, and no allocation that the size does not justify.
func FuzzReadNumPy(f *testing.F) {
	for _, name := range []string{"v1.npy", "v2.npy", "v3.npy", "stored.npz", "packed.npz", "objects.npy", "records.npy"} {
		b, err := os.ReadFile(filepath.Join("testdata/numpy", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var w *format.Arrays
		var err error
		got := allocated(func() { w, err = format.ReadNumPy("fuzz", b) })
		if limit := 1<<20 + 4000*uint64(len(b)); got > limit { // deflate grows by 1032
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
