package main

import "github.com/inkstone-ai/inkstone/internal/kernel/_asm/emit"

// dropout writes dropout with the generator Philox4x32-10 (Salmon et al. 2011).
func dropout() *emit.File {
	file := &emit.File{Name: "dropout"}
	for _, isa := range versions {
		file.Func(isa, "dropout", `sets y to x·scale where the next number of Philox is ≥ rate, else to 0. Numbers
start with block; n is a multiple of twice a vector.`, []emit.Param{
			{Name: "y", Type: "*float32"}, {Name: "x", Type: "*float32"}, {Name: "n", Type: "int"}, {Name: "block", Type: "uint64"},
			{Name: "k0", Type: "uint32"}, {Name: "k1", Type: "uint32"}, {Name: "rate", Type: "float32"}, {Name: "scale", Type: "float32"},
		}, dropoutRow)
	}
	return file
}

// Philox's multipliers and the increments of its keys.
const (
	philoxM0 = 0xD2511F53
	philoxM1 = 0xCD9E8D57
	philoxW0 = 0x9E3779B9
	philoxW1 = 0xBB67AE85
)

// dropoutRow makes the four words of as many blocks as a vector has 64-bit
// lanes: two vectors of numbers. A lane's upper half is noise, which products
// and shifts do not see.
func dropoutRow(f *emit.Func) {
	y, x, n := f.Arg("y"), f.Arg("x"), f.Arg("n")
	block, k0, k1 := f.Vec(), f.Broadcast(f.ArgMem("k0")), f.Broadcast(f.ArgMem("k1"))
	f.I("VPBROADCASTQ", f.ArgMem("block"), block)
	f.I("VPADDQ", blockOrder(f), block, block)
	step := f.Table("step"+f.ISA.Name, longs(f.ISA.Lanes/2, func(int) uint64 { return uint64(f.ISA.Lanes / 2) }))
	f.While("blocks", n, 2*f.ISA.Lanes, func() {
		for i, words := range interleaved(f, philox(f, block, k0, k1)) {
			keep(f, words, emit.At(x, i*f.ISA.Bytes()), emit.At(y, i*f.ISA.Bytes()))
		}
		f.I("VPADDQ", step, block, block)
		f.I("ADDQ", 2*f.ISA.Bytes(), x)
		f.I("ADDQ", 2*f.ISA.Bytes(), y)
	})
	f.Ret()
}

// blockOrder numbers the blocks of the lanes so that interleaved has them in
// rising order: the first lanes of all pairs, then the second ones.
func blockOrder(f *emit.Func) emit.Mem {
	pairs := f.ISA.Lanes / 4
	return f.Table("order"+f.ISA.Name, longs(2*pairs, func(i int) uint64 { return uint64(i/2 + i%2*pairs) }))
}

// longs are n 64-bit lanes as words.
func longs(n int, value func(i int) uint64) (words [16]uint32) {
	for i := range n {
		words[2*i], words[2*i+1] = uint32(value(i)), uint32(value(i)>>32)
	}
	return words
}

// philox is ten rounds; the words of a block are the low halves of its lane in four vectors.
func philox(f *emit.Func, block, k0, k1 *emit.Reg) (c [4]*emit.Reg) {
	m0, m1 := f.Bits(philoxM0), f.Bits(philoxM1)
	c = [4]*emit.Reg{block, f.ShiftRightLong(block, 32), f.Zero(), f.Zero()}
	for round := range 10 {
		p0, p1 := f.MulLow(c[0], m0), f.MulLow(c[2], m1)
		c = [4]*emit.Reg{
			f.Xor(f.Xor(f.ShiftRightLong(p1, 32), c[1]), k0), p1,
			f.Xor(f.Xor(f.ShiftRightLong(p0, 32), c[3]), k1), p0,
		}
		if round < 9 {
			k0, k1 = f.AddInt(k0, f.Bits(philoxW0)), f.AddInt(k1, f.Bits(philoxW1))
		}
	}
	return c
}

// interleaved has the four words of each block side by side: of the first
// lanes of all pairs, and of the second.
func interleaved(f *emit.Func, c [4]*emit.Reg) [2]*emit.Reg {
	const even, odd = 0x88, 0xdd
	a, b := f.Shuffle(even, c[0], c[1]), f.Shuffle(even, c[2], c[3])
	return [2]*emit.Reg{f.Shuffle(even, a, b), f.Shuffle(odd, a, b)}
}

// keep stores x·scale where the number made of the words' upper 24 bits, in [0, 1), is ≥ rate.
func keep(f *emit.Func, words *emit.Reg, x, y emit.Mem) {
	u := f.Mul(f.Float(f.ShiftRight(words, 8)), f.Const(1.0/(1<<24)))
	kept := f.Compare(emit.CmpGE, u, f.Broadcast(f.ArgMem("rate")))
	f.Store(f.Select(kept, f.Mul(f.Load(x), f.Broadcast(f.ArgMem("scale"))), f.Zero()), y)
}
