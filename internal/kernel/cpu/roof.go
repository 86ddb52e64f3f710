package cpu

import "github.com/inkstone-ai/inkstone/internal/kernel"

// A roof is the most that a processor can do.
type roof struct {
	multiplyAdd func(n int)
	flops       int // of a round: two for each multiply-add of a lane
	read        func(p *float32, n int)
}

// Peak runs n rounds of multiply-adds in the registers of the calling thread,
// with the instruction set that [New] would choose, and returns how many
// floating-point operations that were.
func Peak(n int) (flops float64) {
	r := chosen().roof
	r.multiplyAdd(n)
	return float64(n) * float64(r.flops)
}

// ReadAll reads x from memory on the calling thread and does nothing else.
func ReadAll(x []float32) {
	if len(x) > 0 {
		chosen().roof.read(&x[0], len(x))
	}
}

// ForkJoin opens and joins n regions of two tiles that do nothing on d, which
// [New] made: what a parallel operation costs beside its work.
func ForkJoin(d kernel.Device, n int) {
	for range n {
		d.(*device).parallel(2, nothing{})
	}
}

type nothing struct{}

func (nothing) tile(*worker, int) {}

func genericRoof() roof { return roof{multiplyAddGeneric, 2 * 8, readGeneric} }

func readGeneric(p *float32, n int) {
	var s [8]float32
	for x := elements(p, n); len(x) >= 8; x = x[8:] {
		for i := range s {
			s[i] += x[i]
		}
	}
	sink = s
}

// multiplyAddGeneric has eight chains, so that none waits for the one before.
func multiplyAddGeneric(n int) {
	var s [8]float32
	a, b := sink[0], sink[1]
	for range n {
		s[0] += a * b
		s[1] += a * b
		s[2] += a * b
		s[3] += a * b
		s[4] += a * b
		s[5] += a * b
		s[6] += a * b
		s[7] += a * b
	}
	sink = s
}

// sink keeps the compiler from finding that the sums are not needed.
var sink [8]float32
