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
	stride, flip := t.cols/t.heads, uint32(0)
	if t.inverse {
		flip = 1 << 31
	}
	from, to := t.of(i)
	for r := from; r < to; r++ {
		y, x := t.row(t.y, r), t.row(t.x, r)
		angles := t.table[2*t.pairs*i32At(t.pos, r):][:2*t.pairs]
		if t.interleaved {
			t.interleave(w, y, x, angles, flip)
		} else {
			t.v.rotate(y, x, angles, t.heads, stride, flip, t.acc)
		}
		if 2*t.pairs < stride {
			t.still(y, x, stride)
		}
	}
}

// still copies or adds the channels that do not turn.
func (t *rotaryTask) still(y, x []float32, stride int) {
	for h := 0; h < len(x); h += stride {
		from, to := x[h+2*t.pairs:h+stride], y[h+2*t.pairs:h+stride]
		if t.acc {
			t.v.binary[kernel.Add](to, to, from)
		} else {
			copy(to, from)
		}
	}
}

// interleave turns pairs that lie side by side, by way of a row in which they do not.
func (t *rotaryTask) interleave(w *worker, y, x, angles []float32, flip uint32) {
	n, stride := t.pairs, t.cols/t.heads
	room := w.scratch(2 * n * t.heads)
	for h := range t.heads {
		from, to := x[h*stride:][:2*n], room[2*n*h:][:2*n]
		for i := range n {
			to[i], to[n+i] = from[2*i], from[2*i+1]
		}
	}
	t.v.rotate(room, room, angles, t.heads, 2*n, flip, false)
	for h := range t.heads {
		from, to := room[2*n*h:][:2*n], y[h*stride:][:2*n]
		for i := range n {
			put(&to[2*i], from[i], t.acc)
			put(&to[2*i+1], from[n+i], t.acc)
		}
	}
}
