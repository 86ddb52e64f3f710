package format

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// maxHeader is the cap that the format sets on its header, so that a file
// cannot make a reader parse without end.
const maxHeader = 100_000_000

// metadataKey is the one key of a header that is not a tensor's name.
const metadataKey = "__metadata__"

// lfsPointer begins the file that git-lfs leaves in the place of a large one.
const lfsPointer = "version https://git-lfs"

var errLFS = errors.New("a pointer of git-lfs, not the file that it points to: run git lfs pull")

// entry is what a header says of one tensor; its data are bytes begin to end
// of the data section.
type entry struct {
	name       string
	dtype      DType
	shape      []int
	begin, end int
}

// damaged says what to do about a file of which a part is missing, for most of them
// are downloads that ended too soon.
const damaged = "it is cut off or damaged: fetch or make it again"

// parse takes a safetensors file apart:
//
//	N uint64 little-endian · N bytes of JSON, which may end in white space · data
//
// The entries are in the order of their data, which they cover without a hole
// or an overlap. The returned data is a part of file.
func parse(file []byte) (metadata map[string]string, entries []entry, data []byte, err error) {
	if len(file) < 8 {
		return nil, nil, nil, fmt.Errorf("%d bytes are too few for the header length of 8", len(file))
	}
	n := binary.LittleEndian.Uint64(file)
	switch {
	case bytes.HasPrefix(file, []byte(lfsPointer)):
		return nil, nil, nil, errLFS
	case n > uint64(len(file)-8):
		return nil, nil, nil, fmt.Errorf("header length %d exceeds file of %d bytes: %s", n, len(file), damaged)
	case n > maxHeader:
		return nil, nil, nil, fmt.Errorf("header length %d exceeds the format's limit of %d", n, maxHeader)
	}
	header, data := file[8:8+n], file[8+n:]
	if metadata, entries, err = parseHeader(header); err != nil {
		return nil, nil, nil, fmt.Errorf("header: %w", err)
	}
	if err := checkLayout(entries, len(data)); err != nil {
		return nil, nil, nil, err
	}
	return metadata, entries, data, nil
}

func parseHeader(header []byte) (metadata map[string]string, entries []entry, err error) {
	if len(header) == 0 || header[0] != '{' {
		return nil, nil, errors.New("does not begin with '{'")
	}
	err = readJSON(header, func(d *json.Decoder, key string) (err error) {
		if key == metadataKey {
			metadata, err = readStrings(d)
			return err
		}
		e, err := readEntry(d, key)
		entries = append(entries, e)
		return err
	})
	return metadata, entries, err
}

func readEntry(d *json.Decoder, name string) (entry, error) {
	e := entry{name: name}
	var offsets []int
	seen := 0
	err := readObject(d, func(key string) (err error) {
		seen++
		switch key {
		case "dtype":
			var s string
			s, err = readString(d)
			e.dtype = DType(s)
		case "shape":
			e.shape, err = readInts(d)
		case "data_offsets":
			offsets, err = readInts(d)
		default:
			err = errors.New("is not a key of the format")
		}
		if err != nil {
			return fmt.Errorf("%q: %w", key, err)
		}
		return nil
	})
	switch {
	case err != nil:
	case seen != 3: // readObject refuses a key that is there twice
		err = errors.New("needs dtype, shape and data_offsets")
	case len(offsets) != 2:
		err = fmt.Errorf("data_offsets has %d numbers, not 2", len(offsets))
	default:
		e.begin, e.end = offsets[0], offsets[1]
		err = e.check()
	}
	if err != nil {
		return e, fmt.Errorf("tensor %q: %w", name, err)
	}
	return e, nil
}

// check compares what the entry says of its size in two ways.
func (e entry) check() error {
	size := e.dtype.Size()
	if size == 0 {
		return fmt.Errorf("type %q is not supported", e.dtype)
	}
	n, ok := product(e.shape, size)
	if !ok {
		return fmt.Errorf("shape %v overflows", e.shape)
	}
	if e.end-e.begin != n {
		return fmt.Errorf("%s of shape %v takes %d bytes, data_offsets [%d,%d] hold %d", e.dtype, e.shape, n, e.begin, e.end, e.end-e.begin)
	}
	return nil
}

// checkLayout sorts the entries by their data and sees that these tile the
// data section of size bytes. It compares with ends of earlier entries only, so
// that a lie about one tensor cannot hide another.
func checkLayout(entries []entry, size int) error {
	slices.SortFunc(entries, func(a, b entry) int {
		if a.begin != b.begin {
			return a.begin - b.begin // both are in [0, MaxInt]: no overflow
		}
		if a.end != b.end {
			return a.end - b.end
		}
		return strings.Compare(a.name, b.name)
	})
	at, before := 0, ""
	for _, e := range entries {
		switch {
		case e.begin < at:
			return fmt.Errorf("tensors %q and %q overlap: one ends at byte %d of the data, the other begins at %d", before, e.name, at, e.begin)
		case e.begin > at:
			return fmt.Errorf("bytes %d to %d of the data, before tensor %q, belong to no tensor", at, e.begin, e.name)
		case e.end > size:
			return fmt.Errorf("tensor %q ends at byte %d of the data, the file has %d: %s", e.name, e.end, size, damaged)
		}
		at, before = e.end, e.name
	}
	if at != size {
		return fmt.Errorf("%d bytes after the last tensor", size-at)
	}
	return nil
}
