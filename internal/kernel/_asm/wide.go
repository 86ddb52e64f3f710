package main

import "github.com/inkstone-ai/inkstone/internal/kernel/_asm/emit"

// Types whose scales of 32 or 16 k are whole numbers times a scale of 256: where the 256 numbers of A share a
// scale too, the products of the whole block are added in integers, and become floats once.
//
// A wide record has two halves of 128 k: their bytes; the scale; the sums of bytes of each 32, two of 16 bits
// to a word, against which pairs of minima are multiplied; −32 times the sums of each 16.
const (
	wideBytes   = 2 * wideHalf
	wideHalf    = 192
	ofWideScale = 128
	ofWidePairs = 132
	ofWideZ     = 144
)

// begin sets C to zeros where it is not added to: after each block its elements are in memory.
func (d *dot) begin() {
	begin := d.NewLabel("begin")
	d.I("CMPQ", d.ArgMem("acc"), 0)
	d.I("JNE", begin)
	zero, at := d.Zero(), d.GP()
	d.I("MOVQ", d.c, at)
	d.eachChain(at, func(_, _ int, at emit.Mem) { d.Store(zero, at) })
	d.Place(begin)
}

// addWhole adds a part's sums, times its scale, a whole number, to the sums of the block.
func (d *dot) addWhole(x part) {
	if d.dst != nil {
		x.spread(x)
		return
	}
	sums := d.sums(x)
	for p := range sums {
		scale := x.scale(p)
		for i, sum := range sums[p] {
			d.I("VPMULLD", scale, sum, sum)
			d.I("VPADDD", sum, d.whole[p][i], d.whole[p][i])
		}
	}
}

// clearWhole begins a block.
func (d *dot) clearWhole() {
	if d.dst != nil {
		return
	}
	d.whole = accumulators(d.Func, d.panels, d.rows)
	for _, v := range flat(d.whole) {
		d.I(xor(d.Func), v, v, v)
	}
}

// nextHalf goes on by 128 k of A, or behind what was unpacked of as many.
func (d *dot) nextHalf() {
	if d.dst != nil {
		d.I("ADDQ", 2*wideStep, d.dst)
	} else {
		d.I("ADDQ", wideHalf, d.a)
	}
}

// nextWide goes on to the next block of A, of the panels and of what is unpacked.
func (d *dot) nextWide(bytes int) {
	if d.dst == nil && d.rows > 1 {
		d.I("ADDQ", (d.rows-1)*wideBytes, d.a)
	}
	for _, b := range d.b {
		d.I("ADDQ", bytes, b)
	}
}

// settle scales a block's sums and adds them to C, and takes off its minima.
func (d *dot) settle(first *stream, minima bool) {
	if d.dst != nil {
		return
	}
	at := d.GP()
	d.I("MOVQ", d.c, at)
	var scale, least *emit.Reg
	var pairs [4]*emit.Reg
	d.eachChain(at, func(p, i int, c emit.Mem) {
		if i == 0 {
			scale = first.halves(p, 0)
			if minima {
				least, pairs = first.halves(p, 32), first.pairs(p)
			}
		}
		record := i*wideBytes - wideBytes // A's place is behind the first row's
		sum, by := d.Load(c), emit.At(d.a, record+ofWideScale)
		d.FMA(sum, d.Float(d.whole[p][i]), d.times(scale, by))
		if minima {
			low := d.pairSums(pairs, record)
			d.FNMA(sum, d.Float(low), d.times(least, by))
		}
		d.Store(sum, c)
	})
}

// pairs are the minima, two neighbours to a word.
func (s *stream) pairs(p int) (pairs [4]*emit.Reg) {
	for j := range pairs {
		pairs[j] = s.d.Vec()
		s.d.I("VPMOVZXBW", s.lanes(p, 192+32*j, 2), pairs[j])
	}
	return pairs
}

// pairSums is the sum of minima times the sums of A's bytes, of the record so far from A's place.
func (d *dot) pairSums(pairs [4]*emit.Reg, record int) *emit.Reg {
	sum := d.Vec()
	d.I(xor(d.Func), sum, sum, sum)
	for j, m := range pairs {
		at := emit.At(d.a, record+j/2*wideHalf+ofWidePairs+j%2*4)
		if d.ISA.Wide() {
			d.I("VPDPWSSD.BCST", at, m, sum)
			continue
		}
		two := d.word(at)
		d.I("VPMADDWD", m, two, two)
		d.I("VPADDD", two, sum, sum)
	}
	return sum
}

