package format_test

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"fmt"
	"hash/crc32"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/format"
)

// A zipped is a file of a zip: its data as deflate packs them, and how long it says they are.
type zipped struct {
	name, data string
	says       int // 0: the truth
}

// zipOf packs files.
func zipOf(t testing.TB, files ...zipped) []byte {
	t.Helper()
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for _, f := range files {
		var packed bytes.Buffer
		w, err := flate.NewWriter(&packed, 9)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(w, f.data)
		w.Close()
		h := &zip.FileHeader{Name: f.name, Method: zip.Deflate, CRC32: crc32.ChecksumIEEE([]byte(f.data)), CompressedSize64: uint64(packed.Len()), UncompressedSize64: uint64(len(f.data))}
		if f.says > 0 {
			h.UncompressedSize64 = uint64(f.says)
		}
		entry, err := z.CreateRaw(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := entry.Write(packed.Bytes()); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// npyOf is a header of so many F32, and n bytes.
func npyOf(elements, n int) string {
	header := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (%d,), }", elements)
	return string(npy(header+strings.Repeat(" ", 118-len(header)), strings.Repeat("\x00", n)))
}

// TestZipMemory: what was compressed takes memory once, and none where nothing asks for it.
func TestZipMemory(t *testing.T) {
	const n = 8 << 20
	zeros := strings.Repeat("\x00", n)
	storage := "\x80\x02" + view("K\x00", "K\x04\x85", "K\x01\x85") + "." // of 16 bytes
	tests := []struct {
		name, file string
		files      []zipped
		allocates  uint64
		says       string
	}{
		{"storage that nothing asks for", "x.pt", []zipped{{"x/data.pkl", storage, 0}, {"x/data/0", zeros, 0}}, 0, `storage "0" takes 16 bytes, the file has 8388608`},
		{"storage that says less", "x.pt", []zipped{{"x/data.pkl", storage, 0}, {"x/data/0", zeros, 16}}, 0, "x/data/0: "},
		{"storage that says more", "x.pt", []zipped{{"x/data.pkl", storage, 0}, {"x/data/0", "abc", 16}}, 0, "x/data/0: unexpected EOF"},
		{"array that nothing asks for", "x.npz", []zipped{{"a.npy", npyOf(2, n), 0}}, 0, "F32 of shape [2] has 8388608 bytes"},
		{"array that says less", "x.npz", []zipped{{"a.npy", npyOf(2, n), 128 + 8}}, 0, "a.npy: "},
		{"array that says more", "x.npz", []zipped{{"a.npy", npyOf(n/4, 8), 128 + n}}, 0, "bytes can not come of"},
		{"array", "x.npz", []zipped{{"a.npy", npyOf(n/4, n), 0}}, n, ""},
		{"tensor", "x.pt", []zipped{{"x/data.pkl", strings.ReplaceAll(strings.ReplaceAll(storage, "K\x04\x85", "J\x00\x00\x20\x00\x85"), "K\x04t", "J\x00\x00\x20\x00t"), 0}, {"x/data/0", zeros, 0}}, n, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			file := zipOf(t, tt.files...)
			var err error
			got := allocated(func() {
				if tt.file == "x.pt" {
					_, err = format.ReadTorch(tt.file, file)
				} else {
					_, err = format.ReadNumPy(tt.file, file)
				}
			})
			if tt.says == "" && err != nil || tt.says != "" && (err == nil || !strings.Contains(err.Error(), tt.says)) {
				t.Errorf("got %v, want %q", err, tt.says)
			}
			if limit := tt.allocates + 256<<10; got > limit {
				t.Errorf("%d bytes allocated, want at most %d", got, limit)
			}
		})
	}
}

// TestZipText: a pickle that was compressed is no longer than any is.
func TestZipText(t *testing.T) {
	file := zipOf(t, zipped{"x/data.pkl", strings.Repeat("\x00", 100_000_001), 0})
	var err error
	got := allocated(func() { _, err = format.ReadTorch("x.pt", file) })
	if err == nil || !strings.Contains(err.Error(), "100000001 bytes are more than the 100000000 that it may have") || got > 1<<20 {
		t.Errorf("%d bytes allocated: %v", got, err)
	}
}
