package gpt_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// past is a cache of one sequence: keys and values of each layer, row after row.
type past struct {
	step         *tensor.Step
	rows         int // of earlier passes
	keys, values map[int]*tensor.Tensor
}

func (c *past) Attend(layer int, p *nn.Pass, q, k, v *tensor.Tensor, a nn.Attention) *tensor.Tensor {
	n := q.Dim(0)
	for _, s := range []struct {
		kept map[int]*tensor.Tensor
		x    *tensor.Tensor
	}{{c.keys, k}, {c.values, v}} {
		if s.kept[layer] == nil {
			s.kept[layer] = tensor.New(q.Device(), 64, s.x.Dim(1), s.x.Dim(2))
		}
		s.kept[layer].AssignRows(c.rows, s.x, 0, n)
	}
	segments := c.step.Ints([]int32{0, int32(n), 0, int32(c.rows + n)}, 1, 4)
	return nn.FlashAttention(segments, q, c.keys[layer], c.values[layer], a)
}

// TestStepsEqualPrefill: a sequence read at once and one read in pieces, of many tokens
// and of one, beyond every window, have the same logits bit for bit.
func TestStepsEqualPrefill(t *testing.T) {
	eachNamedPeer(t, func(t *testing.T, name string, c *peer, d *tensor.Device) {
		l, err := model.Load(c.folder(t), d)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		s := tensor.NewStep(d, tensor.StepOptions{})
		defer s.Close()
		ids := c.IDs[:c.Lengths[0]]
		read := func(pieces ...int) (logits []float32) {
			cache := &past{step: s, keys: map[int]*tensor.Tensor{}, values: map[int]*tensor.Tensor{}}
			for _, n := range pieces {
				s.Begin(0)
				p := nn.Pass{Cache: cache}
				p.Set(s, ids[cache.rows:cache.rows+n], nn.Span{Rows: n, Past: cache.rows})
				logits = append(logits, l.LM.Logits(l.LM.Forward(&p)).Floats()...)
				cache.rows += n
			}
			return logits
		}
		whole := read(len(ids))
		testkit.Close(t, "logits", whole, c.Logits[:len(whole)], 0, 5e-5)
		if strings.HasSuffix(name, "-beyond") {
			defer func() {
				if p := recover(); p == nil || !strings.Contains(fmt.Sprint(p), "read it in one pass") {
					t.Errorf("a sequence beyond the reach of its frequencies, in pieces: %v", p)
				}
			}()
		}
		testkit.SameBits(t, "logits in pieces", read(7, 1, 1, len(ids)-9), whole)
	})
}

// TestSavedEqualsLoaded: a folder that is loaded, saved and loaded again has the same
// settings and logits.
func TestSavedEqualsLoaded(t *testing.T) {
	eachPeer(t, func(t *testing.T, c *peer, d *tensor.Device) {
		s := tensor.NewStep(d, tensor.StepOptions{})
		defer s.Close()
		open := func(dir string) (*model.Loaded, []float32, string) {
			l, err := model.Load(dir, d)
			if err != nil {
				t.Fatal(err)
			}
			s.Begin(0)
			var p nn.Pass
			p.Set(s, c.IDs, c.spans()...)
			config, err := json.Marshal(l.LM.Config())
			if err != nil {
				t.Fatal(err)
			}
			return l, l.LM.Logits(l.LM.Forward(&p)).Floats(), string(config)
		}
		first, want, config := open(c.folder(t))
		defer first.Close()
		dir := t.TempDir()
		if err := model.Save(dir, first.LM, model.Generation{}); err != nil {
			t.Fatal(err)
		}
		again, got, saved := open(dir)
		defer again.Close()
		testkit.SameBits(t, "logits", got, want)
		if saved != config {
			t.Errorf("config saved and loaded: %s, want %s", saved, config)
		}
	})
}

// TestLossFalls trains fresh weights of every architecture for a few steps.
func TestLossFalls(t *testing.T) {
	eachPeer(t, func(t *testing.T, c *peer, d *tensor.Device) {
		lm, err := model.BuildLM(c.Config)
		if err != nil {
			t.Fatal(err)
		}
		nn.Init(lm, d, 1)
		params := nn.Params(lm)
		moments := make([][2]*tensor.Tensor, len(params))
		for i, p := range params {
			p.Tensor.SetTrainable(true)
			moments[i] = [2]*tensor.Tensor{tensor.New(d, p.Tensor.Shape()...), tensor.New(d, p.Tensor.Shape()...)}
		}
		s := tensor.NewStep(d, tensor.StepOptions{Grad: true})
		defer s.Close()
		p := nn.Pass{Checkpoint: true}
		var losses []float32
		for i := range 6 {
			s.Begin(uint64(i))
			p.Set(s, c.IDs, c.spans()...)
			n := len(c.IDs)
			loss := model.Loss(lm, &p, s.Ints(c.Targets, n), s.Full(1/float32(n), n))
			losses = append(losses, loss.Item())
			s.Backward(loss)
			for j, p := range params {
				p.Tensor.Update(tensor.AdamW, moments[j][0], moments[j][1], tensor.UpdateParams{LR: 3e-3, B1: 0.9, B2: 0.95, Eps: 1e-8, Correct1: 1, Correct2: 1})
				p.Tensor.ZeroGrad()
			}
		}
		if last := losses[len(losses)-1]; !(last < losses[0]-0.3) {
			t.Errorf("losses %v do not fall", losses)
		}
	})
}