// nibbles256 has 16 scales and 16 scales of minima, then eight times 16 scales as bytes and four times 16 pairs
// of minima, then eight vectors of fifth bits if there are such, one for each 32 k: bit w of a byte belongs to the
// vector number w of them. Then there are 32 vectors of half-bytes. Of each
// eight of them the lower halves are one block of 32 k and the upper ones the next.
func (d *dot) nibbles256(fifth bool) {
	fifths := 0
	if fifth {
		fifths = 8 * 64
	}
	d.wide = true
	d.columns(func() {
		half := d.halves()
		var sixteen *emit.Reg
		if fifth {
			half.high, sixteen = nil, d.Load(d.Bits(0x10101010))
		}
		d.Repeat("block", d.n, func() {
			first, at, q, two := d.behind(0, false), d.behind(64, true), d.behind(header4K+fifths, true), d.GP()
			var bits *stream
			if fifth {
				bits = d.behind(header4K, true)
			}
			first.ahead(header4K)
			d.stageHeader(first, true)
			d.clearWhole()
			d.I("MOVQ", 2, two)
			d.Loop("half", func() {
				for pair := range 2 {
					q.ahead(8 * 64)
					if fifth {
						bits.ahead(2 * 64)
					}
					for h := range 2 {
						d.addWhole(part{n: 8, block: 2*pair + h, spread: d.spreadByEight,
							scale: func(p int) *emit.Reg { return at.scales(p, 16*h, false) },
							weights: func(p, w int) *emit.Reg {
								if fifth {
									return half.join(d.And(d.shifted(bits.vector(p, h), w-4), sixteen), q.vector(p, w), h)
								}
								return half.of(q.vector(p, w), h)
							},
							sixteens: func(int) bool { return half.sixteens(h) }})
					}
					if fifth {
						bits.move(2 * 64)
					}
					at.move(32)
					q.move(8 * 64)
				}
				d.nextHalf()
				d.I("DECQ", two)
			})
			d.settle(first, true)
			d.nextWide(header4K + fifths + 32*64)
		})
	})
}

// sixBits has 16 scales, then 16 times 16 signed bytes that scale 16 k each, then twice: 16 vectors
// of lower half-bytes and eight of upper pairs of bits; 32 above their value.
func (d *dot) sixBits() {
	d.wide = true
	d.columns(func() {
		half, high := d.halves(), d.Load(d.Bits(0x30303030))
		half.high = nil
		d.Repeat("block", d.n, func() {
			first, at, q, two := d.behind(0, false), d.behind(32, true), d.behind(32+256, true), d.GP()
			first.ahead(32 + 256)
			d.stageHeader(first, false)
			d.clearWhole()
			d.I("MOVQ", 2, two)
			d.Loop("half", func() {
				q.ahead(24 * 64)
				for s := range 4 {
					for h := range 2 {
						d.addWhole(part{from: 4 * h, n: 4, which: 1 + h, z: 32, block: s, spread: d.spreadBy128,
							scale: func(p int) *emit.Reg { return at.scales(p, 16*(2*s+h), true) },
							weights: func(p, w int) *emit.Reg {
								// the pair of bits number s of each byte, as bits 4 and 5
								upper := d.And(d.shifted(q.vector(p, 16+w), 2*s-4), high)
								return half.join(upper, q.vector(p, s%2*8+w), s/2)
							}})
					}
				}
				d.nextHalf()
				at.move(128)
				q.move(24 * 64)
				d.I("DECQ", two)
			})
			d.settle(first, false)
			d.nextWide(panel6K)
		})
	})
}

// roundWide is roundBlocks of wide records.
func roundWide(f *emit.Func) {
	dst, stride, src, n := f.Arg("dst"), f.Arg("stride"), f.Arg("src"), f.Arg("n")
	f.I("SUBQ", wideBytes, stride)
	minus := f.Load(f.Bits(0xffffffe0)) // −32
	f.Repeat("block", n, func() {
		count := f.GP()
		var top *emit.Reg
		for i := range 8 {
			top = topOf(f, top, block32(f, src, i))
		}
		scale, rate := scaleOf(f, top)
		f.I("MOVQ", 2, count)
		f.Loop("half", func() {
			f.I("VMOVSS", scale.Low("X"), emit.At(dst, ofWideScale))
			for g := range 4 {
				sums := bytesOf(f, emit.At(dst, 32*g), block32(f, src, 0), rate)
				f.I("VPEXTRW", 0, sums[0].Low("X"), emit.At(dst, ofWidePairs+2*g))
				for h, s := range sums[1:] {
					f.I("VPMULLD", minus, s, s)
					f.I("VMOVSS", s.Low("X"), emit.At(dst, ofWideZ+4*(2*g+h)))
				}
				f.I("ADDQ", 128, src)
			}
			f.I("ADDQ", wideHalf, dst)
			f.I("DECQ", count)
		})
		f.I("ADDQ", stride, dst)
	})
	f.Ret()
}
