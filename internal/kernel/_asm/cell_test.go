package main

import (
	"fmt"
	"math"
	"testing"

	"github.com/inkstone-ai/inkstone/internal/kernel/_asm/emit"
	"github.com/inkstone-ai/inkstone/internal/kernel/_asm/machine"
)

func TestLSTM(t *testing.T) {
	file := cell()
	logistic := func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
	eachVersion(t, func(t *testing.T, isa *emit.ISA) {
		for _, H := range []int{1, 7, 8, 16, 19, 40} {
			sums, before := numbers(4*H, normal), numbers(H, normal)
			var gates, h, c, size []float64
			for i, f := range []func(float64) float64{logistic, logistic, math.Tanh, logistic} {
				for j := range H {
					gates = append(gates, f(value(sums[i*H+j])))
				}
			}
			for j := range H {
				c = append(c, gates[H+j]*value(before[j])+gates[j]*gates[2*H+j])
				h = append(h, gates[3*H+j]*math.Tanh(c[j]))
				size = append(size, math.Abs(gates[H+j]*value(before[j]))+math.Abs(gates[j]*gates[2*H+j]))
			}
			vm := machine.New(file)
			ha, hs := slice(vm, fresh(H))
			ca, cs := slice(vm, fresh(H))
			ga, gs := slice(vm, sums)
			_, bs := slice(vm, before)
			call(t, vm, program(t, file, "lstm"+isa.Name), arguments(hs, cs, gs, bs)...)
			equal(t, fmt.Sprintf("gates of %d", H), vm.Words(ga), gates, 1e-6)
			for j := range H { // terms of c may cancel each other
				if got := value(vm.Words(ca)[j]); math.Abs(got-c[j]) > 1e-6*size[j] {
					t.Fatalf("c of %d: element %d is %v, want %v", H, j, got, c[j])
				}
				if got := value(vm.Words(ha)[j]); math.Abs(got-h[j]) > 1e-6*size[j] {
					t.Fatalf("h of %d: element %d is %v, want %v", H, j, got, h[j])
				}
			}
		}
	})
}

// near compares numbers about 1, or less where terms cancel each other.
func near(t *testing.T, what string, got []uint32, want []float64) {
	t.Helper()
	for i, w := range want {
		if g := value(got[i]); !(math.Abs(g-w) <= 4e-6*max(1, math.Abs(w))) {
			t.Fatalf("%s: element %d is %v, want %v", what, i, g, w)
		}
	}
}

func TestLSTMGrad(t *testing.T) {
	file := cell()
	unit := func() float32 { return float32(math.Tanh(float64(normal()))) }
	eachVersion(t, func(t *testing.T, isa *emit.ISA) {
		for _, H := range []int{1, 7, 8, 16, 19, 40} {
			for _, has := range []bool{true, false} {
				c, dbefore, dstate, gates, before := numbers(H, normal), numbers(H, normal), numbers(2*H, normal), numbers(4*H, unit), numbers(H, normal)
				want, wantBefore := make([]float64, 4*H), make([]float64, H)
				for j := range H {
					i, f, g, o := value(gates[j]), value(gates[H+j]), value(gates[2*H+j]), value(gates[3*H+j])
					th, dh := math.Tanh(value(c[j])), value(dstate[j])
					dc := value(dstate[H+j]) + dh*o*(1-th*th)
					want[j], want[H+j] = dc*g*i*(1-i), dc*value(before[j])*f*(1-f)
					want[2*H+j], want[3*H+j] = dc*i*(1-g*g), dh*th*o*(1-o)
					wantBefore[j] = value(dbefore[j]) + dc*f
				}
				vm := machine.New(file)
				_, cs := slice(vm, c)
				da, ds := slice(vm, fresh(4*H))
				ba, bs := slice(vm, dbefore)
				if !has {
					bs = []uint64{0, 0, 0}
				}
				_, ss := slice(vm, dstate)
				_, gs := slice(vm, gates)
				_, befores := slice(vm, before)
				call(t, vm, program(t, file, "lstmGrad"+isa.Name), arguments(cs, ds, bs, ss, gs, befores)...)
				near(t, fmt.Sprintf("dgates of %d", H), vm.Words(da), want)
				if has {
					near(t, fmt.Sprintf("dbefore of %d", H), vm.Words(ba), wantBefore)
				}
			}
		}
	})
}
