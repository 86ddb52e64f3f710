package inkstone_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/inkstone-ai/inkstone"
)

func TestVocabFor(t *testing.T) {
	tests := []struct {
		bytes int64
		want  int
	}{
		{0, 512}, {1000, 512}, {60_000, 512}, {150_000, 1024}, {1 << 20, 2048}, {1_003_855, 2048},
		{4 << 20, 4096}, {90_000_000, 16384}, {1 << 28, 32768}, {1 << 40, 32768},
	}
	for _, test := range tests {
		if got := inkstone.VocabFor(test.bytes); got != test.want {
			t.Errorf("%d bytes: %d ids, want %d, near %.0f", test.bytes, got, test.want, 2*math.Sqrt(float64(test.bytes)))
		}
	}
}

// TestDerive checks each rule that a comment of Settings states.
func TestDerive(t *testing.T) {
	const vocab, tokens, held = 2048, 1 << 20, 1 << 16
	derive := func(s inkstone.Settings) inkstone.Settings {
		t.Helper()
		s, _, err := inkstone.Derive(s, vocab, tokens, held)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := derive(inkstone.Settings{})
	want := inkstone.Settings{
		Depth: 4, Model: "llama", Precision: "f32", Width: 256, Hidden: 704, Heads: 4, KVHeads: 4, Context: 256,
		Optimizer: "muon", LR: 3e-3 * math.Sqrt(0.5), MuonLR: 0.02, Beta2: 0.95, Decay: 0.1, Clip: 1, Keep: 2, EvalTokens: 1 << 18,
	}
	got := s
	got.Schedule, got.Rows, got.Micro, got.Steps, got.EvalEvery, got.CheckpointEvery = want.Schedule, 0, 0, 0, 0, 0
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(inkstone.Settings{}), cmpopts.EquateApprox(1e-12, 0)); diff != "" {
		t.Errorf("the dial's own settings (-want +got):\n%s", diff)
	}
	if read := s.Steps * s.Rows * s.Micro * s.Context; read < 4*tokens || read >= 4*tokens+s.Rows*s.Micro*s.Context {
		t.Errorf("%d steps of %d·%d·%d read %d tokens, want 4 epochs of %d", s.Steps, s.Rows, s.Micro, s.Context, read, tokens)
	}
	if wide := derive(inkstone.Settings{Width: 1024}); wide.LR != s.LR/2 || wide.Heads != 16 || wide.Hidden != 2752 {
		t.Errorf("four times as wide: lr %g, want half of %g; heads %d, want 16; hidden %d, want 2752", wide.LR, s.LR, wide.Heads, wide.Hidden)
	}
	if g := derive(inkstone.Settings{Model: "gpt2", Optimizer: "adamw"}); g.Hidden != 4*g.Width || g.MuonLR != 0 || g.KVHeads != 0 {
		t.Errorf("gpt2 with adamw: hidden %d of width %d, muon_lr %g, kv_heads %d", g.Hidden, g.Width, g.MuonLR, g.KVHeads)
	}
	if again := derive(s); again != s {
		t.Errorf("what is derived is derived again as something else (-want +got):\n%s", cmp.Diff(s, again, cmpopts.IgnoreUnexported(s)))
	}
	if given := derive(inkstone.Settings{Rows: 3, Steps: 7}); given.Rows != 3 || given.Micro != 1 || given.Steps != 7 {
		t.Errorf("rows 3 and steps 7 became %d·%d and %d", given.Rows, given.Micro, given.Steps)
	}
}

// TestIntervals: a tenth of the run, and all evaluations together, at a third of the
// price of training, cost at most a quarter of it.
func TestIntervals(t *testing.T) {
	for _, steps := range []int{1, 9, 10, 30, 1000, 20000} {
		for _, held := range []int64{100, 10_000, 1_000_000} {
			s, _, err := inkstone.Derive(inkstone.Settings{Depth: 1, Steps: steps, Rows: 4}, 512, 1<<20, held)
			if err != nil {
				t.Fatal(err)
			}
			perStep := s.Rows * s.Micro * s.Context
			cost := float64(min(held, s.EvalTokens)) / 3 * float64(steps/s.EvalEvery)
			if most := 0.25 * float64(steps*perStep); cost > most*1.01 || s.EvalEvery < max(1, steps/10) || s.CheckpointEvery != max(1, steps/10) {
				t.Errorf("%d steps of %d tokens, %d held out: evaluations every %d cost %.0f of %.0f, checkpoints every %d",
					steps, perStep, held, s.EvalEvery, cost, most, s.CheckpointEvery)
			}
		}
	}
}

