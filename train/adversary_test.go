package train_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/train"
)

// bag embeds tokens, bends them and scores them: the least that an adversary can work on.
type bag struct {
	Embed nn.Embedding `hf:"embed"`
	Head  nn.Linear    `hf:"head"`
}

const bagV, bagC = 6, 4

func newBag(d *tensor.Device) *bag {
	m := &bag{nn.NewEmbedding(bagV, bagC), nn.NewLinear(bagC, bagV, false)}
	m.Embed.Std, m.Head.Std = 1, 1
	nn.Init(m, d, 3)
	nn.Walk(m, func(p nn.Param) { p.Tensor.SetTrainable(true) })
	return m
}

// stepper trains m on sequences that follow each other, every update on all of them.
func (m *bag) stepper(pass *nn.Pass, passes int, ids, targets []int32, spans ...int) *train.Stepper {
	weights := make([]float32, len(ids))
	for i := range weights {
		weights[i] = 1 / float32(len(ids)*passes)
	}
	var list []nn.Span
	for _, n := range spans {
		list = append(list, nn.Span{Rows: n})
	}
	return &train.Stepper{
		Groups: train.AdamWGroups(nn.Params(m), train.AdamW{}, 0.01, 0),
		Loss: func(s *tensor.Step, _, _ int) (*tensor.Tensor, error) {
			pass.Set(s, ids, list...)
			x := pass.Embed(&m.Embed).Tanh()
			sum, _ := x.HeadLoss(m.Head.W, s.Ints(targets, len(ids)), tensor.CEOptions{Weights: s.Floats(weights, len(ids))})
			return sum, nil
		},
	}
}

// TestAdversaryAgainstPyTorch compares the passes of one update with what PyTorch
// makes of them: the losses, the noise of the last pass, the gradients' mean.
func TestAdversaryAgainstPyTorch(t *testing.T) {
	type update struct {
		Losses []float64 `json:"losses"`
		Noise  []float32 `json:"noise"`
		Table  []float32 `json:"table"`
		Head   []float32 `json:"head"`
	}
	var g struct {
		IDs       []int32   `json:"ids"`
		Spans     []int     `json:"spans"`
		Targets   []int32   `json:"targets"`
		Table     []float32 `json:"table"`
		Head      []float32 `json:"head"`
		FGM, Free update
	}
	testkit.Golden(t, "testdata/adversary.json", &g)
	for _, tt := range []struct {
		a    train.Adversary
		want update
	}{
		{train.Adversary{Method: "fgm", Epsilon: 0.5}, g.FGM},
		{train.Adversary{Method: "free", Epsilon: 0.5, Replays: 4}, g.Free},
	} {
		t.Run(tt.a.Method, func(t *testing.T) {
			d := cpu(t, 2)
			m := newBag(d)
			m.Embed.W.WriteFloats(g.Table)
			m.Head.W.WriteFloats(g.Head)
			var pass nn.Pass
			s := m.stepper(&pass, tt.a.Passes(), g.IDs, g.Targets, g.Spans...)
			disarm := tt.a.Arm(s, &pass, d, len(g.IDs)+2, bagC)
			defer disarm()
			step := tensor.NewStep(d, tensor.StepOptions{Grad: true})
			defer step.Close()
			if s.Micro != len(tt.want.Losses) {
				t.Fatalf("%d passes, want %d", s.Micro, len(tt.want.Losses))
			}
			for micro, want := range tt.want.Losses {
				step.Begin(uint64(micro))
				loss, err := s.Loss(step, 0, micro)
				if err != nil {
					t.Fatal(err)
				}
				if got := float64(loss.Item()); math.Abs(got-want) > 1e-5*want {
					t.Errorf("loss of pass %d is %v, want %v", micro, got, want)
				}
				step.Backward(loss)
			}
			testkit.Close(t, "noise", pass.Noise.Floats()[:len(g.IDs)*bagC], tt.want.Noise, 1e-5, 1e-6)
			testkit.Close(t, "gradient of the table", m.Embed.W.Grad().Floats(), tt.want.Table, 1e-5, 1e-6)
			testkit.Close(t, "gradient of the head", m.Head.W.Grad().Floats(), tt.want.Head, 1e-5, 1e-6)
		})
	}
}

