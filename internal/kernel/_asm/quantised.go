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
// A's rows lie side by side, block by block: a record of 64 bytes a row and a block of 32 k, or a wide one
// of 256 k, see wide.go. The layouts of B are described in package cpu beside the code that writes them.
func quantised() *emit.File {
	file := &emit.File{Name: "quantised"}
	for _, isa := range []*emit.ISA{emit.AVX2, emit.AVXVNNI, emit.VNNI} {
		for _, form := range forms {
			for rows := 1; rows <= mostRows(isa); rows *= 2 {
				file.Func(isa, fmt.Sprintf("dot%sx%d", form.name, rows), form.doc, []emit.Param{
					{Name: "c", Type: "*float32"}, {Name: "ldc", Type: "int"},
					{Name: "a", Type: "*byte"}, {Name: "b", Type: "*byte"}, {Name: "n", Type: "int"}, {Name: "acc", Type: "int"},
				}, func(f *emit.Func) { form.write(newDot(f, rows, 1)) })
			}
		}
	}
	for _, form := range forms {
		file.Func(emit.VNNI, "quad"+form.name, `is dot`+form.name+`x1 of four panels, ps bytes apart in b and cs numbers in c: memory
gives more to several streams.`, []emit.Param{
			{Name: "c", Type: "*float32"}, {Name: "cs", Type: "int"}, {Name: "a", Type: "*byte"}, {Name: "b", Type: "*byte"},
			{Name: "ps", Type: "int"}, {Name: "n", Type: "int"}, {Name: "acc", Type: "int"},
		}, func(f *emit.Func) { form.write(newDot(f, 1, 4)) })
	}
	for _, form := range forms {
		file.Func(emit.AMX, "stage"+form.name, `unpacks n blocks of a panel for the kernels of tiles: see tile.go of the generator.`, []emit.Param{
			{Name: "dst", Type: "*byte"}, {Name: "b", Type: "*byte"}, {Name: "n", Type: "int"},
		}, func(f *emit.Func) { form.write(newStage(f)) })
	}
	tiles(file)
	for _, isa := range versions {
		file.Func(isa, "roundBlocks", `writes n records, stride bytes apart, of as many blocks of 32 numbers: the
bytes that they are rounded to, their scale, and sums times z of all and of each half, then sums times the scale.`, []emit.Param{
			{Name: "dst", Type: "*byte"}, {Name: "stride", Type: "int"},
			{Name: "src", Type: "*float32"}, {Name: "n", Type: "int"}, {Name: "z", Type: "int"},
		}, roundBlocks)
		file.Func(isa, "roundWide", `writes n wide records, stride bytes apart, of as many blocks of 256 numbers: see wide.go of the
generator.`, []emit.Param{
			{Name: "dst", Type: "*byte"}, {Name: "stride", Type: "int"}, {Name: "src", Type: "*float32"}, {Name: "n", Type: "int"},
		}, roundWide)
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
	{"Q4K", `adds n blocks of 256 k, half-bytes with a scale and a minimum for each 32, of wide records.`, func(d *dot) { d.nibbles256(false) }},
	{"Q5K", `adds n blocks of 256 k, of five bits with a scale and a minimum for each 32, of wide records.`, func(d *dot) { d.nibbles256(true) }},
	{"Q6K", `adds n blocks of 256 k, of six bits with a scale for each 16, of wide records.`, (*dot).sixBits},
	{"I4", `adds n blocks of 32 k, scaled levels by indices of half a byte.`, (*dot).levels32},
	{"I4K", `adds n blocks of 256 k, such levels with a scale for each 32.`, (*dot).levels256},
}

// Offsets in a record of A: bytes, their scale, −z times their sums, and the scale times them.
const (
	recordBytes = 64
	ofScale     = 32
	ofZ         = 36 // of all 32, then of the first 16 and of the last
	ofSum       = 48 // likewise
)

// A dot is a kernel in writing: of some rows and a panel, or of a row and some panels; or what
// unpacks a panel, which has no rows.
type dot struct {
	*emit.Func
	rows, panels int
	a, n         *emit.Reg
	b            []*emit.Reg   // of each panel
	half         *emit.Reg     // bytes of a vector's first half that are skipped: 0, or 32 of the second pass of AVX2
	chains       [][]*emit.Reg // of each panel's rows
	dst          *emit.Reg     // where a panel is unpacked to

	wide  bool          // A's records are wide: C is in memory, and chains are not in use
	c     *emit.Reg     // where C begins
	whole [][]*emit.Reg // sums of a block of 256 k
}

func newDot(f *emit.Func, rows, panels int) *dot { return &dot{Func: f, rows: rows, panels: panels} }

func newStage(f *emit.Func) *dot { return &dot{Func: f, panels: 1, dst: f.Arg("dst")} }

// columns runs body for all sixteen columns: once, or by halves. body starts from the arguments.
func (d *dot) columns(body func()) {
	if d.dst != nil {
		d.n, d.b = d.Arg("n"), []*emit.Reg{d.Arg("b")}
		body()
		d.Ret()
		return
	}
	c := d.Arg("c")
	pass := func() {
		d.a, d.n, d.b = d.Arg("a"), d.Arg("n"), []*emit.Reg{d.Arg("b")}
		for p := 1; p < d.panels; p++ {
			next := d.Arg("ps")
			d.I("ADDQ", d.b[p-1], next)
			d.b = append(d.b, next)
		}
		if d.wide {
			d.begin()
			body()
			return
		}
		d.start(c)
		body()
		d.eachChain(c, func(p, i int, at emit.Mem) { d.Store(d.chains[p][i], at) })
	}
	d.c = c
	if d.ISA.Wide() {
		pass()
		d.Ret()
		return
	}
	d.half = d.GP()
	d.I("MOVQ", 0, d.half)
	again := d.GP()
	d.I("MOVQ", c, again)
	d.c = again
	d.Loop("half", func() {
		d.I("MOVQ", again, c)
		pass()
		d.I("ADDQ", 32, again)
		d.I("ADDQ", 32, d.half)
		d.I("CMPQ", d.half, 64)
	})
	d.Ret()
}

// start sets the chains to what C holds, or to zeros.
func (d *dot) start(c *emit.Reg) {
	d.chains = make([][]*emit.Reg, d.panels)
	for p := range d.chains {
		for range d.rows {
			d.chains[p] = append(d.chains[p], d.Vec())
		}
	}
	begin := d.NewLabel("begin")
	for _, v := range flat(d.chains) {
		d.I(xor(d.Func), v, v, v)
	}
	d.I("CMPQ", d.ArgMem("acc"), 0)
	d.I("JEQ", begin)
	at := d.GP()
	d.I("MOVQ", c, at)
	d.eachChain(at, func(p, i int, at emit.Mem) { d.I("VMOVUPS", at, d.chains[p][i]) })
	d.Place(begin)
}

// eachChain visits the chains of each panel and row with their places in C, from c on.
func (d *dot) eachChain(c *emit.Reg, visit func(p, i int, at emit.Mem)) {
	step := "ldc"
	if d.panels > 1 {
		step = "cs"
	}
	next := d.Arg(step)
	d.I("SHLQ", 2, next)
	for p := range d.panels {
		for i := range d.rows {
			visit(p, i, emit.At(c, 0))
			d.I("ADDQ", next, c)
		}
	}
}

// record is what lies at an offset of row i's record, in the blocks-th block from here.
func (d *dot) record(i, block, offset int) emit.Mem {
	if d.wide {
		return emit.At(d.a, i*wideBytes+32*block+offset)
	}
	return emit.At(d.a, (block*d.rows+i)*recordBytes+offset)
}

// z is −z times the sum of row i's bytes of a part.
func (d *dot) z(i int, x part) emit.Mem {
	if d.wide {
		return emit.At(d.a, i*wideBytes+ofWideZ+4*(2*x.block+x.which-1))
	}
	return d.record(i, x.block, ofZ+4*x.which)
}

// A stream is a place in each panel's block that moves on: an address of its own, or a distance
// from the blocks that all panels share.
type stream struct {
	d     *dot
	at    *emit.Reg // the address, of one panel
	disp  int
	index *emit.Reg // the distance, of several; nil: disp alone
}

// behind is the stream that begins so many bytes behind the blocks. One that moves inside of a
// block is begun in each.
func (d *dot) behind(n int, moves bool) *stream {
	s := &stream{d: d, disp: n}
	switch {
	case d.panels == 1:
		s.at, s.disp = d.GP(), 0
		d.I("LEAQ", emit.At(d.b[0], n), s.at)
	case moves:
		s.index = d.GP()
		d.I("MOVQ", 0, s.index)
	}
	return s
}

// move goes on inside of a block.
func (s *stream) move(bytes int) {
	if s.at != nil {
		s.d.I("ADDQ", bytes, s.at)
	} else {
		s.d.I("ADDQ", bytes, s.index)
	}
}

// place is what lies offset bytes on in panel p, and index more where that is not nil.
func (s *stream) place(p, offset int, index *emit.Reg) emit.Mem {
	m := emit.At(s.d.b[p], s.disp+offset)
	switch {
	case s.at != nil && index != nil:
		m = emit.AtIndex(s.at, index, 1)
		m.Disp = offset
	case s.at != nil:
		m = emit.At(s.at, offset)
	case s.index != nil:
		m = emit.AtIndex(s.d.b[p], s.index, 1)
		m.Disp = s.disp + offset
	}
	return m
}

// vector is the place of vector w, of this half.
func (s *stream) vector(p, w int) emit.Mem { return s.place(p, 64*w, s.d.half) }

// lanes is the place of a number for each column, so many bytes each.
func (s *stream) lanes(p, offset, size int) emit.Mem {
	d := s.d
	if d.ISA.Wide() {
		return s.place(p, offset, nil)
	}
	part := d.GP() // of the half in columns: 8 lanes of size
	d.I("MOVQ", d.half, part)
	for n := 4; n > size; n /= 2 {
		d.I("SHRQ", 1, part)
	}
	return s.place(p, offset, part)
}

// halves are numbers of binary16 as float32.
func (s *stream) halves(p, offset int) *emit.Reg {
	v := s.d.Vec()
	s.d.I("VCVTPH2PS", s.lanes(p, offset, 2), v)
	return v
}

// scales are bytes, signed or not, as integers.
func (s *stream) scales(p, offset int, signed bool) *emit.Reg {
	op := "VPMOVZXBD"
	if signed {
		op = "VPMOVSXBD"
	}
	v := s.d.Vec()
	s.d.I(op, s.lanes(p, offset, 1), v)
	return v
}

// A part is a stretch of a block of 32 that has a scale of its own.
type part struct {
	block   int // from here
	from, n int // vectors, of eight
	which   int // 0: all 32, 1 and 2: the first and the last 16
	z       int // that the weights are above their values
	scale   func(p int) *emit.Reg
	minimum func(p int) *emit.Reg // nil: none
	weights func(p, w int) *emit.Reg
	signed  bool         // weights are signed bytes
	spread  func(x part) // unpacks the part of a wide block
	// sixteens says that the weights of vector w are sixteen times their value; nil: none.
	sixteens func(w int) bool
}

// add adds a part's products to the chains.
func (d *dot) add(x part) {
	if d.dst != nil {
		d.stage(x)
		return
	}
	sums := d.sums(x)
	for p := range sums {
		scale := x.scale(p)
		for i, sum := range sums[p] {
			d.FMA(d.chains[p][i], d.Float(sum), d.times(scale, d.record(i, x.block, ofScale)))
		}
		if x.minimum == nil {
			continue
		}
		minimum := x.minimum(p)
		for i := range sums[p] {
			d.lessTimes(d.chains[p][i], minimum, d.record(i, x.block, ofSum+4*x.which))
		}
	}
}

// sums are the part's sums of products, in integers: those of weights as they are, and those of
// weights that are sixteen times their value, which are whole sixteens.
func (d *dot) sums(x part) [][]*emit.Reg {
	var sums [2][][]*emit.Reg
	to := func(high int) [][]*emit.Reg {
		if sums[high] == nil {
			sums[high] = accumulators(d.Func, d.panels, d.rows)
			d.clear(sums[high], x, high == 0)
		}
		return sums[high]
	}
	if x.z != 0 {
		to(0)
	}
	for w := x.from; w < x.from+x.n; w++ {
		high := 0
		if x.sixteens != nil && x.sixteens(w) {
			high = 1
		}
		d.fours(to(high), x, w)
	}
	for p, rows := range sums[1] {
		for i, high := range rows {
			d.I("VPSRAD", 4, high, high)
			if sums[0] != nil {
				d.I("VPADDD", sums[0][p][i], high, high)
			}
		}
	}
	if sums[1] != nil {
		return sums[1]
	}
	return sums[0]
}

// clear sets sums to zeros, or to −z times the sums of A.
func (d *dot) clear(sums [][]*emit.Reg, x part, z bool) {
	for p := range sums {
		for i, sum := range sums[p] {
			if z && x.z != 0 {
				d.I("VPBROADCASTD", d.z(i, x), sum)
			} else {
				d.I(xor(d.Func), sum, sum, sum)
			}
		}
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

// fours adds, to each panel's and row's sums, its four bytes number w times those of the weights.
func (d *dot) fours(sums [][]*emit.Reg, x part, w int) {
	if d.panels > 1 { // a word for all of them
		word := d.word(d.record(0, x.block, 4*w))
		for p := range sums {
			d.I("VPDPBUSD", word, x.weights(p, w), sums[p][0])
		}
		return
	}
	weights := x.weights(0, w)
	if d.ISA == emit.AVX2 && x.signed {
		d.foursSigned(sums[0], x, w, weights)
		return
	}
	for i, sum := range sums[0] {
		at := d.record(i, x.block, 4*w)
		switch d.ISA {
		case emit.VNNI:
			d.I("VPDPBUSD.BCST", at, weights, sum)
		case emit.AVXVNNI:
			d.I("VPDPBUSD.VEX", d.word(at), weights, sum)
		default:
			d.pairs(sum, d.word(at), weights)
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
	headerI4 = 32 + 128
)

// bytes32 has 16 scales, then eight vectors of bytes, 128 above their value.
func (d *dot) bytes32() {
	signed, z := d.ISA == emit.AVX2, 128
	if signed {
		z = 0
	}
	d.columns(func() {
		s, q := d.behind(0, false), d.behind(32, false)
		d.Repeat("block", d.n, func() {
			s.ahead(panel8)
			d.add(part{n: 8, z: z, signed: signed,
				scale: func(p int) *emit.Reg { return s.halves(p, 0) },
				weights: func(p, w int) *emit.Reg {
					v := d.Load(q.vector(p, w))
					if signed {
						v = d.Xor(v, d.Bits(above128))
					}
					return v
				}})
			d.next(1, panel8, s, q)
		})
	})
}

const above128 = 0x80808080

// next goes on by blocks of A, and by bytes of the panels and the streams in them.
func (d *dot) next(blocks, bytes int, streams ...*stream) {
	d.skip(blocks)
	for _, s := range streams {
		if s.at != nil {
			d.I("ADDQ", bytes, s.at)
		}
	}
	if d.panels > 1 || streams == nil {
		for _, b := range d.b {
			d.I("ADDQ", bytes, b)
		}
	}
}

// ahead asks for bytes of panels side by side that are wanted later.
func (s *stream) ahead(bytes int) {
	if !s.d.ISA.Wide() || s.d.panels*s.d.rows == 1 {
		return
	}
	for p := range s.d.panels {
		for i := 0; i < bytes; i += 64 {
			s.d.I("PREFETCHT0", s.place(p, lead+i, nil))
		}
	}
}

const lead = 2048

// skip goes on by blocks of A.
func (d *dot) skip(blocks int) {
	if d.a != nil {
		d.I("ADDQ", blocks*d.rows*recordBytes, d.a)
	}
}

// nibbles32 has 16 scales, then four vectors of half-bytes, 8 above their value: those of the
// first 16 k are the lower ones.
func (d *dot) nibbles32() {
	d.columns(func() {
		s, q, half := d.behind(0, false), d.behind(32, false), d.halves()
		d.Repeat("block", d.n, func() {
			s.ahead(panel4)
			d.add(part{n: 8, z: 8,
				scale:    func(p int) *emit.Reg { return s.halves(p, 0) },
				weights:  func(p, w int) *emit.Reg { return half.of(q.vector(p, w%4), w/4) },
				sixteens: func(w int) bool { return half.sixteens(w / 4) }})
			d.next(1, panel4, s, q)
		})
	})
}

// halfBytes are the masks of half-bytes.
type halfBytes struct {
	*dot
	low  *emit.Reg
	high *emit.Reg // nil: upper halves are shifted
}

// halves are the masks. A single row does not share what it costs to shift a vector with other rows: its
// upper halves stay where they are, sixteen times their value.
func (d *dot) halves() (h halfBytes) {
	h = halfBytes{dot: d, low: d.Load(d.Bits(0x0f0f0f0f))}
	if d.panels > 1 {
		h.high = d.ShiftLeft(h.low, 4)
	}
	return h
}

// of are the lower or the upper halves of the bytes of a vector.
func (h halfBytes) of(m emit.Mem, upper int) *emit.Reg {
	switch {
	case upper == 0:
		return h.And(h.low, m)
	case h.sixteens(upper):
		return h.And(h.high, m)
	}
	return h.And(h.shifted(m, 4), h.low)
}

// sixteens says that such halves are sixteen times their value.
func (h halfBytes) sixteens(upper int) bool { return upper == 1 && h.high != nil }

// join adds to bits what halves of the bytes of a vector have below them.
func (h halfBytes) join(bits *emit.Reg, m emit.Mem, upper int) *emit.Reg {
	switch {
	case !h.ISA.Wide():
		return h.Or(bits, h.And(h.shifted(m, 4*upper), h.low))
	case upper == 1:
		h.I("VPTERNLOGD", orAnd, h.shifted(m, 4), h.low, bits)
	default:
		h.I("VPTERNLOGD", orAnd, m, h.low, bits)
	}
	return bits
}

// orAnd is the table of a | b&c.
const orAnd = 0xf8

// shifted is a vector shifted right by n bits, or left by -n.
func (d *dot) shifted(m emit.Mem, n int) *emit.Reg {
	op, v := "VPSRLD", d.Vec()
	if n < 0 {
		op, n = "VPSLLD", -n
	}
	switch {
	case n == 0:
		return d.Load(m)
	case d.ISA.Wide():
		d.I(op, n, m, v)
	default:
		d.I(op, n, d.Load(m), v)
	}
	return v
}

// affine has for each 16 k: 16 scales and 16 minima of float32, then four vectors of bytes.
func (d *dot) affine() {
	d.columns(func() {
		s := d.behind(0, false)
		d.Repeat("block", d.n, func() {
			s.ahead(panelA8)
			for h := range 2 {
				floats := func(offset int) func(p int) *emit.Reg {
					return func(p int) *emit.Reg { return d.Load(s.lanes(p, h*panelA8/2+offset, 4)) }
				}
				d.add(part{from: 4 * h, n: 4, which: 1 + h, scale: floats(0), minimum: floats(64),
					weights: func(p, w int) *emit.Reg { return d.Load(s.vector(p, w-4*h+(h*panelA8/2+128)/64)) }})
			}
			d.next(1, panelA8, s)
		})
	})
}

// levels is the vector whose bytes a shuffle chooses: for each sixteen bytes of a vector kernel.IQ4Levels, which
// is another module's and compared with it by TestDevices.
func (d *dot) levels(above byte) *emit.Reg {
	var four [4]uint32
	for i, q := range [16]int8{-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113} {
		four[i/4] |= uint32(byte(q)+above) << (i % 4 * 8)
	}
	var words [16]uint32
	for i := range words {
		words[i] = four[i%4]
	}
	return d.Load(d.Table(fmt.Sprintf("levels%d", above), words))
}

// A levelled kernel multiplies by levels: bytes that half-bytes are indices of.
type levelled struct {
	halfBytes
	table  *emit.Reg
	signed bool
	z      int
}

func (d *dot) levelled() (l levelled) {
	l = levelled{halfBytes: halfBytes{dot: d, low: d.Load(d.Bits(0x0f0f0f0f))}, signed: d.ISA == emit.AVX2}
	if !l.signed {
		l.z = 128
	}
	l.table = d.levels(byte(l.z))
	return l
}

// part is 32 k: four vectors of q, of which those of the first 16 k are the lower halves.
func (l levelled) part(q *stream, first int, scale func(p int) *emit.Reg) part {
	return part{n: 8, z: l.z, signed: l.signed, scale: scale, weights: func(p, w int) *emit.Reg {
		v := l.of(q.vector(p, first+w%4), w/4)
		l.I("VPSHUFB", v, l.table, v)
		return v
	}}
}

// levels32 has 16 scales, then four vectors of indices.
func (d *dot) levels32() {
	d.columns(func() {
		s, q, level := d.behind(0, false), d.behind(32, false), d.levelled()
		d.Repeat("block", d.n, func() {
			s.ahead(panel4)
			d.add(level.part(q, 0, func(p int) *emit.Reg { return s.halves(p, 0) }))
			d.next(1, panel4, s, q)
		})
	})
}

// levels256 has 16 scales, then eight times 16 signed bytes that scale 32 k each, then eight times four
// vectors of indices.
func (d *dot) levels256() {
	d.columns(func() {
		level := d.levelled()
		d.Repeat("block", d.n, func() {
			first, at, q, four := d.behind(0, false), d.behind(32, true), d.behind(headerI4, true), d.GP()
			var scale []*emit.Reg
			for p := range d.panels {
				scale = append(scale, first.halves(p, 0))
			}
			first.ahead(headerI4)
			d.I("MOVQ", 4, four)
			d.Loop("pair", func() {
				q.ahead(8 * 64)
				for h := range 2 {
					d.add(level.part(q, 4*h, func(p int) *emit.Reg { return d.Mul(d.Float(at.scales(p, 16*h, true)), scale[p]) }))
					d.skip(1)
				}
				at.move(32)
				q.move(8 * 64)
				d.I("DECQ", four)
			})
			d.next(0, headerI4+8*4*64)
		})
	})
}

// roundBlocks finds each block's largest magnitude, as integers, among which a NaN is above all;
// below 2⁻¹⁰⁰ a block counts as zeros.
func roundBlocks(f *emit.Func) {
	dst, stride, src, n := f.Arg("dst"), f.Arg("stride"), f.Arg("src"), f.Arg("n")
	z := f.Vec()
	f.I("VPBROADCASTD", f.ArgMem("z"), z)
	f.Repeat("block", n, func() {
		x := block32(f, src, 0)
		top := topOf(f, nil, x)
		scale, rate := scaleOf(f, top)
		f.I("VMOVSS", scale.Low("X"), emit.At(dst, ofScale))
		sums := bytesOf(f, emit.At(dst, 0), x, rate)
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

// block32 are the numbers of block i from src on.
func block32(f *emit.Func, src *emit.Reg, i int) (x []*emit.Reg) {
	for at := 0; at < 128; at += f.ISA.Bytes() {
		x = append(x, f.Load(emit.At(src, 128*i+at)))
	}
	return x
}

// topOf is the largest magnitude in each lane, of top's too.
func topOf(f *emit.Func, top *emit.Reg, x []*emit.Reg) *emit.Reg {
	for _, v := range x {
		size := f.And(v, f.Bits(0x7fffffff))
		if top == nil {
			top = size
		} else {
			f.I("VPMAXSD", size, top, top)
		}
	}
	return top
}

// scaleOf is the scale of numbers whose magnitudes are top's at most, and what they are multiplied by to be bytes.
func scaleOf(f *emit.Func, top *emit.Reg) (scale, rate *emit.Reg) {
	f.Across("VPMAXSD", top)
	m := f.Vec()
	f.I("VBROADCASTSS", top.Low("X"), m)
	scale = f.Div(m, f.Load(f.Const(127)))
	rate = f.Div(f.Load(f.Const(127)), m)
	some := f.GreaterInt(m, f.Const(0x1p-100))
	return scale, f.Select(some, rate, f.Zero())
}

// bytesOf rounds x times rate to bytes and stores them; it returns their sums, in the first
// lane: of all, of the first half and of the last.
func bytesOf(f *emit.Func, dst emit.Mem, x []*emit.Reg, rate *emit.Reg) [3]*emit.Reg {
	whole := make([]*emit.Reg, len(x))
	for i := range x {
		whole[i] = f.Int(f.Mul(x[i], rate))
	}
	var sums [3]*emit.Reg
	if f.ISA.Wide() {
		for i, w := range whole {
			f.I("VPMOVDB", w, emit.At(dst.Base, dst.Disp+16*i))
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
func storeBytes(f *emit.Func, dst emit.Mem, w []*emit.Reg) {
	two := func(op string, a, b *emit.Reg) *emit.Reg {
		v := f.Vec()
		f.I(op, b, a, v)
		return v
	}
	v := two("VPACKSSWB", two("VPACKSSDW", w[0], w[1]), two("VPACKSSDW", w[2], w[3]))
	order := f.Load(f.Table("order", [16]uint32{0, 4, 1, 5, 2, 6, 3, 7}))
	out := f.Vec()
	f.I("VPERMD", v, order, out)
	f.Store(out, dst)
}
