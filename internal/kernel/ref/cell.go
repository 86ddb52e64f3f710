package ref

import (
	"math"

	"github.com/inkstone-ai/inkstone/internal/kernel"
)

func (device) Cell(kind kernel.CellKind, state, kept, x, p, bias, before mat) {
	H := kernel.CheckCell(kind, state, kept, x, p, bias, before)
	for r := range x.Rows {
		for j := range H {
			product := func(gate int) float64 {
				v := 0.0
				if !p.Nil() {
					v = at(p, r, gate*H+j)
				}
				if !bias.Nil() {
					v += at(bias, 0, gate*H+j)
				}
				return v
			}
			sum := func(gate int) float64 { return at(x, r, gate*H+j) + product(gate) }
			keep := func(parts ...float64) {
				for i, v := range parts {
					if !kept.Nil() {
						set(kept, r, i*H+j, v, false)
					}
				}
			}
			switch kind {
			case kernel.ElmanCell:
				set(state, r, j, math.Tanh(sum(0)), false)
			case kernel.LSTMCell:
				i, f, g, o := sigmoid(sum(0)), sigmoid(sum(1)), math.Tanh(sum(2)), sigmoid(sum(3))
				c := f*at(before, r, H+j) + i*g
				set(state, r, j, o*math.Tanh(c), false)
				set(state, r, H+j, c, false)
				keep(i, f, g, o)
			case kernel.GRUCell:
				reset, z, pn := sigmoid(sum(0)), sigmoid(sum(1)), product(2)
				n := math.Tanh(at(x, r, 2*H+j) + reset*pn)
				set(state, r, j, (1-z)*n+z*at(before, r, j), false)
				keep(reset, z, n, pn)
			}
		}
	}
}

func (device) CellGrad(kind kernel.CellKind, dx, dp, dbefore, dstate, kept, state, before mat) {
	H := kernel.CheckCellGrad(kind, dx, dp, dbefore, dstate, kept, state, before)
	for r := range dx.Rows {
		for j := range H {
			part := func(i int) float64 { return at(kept, r, i*H+j) }
			add := func(i int, v float64) {
				if !dbefore.Nil() {
					set(dbefore, r, i*H+j, v, true)
				}
			}
			dh := at(dstate, r, j)
			switch kind {
			case kernel.ElmanCell:
				h := at(state, r, j)
				set(dx, r, j, dh*(1-h*h), false)
			case kernel.LSTMCell:
				i, f, g, o := part(0), part(1), part(2), part(3)
				t := math.Tanh(at(state, r, H+j))
				dc := at(dstate, r, H+j) + dh*o*(1-t*t)
				set(dx, r, j, dc*g*i*(1-i), false)
				set(dx, r, H+j, dc*at(before, r, H+j)*f*(1-f), false)
				set(dx, r, 2*H+j, dc*i*(1-g*g), false)
				set(dx, r, 3*H+j, dh*t*o*(1-o), false)
				add(1, dc*f)
			case kernel.GRUCell:
				reset, z, n, pn := part(0), part(1), part(2), part(3)
				dn := dh * (1 - z) * (1 - n*n)
				gates := [3]float64{dn * pn * reset * (1 - reset), dh * (at(before, r, j) - n) * z * (1 - z), dn}
				for i, v := range gates {
					set(dx, r, i*H+j, v, false)
				}
				gates[2] *= reset
				for i, v := range gates {
					set(dp, r, i*H+j, v, false)
				}
				add(0, dh*z)
			}
		}
	}
}
