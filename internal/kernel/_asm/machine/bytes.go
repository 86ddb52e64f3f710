package machine

import (
	"encoding/binary"

	"github.com/inkstone-ai/inkstone/internal/kernel/_asm/emit"
)

// The instructions of products with quantised weights: on bytes, on halves, and with one word of
// memory for all lanes.
func init() {
	for op, f := range map[string]func(m *Machine, a []any){
		"VPDPBUSD.BCST": fours(func(m *Machine, x any, _ int) uint32 { return m.word(x, 0) }),
		"VPDPBUSD.VEX":  fours((*Machine).word),
		"VPMADDUBSW":    words(addPairs),
		"VPMADDWD": words(func(b, a uint32) uint32 {
			return uint32(int32(int16(a))*int32(int16(b)) + int32(a)>>16*(int32(b)>>16))
		}),
		"VPDPWSSD.BCST": func(m *Machine, a []any) { // two products of 16 bits a word, with one word of memory for all lanes
			m.set(a[2].(*emit.Reg), func(i int) uint32 {
				x, y := m.word(a[1], i), m.word(a[0], 0)
				return m.word(a[2], i) + uint32(int32(int16(x))*int32(int16(y))+int32(x)>>16*(int32(y)>>16))
			})
		},
		"VPMULLW": words(func(b, a uint32) uint32 { return a*b&0xffff | (a>>16)*(b>>16)<<16 }),
		"VPSUBW":  words(func(b, a uint32) uint32 { return (a-b)&0xffff | (a>>16-b>>16)<<16 }),
		"VPEXTRW": func(m *Machine, a []any) {
			binary.LittleEndian.PutUint16(m.bytes(m.address(a[2].(emit.Mem)), 2), uint16(m.word(a[1], a[0].(int)/2)>>(a[0].(int)%2*16)))
		},
		"VPMOVZXBW": func(m *Machine, a []any) {
			m.set(a[1].(*emit.Reg), func(i int) uint32 { return m.part(a[0], 2*i, 1) | m.part(a[0], 2*i+1, 1)<<16 })
		},
		"VPABSB":  each(func(x uint32) uint32 { return perByte(x, x, func(q, _ int8) int8 { return max(q, -q) }) }),
		"VPSIGNB": words(func(b, a uint32) uint32 { return perByte(a, b, signed) }),
		"VPSHUFB": func(m *Machine, a []any) { // bytes of the second by the indices of the first, in each half of 16
			m.set(a[2].(*emit.Reg), func(i int) (w uint32) {
				for j := range 4 {
					if at := m.word(a[0], i) >> (8 * j) & 0xff; at < 128 {
						w |= m.word(a[1], i/4*4+int(at%16)/4) >> (at % 4 * 8) & 0xff << (8 * j)
					}
				}
				return w
			})
		},
		"VPMAXSD": words(func(b, a uint32) uint32 { return uint32(max(int32(a), int32(b))) }),
		"VPMULLD": words(func(b, a uint32) uint32 { return a * b }),

		"VMULPS.BCST": func(m *Machine, a []any) {
			m.set(a[2].(*emit.Reg), func(i int) uint32 { return bits(float(m.word(a[1], i)) * float(m.word(a[0], 0))) })
		},
		"VFNMADD231PS.BCST": func(m *Machine, a []any) {
			m.set(a[2].(*emit.Reg), func(i int) uint32 {
				return bits(fma(-float(m.word(a[1], i)), float(m.word(a[0], 0)), float(m.word(a[2], i))))
			})
		},

		"VPMOVZXBD": func(m *Machine, a []any) {
			m.set(a[1].(*emit.Reg), func(i int) uint32 { return m.part(a[0], i, 1) })
		},
		"VPMOVDB": func(m *Machine, a []any) { // the low byte of each word
			at := m.address(a[1].(emit.Mem))
			for i := range 16 {
				m.bytes(at+uint64(i), 1)[0] = byte(m.word(a[0], i))
			}
		},
		"VPACKSSDW": packed(func(x uint32) uint32 { return uint32(uint16(int16(min(max(int32(x), -1<<15), 1<<15-1)))) }, 4),
		"VPACKSSWB": packed(func(x uint32) uint32 { return uint32(uint8(int8(min(max(int16(x), -1<<7), 1<<7-1)))) }, 2),
		"VPERMD": func(m *Machine, a []any) { // words of the first by the indices of the second
			m.shuffle(a[0], a[2], func(i int) int { return int(m.word(a[1], i)) % lanes(a[2].(*emit.Reg)) })
		},
		"VINSERTF128": func(m *Machine, a []any) { // the second operand above the lower half of the third
			m.set(a[3].(*emit.Reg), func(i int) uint32 {
				if i < 4 {
					return m.word(a[2], i)
				}
				return m.word(a[1], i-4)
			})
		},
	} {
		vectors[op] = f
	}
	byNumber := vectors["VPSRLD"]
	vectors["VPSRLD"] = func(m *Machine, a []any) { // the count may lie in a register's low 64 bits
		if r, ok := a[0].(*emit.Reg); ok {
			a = []any{int(m.word(r, 0)), a[1], a[2]}
		}
		byNumber(m, a)
	}
}

// fours adds to each word of the third operand the four products of unsigned bytes of the second and
// signed ones of the first.
func fours(word func(m *Machine, x any, i int) uint32) func(*Machine, []any) {
	return func(m *Machine, a []any) {
		m.set(a[2].(*emit.Reg), func(i int) uint32 {
			sum, u, s := int32(m.word(a[2], i)), m.word(a[1], i), word(m, a[0], i)
			for j := range 4 {
				sum += int32(uint8(u>>(8*j))) * int32(int8(s>>(8*j)))
			}
			return uint32(sum)
		})
	}
}

// addPairs is two sums of two products each, in 16 bits with saturation: a's bytes are unsigned.
func addPairs(b, a uint32) (w uint32) {
	for h := range 2 {
		sum := int32(0)
		for j := 2 * h; j < 2*h+2; j++ {
			sum += int32(uint8(a>>(8*j))) * int32(int8(b>>(8*j)))
		}
		w |= uint32(uint16(int16(min(max(sum, -1<<15), 1<<15-1)))) << (16 * h)
	}
	return w
}

func perByte(a, b uint32, f func(a, b int8) int8) (w uint32) {
	for j := range 4 {
		w |= uint32(uint8(f(int8(a>>(8*j)), int8(b>>(8*j))))) << (8 * j)
	}
	return w
}

// signed is a with the sign of b.
func signed(a, b int8) int8 {
	switch {
	case b < 0:
		return -a
	case b == 0:
		return 0
	}
	return a
}

// packed narrows the words, or halves of words, of the second operand and then of the first, by the
// halves of a vector; size is the bytes of what is narrowed.
func packed(narrow func(uint32) uint32, size int) func(*Machine, []any) {
	return func(m *Machine, a []any) {
		part := func(x any, at int) uint32 { return narrow(m.word(x, at*size/4) >> (8 * (at * size % 4))) }
		each := 16 / size // of a half of an operand
		m.set(a[2].(*emit.Reg), func(i int) (w uint32) {
			for j := range 8 / size { // parts of a word of the result, each of size/2 bytes
				at := (i%4*8/size + j)
				w |= part(a[1-at/each], i/4*each+at%each) << (4 * size * j)
			}
			return w
		})
	}
}

// part is number i of size bytes in memory.
func (m *Machine) part(a any, i, size int) uint32 {
	var b [4]byte
	copy(b[:], m.bytes(m.address(a.(emit.Mem))+uint64(i*size), size))
	return binary.LittleEndian.Uint32(b[:])
}
