package tensor_test

import (
	"testing"

	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/tensor"
)

// held makes x keep its values: it has a view.
func held(x *T) *T {
	x.Reshape(x.Shape()...)
	return x
}

func asIs(x *T) *T { return x }

// TestBrief compares a block whose norms, gates and dropouts are computed again
// in Backward with one that keeps them: the same bits from less memory, with
// checkpoints too.
func TestBrief(t *testing.T) {
	for name, d := range devices(t) {
		run := func(hold func(*T) *T, checkpoint bool) (numbers []float32, peak int) {
			b := newBlock(d, 32, 24)
			b.brief = hold
			s := tensor.NewStep(d, tensor.StepOptions{Grad: true, Seed: 3})
			defer s.Close()
			s.Begin(7)
			loss := b.loss(s, func(x *T) *T {
				layer := func(x *T) *T { return b.forward(s, x) }
				if checkpoint {
					return s.Checkpoint(x, layer)
				}
				return layer(x)
			})
			s.Backward(loss)
			numbers = append(numbers, loss.Item())
			for _, p := range b.params() {
				numbers = append(numbers, p.Grad().Floats()...)
			}
			_, peak = s.Bytes()
			return numbers, peak
		}
		want, most := run(held, false)
		got, peak := run(asIs, false)
		testkit.SameBits(t, name+": computed again", got, want)
		if peak >= most*9/10 {
			t.Errorf("%s: a peak of %d bytes, %d with everything kept", name, peak, most)
		}
		got, least := run(asIs, true)
		testkit.SameBits(t, name+": computed again within checkpoints", got, want)
		if least >= peak {
			t.Errorf("%s: a peak of %d bytes with checkpoints, %d without", name, least, peak)
		}
	}
}

// TestBriefOperands makes each operand of each operation a brief result whose
// memory is taken back before Backward: gradients are those of one that stays.
func TestBriefOperands(t *testing.T) {
	forgotten := 0
	for name, d := range devices(t) {
		for _, r := range tests {
			for i, shape := range r.shapes {
				run := func(hold func(*T) *T) (grads []float32, live int) {
					p := r.parameters(d, r.inputs())
					s := tensor.NewStep(d, tensor.StepOptions{Grad: true, Seed: 9})
					defer s.Close()
					s.Begin(5)
					x := make([]*T, len(p))
					for j := range p {
						x[j] = s.Use(p[j])
					}
					x[i] = hold(x[i].Scale(0.5))
					y := r.f(s, x)
					s.Use(p[i]).Neg()
					live, _ = s.Bytes()
					loss := s.Use(p[i]).Sum()
					if y.DType() == tensor.F32 {
						loss = loss.Add(weigh(s, y))
					}
					s.Backward(loss)
					for j := range p {
						grads = append(grads, p[j].Grad().Floats()...)
					}
					return grads, live
				}
				if length(shape) == 0 {
					continue
				}
				want, kept := run(held)
				got, live := run(asIs)
				testkit.SameBits(t, name+", "+r.name, got, want)
				if live < kept {
					forgotten++
				}
			}
		}
	}
	if forgotten < 100 {
		t.Errorf("only %d operands were forgotten", forgotten)
	}
}

// TestBriefRead reads results whose memory was taken back: they are there again.
func TestBriefRead(t *testing.T) {
	for name, d := range devices(t) {
		s := tensor.NewStep(d, tensor.StepOptions{Grad: true, Seed: 2})
		defer s.Close()
		p := tensor.FromFloats(d, grid(12, 0, -1, 1), 3, 4)
		p.SetTrainable(true)
		pass := func(hold func(*T) *T, read func(x *T) *T) []float32 {
			s.Begin(1)
			p.ZeroGrad()
			x := s.Use(p).Add(s.Full(1, 1)) // not brief
			h := hold(x.Dropout(0.5))
			other := hold(x.GELU())
			loss := read(h).Mul(other).Sum().Scale(2) // brief, and forgotten for the next
			x.Neg()
			got := h.Floats()
			s.Backward(loss)
			return append(append(got, loss.Item()), p.Grad().Floats()...)
		}
		for what, read := range map[string]func(x *T) *T{
			"as an operand":       asIs,
			"through a view":      func(x *T) *T { return x.Slice(0, 0, 3) },
			"by a brief result":   (*T).SiLU,
			"by two":              func(x *T) *T { return x.SiLU().Add(x.Tanh()) },
			"through a chain":     func(x *T) *T { return x.SiLU().Tanh().Sin() },
			"by a later addition": func(x *T) *T { y := x.SiLU(); x.Cos(); return y.Add(x) },
		} {
			testkit.SameBits(t, name+", "+what, pass(asIs, read), pass(held, read))
		}
	}
}
