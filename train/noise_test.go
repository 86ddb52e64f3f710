package train_test

import (
	"fmt"
	"testing"

	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/model/bert"
	"github.com/inkstone-ai/inkstone/model/gpt"
	"github.com/inkstone-ai/inkstone/model/lstm"
	"github.com/inkstone-ai/inkstone/model/seq2seq"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/train"
)

// A reader is a model of any family that reads one pass, or a source and a target.
type reader struct {
	model   any
	forward func(passes []*nn.Pass) *tensor.Tensor // activations, a row a token of the last pass
	logits  func(rows *tensor.Tensor) *tensor.Tensor
}

const readerV, readerC = 19, 8

// readerTexts are the texts of the passes: two sequences each, the longer one last, and no
// token twice.
var readerTexts = [][]int32{{7, 2, 9, 4, 1, 8, 3, 6}, {11, 5, 18, 10, 16, 12, 17}}

var readerSpans = [][]nn.Span{{{Rows: 3}, {Rows: 5}}, {{Rows: 2}, {Rows: 5}}}

// readers are the families that text is trained with, by name.
func readers(t *testing.T) map[string]func() reader {
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	of := func(lm model.LM, err error) reader {
		must(err)
		return reader{lm, func(p []*nn.Pass) *tensor.Tensor { return lm.Forward(p[0]) }, lm.Logits}
	}
	all := map[string]func() reader{
		"gpt2": func() reader {
			return of(gpt.NewGPT2(gpt.GPT2Config{Vocab: readerV, Context: 16, Layers: 2, Width: readerC, Heads: 2, Tied: true}))
		},
		"llama": func() reader {
			return of(gpt.NewLlama(gpt.LlamaConfig{Vocab: readerV, Context: 16, Layers: 2, Width: readerC, Hidden: 12, Heads: 2, Tied: true}))
		},
		"canon": func() reader {
			return of(gpt.NewCanonLlama(gpt.CanonLlamaConfig{LlamaConfig: gpt.LlamaConfig{Vocab: readerV, Context: 16, Layers: 2, Width: readerC, Hidden: 12, Heads: 2}}))
		},
		"bert": func() reader {
			m, err := bert.New(bert.Config{Architectures: []string{string(bert.FillMask)}, Vocab: readerV, Context: 16, Width: readerC, Layers: 2, Heads: 2, Hidden: 12, Std: 0.3})
			must(err)
			return reader{m, func(p []*nn.Pass) *tensor.Tensor { return m.Forward(p[0]) }, m.Logits}
		},
	}
	for _, kind := range []string{"rnn", "lstm", "gru"} {
		all[kind] = func() reader {
			return of(lstm.New(kind, lstm.Config{Vocab: readerV, Hidden: readerC, Layers: 2, Tied: true}))
		}
	}
	for _, c := range []seq2seq.Config{{Architecture: "transformer", Heads: 2}, {Architecture: "fixed"}, {Architecture: "attention"}, {Architecture: "attention", Cell: "lstm"}} {
		c.Vocab, c.Context, c.Width, c.EncoderLayers, c.DecoderLayers = readerV, 16, readerC, 1, 1
		all[c.Architecture+c.Cell] = func() reader {
			m, err := seq2seq.New(c)
			must(err)
			return reader{m, func(p []*nn.Pass) *tensor.Tensor { return m.Decode(p[1], m.Encode(p[0])) }, m.Logits}
		}
	}
	return all
}

// start draws the weights on d.
func (r reader) start(d *tensor.Device) (table *tensor.Tensor) {
	nn.Init(r.model, d, 5)
	nn.Walk(r.model, func(p nn.Param) {
		p.Tensor.SetTrainable(true)
		if p.Role == nn.Table && p.Tensor.Dim(0) == readerV {
			table = p.Tensor
		}
	})
	return table
}

// set makes passes those of the texts.
func set(s *tensor.Step, passes []*nn.Pass) {
	for i, p := range passes {
		p.Set(s, readerTexts[i], readerSpans[i]...)
	}
}

// inputs are passes for an adversary.
func inputs(passes []*nn.Pass) (list []train.Input) {
	for i, p := range passes {
		list = append(list, train.Input{Pass: p, Rows: len(readerTexts[i]) + 2})
	}
	return list
}

