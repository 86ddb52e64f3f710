package main

import (
	"fmt"

	"github.com/inkstone-ai/inkstone/internal/kernel/_asm/emit"
)

// quantised writes the kernels of products with quantised weights. One call computes a few rows
// of C, each by sixteen columns: a panel of B. A vector of B holds four neighbours in k of each
// column, as unsigned bytes or parts of them, and a row of A gives the same four to all lanes:
// one instruction adds sixteen sums of four products, exactly, in integers. After each block of
// 32 or 16 k they become floats, are scaled and added, in rising k, to the chain of their element.
//
// A's rows lie side by side, block by block: a record of 64 bytes a row and a block of 32 k. The
// layouts of B are described in package cpu beside the code that writes them.
func quantised() *emit.File {
	file := &emit.File{Name: "quantised"}
	for _, isa := range []*emit.ISA{emit.AVX2, emit.AVXVNNI, emit.VNNI} {
		for _, form := range forms {
			for rows := 1; rows <= mostRows(isa); rows *= 2 {
				file.Func(isa, fmt.Sprintf("dot%sx%d", form.name, rows), form.doc, []emit.Param{
					{Name: "c", Type: "*float32"}, {Name: "ldc", Type: "int"},
					{Name: "a", Type: "*byte"}, {Name: "b", Type: "*byte"}, {Name: "n", Type: "int"}, {Name: "acc", Type: "int"},
				}, func(f *emit.Func) { form.write(newDot(f, rows)) })
			}
		}
	}
	for _, isa := range versions {
		file.Func(isa, "roundBlocks", `writes n records, stride bytes apart, of as many blocks of 32 numbers: the
bytes that they are rounded to, their scale, and sums times z of all and of each half, then sums times the scale.`, []emit.Param{
			{Name: "dst", Type: "*byte"}, {Name: "stride", Type: "int"},
			{Name: "src", Type: "*float32"}, {Name: "n", Type: "int"}, {Name: "z", Type: "int"},
		}, roundBlocks)
	}
	return file
}

// mostRows is the number of rows whose sums and chains fit the registers.
func mostRows(isa *emit.ISA) int { return isa.Regs / 4 }

// A weightForm is a layout of B and what it means.
type weightForm struct {
	name, doc string
	write     func(d *dot)
}

var forms = []weightForm{
	{"Q8", `adds n blocks of 32 k, scaled bytes, to rows of 16 columns of c, or sets them when acc is 0.`, (*dot).bytes32},
	{"Q4", `adds n blocks of 32 k, scaled half-bytes.`, (*dot).nibbles32},
	{"A8", `adds n blocks of 32 k, bytes with a scale and a minimum for each 16.`, (*dot).affine},
	{"Q4K", `adds n blocks of 256 k, half-bytes with a scale and a minimum for each 32.`, func(d *dot) { d.nibbles256(false) }},
	{"Q5K", `adds n blocks of 256 k, of five bits with a scale and a minimum for each 32.`, func(d *dot) { d.nibbles256(true) }},
	{"Q6K", `adds n blocks of 256 k, of six bits with a scale for each 16.`, (*dot).sixBits},
}

// Offsets in a record of A: bytes, their scale, −z times their sums, and the scale times them.
const (
	recordBytes = 64
	ofScale     = 32
	ofZ         = 36 // of all 32, then of the first 16 and of the last
	ofSum       = 48 // likewise
)

// A dot is a kernel in writing.
type dot struct {
	*emit.Func
	rows    int
	a, b, n *emit.Reg
	half    *emit.Reg // bytes of a vector's first half that are skipped: 0, or 32 of the second pass of AVX2
	chains  []*emit.Reg
	low     *emit.Reg // 15 in each byte
}

func newDot(f *emit.Func, rows int) *dot { return &dot{Func: f, rows: rows} }

// columns runs body for all sixteen columns: once, or by halves. body starts from the arguments.
func (d *dot) columns(body func()) {
	c := d.Arg("c")
	d.half = d.GP()
	d.I("MOVQ", 0, d.half)
	pass := func() {
		d.a, d.b, d.n = d.Arg("a"), d.Arg("b"), d.Arg("n")
		d.start(c)
		body()
		d.finish(c)
	}
	if d.ISA.Wide() {
		pass()
		d.Ret()
		return
	}
	again, count := d.GP(), d.GP()
	d.I("MOVQ", 2, count)
	d.I("MOVQ", c, again)
	d.Loop("half", func() {
		d.I("MOVQ", again, c)
		pass()
		d.I("ADDQ", 32, again)
		d.I("ADDQ", 32, d.half)
		d.I("DECQ", count)
	})
	d.Ret()
}