// TestConfigsAreRefused: a setting that is not implemented is an error that names it, and
// a config.json of a few bytes cannot ask for gigabytes.
func TestConfigsAreRefused(t *testing.T) {
	tests := []struct{ peer, key, value, want string }{
		{"mistral", "sliding_window", "0", "sliding_window is 0"},
		{"mistral", "hidden_act", `"gelu"`, `hidden_act "gelu"`},
		{"mistral", "num_key_value_heads", "3", "num_key_value_heads 3"},
		{"llama3", "rope_scaling", `{"rope_type":"spiral","factor":2}`, `rope_type "spiral"`},
		{"llama3", "rope_scaling", `{"rope_type":"longrope","short_factor":[1],"long_factor":[1]}`, "1 short_factor"},
		{"llama3", "rope_scaling", `{"rope_type":"yarn","factor":2,"beta_fast":1,"beta_slow":2}`, "beta_fast 1"},
		{"llama3", "rope_scaling", `{"rope_type":"llama3","factor":2,"low_freq_factor":1,"high_freq_factor":4,"original_max_position_embeddings":-1}`, "is -1"},
		{"llama3", "rope_scaling", `{"partial_rotary_factor":0.5}`, "partial_rotary_factor 0.5"},
		{"llama3", "partial_rotary_factor", "0.5", "partial_rotary_factor 0.5"},
		{"llama3", "rope_theta", "-1", "rope_theta is -1"},
		{"llama-yarn", "rope_scaling", `{"type":"linear","factor":2}`, "both rope_scaling and rope_parameters"},
		{"qwen2", "layer_types", `["full_attention"]`, "1 layer_types for 2 layers"},
		{"qwen2", "layer_types", `["full_attention","linear_attention"]`, "linear_attention"},
		{"qwen2", "sliding_window", "-4", "sliding_window is absent or not positive"},
		{"smollm3", "no_rope_layers", "[1]", "1 no_rope_layers for 3 layers"},
		{"smollm3", "no_rope_layer_interval", "-1", "no_rope_layer_interval is -1"},
		{"gemma2", "hidden_activation", `"silu"`, `hidden_activation "silu"`},
		{"gemma2", "final_logit_softcapping", "0", "final_logit_softcapping is 0"},
		{"gemma2", "use_bidirectional_attention", "true", "use_bidirectional_attention"},
		{"gemma2", "query_pre_attn_scalar", "-2", "query_pre_attn_scalar is -2"},
		{"gemma3", "attn_logit_softcapping", "50", "attn_logit_softcapping"},
		{"gemma3", "sliding_window_pattern", "-3", "sliding_window_pattern is -3"},
		{"gemma3", "rope_parameters", `{"rope_theta":100}`, "both rope_scaling and rope_parameters"},
		{"phi3", "rope_scaling", `{"type":"linear","factor":2}`, `rope_type "linear"`},
		{"phi3", "partial_rotary_factor", "0.01", "partial_rotary_factor 0.01"},
		{"phi3", "resid_pdrop", "1", "resid_pdrop is 1"},
		{"mistral", "layer_types", `["full_attention","sliding_attention"]`, `layer_types has "full_attention" for layer 0`},
		{"llama3", "is_causal", "false", "is_causal false"},
		{"qwen3", "per_layer_config", `{"0":{"sliding_window":4}}`, "per_layer_config"},
		{"qwen3", "rope_parameters", `{"full_attention":{"rope_theta":100}}`, "rope settings of full_attention"},
		{"gemma3", "rope_scaling", `{"full_attention":{"rope_type":"linear","factor":2}}`, "rope settings of full_attention"},
		{"qwen3-moe", "num_experts_per_tok", "5", "num_experts_per_tok is 5, want 1 to 4"},
		{"qwen3-moe", "num_experts", "1000000", "num_experts is 1000000"},
	}
	all := peers(t)
	for _, tt := range tests {
		if _, err := model.BuildLM(with(t, all[tt.peer].Config, tt.key, tt.value)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s with %s %s: %v, want %q", tt.peer, tt.key, tt.value, err, tt.want)
		}
	}
}

