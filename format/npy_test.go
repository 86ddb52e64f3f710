package format_test

import (
	"fmt"
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
		"objects.npy": "an array of objects is a pickle",
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
		{"key twice", npy(strings.Replace(header, "descr", "shape", 1), ""), "is not {'descr'"},
		{"a fourth key", npy(strings.Replace(header, "{", "{'x': 'y', ", 1), ""), "is not {'descr'"},
		{"another key", npy(strings.Replace(header, "descr", "dtype", 1), ""), "is not {'descr'"},
		{"no comma between", npy(strings.Replace(header, "', ", "' ", 1), ""), "is not {'descr'"},
		{"other quotes", npy(strings.Replace(header, "'descr'", "'descr\"", 1), ""), "is not {'descr'"},
		{"order", npy(strings.Replace(header, "False", "'False'", 1), ""), "is not {'descr'"},
		{"shape", npy(strings.Replace(header, "(2,)", "'2'", 1), ""), "is not {'descr'"},
		{"records in other quotes", npy(`{"descr": [("a", "<f4")], "fortran_order": False, "shape": (2,)}`, ""), "an array of records"},
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

// TestNumPyHeaders: the format asks writers to sort the keys, and readers not to rely on it.
func TestNumPyHeaders(t *testing.T) {
	for _, header := range []string{
		`{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}`,
		`{"descr": "<f4", "fortran_order": False, "shape": (2,), }`,
		`{'shape': (2,), 'fortran_order': False, 'descr': '<f4', }`,
		` { 'fortran_order' : False ,'shape':( 2L , ),"descr":'<f4' } ` + "\n",
	} {
		w, err := format.ReadNumPy("x.npy", npy(header, "12345678"))
		if err != nil {
			t.Errorf("%s: %v", header, err)
			continue
		}
		sameAs(t, w, map[string]foreignTensor{"x": {format.F32, []int{2}, "3132333435363738"}})
	}
}

// TestNumPyBigEndian: a complex number is two, each turned around by itself, and the mapping is left as it is.
func TestNumPyBigEndian(t *testing.T) {
	for descr, want := range map[string]foreignTensor{
		">c8": {format.C64, []int{1}, "3433323138373635"},
		">i2": {format.I16, []int{4}, "3231343336353837"},
		">f8": {format.F64, []int{1}, "3837363534333231"},
		">u1": {format.U8, []int{8}, "3132333435363738"},
	} {
		header := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%d,), }", descr, want.Shape[0])
		w, err := format.ReadNumPy("x.npy", npy(header, "12345678"))
		if err != nil {
			t.Errorf("%s: %v", descr, err)
			continue
		}
		for range 2 {
			sameAs(t, w, map[string]foreignTensor{"x": want})
		}
	}
}

// TestNumPyNames: the name of an array in a zip ends in .npy where NumPy wrote it.
func TestNumPyNames(t *testing.T) {
	w, err := format.ReadNumPy("x.npz", zipOf(t, zipped{"a", npyOf(1, 4), 0}, zipped{"b.npy", npyOf(1, 4), 0}))
	if err != nil {
		t.Fatal(err)
	}
	one := foreignTensor{format.F32, []int{1}, "00000000"}
	sameAs(t, w, map[string]foreignTensor{"a": one, "b": one})
	for says, files := range map[string][]zipped{
		`array "a" is there twice`:                         {{"a", npyOf(1, 4), 0}, {"a.npy", npyOf(1, 4), 0}},
		"README: does not begin as an array of NumPy does": {{"README", "arrays of ours", 0}},
	} {
		if _, err := format.ReadNumPy("x.npz", zipOf(t, files...)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("got %v, want %q", err, says)
		}
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
