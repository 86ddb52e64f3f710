package machine

import (
	"encoding/binary"
	"math"

	"github.com/inkstone-ai/inkstone/internal/kernel/_asm/emit"
)

// vectors are the instructions on vectors, each by its operands in Go's order.
var vectors = map[string]func(m *Machine, a []any){
	"PREFETCHT0": func(*Machine, []any) {}, // touches nothing that a program could see
	"PREFETCHT1": func(*Machine, []any) {},

	"VMOVUPS":      move,
	"VMOVUPS.Z":    func(m *Machine, a []any) { m.masked(a) },
	"VMASKMOVPS":   func(m *Machine, a []any) { m.masked(a) },
	"VMOVSS":       moveOne,
	"VBROADCASTSS": broadcast,
	"VPBROADCASTD": broadcast,

	"VADDPS": floats(func(b, a float32) float32 { return a + b }),
	"VSUBPS": floats(func(b, a float32) float32 { return a - b }),
	"VMULPS": floats(func(b, a float32) float32 { return a * b }),
	"VDIVPS": floats(func(b, a float32) float32 { return a / b }),
	"VMAXPS": floats(func(b, a float32) float32 { return choose(a > b, a, b) }),
	"VMINPS": floats(func(b, a float32) float32 { return choose(a < b, a, b) }),

	"VFMADD231PS":  fused(func(b, a, d float32) float32 { return fma(a, b, d) }),
	"VFMADD213PS":  fused(func(b, a, d float32) float32 { return fma(a, d, b) }),
	"VFNMADD231PS": fused(func(b, a, d float32) float32 { return fma(-a, b, d) }),
	"VFNMADD213PS": fused(func(b, a, d float32) float32 { return fma(-a, d, b) }),

	"VPXOR": words(xor), "VPXORD": words(xor),
	"VPAND": words(and), "VPANDD": words(and),
	"VPANDN": words(andNot), "VPANDND": words(andNot),
	"VPOR": words(or), "VPORD": words(or),
	"VPADDD": words(func(b, a uint32) uint32 { return a + b }),
	"VPSUBD": words(func(b, a uint32) uint32 { return a - b }),

	"VPTERNLOGD": func(m *Machine, a []any) { // a bit of the immediate for each three bits of the operands, the last the highest
		m.set(a[3].(*emit.Reg), func(i int) (r uint32) {
			c, b, d := m.word(a[1], i), m.word(a[2], i), m.word(a[3], i)
			for bit := range 32 {
				at := d>>bit&1<<2 | b>>bit&1<<1 | c>>bit&1
				r |= uint32(a[0].(int)>>at&1) << bit
			}
			return r
		})
	},

	"VPSLLD": shift(func(x uint32, n int) uint32 { return x << n }),
	"VPSRLD": shift(func(x uint32, n int) uint32 { return x >> n }),
	"VPSRAD": shift(func(x uint32, n int) uint32 { return uint32(int32(x) >> n) }),

	"VPBROADCASTW": func(m *Machine, a []any) {
		h := uint32(binary.LittleEndian.Uint16(m.bytes(m.address(a[0].(emit.Mem)), 2)))
		m.set(a[1].(*emit.Reg), func(int) uint32 { return h | h<<16 })
	},
	"VPMOVSXBD": func(m *Machine, a []any) {
		at := m.address(a[0].(emit.Mem))
		m.set(a[1].(*emit.Reg), func(i int) uint32 { return uint32(int32(int8(m.bytes(at+uint64(i), 1)[0]))) })
	},
	"VCVTPH2PS": func(m *Machine, a []any) {
		m.set(a[1].(*emit.Reg), func(i int) uint32 { return bits(fromF16(uint16(m.word(a[0], i/2) >> (i % 2 * 16)))) })
	},

	"VPMULUDQ": longs(func(b, a uint64) uint64 { return uint64(uint32(b)) * uint64(uint32(a)) }),
	"VPADDQ":   longs(func(b, a uint64) uint64 { return b + a }),
	"VPSRLQ": func(m *Machine, a []any) {
		longs(func(x, _ uint64) uint64 { return x >> a[0].(int) })(m, []any{a[1], a[1], a[2]})
	},
	"VPBROADCASTQ": func(m *Machine, a []any) { m.set(a[1].(*emit.Reg), func(i int) uint32 { return m.word(a[0], i&1) }) },
	"VSHUFPS": func(m *Machine, a []any) { // two words of the third operand, then two of the second
		m.set(a[3].(*emit.Reg), func(i int) uint32 {
			from := i&^3 | a[0].(int)>>(i%4*2)&3
			if i%4 < 2 {
				return m.word(a[2], from)
			}
			return m.word(a[1], from)
		})
	},

	"VDPBF16PS": fused2(func(b, a uint32, d float32) float32 { return fma(upper(a), upper(b), fma(lower(a), lower(b), d)) }),
	"VCVTNE2PS2BF16": func(m *Machine, a []any) { // the second source is the lower half
		half := func(i int) uint32 { return uint32(toBF16(m.word(a[i/16], i%16))) }
		m.set(a[2].(*emit.Reg), func(i int) uint32 { return half(2*i) | half(2*i+1)<<16 })
	},
	"VPERMW": func(m *Machine, a []any) { // words of the first by the indices of the second
		half := func(i int) uint32 {
			at := int(m.word(a[1], i/2)>>(i%2*16)) & 31
			return m.word(a[0], at/2) >> (at % 2 * 16) & 0xffff
		}
		m.set(a[2].(*emit.Reg), func(i int) uint32 { return half(2*i) | half(2*i+1)<<16 })
	},
	"VUNPCKLPS": unpack(1, 0), "VUNPCKHPS": unpack(1, 2),
	"VUNPCKLPD": unpack(2, 0), "VUNPCKHPD": unpack(2, 2),
	"VSHUFF32X4": func(m *Machine, a []any) { // two fourths of the third operand, then two of the second
		m.set(a[3].(*emit.Reg), func(i int) uint32 {
			return m.word(a[2-i/8], a[0].(int)>>(i/4*2)&3*4+i%4)
		})
	},

	"VSQRTPS":     each(func(x uint32) uint32 { return bits(float32(math.Sqrt(float64(float(x))))) }),
	"VCVTPS2DQ":   each(toInt),
	"VCVTDQ2PS":   each(func(x uint32) uint32 { return bits(float32(int32(x))) }),
	"VROUNDPS":    rounded,
	"VRNDSCALEPS": rounded,

	"VEXTRACTF64X4": part(8), "VEXTRACTF128": part(4), "VEXTRACTF32X4": part(4),
	"VPERMILPD": func(m *Machine, a []any) { // bit i of the immediate chooses half of a pair for 64-bit lane i
		m.shuffle(a[1], a[2], func(i int) int { return i&^3 | a[0].(int)>>(i/2)&1*2 | i&1 })
	},
	"VMOVSHDUP": func(m *Machine, a []any) { m.shuffle(a[0], a[1], func(i int) int { return i | 1 }) },

	"VCMPPS": func(m *Machine, a []any) {
		m.compare(a, func(x, y uint32) bool { return ordered(a[0].(int), float(x), float(y)) })
	},
	"VPCMPD":    func(m *Machine, a []any) { m.compare(a, func(x, y uint32) bool { return int32(x) > int32(y) }) },
	"VPCMPGTD":  func(m *Machine, a []any) { m.compare(append([]any{6}, a...), greater) },
	"VBLENDMPS": func(m *Machine, a []any) { m.blend(a[2], a[0], a[1], a[3]) },
	"VBLENDVPS": func(m *Machine, a []any) { m.blend(a[0], a[1], a[2], a[3]) },
}

