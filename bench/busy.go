package bench

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"slices"

	"github.com/inkstone-ai/inkstone/internal/kernel/cpu"
)

// BusyOptions say how a busy neighbour is measured. The zero value works but for Program.
type BusyOptions struct {
	Program string   // the binary whose training is measured: inkstone's own
	Loop    []string // the command that keeps one core busy until its standard input ends
	Threads int      // 0: as many as the Go runtime uses
	Rounds  int      // 0: 5
	Seconds float64  // of one training; 0: 3
	Tell    func(done, total int, now string)
}

// A BusyReport is training A alone and beside a process that computes without end.
type BusyReport struct {
	Machine Machine    `json:"machine"`
	Load    *float64   `json:"load,omitempty"`
	Pairs   []BusyPair `json:"pairs"`
	Alone   Spread     `json:"alone"`  // tokens/s
	Beside  Spread     `json:"beside"` // tokens/s
	Times   Spread     `json:"times"`  // alone / beside, pair by pair: what the neighbour costs
	Goal    float64    `json:"goal"`   // of the median, at most
}

// A BusyPair is a training alone and one with the neighbour, in tokens per second,
// one right after the other.
type BusyPair struct {
	Alone  float64 `json:"alone"`
	Beside float64 `json:"beside"`
}

// Busy measures what a foreign process on one core costs. It is bound to no core,
// as foreign processes are not.
func Busy(ctx context.Context, o BusyOptions) (BusyReport, error) {
	o = o.complete()
	r := BusyReport{Load: load(), Goal: 2.2}
	d := cpu.New(o.Threads)
	r.Machine = ThisMachine(d)
	d.Close()
	var alone, beside, times []float64
	for round := range o.Rounds {
		pair, err := o.pair(ctx, round)
		if err != nil {
			return BusyReport{}, err
		}
		r.Pairs = append(r.Pairs, pair)
		alone, beside, times = append(alone, pair.Alone), append(beside, pair.Beside), append(times, pair.Alone/pair.Beside)
	}
	r.Alone, r.Beside, r.Times = *spread(alone), *spread(beside), *spread(times)
	return r, nil
}

func (o BusyOptions) complete() BusyOptions {
	if o.Threads == 0 {
		o.Threads = runtime.GOMAXPROCS(0)
	}
	if o.Rounds == 0 {
		o.Rounds = 5
	}
	if o.Seconds == 0 {
		o.Seconds = 3
	}
	if o.Tell == nil {
		o.Tell = func(int, int, string) {}
	}
	return o
}

// pair trains twice; which is first alternates.
func (o BusyOptions) pair(ctx context.Context, round int) (pair BusyPair, err error) {
	both := []func() error{
		func() (err error) {
			o.Tell(2*round, 2*o.Rounds, "alone")
			pair.Alone, err = o.train(ctx)
			return err
		},
		func() (err error) {
			o.Tell(2*round+1, 2*o.Rounds, "beside a busy loop")
			pair.Beside, err = o.beside(ctx)
			return err
		},
	}
	if round%2 == 1 {
		slices.Reverse(both)
	}
	for _, f := range both {
		if err := f(); err != nil {
			if ctx.Err() != nil {
				err = ctx.Err()
			}
			return BusyPair{}, fmt.Errorf("bench: %w", err)
		}
	}
	return pair, nil
}

func (o BusyOptions) train(ctx context.Context) (float64, error) {
	s, err := train1(ctx, o.Program, "A", "f32", o.Threads, o.Seconds)
	if err != nil {
		return 0, err
	}
	return s.TokensPerSecond, nil
}

// beside trains while the loop runs. The loop ends with this function or, should this
// process be killed, with the pipe that is the loop's standard input.
func (o BusyOptions) beside(ctx context.Context) (float64, error) {
	loop := exec.CommandContext(ctx, o.Program)
	loop.Args = o.Loop
	pipe, err := loop.StdinPipe()
	if err != nil {
		return 0, err
	}
	if err := loop.Start(); err != nil {
		return 0, err
	}
	defer loop.Wait()
	defer loop.Process.Kill()
	defer pipe.Close()
	return o.train(ctx)
}

// Loop computes on the calling thread, neither sleeping nor yielding, until in
// ends: the foreign process of [Busy].
func Loop(in io.Reader) {
	ended := make(chan struct{})
	go func() {
		io.Copy(io.Discard, in)
		close(ended)
	}()
	for x := uint64(1); ; {
		for range 1 << 20 { // about a millisecond
			x ^= x << 13
			x ^= x >> 7
			x ^= x << 17
		}
		select {
		case <-ended:
			return
		default:
		}
		if x == 0 { // which keeps the compiler from dropping the sums
			panic("bench: xorshift came to zero")
		}
	}
}
