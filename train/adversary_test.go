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

// A bagBatch is sequences that follow each other.
type bagBatch struct {
	ids, targets []int32
	spans        []int
}

// five are five tokens in two sequences.
var five = bagBatch{[]int32{3, 1, 4, 1, 5}, []int32{1, 4, 1, 5, 0}, []int{3, 2}}

// embed makes p the pass of b and returns what m scores.
func (m *bag) embed(p *nn.Pass, s *tensor.Step, b bagBatch) *tensor.Tensor {
	var list []nn.Span
	for _, n := range b.spans {
		list = append(list, nn.Span{Rows: n})
	}
	p.Set(s, b.ids, list...)
	return p.Embed(&m.Embed).Tanh()
}

// stepper trains m on b in every update, against an adversary.
func (m *bag) stepper(t *testing.T, p *nn.Pass, a train.Adversary, b bagBatch) (_ *train.Stepper, disarm func()) {
	t.Helper()
	n, d := len(b.ids), m.Head.W.Device()
	weights := make([]float32, n)
	for i := range weights {
		weights[i] = a.Share() / float32(n)
	}
	s := &train.Stepper{
		Groups: train.AdamWGroups(nn.Params(m), train.AdamW{}, 0.01, 0),
		Loss: func(s *tensor.Step, _, _ int) (*tensor.Tensor, error) {
			x := m.embed(p, s, b)
			sum, _ := x.HeadLoss(m.Head.W, nil, s.Ints(b.targets, n), tensor.CEOptions{Weights: s.Floats(weights, n)})
			return sum, nil
		},
	}
	text := train.Input{Pass: p, Rows: n + 2}
	if a.Method != "virtual" {
		return s, a.Arm(s, d, bagC, text)
	}
	disarm, err := a.ArmVirtual(s, d, bagC, 5, func(s *tensor.Step, _ int) (train.Answer, error) {
		return train.Answer{Logits: m.embed(p, s, b).Linear(m.Head.W, nil), Targets: s.Ints(b.targets, n), Weights: s.Floats(weights, n)}, nil
	}, text)
	if err != nil {
		t.Fatal(err)
	}
	return s, disarm
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
		IDs                []int32   `json:"ids"`
		Spans              []int     `json:"spans"`
		Targets            []int32   `json:"targets"`
		Table              []float32 `json:"table"`
		Head               []float32 `json:"head"`
		FGM, Free, Virtual update
	}
	testkit.Golden(t, "testdata/adversary.json", &g)
	for _, tt := range []struct {
		a    train.Adversary
		want update
	}{
		{train.Adversary{Method: "fgm", Epsilon: 0.5}, g.FGM},
		{train.Adversary{Method: "free", Epsilon: 0.5, Replays: 4}, g.Free},
		{train.Adversary{Method: "virtual", Epsilon: 0.5}, g.Virtual},
	} {
		t.Run(tt.a.Method, func(t *testing.T) {
			d := cpu(t, 2)
			m := newBag(d)
			m.Embed.W.WriteFloats(g.Table)
			m.Head.W.WriteFloats(g.Head)
			var pass nn.Pass
			s, disarm := m.stepper(t, &pass, tt.a, bagBatch{g.IDs, g.Targets, g.Spans})
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
				if got := float64(loss.Item()); math.Abs(got-want) > 1e-5*want+1e-7 {
					t.Errorf("loss of pass %d is %v, want %v", micro, got, want)
				}
				step.Backward(loss)
			}
			tolerance := 1e-5
			if tt.a.Method == "virtual" {
				tolerance = 1e-3 // a gradient at ξ is a difference of near numbers
			}
			testkit.Close(t, "noise", pass.Noise.Floats()[:len(g.IDs)*bagC], tt.want.Noise, tolerance, tolerance/10)
			testkit.Close(t, "gradient of the table", m.Embed.W.Grad().Floats(), tt.want.Table, tolerance, tolerance/10)
			testkit.Close(t, "gradient of the head", m.Head.W.Grad().Floats(), tt.want.Head, tolerance, tolerance/10)
		})
	}
}

// TestAdversaryResumes: a run that was stopped between updates ends with the bits of one
// that was not, for the noise lives within an update.
func TestAdversaryResumes(t *testing.T) {
	for _, a := range []train.Adversary{{Method: "free", Epsilon: 0.3}, {Method: "virtual", Epsilon: 0.3}} {
		t.Run(a.Method, func(t *testing.T) { adversaryResumes(t, a) })
	}
}

func adversaryResumes(t *testing.T, a train.Adversary) {
	run := func(ctx context.Context, dir string, progress func(train.Metrics)) ([]float32, error) {
		d := cpu(t, 2)
		m := newBag(d)
		var pass nn.Pass
		s, disarm := m.stepper(t, &pass, a, five)
		defer disarm()
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
	for _, a := range []train.Adversary{{Method: "fgm", Epsilon: 0.2}, {Method: "free", Epsilon: 0.2, Replays: 5}} {
		d := cpu(t, 1)
		m := newBag(d)
		var pass nn.Pass
		s, disarm := m.stepper(t, &pass, a, five)
		defer disarm()
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
			if far := length(noise[at : at+n]); math.Abs(far-a.Epsilon) > 1e-5 {
				t.Errorf("%s: a sequence is moved by %v, want %v", a.Method, far, a.Epsilon)
			}
			at += n
		}
	}
}

// length is ‖x‖₂.
func length(x []float32) float64 {
	sum := 0.0
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum)
}

func TestAdversaryRefuses(t *testing.T) {
	for _, tt := range []struct {
		a    train.Adversary
		want string
	}{
		{train.Adversary{}, ""},
		{train.Adversary{Method: "fgm", Epsilon: 1}, ""},
		{train.Adversary{Method: "free", Epsilon: 1, Replays: 2}, ""},
		{train.Adversary{Epsilon: 1}, `"" is none of fgm, free, virtual`},
		{train.Adversary{Method: "pgd", Epsilon: 1}, `"pgd" is none of fgm, free, virtual`},
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

func TestVirtualRefusesMicroBatches(t *testing.T) {
	d := cpu(t, 1)
	s := &train.Stepper{Micro: 2}
	if _, err := (train.Adversary{Method: "virtual", Epsilon: 1}).ArmVirtual(s, d, 1, 0, nil, train.Input{Pass: &nn.Pass{}, Rows: 1}); err == nil || !strings.Contains(err.Error(), "one micro batch") {
		t.Errorf("error %v, want one about micro batches", err)
	}
}
