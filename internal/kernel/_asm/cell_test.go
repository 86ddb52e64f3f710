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
			var gates, h, c []float64
			for i, f := range []func(float64) float64{logistic, logistic, math.Tanh, logistic} {
				for j := range H {
					gates = append(gates, f(value(sums[i*H+j])))
				}
			}
			for j := range H {
				c = append(c, gates[H+j]*value(before[j])+gates[j]*gates[2*H+j])
				h = append(h, gates[3*H+j]*math.Tanh(c[j]))
			}
			vm := machine.New(file)
			ha, hs := slice(vm, fresh(H))
			ca, cs := slice(vm, fresh(H))
			ga, gs := slice(vm, sums)
			_, bs := slice(vm, before)
			call(t, vm, program(t, file, "lstm"+isa.Name), arguments(hs, cs, gs, bs)...)
			equal(t, fmt.Sprintf("gates of %d", H), vm.Words(ga), gates, 1e-6)
			equal(t, fmt.Sprintf("c of %d", H), vm.Words(ca), c, 1e-5)
			equal(t, fmt.Sprintf("h of %d", H), vm.Words(ha), h, 1e-5)
		}
	})
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
				equal(t, fmt.Sprintf("dgates of %d", H), vm.Words(da), want, 1e-4)
				if has {
					equal(t, fmt.Sprintf("dbefore of %d", H), vm.Words(ba), wantBefore, 1e-4)
				}
			}
		}
	})
}
