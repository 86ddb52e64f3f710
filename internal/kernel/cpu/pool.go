package cpu

import (
	"math"
	"runtime"
	"sync/atomic"
)

// A task is one parallel operation cut into tiles. Tiles do not depend on each
// other, are cut the same whatever the number of workers, and last at most
// half a millisecond: assembly can not be preempted, and the caller may have
// to wait for one. A task is a struct that the device keeps and refills, so
// that starting it allocates nothing.
type task interface {
	tile(w *worker, i int)
}

// A worker is one thread of execution with its own memory. Worker 0 is the
// goroutine that calls the device.
type worker struct {
	memory []float32
}

// scratch is room for n floats, 64-byte aligned, of undefined content, valid
// until the worker's next call of scratch.
func (w *worker) scratch(n int) []float32 {
	keep(&w.memory, n)
	return w.memory[:n]
}

// A pool runs tasks on persistent workers. Tiles are claimed one at a time, by
// the caller as by the workers, so a worker that the system has put to sleep
// costs nothing unless it holds a tile: the join waits for claimed tiles, never
// for workers. With one processor the caller does all the tiles itself before
// anybody else wakes up. The caller claims from the front and the others from the
// end, so from task to task the same rows stay in the same core's caches.
type pool struct {
	workers []worker

	// The open region's task is written while no tile is claimed or claimable, and
	// read only by who has claimed one.
	task task

	_       [64]byte      // what spinning workers read has a cache line of its own
	free    atomic.Uint64 // the stretch of tiles not yet claimed
	_       [56]byte
	pending atomic.Int64 // tiles not yet done
	_       [56]byte
	parked  atomic.Int64 // workers asleep on wake that nobody has woken
	closed  atomic.Bool
	waiting atomic.Bool // the caller sleeps on done
	wake    chan struct{}
	done    chan struct{}
}

// spins bounds busy waiting, in pauses of about 20 ns: 40 µs, some ten times what
// waking a sleeper costs. Longer would take the core from other processes.
// Every polite pauses the spinner offers its core to another thread: with
// fewer cores than threads that is whom it waits for.
const (
	spins  = 2000
	polite = 100
)

func newPool(threads int) *pool {
	p := &pool{
		workers: make([]worker, threads),
		wake:    make(chan struct{}, threads),
		done:    make(chan struct{}, 1),
	}
	for i := 1; i < threads; i++ {
		go p.work(&p.workers[i])
	}
	return p
}

// parallel runs every tile of t and returns when all are done.
func (p *pool) parallel(tiles int, t task) {
	if tiles <= 1 || len(p.workers) == 1 {
		for i := range tiles {
			t.tile(&p.workers[0], i)
		}
		return
	}
	p.task = t
	p.pending.Store(int64(tiles))
	p.free.Store(uint64(tiles))
	p.rouse(tiles - 1)
	p.claim(&p.workers[0])
	p.join()
}

// rouse wakes up to n sleeping workers.
func (p *pool) rouse(n int) {
	for ; n > 0; n-- {
		k := p.parked.Load()
		if k == 0 {
			return
		}
		if p.parked.CompareAndSwap(k, k-1) {
			p.wake <- struct{}{} // has room for all workers
		}
	}
}

// A stretch is the tiles from first, its upper half, up to end: one word, so
// that a tile of either end is claimed by one exchange.
type stretch uint64

func (s stretch) empty() bool { return s>>32 == s&math.MaxUint32 }

// take returns the tile at an end and what stays.
func (s stretch) take(front bool) (tile int, rest stretch) {
	if front {
		return int(s >> 32), s + 1<<32
	}
	return int(s&math.MaxUint32) - 1, s - 1
}

func (p *pool) left() stretch { return stretch(p.free.Load()) }

// claim does free tiles until there are none. Whoever takes a tile from free owns
// it in the region that is open then, and holds it open.
func (p *pool) claim(w *worker) {
	front := w == &p.workers[0]
	for {
		free := p.left()
		if free.empty() {
			return
		}
		i, rest := free.take(front)
		if !p.free.CompareAndSwap(uint64(free), uint64(rest)) {
			continue
		}
		p.task.tile(w, i)
		if p.pending.Add(-1) == 0 && p.waiting.CompareAndSwap(true, false) {
			p.done <- struct{}{}
		}
	}
}

// join waits until every claimed tile is done: it spins, then sleeps. It looks
// again after a wake-up, which may come late from the finisher of the region before.
func (p *pool) join() {
	for p.spinJoin() {
		p.waiting.Store(true)
		if p.pending.Load() == 0 && p.waiting.CompareAndSwap(true, false) {
			return
		}
		<-p.done
	}
}

// spinJoin reports whether tiles are still pending after a bounded spin.
func (p *pool) spinJoin() bool {
	for i := range spins {
		if p.pending.Load() == 0 {
			return false
		}
		pause()
		if i%polite == polite-1 {
			yield()
		}
	}
	return true
}

// work is the life of a worker: claim, spin for the next region, sleep.
func (p *pool) work(w *worker) {
	for !p.closed.Load() {
		p.claim(w)
		if p.await() {
			continue
		}
		p.parked.Add(1)
		if (!p.left().empty() || p.closed.Load()) && p.unpark() {
			continue
		}
		<-p.wake
	}
	drop(&w.memory)
}

// await spins for a region and reports whether one opened. It lets other
// goroutines run too: with few processors the caller may be among them.
func (p *pool) await() bool {
	for i := range spins {
		if !p.left().empty() {
			return true
		}
		pause()
		if i%polite == polite-1 {
			runtime.Gosched()
			yield()
		}
	}
	return false
}

// unpark takes back one announcement of sleep. It fails when the caller has
// already answered all of them: then a wake-up is under way and must be taken.
func (p *pool) unpark() bool {
	for {
		k := p.parked.Load()
		if k == 0 {
			return false
		}
		if p.parked.CompareAndSwap(k, k-1) {
			return true
		}
	}
}

// close ends the workers; the caller's scratch goes at once, theirs as they end.
func (p *pool) close() {
	if p.closed.Swap(true) {
		return
	}
	p.rouse(len(p.workers))
	drop(&p.workers[0].memory)
}
