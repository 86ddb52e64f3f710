package emit

// The methods below are the expression layer: operations on vectors that mean
// the same on every instruction set. Results are new registers, except that
// an accumulator is updated in place. A parameter of type any is a *Reg or a
// [Mem] of a full vector.

// Comparison predicates of VCMPPS, ordered ones: false when an operand is NaN.
const (
	CmpEQ  = 0x00
	CmpLT  = 0x11 // quiet
	CmpLE  = 0x12 // quiet
	CmpNEQ = 0x04 // unordered: true for NaN
	CmpGE  = 0x1d // quiet
	CmpGT  = 0x1e // quiet
	CmpNaN = 0x03
)

// pick is the operation's name on AVX2 or on AVX-512.
func (f *Func) pick(narrow, wide string) string {
	if f.ISA.Wide() {
		return wide
	}
	return narrow
}

// Load reads a vector.
func (f *Func) Load(m Mem) *Reg { return f.unary("VMOVUPS", m) }

// Store writes a vector.
func (f *Func) Store(v *Reg, m Mem) { f.I("VMOVUPS", v, m) }

// Broadcast fills a vector with the float32 at m.
func (f *Func) Broadcast(m Mem) *Reg { return f.unary("VBROADCASTSS", m) }

// Zero is a vector of zeros.
func (f *Func) Zero() *Reg {
	d := f.Vec()
	f.I(f.pick("VPXOR", "VPXORD"), d, d, d)
	return d
}

// Copy is a register with v's value.
func (f *Func) Copy(v any) *Reg { return f.unary("VMOVUPS", v) }

func (f *Func) unary(op string, x any) *Reg {
	d := f.Vec()
	f.I(op, x, d)
	return d
}

func (f *Func) binary(op string, b any, a *Reg) *Reg {
	d := f.Vec()
	f.I(op, b, a, d)
	return d
}

// Add is a + b.
func (f *Func) Add(a *Reg, b any) *Reg { return f.binary("VADDPS", b, a) }

// Sub is a − b.
func (f *Func) Sub(a *Reg, b any) *Reg { return f.binary("VSUBPS", b, a) }

// Mul is a · b.
func (f *Func) Mul(a *Reg, b any) *Reg { return f.binary("VMULPS", b, a) }

// Div is a / b.
func (f *Func) Div(a *Reg, b any) *Reg { return f.binary("VDIVPS", b, a) }

// Max is a > b ? a : b, so b where either is NaN.
func (f *Func) Max(a *Reg, b any) *Reg { return f.binary("VMAXPS", b, a) }

// Min is a < b ? a : b, so b where either is NaN.
func (f *Func) Min(a *Reg, b any) *Reg { return f.binary("VMINPS", b, a) }

// Sqrt is √x.
func (f *Func) Sqrt(x any) *Reg { return f.unary("VSQRTPS", x) }

// AddTo sets acc = acc + x.
func (f *Func) AddTo(acc *Reg, x any) { f.I("VADDPS", x, acc, acc) }

// MulBy sets acc = acc · x.
func (f *Func) MulBy(acc *Reg, x any) { f.I("VMULPS", x, acc, acc) }

// FMA sets acc = acc + a·b with one rounding.
func (f *Func) FMA(acc, a *Reg, b any) { f.I("VFMADD231PS", b, a, acc) }

// FNMA sets acc = acc − a·b with one rounding.
func (f *Func) FNMA(acc, a *Reg, b any) { f.I("VFNMADD231PS", b, a, acc) }

// Dot2 sets acc = acc + a₀·b₀ + a₁·b₁ of the two BF16 in each 32-bit word.
func (f *Func) Dot2(acc, a, b *Reg) { f.I("VDPBF16PS", b, a, acc) }

// Narrow rounds low, then high, to BF16 side by side.
func (f *Func) Narrow(high, low *Reg) *Reg { return f.binary("VCVTNE2PS2BF16", low, high) }

// Horner sets p = p·x + c, a step of a polynomial.
func (f *Func) Horner(p, x *Reg, c any) { f.I("VFMADD213PS", c, x, p) }

// And, AndNot, Or and Xor work on bits; AndNot is b and not a.
func (f *Func) And(a *Reg, b any) *Reg { return f.binary(f.pick("VPAND", "VPANDD"), b, a) }

// AndNot is not a, and b.
func (f *Func) AndNot(a *Reg, b any) *Reg { return f.binary(f.pick("VPANDN", "VPANDND"), b, a) }

// Or is a or b.
func (f *Func) Or(a *Reg, b any) *Reg { return f.binary(f.pick("VPOR", "VPORD"), b, a) }

// Xor is a exclusive-or b.
func (f *Func) Xor(a *Reg, b any) *Reg { return f.binary(f.pick("VPXOR", "VPXORD"), b, a) }

// Round is the nearest integer, half to even.
func (f *Func) Round(x any) *Reg { return f.rounded(8, x) }

// Floor is the largest integer that is not above x.
func (f *Func) Floor(x any) *Reg { return f.rounded(9, x) }

// Ceil is the smallest integer that is not below x.
func (f *Func) Ceil(x any) *Reg { return f.rounded(10, x) }

func (f *Func) rounded(mode int, x any) *Reg {
	d := f.Vec()
	f.I(f.pick("VROUNDPS", "VRNDSCALEPS"), mode, x, d)
	return d
}

// Int is x rounded to a 32-bit integer, half to even.
func (f *Func) Int(x any) *Reg { return f.unary("VCVTPS2DQ", x) }

// Float is a 32-bit integer as a float32.
func (f *Func) Float(x any) *Reg { return f.unary("VCVTDQ2PS", x) }

