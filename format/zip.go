package format

import (
	"archive/zip"
	"bytes"
	"cmp"
	"errors"
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

// maxZipText bounds an entry that is a program or a word, not a tensor, where it was
// compressed: nothing else says how long it ought to be.
const maxZipText = maxHeader

// zipText is [zipBytes] of an entry whose length nothing else tells.
func zipText(file []byte, f *zip.File) ([]byte, error) {
	if f.Method != zip.Store && f.UncompressedSize64 > maxZipText {
		return nil, fmt.Errorf("zip: %s: %d bytes are more than the %d that it may have", f.Name, f.UncompressedSize64, maxZipText)
	}
	return zipBytes(file, f)
}

// zipBytes returns what an entry holds: the part of file that it is, where it is
// stored as it is, which is what torch.save and numpy.savez do. Else it allocates
// what the entry says to be: the caller has seen that it ought to be so long.
func zipBytes(file []byte, f *zip.File) ([]byte, error) {
	packed, err := zipPacked(file, f)
	if err != nil || f.Method == zip.Store {
		return packed, err
	}
	b := alignedBytes(int(f.UncompressedSize64))
	if err := unpack(b, f); err != nil {
		return nil, fmt.Errorf("zip: %s: %w", f.Name, err)
	}
	return b, nil
}

// zipPacked is the part of file that an entry is, which can be as long as it says when it is unpacked.
func zipPacked(file []byte, f *zip.File) ([]byte, error) {
	at, err := f.DataOffset()
	if err != nil {
		return nil, fmt.Errorf("zip: %s: %w", f.Name, err)
	}
	packed, unpacked := f.CompressedSize64, f.UncompressedSize64
	if at < 0 || at > int64(len(file)) || packed > uint64(int64(len(file))-at) {
		return nil, fmt.Errorf("zip: %s: %d bytes at %d exceed the file of %d", f.Name, packed, at, len(file))
	}
	if unpacked > packed*maxDeflate || f.Method == zip.Store && unpacked != packed || int64(int(unpacked)) != int64(unpacked) {
		return nil, fmt.Errorf("zip: %s: %d bytes can not come of %d", f.Name, unpacked, packed)
	}
	return file[at : at+int64(packed) : at+int64(packed)], nil
}

// unpack reads all of an entry to b, which is as long as it says to be.
func unpack(b []byte, f *zip.File) error {
	r, err := f.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	if _, err := io.ReadFull(r, b); err != nil {
		return noEOF(err)
	}
	if _, err := io.ReadFull(r, make([]byte, 1)); err != io.EOF { // there the checksum is compared
		return cmp.Or(err, errors.New("goes on after the bytes that it says to have"))
	}
	return nil
}

// noEOF is err where an end was not expected.
func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
