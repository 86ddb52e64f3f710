package format

import (
	"encoding/binary"
	"fmt"

	"github.com/inkstone-ai/inkstone/internal/kernel"
)

// Each encoder is the opposite of the decoder of its type in internal/kernel, which says how a
// block is laid out.

// putHalf writes d as a binary16 and returns the number that was written.
func putHalf(b []byte, d float32) (float32, error) {
	h := kernel.ToF16(d)
	if h&0x7c00 == 0x7c00 {
		return 0, fmt.Errorf("a scale of %g is beyond the range of F16", d)
	}
	binary.LittleEndian.PutUint16(b, h)
	return kernel.FromF16(h), nil
}

func encodeQ8_0(x, _ []float32, b []byte) error {
	extreme := extremeOf(x)
	d, err := putHalf(b, max(extreme, -extreme)/127)
	inv := inverse(d)
	for i, v := range x {
		b[2+i] = byte(int8(level(float32(v*inv), -127, 127)))
	}
	return err
}

// encodeWithout writes a block of four or five bits without a minimum.
func encodeWithout(x, w []float32, b []byte, bits int) error {
	half := float32(int(1) << (bits - 1))
	d, err := putHalf(b, fitScale(x, w, -half, half-1))
	inv := inverse(d)
	var q [32]byte
	for i, v := range x {
		q[i] = byte(level(float32(v*inv), -half, half-1) + half)
	}
	putQuants(b[2:], &q, bits)
	return err
}

// encodeWith writes a block of four or five bits with a minimum.
func encodeWith(x, w []float32, b []byte, bits int) error {
	hi := float32(int(1)<<bits - 1)
	scale, offset := fitLine(x, w, hi, true)
	d, err := putHalf(b, scale)
	if err != nil {
		return err
	}
	m, err := putHalf(b[2:], offset)
	inv := inverse(d)
	var q [32]byte
	for i, v := range x {
		q[i] = byte(level(float32((v-m)*inv), 0, hi))
	}
	putQuants(b[4:], &q, bits)
	return err
}

// putQuants writes the fifth bits, where there are five, and then the other four.
func putQuants(b []byte, q *[32]byte, bits int) {
	if bits == 5 {
		var high uint32
		for i, v := range q {
			high |= uint32(v>>4) << i
		}
		binary.LittleEndian.PutUint32(b, high)
		b = b[4:]
	}
	for i := range 16 {
		b[i] = q[i]&15 | q[i+16]<<4
	}
}

func encodeQ4_0(x, w []float32, b []byte) error { return encodeWithout(x, w, b, 4) }
func encodeQ5_0(x, w []float32, b []byte) error { return encodeWithout(x, w, b, 5) }
func encodeQ4_1(x, w []float32, b []byte) error { return encodeWith(x, w, b, 4) }
func encodeQ5_1(x, w []float32, b []byte) error { return encodeWith(x, w, b, 5) }

// groups are the eight groups of a block of 256: the scales and minima of six bits, and the
// elements.
type groups struct {
	d, dmin float32 // of the block, as it is written
	s, m    [8]byte
	q       [256]byte
}

// fitGroups chooses everything for q of 0 … hi, and writes the scales of the block to b.
func fitGroups(x, w []float32, b []byte, hi float32) (g *groups, err error) {
	g = &groups{}
	var scale, minimum [8]float32
	var mostScale, mostMinimum float32
	for i := range scale {
		s, o := fitLine(x[32*i:][:32], w[32*i:][:32], hi, false)
		scale[i], minimum[i] = s, -o
		mostScale, mostMinimum = max(mostScale, s), max(mostMinimum, -o)
	}
	if g.d, err = putHalf(b, mostScale/63); err != nil {
		return nil, err
	}
	if g.dmin, err = putHalf(b[2:], mostMinimum/63); err != nil {
		return nil, err
	}
	for i := range scale {
		g.choose(i, x[32*i:][:32], w[32*i:][:32], level(scale[i]*inverse(g.d), 0, 63), level(minimum[i]*inverse(g.dmin), 0, 63), hi)
	}
	return g, nil
}

