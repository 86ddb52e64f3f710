package tensor_test

import (
	"slices"
	"testing"

	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/tensor"
)

// A lstmCase is the operands of a layer of LSTM cells.
type lstmCase struct {
	x, w, start *T
	h, rows, n  int
}

func newLSTM(d *tensor.Device, h, rows, n int) *lstmCase {
	c := &lstmCase{x: tensor.New(d, n*rows, 4*h), w: tensor.New(d, 4*h, h), start: tensor.New(d, rows, 2*h), h: h, rows: rows, n: n}
	c.x.FillNormal(1, 1)
	c.w.FillNormal(2, 0.05)
	for _, t := range []*T{c.x, c.w} {
		t.SetTrainable(true)
	}
	return c
}

// fused is the layer as one operation, (N, H).
func (c *lstmCase) fused(s *Step) *T {
	return s.Use(c.x).Recurrent(tensor.LSTMCell, c.w, nil, c.start, slices.Repeat([]int{c.rows}, c.n)).Slice(1, 0, c.h)
}

// composed is the layer spelled out in operations.
func (c *lstmCase) composed(s *Step) *T {
	x, start := s.Use(c.x), s.Use(c.start)
	h, cell := start.Slice(1, 0, c.h), start.Slice(1, c.h, 2*c.h)
	var all []*T
	for t := range c.n {
		z := x.Slice(0, t*c.rows, (t+1)*c.rows).Add(h.Linear(c.w, nil))
		gate := func(i int) *T { return z.Slice(1, i*c.h, (i+1)*c.h) }
		cell = gate(1).SigmoidMul(cell).Add(gate(0).SigmoidMul(gate(2).Tanh()))
		h = gate(3).SigmoidMul(cell.Tanh())
		all = append(all, h)
	}
	return all[0].Concat(0, all[1:]...)
}

// step runs a layer forward and backward and returns its outputs and gradients.
func (c *lstmCase) step(s *Step, layer func(*Step) *T) (y, dx, dw *T) {
	for _, t := range []*T{c.x, c.w} {
		t.ZeroGrad()
	}
	s.Begin(0)
	y = layer(s)
	kept := y.Keep()
	s.Backward(y.Square().Mean())
	return kept, c.x.Grad(), c.w.Grad()
}

// TestRecurrentIsComposed: the one operation computes what the many do.
func TestRecurrentIsComposed(t *testing.T) {
	d := tensor.CPU(2)
	defer d.Close()
	s := tensor.NewStep(d, tensor.StepOptions{Grad: true})
	defer s.Close()
	c := newLSTM(d, 20, 5, 9)
	y, dx, dw := c.step(s, c.fused)
	values := [][]float32{y.Floats(), dx.Floats(), dw.Floats()}
	y, dx, dw = c.step(s, c.composed)
	for i, x := range []*T{y, dx, dw} {
		testkit.Close(t, []string{"y", "dx", "dw"}[i], values[i], x.Floats(), 1e-4, 1e-7)
	}
}

// TestRecurrentBits: one thread and two give the same bits.
func TestRecurrentBits(t *testing.T) {
	var want [][]float32
	for _, threads := range []int{1, 2} {
		d := tensor.CPU(threads)
		s := tensor.NewStep(d, tensor.StepOptions{Grad: true})
		c := newLSTM(d, 96, 17, 6)
		y, dx, dw := c.step(s, c.fused)
		got := [][]float32{y.Floats(), dx.Floats(), dw.Floats()}
		if want != nil {
			for i := range got {
				testkit.SameBits(t, "two threads", got[i], want[i])
			}
		}
		want = got
		s.Close()
		d.Close()
	}
}

func TestRecurrentPanics(t *testing.T) {
	s := tensor.NewStep(tensor.Reference(), tensor.StepOptions{})
	defer s.Close()
	s.Begin(0)
	x, w, start := s.Zeros(3, 8), s.Zeros(8, 2), s.Zeros(2, 4)
	mustPanic(t, "which must fall or stay and add up", func() { x.Recurrent(tensor.LSTMCell, w, nil, start, []int{1, 2}) })
	mustPanic(t, "which must fall or stay and add up", func() { x.Recurrent(tensor.LSTMCell, w, nil, start, []int{2, 2}) })
	mustPanic(t, "does not fit w", func() { x.Recurrent(tensor.GRUCell, w, nil, start, []int{2, 1}) })
	mustPanic(t, "start (2, 4), want (3, 4)", func() { x.Recurrent(tensor.LSTMCell, w, nil, start, []int{3}) })
}

// BenchmarkRecurrent is a layer of 512 over 64 steps of 16 sequences, forward and
// backward: each cell as one operation, and the LSTM's beside many. The rate counts the
// products of the state, forward and twice that backward.
func BenchmarkRecurrent(b *testing.B) {
	const H, rows, n = 512, 16, 64
	d := tensor.CPU(1)
	defer d.Close()
	c := newLSTM(d, H, rows, n)
	run := func(name string, gates int, f func(*Step)) {
		b.Run(name, func(b *testing.B) {
			s := tensor.NewStep(d, tensor.StepOptions{Grad: true})
			defer s.Close()
			for b.Loop() {
				f(s)
			}
			b.ReportMetric(float64(rows*n*b.N)/b.Elapsed().Seconds(), "tokens/s")
			b.ReportMetric(3*2*float64(gates*H*H*rows*n)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
		})
	}
	for name, layer := range map[string]func(*Step) *T{"fused": c.fused, "composed": c.composed} {
		run(name, 4, func(s *Step) {
			y, _, _ := c.step(s, layer)
			y.Free()
		})
	}
	for name, cell := range map[string]tensor.Cell{"rnn": tensor.ElmanCell, "gru": tensor.GRUCell} {
		x, w, start := tensor.New(d, n*rows, cell.Gates()*H), tensor.New(d, cell.Gates()*H, H), tensor.New(d, rows, cell.States()*H)
		x.FillNormal(1, 1)
		w.FillNormal(2, 0.05)
		x.SetTrainable(true)
		w.SetTrainable(true)
		steps := slices.Repeat([]int{rows}, n)
		run(name, cell.Gates(), func(s *Step) {
			x.ZeroGrad()
			w.ZeroGrad()
			s.Begin(0)
			s.Backward(s.Use(x).Recurrent(cell, w, nil, start, steps).Square().Mean())
		})
	}
}
