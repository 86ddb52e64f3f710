package main

import "github.com/inkstone-ai/inkstone/internal/kernel/_asm/emit"

// Wide blocks by tiles. A weight times its scale of 16 or 32 k is a whole number of 10 or 13 bits, more than a
// tile takes. So it becomes two bytes, high·2ⁿ + low, each of which has a tile of sums: 256 k need two
// ways through memory instead of 8 or 16. The sums are those of the kernels of fewer rows, exactly, and so are
// the bits.
//
// An unpacked block has 16 scales, then 16 scales of minima and four vectors of pairs of minima if there are
// such, then for each 64 k a tile of high bytes and one of low ones.

const (
	wideStep = 2 * wideTile // of 64 k
	wideTile = 1024
)

// stageHeader unpacks what a block's columns share.
func (d *dot) stageHeader(first *stream, minima bool) {
	if d.dst == nil {
		return
	}
	header := []*emit.Reg{first.halves(0, 0)}
	if minima {
		pairs := first.pairs(0)
		header = append(append(header, first.halves(0, 32)), pairs[:]...)
	}
	for i, v := range header {
		d.Store(v, emit.At(d.dst, 64*i))
	}
	d.I("ADDQ", 64*len(header), d.dst)
}

// spread writes high and low bytes of vector w of a part.
func (d *dot) spread(x part, w int, high, low *emit.Reg) {
	at := x.block/2*wideStep + x.block%2*wideTile/2 + 64*w
	d.Store(high, emit.At(d.dst, at))
	d.Store(low, emit.At(d.dst, at+wideTile))
}

// spreadByEight multiplies weights of five bits by the upper and by the lower three bits of their scale: bytes
// whose products do not reach their neighbours, two to a word of 16 bits.
func (d *dot) spreadByEight(x part) {
	scale, seven := d.twice(x.scale(0)), d.Load(d.Bits(0x00070007))
	high, low := d.And(d.ShiftRight(scale, 3), seven), d.And(scale, seven)
	for w := x.from; w < x.from+x.n; w++ {
		v := x.weights(0, w)
		d.spread(x, w, d.mulWords(v, high), d.mulWords(v, low))
	}
}

// spreadBy128 multiplies weights, less z, by their scale, and divides the products of 14 bits.
func (d *dot) spreadBy128(x part) {
	scale := d.twice(x.scale(0))
	less := d.mulWords(scale, d.Load(d.Bits(uint32(x.z)*0x10001)))
	bytes, septets := d.Load(d.Bits(0x00ff00ff)), d.Load(d.Bits(0x007f007f))
	upperBytes, upperSeptets := d.ShiftLeft(bytes, 8), d.ShiftLeft(septets, 8)
	product := func(v *emit.Reg) *emit.Reg { // of bytes in words
		p := d.mulWords(v, scale)
		d.I("VPSUBW", less, p, p)
		return p
	}
	for w := x.from; w < x.from+x.n; w++ {
		v := x.weights(0, w)
		even, odd := product(d.And(v, bytes)), product(d.And(d.ShiftRight(v, 8), bytes))
		high := d.Or(d.And(d.ShiftRight(even, 7), bytes), d.And(d.ShiftLeft(odd, 1), upperBytes))
		low := d.Or(d.And(even, septets), d.And(d.ShiftLeft(odd, 8), upperSeptets))
		d.spread(x, w, high, low)
	}
}

// twice repeats the lower 16 bits of words in the upper ones.
func (d *dot) twice(v *emit.Reg) *emit.Reg {
	upper := d.ShiftLeft(v, 16)
	return d.Or(upper, d.ShiftRight(upper, 16))
}

// mulWords is the lower half of products of 16 bits.
func (d *dot) mulWords(a, b *emit.Reg) *emit.Reg {
	v := d.Vec()
	d.I("VPMULLW", a, b, v)
	return v
}

// The tiles of a wide block: all are 16 rows of 64 bytes.
const (
	highSums emit.Tile = iota
	lowSums
	wideLeft
	highRight
	lowRight
)

var wideShape = [16]uint32{0: 1, 4: 64 | 64<<16, 5: 64 | 64<<16, 6: 64, 12: 0x10101010, 13: 16}

// A wideForm is how a type's products are divided: shift is n.
type wideForm struct {
	name, doc, product string
	shift              int
	minima             bool
}

func wideTiles(file *emit.File) {
	for _, form := range []wideForm{
		{"tileWide", `adds n blocks of 256 k of a panel that is unpacked to pieces of 16 rows, by 16 columns, of c, ldc apart,
or sets them when acc is 0. Pieces, of wide records, are as bytes apart in a; room is 2 KB. What lies at next, 1 KB for each
block and piece, is asked for meanwhile.`, "TDPBSSD", 7, false},
		{"tileWideMin", `is tileWide of blocks with minima.`, "TDPBSUD", 3, true},
	} {
		file.Func(emit.AMX, form.name, form.doc, tileParams, func(f *emit.Func) { form.write(f) })
	}
}

func (form wideForm) write(f *emit.Func) {
	k := newTileKernel(f, "shapeWide", wideShape)
	k.run(func() {
		k.Repeat("block", k.n, func() {
			k.wideSums(form)
			k.gatherWide(form)
			for i := range 16 {
				k.I("PREFETCHT1", emit.At(k.next, 64*i))
			}
			k.I("ADDQ", 1024, k.next)
			k.I("ADDQ", tileRows16*wideBytes, k.a)
			k.I("ADDQ", form.header()+4*wideStep, k.b[0])
		})
	})
}

// header is the bytes that an unpacked block begins with.
func (form wideForm) header() int {
	if form.minima {
		return 6 * 64
	}
	return 64
}

// wideSums leaves the two sums of a block in the room.
func (k *tileKernel) wideSums(form wideForm) {
	between := k.GP()
	k.I("MOVQ", wideBytes, between)
	k.I("TILEZERO", highSums)
	k.I("TILEZERO", lowSums)
	for s := range 4 {
		b := form.header() + s*wideStep
		k.I("TILELOADD", place(k.a, between, s/2*wideHalf+s%2*64), wideLeft)
		k.I("TILELOADD", place(k.b[0], k.stride, b), highRight)
		k.I(form.product, highRight, wideLeft, highSums)
		k.I("TILELOADD", place(k.b[0], k.stride, b+wideTile), lowRight)
		k.I(form.product, lowRight, wideLeft, lowSums)
	}
	k.I("TILESTORED", highSums, place(k.room, k.stride, 0))
	k.I("TILESTORED", lowSums, place(k.room, k.stride, wideTile))
}

// gatherWide adds the sums to the chains as settle does.
func (k *tileKernel) gatherWide(form wideForm) {
	at := func(i int) *emit.Reg { return k.Load(emit.At(k.b[0], 64*i)) }
	scale := at(0)
	var least *emit.Reg
	var pairs [4]*emit.Reg
	if form.minima {
		least, pairs = at(1), [4]*emit.Reg{at(2), at(3), at(4), at(5)}
	}
	for r, chain := range k.chains[0] {
		sum := k.Vec()
		k.I("VPSLLD", form.shift, emit.At(k.room, 64*r), sum)
		k.I("VPADDD", emit.At(k.room, wideTile+64*r), sum, sum)
		by := emit.At(k.a, r*wideBytes+ofWideScale)
		k.FMA(chain, k.Float(sum), k.times(scale, by))
		if form.minima {
			low := k.pairSums(pairs, r*wideBytes)
			k.FNMA(chain, k.Float(low), k.times(least, by))
		}
	}
}