// answer is what r says of the texts, each row of it with the same weight.
func (r reader) answer(s *tensor.Step, passes []*nn.Pass) train.Answer {
	set(s, passes)
	logits := r.logits(r.forward(passes))
	n := logits.Dim(0)
	targets := make([]int32, n)
	for i := range targets {
		targets[i] = int32(i * 5 % readerV)
	}
	return train.Answer{Logits: logits, Targets: s.Ints(targets, n), Weights: s.Full(1/float32(n), n)}
}

// TestNoiseIsWhereTheEmbeddingIs: noise on a token's embedding is the same to every
// model as its row of the table moved by hand, in what comes out and in the gradient.
func TestNoiseIsWhereTheEmbeddingIs(t *testing.T) {
	for name, make := range readers(t) {
		t.Run(name, func(t *testing.T) {
			d := tensor.Reference()
			r, passes := make(), []*nn.Pass{{}, {}}
			table := r.start(d)
			s := tensor.NewStep(d, tensor.StepOptions{Grad: true})
			defer s.Close()
			run := func() []float32 {
				s.Begin(0)
				set(s, passes)
				x := r.forward(passes)
				out := x.Floats()
				s.Backward(x.Mul(s.Floats(spread(x.Len()), x.Dim(0), x.Dim(1))).Sum())
				return out
			}
			clean := run()
			for i, p := range passes {
				p.Noise = tensor.New(d, len(readerTexts[i])+2, readerC)
				p.Noise.FillNormal(uint64(i), 0.5)
				p.Noise.SetTrainable(true)
			}
			got := run()
			if fmt.Sprint(got) == fmt.Sprint(clean) {
				t.Fatal("noise changes nothing")
			}
			moved, by := table.Floats(), [][]float32{}
			for i, p := range passes {
				by = append(by, p.Noise.Floats())
				for k, id := range readerTexts[i] {
					for c := range readerC {
						moved[int(id)*readerC+c] += by[i][k*readerC+c]
					}
				}
			}
			table.WriteFloats(moved)
			table.ZeroGrad()
			grads := [][]float32{passes[0].Noise.Grad().Floats(), passes[1].Noise.Grad().Floats()}
			passes[0].Noise, passes[1].Noise = nil, nil
			testkit.Close(t, "activations", got, run(), 1e-5, 1e-6)
			want := table.Grad().Floats()
			for i, ids := range readerTexts {
				for k, id := range ids {
					testkit.Close(t, fmt.Sprintf("gradient of token %d of pass %d", k, i), grads[i][k*readerC:(k+1)*readerC], want[int(id)*readerC:(int(id)+1)*readerC], 1e-4, 1e-6)
				}
			}
		})
	}
}

// spread are n numbers that differ.
func spread(n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(i*37%23-11) / 10
	}
	return x
}

// armed is a stepper against an adversary; answer is what a model says of the inputs.
func armed(t *testing.T, d *tensor.Device, a train.Adversary, answer func(s *tensor.Step, index int) (train.Answer, error), inputs ...train.Input) *train.Stepper {
	s := &train.Stepper{Loss: func(s *tensor.Step, index, _ int) (*tensor.Tensor, error) {
		x, err := answer(s, index)
		return x.Logits.CrossEntropy(x.Targets, tensor.CEOptions{}).Mul(x.Weights).Sum(), err
	}}
	if a.Method != "virtual" {
		t.Cleanup(a.Arm(s, d, readerC, inputs...))
		return s
	}
	disarm, err := a.ArmVirtual(s, d, readerC, 7, answer, inputs...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(disarm)
	return s
}

// losses are those of the passes of an update of s, which changes no weight.
func losses(t *testing.T, d *tensor.Device, s *train.Stepper) (all []float32) {
	step := tensor.NewStep(d, tensor.StepOptions{Grad: true})
	defer step.Close()
	for micro := range max(s.Micro, 1) {
		step.Begin(uint64(micro))
		loss, err := s.Loss(step, 0, micro)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, loss.Item())
		step.Backward(loss)
	}
	return all
}

