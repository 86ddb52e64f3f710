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
	means       []float32 // (sets, C), of a gradient
	rows        int       // of a set
	chunk       int       // rows of a chunk
	chunks      int       // of a set
	first, next []float32 // (sets·chunks, C) each
}

// momentRows is the number of rows of a chunk: its elements stay in the first cache.
func momentRows(cols int) int { return max(1, 4096/max(1, cols)) }

// sums runs the task over all chunks. What it returns is valid until the next operation.
func (t *momentsTask) sums(d *device, sets int, more int) (room []float32) {
	t.chunk = momentRows(t.x.Cols)
	t.chunks = groups(t.rows, t.chunk)
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
	clear(first)
	clear(next)
	d := w.scratch(C)
	if t.dy.Nil() {
		for r := from; r < to; r++ {
			t.v.add(first, first, kernel.Row[float32](t.x, r))
		}
		t.v.unary[kernel.MulScalar](first, first, 1/float32(to-from), 0)
		for r := from; r < to; r++ {
			t.v.subtract(d, kernel.Row[float32](t.x, r), first)
			t.v.mulAdd(next, d, d)
		}
		return
	}
	means := t.means[set*C : (set+1)*C]
	for r := from; r < to; r++ {
		dy := kernel.Row[float32](t.dy, r)
		t.v.add(first, first, dy)
		t.v.subtract(d, kernel.Row[float32](t.x, r), means)
		t.v.mulAdd(next, d, dy)
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
func (d *device) GroupNorm(y, stats, x, w, b mat, sets, groups int, eps float32) {
	rows := kernel.CheckGroupNorm(y, stats, x, w, b, sets, groups)
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
			rstd := 1 / math.Sqrt(square/n+float64(eps))
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
	d.affine = affineTask{lines: rowsOf(x.Rows, C), v: &d.vectors, y: y, a: x, scaleA: scale, shift: shift, rows: rows}
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
func (d *device) GroupNormGrad(dx, dw, db, x, w, dy, stats mat, sets, groups int, acc bool) {
	rows := kernel.CheckGroupNormGrad(dx, dw, db, x, w, dy, stats, sets, groups)
	if rows == 0 {
		return
	}
	C := x.Cols
	means := d.groupMeans(stats, sets, groups, C)
	t := momentsTask{v: &d.vectors, x: x, dy: dy, means: means, rows: rows}
	room := t.sums(d, sets, 3*sets*C)
	scale, along, shift := room[:sets*C], room[sets*C:2*sets*C], room[2*sets*C:]
	for s := range sets {
		for g := range groups {
			t.slopes(s, g, C/groups, kernel.Row[float32](stats, s*groups+g), w, dw, db, scale[s*C:], along[s*C:], shift[s*C:])
		}
	}
	d.affine = affineTask{lines: rowsOf(x.Rows, C), v: &d.vectors, y: dx, a: dy, b: x, scaleA: scale, scaleB: along, shift: shift, rows: rows, acc: acc}
	d.parallel(d.affine.tiles(), &d.affine)
}

// groupMeans spreads the means of groups over channels.
func (d *device) groupMeans(stats mat, sets, groups, C int) []float32 {
	if len(d.means) < sets*C {
		d.means = make([]float32, sets*C)
	}
	for i := range sets * groups {
		fillRow(d.means[i*(C/groups):(i+1)*(C/groups)], kernel.Row[float32](stats, i)[0])
	}
	return d.means[:sets*C]
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

// affineTask sets y (+)= a·scaleA + b·scaleB + shift, b optional, with a row of scales
// and shifts for each set of rows. y may be a.
type affineTask struct {
	lines
	v                     *vectors
	y, a, b               mat
	scaleA, scaleB, shift []float32 // (sets, C)
	rows                  int       // of a set
	acc                   bool
}

func (t *affineTask) tile(w *worker, i int) {
	from, to := t.of(i)
	sum := w.scratch(t.cols)
	for r := from; r < to; r++ {
		at := r / t.rows * t.cols
		y := kernel.Row[float32](t.y, r)
		copy(sum, t.shift[at:])
		t.v.mulAdd(sum, kernel.Row[float32](t.a, r), t.scaleA[at:at+t.cols])
		if !t.b.Nil() {
			t.v.mulAdd(sum, kernel.Row[float32](t.b, r), t.scaleB[at:at+t.cols])
		}
		if t.acc {
			t.v.add(y, y, sum)
		} else {
			copy(y, sum)
		}
	}
}
