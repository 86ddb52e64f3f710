package tensor

import (
	"math/bits"
	"slices"

	"github.com/inkstone-ai/inkstone/internal/kernel"
)

// arena is the memory of a step. Buffers of the device are handed out by size
// class and come back to the class's free list; which buffer an operation gets
// is a function of the operations before it alone.
type arena struct {
	k       kernel.Device
	free    map[int][]*kernel.Buffer // by size
	live    []*Tensor                // results in the order they were made, some of them released
	loose   bool                     // buffers that are larger than asked for serve, too
	headers slab

	used, peak int // bytes handed out
	held       int // bytes got from the device
	settled    int // held after the first pass since the last trim
	fresh      bool
}

// BufferBytes is the size of the buffer that a step takes for a result of so many
// bytes: a plan adds them up.
func BufferBytes(bytes int) int { return sizeClass(bytes) }

// sizeClass rounds a size up to one of eight steps between powers of two, so
// that passes of ever different lengths share buffers and at most an eighth of
// one is unused. 256 bytes is the least: four cache lines.
func sizeClass(bytes int) int {
	const least = 256
	if bytes <= least {
		return least
	}
	step := 1 << (bits.Len(uint(bytes-1)) - 4)
	return (bytes + step - 1) &^ (step - 1)
}

// take hands out a buffer of at least bytes, its contents undefined.
func (a *arena) take(bytes int) *kernel.Buffer {
	const worth = 1 << 16 // smaller ones need no search
	size := sizeClass(bytes)
	if a.loose && size >= worth && len(a.free[size]) == 0 {
		size = a.larger(size)
	}
	a.used += size
	a.peak = max(a.peak, a.used)
	if list := a.free[size]; len(list) > 0 {
		b := list[len(list)-1]
		a.free[size] = list[:len(list)-1]
		return b
	}
	a.held += size
	return a.k.Alloc(size)
}

// larger is the smallest size from the one given on of which a buffer is free, else
// the one given.
func (a *arena) larger(size int) int {
	best := 0
	for other, list := range a.free {
		if other >= size && len(list) > 0 && (best == 0 || other < best) {
			best = other
		}
	}
	return max(best, size)
}

// give takes back a buffer that take handed out.
func (a *arena) give(b *kernel.Buffer) {
	if a.free == nil {
		a.free = map[int][]*kernel.Buffer{}
	}
	a.used -= b.Bytes
	a.free[b.Bytes] = append(a.free[b.Bytes], b)
}

// drop takes back what t owns. Later use of t panics.
func (a *arena) drop(t *Tensor) {
	t.released = true
	if t.buf != nil {
		a.give(t.buf)
		t.buf = nil
	}
	a.dropGrad(t)
}

// dropGrad takes back the gradient of t.
func (a *arena) dropGrad(t *Tensor) {
	if t.dbuf != nil {
		a.give(t.dbuf)
		t.dbuf = nil
	}
}

// mark is the place that release goes back to.
func (a *arena) mark() int { return len(a.live) }

// release drops every result since mark, but for keep's and those that lead
// Backward somewhere: leaves made trainable.
func (a *arena) release(mark int, keep *Tensor) {
	kept := a.live[:mark]
	for _, t := range a.live[mark:] {
		if keep != nil && t == keep.owner() || t.trainable {
			kept = append(kept, t)
		} else if !t.released {
			a.drop(t)
		}
	}
	a.live = kept
}

// reset drops everything and, where the passes' lengths vary so much that more
// than twice the settled memory is held, returns all of it to the device.
func (a *arena) reset() {
	for _, t := range a.live {
		if !t.released {
			a.drop(t)
		}
	}
	clear(a.live)
	a.live = a.live[:0]
	a.headers.reset()
	if a.fresh && a.held > 0 {
		a.settled, a.fresh = a.held, false
	}
	if a.settled == 0 {
		a.fresh = true
	} else if Trims(a.held, a.settled) {
		a.trim()
	}
}

// Trims reports whether a step that holds so many bytes gives all of them back at its
// next Begin; settled is what its first pass came to hold, or the first since it last
// did so. A plan of passes of ever different lengths asks for it.
func Trims(held, settled int) bool {
	const slack = 64 << 20 // not worth a system call
	return held > 2*settled+slack
}

// trim returns the free buffers to the device, sizes in order.
func (a *arena) trim() {
	sizes := make([]int, 0, len(a.free))
	for size := range a.free {
		sizes = append(sizes, size)
	}
	slices.Sort(sizes)
	for _, size := range sizes {
		for _, b := range a.free[size] {
			a.held -= size
			a.k.Free(b)
		}
		delete(a.free, size)
	}
	a.settled, a.fresh = 0, true
}

// close returns everything to the device.
func (a *arena) close() {
	a.reset()
	a.trim()
	a.headers = slab{}
}

// slab is the memory of headers. A header is used again only after three more
// passes, so that a stale tensor is found out by its epoch.
type slab struct {
	chunks []*[generations][chunk]Tensor
	used   int
}

const (
	generations = 4
	chunk       = 64
)

// next returns an unused header for a pass.
func (h *slab) next(epoch uint64) *Tensor {
	if h.used == len(h.chunks)*chunk {
		h.chunks = append(h.chunks, new([generations][chunk]Tensor))
	}
	t := &h.chunks[h.used/chunk][epoch%generations][h.used%chunk]
	h.used++
	return t
}

func (h *slab) reset() { h.used = 0 }