func xor(b, a uint32) uint32    { return a ^ b }
func and(b, a uint32) uint32    { return a & b }
func andNot(b, a uint32) uint32 { return ^a & b }
func or(b, a uint32) uint32     { return a | b }
func greater(x, y uint32) bool  { return int32(x) > int32(y) }

// roundings are the modes of the rounding instructions, by their immediates.
var roundings = map[int]func(float64) float64{8: math.RoundToEven, 9: math.Floor, 10: math.Ceil}

func rounded(m *Machine, a []any) {
	f := roundings[a[0].(int)]
	each(func(x uint32) uint32 { return bits(float32(f(float64(float(x))))) })(m, a[1:])
}

// part extracts the n words with the immediate's number.
func part(n int) func(*Machine, []any) {
	return func(m *Machine, a []any) { m.shuffle(a[1], a[2], func(i int) int { return a[0].(int)*n + i }) }
}

// shuffle takes lane i from lane from(i).
func (m *Machine) shuffle(src, dst any, from func(i int) int) {
	m.set(dst.(*emit.Reg), func(i int) uint32 { return m.word(src, from(i)) })
}

func choose(which bool, a, b float32) float32 {
	if which {
		return a
	}
	return b
}

// toInt is the conversion with rounding to even; what does not fit is 1<<31.
func toInt(x uint32) uint32 {
	r := math.RoundToEven(float64(float(x)))
	if !(r >= -1<<31 && r < 1<<31) {
		return 1 << 31
	}
	return uint32(int32(r))
}

