package main

import (
	"fmt"
	"math"
	"math/bits"
	"testing"

	"github.com/inkstone-ai/inkstone/internal/kernel/_asm/emit"
	"github.com/inkstone-ai/inkstone/internal/kernel/_asm/machine"
)

// philoxWords is Philox4x32-10 as its paper writes it.
func philoxWords(key, block uint64) [4]uint32 {
	c, k0, k1 := [4]uint32{uint32(block), uint32(block >> 32)}, uint32(key), uint32(key>>32)
	for range 10 {
		h0, l0 := bits.Mul32(philoxM0, c[0])
		h1, l1 := bits.Mul32(philoxM1, c[2])
		c = [4]uint32{h1 ^ c[1] ^ k0, l1, h0 ^ c[3] ^ k1, l0}
		k0, k1 = k0+philoxW0, k1+philoxW1
	}
	return c
}

func TestDropout(t *testing.T) {
	const key, rate, scale = 0x123456789abcdef0, 0.3, 1.5
	file := dropout()
	eachVersion(t, func(t *testing.T, isa *emit.ISA) {
		f := program(t, file, "dropout"+isa.Name)
		for _, block := range []uint64{0, 7, 1<<32 - 3, 1 << 40} {
			for n := 0; n < 9*isa.Lanes; n += 2 * isa.Lanes {
				x := numbers(n, normal)
				want := make([]float64, n)
				for i := range want {
					word := philoxWords(key, block+uint64(i/4))[i%4]
					if float64(word>>8)/(1<<24) >= float64(float32(rate)) {
						want[i] = float64(float32(value(x[i]) * scale))
					}
				}
				m := machine.New(file)
				y, from := m.Map(make([]uint32, n)), m.Map(x)
				call(t, m, f, y, from, uint64(n), block, key&(1<<32-1), key>>32,
					uint64(math.Float32bits(rate)), uint64(math.Float32bits(scale)))
				equal(t, fmt.Sprintf("block %d, %d numbers", block, n), m.Words(y), want, 0)
			}
		}
	})
}
