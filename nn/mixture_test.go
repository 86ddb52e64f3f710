package nn_test

import (
	"math"
	"testing"

	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// TestMixture computes a mixture by hand: expert e multiplies by e+1.
func TestMixture(t *testing.T) {
	s := tensor.NewStep(tensor.Reference(), tensor.StepOptions{})
	defer s.Close()
	s.Begin(0)
	var p nn.Pass
	p.Set(s, make([]int32, 3), nn.Span{Rows: 3})
	x := s.Floats([]float32{1, 2, 3, 4, 5, 6}, 3, 2)
	logits := s.Floats([]float32{ // the logarithms of 1:2:4:1, of 4:1:1:2 and of equals
		0, float32(math.Log(2)), float32(math.Log(4)), 0,
		float32(math.Log(4)), 0, 0, float32(math.Log(2)),
		1, 1, 1, 1,
	}, 3, 4)
	asked := map[int]int{}
	expert := func(e int, rows *tensor.Tensor) *tensor.Tensor {
		asked[e] += rows.Dim(0)
		return rows.Scale(float32(e + 1))
	}
	whole := nn.Mixture{Top: 2, Normalise: true}.Forward(&p, x, logits, expert).Floats()
	// 4/6·3 + 2/6·2 = 8/3, 4/6·1 + 2/6·4 = 2, (1+2)/2; of equals the first experts
	testkit.Close(t, "weights that add up to 1", whole, []float32{8. / 3, 16. / 3, 6, 8, 7.5, 9}, 1e-6, 0)
	if asked[0] != 2 || asked[1] != 2 || asked[2] != 1 || asked[3] != 1 {
		t.Errorf("rows of the experts: %v", asked)
	}
	part := nn.Mixture{Top: 2}.Forward(&p, x, logits, expert).Floats()
	testkit.Close(t, "weights as they are", part, []float32{2, 4, 4.5, 6, 3.75, 4.5}, 1e-6, 0)
}

// TestMixtureOfNothing: scores that are not numbers choose experts all the same, and what
// comes of them is no number either.
func TestMixtureOfNothing(t *testing.T) {
	s := tensor.NewStep(tensor.Reference(), tensor.StepOptions{})
	defer s.Close()
	s.Begin(0)
	var p nn.Pass
	p.Set(s, make([]int32, 1), nn.Span{Rows: 1})
	nan := float32(math.NaN())
	y := nn.Mixture{Top: 2, Normalise: true}.Forward(&p, s.Full(1, 1, 2), s.Floats([]float32{nan, nan, nan}, 1, 3),
		func(_ int, rows *tensor.Tensor) *tensor.Tensor { return rows }).Floats()
	if y[0] == y[0] {
		t.Errorf("%v, want NaN", y)
	}
}

// TestRotaryGain: channels that turn are multiplied, those that do not are left as they are.
func TestRotaryGain(t *testing.T) {
	s := tensor.NewStep(tensor.Reference(), tensor.StepOptions{})
	defer s.Close()
	s.Begin(0)
	pos := s.Ints([]int32{0}, 1) // nothing turns at position 0
	for _, tt := range []struct {
		turned int
		want   []float32
	}{{4, []float32{2, 4, 6, 8}}, {2, []float32{2, 4, 3, 4}}} {
		r := nn.NewRotary(tt.turned, 100, nil)
		r.Gain = 2
		x := s.Floats([]float32{1, 2, 3, 4}, 1, 1, 4)
		testkit.Close(t, "gained", r.Rotate(x, pos).Floats(), tt.want, 1e-6, 0)
	}
	var none *nn.Rotary
	x := s.Floats([]float32{1, 2}, 1, 1, 2)
	testkit.SameBits(t, "no rotary", none.Rotate(x, pos).Floats(), []float32{1, 2})
}

// TestRMSNormPlus: fresh gains are 1, whatever is stored of them.
func TestRMSNormPlus(t *testing.T) {
	d := tensor.Reference()
	defer d.Close()
	s := tensor.NewStep(d, tensor.StepOptions{})
	defer s.Close()
	s.Begin(0)
	m := struct {
		N nn.RMSNorm `hf:"n"`
	}{nn.RMSNorm{W: tensor.Declare(2), Plus: true}}
	nn.Init(&m, d, 1)
	x := s.Floats([]float32{3, 4}, 1, 2)
	rms := float32(math.Sqrt(12.5))
	testkit.Close(t, "fresh", m.N.Forward(x).Floats(), []float32{3 / rms, 4 / rms}, 1e-6, 0)
	m.N.W.WriteFloats([]float32{1, -0.5})
	testkit.Close(t, "trained", m.N.Forward(x).Floats(), []float32{6 / rms, 2 / rms}, 1e-6, 0)
}
