package cpu

import (
	"math"

	"github.com/inkstone-ai/inkstone/internal/kernel"
)

// Norms over a set of rows. Each set is cut into chunks of rows; a chunk's two sums for
// each channel are taken side by side, then those of a set's chunks are joined in
// float64, in order. What is left is x·scale + shift with a scale and a shift for each
// set and channel.

// momentsTask takes the sums of chunks: without dy, of x its mean and the sum of squares
// of what differs from it (Chan, Golub & LeVeque 1979, to be joined without cancellation);
// with dy, Σ dy and Σ dy·(x − mean), mean that of the set and channel.
type momentsTask struct {
	v           *vectors
	x, dy       mat
	means       []float32     // (sets, C), of a gradient
	gate        *gate         // of a gradient; nil: dy as it is
	squares     kernel.Window // of a gradient of the largest of squares; without area: none
	rows        int           // of a set
	chunk       int           // rows of a chunk
	chunks      int           // of a set
	wide        int           // rows taken together
	first, next []float32     // (sets·chunks, C) each
}

// momentRows is the number of rows of a chunk: its elements stay in the first cache.
func momentRows(cols int) int { return max(1, 4096/max(1, cols)) }

// sums runs the task over all chunks. What it returns is valid until the next operation.
func (t *momentsTask) sums(d *device, sets int, more int) (room []float32) {
	t.chunk, t.wide = momentRows(t.x.Cols), wideRows(t.x, t.dy)
	t.chunks = groups(t.rows, t.chunk)
	if t.squares.H > 0 {
		t.chunk = momentRows(4 * t.squares.OutW() * t.x.Cols)
		t.chunks = groups(squareLines(&t.squares, t.rows), t.chunk)
	}
	n := sets * t.chunks * t.x.Cols
	room = d.partial(2*n + more)
	t.first, t.next = room[:n], room[n:2*n]
	d.moments = *t
	d.parallel(sets*t.chunks, &d.moments)
	return room[2*n:]
}

func (t *momentsTask) tile(w *worker, i int) {
	set, C := i/t.chunks, t.x.Cols
	from := set*t.rows + i%t.chunks*t.chunk
	to := min(from+t.chunk, (set+1)*t.rows)
	first, next := t.first[i*C:(i+1)*C], t.next[i*C:(i+1)*C]
	switch {
	case t.squares.H > 0:
		t.squareSums(first, next, set, i%t.chunks*t.chunk)
	case t.dy.Nil():
		x := kernel.Elements[float32](t.x.Buf)[t.x.Index(from, 0):]
		t.v.moments(first, next, x, t.x.Stride, to-from, 1/float32(to-from))
	default:
		t.rowSums(w, first, next, set, from, to)
	}
}

// rowSums are those of a gradient, over some rows of a set.
func (t *momentsTask) rowSums(w *worker, first, next []float32, set, from, to int) {
	C := t.x.Cols
	n := t.wide * C
	room := w.scratch((4 + gateRows) * n)
	d, means, sums, squares := room[:n], room[n:2*n], room[2*n:3*n], room[3*n:4*n]
	clear(sums)
	clear(squares)
	repeat(means, t.means[set*C:(set+1)*C])
	g := t.gate.of(set, C, room[4*n:])
	for r := from; r < to; r += t.wide {
		x, dy := t.some(t.x, r, to), t.some(t.dy, r, to)
		dy = g.through(t.v, x, dy)
		t.v.add(sums[:len(x)], sums[:len(x)], dy)
		t.v.subtract(d[:len(x)], x, means[:len(x)])
		t.v.mulAdd(squares[:len(x)], d[:len(x)], dy)
	}
	t.collapse(first, sums)
	t.collapse(next, squares)
}

// wideRow is the number of elements that a vector function is to have at least.
const wideRow = 512

// wideRows is the number of rows that are taken together: several short ones, where they
// lie side by side.
func wideRows(ms ...mat) int {
	for _, m := range ms {
		if !m.Nil() && m.Stride != m.Cols {
			return 1
		}
	}
	return max(1, wideRow/max(1, ms[0].Cols))
}

// some are the rows of m from r on that are taken together, none from to on.
func (t *momentsTask) some(m mat, r, to int) []float32 { return rowsTogether(m, r, min(t.wide, to-r)) }

func rowsTogether(m mat, r, n int) []float32 {
	at := m.Index(r, 0)
	return kernel.Elements[float32](m.Buf)[at : at+n*m.Cols]
}

// repeat fills dst with copies of row.
func repeat(dst, row []float32) {
	for at := 0; at < len(dst); at += len(row) {
		copy(dst[at:], row)
	}
}

// collapse adds the copies of a row in sums.
func (t *momentsTask) collapse(row, sums []float32) {
	copy(row, sums)
	for at := len(row); at < len(sums); at += len(row) {
		t.v.add(row, row, sums[at:at+len(row)])
	}
}