// TestAdversaryResumes: a run that was stopped between updates ends with the bits of one
// that was not, for the noise lives within an update.
func TestAdversaryResumes(t *testing.T) {
	ids, targets := []int32{3, 1, 4, 1, 5}, []int32{1, 4, 1, 5, 0}
	run := func(ctx context.Context, dir string, progress func(train.Metrics)) ([]float32, error) {
		d := cpu(t, 2)
		m := newBag(d)
		var pass nn.Pass
		a := train.Adversary{Method: "free", Epsilon: 0.3}
		s := m.stepper(&pass, a.Passes(), ids, targets, 3, 2)
		defer a.Arm(s, &pass, d, len(ids), bagC)()
		_, err := train.Run(ctx, train.Config{Device: d, Steps: 8, Dir: dir, Resume: true, Progress: progress}, s)
		return m.Embed.W.Floats(), err
	}
	want, err := run(t.Context(), t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	if _, err = run(ctx, dir, func(m train.Metrics) {
		if m.Step == 3 {
			cancel()
		}
	}); !errors.Is(err, context.Canceled) {
		t.Fatalf("an interrupted run returned %v", err)
	}
	got, err := run(t.Context(), dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	testkit.SameBits(t, "table", got, want)
}

// TestAdversaryFindsHarm: what it moves to is worse than the clean batch, and no
// further away than allowed.
func TestAdversaryFindsHarm(t *testing.T) {
	ids, targets := []int32{3, 1, 4, 1, 5}, []int32{1, 4, 1, 5, 0}
	for _, a := range []train.Adversary{{Method: "fgm", Epsilon: 0.2}, {Method: "free", Epsilon: 0.2, Replays: 5}} {
		d := cpu(t, 1)
		m := newBag(d)
		var pass nn.Pass
		s := m.stepper(&pass, 1, ids, targets, 3, 2)
		defer a.Arm(s, &pass, d, len(ids), bagC)()
		step := tensor.NewStep(d, tensor.StepOptions{Grad: true})
		defer step.Close()
		var losses []float32
		for micro := range s.Micro {
			step.Begin(uint64(micro))
			loss, err := s.Loss(step, 0, micro)
			if err != nil {
				t.Fatal(err)
			}
			losses = append(losses, loss.Item())
			step.Backward(loss)
		}
		for i := 1; i < len(losses); i++ {
			if losses[i] <= losses[i-1] {
				t.Errorf("%s: losses %v do not grow", a.Method, losses)
			}
		}
		noise, at := pass.Noise.Floats(), 0
		for _, n := range []int{3 * bagC, 2 * bagC} {
			sum := 0.0
			for _, x := range noise[at : at+n] {
				sum += float64(x) * float64(x)
			}
			if far := math.Sqrt(sum); math.Abs(far-a.Epsilon) > 1e-5 {
				t.Errorf("%s: a sequence is moved by %v, want %v", a.Method, far, a.Epsilon)
			}
			at += n
		}
	}
}

func TestAdversaryRefuses(t *testing.T) {
	for _, tt := range []struct {
		a    train.Adversary
		want string
	}{
		{train.Adversary{}, ""},
		{train.Adversary{Method: "fgm", Epsilon: 1}, ""},
		{train.Adversary{Method: "free", Epsilon: 1, Replays: 2}, ""},
		{train.Adversary{Epsilon: 1}, `"" is neither fgm nor free`},
		{train.Adversary{Method: "pgd", Epsilon: 1}, `"pgd" is neither fgm nor free`},
		{train.Adversary{Method: "fgm"}, "epsilon 0"},
		{train.Adversary{Method: "fgm", Epsilon: math.NaN()}, "epsilon NaN"},
		{train.Adversary{Method: "fgm", Epsilon: 1, Replays: 2}, "replays 2 are of the method free"},
		{train.Adversary{Method: "free", Epsilon: 1, Replays: 1}, "replays 1"},
	} {
		switch err := tt.a.Check(); {
		case tt.want == "" && err != nil:
			t.Errorf("%+v: %v", tt.a, err)
		case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("%+v: error %v, want %q", tt.a, err, tt.want)
		}
	}
}