// start sets the chains to what C holds, or to zeros.
func (d *dot) start(c *emit.Reg) {
	d.chains = nil
	for range d.rows {
		d.chains = append(d.chains, d.Vec())
	}
	begin := d.NewLabel("begin")
	for _, v := range d.chains {
		d.I(xor(d.Func), v, v, v)
	}
	d.I("CMPQ", d.ArgMem("acc"), 0)
	d.I("JEQ", begin)
	p := d.GP()
	d.I("MOVQ", c, p)
	d.eachRow(p, func(i int) { d.I("VMOVUPS", emit.At(p, 0), d.chains[i]) })
	d.Place(begin)
}

func (d *dot) finish(c *emit.Reg) { d.eachRow(c, func(i int) { d.Store(d.chains[i], emit.At(c, 0)) }) }

// eachRow moves p from row to row of C.
func (d *dot) eachRow(p *emit.Reg, body func(i int)) {
	ldc := d.Arg("ldc")
	d.I("SHLQ", 2, ldc)
	for i := range d.rows {
		body(i)
		d.I("ADDQ", ldc, p)
	}
}

// record is what lies at an offset of row i's record, in the blocks-th block from here.
func (d *dot) record(i, block, offset int) emit.Mem {
	return emit.At(d.a, (block*d.rows+i)*recordBytes+offset)
}

// vector is the address of vector w behind p, of this half.
func (d *dot) vector(p *emit.Reg, w int) emit.Mem {
	m := emit.AtIndex(p, d.half, 1)
	m.Disp = 64 * w
	return m
}

// lanes is the address of a number for each column at p and an offset, so many bytes each.
func (d *dot) lanes(p *emit.Reg, offset, size int) emit.Mem {
	m := emit.At(p, offset)
	if !d.ISA.Wide() {
		quarter := d.GP() // of the half in columns: 8 lanes of size
		d.I("MOVQ", d.half, quarter)
		for s := 4; s > size; s /= 2 {
			d.I("SHRQ", 1, quarter)
		}
		m = emit.AtIndex(p, quarter, 1)
		m.Disp = offset
	}
	return m
}

// halves are numbers of binary16 as float32.
func (d *dot) halves(p *emit.Reg, offset int) *emit.Reg {
	v := d.Vec()
	d.I("VCVTPH2PS", d.lanes(p, offset, 2), v)
	return v
}

// scales are bytes, signed or not, as float32 times by.
func (d *dot) scales(p *emit.Reg, offset int, signed bool, by *emit.Reg) *emit.Reg {
	op := "VPMOVZXBD"
	if signed {
		op = "VPMOVSXBD"
	}
	v := d.Vec()
	d.I(op, d.lanes(p, offset, 1), v)
	return d.Mul(d.Float(v), by)
}

// A part is a stretch of a block of 32 that has a scale of its own.
type part struct {
	block   int // from here
	from, n int // vectors, of eight
	which   int // 0: all 32, 1 and 2: the first and the last 16
	z       bool
	scale   func() *emit.Reg
	minimum func() *emit.Reg // nil: none
	weights func(w int) *emit.Reg
	signed  bool // weights are signed bytes
}

// add adds a part's products to the chains.
func (d *dot) add(p part) {
	sums := make([]*emit.Reg, d.rows)
	for i := range sums {
		if sums[i] = d.Vec(); p.z {
			d.I("VPBROADCASTD", d.record(i, p.block, ofZ+4*p.which), sums[i])
		} else {
			d.I(xor(d.Func), sums[i], sums[i], sums[i])
		}
	}
	for w := p.from; w < p.from+p.n; w++ {
		d.fours(sums, p, w)
	}
	scale := p.scale()
	for i, sum := range sums {
		d.FMA(d.chains[i], d.Float(sum), d.times(scale, d.record(i, p.block, ofScale)))
	}
	if p.minimum == nil {
		return
	}
	minimum := p.minimum()
	for i := range sums {
		d.lessTimes(d.chains[i], minimum, d.record(i, p.block, ofSum+4*p.which))
	}
}

