package generate_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/inkstone-ai/inkstone/generate"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// long are models whose context is several pages.
var long = map[string]string{
	"llama": `{"model_type":"llama","vocab_size":17,"max_position_embeddings":300,"hidden_size":64,"intermediate_size":20,"num_hidden_layers":2,"num_attention_heads":2,"num_key_value_heads":1,"head_dim":32}`,
	"canon": `{"model_type":"inkstone_canon_llama","vocab_size":17,"max_position_embeddings":300,"hidden_size":12,"intermediate_size":20,"num_hidden_layers":2,"num_attention_heads":2,"head_dim":6,"tie_word_embeddings":true,"canon_width":4}`,
}

// related are prompts that share beginnings: whole pages, parts of one, all but the last
// token, nothing.
func related() (all []generate.Request) {
	text := make([]int32, 200)
	for i := range text {
		text[i] = int32((i*i + 3*i) % 17)
	}
	for i, n := range []int{200, 190, 130, 128, 129, 64, 1, 70} {
		r := generate.Request{Prompt: slices.Clone(text[:n]), MaxTokens: 4 + i, LogProbs: 3}
		if i%2 == 1 {
			r.Sampling = generate.Sampling{Temperature: 1, Seed: uint64(i)}
		}
		if i == 1 || i == 7 {
			r.Prompt[100*(i%7)] ^= 1 // of the second from place 100 on, of the last from its first
		}
		all = append(all, r)
	}
	return all
}

// same fails where two runs differ in more than what they took.
func same(t *testing.T, what string, want, got []generate.Result) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.IgnoreTypes(generate.Usage{}, &generate.Usage{})); diff != "" {
		t.Errorf("%s: -single +batch:\n%s", what, diff)
	}
}

func alone(t *testing.T, lm model.LM, o generate.Options, requests []generate.Request) (all []generate.Result) {
	t.Helper()
	for _, r := range requests {
		one, err := newEngine(t, lm, o).Run(t.Context(), []generate.Request{r})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, one[0])
	}
	return all
}

// TestSharingChangesNothing: requests whose beginnings are in the cache, in every type of it,
// at once, one after the other, in a few pages, read in any chunks: the bits of single runs.
func TestSharingChangesNothing(t *testing.T) {
	d := tensor.CPU(2)
	defer d.Close()
	for name, config := range long {
		lm := lively(t, config, d)
		for _, cache := range []tensor.DType{tensor.F32, tensor.F16, tensor.Q8_0} {
			if name == "canon" && cache == tensor.Q8_0 {
				continue // heads of 6 channels
			}
			want := alone(t, lm, generate.Options{CacheType: cache}, related())
			page := generate.CacheBytes(lm.Shape(), cache, 1)
			for _, o := range []generate.Options{{}, {Slots: 1}, {Slots: 3, Rows: 7}, {Rows: 64}, {Memory: 6 * page}, {Slots: 2, Memory: 5 * page}} {
				o.CacheType = cache
				e := newEngine(t, lm, o)
				shared := 0
				for range 2 { // the second time all is there, where there is room
					got, err := e.Run(t.Context(), related())
					if err != nil {
						t.Fatal(err)
					}
					same(t, fmt.Sprintf("%s, %v, %+v", name, cache, o), want, got)
					for _, r := range got {
						shared += r.Usage.Shared
					}
				}
				if shared < 300 {
					t.Errorf("%s, %v, %+v: only %d tokens were shared", name, cache, o, shared)
				}
			}
		}
	}
}

// TestSharedTokens: how much of a prompt is found, to the token.
func TestSharedTokens(t *testing.T) {
	e := newEngine(t, lively(t, long["llama"], tensor.Reference()), generate.Options{Slots: 1})
	text := make([]int32, 200)
	for i := range text {
		text[i] = int32(i * i % 17)
	}
	for _, tt := range []struct {
		name   string
		prompt []int32
		want   int
	}{
		{"nothing is there", text[:150], 0},
		{"the same once more", text[:150], 149},
		{"longer", text[:200], 150},
		{"a part of a page", text[:30], 29},
		{"two whole pages, then another token", append(slices.Clone(text[:128]), 16, 16), 128},
		{"another first token", append([]int32{5}, text[:80]...), 0},
	} {
		got, err := e.Run(t.Context(), []generate.Request{{Prompt: tt.prompt, MaxTokens: 1}})
		if err != nil {
			t.Fatal(err)
		}
		if u := got[0].Usage; u.Shared != tt.want || u.Prompt != len(tt.prompt) || u.Written != 1 {
			t.Errorf("%s: %+v, want %d shared", tt.name, u, tt.want)
		}
	}
}

// TestMemory: what fits is said.
func TestMemory(t *testing.T) {
	lm := lively(t, long["llama"], tensor.Reference())
	const page = 2 * 2 * 64 * 32 * 4 // layers, k and v, positions, channels, bytes
	for _, tt := range []struct {
		o    generate.Options
		says string
	}{
		{generate.Options{Memory: page - 1}, "hold no past: 64 tokens take 32768 bytes"},
		{generate.Options{Memory: 2 * page, Context: 200}, "the memory of the cache holds 128 tokens, the context is to have 200"},
		{generate.Options{CacheType: tensor.BF16}, "a cache of bf16: want f32, f16 or q8_0"},
		{generate.Options{Memory: -1}, "memory -1"},
	} {
		if _, err := generate.NewEngine(lm, tt.o); err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%+v: error %v, want %q", tt.o, err, tt.says)
		}
	}
	if _, err := generate.NewEngine(lively(t, long["canon"], tensor.Reference()), generate.Options{CacheType: tensor.Q8_0}); err == nil || !strings.Contains(err.Error(), "take f16") {
		t.Errorf("q8_0 for heads of 6 channels: error %v", err)
	}
	e := newEngine(t, lm, generate.Options{Memory: 2 * page})
	if e.Context() != 128 {
		t.Errorf("a window of %d tokens in the memory of 128", e.Context())
	}
	_, err := e.Run(t.Context(), []generate.Request{{Prompt: make([]int32, 129)}})
	if !errors.Is(err, generate.ErrTooLong) || !strings.Contains(err.Error(), "prompt of 129 tokens, context of 128") {
		t.Errorf("error %v", err)
	}
	got, err := e.Run(t.Context(), []generate.Request{{Prompt: make([]int32, 100)}})
	if err != nil || got[0].Finish != generate.ContextFull || len(got[0].Tokens) != 29 {
		t.Errorf("%d tokens behind 100 in a window of 128, finish %q, %v", len(got[0].Tokens), got[0].Finish, err)
	}
}

