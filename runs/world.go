package runs

import (
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"path/filepath"
	"time"

	"github.com/inkstone-ai/inkstone/corpus/world"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/model/gpt"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/tokenizer"
	"github.com/inkstone-ai/inkstone/train"
	"github.com/inkstone-ai/inkstone/tune"
)

// World trains a small GPT on the synthetic little world and measures what it
// learnt: a tokenizer, pretraining on prose, fine-tuning on dialogues, exact
// match on held-out questions beside three baselines.
type World struct {
	Out     string        // folder of the model
	Budget  time.Duration // of training, both parts together
	Seed    uint64
	Threads int // 0: one for each core
	HeldOut int // items of each task; 0: 200
	Watch   Watch
}

// The recipe: what was tried and what it reached stands in LOG.md.
const (
	worldVocab   = 820  // 256 bytes, 561 merges, 3 special tokens
	worldBatch   = 2048 // tokens of an update
	worldContext = 256
	worldProse   = 0.6 // share of the budget for pretraining; the rest fine-tunes
	worldDecay   = 0.5 // share of the budget over which the rate falls to zero
	worldReach   = 12  // tokens that the convolution mixes
	worldMuonLR  = 0.018
	worldAdamLR  = 6e-3
)

// Run trains and measures. The folder Out then holds the model.
func (o World) Run(ctx context.Context) (*WorldReport, error) {
	d := tensor.CPU(o.Threads)
	defer d.Close()
	w := world.New(o.Seed)
	t, err := o.tokenizer(w)
	if err != nil {
		return nil, err
	}
	lm, err := gpt.NewCanonLlama(gpt.CanonLlamaConfig{
		CanonWidth: worldReach,
		LlamaConfig: gpt.LlamaConfig{
			Vocab: t.Size(), Layers: 3, Width: 128, Hidden: 384, Heads: 4, Context: worldContext,
		},
	})
	if err != nil {
		return nil, err
	}
	nn.Init(lm, d, o.Seed)
	trained, err := o.train(ctx, d, lm, w, t)
	if err != nil {
		return nil, err
	}
	model.Pack(lm)
	report, err := o.measure(ctx, lm, w, t)
	if err != nil {
		return nil, err
	}
	report.Trained, report.Precision = trained, fastest(d).String()
	report.Parameters = model.Parameters(lm)
	return report, o.save(lm, t)
}

// tokenizer learns a byte-level BPE on a few thousand documents.
func (o World) tokenizer(w *world.World) (*tokenizer.BPE, error) {
	o.Watch.tell("tokenizer", 0, "")
	return tokenizer.TrainBPE(worldSample(w, o.Seed, 4000), tokenizer.TrainOptions{
		Vocab: worldVocab, Split: tokenizer.Func(world.Pattern(), world.Piece),
		Special: []string{endOfText, turnStart, turnEnd}, Threads: o.Threads,
	})
}

// worldSample yields n documents and n dialogues.
func worldSample(w *world.World, seed uint64, n int) iter.Seq[string] {
	return func(yield func(string) bool) {
		r := rand.New(rand.NewPCG(seed, 1<<63))
		for range n {
			if !yield(w.Prose(r).Text()) {
				return
			}
			for _, m := range w.Dialogue(r).Messages {
				if !yield(m.Role+"\n") || !yield(m.Content) {
					return
				}
			}
		}
	}
}

// A Phase is what one part of a training did.
type Phase struct {
	Name    string  `json:"name"`
	Steps   int     `json:"steps"`
	Tokens  int     `json:"tokens"`
	Seconds float64 `json:"seconds"`
	Loss    float64 `json:"loss"`
}

// train runs the two phases, whose learning rates form one curve: a warm-up, a
// plateau, and a fall to zero that begins while prose is still read.
func (o World) train(ctx context.Context, d *tensor.Device, lm model.LM, w *world.World, t tokenizer.Tokenizer) ([]Phase, error) {
	for _, p := range nn.Params(lm) {
		p.Tensor.SetTrainable(true)
	}
	const left = (1 - worldProse) / worldDecay // of the rate, where the phases meet
	phases := []struct {
		name     string
		share    float64
		chat     bool
		scale    float64
		schedule train.Schedule
	}{
		{"pretrain", worldProse, false, 1, train.Schedule{
			Shape: train.WSD, Warmup: 0.03 / worldProse, Decay: (worldProse + worldDecay - 1) / worldProse, Floor: left}},
		{"finetune", 1 - worldProse, true, left, train.Schedule{Shape: train.WSD, Decay: 1}},
	}
	var done []Phase
	for _, p := range phases {
		text := newWorldText(w, t, o.Seed, p.chat, worldBatch, worldContext)
		budget := time.Duration(p.share * float64(o.Budget))
		s := &train.Stepper{
			Groups: train.MuonGroups(nn.Params(lm), train.Muon{}, worldMuonLR*p.scale,
				train.AdamW{Beta2: 0.95}, worldAdamLR*p.scale, 0),
			Schedule: p.schedule, Clip: 1, Tokens: worldBatch, Loss: text.loss(lm),
		}
		r, err := train.Run(ctx, train.Config{
			Device: d, Budget: budget, Seed: o.Seed, Precision: fastest(d), Dir: filepath.Join(o.Out, p.name),
			Progress: o.Watch.training(p.name, budget),
		}, s)
		if err != nil {
			return nil, fmt.Errorf("quickstart: %s: %w", p.name, err)
		}
		done = append(done, Phase{p.name, r.Steps, r.Steps * worldBatch, r.Elapsed.Seconds(), r.Loss})
	}
	return done, nil
}

// loss is the closure that train.Run calls for each batch.
func (s *worldText) loss(lm model.LM) func(*tensor.Step, int, int) (*tensor.Tensor, error) {
	var pass nn.Pass
	return func(step *tensor.Step, index, _ int) (*tensor.Tensor, error) {
		return tune.Loss(step, lm, &pass, s.fill(index)), nil
	}
}

// save writes the folder that every verb of Inkstone reads.
func (o World) save(lm model.LM, t tokenizer.Tokenizer) error {
	template, err := tokenizer.ParseTemplate(tokenizer.ChatML)
	if err != nil {
		return err
	}
	end, _ := t.ID(endOfText)
	turn, _ := t.ID(turnEnd)
	return saveFolder(o.Out, lm, model.Generation{BOS: &end, EOS: model.IDs{turn, end}}, t,
		tokenizer.Config{BOS: endOfText, EOS: turnEnd, Template: template})
}
