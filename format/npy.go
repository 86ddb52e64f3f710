package format

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
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
	shape   []int
	data    []byte
}

// OpenNumPy maps a .npy (versions 1 to 3 of the format) or .npz file and reads
// its headers.
//
// Errors, each with the path: what the system says; a file of neither form; a
// header that is not the format's; arrays of a big-endian machine, of objects
// (which are a pickle: a program), of records or of text; data that are shorter
// or longer than type and shape say.
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
		name, ok := strings.CutSuffix(file, ".npy")
		if !ok {
			return fmt.Errorf("zip: %q is not an array: the name of one ends in .npy", file)
		}
		b, err := zipBytes(a.file.data, entries[file])
		if err != nil {
			return err
		}
		if a.arrays[name], err = parseNPY(b); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	return nil
}

// Names returns the arrays' names in lexical order.
func (a *Arrays) Names() []string { return sortedKeys(a.arrays) }

// Tensor returns an array in row-major order; false where there is none. Data is
// a part of the mapping, or a fresh copy where the array is in Fortran's order, was
// compressed, or lies at an address that its type does not allow. Tensor panics
// after Close.
func (a *Arrays) Tensor(name string) (Tensor, bool) {
	if a.closed {
		panic("format: " + a.path + ": array asked for after Close")
	}
	x, ok := a.arrays[name]
	if !ok {
		return Tensor{}, false
	}
	t := Tensor{Name: name, DType: x.dtype, Shape: slices.Clone(x.shape), Data: x.data}
	if x.fortran || !aligned(x.data, x.dtype.alignment()) {
		t.Data = gather(x.view())
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

// npyHeader is the literal that the header is, a Python dictionary. Writers sort
// its keys and the format asks readers to be content with that.
var npyHeader = regexp.MustCompile(`^\{'descr': *'([^']*)', *'fortran_order': *(True|False), *'shape': *\(([0-9L, ]*)\),? *\}\s*$`)

// parseNPY reads "\x93NUMPY", the version's two bytes, the header's length (two
// bytes in version 1, four in 2 and 3), the header, and the data.
func parseNPY(file []byte) (x npyArray, err error) {
	if len(file) < 12 || string(file[:6]) != "\x93NUMPY" {
		return x, errors.New("does not begin as an array of NumPy does")
	}
	n, at := uint64(binary.LittleEndian.Uint16(file[8:])), 10
	switch file[6] {
	case 1:
	case 2, 3:
		n, at = uint64(binary.LittleEndian.Uint32(file[8:])), 12
	default:
		return x, fmt.Errorf("version %d of the format is not one of 1 to 3", file[6])
	}
	if n > uint64(len(file)-at) {
		return x, fmt.Errorf("header length %d exceeds file of %d bytes", n, len(file))
	}
	if n > 1<<20 {
		return x, fmt.Errorf("a header of %d bytes is not of one array", n)
	}
	if x, err = parseNPYHeader(string(file[at : at+int(n)])); err != nil {
		return x, fmt.Errorf("header: %w", err)
	}
	x.data = file[at+int(n):]
	size, ok := product(x.shape, x.dtype.Size())
	if !ok || size != len(x.data) {
		return x, fmt.Errorf("%s of shape %v has %d bytes of data", x.dtype, x.shape, len(x.data))
	}
	return x, nil
}

func parseNPYHeader(text string) (x npyArray, err error) {
	m := npyHeader.FindStringSubmatch(text)
	if m == nil {
		if strings.Contains(text, "'descr': [") {
			return x, errors.New("an array of records is not a tensor: save its columns")
		}
		return x, fmt.Errorf("%.200q is not {'descr': …, 'fortran_order': …, 'shape': …}", text)
	}
	if x.dtype, err = npyType(m[1]); err != nil {
		return x, err
	}
	x.fortran, x.shape = m[2] == "True", []int{}
	for _, part := range strings.Split(m[3], ",") {
		if part = strings.Trim(part, " L"); part == "" {
			continue // after a last comma
		}
		d, err := strconv.Atoi(part)
		if err != nil {
			return x, fmt.Errorf("shape (%s): %w", m[3], err)
		}
		x.shape = append(x.shape, d)
	}
	return x, nil
}

func npyType(descr string) (DType, error) {
	name := strings.TrimLeft(descr, "<|=")
	switch t, ok := npyTypes[name]; {
	case strings.HasPrefix(descr, ">") && len(descr) > 1 && descr[2:] != "1":
		return "", bigEndian("big")
	case strings.Contains(descr, "O"):
		return "", errors.New("an array of objects is a pickle, which is a program and not run: save numbers")
	case ok:
		return t, nil
	}
	return "", fmt.Errorf("type %q is not one of numbers that a tensor has", descr)
}
