package kernel

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Dequantise writes the numbers that src, whole blocks of the quantised type t, stands for:
// len(dst) of them. Products of a scale and its elements are exact in float32; a minimum costs
// one rounding.
//
// It panics when t is not quantised or the lengths do not fit. Layouts are those of
// ggml-common.h in https://github.com/ggml-org/ggml; MXFP4 is also the Open Compute Project's
// "Microscaling Formats (MX) Specification" 1.0, but for an exponent of 255, which there means
// NaN and here 2¹²⁸.
func Dequantise(t DType, dst []float32, src []byte) {
	decode := decoders[t]
	if decode == nil {
		panic("kernel: Dequantise: " + t.String() + " is not quantised")
	}
	if len(src) != t.Bytes(len(dst)) {
		panic(fmt.Sprintf("kernel: Dequantise: %d bytes for %d elements of %s", len(src), len(dst), t))
	}
	n, size := t.Block(), t.Bytes(t.Block())
	for len(dst) > 0 {
		decode(dst[:n:n], src[:size:size])
		dst, src = dst[n:], src[size:]
	}
}

// decoders take one block apart: y has its elements, b its bytes.
var decoders = [...]func(y []float32, b []byte){
	Q8_0: decodeQ8_0, Q4_0: decodeQ4_0, Q4_1: decodeQ4_1, Q5_0: decodeQ5_0, Q5_1: decodeQ5_1,
	Q2_K: decodeQ2K, Q3_K: decodeQ3K, Q4_K: decodeQ4K, Q5_K: decodeQ5K, Q6_K: decodeQ6K,
	IQ4_NL: decodeIQ4NL, MXFP4: decodeMXFP4, IQ4_XS: decodeIQ4XS,
}

// half is the binary16 at the beginning of b.
func half(b []byte) float32 { return FromF16(binary.LittleEndian.Uint16(b)) }

// Blocks of 32. Where an element has four bits in qs, byte i holds elements i and i+16, the
// lower half first; qh holds the fifth bits, from the least significant up.

// decodeQ8_0: d, qs [32]int8; y = d·q.
func decodeQ8_0(y []float32, b []byte) {
	d, qs := half(b), b[2:]
	for i := range y {
		y[i] = d * float32(int8(qs[i]))
	}
}

// decodeQ4_0: d, qs [16]; y = d·(q−8).
func decodeQ4_0(y []float32, b []byte) {
	d, qs := half(b), b[2:]
	for i, q := range qs[:16] {
		y[i], y[i+16] = d*float32(int(q&15)-8), d*float32(int(q>>4)-8)
	}
}

// decodeQ4_1: d, m, qs [16]; y = d·q + m.
func decodeQ4_1(y []float32, b []byte) {
	d, m, qs := half(b), half(b[2:]), b[4:]
	for i, q := range qs[:16] {
		y[i], y[i+16] = d*float32(q&15)+m, d*float32(q>>4)+m
	}
}

// decodeQ5_0: d, qh uint32, qs [16]; y = d·(q−16).
func decodeQ5_0(y []float32, b []byte) {
	d, qh, qs := half(b), binary.LittleEndian.Uint32(b[2:]), b[6:]
	for i, q := range qs[:16] {
		low, high := int(q&15)|int(qh>>i&1)<<4, int(q>>4)|int(qh>>(i+16)&1)<<4
		y[i], y[i+16] = d*float32(low-16), d*float32(high-16)
	}
}

// decodeQ5_1: d, m, qh uint32, qs [16]; y = d·q + m.
func decodeQ5_1(y []float32, b []byte) {
	d, m, qh, qs := half(b), half(b[2:]), binary.LittleEndian.Uint32(b[4:]), b[8:]
	for i, q := range qs[:16] {
		low, high := int(q&15)|int(qh>>i&1)<<4, int(q>>4)|int(qh>>(i+16)&1)<<4
		y[i], y[i+16] = d*float32(low)+m, d*float32(high)+m
	}
}

// decodeIQ4NL: d, qs [16]; y = d·levels[q].
func decodeIQ4NL(y []float32, b []byte) {
	d, qs := half(b), b[2:]
	for i, q := range qs[:16] {
		y[i], y[i+16] = d*IQ4Levels[q&15], d*IQ4Levels[q>>4]
	}
}

// IQ4Levels are the numbers that IQ4_NL and IQ4_XS choose from: denser around zero, as weights are.
var IQ4Levels = [16]float32{-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113}

// decodeMXFP4: e uint8, qs [16]; y = 2^(e−127)·E2M1(q), a sign, two bits of exponent and one of
// fraction. The table holds twice the number, so that it is whole.
func decodeMXFP4(y []float32, b []byte) {
	d, qs := float32(math.Ldexp(1, int(b[0])-128)), b[1:]
	for i, q := range qs[:16] {
		y[i], y[i+16] = d*twiceE2M1[q&15], d*twiceE2M1[q>>4]
	}
}

var twiceE2M1 = [16]float32{0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12}

