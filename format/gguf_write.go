package format

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"
)

// quantisationKey is the version of the blocks' layouts, which a file with quantised tensors
// must have; 2 is that of ggml since 2023.
const (
	quantisationKey     = "general.quantization_version"
	quantisationVersion = uint32(2)
)

// WriteGGUF writes a GGUF file of version 3, atomically as [WriteFile] does. Tensors lie in the
// given order; their bytes come from data, one tensor at a time, which may return the same
// slice again and again, and whose error ends the writing and is returned; with a nil data from
// the tensors themselves.
//
// Equal arguments give equal bytes: keys are in a fixed order, those of general first, those of
// the tokenizer last. general.quantization_version is added where it is needed;
// general.alignment is obeyed.
//
// Errors: a value of a type that [Metadata] has not; a key or a name that is there twice, empty,
// too long, or not UTF-8; a type that GGUF has not; more than four dimensions; a row that is no whole number of
// blocks; data that do not have the size of type and shape.
func WriteGGUF(path string, meta Metadata, tensors []Tensor, data func(Tensor) ([]byte, error)) error {
	return WriteFile(path, func(w io.Writer) error { return encodeGGUF(w, withVersion(meta, tensors), tensors, data) })
}

func encodeGGUF(w io.Writer, meta Metadata, tensors []Tensor, data func(Tensor) ([]byte, error)) error {
	if data == nil {
		data = func(t Tensor) ([]byte, error) { return t.Data, nil }
	}
	alignment, err := alignmentOf(meta)
	if err != nil {
		return err
	}
	entries, err := layOutGGUF(tensors, alignment)
	if err != nil {
		return err
	}
	head, err := ggufHeader(meta, entries, alignment)
	if err != nil {
		return err
	}
	if _, err := w.Write(head); err != nil {
		return err
	}
	for i, t := range tensors {
		if err := writeTensor(w, t, entries[i], alignment, data); err != nil {
			return fmt.Errorf("tensor %q: %w", t.Name, err)
		}
	}
	return nil
}

// writeTensor writes one tensor's data and the padding after them.
func writeTensor(w io.Writer, t Tensor, e entry, alignment int, data func(Tensor) ([]byte, error)) error {
	b, err := data(t)
	if err != nil {
		return err
	}
	if want := e.end - e.begin; len(b) != want {
		return fmt.Errorf("%s of shape %v takes %d bytes, its data has %d", t.DType, t.Shape, want, len(b))
	}
	if _, err := w.Write(b); err != nil {
		return err
	}
	_, err = w.Write(make([]byte, pad(len(b), alignment)))
	return err
}

// withVersion adds the version of the blocks where there are any.
func withVersion(meta Metadata, tensors []Tensor) Metadata {
	quantised := slices.ContainsFunc(tensors, func(t Tensor) bool { return t.DType.Quantised() })
	if !quantised || meta[quantisationKey] != nil {
		return meta
	}
	all := Metadata{quantisationKey: quantisationVersion}
	maps.Copy(all, meta)
	return all
}

func layOutGGUF(tensors []Tensor, alignment int) ([]entry, error) {
	entries, at := make([]entry, len(tensors)), 0
	seen := make(map[string]bool, len(tensors))
	for i, t := range tensors {
		e := entry{name: t.Name, shape: t.Shape}
		number, err := ggufNumber(t.DType)
		switch {
		case err != nil:
		case seen[t.Name]:
			err = errors.New("is there twice")
		case t.Name == "" || len(t.Name) >= longestName || !utf8.ValidString(t.Name) || strings.ContainsRune(t.Name, 0):
			err = fmt.Errorf("the name is empty, longer than %d bytes, not UTF-8, or has a zero byte", longestName-1)
		case len(t.Shape) > mostDims:
			err = fmt.Errorf("%d dimensions, the format allows %d", len(t.Shape), mostDims)
		default:
			err = e.place(number, uint64(at), alignment)
		}
		if err != nil {
			return nil, fmt.Errorf("tensor %q: %w", t.Name, err)
		}
		seen[t.Name] = true
		entries[i] = e
		at = e.end + pad(e.end, alignment)
	}
	return entries, nil
}

