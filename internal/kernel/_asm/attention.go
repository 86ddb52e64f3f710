package main

import (
	"math"

	"github.com/inkstone-ai/inkstone/internal/kernel/_asm/emit"
)

// attention writes what attention does between its products. Scores lie
// transposed, a row for each key and a lane for each query, so that maxima and
// sums over keys go down a vector and nothing is ever added across lanes.
func attention() *emit.File {
	file := &emit.File{Name: "attention"}
	for _, isa := range versions {
		file.Func(isa, "weigh", weighDoc, []emit.Param{
			{Name: "s", Type: "*float32"}, {Name: "ld", Type: "int"},
			{Name: "keys", Type: "int"}, {Name: "q", Type: "*lanes"}, {Name: "lane", Type: "int"}, {Name: "count", Type: "int"},
			{Name: "first", Type: "int"}, {Name: "masked", Type: "int"}, {Name: "scale", Type: "float32"},
		}, weigh)
		file.Func(isa, "slopes", slopesDoc, []emit.Param{
			{Name: "s", Type: "*float32"}, {Name: "dp", Type: "*float32"}, {Name: "ld", Type: "int"},
			{Name: "keys", Type: "int"}, {Name: "q", Type: "*lanes"}, {Name: "lane", Type: "int"}, {Name: "count", Type: "int"},
			{Name: "first", Type: "int"}, {Name: "masked", Type: "int"}, {Name: "scale", Type: "float32"},
		}, slopes)
		file.Func(isa, "scaleRows", scaleRowsDoc, []emit.Param{
			{Name: "x", Type: "*float32"}, {Name: "ld", Type: "int"}, {Name: "by", Type: "*float32"},
			{Name: "rows", Type: "int"}, {Name: "cols", Type: "int"},
		}, scaleRows)
	}
	file.Func(emit.AVX512, "addF16", addF16Doc, []emit.Param{
		{Name: "y", Type: "*float32"}, {Name: "w", Type: "*float32"}, {Name: "src", Type: "*byte"}, {Name: "next", Type: "*byte"},
		{Name: "ld", Type: "int"}, {Name: "rows", Type: "int"}, {Name: "n", Type: "int"},
	}, addF16)
	return file
}

const addF16Doc = `adds rows of n F16 numbers, n a multiple of 16, ld bytes apart, to y, row i times w[i], in their order,
and asks for as many rows from next on.`

const weighDoc = `turns a tile of scores, keys rows of the count lanes from lane on, into
weights exp(scale·s − top) and moves each lane's top and sum on; fade is what
its earlier sums and outputs are to be multiplied by. With masked 1, a lane sees
only the keys of its range; the tile's first key has number first.`

const slopesDoc = `turns a tile of scores s into weights p = exp(scale·s − top), top being the
log-sum-exp, and dp, the gradient of p, into that of the scores,
scale·p·(dp − sum), sum being the row's Σ dy·y. Masks are weigh's.`

const scaleRowsDoc = `multiplies row i of x by by[i]; cols is a whole number of vectors.`

// The fields of Go's struct lanes, 64 numbers each.
const (
	laneTop = 256 * iota
	laneSum
	laneFade
	laneFrom
	laneTo
)

// tile walks the vectors of a tile's lanes.
type tile struct {
	f        *emit.Func
	s, ld, q *emit.Reg
	scale    *emit.Reg
}

// newTile loads what the kernels of a tile share and moves on to its first lane.
func newTile(f *emit.Func) (t tile, count *emit.Reg) {
	t = tile{f: f, s: f.Arg("s"), ld: f.Arg("ld"), q: f.Arg("q"), scale: f.Broadcast(f.ArgMem("scale"))}
	lane := f.Arg("lane")
	f.I("SHLQ", 2, lane)
	f.I("ADDQ", lane, t.s)
	f.I("ADDQ", lane, t.q)
	f.I("SHLQ", 2, t.ld)
	return t, f.Arg("count")
}

func weigh(f *emit.Func) {
	t, count := newTile(f)
	f.While("lanes", count, f.ISA.Lanes, func() {
		old := f.Load(emit.At(t.q, laneTop))
		top := f.Copy(old)
		t.eachMask(func(mask func(*emit.Reg) *emit.Reg) {
			t.rows(func(p *emit.Reg) {
				v := mask(f.Mul(t.scale, emit.At(p, 0)))
				f.Store(v, emit.At(p, 0))
				f.I("VMAXPS", v, top, top)
			})
		})
		f.Store(top, emit.At(t.q, laneTop))
		// A lane that has seen nothing yet has top −∞: −∞ − 0, not −∞ − (−∞).
		none := f.Compare(emit.CmpEQ, top, f.Const(float32(math.Inf(-1))))
		top = f.Select(none, f.Const(0), top)
		fade := expWeight(f, f.Sub(old, top))
		f.Store(fade, emit.At(t.q, laneFade))
		sum := f.Mul(fade, emit.At(t.q, laneSum))
		t.rows(func(p *emit.Reg) {
			w := expWeight(f, f.Sub(f.Load(emit.At(p, 0)), top))
			f.Store(w, emit.At(p, 0))
			f.I("VADDPS", w, sum, sum)
		})
		f.Store(sum, emit.At(t.q, laneSum))
		f.I("ADDQ", f.ISA.Bytes(), t.s)
		f.I("ADDQ", f.ISA.Bytes(), t.q)
	})
	f.Ret()
}