// Blocks of 256: scales of 16 or 32 elements are whole numbers times a scale of the block. Two
// bits an element lie 32 elements apart, four to a byte from the least significant up, and so
// does the one bit of Q3_K and Q5_K, eight to a byte.

// decodeQ2K: scales [16], qs [64], d, dmin; of 16 elements y = d·(s&15)·q − dmin·(s>>4).
func decodeQ2K(y []float32, b []byte) {
	scales, qs, d, dmin := b[:16], b[16:80], half(b[80:]), half(b[82:])
	for g, s := range scales {
		scale, minimum := d*float32(s&15), dmin*float32(s>>4)
		for j, q := range qs[g/8*32+g%2*16:][:16] {
			y[16*g+j] = scale*float32(q>>(g%8/2*2)&3) - minimum
		}
	}
}

// decodeQ3K: hmask [32], qs [64], scales [12], d; of 16 elements y = d·(s−32)·(q−4), the third
// bit of q from hmask.
func decodeQ3K(y []float32, b []byte) {
	hmask, qs, scales, d := b[:32], b[32:96], b[96:108], half(b[108:])
	for g := range 16 {
		s := int(scales[g%8]>>(g/8*4)&15 | scales[8+g%4]>>(g/4*2)&3<<4)
		scale := d * float32(s-32)
		for j, low := range qs[g/8*32+g%2*16:][:16] {
			q := low>>(g%8/2*2)&3 | hmask[g%2*16+j]>>(g/2)&1<<2
			y[16*g+j] = scale * float32(int(q)-4)
		}
	}
}

// ScaleMin6 unpacks scale and minimum g of the eight of Q4_K and Q5_K, 6 bits each, from 12
// bytes: those of 0…3 are the lower bits of bytes 0…3 and 4…7; those of 4…7 have four bits in
// bytes 8…11 and the upper two of the former.
func ScaleMin6(b []byte, g int) (scale, minimum byte) {
	if g < 4 {
		return b[g] & 63, b[g+4] & 63
	}
	return b[g+4]&15 | b[g-4]>>6<<4, b[g+4]>>4 | b[g]>>6<<4
}

// decodeQ4K: d, dmin, scales [12], qs [128]; of 32 elements y = d·s·q − dmin·m. A byte holds
// elements that are 32 apart.
func decodeQ4K(y []float32, b []byte) {
	d, dmin, scales, qs := half(b), half(b[2:]), b[4:16], b[16:]
	for g := range 8 {
		s, m := ScaleMin6(scales, g)
		scale, minimum := d*float32(s), dmin*float32(m)
		for j, q := range qs[g/2*32:][:32] {
			y[32*g+j] = scale*float32(q>>(g%2*4)&15) - minimum
		}
	}
}

// decodeQ5K: d, dmin, scales [12], qh [32], qs [128]; as Q4_K with a fifth bit.
func decodeQ5K(y []float32, b []byte) {
	d, dmin, scales, qh, qs := half(b), half(b[2:]), b[4:16], b[16:48], b[48:]
	for g := range 8 {
		s, m := ScaleMin6(scales, g)
		scale, minimum := d*float32(s), dmin*float32(m)
		for j, low := range qs[g/2*32:][:32] {
			q := low>>(g%2*4)&15 | qh[j]>>g&1<<4
			y[32*g+j] = scale*float32(q) - minimum
		}
	}
}

// decodeQ6K: ql [128], qh [64], scales [16]int8, d; of 16 elements y = d·s·(q−32). A byte of ql
// holds elements that are 64 apart.
func decodeQ6K(y []float32, b []byte) {
	ql, qh, scales, d := b[:128], b[128:192], b[192:208], half(b[208:])
	for g, s := range scales {
		scale := d * float32(int8(s))
		at, quarter := g%8*16, g%8/2 // within the half of 128
		high := qh[g/8*32+g%2*16:][:16]
		for j, low := range ql[g/8*64+at%64:][:16] {
			q := low>>(at/64*4)&15 | high[j]>>(quarter*2)&3<<4
			y[16*g+j] = scale * float32(int(q)-32)
		}
	}
}

// ScaleIQ4XS unpacks scale g of the eight of an IQ4_XS block, 6 bits each: four in a half-byte from
// byte 4 on, the upper two in the 16 bits at byte 2.
func ScaleIQ4XS(b []byte, g int) int {
	low, high := b[4+g/2]>>(g%2*4)&15, binary.LittleEndian.Uint16(b[2:])>>(2*g)&3
	return int(low) | int(high)<<4 - 32
}

// decodeIQ4XS: d, the scales' upper bits uint16, lower bits [4], qs [128]; of 32 elements y = d·s·levels[q].
// Each 32 have bytes as those of IQ4_NL.
func decodeIQ4XS(y []float32, b []byte) {
	d := half(b)
	for g := range 8 {
		scale, qs := d*float32(ScaleIQ4XS(b, g)), b[8+16*g:]
		for i, q := range qs[:16] {
			y[32*g+i], y[32*g+i+16] = scale*IQ4Levels[q&15], scale*IQ4Levels[q>>4]
		}
	}
}
