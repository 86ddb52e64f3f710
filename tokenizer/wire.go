package tokenizer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// A field is one of a message in the wire format of protocol buffers
// (protobuf.dev/programming-guides/encoding): a number for the types VARINT
// and I32, bytes for LEN.
type field struct {
	number int
	kind   int
	value  uint64
	bytes  []byte
}

// Kinds of the wire format.
const (
	wireVarint = 0
	wire64     = 1
	wireBytes  = 2
	wire32     = 5
)

var errWire = errors.New("the message ends inside a field")

// fields calls yield with each field of a message; its error ends the walk.
func fields(data []byte, yield func(field) error) error {
	for len(data) > 0 {
		f, rest, err := nextField(data)
		if err != nil {
			return err
		}
		if err := yield(f); err != nil {
			return err
		}
		data = rest
	}
	return nil
}

func nextField(data []byte) (f field, rest []byte, err error) {
	tag, n := binary.Uvarint(data)
	if n <= 0 || tag>>3 == 0 || tag>>3 > 1<<29-1 {
		return f, nil, errors.New("there is no field where one should begin")
	}
	f.number, f.kind, data = int(tag>>3), int(tag&7), data[n:]
	switch f.kind {
	case wireVarint:
		if f.value, n = binary.Uvarint(data); n <= 0 {
			return f, nil, errWire
		}
		return f, data[n:], nil
	case wire32, wire64:
		width := map[int]int{wire32: 4, wire64: 8}[f.kind]
		if len(data) < width {
			return f, nil, errWire
		}
		if f.kind == wire32 {
			f.value = uint64(binary.LittleEndian.Uint32(data))
		}
		return f, data[width:], nil
	case wireBytes:
		size, n := binary.Uvarint(data)
		if n <= 0 || size > uint64(len(data)-n) {
			return f, nil, errWire
		}
		end := n + int(size)
		f.bytes = data[n:end]
		return f, data[end:], nil
	}
	return f, nil, fmt.Errorf("field %d is of the kind %d, which a model has not", f.number, f.kind)
}

// want refuses a field of another kind than its number has.
func (f *field) want(kind int) error {
	if f.kind != kind {
		return fmt.Errorf("field %d is of the kind %d, not %d", f.number, f.kind, kind)
	}
	return nil
}

func (f *field) float() float32 { return math.Float32frombits(uint32(f.value)) }