// times is v times the number at m.
func (d *dot) times(v *emit.Reg, m emit.Mem) *emit.Reg {
	if !d.ISA.Wide() {
		return d.Mul(d.Broadcast(m), v)
	}
	r := d.Vec()
	d.I("VMULPS.BCST", m, v, r)
	return r
}

// lessTimes subtracts v times the number at m.
func (d *dot) lessTimes(acc, v *emit.Reg, m emit.Mem) {
	if d.ISA.Wide() {
		d.I("VFNMADD231PS.BCST", m, v, acc)
	} else {
		d.FNMA(acc, v, d.Broadcast(m))
	}
}

// fours adds, to each row's sums, its four bytes number w times those of the weights.
func (d *dot) fours(sums []*emit.Reg, p part, w int) {
	weights := p.weights(w)
	if d.ISA == emit.AVX2 && p.signed {
		d.foursSigned(sums, p, w, weights)
		return
	}
	for i, sum := range sums {
		x := d.record(i, p.block, 4*w)
		switch d.ISA {
		case emit.VNNI:
			d.I("VPDPBUSD.BCST", x, weights, sum)
		case emit.AVXVNNI:
			d.I("VPDPBUSD.VEX", d.word(x), weights, sum)
		default:
			d.pairs(sum, d.word(x), weights)
		}
	}
}

// word fills a vector with the 32 bits at m.
func (d *dot) word(m emit.Mem) *emit.Reg {
	v := d.Vec()
	d.I("VPBROADCASTD", m, v)
	return v
}

// pairs is the product of fours without the instruction for it: of unsigned weights below 128,
// whose pairs do not exceed 16 bits.
func (d *dot) pairs(sum, x, weights *emit.Reg) {
	two := d.Vec()
	d.I("VPMADDUBSW", x, weights, two)
	d.I("VPMADDWD", d.Bits(0x00010001), two, two)
	d.I("VPADDD", two, sum, sum)
}

// foursSigned multiplies the magnitudes of weights by A's bytes with their signs.
func (d *dot) foursSigned(sums []*emit.Reg, p part, w int, weights *emit.Reg) {
	magnitude := d.Vec()
	d.I("VPABSB", weights, magnitude)
	for i, sum := range sums {
		x := d.word(d.record(i, p.block, 4*w))
		d.I("VPSIGNB", weights, x, x)
		d.pairs(sum, x, magnitude)
	}
}

// Bytes of a panel's block, as package cpu writes them.
const (
	panel8   = 32 + 8*64
	panel4   = 32 + 4*64
	panelA8  = 2 * (64 + 64 + 4*64)
	header4K = 32 + 32 + 128 + 128
	panel6K  = 32 + 256 + 2*(16+8)*64
)

// bytes32 has 16 scales, then eight vectors of bytes, 128 above their value.
func (d *dot) bytes32() {
	signed := d.ISA == emit.AVX2
	d.columns(func() {
		q := d.behind(32)
		d.Repeat("block", d.n, func() {
			d.add(part{n: 8, z: !signed, signed: signed,
				scale: func() *emit.Reg { return d.halves(d.b, 0) },
				weights: func(w int) *emit.Reg {
					v := d.Load(d.vector(q, w))
					if signed {
						v = d.Xor(v, d.Bits(0x80808080))
					}
					return v
				}})
			d.next(1, panel8, q)
		})
	})
}

// behind is an address so many bytes behind b.
func (d *dot) behind(n int) *emit.Reg {
	q := d.GP()
	d.I("LEAQ", emit.At(d.b, n), q)
	return q
}

// next goes on by blocks of A, and by bytes of b and of the addresses behind it.
func (d *dot) next(blocks, bytes int, behind ...*emit.Reg) {
	d.I("ADDQ", blocks*d.rows*recordBytes, d.a)
	for _, p := range append(behind, d.b) {
		d.I("ADDQ", bytes, p)
	}
}

// nibbles32 has 16 scales, then four vectors of half-bytes, 8 above their value: those of the
// first 16 k are the lower ones.
func (d *dot) nibbles32() {
	d.columns(func() {
		q, low := d.behind(32), d.Load(d.Bits(0x0f0f0f0f))
		d.Repeat("block", d.n, func() {
			d.add(part{n: 8, z: true,
				scale:   func() *emit.Reg { return d.halves(d.b, 0) },
				weights: func(w int) *emit.Reg { return d.nibble(q, w%4, w/4, low) }})
			d.next(1, panel4, q)
		})
	})
}

