package format

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"
)

// Limits of the format.
const (
	ggufMagic     = "GGUF"
	ggufVersion   = 3
	ggufAlignment = 32      // of data, where general.alignment does not say
	mostDims      = 4       // of a tensor
	longestName   = 64      // bytes of a tensor's name
	longestKey    = 1 << 16 // bytes of a key
)

// alignmentKey is the alignment of the data section and of each tensor in it.
const alignmentKey = "general.alignment"

// Types of values in metadata, by their numbers in a file.
const (
	ggufUint8 = iota
	ggufInt8
	ggufUint16
	ggufInt16
	ggufUint32
	ggufInt32
	ggufFloat32
	ggufBool
	ggufString
	ggufArray
	ggufUint64
	ggufInt64
	ggufFloat64
)

// valueTypes are the types of numbers in Go.
var valueTypes = [...]reflect.Type{
	ggufUint8: reflect.TypeFor[uint8](), ggufInt8: reflect.TypeFor[int8](),
	ggufUint16: reflect.TypeFor[uint16](), ggufInt16: reflect.TypeFor[int16](),
	ggufUint32: reflect.TypeFor[uint32](), ggufInt32: reflect.TypeFor[int32](),
	ggufUint64: reflect.TypeFor[uint64](), ggufInt64: reflect.TypeFor[int64](),
	ggufFloat32: reflect.TypeFor[float32](), ggufFloat64: reflect.TypeFor[float64](),
	ggufBool: reflect.TypeFor[bool](),
}

// ggufTypes are the types of tensors by their numbers in a file; those with a lower-case name are
// known and not read here.
var ggufTypes = map[uint32]DType{
	0: F32, 1: F16, 2: Q4_0, 3: Q4_1, 6: Q5_0, 7: Q5_1, 8: Q8_0, 9: "q8_1",
	10: Q2_K, 11: Q3_K, 12: Q4_K, 13: Q5_K, 14: Q6_K, 15: "q8_k",
	16: "iq2_xxs", 17: "iq2_xs", 18: "iq3_xxs", 19: "iq1_s", 20: IQ4_NL, 21: "iq3_s", 22: "iq2_s", 23: IQ4_XS,
	24: I8, 25: I16, 26: I32, 27: I64, 28: F64, 29: "iq1_m", 30: BF16, 34: "tq1_0", 35: "tq2_0", 39: MXFP4,
}

// header is what a file says before its data.
type header struct {
	meta    Metadata
	tensors []entry // in the order of the file
	data    []byte  // the data section
}

// parseGGUF takes a file apart:
//
//	"GGUF" · version uint32 · tensors uint64 · keys uint64 · the keys · the tensors' infos ·
//	padding · data
func parseGGUF(file []byte) (*header, error) {
	r := &ggufReader{rest: file, size: len(file)}
	tensors, keys, err := r.begin()
	if err != nil {
		return nil, err
	}
	h := &header{}
	if h.meta, err = r.keys(keys); err != nil {
		return nil, err
	}
	alignment, err := alignmentOf(h.meta)
	if err != nil {
		return nil, err
	}
	if h.tensors, err = r.infos(tensors, alignment); err != nil {
		return nil, err
	}
	at := r.at()
	h.data = file[min(at+pad(at, alignment), len(file)):]
	return h, checkGaps(h.tensors, len(h.data), alignment)
}

// pad is how many bytes are missing to a multiple of alignment.
func pad(at, alignment int) int { return -at & (alignment - 1) }

func alignmentOf(meta Metadata) (int, error) {
	k := meta.Keys("")
	n := k.IntOr(alignmentKey, ggufAlignment)
	if k.Err() == nil && (n < 8 || n > 1<<20 || n&(n-1) != 0) {
		return 0, fmt.Errorf("%s is %d, want a power of two from 8 to %d", alignmentKey, n, 1<<20)
	}
	return n, k.Err()
}

// ggufReader reads a header from front to back. Nothing is allocated for a count before the
// file is known to be long enough for it.
type ggufReader struct {
	rest []byte
	size int
}

func (r *ggufReader) at() int { return r.size - len(r.rest) }