// TestVirtualWithoutNoise: where the noise is too small to change an embedding the
// divergence is 0, and the loss is that of the clean batch, bit for bit.
func TestVirtualWithoutNoise(t *testing.T) {
	for name, make := range readers(t) {
		t.Run(name, func(t *testing.T) {
			d := cpu(t, 2)
			r, passes := make(), []*nn.Pass{{}, {}}
			r.start(d)
			answer := func(s *tensor.Step, _ int) (train.Answer, error) { return r.answer(s, passes), nil }
			clean := losses(t, d, armed(t, d, train.Adversary{}, answer))
			got := losses(t, d, armed(t, d, train.Adversary{Method: "virtual", Epsilon: 1e-20}, answer, inputs(passes)...))
			testkit.SameBits(t, "divergence and loss", got, []float32{0, clean[0]})
		})
	}
}

// TestAdversaryMovesBothSides: the noise of a source and of a target is as long as
// allowed, each sentence by itself, and the losses of the passes grow.
func TestAdversaryMovesBothSides(t *testing.T) {
	for _, name := range []string{"transformer", "fixed", "attention", "attentionlstm"} {
		t.Run(name, func(t *testing.T) {
			d := cpu(t, 1)
			r, passes := readers(t)[name](), []*nn.Pass{{}, {}}
			r.start(d)
			a := train.Adversary{Method: "free", Epsilon: 0.05}
			answer := func(s *tensor.Step, _ int) (train.Answer, error) { return r.answer(s, passes), nil }
			all := losses(t, d, armed(t, d, a, answer, inputs(passes)...))
			if len(all) != 3 || all[0] >= all[1] || all[1] >= all[2] {
				t.Errorf("the passes' losses are %v, want three that grow", all)
			}
			for i, p := range passes {
				rest := p.Noise.Floats()
				for _, span := range readerSpans[i] {
					n := span.Rows * readerC
					testkit.Close(t, fmt.Sprintf("length of a sentence's noise, pass %d", i), []float64{length(rest[:n])}, []float64{a.Epsilon}, 1e-5, 0)
					rest = rest[n:]
				}
				if beyond := length(rest); beyond != 0 {
					t.Errorf("noise of length %v beyond the tokens", beyond)
				}
			}
		})
	}
}

// TestAdversaryOfMicroBatches: every micro batch is gone through by itself, asked for by its
// own number, and its first pass is clean.
func TestAdversaryOfMicroBatches(t *testing.T) {
	d := cpu(t, 1)
	r, passes := readers(t)["gpt2"](), []*nn.Pass{{}}
	r.start(d)
	var asked []int
	var moved []bool
	s := &train.Stepper{Micro: 2, Loss: func(s *tensor.Step, _, micro int) (*tensor.Tensor, error) {
		asked, moved = append(asked, micro), append(moved, length(passes[0].Noise.Floats()) > 0)
		x := r.answer(s, passes)
		return x.Logits.CrossEntropy(x.Targets, tensor.CEOptions{}).Mul(x.Weights).Sum(), nil
	}}
	t.Cleanup(train.Adversary{Method: "free", Epsilon: 0.1}.Arm(s, d, readerC, inputs(passes)...))
	all := losses(t, d, s)
	if got, want := fmt.Sprint(asked, moved), "[0 0 0 1 1 1] [false true true false true true]"; got != want {
		t.Errorf("micro batches and noise %s, want %s", got, want)
	}
	if all[0] != all[3] || all[1] != all[4] {
		t.Errorf("losses %v, want twice the same three", all)
	}
}

// TestVirtualDirections: the search begins in a direction of its own for each update, a tenth
// of ε away, and in the same one when the update is made again.
func TestVirtualDirections(t *testing.T) {
	d := cpu(t, 1)
	r, passes := readers(t)["gpt2"](), []*nn.Pass{{}}
	r.start(d)
	var seen [][]float32
	s := armed(t, d, train.Adversary{Method: "virtual", Epsilon: 0.5}, func(s *tensor.Step, _ int) (train.Answer, error) {
		if passes[0].Noise != nil {
			seen = append(seen, passes[0].Noise.Floats())
		}
		return r.answer(s, passes), nil
	}, inputs(passes)...)
	step := tensor.NewStep(d, tensor.StepOptions{Grad: true})
	defer step.Close()
	for _, index := range []int{3, 4, 3} {
		step.Begin(0)
		if _, err := s.Loss(step, index, 0); err != nil {
			t.Fatal(err)
		}
	}
	testkit.SameBits(t, "direction of an update that is made again", seen[2], seen[0])
	n := readerSpans[0][0].Rows * readerC
	for i, x := range seen {
		testkit.Close(t, fmt.Sprint("length of direction ", i), []float64{length(x[:n])}, []float64{0.05}, 1e-5, 0)
	}
	if fmt.Sprint(seen[0]) == fmt.Sprint(seen[1]) {
		t.Error("two updates have one direction")
	}
}