// AddInt is a + b of 32-bit integers.
func (f *Func) AddInt(a *Reg, b any) *Reg { return f.binary("VPADDD", b, a) }

// SubInt is a − b of 32-bit integers.
func (f *Func) SubInt(a *Reg, b any) *Reg { return f.binary("VPSUBD", b, a) }

// ShiftLeft and the two below shift 32-bit words.
func (f *Func) ShiftLeft(x *Reg, n int) *Reg { return f.binary3("VPSLLD", n, x) }

// ShiftRight fills with zeros.
func (f *Func) ShiftRight(x *Reg, n int) *Reg { return f.binary3("VPSRLD", n, x) }

// ShiftRightSigned fills with the sign.
func (f *Func) ShiftRightSigned(x *Reg, n int) *Reg { return f.binary3("VPSRAD", n, x) }

// MulLow is the 64-bit product of the low words of each pair of words.
func (f *Func) MulLow(a *Reg, b any) *Reg { return f.binary("VPMULUDQ", b, a) }

// AddLong is a + b of 64-bit integers.
func (f *Func) AddLong(a *Reg, b any) *Reg { return f.binary("VPADDQ", b, a) }

// ShiftRightLong shifts 64-bit integers.
func (f *Func) ShiftRightLong(x *Reg, n int) *Reg { return f.binary3("VPSRLQ", n, x) }

// Shuffle takes, in each four lanes, two of a and then two of b: their numbers
// are the pairs of bits of mode.
func (f *Func) Shuffle(mode int, a, b *Reg) *Reg {
	d := f.Vec()
	f.I("VSHUFPS", mode, b, a, d)
	return d
}

func (f *Func) binary3(op string, n int, x *Reg) *Reg {
	d := f.Vec()
	f.I(op, n, x, d)
	return d
}

// mask is a new register for a mask: a vector on AVX2, K on AVX-512.
func (f *Func) mask() *Reg {
	if f.ISA.Wide() {
		return &Reg{Class: Mask, Num: -1}
	}
	return f.Vec()
}

// Compare is the mask of lanes where a pred b.
func (f *Func) Compare(pred int, a *Reg, b any) *Reg {
	k := f.mask()
	f.I("VCMPPS", pred, b, a, k)
	return k
}

// GreaterInt is the mask of lanes where a > b as signed 32-bit integers.
func (f *Func) GreaterInt(a *Reg, b any) *Reg {
	k := f.mask()
	if f.ISA.Wide() {
		f.I("VPCMPD", 6, b, a, k)
	} else {
		f.I("VPCMPGTD", b, a, k)
	}
	return k
}

// Select is yes where the mask is set, no elsewhere.
func (f *Func) Select(mask *Reg, yes any, no *Reg) *Reg {
	d := f.Vec()
	if f.ISA.Wide() {
		f.I("VBLENDMPS", yes, no, mask, d)
	} else {
		f.I("VBLENDVPS", mask, yes, no, d)
	}
	return d
}

// Replace sets acc to yes where the mask is set.
func (f *Func) Replace(acc, mask *Reg, yes any) {
	if f.ISA.Wide() {
		f.I("VBLENDMPS", yes, acc, mask, acc)
	} else {
		f.I("VBLENDVPS", mask, yes, acc, acc)
	}
}

// TailMask is the mask of the first n lanes, 0 ≤ n < Lanes, n a register that
// it destroys.
func (f *Func) TailMask(n *Reg) *Reg {
	k := f.mask()
	if f.ISA.Wide() {
		one := f.GP()
		f.I("MOVQ", 1, one)
		f.I("SHLXQ", n, one, one)
		f.I("DECQ", one)
		f.I("KMOVW", one, k)
		return k
	}
	base := f.GP()
	f.I("LEAQ", f.Table("tail", [16]uint32{0: m1, 1: m1, 2: m1, 3: m1, 4: m1, 5: m1, 6: m1, 7: m1}), base)
	f.I("NEGQ", n)
	f.I("VMOVUPS", Mem{Base: base, Index: n, Scale: 4, Disp: 32}, k)
	return k
}

const m1 = ^uint32(0)

// LoadMasked reads the mask's lanes and zeros the others; it touches no
// memory of those.
func (f *Func) LoadMasked(mask *Reg, m Mem) *Reg {
	d := f.Vec()
	if f.ISA.Wide() {
		f.I("VMOVUPS.Z", m, mask, d)
	} else {
		f.I("VMASKMOVPS", m, mask, d)
	}
	return d
}

// StoreMasked writes the mask's lanes alone.
func (f *Func) StoreMasked(v, mask *Reg, m Mem) {
	if f.ISA.Wide() {
		f.I("VMOVUPS", v, mask, m)
	} else {
		f.I("VMASKMOVPS", v, mask, m)
	}
}

// Across folds the lanes of v into its first by an operation like VADDPS: the
// upper half onto the lower until one is left. It destroys v.
func (f *Func) Across(op string, v *Reg) *Reg {
	x, h := v.Low("X"), f.Vec()
	if f.ISA.Wide() {
		f.I("VEXTRACTF64X4", 1, v, h.Low("Y"))
		f.I(op, h.Low("Y"), v.Low("Y"), v.Low("Y"))
	}
	low := h.Low("X")
	f.I(f.pick("VEXTRACTF128", "VEXTRACTF32X4"), 1, v.Low("Y"), low)
	f.I(op, low, x, x)
	f.I("VPERMILPD", 1, x, low)
	f.I(op, low, x, x)
	f.I("VMOVSHDUP", x, low)
	f.I(op, low, x, x)
	return v
}