// take returns the next n bytes.
func (r *ggufReader) take(n uint64, what string) ([]byte, error) {
	if n > uint64(len(r.rest)) {
		return nil, fmt.Errorf("%s at byte %d takes %d bytes, the file has %d more: %s", what, r.at(), n, len(r.rest), damaged)
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b, nil
}

func (r *ggufReader) uint32(what string) (uint32, error) {
	b, err := r.take(4, what)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint32(b), nil
}

func (r *ggufReader) uint64(what string) (uint64, error) {
	b, err := r.take(8, what)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint64(b), nil
}

// string reads a text of at most most bytes.
func (r *ggufReader) string(most uint64, what string) (string, error) {
	n, err := r.uint64("the length of " + what)
	if err != nil {
		return "", err
	}
	if n > most {
		return "", fmt.Errorf("%s at byte %d has %d bytes, the format allows %d", what, r.at(), n, most)
	}
	b, err := r.take(n, what)
	return string(b), err
}

// begin reads what is before the keys.
func (r *ggufReader) begin() (tensors, keys uint64, err error) {
	switch file := r.rest; {
	case bytes.HasPrefix(file, []byte("version https://git-lfs")):
		return 0, 0, errors.New("a pointer of git-lfs, not the file that it points to: run git lfs pull")
	case !bytes.HasPrefix(file, []byte(ggufMagic)):
		return 0, 0, fmt.Errorf("is no GGUF file: it begins with %q", file[:min(4, len(file))])
	}
	r.rest = r.rest[len(ggufMagic):]
	version, err := r.uint32("the version")
	switch {
	case err != nil:
		return 0, 0, err
	case version&0xffff == 0 && version != 0:
		return 0, 0, errors.New("is big-endian; only little-endian GGUF files are read here")
	case version != 2 && version != ggufVersion:
		return 0, 0, fmt.Errorf("is GGUF version %d; 2 and 3 are read here", version)
	}
	if tensors, err = r.uint64("the number of tensors"); err != nil {
		return 0, 0, err
	}
	keys, err = r.uint64("the number of keys")
	return tensors, keys, err
}

// Bytes that a key and a tensor's info take at least: a length, a type and a value; a length,
// the number of dimensions, a type and an offset.
const (
	leastKey  = 8 + 4 + 1
	leastInfo = 8 + 4 + 4 + 8
)

// fits refuses a count that the rest of the file cannot hold.
func (r *ggufReader) fits(n uint64, each int, what string) error {
	if n > uint64(len(r.rest)/each) {
		return fmt.Errorf("%d %s, but only %d bytes are left of the file: %s", n, what, len(r.rest), damaged)
	}
	return nil
}

func (r *ggufReader) keys(n uint64) (Metadata, error) {
	if err := r.fits(n, leastKey, "keys"); err != nil {
		return nil, err
	}
	meta := Metadata{}
	for range n {
		key, err := r.string(longestKey, "a key")
		if err != nil {
			return nil, err
		}
		if key == "" || !utf8.ValidString(key) {
			return nil, fmt.Errorf("key %q before byte %d is empty or not UTF-8", key, r.at())
		}
		if _, again := meta[key]; again {
			return nil, fmt.Errorf("key %q is there twice", key)
		}
		if meta[key], err = r.value(); err != nil {
			return nil, fmt.Errorf("key %q: %w", key, err)
		}
	}
	return meta, nil
}

func (r *ggufReader) value() (any, error) {
	t, err := r.uint32("the type of a value")
	if err != nil {
		return nil, err
	}
	switch t {
	case ggufString:
		return r.string(math.MaxUint64, "a text")
	case ggufArray:
		return r.array()
	}
	list, err := r.numbers(t, 1)
	if err != nil {
		return nil, err
	}
	return reflect.ValueOf(list).Index(0).Interface(), nil
}

func (r *ggufReader) array() (any, error) {
	t, err := r.uint32("the type of a list")
	if err != nil {
		return nil, err
	}
	n, err := r.uint64("the length of a list")
	if err != nil {
		return nil, err
	}
	switch t {
	case ggufArray:
		return nil, errors.New("is a list of lists, which is not read here")
	case ggufString:
		return r.strings(n)
	}
	return r.numbers(t, n)
}

// strings reads n texts, which share one piece of memory.
func (r *ggufReader) strings(n uint64) ([]string, error) {
	if err := r.fits(n, 8, "texts of a list"); err != nil {
		return nil, err
	}
	begin := r.rest
	for i := range n {
		length, err := r.uint64("the length of a text")
		if err != nil {
			return nil, err
		}
		if _, err := r.take(length, fmt.Sprintf("text %d of a list", i)); err != nil {
			return nil, err
		}
	}
	all := string(begin[:len(begin)-len(r.rest)])
	list := make([]string, n)
	for i := range list {
		length := int(binary.LittleEndian.Uint64(begin))
		list[i] = all[8 : 8+length]
		all, begin = all[8+length:], begin[8+length:]
	}
	return list, nil
}

// numbers reads n values of one type as a slice.
func (r *ggufReader) numbers(t uint32, n uint64) (any, error) {
	if int(t) >= len(valueTypes) || valueTypes[t] == nil {
		return nil, fmt.Errorf("type %d of a value is not one of the format's", t)
	}
	size := int(valueTypes[t].Size())
	if err := r.fits(n, size, "numbers of a list"); err != nil {
		return nil, err
	}
	b, err := r.take(n*uint64(size), "a number")
	if err != nil {
		return nil, err
	}
	if t == ggufBool {
		for _, v := range b {
			if v > 1 {
				return nil, fmt.Errorf("%d is neither false (0) nor true (1)", v)
			}
		}
	}
	list := reflect.MakeSlice(reflect.SliceOf(valueTypes[t]), int(n), int(n)).Interface()
	_, err = binary.Decode(b, binary.LittleEndian, list)
	return list, err
}

func (r *ggufReader) infos(n uint64, alignment int) ([]entry, error) {
	if err := r.fits(n, leastInfo, "tensors"); err != nil {
		return nil, err
	}
	var entries []entry
	seen := map[string]bool{}
	for range n {
		name, err := r.string(longestName, "a tensor's name")
		if err != nil {
			return nil, err
		}
		if name == "" || !utf8.ValidString(name) || strings.ContainsRune(name, 0) {
			return nil, fmt.Errorf("tensor %q: the name is empty, not UTF-8, or has a zero byte", name)
		}
		if seen[name] {
			return nil, fmt.Errorf("tensor %q is there twice", name)
		}
		seen[name] = true
		e, err := r.info(name, alignment)
		if err != nil {
			return nil, fmt.Errorf("tensor %q: %w", name, err)
		}
		entries = append(entries, e)
	}
	return entries, nil
}

func (r *ggufReader) info(name string, alignment int) (entry, error) {
	e := entry{name: name}
	dims, err := r.uint32("the number of dimensions")
	if err != nil {
		return e, err
	}
	if dims > mostDims {
		return e, fmt.Errorf("%d dimensions, the format allows %d", dims, mostDims)
	}
	for range dims {
		d, err := r.uint64("a dimension")
		if err != nil {
			return e, err
		}
		if d > math.MaxInt {
			return e, fmt.Errorf("a dimension of %d", d)
		}
		e.shape = append(e.shape, int(d))
	}
	slices.Reverse(e.shape) // the file has the fastest first
	number, err := r.uint32("the type")
	if err != nil {
		return e, err
	}
	offset, err := r.uint64("the offset")
	if err != nil {
		return e, err
	}
	return e, e.place(number, offset, alignment)
}

// place sets type and extent.
func (e *entry) place(number uint32, offset uint64, alignment int) error {
	e.dtype = ggufTypes[number]
	size, ok := e.dtype.bytes(e.shape)
	switch {
	case e.dtype == "":
		return fmt.Errorf("type %d is not known here", number)
	case e.dtype.Size() == 0 && !e.dtype.Quantised():
		return fmt.Errorf("type %s is not supported", strings.ToUpper(string(e.dtype)))
	case !ok && e.dtype.Quantised() && (len(e.shape) == 0 || e.shape[len(e.shape)-1]%e.dtype.Block() != 0):
		return fmt.Errorf("shape %v: a row is no whole number of blocks of %d, as %s has", e.shape, e.dtype.Block(), e.dtype)
	case !ok:
		return fmt.Errorf("%s of shape %v overflows", e.dtype, e.shape)
	case offset > math.MaxInt || int(offset)+size < 0:
		return fmt.Errorf("offset %d of %d bytes overflows", offset, size)
	case offset%uint64(alignment) != 0:
		return fmt.Errorf("offset %d is not a multiple of the alignment of %d", offset, alignment)
	}
	e.begin, e.end = int(offset), int(offset)+size
	return nil
}

// checkGaps sees that the tensors tile a data section of size bytes, with no more between them
// than the alignment asks for. What is behind the last is nobody's, and llama.cpp does not look there either.
func checkGaps(entries []entry, size, alignment int) error {
	sorted := slices.Clone(entries)
	slices.SortFunc(sorted, func(a, b entry) int {
		if a.begin != b.begin {
			return a.begin - b.begin // both are in [0, MaxInt]: no overflow
		}
		return a.end - b.end
	})
	at, before := 0, ""
	for _, e := range sorted {
		switch {
		case e.end > size:
			return fmt.Errorf("tensor %q ends at byte %d of the data, the file has %d: %s", e.name, e.end, size, damaged)
		case e.begin < at:
			return fmt.Errorf("tensors %q and %q overlap: one ends at byte %d of the data, the other begins at %d", before, e.name, at, e.begin)
		case e.begin-at >= alignment:
			return fmt.Errorf("bytes %d to %d of the data, before tensor %q, belong to no tensor", at, e.begin, e.name)
		}
		at, before = e.end, e.name
	}
	return nil
}
