package main

import "github.com/inkstone-ai/inkstone/internal/kernel/_asm/emit"

// Products of many rows by tiles. A panel of B is unpacked first, once for all rows that are at hand:
// of each stretch of k with a scale of its own there are the 16 scales, the 16 minima if there are such,
// and vectors of signed bytes, all as the kernels of fewer rows would have them. A tile instruction then gives
// the sums of 16 rows by 16 columns, which become floats and are added to the chains as those kernels
// do it: the bits are theirs.

// stage unpacks a part: see tiles.
func (d *dot) stage(x part) {
	at := 0
	put := func(v *emit.Reg) {
		d.Store(v, emit.At(d.dst, at))
		at += d.ISA.Bytes()
	}
	put(x.scale(0))
	if x.minimum != nil {
		put(x.minimum(0))
	}
	for w := x.from; w < x.from+x.n; w++ {
		v := x.weights(0, w)
		if x.z != 0 {
			d.I("VPSUBB", d.Bits(uint32(x.z)*0x01010101), v, v)
		}
		put(v)
	}
	d.I("ADDQ", at, d.dst)
}

// tileRows16 is the rows of a tile, which are those of a piece of A.
const tileRows16 = 16

// Tiles as they are configured: sums, and for a block of 32 and for one of 16 k rows of A and of B.
const (
	sumTile  emit.Tile = 0 // and 1
	leftTile emit.Tile = 2
	leftHalf emit.Tile = 3
	bTile    emit.Tile = 4
	bHalf    emit.Tile = 5
)

// tileShape is the configuration: bytes of a row of each tile from byte 16 on, two to a word, and rows from byte 48 on.
var tileShape = [16]uint32{0: 1, 4: 64 | 64<<16, 5: 32 | 16<<16, 6: 64 | 64<<16, 12: 16 | 16<<8 | 16<<16 | 16<<24, 13: 8 | 4<<8}

// tileParams are those of all kernels of tiles.
var tileParams = []emit.Param{
	{Name: "c", Type: "*float32"}, {Name: "ldc", Type: "int"}, {Name: "a", Type: "*byte"}, {Name: "as", Type: "int"},
	{Name: "b", Type: "*byte"}, {Name: "room", Type: "*byte"}, {Name: "n", Type: "int"}, {Name: "acc", Type: "int"}, {Name: "pieces", Type: "int"}, {Name: "next", Type: "*byte"},
}

func tiles(file *emit.File) {
	file.Func(emit.AMX, "tile", `adds n blocks of 32 k of a panel that is unpacked to pieces of 16 rows, by 16 columns, of c, ldc apart, or
sets them when acc is 0. Pieces are as bytes apart in a; room is 1 KB. What lies at next, 128 bytes for each
block and piece, is asked for meanwhile.`, tileParams, func(f *emit.Func) {
		k := newTileKernel(f, "shape", tileShape)
		k.parts = 1
		k.run(func() {
			k.While("two", k.n, 2, k.two)
			k.When(k.n, func() {
				k.multiply(0)
				k.gather(0)
			})
		})
	})
	file.Func(emit.AMX, "tileHalvesMin", `is tile of blocks with a scale and a minimum for each 16 k.`, tileParams, func(f *emit.Func) {
		k := newTileKernel(f, "shape", tileShape)
		k.parts = 2
		k.run(func() { k.Repeat("block", k.n, k.two) })
	})
	wideTiles(file)
}

// A tileKernel is one in writing.
type tileKernel struct {
	*dot
	parts              int // of a block of 32 k: two have minima
	room, stride, next *emit.Reg
}

func newTileKernel(f *emit.Func, name string, config [16]uint32) *tileKernel {
	k := &tileKernel{dot: newDot(f, tileRows16, 1)}
	shape := f.GP()
	f.I("LEAQ", f.Table(name, config), shape)
	f.I("LDTILECFG", emit.At(shape, 0))
	k.stride, k.room, k.next = f.GP(), f.Arg("room"), f.Arg("next")
	f.I("MOVQ", 64, k.stride) // of rows of B and of sums, and of A's records of 32 k
	return k
}

// run computes C by pieces of 16 rows: blocks goes through those of A and of the panel.
func (k *tileKernel) run(blocks func()) {
	c, a, pieces := k.Arg("c"), k.Arg("a"), k.Arg("pieces")
	k.Repeat("piece", pieces, func() {
		k.a, k.b, k.n = k.GP(), []*emit.Reg{k.Arg("b")}, k.Arg("n")
		k.I("MOVQ", a, k.a)
		k.start(c)
		blocks()
		k.eachChain(c, func(p, i int, at emit.Mem) { k.Store(k.chains[p][i], at) })
		k.I("ADDQ", k.ArgMem("as"), a)
	})
	k.I("TILERELEASE")
	k.Ret()
}

// two multiplies two parts, gathers both and goes on.
func (k *tileKernel) two() {
	for i := range 2 {
		k.multiply(i)
		k.gather(i)
	}
	_, size := k.partBytes()
	lines := 4 / k.parts
	for i := range lines {
		k.I("PREFETCHT1", emit.At(k.next, 64*i))
	}
	k.I("ADDQ", 64*lines, k.next)
	k.skip(2 / k.parts)
	k.I("ADDQ", 2*size, k.b[0])
}

// partBytes is what a part of an unpacked panel has before its bytes, and its size.
func (k *tileKernel) partBytes() (head, all int) {
	head = 64 * k.parts
	return head, head + 8*64/k.parts
}

// partAt is where part i from here lies: its records of A, and the panel's.
func (k *tileKernel) partAt(i int) (a, b int) {
	_, size := k.partBytes()
	if k.parts == 2 {
		return 0, i * size
	}
	return i * tileRows16 * recordBytes, i * size
}

// multiply leaves the sums of part i in the room.
func (k *tileKernel) multiply(i int) {
	head, _ := k.partBytes()
	a, b := k.partAt(i)
	left, right := leftTile, bTile
	if k.parts == 2 {
		left, right, a = leftHalf, bHalf, 16*i
	}
	sums := sumTile + emit.Tile(i)
	k.I("TILEZERO", sums)
	k.I("TILELOADD", place(k.a, k.stride, a), left)
	k.I("TILELOADD", place(k.b[0], k.stride, b+head), right)
	k.I("TDPBSSD", right, left, sums)
	k.I("TILESTORED", sums, place(k.room, k.stride, 0))
}

// gather adds the sums of part i, scaled, to the chains.
func (k *tileKernel) gather(i int) {
	a, b := k.partAt(i)
	scale := k.Load(emit.At(k.b[0], b))
	var minimum *emit.Reg
	if k.parts == 2 {
		minimum = k.Load(emit.At(k.b[0], b+64))
	}
	for r, chain := range k.chains[0] {
		record := emit.At(k.a, a+r*recordBytes)
		sum := k.Vec()
		k.I("VCVTDQ2PS", emit.At(k.room, 64*r), sum)
		record.Disp += ofScale
		k.FMA(chain, sum, k.times(scale, record))
		if minimum != nil {
			record.Disp = a + r*recordBytes + ofSum + 4*(1+i)
			k.lessTimes(chain, minimum, record)
		}
	}
}
