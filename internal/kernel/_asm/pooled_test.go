package main

import (
	"fmt"
	"math"
	"testing"

	"github.com/inkstone-ai/inkstone/internal/kernel/_asm/emit"
	"github.com/inkstone-ai/inkstone/internal/kernel/_asm/machine"
)

// slice maps words and gives the words of a slice argument.
func slice(vm *machine.Machine, words []uint32) (addr uint64, arg []uint64) {
	addr = vm.Map(words)
	return addr, []uint64{addr, uint64(len(words)), uint64(len(words))}
}

// arguments joins the words of arguments.
func arguments(args ...any) (all []uint64) {
	for _, a := range args {
		switch a := a.(type) {
		case []uint64:
			all = append(all, a...)
		case int:
			all = append(all, uint64(a))
		case float32:
			all = append(all, uint64(math.Float32bits(a)))
		}
	}
	return all
}

func TestMoments(t *testing.T) {
	file := pooled()
	eachVersion(t, func(t *testing.T, isa *emit.ISA) {
		f := program(t, file, "moments"+isa.Name)
		for _, C := range []int{1, 7, 16, 35} {
			for _, rows := range []int{1, 4, 8, 11} {
				ld := C + C%3
				x := numbers((rows-1)*ld+C, small)
				vm := machine.New(file)
				first, fa := slice(vm, fresh(C))
				next, na := slice(vm, fresh(C))
				_, xa := slice(vm, x)
				call(t, vm, f, arguments(fa, na, xa, ld, rows, 1/float32(rows))...)
				mean, square := make([]float64, C), make([]float64, C)
				for r := range rows {
					for c := range C {
						mean[c] += value(x[r*ld+c]) / float64(rows)
					}
				}
				for r := range rows {
					for c := range C {
						d := value(x[r*ld+c]) - mean[c]
						square[c] += d * d
					}
				}
				equal(t, fmt.Sprintf("first of %d rows, %d channels", rows, C), vm.Words(first), mean, 1e-5)
				equal(t, fmt.Sprintf("next of %d rows, %d channels", rows, C), vm.Words(next), square, 1e-4)
			}
		}
	})
}

// A squareCase is a row of squares of small numbers, many of them equal.
type squareCase struct {
	C, n, line               int
	x, dy, scale, shift, abc []uint32
}

func squareCases() (all []squareCase) {
	for _, C := range []int{1, 8, 19, 32} {
		for _, n := range []int{1, 3} {
			c := squareCase{C: C, n: n, line: 2*n*C + C%5, abc: numbers(3*C+16, small)}
			c.x, c.dy, c.scale, c.shift = numbers(c.line+2*n*C, small), numbers(n*C, small), numbers(C, small), numbers(C, small)
			all = append(all, c)
		}
	}
	return all
}

// each calls f for each square and channel with the places of its four pixels, the largest norm or
// 0, and which pixel has it first, −1 where it is 0.
func (q squareCase) each(f func(p, c int, pixels [4]int, largest float64, winner int)) {
	for p := range q.n {
		for c := range q.C {
			at := 2*p*q.C + c
			pixels := [4]int{at, at + q.C, at + q.line, at + q.line + q.C}
			largest, winner := 0.0, -1
			for i, x := range pixels {
				if n := value(q.x[x])*value(q.scale[c]) + value(q.shift[c]); n > largest {
					largest, winner = n, i
				}
			}
			f(p, c, pixels, largest, winner)
		}
	}
}

func TestNormMax(t *testing.T) {
	file := pooled()
	eachVersion(t, func(t *testing.T, isa *emit.ISA) {
		for _, q := range squareCases() {
			what := fmt.Sprintf("%d channels, %d squares", q.C, q.n)
			y, first, next := make([]float64, q.n*q.C), make([]float64, q.C), make([]float64, q.C)
			for c := range q.C {
				first[c], next[c] = 1, 2
			}
			dx := make([]float64, len(q.x))
			for i := range dx {
				dx[i] = value(untouched)
			}
			added := floats(q.x)
			q.each(func(p, c int, pixels [4]int, largest float64, winner int) {
				y[p*q.C+c] = largest
				for i, at := range pixels {
					g, x := 0.0, value(q.x[at])
					if i == winner {
						g = value(q.dy[p*q.C+c])
						first[c] += g
						next[c] += g * (x - value(q.abc[c]))
					}
					dx[at] = g*value(q.abc[c]) + x*value(q.abc[q.C+c]) + value(q.abc[2*q.C+c])
					added[at] += dx[at]
				}
			})
			vm := machine.New(file)
			_, xa := slice(vm, q.x)
			_, dya := slice(vm, q.dy)
			_, sa := slice(vm, q.scale)
			_, ba := slice(vm, q.shift)
			_, abc := slice(vm, q.abc)
			got, ya := slice(vm, fresh(len(y)))
			call(t, vm, program(t, file, "normMax"+isa.Name), arguments(ya, xa, sa, ba, q.line, q.n)...)
			equal(t, "normMax of "+what, vm.Words(got), y, 0)

			one, two := numbers(q.C, func() float32 { return 1 }), numbers(q.C, func() float32 { return 2 })
			sum, fa := slice(vm, one)
			slope, na := slice(vm, two)
			call(t, vm, program(t, file, "normMaxSums"+isa.Name), arguments(fa, na, dya, xa, sa, ba, abc, q.line, q.n)...)
			equal(t, "first of "+what, vm.Words(sum), first, 0)
			equal(t, "next of "+what, vm.Words(slope), next, 0)

			to, dxa := slice(vm, fresh(len(q.x)))
			call(t, vm, program(t, file, "normMaxGrad"+isa.Name), arguments(sa, ba, dxa, dya, xa, abc, q.line, q.n, 0)...)
			equal(t, "normMaxGrad of "+what, vm.Words(to), dx, 0)
			more, dxa := slice(vm, append([]uint32{}, q.x...))
			call(t, vm, program(t, file, "normMaxGrad"+isa.Name), arguments(sa, ba, dxa, dya, xa, abc, q.line, q.n, 1)...)
			equal(t, "normMaxGrad, added, of "+what, vm.Words(more), added, 0)
		}
	})
}