// with is a config.json with one key set; an empty value leaves it out.
func with(t *testing.T, config []byte, key, value string) []byte {
	t.Helper()
	keys := map[string]json.RawMessage{}
	if err := json.Unmarshal(config, &keys); err != nil {
		t.Fatal(err)
	}
	if keys[key] = json.RawMessage(value); value == "" {
		delete(keys, key)
	}
	b, err := json.Marshal(keys)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestAbsentAndNull: what transformers makes of keys that are left out or null.
func TestAbsentAndNull(t *testing.T) {
	all := peers(t)
	tests := []struct{ peer, key, value, saved string }{
		{"mistral", "sliding_window", "", `"sliding_window":4096`},
		{"mistral", "sliding_window", "null", `"sliding_window":null`},
		{"mistral", "num_key_value_heads", "", `"num_key_value_heads":8`},
		{"mistral", "head_dim", "null", `"head_dim":32`},
		{"qwen3", "head_dim", "", `"head_dim":128`},
		{"qwen3", "num_key_value_heads", "null", `"num_key_value_heads":8`},
		{"qwen2", "layer_types", "null", `"layer_types":["full_attention","sliding_attention"]`},
		{"qwen2", "max_window_layers", "", `"layer_types":["full_attention","full_attention"]`},
		{"smollm3", "no_rope_layer_interval", "", `"no_rope_layers":[1,1,1]`},
		{"smollm3", "rope_theta", "", `"rope_theta":2000000`},
		{"gemma2", "final_logit_softcapping", "", `"final_logit_softcapping":30`},
		{"gemma2", "final_logit_softcapping", "null", `"final_logit_softcapping":null`},
		{"gemma2", "attn_logit_softcapping", "", `"attn_logit_softcapping":50`},
		{"gemma3", "rope_local_base_freq", "", `"rope_local_base_freq":10000`},
		{"gemma3", "sliding_window_pattern", "", `"layer_types":["sliding_attention","sliding_attention","sliding_attention"]`},
		{"phi3", "partial_rotary_factor", "", `"partial_rotary_factor":1`},
		{"phi3", "original_max_position_embeddings", "", `"original_max_position_embeddings":4096`},
		{"mixtral", "rope_theta", "", `"rope_theta":1000000`},
		{"mixtral", "num_local_experts", "", `"num_local_experts":8`},
		{"qwen3-moe", "mlp_only_layers", "", `"mlp_only_layers":null`},
		{"qwen3-moe", "num_experts", "", `"num_experts":128`},
		{"qwen3-moe", "output_router_logits", "true", `"output_router_logits":true`},
		{"mixtral", "router_jitter_noise", "0.1", `"router_jitter_noise":0.1`},
		{"mistral", "layer_types", `["sliding_attention","sliding_attention"]`, `"sliding_window":5`},
		{"llama3", "is_causal", "true", `"model_type":"llama"`},
		{"llama3", "per_layer_config", "{}", `"model_type":"llama"`},
	}
	for _, tt := range tests {
		lm, err := model.BuildLM(with(t, all[tt.peer].Config, tt.key, tt.value))
		if err != nil {
			t.Errorf("%s with %s %q: %v", tt.peer, tt.key, tt.value, err)
			continue
		}
		if b, err := json.Marshal(lm.Config()); err != nil || !strings.Contains(string(b), tt.saved) {
			t.Errorf("%s with %s %q: %s %v, want %s", tt.peer, tt.key, tt.value, b, err, tt.saved)
		}
	}
}

// TestNestedGemma3 loads a Gemma 3 of images and texts, by its nested config.json and
// either form of its names: the texts' part, with the same logits.
func TestNestedGemma3(t *testing.T) {
	d := tensor.CPU(1)
	defer d.Close()
	c := peers(t)["gemma3"]
	for _, front := range []string{"language_model.model.", "model.language_model."} {
		nested := *c
		nested.Config = []byte(`{"model_type":"gemma3","eos_token_id":[1,106],"text_config":` + string(c.Config) + `}`)
		nested.Shapes = map[string][]int{}
		nested.rename = map[string]string{"vision_tower.x.weight": "vision_tower.x.weight", "model.multi_modal_projector.y.weight": "y"}
		for name, shape := range c.Shapes {
			file := front + strings.TrimPrefix(name, "model.")
			nested.Shapes[file], nested.rename[file] = shape, name
		}
		nested.Shapes["vision_tower.x.weight"], nested.Shapes["model.multi_modal_projector.y.weight"] = []int{2, 2}, []int{3, 2}
		l, err := model.Load(nested.folder(t), d)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		if !slices.Equal(l.Generation.EOS, model.IDs{1, 106}) {
			t.Errorf("end tokens %v, want 1 and 106", l.Generation.EOS)
		}
		s := tensor.NewStep(d, tensor.StepOptions{})
		defer s.Close()
		s.Begin(0)
		var p nn.Pass
		p.Set(s, c.IDs, c.spans()...)
		testkit.Close(t, front, l.LM.Logits(l.LM.Forward(&p)).Floats(), c.Logits, 0, 5e-5)
	}
}
