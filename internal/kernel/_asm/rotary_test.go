package main

import (
	"fmt"
	"testing"

	"github.com/inkstone-ai/inkstone/internal/kernel/_asm/emit"
	"github.com/inkstone-ai/inkstone/internal/kernel/_asm/machine"
)

// TestRotate turns small integers, which leaves no room for rounding.
func TestRotate(t *testing.T) {
	file := rotary()
	eachVersion(t, func(t *testing.T, isa *emit.ISA) {
		f := program(t, file, "rotate"+isa.Name)
		for pairs := range 36 {
			heads, stride, acc, sign := 1+pairs%3, 2*pairs+pairs%4, pairs&1, 1.0
			flip := uint64(pairs >> 1 & 1 << 31)
			if flip != 0 {
				sign = -1
			}
			n := heads * stride
			x, y, angles := numbers(n, small), numbers(n, small), numbers(2*pairs, small)
			want := floats(y)
			for h := range heads {
				for i := range pairs {
					first, second := h*stride+i, h*stride+pairs+i
					a, b, c, s := value(x[first]), value(x[second]), value(angles[i]), sign*value(angles[pairs+i])
					want[first] = want[first]*float64(acc) + a*c - b*s
					want[second] = want[second]*float64(acc) + a*s + b*c
				}
			}
			m := machine.New(file)
			ya, xa, aa := m.Map(y), m.Map(x), m.Map(angles)
			size, turns := uint64(n), uint64(2*pairs)
			call(t, m, f, ya, size, size, xa, size, size, aa, turns, turns, uint64(heads), uint64(stride), flip, uint64(acc))
			equal(t, fmt.Sprintf("%d heads of %d pairs", heads, pairs), m.Words(ya), want, 0)
		}
	})
}
