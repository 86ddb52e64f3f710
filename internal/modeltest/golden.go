// Package modeltest holds what tests of models against golden numbers share.
package modeltest

import (
	"math"
	"testing"

	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// Devices are those that every model is tested on: the reference and a CPU of two threads.
func Devices() map[string]func() *tensor.Device {
	return map[string]func() *tensor.Device{"ref": tensor.Reference, "cpu": func() *tensor.Device { return tensor.CPU(2) }}
}

// Gradients compares the gradient of every weight that learns, filters in the order of files, with
// what is wanted of its name.
func Gradients[F ~[]float32](t testing.TB, net any, want map[string]F, rtol, atol float64) {
	t.Helper()
	params := nn.Trainable(net)
	for _, p := range params {
		o, err := model.ExportImages(format.FromF32(p.Name, p.Tensor.Grad().Floats(), p.Tensor.Shape()...))
		if err != nil {
			t.Fatal(err)
		}
		grad, err := format.F32s(o)
		if err != nil {
			t.Fatal(err)
		}
		testkit.Close(t, p.Name, grad, want[p.Name], rtol, atol)
	}
	if len(params) != len(want) {
		t.Errorf("%d gradients, want %d", len(params), len(want))
	}
}

// AdamW are the numbers of an optimizer in a golden file; decay is for matrices and filters alone.
type AdamW struct{ LR, B1, B2, Eps, Decay float32 }

// Losses compares the losses of as many updates of net as are wanted.
func (o AdamW) Losses(t testing.TB, d *tensor.Device, net any, loss func(s *tensor.Step) *tensor.Tensor, want []float64) {
	t.Helper()
	params := nn.Trainable(net)
	m, v := make([]*tensor.Tensor, len(params)), make([]*tensor.Tensor, len(params))
	for i, p := range params {
		m[i], v[i] = tensor.New(d, p.Tensor.Shape()...), tensor.New(d, p.Tensor.Shape()...)
	}
	s := tensor.NewStep(d, tensor.StepOptions{Grad: true})
	defer s.Close()
	var losses []float64
	for i := range want {
		s.Begin(uint64(i))
		l := loss(s)
		losses = append(losses, float64(l.Item()))
		s.Backward(l)
		for j, p := range params {
			p.Tensor.Update(tensor.AdamW, m[j], v[j], o.update(p.Role, i+1))
			p.Tensor.ZeroGrad()
		}
	}
	testkit.Close(t, "losses", losses, want, 1e-4, 0)
}

// update is number n of a weight of some role.
func (o AdamW) update(role nn.Role, n int) tensor.UpdateParams {
	u := tensor.UpdateParams{LR: o.LR, B1: o.B1, B2: o.B2, Eps: o.Eps}
	if role == nn.Matrix || role == nn.Filter {
		u.Decay = o.Decay
	}
	u.Correct1 = 1 - float32(math.Pow(float64(u.B1), float64(n)))
	u.Correct2 = 1 - float32(math.Pow(float64(u.B2), float64(n)))
	return u
}