// nibble is the lower or the upper half of each byte of a vector.
func (d *dot) nibble(q *emit.Reg, w, upper int, low *emit.Reg) *emit.Reg {
	v := d.Load(d.vector(q, w))
	if upper == 1 {
		v = d.ShiftRight(v, 4)
	}
	return d.And(v, low)
}

// affine has for each 16 k: 16 scales and 16 minima of float32, then four vectors of bytes.
func (d *dot) affine() {
	d.columns(func() {
		q := d.behind(128)
		d.Repeat("block", d.n, func() {
			for h := range 2 {
				floats := func(offset int) func() *emit.Reg {
					return func() *emit.Reg { return d.Load(d.lanes(d.b, h*panelA8/2+offset, 4)) }
				}
				d.add(part{from: 4 * h, n: 4, which: 1 + h, scale: floats(0), minimum: floats(64),
					weights: func(w int) *emit.Reg { return d.Load(d.vector(q, w-4*h+h*panelA8/2/64)) }})
			}
			d.next(1, panelA8, q)
		})
	})
}

// nibbles256 has 16 scales and 16 scales of minima, then eight times 16 of both as bytes, then
// eight vectors of the fifth bits if there are such, and 32 vectors of half-bytes. Of each
// eight of them the lower halves are one block of 32 k and the upper ones the next.
func (d *dot) nibbles256(fifth bool) {
	fifths := 0
	if fifth {
		fifths = 8 * 64
	}
	d.columns(func() {
		low := d.Load(d.Bits(0x0f0f0f0f))
		d.Repeat("block", d.n, func() {
			scale, minimum := d.halves(d.b, 0), d.halves(d.b, 32)
			at, bits, q, four := d.behind(64), d.behind(header4K), d.behind(header4K+fifths), d.GP()
			var shift *emit.Reg
			if fifth {
				shift = d.Vec()
				d.I(xor(d.Func), shift, shift, shift)
			}
			d.I("MOVQ", 4, four)
			d.Loop("pair", func() {
				for h := range 2 {
					d.add(part{n: 8,
						scale:   func() *emit.Reg { return d.scales(at, 16*h, false, scale) },
						minimum: func() *emit.Reg { return d.scales(at, 128+16*h, false, minimum) },
						weights: func(w int) *emit.Reg {
							v := d.nibble(q, w, h, low)
							if fifth {
								v = d.Or(v, d.fifth(bits, w, h, shift))
							}
							return v
						}})
					d.I("ADDQ", d.rows*recordBytes, d.a)
				}
				if fifth {
					d.I("VPADDQ", d.two(), shift.Low("X"), shift.Low("X"))
				}
				d.I("ADDQ", 32, at)
				d.I("ADDQ", 8*64, q)
				d.I("DECQ", four)
			})
			d.I("ADDQ", header4K+fifths+32*64, d.b)
		})
	})
}

// two is the number 2 in the low 64 bits.
func (d *dot) two() emit.Mem { return d.Table("two", [16]uint32{2}) }

// fifth is 16 where the bit number shift, or the next for h 1, of a byte is set.
func (d *dot) fifth(bits *emit.Reg, w, h int, shift *emit.Reg) *emit.Reg {
	v := d.Load(d.vector(bits, w))
	d.I("VPSRLD", shift.Low("X"), v, v)
	if h == 1 {
		v = d.ShiftRight(v, 1)
	}
	return d.ShiftLeft(d.And(v, d.Bits(0x01010101)), 4)
}

// sixBits has 16 scales, then 16 times 16 signed bytes that scale 16 k each, then twice: 16 vectors
// of lower half-bytes and eight of upper pairs of bits; 32 above their value.
func (d *dot) sixBits() {
	d.columns(func() {
		low, high := d.Load(d.Bits(0x0f0f0f0f)), d.Load(d.Bits(0x30303030))
		d.Repeat("block", d.n, func() {
			scale, at, q, two := d.halves(d.b, 0), d.behind(32), d.behind(32+256), d.GP()
			d.I("MOVQ", 2, two)
			d.Loop("half", func() {
				for s := range 4 {
					for h := range 2 {
						d.add(part{from: 4 * h, n: 4, which: 1 + h, z: true, block: s,
							scale: func() *emit.Reg { return d.scales(at, 16*(2*s+h), true, scale) },
							weights: func(w int) *emit.Reg {
								return d.Or(d.nibble(q, s%2*8+w, s/2, low), d.upper(q, 16+w, s, high))
							}})
					}
				}
				d.I("ADDQ", 4*d.rows*recordBytes, d.a)
				d.I("ADDQ", 128, at)
				d.I("ADDQ", 24*64, q)
				d.I("DECQ", two)
			})
			d.I("ADDQ", panel6K, d.b)
		})
	})
}