// fma is a·b + c with one rounding. The product is exact in float64; their sum
// is rounded to odd there, after which the rounding to float32 is the only one
// (Boldo & Melquiond 2008).
func fma(a, b, c float32) float32 {
	p, z := float64(a)*float64(b), float64(c)
	s := p + z
	if math.IsInf(s, 0) || math.IsNaN(s) {
		return float32(s)
	}
	back := s - p
	if err := (p - (s - back)) + (z - back); err != 0 && math.Float64bits(s)&1 == 0 {
		s = math.Nextafter(s, math.Copysign(math.Inf(1), err))
	}
	return float32(s)
}

func floats(f func(b, a float32) float32) func(*Machine, []any) {
	return words(func(b, a uint32) uint32 { return bits(f(float(b), float(a))) })
}

func words(f func(b, a uint32) uint32) func(*Machine, []any) {
	return func(m *Machine, a []any) {
		m.set(a[2].(*emit.Reg), func(i int) uint32 { return f(m.word(a[0], i), m.word(a[1], i)) })
	}
}

// longs is an operation on 64-bit lanes.
func longs(f func(b, a uint64) uint64) func(*Machine, []any) {
	return func(m *Machine, a []any) {
		lane := func(x any, i int) uint64 { return uint64(m.word(x, i|1))<<32 | uint64(m.word(x, i&^1)) }
		m.set(a[2].(*emit.Reg), func(i int) uint32 { return uint32(f(lane(a[0], i), lane(a[1], i)) >> (i % 2 * 32)) })
	}
}

func fused(f func(b, a, d float32) float32) func(*Machine, []any) {
	return func(m *Machine, a []any) {
		m.set(a[2].(*emit.Reg), func(i int) uint32 {
			return bits(f(float(m.word(a[0], i)), float(m.word(a[1], i)), float(m.word(a[2], i))))
		})
	}
}

// fused2 is an operation on two words and a float.
func fused2(f func(b, a uint32, d float32) float32) func(*Machine, []any) {
	return func(m *Machine, a []any) {
		m.set(a[2].(*emit.Reg), func(i int) uint32 { return bits(f(m.word(a[0], i), m.word(a[1], i), float(m.word(a[2], i)))) })
	}
}

// unpack interleaves n words of the second operand and n of the first, from word first of each four on.
func unpack(n, first int) func(*Machine, []any) {
	return func(m *Machine, a []any) {
		m.set(a[2].(*emit.Reg), func(i int) uint32 {
			return m.word(a[1-i/n%2], i&^3+first+i%4/(2*n)*n+i%n)
		})
	}
}

// lower and upper are the BF16 of a word; denormal ones count as 0.
func lower(w uint32) float32 { return normal(w << 16) }
func upper(w uint32) float32 { return normal(w &^ 0xffff) }

func normal(w uint32) float32 {
	if w&0x7f800000 == 0 {
		w &= 1 << 31
	}
	return float(w)
}

// fromF16 widens a binary16: its value is fraction·2^exponent, exact in float64.
func fromF16(h uint16) float32 {
	exp, frac := int(h>>10&31), float64(h&0x3ff)
	x := math.Ldexp(frac+1024, exp-25)
	switch {
	case exp == 0:
		x = math.Ldexp(frac, -24)
	case exp == 31 && frac == 0:
		x = math.Inf(1)
	case exp == 31:
		x = math.NaN()
	}
	if h>>15 != 0 {
		x = -x
	}
	return float32(x)
}

