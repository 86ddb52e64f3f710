package format

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Arrays are NumPy's .npy, one array, or .npz, a zip of them. They implement
// [Weights]. An array of a .npz has the name that numpy.savez was given; that of
// a .npy is called as the file, without ".npy".
type Arrays struct {
	path   string
	arrays map[string]npyArray
	file   *mapping
	closed bool
}

// An npyArray is what an array's header says, and its bytes.
type npyArray struct {
	dtype   DType
	fortran bool // the first index runs fastest
	swap    bool // the numbers' bytes are in the order of a big-endian machine
	shape   []int
	data    []byte
}

// OpenNumPy maps a .npy (versions 1 to 3 of the format) or .npz file and reads
// its headers.
//
// Errors, each with the path: what the system says; a file of neither form; a
// header that is not the format's; arrays of objects (which are a pickle: a program),
// of records or of text; data that are shorter or longer than type and shape say.
func OpenNumPy(path string) (*Arrays, error) {
	file, err := mapFile(path)
	if err != nil {
		return nil, fmt.Errorf("format: %w", err)
	}
	a, err := newArrays(path, file)
	if err != nil {
		return nil, errors.Join(err, file.close())
	}
	return a, nil
}

// ReadNumPy is [OpenNumPy] for a file that is in memory already; name stands for
// it in errors.
func ReadNumPy(name string, file []byte) (*Arrays, error) {
	return newArrays(name, &mapping{data: file})
}

func newArrays(path string, file *mapping) (*Arrays, error) {
	a := &Arrays{path: path, arrays: map[string]npyArray{}, file: file}
	err := a.read(path)
	if err != nil {
		return nil, fmt.Errorf("format: %s: %w", path, err)
	}
	return a, nil
}

func (a *Arrays) read(path string) error {
	if bytes.HasPrefix(a.file.data, []byte("PK")) {
		return a.readZip()
	}
	x, err := parseNPY(a.file.data)
	a.arrays[strings.TrimSuffix(filepath.Base(path), ".npy")] = x
	return err
}

