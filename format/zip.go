package format

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
)

// openZip lists the files of a zip that is in memory, by name. Names are keys
// here: no file is made of them. Entries that share bytes, which would let a
// small file grow without end, are refused by the sum of their sizes.
func openZip(file []byte) (map[string]*zip.File, error) {
	z, err := zip.NewReader(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		return nil, fmt.Errorf("zip: %w", err)
	}
	entries, left := make(map[string]*zip.File, len(z.File)), uint64(len(file))
	for _, f := range z.File {
		if _, ok := entries[f.Name]; ok {
			return nil, fmt.Errorf("zip: %q is there twice", f.Name)
		}
		if f.CompressedSize64 > left {
			return nil, fmt.Errorf("zip: its files take more bytes than it has, up to %q", f.Name)
		}
		left -= f.CompressedSize64
		entries[f.Name] = f
	}
	return entries, nil
}

// maxDeflate is how many bytes deflate makes of one at best (RFC 1951: 258 bytes
// of two bits).
const maxDeflate = 1032

// zipBytes returns what an entry holds: the part of file that it is, where it is
// stored as it is, which is what torch.save and numpy.savez do.
func zipBytes(file []byte, f *zip.File) ([]byte, error) {
	at, err := f.DataOffset()
	if err != nil {
		return nil, fmt.Errorf("zip: %s: %w", f.Name, err)
	}
	packed, unpacked := f.CompressedSize64, f.UncompressedSize64
	if at < 0 || at > int64(len(file)) || packed > uint64(int64(len(file))-at) {
		return nil, fmt.Errorf("zip: %s: %d bytes at %d exceed the file of %d", f.Name, packed, at, len(file))
	}
	if f.Method == zip.Store && packed == unpacked {
		return file[at : at+int64(packed) : at+int64(packed)], nil
	}
	if unpacked > packed*maxDeflate {
		return nil, fmt.Errorf("zip: %s: %d bytes can not come of %d", f.Name, unpacked, packed)
	}
	r, err := f.Open()
	if err != nil {
		return nil, fmt.Errorf("zip: %s: %w", f.Name, err)
	}
	defer r.Close()
	var b bytes.Buffer // grows as bytes come, not as the header says
	if _, err := io.Copy(&b, r); err != nil {
		return nil, fmt.Errorf("zip: %s: %w", f.Name, err)
	}
	return b.Bytes(), nil
}