// TestHorizonOfEnoughText: with enough text a run reads 20 tokens for each
// parameter and says nothing; with less it says how many the depth asks for.
func TestHorizonOfEnoughText(t *testing.T) {
	s, wanted, err := inkstone.Derive(inkstone.Settings{Depth: 1}, 512, 1<<32, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	perStep := s.Rows * s.Micro * s.Context
	const parameters = 512*64 + 64 + 64 + 64 + 4*64*64 + 3*64*192 // embedding, three norms, attention, SwiGLU
	if read := s.Steps * perStep; wanted != 0 || read < 20*parameters || read >= 20*parameters+perStep {
		t.Errorf("wanted %d, %d tokens are read, want 0 and %d", wanted, read, 20*parameters)
	}
	if _, wanted, _ = inkstone.Derive(inkstone.Settings{Depth: 1}, 512, 1<<16, 1<<10); wanted != 20*parameters {
		t.Errorf("wanted %d tokens, want %d", wanted, 20*parameters)
	}
}

// TestSettingsRefused: the key and the fact, and nothing is ignored.
func TestSettingsRefused(t *testing.T) {
	tests := []struct{ config, want string }{
		{`{"depth": 97}`, "depth 97"},
		{`{"depth": -1}`, "depth is -1"},
		{`{"rows": -1}`, "rows is -1"},
		{`{"lr": -1}`, "lr -1"},
		{`{"beta2": 1}`, "beta2 1"},
		{`{"held_out": 1}`, "held_out 1"},
		{`{"dropout": 1, "model": "gpt2"}`, "dropout 1"},
		{`{"dropout": 0.1}`, "dropout is of gpt2 and recurrent models alone"},
		{`{"kv_heads": 2, "model": "gpt2"}`, "kv_heads is not of gpt2"},
		{`{"canon_taps": 2}`, "canon_taps is of inkstone_canon_llama alone"},
		{`{"muon_lr": 0.1, "optimizer": "adamw"}`, "muon_lr is of the optimizer muon"},
		{`{"optimizer": "lion"}`, `optimizer "lion" is neither muon nor adamw`},
		{`{"vocab": 300, "tokenizer": "byte"}`, "vocab is of a BPE"},
		{`{"split": "gpt2", "tokenizer": "char"}`, "split is of a BPE"},
		{`{"heads": 3, "width": 64}`, "width 64 is not a multiple of heads 3"},
		{`{"precision": "f16"}`, `precision "f16" is neither f32 nor bf16`},
		{`{"schedule": {"shape": "wsd", "warmup": 2}}`, "warmup 2"},
	}
	path := filepath.Join(t.TempDir(), "settings.json")
	for _, test := range tests {
		write(path, test.config)
		s, err := inkstone.ReadSettings(path)
		if err == nil {
			_, _, err = inkstone.Derive(s, 2048, 1<<20, 1<<16)
		}
		if err == nil || !strings.Contains(err.Error(), test.want) || !strings.HasPrefix(err.Error(), "config: "+path+": ") {
			t.Errorf("%s: got %v, want %q after the file's name", test.config, err, test.want)
		}
	}
}

// TestReadSettings reads back what a run stores, and refuses what is no config file.
func TestReadSettings(t *testing.T) {
	s, err := inkstone.ReadSettings(filepath.Join(trained(), inkstone.SettingsFile))
	if err != nil {
		t.Fatal(err)
	}
	if s.Width != small.Width || s.Steps != small.Steps || s.LR == 0 || s.HeldOut != 0.1 {
		t.Errorf("stored settings %+v", s)
	}
	b, err := json.Marshal(inkstone.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "settings.json")
	for _, bad := range []string{"", "[]", "{", `{"depth": "four"}`, `{"deep": 4}`, string(b) + "{}"} {
		write(path, bad)
		if _, err := inkstone.ReadSettings(path); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%q: got %v, want an error that names %s", bad, err, path)
		}
	}
	if _, err := inkstone.ReadSettings(path + "x"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want that the file is not there", err)
	}
}
