// Package bench measures a machine and what Inkstone makes of it: the roofs that
// no program can exceed, every hot path as a share of its roof, and training on
// five standard configurations; [Peers] lets PyTorch and OpenBLAS do the same in turn,
// and [Busy] lets a foreign process take a core. Each number is the median of rounds
// that alternate, with its quartiles.
//
// Beside it lie the scripts that measure the rest:
//
//	bench/run              every number of the project, both sides alternating, medians with spread
//	bench/run shakespeare  nanoGPT's recipe for a CPU, three seeds
//	bench/study            the runs behind the planner's expected loss, and the pages of curves
//	bench/peers            other programs' sides, which the binary carries
//
// GFLOP/s are 10⁹ floating-point operations a second, a multiply-add being two;
// GB/s are 10⁹ bytes a second.
package bench

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// A Row is one measurement.
type Row struct {
	Name   string  `json:"name"`
	Unit   string  `json:"unit"` // GFLOP/s, GB/s, tokens/s or ns
	Median float64 `json:"median"`
	Low    float64 `json:"low"`  // the lower quartile of the rounds
	High   float64 `json:"high"` // the upper one
	// Roof names the row that bounds this one, and Share is the part of it that is
	// reached: the median of rounds in which the roof is measured right before.
	Roof  string   `json:"roof,omitempty"`
	Share *float64 `json:"share,omitempty"`
}

// A Report is what one run measured.
type Report struct {
	Machine Machine  `json:"machine"`
	Rows    []Row    `json:"rows"`
	Absent  []string `json:"absent,omitempty"` // what could not be measured here, and why
}

// A path is something to measure.
type path struct {
	name, unit string
	roof       string         // the name of the path that bounds it; "": none
	each       float64        // of tokens/s: the operations or bytes of a token
	run        func() float64 // one call; returns its operations, bytes or tokens
}

// Options say how long to measure. The zero value works.
type Options struct {
	Threads int                               // 0: one for each core
	Rounds  int                               // 0: 9
	Sample  time.Duration                     // of one path in one round, 0: 20 ms
	Memory  int64                             // bytes, the most that the row of a whole model may take; 0: what is free
	Tell    func(done, total int, now string) // progress; may be nil
}

func (o Options) complete() Options {
	if o.Rounds == 0 {
		o.Rounds = 9
	}
	if o.Sample == 0 {
		o.Sample = 20 * time.Millisecond
	}
	return o
}

// Run measures the roofs and every hot path, all of them in each round, so that a
// disturbance does not fall on one alone. What a share compares is measured in one
// breath: the roof again right before the path, as a busy machine's roofs sway too.
func Run(ctx context.Context, o Options) (Report, error) {
	o = o.complete()
	h := newHall(o.Threads)
	defer h.close()
	h.memory = o.Memory
	steps, err := h.steps()
	if err != nil {
		return Report{}, fmt.Errorf("bench: %w", err)
	}
	all := slices.Concat(h.roofs(), h.paths(), steps)
	rates, shares := make([][]float64, len(all)), make([][]float64, len(all))
	for round := range o.Rounds {
		for i, p := range all {
			if err := ctx.Err(); err != nil {
				return Report{}, fmt.Errorf("bench: %w", err)
			}
			if o.Tell != nil {
				o.Tell(round*len(all)+i, o.Rounds*len(all), p.name)
			}
			roof := roofRate(all, p, o.Sample/4)
			rate := sample(p, o.Sample)
			rates[i] = append(rates[i], rate)
			if roof > 0 {
				shares[i] = append(shares[i], p.share(rate, roof))
			}
		}
	}
	r := Report{Machine: ThisMachine(h.device), Absent: h.absent}
	for i, p := range all {
		r.Rows = append(r.Rows, summary(p, rates[i], shares[i]))
	}
	return r, nil
}

// sample repeats p for so long and returns its rate; of ns, the time of a call.
func sample(p path, during time.Duration) float64 {
	work, calls := 0.0, 0
	start := time.Now()
	for calls == 0 || time.Since(start) < during {
		work += p.run()
		calls++
	}
	elapsed := time.Since(start)
	switch p.unit {
	case "ns":
		return float64(elapsed.Nanoseconds()) / work
	case "tokens/s":
		return work / elapsed.Seconds()
	}
	return work / float64(elapsed.Nanoseconds()) // 10⁹ a second is one a nanosecond
}

// roofRate samples the roof of p among all paths; 0: there is none.
func roofRate(all []path, p path, during time.Duration) float64 {
	for _, roof := range all {
		if roof.name == p.roof {
			return sample(roof, during)
		}
	}
	return 0
}

// share is the part of a roof's rate that p reaches; roofs are in 10⁹.
func (p path) share(rate, roof float64) float64 {
	if p.each > 0 {
		rate *= p.each / 1e9
	}
	return rate / roof
}

// summary is the row of p, with the median of its shares.
func summary(p path, rates, shares []float64) Row {
	slices.Sort(rates)
	r := Row{Name: p.name, Unit: p.unit, Roof: p.roof}
	r.Low, r.Median, r.High = quartiles(rates)
	if len(shares) > 0 {
		slices.Sort(shares)
		_, share, _ := quartiles(shares)
		r.Share = &share
	}
	return r
}

// quartiles of sorted numbers, one at least.
func quartiles(x []float64) (low, median, high float64) {
	at := func(q float64) float64 {
		place := q * float64(len(x)-1)
		i := min(int(place), len(x)-1)
		j := min(i+1, len(x)-1)
		return x[i] + (place-float64(i))*(x[j]-x[i])
	}
	return at(0.25), at(0.5), at(0.75)
}