// joined is the mean and the sum of squared differences of a set and a group.
func (t *momentsTask) joined(set, from, to int) (n, mean, square float64) {
	C := t.x.Cols
	for k := range t.chunks {
		rows := float64(min(t.chunk, t.rows-k*t.chunk))
		for c := from; c < to; c++ {
			at := (set*t.chunks+k)*C + c
			d := float64(t.first[at]) - mean
			all := n + rows
			mean += d * rows / all
			square += float64(t.next[at]) + d*d*n*rows/all
			n = all
		}
	}
	return n, mean, square
}

// channel is the two sums of a set and a channel.
func (t *momentsTask) channel(set, c int) (first, next float64) {
	for k := range t.chunks {
		at := (set*t.chunks+k)*t.x.Cols + c
		first += float64(t.first[at])
		next += float64(t.next[at])
	}
	return first, next
}

// GroupNorm goes over x three times, the first two a chunk at a time.
func (d *device) GroupNorm(y, stats, x, w, b mat, p kernel.GroupNormParams) {
	rows, sets, groups := kernel.CheckGroupNorm(y, stats, x, w, b, p), p.Sets, p.Groups
	C, width := x.Cols, x.Cols/groups
	if rows == 0 {
		return
	}
	t := momentsTask{v: &d.vectors, x: x, rows: rows}
	room := t.sums(d, sets, 2*sets*C)
	scale, shift := room[:sets*C], room[sets*C:]
	for s := range sets {
		for g := range groups {
			n, mean, square := t.joined(s, g*width, (g+1)*width)
			rstd := 1 / math.Sqrt(square/n+float64(p.Eps))
			if !stats.Nil() {
				row := kernel.Row[float32](stats, s*groups+g)
				row[0], row[1] = float32(mean), float32(rstd)
			}
			for c := g * width; c < (g+1)*width; c++ {
				by := rstd * element(w, c, 1)
				scale[s*C+c], shift[s*C+c] = float32(by), float32(element(b, c, 0)-mean*by)
			}
		}
	}
	if p.Max.H > 0 {
		d.normMax(y, x, scale, shift, p.Max, rows)
		return
	}
	d.affine = affineTask{lines: rowsOf(x.Rows, C), v: &d.vectors, y: y, a: x, scaleA: scale, shift: shift, rows: rows, wide: wideRows(x, y), relu: p.ReLU}
	d.parallel(d.affine.tiles(), &d.affine)
}

// element is element c of an optional row.
func element(m mat, c int, otherwise float64) float64 {
	if m.Nil() {
		return otherwise
	}
	return float64(f32At(m, c))
}

// GroupNormGrad, with x̂ = (x−mean)/σ and g = dy·w: dx = (g − mean(g) − x̂·mean(g·x̂))/σ,
// which is dy·scale + x·along + shift with numbers of the set and channel.
func (d *device) GroupNormGrad(dx, dw, db, x, w, b, dy, stats mat, p kernel.GroupNormParams, acc bool) {
	rows, sets, groups := kernel.CheckGroupNormGrad(dx, dw, db, x, w, b, dy, stats, p), p.Sets, p.Groups
	if rows == 0 {
		return
	}
	C := x.Cols
	means := d.groupMeans(stats, sets, groups, C)
	t := momentsTask{v: &d.vectors, x: x, dy: dy, means: means, rows: rows, gate: d.gateOf(stats, w, b, p, C), squares: p.Max}
	room := t.sums(d, sets, 3*sets*C)
	scale, along, shift := room[:sets*C], room[sets*C:2*sets*C], room[2*sets*C:]
	for s := range sets {
		for g := range groups {
			t.slopes(s, g, C/groups, kernel.Row[float32](stats, s*groups+g), w, dw, db, scale[s*C:], along[s*C:], shift[s*C:])
		}
	}
	if p.Max.H > 0 {
		d.normMaxGrad(&t, dx, scale, along, shift, acc)
		return
	}
	d.affine = affineTask{lines: rowsOf(x.Rows, C), v: &d.vectors, y: dx, a: dy, b: x, scaleA: scale, scaleB: along, shift: shift, rows: rows, wide: wideRows(x, dx, dy), gate: t.gate, acc: acc}
	d.parallel(d.affine.tiles(), &d.affine)
}

// groupMeans spreads the means of groups over channels.
func (d *device) groupMeans(stats mat, sets, groups, C int) []float32 {
	if n := sets*C + wholeVectors; len(d.means) < n {
		d.means = make([]float32, n)
	}
	for i := range sets * groups {
		fillRow(d.means[i*(C/groups):(i+1)*(C/groups)], kernel.Row[float32](stats, i)[0])
	}
	return d.means[:sets*C+wholeVectors]
}

