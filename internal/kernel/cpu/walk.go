package cpu

import "github.com/inkstone-ai/inkstone/internal/kernel"

// A walk visits Views of one shape row by row: dimensions of size 1 are
// dropped, and neighbours that are contiguous in all views merged, so that
// dense operands become one long row. A row is cut every grain elements, and
// a tile is a run of pieces with about grain elements.
type walk struct {
	dims         int
	shape        [kernel.MaxDims]int
	stride       [walkers][kernel.MaxDims]int
	off          [walkers]int
	buf          [walkers]*kernel.Buffer
	pieces       int // of a row
	perTile, all int // pieces of a tile, of all rows
}

// walkers is the largest number of operands, Select's.
const walkers = 4

// walkOf prepares a walk over views of one shape.
func walkOf(views ...view) (w walk) {
	for k, v := range views {
		w.off[k], w.buf[k] = v.Off, v.Buf
	}
	for d := range views[0].Dims {
		if views[0].Shape[d] != 1 {
			w.push(views, d)
		}
	}
	if w.dims == 0 { // a single element
		w.dims, w.shape[0] = 1, 1
	}
	n := w.shape[w.dims-1]
	w.pieces = max(1, (n+grain-1)/grain)
	w.perTile = max(1, grain/max(1, n))
	w.all = w.pieces
	for _, s := range w.shape[:w.dims-1] {
		w.all *= s
	}
	if n == 0 {
		w.all = 0
	}
	return w
}

// push appends dimension d of the views, or merges it with the one before.
func (w *walk) push(views []view, d int) {
	n, last := views[0].Shape[d], w.dims-1
	merge := last >= 0
	for k, v := range views {
		merge = merge && w.stride[k][last] == v.Stride[d]*n
	}
	if !merge {
		last++
		w.dims++
		w.shape[last] = 1
	}
	w.shape[last] *= n
	for k, v := range views {
		w.stride[k][last] = v.Stride[d]
	}
}

func (w *walk) tiles() int { return (w.all + w.perTile - 1) / w.perTile }

// of is the range of pieces of tile i.
func (w *walk) of(i int) (from, to int) { return i * w.perTile, min((i+1)*w.perTile, w.all) }

// A cursor is a place of a walk: where each operand's piece starts, how long
// it is, and how it was reached.
type cursor struct {
	at    [walkers]int
	n     int
	part  int                 // of the row
	index [kernel.MaxDims]int // of the row in each dimension
}

// start is the cursor at piece i.
func (w *walk) start(i int) (c cursor) {
	row, last := i/w.pieces, w.dims-1
	c.at, c.part = w.off, i%w.pieces
	for d := last - 1; d >= 0; d-- {
		c.index[d] = row % w.shape[d]
		row /= w.shape[d]
		for k := range c.at {
			c.at[k] += c.index[d] * w.stride[k][d]
		}
	}
	for k := range c.at {
		c.at[k] += c.part * grain * w.stride[k][last]
	}
	c.n = min(grain, w.shape[last]-c.part*grain)
	return c
}

// next moves the cursor to the piece after, without a division.
func (w *walk) next(c *cursor) {
	last := w.dims - 1
	if c.part++; c.part < w.pieces {
		for k := range c.at {
			c.at[k] += grain * w.stride[k][last]
		}
		c.n = min(grain, w.shape[last]-c.part*grain)
		return
	}
	for k := range c.at {
		c.at[k] -= (w.pieces - 1) * grain * w.stride[k][last]
	}
	c.part, c.n = 0, min(grain, w.shape[last])
	for d := last - 1; d >= 0; d-- {
		c.index[d]++
		for k := range c.at {
			c.at[k] += w.stride[k][d]
		}
		if c.index[d] < w.shape[d] {
			return
		}
		for k := range c.at {
			c.at[k] -= w.shape[d] * w.stride[k][d]
		}
		c.index[d] = 0
	}
}

// load is n elements of operand k from place at on, side by side: where they lie,
// or collected in room.
func (w *walk) load(k, at, n int, room []float32) []float32 {
	data, stride := kernel.Elements[float32](w.buf[k]), w.stride[k][w.dims-1]
	if stride == 1 || n == 1 {
		return data[at : at+n]
	}
	room = room[:n]
	if stride == 0 {
		fill(room, data[at])
		return room
	}
	for i := range room {
		room[i] = data[at+i*stride]
	}
	return room
}

// store writes the row to operand 0, or adds it. A row that is already in place stays.
func (w *walk) store(v *vectors, at int, row []float32, acc bool) {
	data, stride := kernel.Elements[float32](w.buf[0]), w.stride[0][w.dims-1]
	switch {
	case stride == 1 || len(row) == 1:
		dst := data[at : at+len(row)]
		if acc {
			v.binary[kernel.Add](dst, dst, row)
		} else if &dst[0] != &row[0] {
			copy(dst, row)
		}
	case acc:
		for i, x := range row {
			data[at+i*stride] += x
		}
	default:
		for i, x := range row {
			data[at+i*stride] = x
		}
	}
}

// result is where an operation may write n elements for store: operand 0
// itself when they lie side by side and replace it, else room.
func (w *walk) result(at, n int, acc bool, room []float32) []float32 {
	if !acc && (w.stride[0][w.dims-1] == 1 || n == 1) {
		return kernel.Elements[float32](w.buf[0])[at : at+n]
	}
	return room[:n]
}