func (a *Arrays) readZip() error {
	entries, err := openZip(a.file.data)
	if err != nil {
		return err
	}
	for _, file := range sortedKeys(entries) {
		name := strings.TrimSuffix(file, ".npy") // which other programs than NumPy leave away
		if _, ok := a.arrays[name]; ok {
			return fmt.Errorf("array %q is there twice", name)
		}
		if a.arrays[name], err = zippedNPY(a.file.data, entries[file]); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	return nil
}

// zippedNPY reads the header alone first: memory is taken for the data that it asks for.
func zippedNPY(file []byte, f *zip.File) (x npyArray, err error) {
	if _, err := zipPacked(file, f); err != nil {
		return x, err
	}
	r, err := f.Open()
	if err != nil {
		return x, err
	}
	defer r.Close()
	x, at, err := readNPY(r, f.UncompressedSize64)
	if err != nil {
		return x, err
	}
	b, err := zipBytes(file, f)
	if err == nil {
		x.data = b[at:]
	}
	return x, err
}

// Names returns the arrays' names in lexical order.
func (a *Arrays) Names() []string { return sortedKeys(a.arrays) }

// Tensor returns an array in row-major order; false where there is none. Data is
// a part of the mapping, or a fresh copy where the array is in Fortran's order or a
// big-endian machine's, was compressed, or lies at an address that its type does not
// allow. Tensor panics after Close.
func (a *Arrays) Tensor(name string) (Tensor, bool) {
	if a.closed {
		panic("format: " + a.path + ": array asked for after Close")
	}
	x, ok := a.arrays[name]
	if !ok {
		return Tensor{}, false
	}
	t := Tensor{Name: name, DType: x.dtype, Shape: slices.Clone(x.shape), Data: x.data}
	if x.fortran || x.swap || !aligned(x.data, x.dtype.alignment()) {
		t.Data = gather(x.view())
	}
	if x.swap {
		littleEndian(t.Data, x.dtype)
	}
	return t, true
}

// view is the array as a view of its bytes.
func (x npyArray) view() *torchTensor {
	stride, step := make([]int, len(x.shape)), 1
	for i := range x.shape {
		if !x.fortran {
			i = len(x.shape) - 1 - i
		}
		stride[i] = step
		step *= x.shape[i]
	}
	return &torchTensor{storage: &torchStorage{data: x.data}, dtype: x.dtype, shape: x.shape, stride: stride}
}

// Close unmaps the file: every Data that Tensor returned is invalid then. A
// second call does nothing.
func (a *Arrays) Close() error {
	a.closed = true
	if err := a.file.close(); err != nil {
		return fmt.Errorf("format: %s: unmap: %w", a.path, err)
	}
	return nil
}

// npyTypes are the array-protocol names of element types, without the byte
// order. NumPy has no type for BF16 and float8.
var npyTypes = map[string]DType{
	"b1": Bool, "u1": U8, "u2": U16, "u4": U32, "u8": U64, "i1": I8, "i2": I16, "i4": I32, "i8": I64,
	"f2": F16, "f4": F32, "f8": F64, "c8": C64,
}

// npyField is a field of the literal that the header is, a Python dictionary.
var npyField = regexp.MustCompile(`^('\w+'|"\w+")\s*:\s*('[^']*'|"[^"]*"|True|False|\([0-9L, ]*\))\s*(?:,\s*|$)`)

// parseNPY reads a whole file.
func parseNPY(file []byte) (x npyArray, err error) {
	x, at, err := readNPY(bytes.NewReader(file), uint64(len(file)))
	if err == nil {
		x.data = file[at:]
	}
	return x, err
}

// readNPY reads "\x93NUMPY", the version's two bytes, the header's length (two
// bytes in version 1, four in 2 and 3) and the header of an array that has size
// bytes in all. The data, which begin at the byte at, are as long as it says.
func readNPY(r io.Reader, size uint64) (x npyArray, at uint64, err error) {
	text, at, err := readNPYText(r, size)
	if err != nil {
		return x, 0, err
	}
	if x, err = parseNPYHeader(text); err != nil {
		return x, 0, fmt.Errorf("header: %w", err)
	}
	if n, ok := product(x.shape, x.dtype.Size()); !ok || uint64(n) != size-at {
		return x, 0, fmt.Errorf("%s of shape %v has %d bytes of data", x.dtype, x.shape, size-at)
	}
	return x, at, nil
}

// readNPYText returns the header, and where it ends.
func readNPYText(r io.Reader, size uint64) (text string, at uint64, err error) {
	head := make([]byte, 12)
	if _, err := io.ReadFull(r, head[:10]); err != nil || string(head[:6]) != "\x93NUMPY" {
		return "", 0, errors.New("does not begin as an array of NumPy does")
	}
	n, at := uint64(binary.LittleEndian.Uint16(head[8:])), uint64(10)
	switch head[6] {
	case 1:
	case 2, 3:
		if _, err := io.ReadFull(r, head[10:]); err != nil {
			return "", 0, noEOF(err)
		}
		n, at = uint64(binary.LittleEndian.Uint32(head[8:])), 12
	default:
		return "", 0, fmt.Errorf("version %d of the format is not one of 1 to 3", head[6])
	}
	if n > size-at {
		return "", 0, fmt.Errorf("header length %d exceeds file of %d bytes", n, size)
	}
	if n > 1<<20 {
		return "", 0, fmt.Errorf("a header of %d bytes is not of one array", n)
	}
	b := make([]byte, n)
	_, err = io.ReadFull(r, b)
	return string(b), at + n, noEOF(err)
}

func parseNPYHeader(text string) (x npyArray, err error) {
	fields, ok := npyFields(text)
	descr, order, shape := fields["descr"], fields["fortran_order"], fields["shape"]
	if !ok || descr == "" || order != "True" && order != "False" || !strings.HasPrefix(shape, "(") {
		if npyRecords.MatchString(text) {
			return x, errors.New("an array of records is not a tensor: save its columns")
		}
		return x, fmt.Errorf("%.200q is not {'descr': …, 'fortran_order': …, 'shape': …}", text)
	}
	if x.dtype, x.swap, err = npyType(strings.Trim(descr, `'"`)); err != nil {
		return x, err
	}
	x.fortran, x.shape = order == "True", []int{}
	for _, part := range strings.Split(strings.Trim(shape, "()"), ",") {
		if part = strings.Trim(part, " L"); part == "" {
			continue // after a last comma
		}
		d, err := strconv.Atoi(part)
		if err != nil {
			return x, fmt.Errorf("shape %s: %w", shape, err)
		}
		x.shape = append(x.shape, d)
	}
	return x, nil
}

// npyRecords finds the type of an array of records, which is a list.
var npyRecords = regexp.MustCompile(`['"]descr['"]\s*:\s*\[`)

// npyFields are the three fields of a header, in any order.
func npyFields(text string) (map[string]string, bool) {
	text = strings.TrimSpace(text)
	if !strings.HasPrefix(text, "{") || !strings.HasSuffix(text, "}") {
		return nil, false
	}
	rest := strings.TrimSpace(text[1 : len(text)-1])
	fields := map[string]string{}
	for len(fields) < 3 {
		m := npyField.FindStringSubmatch(rest)
		if m == nil {
			return nil, false
		}
		fields[strings.Trim(m[1], `'"`)], rest = m[2], rest[len(m[0]):]
	}
	return fields, rest == ""
}

// npyType reads a type's name. swap says that the bytes of its numbers are in the order of a big-endian machine.
func npyType(descr string) (t DType, swap bool, err error) {
	t, ok := npyTypes[strings.TrimLeft(descr, "<>|=")]
	switch {
	case strings.Contains(descr, "O"):
		return "", false, errors.New("an array of objects is a pickle, which is a program and not run: save numbers")
	case !ok:
		return "", false, fmt.Errorf("type %q is not one of numbers that a tensor has", descr)
	}
	return t, strings.HasPrefix(descr, ">"), nil
}

// littleEndian turns the numbers' bytes around.
func littleEndian(b []byte, t DType) {
	size := t.alignment() // of a complex number its two parts, each by itself
	for i := 0; i+size <= len(b); i += size {
		slices.Reverse(b[i:][:size])
	}
}