// slopes turns the sums of a set and a group into what affine needs, and adds to dw and db.
func (t *momentsTask) slopes(set, group, width int, stats []float32, w, dw, db mat, scale, along, shift []float32) {
	mean, rstd := float64(stats[0]), float64(stats[1])
	n, sum, slope := float64(t.rows*width), 0.0, 0.0
	for c := group * width; c < (group+1)*width; c++ {
		first, next := t.channel(set, c)
		sum += first * element(w, c, 1) / n
		slope += next * rstd * element(w, c, 1) / n
		if !dw.Nil() {
			kernel.Row[float32](dw, 0)[c] += float32(next * rstd)
		}
		if !db.Nil() {
			kernel.Row[float32](db, 0)[c] += float32(first)
		}
	}
	for c := group * width; c < (group+1)*width; c++ {
		scale[c] = float32(rstd * element(w, c, 1))
		along[c] = float32(-rstd * rstd * slope)
		shift[c] = float32(-rstd*sum + mean*rstd*rstd*slope)
	}
}

// A gate lets through what a ReLU after the norm did: where x·scale + shift, the norm, is
// above 0.
type gate struct{ scale, shift []float32 } // (sets, C)

// gateOf is the gate of a gradient, nil without ReLU. Its rows are in memory that d keeps.
func (d *device) gateOf(stats, w, b mat, p kernel.GroupNormParams, C int) *gate {
	if !p.ReLU {
		return nil
	}
	n := p.Sets * C
	if len(d.gates) < 2*n {
		d.gates = make([]float32, 2*n)
	}
	d.gate = gate{d.gates[:n], d.gates[n : 2*n]}
	width := C / p.Groups
	for i := range p.Sets * p.Groups {
		row := kernel.Row[float32](stats, i)
		for k := range width {
			c := i%p.Groups*width + k
			by := float64(row[1]) * element(w, c, 1)
			at := i/p.Groups*C + c
			d.gate.scale[at], d.gate.shift[at] = float32(by), float32(element(b, c, 0)-float64(row[0])*by)
		}
	}
	return &d.gate
}

// gateRows is the number of wide rows that a tile's gate takes of the worker's memory.
const gateRows = 4

// A tileGate is the gate of one set, its rows repeated; the zero value lets all through.
type tileGate struct{ scale, shift, norm, dy []float32 }

// of is the gate of a set, in room for gateRows wide rows.
func (g *gate) of(set, C int, room []float32) (t tileGate) {
	if g == nil {
		return t
	}
	n := len(room) / gateRows
	t = tileGate{room[:n], room[n : 2*n], room[2*n : 3*n], room[3*n:]}
	repeat(t.scale, g.scale[set*C:(set+1)*C])
	repeat(t.shift, g.shift[set*C:(set+1)*C])
	return t
}

// through is the part of dy that passes where the norm of x is above 0.
func (t *tileGate) through(v *vectors, x, dy []float32) []float32 {
	if t.scale == nil {
		return dy
	}
	n := len(x)
	copy(t.norm[:n], t.shift)
	v.mulAdd(t.norm[:n], x, t.scale[:n])
	v.slope[kernel.ReLU](t.dy[:n], t.norm[:n], t.norm[:n], dy, 0, 0, false)
	return t.dy[:n]
}

// affineTask sets y (+)= a·scaleA + b·scaleB + shift, b optional, with a row of scales
// and shifts for each set of rows. y may be a.
type affineTask struct {
	lines
	v                     *vectors
	y, a, b               mat
	scaleA, scaleB, shift []float32 // (sets, C)
	rows                  int       // of a set
	wide                  int       // rows taken together
	gate                  *gate     // of a, by b; nil: a as it is
	relu                  bool      // what is below 0 becomes 0
	acc                   bool
}

func (t *affineTask) tile(w *worker, i int) {
	from, to := t.of(i)
	n := t.wide * t.cols
	room := w.scratch((4 + gateRows) * n)
	sum, scaleA, scaleB, shift := room[:n], room[n:2*n], room[2*n:3*n], room[3*n:4*n]
	var g tileGate
	for r, set := from, -1; r < to; {
		if s := r / t.rows; s != set {
			set = s
			at := set * t.cols
			repeat(shift, t.shift[at:at+t.cols])
			repeat(scaleA, t.scaleA[at:at+t.cols])
			if !t.b.Nil() {
				repeat(scaleB, t.scaleB[at:at+t.cols])
				g = t.gate.of(set, t.cols, room[4*n:])
			}
		}
		some := min(t.wide, to-r, (set+1)*t.rows-r)
		n := some * t.cols
		y := rowsTogether(t.y, r, some)
		copy(sum[:n], shift)
		a := rowsTogether(t.a, r, some)
		if !t.b.Nil() {
			b := rowsTogether(t.b, r, some)
			a = g.through(t.v, b, a)
			t.v.mulAdd(sum[:n], b, scaleB[:n])
		}
		t.v.mulAdd(sum[:n], a, scaleA[:n])
		switch {
		case t.relu:
			t.v.unary[kernel.ReLU](y, sum[:n], 0, 0)
		case t.acc:
			t.v.add(y, y, sum[:n])
		default:
			copy(y, sum[:n])
		}
		r += some
	}
}
