package generate

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/inkstone-ai/inkstone/model"
	_ "github.com/inkstone-ai/inkstone/model/gpt"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// TestNothingLeaks submits random requests from many goroutines that leave at any time, and
// finds every page, promise and slot again.
func TestNothingLeaks(t *testing.T) {
	d := tensor.CPU(2)
	defer d.Close()
	lm, err := model.BuildLM([]byte(`{"model_type":"llama","vocab_size":11,"max_position_embeddings":320,"hidden_size":8,"intermediate_size":8,"num_hidden_layers":1,"num_attention_heads":2,"head_dim":4}`))
	if err != nil {
		t.Fatal(err)
	}
	nn.Init(lm, d, 3)
	page := int64(pageBytes(lm.Shape(), tensor.F16))
	for seed, o := range []Options{{}, {Slots: 3, Memory: 9 * page, CacheType: tensor.F16}, {Slots: 2, Rows: 40, Draft: lm}} {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			e, err := NewEngine(lm, o)
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			var group sync.WaitGroup
			for g := range 6 {
				group.Go(func() {
					r := rand.New(rand.NewPCG(uint64(seed), uint64(g)))
					for range 12 {
						anyRequest(t, e, r)
						e.mu.Lock()
						sound(t, e)
						e.mu.Unlock()
					}
				})
			}
			group.Wait()
			if len(e.running)+len(e.waiting) > 0 || len(e.free) != e.o.Slots || e.pool.promised != 0 || len(e.pool.free)+e.pool.idle != e.pool.total {
				t.Errorf("%d run, %d wait, %d of %d slots free, %d pages promised, %d free and %d idle of %d",
					len(e.running), len(e.waiting), len(e.free), e.o.Slots, e.pool.promised, len(e.pool.free), e.pool.idle, e.pool.total)
			}
			if x := e.drafter; x != nil && (len(x.past) > 0 || len(x.pool.free) != x.pool.total) {
				t.Errorf("the drafter keeps %d pasts, %d of %d pages free", len(x.past), len(x.pool.free), x.pool.total)
			}
		})
	}
}

// anyRequest streams a request and leaves at a random moment.
func anyRequest(t *testing.T, e *Engine, r *rand.Rand) {
	prompt := make([]int32, 1+r.IntN(e.Context()))
	for i := range prompt {
		prompt[i] = int32(i / 50 % 11)
	}
	prompt[r.IntN(len(prompt))] = int32(r.IntN(11))
	q := Request{Prompt: prompt, MaxTokens: 1 + r.IntN(90), Drafts: r.IntN(6), Shift: r.IntN(2) == 0, Sampling: Sampling{Temperature: float32(r.IntN(2)), Seed: r.Uint64()}}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	leave := r.IntN(100)
	n := 0
	for _, err := range e.Stream(ctx, q) {
		if err != nil && ctx.Err() == nil {
			t.Error(err)
			return
		}
		if n++; n == leave {
			if r.IntN(2) == 0 {
				return
			}
			cancel()
		}
	}
}

// sound fails where the pool's books are wrong.
func sound(t *testing.T, e *Engine) {
	held := map[int32]int{}
	promised := 0
	for _, s := range e.running {
		promised += s.table.claims
		for _, g := range s.table.pages {
			held[g.at]++
		}
	}
	seen := map[int32]bool{}
	for _, at := range e.pool.free {
		if seen[at] || held[at] > 0 {
			t.Errorf("page %d is free twice, or held", at)
		}
		seen[at] = true
	}
	idle := 0
	for _, g := range e.pool.all {
		if g.refs == 0 {
			idle++
		}
		if seen[g.at] || g.refs != held[g.at] {
			t.Errorf("page %d is there twice, or has %d holders of %d", g.at, held[g.at], g.refs)
		}
		seen[g.at] = true
	}
	if promised != e.pool.promised || idle != e.pool.idle || e.pool.room() < 0 {
		t.Errorf("promised %d of %d, idle %d of %d, room %d", e.pool.promised, promised, e.pool.idle, idle, e.pool.room())
	}
}

// TestPageBytes: a page takes what is counted for it, keys, values and the inputs of convolutions.
func TestPageBytes(t *testing.T) {
	d := tensor.CPU(1)
	defer d.Close()
	const rest = `,"vocab_size":11,"max_position_embeddings":130,"hidden_size":64,"intermediate_size":8,"num_hidden_layers":2,"num_attention_heads":2,"num_key_value_heads":1}`
	for _, kind := range []string{"llama", "inkstone_canon_llama"} {
		lm, err := model.BuildLM([]byte(`{"model_type":"` + kind + `"` + rest))
		if err != nil {
			t.Fatal(err)
		}
		nn.Init(lm, d, 3)
		for _, dt := range []tensor.DType{tensor.F32, tensor.F16, tensor.Q8_0} {
			e, err := NewEngine(lm, Options{Slots: 1, CacheType: dt})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := e.Run(t.Context(), []Request{{Prompt: []int32{1, 2}, MaxTokens: 1}}); err != nil {
				t.Fatal(err)
			}
			taken := 0
			for _, x := range e.cache.stored() {
				taken += x.Bytes()
			}
			if want := e.pool.total * pageBytes(lm.Shape(), dt); taken != want {
				t.Errorf("%s, %v: %d pages take %d bytes, %d are counted", kind, dt, e.pool.total, taken, want)
			}
			e.Close()
		}
	}
}

// TestCloseFrees: a closed engine holds no memory of pasts, nor does its draft model.
func TestCloseFrees(t *testing.T) {
	d := tensor.CPU(1)
	defer d.Close()
	lm, err := model.BuildLM([]byte(`{"model_type":"llama","vocab_size":11,"max_position_embeddings":64,"hidden_size":8,"intermediate_size":8,"num_hidden_layers":1,"num_attention_heads":2,"head_dim":4}`))
	if err != nil {
		t.Fatal(err)
	}
	nn.Init(lm, d, 3)
	e, err := NewEngine(lm, Options{Draft: lm})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Run(t.Context(), []Request{{Prompt: []int32{1, 2}, MaxTokens: 9, Drafts: 2}}); err != nil {
		t.Fatal(err)
	}
	if a, b := len(e.cache.stored()), len(e.drafter.cache.stored()); a == 0 || b == 0 {
		t.Fatalf("%d and %d tensors of pasts", a, b)
	}
	e.Close()
	if a, b := len(e.cache.stored()), len(e.drafter.cache.stored()); a+b > 0 {
		t.Errorf("%d and %d tensors of pasts in a closed engine", a, b)
	}
}