// toBF16 rounds to even; denormal numbers become 0, a NaN turns quiet.
func toBF16(w uint32) uint16 {
	if x := float(w); x != x {
		return uint16(w>>16) | 0x40
	}
	w = bits(normal(w))
	return uint16((w + 0x7fff + w>>16&1) >> 16)
}

func each(f func(x uint32) uint32) func(*Machine, []any) {
	return func(m *Machine, a []any) {
		m.set(a[1].(*emit.Reg), func(i int) uint32 { return f(m.word(a[0], i)) })
	}
}

func shift(f func(x uint32, n int) uint32) func(*Machine, []any) {
	return func(m *Machine, a []any) {
		m.set(a[2].(*emit.Reg), func(i int) uint32 { return f(m.word(a[1], i), a[0].(int)) })
	}
}

func move(m *Machine, a []any) {
	if len(a) == 3 {
		m.masked(a)
		return
	}
	if dst, ok := a[1].(emit.Mem); ok {
		m.store(dst, a[0].(*emit.Reg), func(int) bool { return true })
		return
	}
	m.set(a[1].(*emit.Reg), func(i int) uint32 { return m.word(a[0], i) })
}

func moveOne(m *Machine, a []any) {
	if dst, ok := a[1].(emit.Mem); ok {
		if dst.Sym != "" { // a result
			m.args[dst.Sym] = uint64(m.word(a[0], 0))
			return
		}
		m.store(dst, a[0].(*emit.Reg), func(i int) bool { return i == 0 })
		return
	}
	x := m.word(a[0], 0)
	m.vec[number(a[1].(*emit.Reg))] = [16]uint32{x}
}

func broadcast(m *Machine, a []any) {
	x := m.word(a[0], 0)
	m.set(a[1].(*emit.Reg), func(int) uint32 { return x })
}

// masked is a load or store of (value, mask, place) that touches the mask's lanes alone.
func (m *Machine) masked(a []any) {
	if dst, ok := a[2].(emit.Mem); ok {
		m.store(dst, a[0].(*emit.Reg), func(i int) bool { return m.lane(a[1], i) })
		return
	}
	m.set(a[2].(*emit.Reg), func(i int) uint32 {
		if !m.lane(a[1], i) {
			return 0
		}
		return m.word(a[0], i)
	})
}

func (m *Machine) store(dst emit.Mem, v *emit.Reg, lane func(i int) bool) {
	at := m.address(dst)
	for i := range lanes(v) {
		if lane(i) {
			binary.LittleEndian.PutUint32(m.bytes(at+uint64(4*i), 4), m.vec[number(v)][i])
		}
	}
}

// lane is bit i of a K register, or the sign of lane i of a vector.
func (m *Machine) lane(mask any, i int) bool {
	if r := mask.(*emit.Reg); r.Class == emit.Mask {
		return m.mask[r.Num]>>i&1 != 0
	}
	return int32(m.word(mask, i)) < 0
}

// compare is (predicate, b, a, mask): lanes where f(a, b).
func (m *Machine) compare(a []any, f func(x, y uint32) bool) {
	r := a[3].(*emit.Reg)
	if r.Class == emit.Vector {
		m.set(r, func(i int) uint32 {
			if f(m.word(a[2], i), m.word(a[1], i)) {
				return ^uint32(0)
			}
			return 0
		})
		return
	}
	k := uint16(0)
	for i := range 16 {
		if f(m.word(a[2], i), m.word(a[1], i)) {
			k |= 1 << i
		}
	}
	m.mask[r.Num] = k
}

func (m *Machine) blend(mask, yes, no, dst any) {
	m.set(dst.(*emit.Reg), func(i int) uint32 {
		if m.lane(mask, i) {
			return m.word(yes, i)
		}
		return m.word(no, i)
	})
}

// ordered is VCMPPS by its predicate.
func ordered(predicate int, x, y float32) bool {
	switch predicate {
	case emit.CmpEQ:
		return x == y
	case emit.CmpLT:
		return x < y
	case emit.CmpLE:
		return x <= y
	case emit.CmpNEQ:
		return x != y
	case emit.CmpGE:
		return x >= y
	case emit.CmpGT:
		return x > y
	case emit.CmpNaN:
		return x != x || y != y
	}
	panic("unknown predicate")
}