// TestDisarmedPassesAreClean: when the adversary is gone, no pass keeps its noise, whose
// memory is given back.
func TestDisarmedPassesAreClean(t *testing.T) {
	for _, a := range []train.Adversary{{Method: "fgm", Epsilon: 0.5}, {Method: "free", Epsilon: 0.5}, {Method: "virtual", Epsilon: 0.5}} {
		d := cpu(t, 1)
		r, passes := readers(t)["transformer"](), []*nn.Pass{{}, {}}
		r.start(d)
		answer := func(s *tensor.Step, _ int) (train.Answer, error) { return r.answer(s, passes), nil }
		stepper := &train.Stepper{Loss: func(s *tensor.Step, index, _ int) (*tensor.Tensor, error) {
			x, err := answer(s, index)
			return x.Logits.CrossEntropy(x.Targets, tensor.CEOptions{}).Mul(x.Weights).Sum(), err
		}}
		var disarm func()
		if a.Method == "virtual" {
			var err error
			if disarm, err = a.ArmVirtual(stepper, d, readerC, 7, answer, inputs(passes)...); err != nil {
				t.Fatal(err)
			}
		} else {
			disarm = a.Arm(stepper, d, readerC, inputs(passes)...)
		}
		losses(t, d, stepper)
		armed := passes[0].Noise != nil
		disarm()
		for i, p := range passes {
			if !armed || p.Noise != nil || p.Replay {
				t.Errorf("%s: pass %d, noise before the end: %v, after it: %v", a.Method, i, armed, p.Noise != nil)
			}
		}
	}
}

// TestAdversaryCarriesCleanStates: all passes through a batch of a recurrent model begin
// with the same states, and those that are carried on are the clean pass's.
func TestAdversaryCarriesCleanStates(t *testing.T) {
	for _, kind := range []string{"rnn", "lstm", "gru"} {
		want, clean := carried(t, kind, train.Adversary{})
		for _, tt := range []struct {
			method string
			losses []float32 // without noise
		}{{"fgm", []float32{clean[0], clean[0]}}, {"free", []float32{clean[0], clean[0], clean[0]}}, {"virtual", []float32{0, clean[0]}}} {
			t.Run(kind+"/"+tt.method, func(t *testing.T) {
				got, _ := carried(t, kind, train.Adversary{Method: tt.method, Epsilon: 0.5})
				for i := range want {
					testkit.SameBits(t, "states", got[i], want[i])
				}
				_, still := carried(t, kind, train.Adversary{Method: tt.method, Epsilon: 1e-20})
				testkit.SameBits(t, "losses without noise", still, tt.losses)
			})
		}
	}
}

// carried runs one update of a recurrent model on two streams that have a past and
// returns their states after it and the losses of the passes.
func carried(t *testing.T, kind string, a train.Adversary) (states [][]float32, all []float32) {
	d := cpu(t, 1)
	r := readers(t)[kind]()
	r.start(d)
	carry := nn.NewCarry(d, 2, r.model.(model.Recurrent).StateWidths()...)
	defer carry.Free()
	for i, x := range carry.States {
		x.FillNormal(uint64(i), 0.5)
	}
	pass := &nn.Pass{Cache: carry}
	all = losses(t, d, armed(t, d, a, func(s *tensor.Step, _ int) (train.Answer, error) {
		pass.Set(s, readerTexts[0], nn.Span{Rows: 4, Past: 3}, nn.Span{Rows: 4, Past: 3})
		return train.Answer{Logits: r.logits(r.forward([]*nn.Pass{pass})), Targets: s.Ints(readerTexts[0], 8), Weights: s.Full(1.0/8, 8)}, nil
	}, train.Input{Pass: pass, Rows: 8}))
	for _, x := range carry.States {
		states = append(states, x.Floats())
	}
	return states, all
}