// choose sets scale and minimum of group i to those near s and m that leave the least error, and
// its elements.
func (g *groups) choose(i int, x, w []float32, s, m, hi float32) {
	best, first := float32(0), true
	var q [32]byte
	for _, ds := range [...]float32{0, -1, 1} {
		for _, dm := range [...]float32{0, -1, 1} {
			s, m := s+ds, m+dm
			if s < 0 || s > 63 || m < 0 || m > 63 {
				continue
			}
			scale, minimum := float32(g.d*s), float32(g.dmin*m)
			inv, rest := inverse(scale), float32(0)
			for j, v := range x {
				l := level(float32((v+minimum)*inv), 0, hi)
				e := v + minimum - float32(scale*l)
				rest += float32(w[j] * float32(e*e))
				q[j] = byte(l)
			}
			if first || rest < best {
				best, first = rest, false
				g.s[i], g.m[i] = byte(s), byte(m)
				copy(g.q[32*i:], q[:])
			}
		}
	}
}

// packScales writes scales and minima as [kernel.Dequantise] reads them.
func (g *groups) packScales(b []byte) {
	for i := range 4 {
		b[i] = g.s[i] | g.s[i+4]>>4<<6
		b[i+4] = g.m[i] | g.m[i+4]>>4<<6
		b[i+8] = g.s[i+4]&15 | g.m[i+4]<<4
	}
}

// packLow writes four bits of each element, those that are 32 apart to a byte.
func (g *groups) packLow(b []byte) {
	for i := range 128 {
		at := i/32*64 + i%32
		b[i] = g.q[at]&15 | g.q[at+32]<<4
	}
}

func encodeQ4K(x, w []float32, b []byte) error {
	g, err := fitGroups(x, w, b, 15)
	if err != nil {
		return err
	}
	g.packScales(b[4:16])
	g.packLow(b[16:])
	return nil
}

func encodeQ5K(x, w []float32, b []byte) error {
	g, err := fitGroups(x, w, b, 31)
	if err != nil {
		return err
	}
	g.packScales(b[4:16])
	for i, q := range g.q { // the fifth bits
		b[16+i%32] |= q >> 4 << (i / 32)
	}
	g.packLow(b[48:])
	return nil
}

func encodeQ6K(x, w []float32, b []byte) error {
	var scale [16]float32
	for i := range scale {
		scale[i] = fitScale(x[16*i:][:16], weightsOf(w[16*i:][:16]), -32, 31)
	}
	d, err := putHalf(b[208:], -extremeOf(scale[:])/128)
	if err != nil {
		return err
	}
	for i := range scale {
		s, q := chooseScale(x[16*i:][:16], w[16*i:][:16], d, level(scale[i]*inverse(d), -128, 127))
		b[192+i] = byte(int8(s))
		for j, q := range q {
			at := i/8*128 + i%8*16 + j // of the element
			low, high := i/8*64+at%64, 128+i/8*32+at%32
			b[low] |= q & 15 << (at % 128 / 64 * 4)
			b[high] |= q >> 4 << (at % 128 / 32 * 2)
		}
	}
	return nil
}

// chooseScale returns the scale of 16 elements near s that leaves the least error, and the
// elements, 0 … 63.
func chooseScale(x, w []float32, d, s float32) (scale float32, q [16]byte) {
	best, first := float32(0), true
	for _, ds := range [...]float32{0, -1, 1} {
		s := s + ds
		if s < -128 || s > 127 {
			continue
		}
		inv, rest := inverse(float32(d*s)), float32(0)
		var now [16]byte
		for j, v := range x {
			l := level(float32(v*inv), -32, 31)
			e := v - float32(float32(d*s)*l)
			rest += float32(w[j] * float32(e*e))
			now[j] = byte(l + 32)
		}
		if first || rest < best {
			best, first, scale, q = rest, false, s, now
		}
	}
	return scale, q
}