// upper is the pair of bits number s of each byte, as bits 4 and 5.
func (d *dot) upper(q *emit.Reg, w, s int, mask *emit.Reg) *emit.Reg {
	v := d.Load(d.vector(q, w))
	switch s {
	case 0:
		v = d.ShiftLeft(v, 4)
	case 1:
		v = d.ShiftLeft(v, 2)
	case 3:
		v = d.ShiftRight(v, 2)
	}
	return d.And(v, mask)
}

// roundBlocks finds each block's largest magnitude, as integers, among which a NaN is above all;
// below 2⁻¹⁰⁰ a block counts as zeros.
func roundBlocks(f *emit.Func) {
	dst, stride, src, n := f.Arg("dst"), f.Arg("stride"), f.Arg("src"), f.Arg("n")
	z := f.Vec()
	f.I("VPBROADCASTD", f.ArgMem("z"), z)
	f.Repeat("block", n, func() {
		x := make([]*emit.Reg, 32/f.ISA.Lanes)
		var top *emit.Reg
		for i := range x {
			x[i] = f.Load(emit.At(src, i*f.ISA.Bytes()))
			size := f.And(x[i], f.Bits(0x7fffffff))
			if top == nil {
				top = size
			} else {
				f.I("VPMAXSD", size, top, top)
			}
		}
		f.Across("VPMAXSD", top)
		m := f.Vec()
		f.I("VBROADCASTSS", top.Low("X"), m)
		scale := f.Div(m, f.Load(f.Const(127)))
		rate := f.Div(f.Load(f.Const(127)), m)
		some := f.GreaterInt(m, f.Const(0x1p-100))
		rate = f.Select(some, rate, f.Zero())
		f.I("VMOVSS", scale.Low("X"), emit.At(dst, ofScale))
		sums := bytesOf(f, dst, x, rate)
		for i, s := range sums {
			f.I("VMOVSS", f.Mul(f.Float(s), scale).Low("X"), emit.At(dst, ofSum+4*i))
			t := f.Vec()
			f.I("VPMULLD", z, s, t)
			f.I("VMOVSS", t.Low("X"), emit.At(dst, ofZ+4*i))
		}
		f.I("ADDQ", 128, src)
		f.I("ADDQ", stride, dst)
	})
	f.Ret()
}

// bytesOf rounds x times rate to bytes and stores them; it returns their sums, in the first
// lane: of all, of the first half and of the last.
func bytesOf(f *emit.Func, dst *emit.Reg, x []*emit.Reg, rate *emit.Reg) [3]*emit.Reg {
	whole := make([]*emit.Reg, len(x))
	for i := range x {
		whole[i] = f.Int(f.Mul(x[i], rate))
	}
	var sums [3]*emit.Reg
	if f.ISA.Wide() {
		for i, w := range whole {
			f.I("VPMOVDB", w, emit.At(dst, 16*i))
			sums[1+i] = f.Across("VPADDD", f.Copy(w))
		}
	} else {
		for i := range 2 {
			sums[1+i] = f.Across("VPADDD", f.AddInt(whole[2*i], whole[2*i+1]))
		}
		storeBytes(f, dst, whole)
	}
	sums[0] = f.AddInt(sums[1], sums[2])
	return sums
}

// storeBytes narrows four vectors of eight words. What packs them goes by halves of vectors, so
// that the words come out in an order of their own, which a permutation of fours undoes.
func storeBytes(f *emit.Func, dst *emit.Reg, w []*emit.Reg) {
	two := func(op string, a, b *emit.Reg) *emit.Reg {
		v := f.Vec()
		f.I(op, b, a, v)
		return v
	}
	v := two("VPACKSSWB", two("VPACKSSDW", w[0], w[1]), two("VPACKSSDW", w[2], w[3]))
	order := f.Load(f.Table("order", [16]uint32{0, 4, 1, 5, 2, 6, 3, 7}))
	out := f.Vec()
	f.I("VPERMD", v, order, out)
	f.Store(out, emit.At(dst, 0))
}
