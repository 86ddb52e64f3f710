package cpu

import (
	"math"
	"slices"

	"github.com/inkstone-ai/inkstone/internal/kernel"
)

// rotaryTable keeps cosine and sine of pos·freq for the positions met so far.
// Angles are formed in float64: at position 100,000 a float32 angle is off by
// 0.004. A model has one or two sets of frequencies; each is computed once.
type rotaryTable struct {
	sets [rotarySets]angles
	next int // set to give up when another is needed
}

// rotarySets is the number of frequency sets kept at a time.
const rotarySets = 4

// angles are the rows of a table: of each position, all cosines, then all sines.
type angles struct {
	freqs []float32
	rows  []float32
	have  int // positions computed
}

// rows returns a table of freqs with at least positions rows.
func (t *rotaryTable) rows(freqs []float32, positions int) []float32 {
	a := t.find(freqs)
	width := 2 * len(freqs)
	if positions*width > len(a.rows) {
		grown := floatsOf(reserve(4 * width * max(positions, 2*a.have, 256)))
		copy(grown, a.rows[:a.have*width])
		if a.rows != nil {
			release(bytesOf(a.rows))
		}
		a.rows = grown
	}
	for ; a.have < positions; a.have++ {
		row := a.rows[a.have*width:][:width]
		for i, f := range freqs {
			sin, cos := math.Sincos(float64(a.have) * float64(f))
			row[i], row[len(freqs)+i] = float32(cos), float32(sin)
		}
	}
	return a.rows
}

// find returns the set of freqs, a new one in the place of the oldest if need be.
func (t *rotaryTable) find(freqs []float32) *angles {
	for i := range t.sets {
		if a := &t.sets[i]; a.freqs != nil && slices.Equal(a.freqs, freqs) {
			return a
		}
	}
	a := &t.sets[t.next]
	t.next = (t.next + 1) % rotarySets
	a.free()
	a.freqs = slices.Clone(freqs)
	return a
}

func (t *rotaryTable) free() {
	for i := range t.sets {
		t.sets[i].free()
	}
}

func (a *angles) free() {
	if a.rows != nil {
		release(bytesOf(a.rows))
	}
	*a = angles{}
}

type rotaryTask struct {
	lines
	v                         *vectors
	y, x, pos                 mat
	table                     []float32
	heads, pairs              int
	interleaved, inverse, acc bool
}

// Rotary turns pairs of channels by an angle that grows with the position.
func (d *device) Rotary(y, x, pos, freqs mat, heads int, interleaved, inverse, acc bool) {
	pairs := kernel.CheckRotary(y, x, pos, freqs, heads)
	f := d.partial(pairs)
	last := 0
	for i := range f {
		f[i] = f32At(freqs, i)
	}
	for r := range x.Rows {
		last = max(last, i32At(pos, r))
	}
	table := d.angle.rows(f, last+1)
	d.rotary = rotaryTask{rowsOf(x.Rows, x.Cols), &d.vectors, y, x, pos, table, heads, pairs, interleaved, inverse, acc}
	d.parallel(d.rotary.tiles(), &d.rotary)
}

func (t *rotaryTask) tile(w *worker, i int) {
	n, d := t.pairs, t.cols/t.heads
	room := w.scratch(5*n + t.cols)
	from, to := t.of(i)
	for r := from; r < to; r++ {
		angle := t.table[2*n*i32At(t.pos, r):][:2*n]
		cos, sin := angle[:n], angle[n:]
		if t.inverse {
			t.v.unary[kernel.Neg](room[:n], sin, 0, 0)
			sin = room[:n]
		}
		y, x := t.row(t.y, r), t.row(t.x, r)
		out := y
		if t.acc {
			out = room[5*n:]
		}
		for h := 0; h < len(x); h += d {
			t.head(out[h:h+d], x[h:h+d], cos, sin, room[n:5*n])
		}
		if t.acc {
			t.v.binary[kernel.Add](y, y, out)
		}
	}
}

// head turns the pairs of one head and copies the channels that do not turn.
func (t *rotaryTask) head(y, x, cos, sin, room []float32) {
	n := t.pairs
	copy(y[2*n:], x[2*n:])
	if !t.interleaved {
		t.v.rotate(y[:n], y[n:2*n], x[:n], x[n:2*n], cos, sin)
		return
	}
	y0, y1, x0, x1 := room[:n], room[n:2*n], room[2*n:3*n], room[3*n:4*n]
	for i := range n {
		x0[i], x1[i] = x[2*i], x[2*i+1]
	}
	t.v.rotate(y0, y1, x0, x1, cos, sin)
	for i := range n {
		y[2*i], y[2*i+1] = y0[i], y1[i]
	}
}
