package cpu

import "github.com/inkstone-ai/inkstone/internal/kernel"

// A roof is the most that a processor can do.
type roof struct {
	f32, bf16, int8 peak
	read            func(p *float32, n int)
}

// A peak is multiply-adds in registers alone; without run there are none.
type peak struct {
	run func(rounds int)
	ops int // of a round: two for each multiply-add of a lane
}

// Peak runs n rounds of multiply-adds in the registers of the calling thread,
// with the instructions that [New] would choose for F32, BF16 or U8 (times signed
// bytes), and returns how many operations that were: 0 where there are none.
func Peak(t kernel.DType, n int) (ops float64) {
	r := chosen().roof
	p := map[kernel.DType]peak{kernel.F32: r.f32, kernel.BF16: r.bf16, kernel.U8: r.int8}[t]
	if p.run == nil {
		return 0
	}
	p.run(n)
	return float64(n) * float64(p.ops)
}

// ReadAll reads x from memory on the calling thread and does nothing else.
func ReadAll(x []float32) {
	if len(x) > 0 {
		chosen().roof.read(&x[0], len(x))
	}
}

func genericRoof() roof { return roof{f32: peak{multiplyAddGeneric, 2 * 8}, read: readGeneric} }

// ForkJoin opens and joins n regions of two tiles that do nothing on d, which
// [New] made: what a parallel operation costs beside its work.
func ForkJoin(d kernel.Device, n int) {
	for range n {
		d.(*device).parallel(2, nothing{})
	}
}

type nothing struct{}

func (nothing) tile(*worker, int) {}

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
