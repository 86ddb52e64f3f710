package tensor_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/tensor"
)

// blocks are n elements of Q8_0 and what they stand for: a scale of 1/64, then 32 bytes.
func blocks(n int) (b []byte, x []float32) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range n / 32 {
		b = append(b, 0x00, 0x24) // 2⁻⁶ in binary16
		for range 32 {
			q := int8(rng.Uint32())
			b, x = append(b, byte(q)), append(x, float32(q)/64)
		}
	}
	return b, x
}

// TestQuantised: a quantised weight is looked up, multiplied, read and owned as its numbers.
func TestQuantised(t *testing.T) {
	for _, d := range []*tensor.Device{tensor.Reference(), tensor.CPU(2)} {
		t.Run(d.Name(), func(t *testing.T) {
			defer d.Close()
			b, x := blocks(20 * 64)
			w := tensor.Declare(20, 64)
			w.BindBytes(d, tensor.Q8_0, b)
			testkit.SameBits(t, "numbers", w.Floats(), x)
			s := tensor.NewStep(d, tensor.StepOptions{})
			defer s.Close()
			s.Begin(0)
			rows := w.Rows(s.Ints([]int32{7, 0, 7}, 3))
			testkit.SameBits(t, "rows", rows.Floats()[:64], x[7*64:8*64])

			in := s.Floats(x[:128], 2, 64) // bytes over 64: rounding changes them little
			want := in.Linear(tensor.FromFloats(d, x, 20, 64), nil).Floats()
			wants(t, "Pack makes it ready", func() { in.Linear(w, nil) })
			w.Pack()
			testkit.Close(t, "product", in.Linear(w, nil).Floats(), want, 1e-2, 0.2)
			w.Own()
			testkit.SameBits(t, "owned", w.Floats(), x)
			testkit.SameBits(t, "product with the owned weight", in.Linear(w, nil).Floats(), want)
		})
	}
}

// TestLinears: several maps of the same activations are what each of them gives, packed or not, in training
// and outside of it.
func TestLinears(t *testing.T) {
	for _, d := range []*tensor.Device{tensor.Reference(), tensor.CPU(2)} {
		b, x := blocks(40 * 64)
		quantised, small, plain := tensor.Declare(40, 64), tensor.Declare(20, 64), tensor.FromFloats(d, x[64:64*11], 10, 64)
		quantised.BindBytes(d, tensor.Q8_0, b)
		small.BindBytes(d, tensor.Q8_0, b[:len(b)/2])
		quantised.Pack()
		small.Pack()
		bias := tensor.FromFloats(d, x[:20], 20)
		for _, grad := range []bool{false, true} {
			s := tensor.NewStep(d, tensor.StepOptions{Grad: grad})
			s.Begin(0)
			in := s.Floats(x[:3*64], 3, 64)
			for _, w := range [][]*tensor.Tensor{{quantised, small}, {small, plain, quantised}, {plain}} {
				y, biases := make([]*tensor.Tensor, len(w)), make([]*tensor.Tensor, len(w))
				for i := range w {
					if w[i] == small {
						biases[i] = bias
					}
				}
				in.Linears(y, w, biases)
				for i := range w {
					testkit.SameBits(t, d.Name(), y[i].Floats(), in.Linear(w[i], biases[i]).Floats())
				}
			}
			wants(t, "does not fit", func() {
				in.Linears(make([]*tensor.Tensor, 1), []*tensor.Tensor{quantised}, []*tensor.Tensor{bias})
			})
			s.Close()
		}
		d.Close()
	}
}

// TestQuantisedHasNoGradient: training through a quantised weight is refused, not silently wrong.
func TestQuantisedHasNoGradient(t *testing.T) {
	d := tensor.Reference()
	b, x := blocks(20 * 64)
	w := tensor.Declare(20, 64)
	w.BindBytes(d, tensor.Q8_0, b)
	w.Pack()
	s := tensor.NewStep(d, tensor.StepOptions{Grad: true})
	defer s.Close()
	s.Begin(0)
	in := s.Floats(x[:128], 2, 64)
	in.SetTrainable(true)
	wants(t, "no gradient", func() { in.Linear(w, nil) })
	wants(t, "read-only or no float", func() { w.SetTrainable(true) })
}

// wants runs f and wants a panic that says so.
func wants(t *testing.T, says string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if got, _ := recover().(string); !strings.Contains(got, says) {
			t.Errorf("panic %q, want one with %q", got, says)
		}
	}()
	f()
}