// TestMostTokens: who asks for as many tokens as an int holds is promised the pages of a window, no more and no less.
func TestMostTokens(t *testing.T) {
	d := tensor.CPU(2)
	defer d.Close()
	lm := lively(t, long["llama"], d)
	e := newEngine(t, lm, generate.Options{Slots: 2, Memory: 6 * generate.CacheBytes(lm.Shape(), tensor.F32, 1)}) // of ten
	got, err := e.Run(t.Context(), []generate.Request{{Prompt: []int32{1, 2}, MaxTokens: math.MaxInt}, {Prompt: []int32{3, 2}, MaxTokens: math.MaxInt}})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range got {
		if r.Finish != generate.ContextFull || len(r.Tokens) != 299 {
			t.Errorf("%d tokens, finish %q", len(r.Tokens), r.Finish)
		}
	}
}

// TestShift: where the window is full the text goes on as one that begins with what is kept and
// the later half of the rest.
func TestShift(t *testing.T) {
	d := tensor.CPU(1)
	defer d.Close()
	lm := lively(t, configs["llama"], d) // a window of 24
	prompt := make([]int32, 40)
	for i := range prompt {
		prompt[i] = int32(i * 5 % 17)
	}
	const keep, tokens = 3, 30
	text, dropped := slices.Clone(prompt), 0
	var want []int32
	for range tokens {
		for len(text) > 24 {
			n := (len(text) - keep + 1) / 2
			text, dropped = slices.Delete(text, keep, keep+n), dropped+n
		}
		ids, _ := uncached(lm, generate.Request{Prompt: text, MaxTokens: 1})
		want, text = append(want, ids[0]), append(text, ids[0])
	}
	r := generate.Request{Prompt: prompt, MaxTokens: tokens, Shift: true, Keep: keep}
	for _, drafts := range []int{0, 6} {
		r.Drafts = drafts
		got, err := newEngine(t, lm, generate.Options{}).Run(t.Context(), []generate.Request{r, r})
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range got {
			if !slices.Equal(x.IDs(), want) || x.Usage.Dropped < dropped || x.Finish != generate.MaxReached {
				t.Errorf("drafts %d: %v, dropped %d, %q, want %v, %d", drafts, x.IDs(), x.Usage.Dropped, x.Finish, want, dropped)
			}
		}
	}
	for says, r := range map[string]generate.Request{
		"set MaxTokens": {Prompt: prompt, Shift: true},
		"want 0 to 22":  {Prompt: prompt, MaxTokens: 1, Shift: true, Keep: 23},
		"context of 24": {Prompt: prompt, MaxTokens: 1},
	} {
		if _, err := newEngine(t, lm, generate.Options{}).Run(t.Context(), []generate.Request{r}); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("error %v, want %q", err, says)
		}
	}
}

// TestFirstTokensComeInTurn: of eight prompts at once the first has its token long before the
// last, and those who write go on meanwhile.
func TestFirstTokensComeInTurn(t *testing.T) {
	lm := &counted{fixed: newFixed(tensor.Reference(), 1000, 0, 1)}
	e := newEngine(t, lm, generate.Options{Rows: 400})
	first := make([]int, 8)
	var requests []generate.Request
	for i := range first {
		r := generate.Request{Prompt: make([]int32, 150), MaxTokens: 100, Reader: &clock{lm: lm, first: &first[i]}}
		for j := range i {
			r.Prompt[j] = 1 // they share nothing that counts
		}
		requests = append(requests, r)
	}
	if _, err := e.Run(t.Context(), requests); err != nil {
		t.Fatal(err)
	}
	// Two prompts fill more than half of 400 rows; then two hundred rows at a time beside those who write.
	if first[0] > 300 || first[3] > 750 || first[7] < 1200 {
		t.Errorf("first tokens after %v rows of 1200", first)
	}
	if !slices.IsSorted(first) {
		t.Errorf("first tokens out of turn: after %v rows", first)
	}
	if lm.widest > 300 || lm.beside > 200+8 {
		t.Errorf("passes of up to %d rows, of %d beside those who write", lm.widest, lm.beside)
	}
}

// counted counts the rows of its passes.
type counted struct {
	*fixed
	rows, widest, beside int // beside: the widest pass after the first token
	passes               int
}

func (m *counted) Forward(p *nn.Pass) *tensor.Tensor {
	n := p.IDs.Len()
	if m.widest = max(m.widest, n); m.rows > 0 {
		m.beside = max(m.beside, n)
	}
	m.rows += n
	m.passes++
	return m.fixed.Forward(p)
}

// A clock notes when the first token comes.
type clock struct {
	lm    *counted
	first *int
}

func (c *clock) Next(int32) (string, bool) {
	if *c.first == 0 {
		*c.first = c.lm.rows
	}
	return "", false
}
func (c *clock) Flush() string { return "" }
