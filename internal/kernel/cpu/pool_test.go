package cpu

import (
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// countTask counts how often each tile runs, and writes without
// synchronisation what only the tile's owner may touch.
type countTask struct {
	hits  []atomic.Int32
	plain []int
}

func (t *countTask) tile(w *worker, i int) {
	t.hits[i].Add(1)
	t.plain[i] += i
	w.scratch(1 + i%100)[0] = 1
}

// TestEachTileOnce opens many regions of all sizes: every tile runs exactly
// once, and is done when parallel returns. With -race it also shows that the
// caller sees what workers wrote.
func TestEachTileOnce(t *testing.T) {
	for _, threads := range []int{1, 2, 3, 8} {
		for _, procs := range []int{1, 2, runtime.NumCPU() + 1} {
			before := runtime.GOMAXPROCS(procs)
			p := newPool(threads)
			for region := range 3000 {
				n := region % 41
				task := &countTask{make([]atomic.Int32, n), make([]int, n)}
				p.parallel(n, task)
				for i := range n {
					if h := task.hits[i].Load(); h != 1 || task.plain[i] != i {
						t.Fatalf("%d threads on %d processors, region %d: tile %d of %d ran %d times", threads, procs, region, i, n, h)
					}
				}
			}
			p.close()
			runtime.GOMAXPROCS(before)
		}
	}
}

// TestEndsOfAStretch takes tiles from both ends until they meet.
func TestEndsOfAStretch(t *testing.T) {
	var got []int
	s := stretch(5)
	for front := true; !s.empty(); front = !front {
		var i int
		i, s = s.take(front)
		got = append(got, i)
	}
	if want := []int{0, 4, 1, 3, 2}; !slices.Equal(got, want) {
		t.Errorf("took %v, want %v", got, want)
	}
}

// TestParkedWorkersWake lets the workers fall asleep between regions.
func TestParkedWorkersWake(t *testing.T) {
	p := newPool(3)
	defer p.close()
	for range 20 {
		for p.parked.Load() < 2 {
			time.Sleep(100 * time.Microsecond)
		}
		task := &countTask{make([]atomic.Int32, 7), make([]int, 7)}
		p.parallel(7, task)
		for i := range task.hits {
			if task.hits[i].Load() != 1 {
				t.Fatalf("tile %d ran %d times", i, task.hits[i].Load())
			}
		}
	}
}

// TestCloseEndsWorkers counts goroutines: a device that is closed leaves none.
func TestCloseEndsWorkers(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 10 {
		d := New(5)
		d.Close()
		d.Close() // twice is once
	}
	for runtime.NumGoroutine() > before {
		runtime.Gosched() // the test's own time limit ends a hang
	}
}

func TestScratchGrows(t *testing.T) {
	var w worker
	small := w.scratch(10)
	large := w.scratch(100000)
	if len(small) != 10 || len(large) != 100000 {
		t.Fatalf("scratch of %d and %d", len(small), len(large))
	}
	large[99999] = 1 // is mapped
	if again := w.scratch(5); &again[0] != &large[0] {
		t.Error("a smaller request took new memory")
	}
}

// spinTask is n rounds of work that the compiler can not remove.
type spinTask struct {
	rounds int
	sum    [64]float32
}

func (t *spinTask) tile(_ *worker, i int) {
	x := float32(i)
	for range t.rounds {
		x = x*0.999 + 1
	}
	t.sum[i*32] = x
}

// BenchmarkForkJoin runs two tiles of the same length: serially, with the
// pool, and with a goroutine each, so that the times show what a region costs.
func BenchmarkForkJoin(b *testing.B) {
	for _, length := range []struct {
		name   string
		rounds int
	}{{"0us", 0}, {"1us", 430}, {"10us", 4300}, {"100us", 43000}} {
		task := &spinTask{rounds: length.rounds}
		run := func(name string, f func()) {
			b.Run(length.name+"/"+name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					f()
				}
			})
		}
		run("serial", func() { task.tile(nil, 0); task.tile(nil, 1) })
		p := newPool(2)
		run("pool", func() { p.parallel(2, task) })
		procs := runtime.GOMAXPROCS(1)
		run("pool on one processor", func() { p.parallel(2, task) })
		runtime.GOMAXPROCS(procs)
		p.close()
		run("goroutines", func() {
			var wg sync.WaitGroup
			wg.Go(func() { task.tile(nil, 0) })
			wg.Go(func() { task.tile(nil, 1) })
			wg.Wait()
		})
	}
}