func slopes(f *emit.Func) {
	away := f.Arg("dp")
	f.I("SUBQ", f.ArgMem("s"), away) // dp lies as far from s in every row
	t, count := newTile(f)
	f.While("lanes", count, f.ISA.Lanes, func() {
		lse, sum := f.Load(emit.At(t.q, laneTop)), f.Load(emit.At(t.q, laneSum))
		t.eachMask(func(mask func(*emit.Reg) *emit.Reg) {
			t.rows(func(p *emit.Reg) {
				w := expWeight(f, mask(f.Sub(f.Mul(t.scale, emit.At(p, 0)), lse)))
				f.Store(w, emit.At(p, 0))
				d := f.Sub(f.Load(emit.AtIndex(p, away, 1)), sum)
				f.Store(f.Mul(f.Mul(d, w), t.scale), emit.AtIndex(p, away, 1))
			})
		})
		f.I("ADDQ", f.ISA.Bytes(), t.s)
		f.I("ADDQ", f.ISA.Bytes(), t.q)
	})
	f.Ret()
}

// addF16 goes down the rows with as many vectors of y as hide the latency of a multiply-add, and then with
// what is left. It asks for memory beside the work.
func addF16(f *emit.Func) {
	y, src, next, ld, n := f.Arg("y"), f.Arg("src"), f.Arg("next"), f.Arg("ld"), f.Arg("n")
	f.I("SUBQ", src, next) // how far it is
	for vectors := 8; vectors > 0; vectors /= 2 {
		f.While("columns", n, 16*vectors, func() {
			var sums []*emit.Reg
			for i := range vectors {
				sums = append(sums, f.Load(emit.At(y, 64*i)))
			}
			p, w, rows := f.GP(), f.Arg("w"), f.Arg("rows")
			f.I("MOVQ", src, p)
			f.Repeat("rows", rows, func() {
				by := f.Broadcast(emit.At(w, 0))
				for i, sum := range sums {
					if i%2 == 0 { // a line
						f.I("PREFETCHT0", mem(emit.AtIndex(p, next, 1), 32*i))
					}
					x := f.Vec()
					f.I("VCVTPH2PS", emit.At(p, 32*i), x)
					f.FMA(sum, by, x)
				}
				f.I("ADDQ", 4, w)
				f.I("ADDQ", ld, p)
			})
			for i, sum := range sums {
				f.Store(sum, emit.At(y, 64*i))
			}
			f.I("ADDQ", 32*vectors, src)
			f.I("ADDQ", 64*vectors, y)
		})
	}
	f.Ret()
}

// rows walks down the keys of one vector of lanes.
func (t *tile) rows(body func(p *emit.Reg)) {
	f := t.f
	p, n := f.GP(), f.Arg("keys")
	f.I("MOVQ", t.s, p)
	f.Repeat("keys", n, func() {
		body(p)
		f.I("ADDQ", t.ld, p)
	})
}

// eachMask writes body twice, without a mask and with one that turns scores
// of keys a lane does not see into −∞; the argument masked chooses.
func (t *tile) eachMask(body func(mask func(*emit.Reg) *emit.Reg)) {
	f := t.f
	masked, done := f.NewLabel("masked"), f.NewLabel("weighed")
	f.I("CMPQ", f.ArgMem("masked"), 0)
	f.I("JNE", masked)
	body(func(v *emit.Reg) *emit.Reg { return v })
	f.I("JMP", done)
	f.Place(masked)
	key := f.Vec()
	f.I("VPBROADCASTD", f.ArgMem("first"), key)
	from, to := f.Load(emit.At(t.q, laneFrom)), f.Load(emit.At(t.q, laneTo))
	body(func(v *emit.Reg) *emit.Reg {
		v = f.Select(f.GreaterInt(from, key), f.Const(float32(math.Inf(-1))), v)
		v = f.Select(f.GreaterInt(to, key), v, f.Copy(f.Const(float32(math.Inf(-1)))))
		f.I("VPADDD", f.Bits(1), key, key)
		return v
	})
	f.Place(done)
}

func scaleRows(f *emit.Func) {
	x, ld, by, rows, cols := f.Arg("x"), f.Arg("ld"), f.Arg("by"), f.Arg("rows"), f.Arg("cols")
	f.I("SHLQ", 2, ld)
	f.Repeat("rows", rows, func() {
		a, p, n := f.Broadcast(emit.At(by, 0)), f.GP(), f.GP()
		f.I("MOVQ", x, p)
		f.I("MOVQ", cols, n)
		f.While("cols", n, f.ISA.Lanes, func() {
			f.Store(f.Mul(a, emit.At(p, 0)), emit.At(p, 0))
			f.I("ADDQ", f.ISA.Bytes(), p)
		})
		f.I("ADDQ", ld, x)
		f.I("ADDQ", 4, by)
	})
	f.Ret()
}
