// Command openblas is our side of openblas.py: it times products on demand.
// A line "m n k ta tb threads ms" on standard input asks for repetitions
// during so many milliseconds; the answer is the shortest, in seconds.
package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"time"

	"github.com/inkstone-ai/inkstone/internal/kernel"
	"github.com/inkstone-ai/inkstone/internal/kernel/cpu"
	"golang.org/x/sys/unix"
)

func main() {
	in := bufio.NewScanner(os.Stdin)
	var d kernel.Device
	threads := 0
	for in.Scan() {
		var m, n, k, ta, tb, want, ms int
		if _, err := fmt.Sscan(in.Text(), &m, &n, &k, &ta, &tb, &want, &ms); err != nil {
			fmt.Fprintln(os.Stderr, "openblas:", in.Text(), err)
			os.Exit(1)
		}
		if want != threads {
			if d != nil {
				d.Close()
			}
			runtime.GOMAXPROCS(want)
			runtime.LockOSThread()
			d, threads = cpu.New(want), want
		}
		fmt.Println(shortest(d, m, n, k, ta != 0, tb != 0, time.Duration(ms)*time.Millisecond).Seconds())
	}
}

// shortest is the shortest of the repetitions of one product.
func shortest(d kernel.Device, m, n, k int, ta, tb bool, during time.Duration) time.Duration {
	a, b, c := matrix(d, m, k, ta), matrix(d, k, n, tb), matrix(d, m, n, false)
	defer d.Free(a.Buf)
	defer d.Free(b.Buf)
	defer d.Free(c.Buf)
	product := func() { d.MatMul(c, a, b, kernel.Product{TA: ta, TB: tb}) }
	product()
	clock := now
	if d.Threads() == 1 {
		clock = processor
	}
	times := 1 + 10_000_000/(2*m*n*k) // a sample of 0.1 ms at least
	best := time.Hour
	for start := time.Now(); time.Since(start) < during; {
		t := clock()
		for range times {
			product()
		}
		best = min(best, (clock()-t)/time.Duration(times))
	}
	return best
}

var begin = time.Now()

func now() time.Duration { return time.Since(begin) }

// processor is the time this thread has run: with one thread, other processes
// then disturb less.
func processor() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		panic(err)
	}
	return time.Duration(t.Nano())
}

func matrix(d kernel.Device, rows, cols int, transposed bool) kernel.Mat {
	if transposed {
		rows, cols = cols, rows
	}
	m := kernel.Mat{Buf: d.Alloc(4 * rows * cols), Rows: rows, Cols: cols, Stride: cols}
	for i := range m.Len() {
		kernel.Elements[float32](m.Buf)[i] = float32(i%251)/251 - 0.5
	}
	return m
}
