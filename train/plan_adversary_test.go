package train_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/model/lstm"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/train"
)

// A harmed is a model of one pass, its dimensions, and what it says of a batch.
type harmed struct {
	m      any
	dims   train.Dimensions
	asked  float64
	answer func(p *nn.Pass) *tensor.Tensor // of the rows that count, (R, C)
	head   func(x *tensor.Tensor) (rows, w, b *tensor.Tensor)
}

// harmable are the families of one pass.
func harmable(t *testing.T) map[string]harmed {
	t.Helper()
	all := map[string]harmed{}
	add := func(name string, lm model.LM, d train.Dimensions) {
		all[name] = harmed{lm, d, 0, lm.Forward, func(x *tensor.Tensor) (rows, w, b *tensor.Tensor) { return x, lm.HeadWeight(), nil }}
	}
	for name, lm := range lms(t) {
		if name != "llama, wide inside" { // the same but for widths
			add(name, lm, dimensions(lm))
		}
	}
	for kind, cell := range map[string]nn.Cell{"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU} {
		lm, err := lstm.New(kind, lstm.Config{Vocab: 700, Hidden: 128, Layers: 3, Tied: true, Dropout: 0.1})
		if err != nil {
			t.Fatal(err)
		}
		add(kind, lm, train.Dimensions{Layers: 3, Width: 128, Hidden: 128, Vocab: 700, Cell: &cell, Drops: true})
	}
	m := newBERT(t, 2, 0.1)
	all["bert"] = harmed{m, encoderDimensions(m), 1. / 6, func(p *nn.Pass) *tensor.Tensor {
		var rows []int32
		for i := 0; i < p.IDs.Len(); i += 6 {
			rows = append(rows, int32(i))
		}
		return m.Forward(p).Rows(p.Ints(rows))
	}, m.Head}
	return all
}

// stepper trains h against a on B rows of T arbitrary tokens, in a pass that it returns.
func (h *harmed) stepper(t *testing.T, d *tensor.Device, a train.Adversary, l train.Load) (_ *train.Stepper, p *nn.Pass, done func()) {
	t.Helper()
	n, p := l.Rows*l.Context, &nn.Pass{Checkpoint: l.Checkpoint}
	ids := make([]int32, n)
	for i := range ids {
		ids[i] = int32(i * 7 % h.dims.Vocab)
	}
	batch := func(s *tensor.Step) (x, targets, weights *tensor.Tensor) {
		p.SetRows(s, ids, l.Context)
		x = h.answer(p)
		R := x.Dim(0)
		return x, s.Ints(ids[:R], R), s.Full(a.Share()/float32(R), R)
	}
	s := &train.Stepper{Groups: train.AdamWGroups(nn.Params(h.m), train.AdamW{}, 1e-3, 0), Tokens: n, Loss: func(s *tensor.Step, _, _ int) (*tensor.Tensor, error) {
		x, targets, weights := batch(s)
		rows, w, b := h.head(x)
		sum, _ := rows.HeadLoss(w, b, targets, tensor.CEOptions{Weights: weights})
		return sum, nil
	}}
	text := train.Input{Pass: p, Rows: n}
	if a.Method != "virtual" {
		return s, p, a.Arm(s, d, h.dims.Width, text)
	}
	done, err := a.ArmVirtual(s, d, h.dims.Width, 1, func(s *tensor.Step, _ int) (train.Answer, error) {
		x, targets, weights := batch(s)
		rows, w, b := h.head(x)
		return train.Answer{Logits: rows.Linear(w, b), Targets: targets, Weights: weights}, nil
	}, text)
	if err != nil {
		t.Fatal(err)
	}
	return s, p, done
}

// What an adversary adds to the activations against what the arena holds, and its noise
// against the tensors there are.
func TestActivationsAdversary(t *testing.T) {
	d := cpu(t, 2)
	for name, h := range harmable(t) {
		nn.Init(h.m, d, 1)
		nn.Walk(h.m, func(p nn.Param) { p.Tensor.SetTrainable(true) })
		clean := train.Make(nil, h.dims, train.Load{Rows: 8, Context: 32, Asked: h.asked})
		for _, a := range []train.Adversary{{Method: "fgm", Epsilon: 1}, {Method: "free", Epsilon: 1}, {Method: "virtual", Epsilon: 1}} {
			for _, checkpoint := range []bool{false, true} {
				l := train.Load{Rows: 8, Context: 32, Asked: h.asked, Checkpoint: checkpoint, Adversary: a}
				if checkpoint && (!clean.Checkpoints() || a.Method == "free") {
					continue
				}
				what := fmt.Sprintf("%s, %s, checkpoint %v", name, a.Method, checkpoint)
				s, p, done := h.stepper(t, d, a, l)
				var noise int64
				loss := s.Loss
				s.Loss = func(step *tensor.Step, index, micro int) (*tensor.Tensor, error) {
					x, err := loss(step, index, micro)
					if p.Noise != nil {
						noise = 4 * int64(p.Noise.Len()+p.Noise.Grad().Len())
					}
					return x, err
				}
				measured, err := train.Speed(context.Background(), d, tensor.F32, s, 0)
				if err != nil {
					t.Fatal(err)
				}
				done()
				plan := train.Make(s.Groups, h.dims, l)
				ratio := float64(plan.Activations) / float64(measured.Activations)
				t.Logf("%s: %d bytes planned, %.3f of the arena's", what, plan.Activations, ratio)
				if ratio < 0.95 || ratio > 1.05 {
					t.Errorf("%s: %d bytes planned, the arena holds %d: %.3f of it", what, plan.Activations, measured.Activations, ratio)
				}
				if plan.Noise != noise || noise == 0 || clean.Noise != 0 {
					t.Errorf("%s: %d bytes of noise planned, there are %d", what, plan.Noise, noise)
				}
				if plan.Total != plan.Weights+plan.Gradients+plan.Optimizer+plan.Activations+plan.Noise+plan.Process {
					t.Errorf("%s: the sum is not that of its parts: %+v", what, plan)
				}
				work := map[string]float64{"fgm": 2, "free": 3, "virtual": 10. / 3}[a.Method]
				if got := plan.FLOPsPerToken / clean.FLOPsPerToken; got < work-1e-9 || got > work+1e-9 {
					t.Errorf("%s: %g times the operations, want %g", what, got, work)
				}
			}
		}
	}
}

// A virtual adversary takes one micro batch an update: advice is a smaller update.
func TestPlanFitAdversary(t *testing.T) {
	lm := lms(t)["llama"]
	for method, says := range map[string]string{"fgm": "train on 2 micro batches of 8 rows", "virtual": "an update of 15 rows instead of 16 fits"} {
		plan := train.Make(nil, dimensions(lm), train.Load{Rows: 16, Context: 64, Adversary: train.Adversary{Method: method, Epsilon: 1}}).Checkpointed()
		err := plan.Fit(plan.Total - 1)
		if err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), "adversarial noise "+train.Bytes(plan.Noise)) {
			t.Errorf("%s: %v", method, err)
		}
		var b strings.Builder
		if err := plan.Write(&b); err != nil || !strings.Contains(b.String(), "adversarial noise  "+train.Bytes(plan.Noise)+"\n") {
			t.Errorf("%s: %v\n%s", method, err, b.String())
		}
	}
}
