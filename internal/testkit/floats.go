package testkit

import (
	"encoding/base64"
	"encoding/binary"
	"math"
)

// Floats are float32 of a golden file: their little-endian bytes in base64.
type Floats []float32

// UnmarshalText decodes them.
func (f *Floats) UnmarshalText(text []byte) error {
	b, err := base64.StdEncoding.DecodeString(string(text))
	for ; len(b) >= 4; b = b[4:] {
		*f = append(*f, math.Float32frombits(binary.LittleEndian.Uint32(b)))
	}
	return err
}
