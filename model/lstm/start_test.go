package lstm_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/model/lstm"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// cells are the layers of a model of any kind.
func cells(m model.Recurrent) []nn.Recurrent {
	switch m := m.(type) {
	case *lstm.RNN:
		return m.Layers
	case *lstm.LSTM:
		return m.Layers
	case *lstm.GRU:
		return m.Layers
	}
	panic(fmt.Sprintf("a model %T", m))
}

// drawn is a model on d, not trained.
func drawn(t *testing.T, d *tensor.Device, kind string, c lstm.Config) model.Recurrent {
	t.Helper()
	m, err := lstm.New(kind, c)
	if err != nil {
		t.Fatal(err)
	}
	nn.Init(m, d, 3)
	for _, p := range nn.Params(m) {
		p.Tensor.SetTrainable(true)
	}
	return m
}

// TestDropoutPlaces: where everything is dropped, no layer gets anything from the one below,
// nor the head from the last; what goes from step to step stays, so that states are those
// of cells without an input. In evaluation nothing is dropped.
func TestDropoutPlaces(t *testing.T) {
	d := tensor.Reference()
	defer d.Close()
	const H, S, T = 6, 2, 4
	for _, kind := range []string{"rnn", "lstm", "gru"} {
		read := func(dropout float32, training bool) (out []float32, states [][]float32, m model.Recurrent) {
			m = drawn(t, d, kind, lstm.Config{Vocab: 9, Hidden: H, Layers: 3, Dropout: dropout})
			carry := nn.NewCarry(d, S, m.StateWidths()...)
			defer carry.Free()
			s := tensor.NewStep(d, tensor.StepOptions{Grad: training})
			defer s.Close()
			s.Begin(1)
			p := nn.Pass{Cache: carry}
			p.Set(s, []int32{1, 2, 3, 4, 5, 6, 7, 8}, nn.Span{Rows: T}, nn.Span{Rows: T})
			out = m.Forward(&p).Floats()
			for _, x := range carry.States {
				states = append(states, x.Floats())
			}
			return out, states, m
		}
		out, states, m := read(1-1e-6, true)
		testkit.Close(t, kind+": outputs", out, make([]float32, S*T*H), 0, 0)
		for i, cell := range cells(m) {
			s := tensor.NewStep(d, tensor.StepOptions{})
			defer s.Close()
			s.Begin(0)
			state := s.Zeros(S, cell.StateWidth())
			for range T {
				state = cell.Step(s.Zeros(S, H), state)
			}
			testkit.Close(t, fmt.Sprintf("%s: states of layer %d", kind, i), states[i], state.Floats(), 1e-5, 1e-6)
		}
		clean, _, _ := read(0, true)
		still, _, _ := read(0.5, false)
		testkit.SameBits(t, kind+": outputs in evaluation", still, clean)
	}
}

// TestForgetGateBeginsOpen: of an LSTM's biases those of the forget gate, the second of
// four, add up to 1 at the start (Jozefowicz et al. 2015); all others, and all of the
// other cells, are drawn in ±1/√H.
func TestForgetGateBeginsOpen(t *testing.T) {
	d := tensor.Reference()
	defer d.Close()
	const H = 64
	for kind, gates := range map[string]int{"rnn": 1, "lstm": 4, "gru": 3} {
		for i, cell := range cells(drawn(t, d, kind, lstm.Config{Vocab: 3, Hidden: H, Layers: 2})) {
			for gate := range gates {
				for name, w := range map[string]*tensor.Tensor{"bias_ih": cell.BI, "bias_hh": cell.BH} {
					b := w.Floats()[gate*H : (gate+1)*H]
					if kind == "lstm" && gate == 1 {
						want := map[string]float32{"bias_ih": 1, "bias_hh": 0}[name]
						if slices.Min(b) != want || slices.Max(b) != want {
							t.Errorf("%s of layer %d: the forget gate begins at %g to %g, want %g", name, i, slices.Min(b), slices.Max(b), want)
						}
						continue
					}
					if low, high := slices.Min(b), slices.Max(b); low > -0.7/8 || high < 0.7/8 || low < -1.0/8 || high > 1.0/8 {
						t.Errorf("%s: %s of layer %d, gate %d: from %g to %g, want ±1/8", kind, name, i, gate, low, high)
					}
				}
			}
			for name, w := range map[string]*tensor.Tensor{"weight_ih": cell.WI, "weight_hh": cell.WH} {
				square := 0.0
				for _, x := range w.Floats() {
					square += float64(x) * float64(x) / float64(w.Len())
				}
				testkit.Close(t, fmt.Sprintf("%s: spread of %s of layer %d", kind, name, i), []float64{math.Sqrt(square)}, []float64{1 / math.Sqrt(3*H)}, 0.05, 0)
			}
		}
	}
}