// ggufNumber is a type's number in a file.
func ggufNumber(d DType) (uint32, error) {
	for number, t := range ggufTypes {
		if t == d && (d.Size() > 0 || d.Quantised()) {
			return number, nil
		}
	}
	return 0, fmt.Errorf("type %s is none that GGUF has", d)
}

// ggufHeader is everything before the data, padded.
func ggufHeader(meta Metadata, entries []entry, alignment int) ([]byte, error) {
	b := []byte(ggufMagic)
	b = binary.LittleEndian.AppendUint32(b, ggufVersion)
	b = binary.LittleEndian.AppendUint64(b, uint64(len(entries)))
	b = binary.LittleEndian.AppendUint64(b, uint64(len(meta)))
	for _, key := range keyOrder(meta) {
		if key == "" || len(key) > longestKey-1 || !utf8.ValidString(key) {
			return nil, fmt.Errorf("key %q is empty, longer than %d bytes, or not UTF-8", key, longestKey-1)
		}
		var err error
		if b, err = appendValue(appendString(b, key), meta[key]); err != nil {
			return nil, fmt.Errorf("key %q: %w", key, err)
		}
	}
	for _, e := range entries {
		number, _ := ggufNumber(e.dtype)
		b = binary.LittleEndian.AppendUint32(appendString(b, e.name), uint32(len(e.shape)))
		for i := range e.shape {
			b = binary.LittleEndian.AppendUint64(b, uint64(e.shape[len(e.shape)-1-i]))
		}
		b = binary.LittleEndian.AppendUint32(b, number)
		b = binary.LittleEndian.AppendUint64(b, uint64(e.begin))
	}
	return append(b, make([]byte, pad(len(b), alignment))...), nil
}

// keyOrder puts the architecture first, which readers ask for before anything else, and the
// tokenizer, which is long, last.
func keyOrder(meta Metadata) []string {
	rank := func(key string) int {
		switch {
		case key == "general.architecture":
			return 0
		case strings.HasPrefix(key, "general."):
			return 1
		case strings.HasPrefix(key, "tokenizer."):
			return 3
		}
		return 2
	}
	return slices.SortedFunc(maps.Keys(meta), func(a, b string) int {
		return cmp.Or(rank(a)-rank(b), cmp.Compare(a, b))
	})
}

func appendString(b []byte, s string) []byte {
	return append(binary.LittleEndian.AppendUint64(b, uint64(len(s))), s...)
}

// appendValue writes the type and the value.
func appendValue(b []byte, value any) ([]byte, error) {
	switch v := value.(type) {
	case string:
		return appendString(binary.LittleEndian.AppendUint32(b, ggufString), v), nil
	case []string:
		b = binary.LittleEndian.AppendUint32(b, ggufArray)
		b = binary.LittleEndian.AppendUint32(b, ggufString)
		b = binary.LittleEndian.AppendUint64(b, uint64(len(v)))
		for _, s := range v {
			b = appendString(b, s)
		}
		return b, nil
	}
	number, length, ok := valueType(value)
	if !ok {
		return nil, fmt.Errorf("a value of Go type %T, which GGUF has not", value)
	}
	if length >= 0 {
		b = binary.LittleEndian.AppendUint32(b, ggufArray)
		b = binary.LittleEndian.AppendUint32(b, number)
		b = binary.LittleEndian.AppendUint64(b, uint64(length))
	} else {
		b = binary.LittleEndian.AppendUint32(b, number)
	}
	var data bytes.Buffer
	if err := binary.Write(&data, binary.LittleEndian, value); err != nil {
		return nil, err
	}
	return append(b, data.Bytes()...), nil
}

// valueType is the number of a value's type, or of its elements' with their count; a count of −1
// says that it is a single value.
func valueType(value any) (number uint32, length int, ok bool) {
	t, length := reflect.TypeOf(value), -1
	if t != nil && t.Kind() == reflect.Slice {
		t, length = t.Elem(), reflect.ValueOf(value).Len()
	}
	i := slices.Index(valueTypes[:], t)
	return uint32(i), length, i >= 0 && t != nil
}
