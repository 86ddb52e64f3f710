package format

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"
)

// dataAlignment is where the data section of a written file begins: a multiple
// of a cache line, and so of every type's size. The format asks for 8.
const dataAlignment = 64

// WriteSafetensors writes a safetensors file, atomically as [WriteFile] does.
// Equal arguments give equal bytes, in whatever order the tensors come: types of
// larger elements first, so that all data are aligned, then by name. Readers of
// the format refuse names that are there twice, and so does WriteSafetensors,
// as well as data that do not have the size of type and shape, and text that is
// not UTF-8. metadata may be nil.
func WriteSafetensors(path string, metadata map[string]string, tensors []Tensor) error {
	return StreamSafetensors(path, metadata, tensors, func(t Tensor) ([]byte, error) { return t.Data, nil })
}

// StreamSafetensors is [WriteSafetensors] for tensors whose bytes are not at
// hand: their Data is ignored, and data is asked for them one tensor at a time,
// in the order of the file. It may return the same slice again and again. Its
// error ends the writing and is returned.
func StreamSafetensors(path string, metadata map[string]string, tensors []Tensor, data func(Tensor) ([]byte, error)) error {
	return WriteFile(path, func(w io.Writer) error { return encode(w, metadata, tensors, data) })
}

func encode(w io.Writer, metadata map[string]string, tensors []Tensor, data func(Tensor) ([]byte, error)) error {
	entries, order, err := layOut(tensors)
	if err != nil {
		return err
	}
	header, err := encodeHeader(metadata, entries)
	if err != nil {
		return err
	}
	if _, err := w.Write(header); err != nil {
		return err
	}
	for i, t := range order {
		b, err := data(t)
		if err != nil {
			return fmt.Errorf("tensor %q: %w", t.Name, err)
		}
		if want := entries[i].end - entries[i].begin; len(b) != want {
			return fmt.Errorf("tensor %q: %s of shape %v takes %d bytes, its data has %d", t.Name, t.DType, t.Shape, want, len(b))
		}
		if _, err := w.Write(b); err != nil {
			return err
		}
	}
	return nil
}

// layOut returns the tensors in the order of the file, and their entries.
func layOut(tensors []Tensor) ([]entry, []Tensor, error) {
	order := slices.Clone(tensors)
	slices.SortFunc(order, func(a, b Tensor) int {
		return cmp.Or(b.DType.Size()-a.DType.Size(), cmp.Compare(a.Name, b.Name))
	})
	entries, at := make([]entry, len(order)), 0
	seen := make(map[string]bool, len(order))
	for i, t := range order {
		n, ok := product(t.Shape, t.DType.Size())
		if ok = ok && at+n >= at; !ok {
			return nil, nil, fmt.Errorf("tensor %q: shape %v overflows", t.Name, t.Shape)
		}
		if seen[t.Name] {
			return nil, nil, fmt.Errorf("tensor %q is there twice", t.Name)
		}
		seen[t.Name] = true
		entries[i] = entry{t.Name, t.DType, t.Shape, at, at + n}
		if err := entries[i].check(); err != nil {
			return nil, nil, fmt.Errorf("tensor %q: %w", t.Name, err)
		}
		at += n
	}
	return entries, order, nil
}

// encodeHeader returns the length and the JSON, padded with blanks so that the
// data begin at a multiple of dataAlignment.
func encodeHeader(metadata map[string]string, entries []entry) ([]byte, error) {
	var b bytes.Buffer
	b.Write(make([]byte, 8))
	b.WriteByte('{')
	if metadata != nil {
		if err := writeMetadata(&b, metadata); err != nil {
			return nil, err
		}
	}
	for i, e := range entries {
		if i > 0 || metadata != nil {
			b.WriteByte(',')
		}
		if err := writeEntry(&b, e); err != nil {
			return nil, err
		}
	}
	b.WriteByte('}')
	for b.Len()%dataAlignment != 0 {
		b.WriteByte(' ')
	}
	n := b.Len() - 8
	if n > maxHeader {
		return nil, fmt.Errorf("the header takes %d bytes, the format allows %d", n, maxHeader)
	}
	binary.LittleEndian.PutUint64(b.Bytes(), uint64(n))
	return b.Bytes(), nil
}

func writeMetadata(b *bytes.Buffer, metadata map[string]string) error {
	for k, v := range metadata {
		if !utf8.ValidString(k) || !utf8.ValidString(v) {
			return fmt.Errorf("metadata %q: %q is not valid UTF-8", k, v)
		}
	}
	text, err := json.Marshal(metadata) // sorts the keys
	if err != nil {
		return err
	}
	fmt.Fprintf(b, "%q:%s", metadataKey, text)
	return nil
}

func writeEntry(b *bytes.Buffer, e entry) error {
	if !utf8.ValidString(e.name) {
		return fmt.Errorf("tensor %q: the name is not valid UTF-8", e.name)
	}
	if e.name == metadataKey {
		return fmt.Errorf("tensor %q: the name is reserved by the format", e.name)
	}
	name, err := json.Marshal(e.name)
	if err != nil {
		return err
	}
	shape, err := json.Marshal(append([]int{}, e.shape...)) // [] rather than null for a scalar
	if err != nil {
		return err
	}
	fmt.Fprintf(b, `%s:{"dtype":%q,"shape":%s,"data_offsets":[%d,%d]}`, name, e.dtype, shape, e.begin, e.end)
	return nil
}
