package gpt_test

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/model/gpt"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// ggufModels are tiny models of every type that GGUF files hold; rows are multiples of 256.
var ggufModels = []struct {
	name, config string
}{
	{"gpt2", `{"model_type":"gpt2","vocab_size":96,"n_positions":32,"n_embd":256,"n_layer":2,"n_head":4}`},
	{"gpt2 untied", `{"model_type":"gpt2","vocab_size":96,"n_positions":32,"n_embd":256,"n_layer":1,"n_head":4,"n_inner":512,"tie_word_embeddings":false}`},
	{"llama", `{"model_type":"llama","vocab_size":96,"max_position_embeddings":64,"hidden_size":256,"num_hidden_layers":2,"intermediate_size":512,"num_attention_heads":4,"num_key_value_heads":2,"rms_norm_eps":1e-5,"rope_theta":500000,
		"rope_scaling":{"rope_type":"llama3","factor":8,"low_freq_factor":1,"high_freq_factor":4,"original_max_position_embeddings":64}}`},
	{"canon", `{"model_type":"inkstone_canon_llama","vocab_size":96,"hidden_size":256,"num_hidden_layers":1,"intermediate_size":256,"num_attention_heads":2,"canon_width":3}`},
	{"llama with biases", `{"model_type":"llama","vocab_size":96,"hidden_size":256,"num_hidden_layers":1,"intermediate_size":256,"num_attention_heads":2,"head_dim":64,"tie_word_embeddings":true,"attention_bias":true,"mlp_bias":true,
		"rope_scaling":{"rope_type":"linear","factor":4}}`},
}

// ggufModel builds a model of random weights.
func ggufModel(t *testing.T, d *tensor.Device, config string) model.LM {
	t.Helper()
	lm, err := model.BuildLM([]byte(config))
	if err != nil {
		t.Fatal(err)
	}
	nn.Init(lm, d, 3)
	for _, p := range nn.Params(lm) { // gains of one and biases of zero hide what is mixed up
		if p.Role == nn.Gain || p.Role == nn.Bias {
			x := p.Tensor.Floats()
			for i := range x {
				x[i] += float32(math.Sin(float64(i+len(p.Name)))) / 4
			}
			p.Tensor.WriteFloats(x)
		}
	}
	return lm
}

// logitsOf are those of a few tokens.
func logitsOf(d *tensor.Device, lm model.LM) []float32 {
	ids := []int32{5, 90, 17, 17, 3, 44}
	s := tensor.NewStep(d, tensor.StepOptions{})
	defer s.Close()
	s.Begin(0)
	var p nn.Pass
	p.SetRows(s, ids, len(ids))
	return lm.Logits(lm.Forward(&p)).Floats()
}

// TestGGUF: a model that is written and read again has the same config, weights and logits.
func TestGGUF(t *testing.T) {
	for _, tt := range ggufModels {
		t.Run(tt.name, func(t *testing.T) {
			d := tensor.Reference()
			defer d.Close()
			lm := ggufModel(t, d, tt.config)
			path := filepath.Join(t.TempDir(), "m.gguf")
			bos := int32(7)
			want := model.Generation{BOS: &bos, EOS: model.IDs{8, 9}}
			if err := model.SaveGGUF(path, lm, model.GGUFOptions{Generation: want}); err != nil {
				t.Fatal(err)
			}
			l, err := model.Load(path, d)
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			if diff := cmp.Diff(want, l.Generation); diff != "" {
				t.Errorf("generation (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(lm.Config(), l.LM.Config()); diff != "" {
				t.Errorf("config (-want +got):\n%s", diff)
			}
			testkit.SameBits(t, "logits", logitsOf(d, l.LM), logitsOf(d, lm))
		})
	}
}

// TestGGUFTokens: tokens that the vocabulary does not have are left out of a file, for none could
// read it.
func TestGGUFTokens(t *testing.T) {
	d := tensor.Reference()
	defer d.Close()
	lm := ggufModel(t, d, ggufModels[0].config)
	path := filepath.Join(t.TempDir(), "m.gguf")
	outside := int32(lm.Shape().Vocab)
	if err := model.SaveGGUF(path, lm, model.GGUFOptions{Generation: model.Generation{BOS: &outside, EOS: model.IDs{outside, 8}}}); err != nil {
		t.Fatal(err)
	}
	l, err := model.Load(path, d)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if diff := cmp.Diff(model.Generation{EOS: model.IDs{8}}, l.Generation); diff != "" {
		t.Errorf("generation (-want +got):\n%s", diff)
	}
}

// TestGGUFRows: queries and keys lie as llama.cpp's converter lays them: of a head, channel i of
// the first half and channel i of the second beside each other.
func TestGGUFRows(t *testing.T) {
	d := tensor.Reference()
	defer d.Close()
	lm := ggufModel(t, d, ggufModels[2].config).(*gpt.Llama)
	path := filepath.Join(t.TempDir(), "m.gguf")
	if err := model.SaveGGUF(path, lm, model.GGUFOptions{}); err != nil {
		t.Fatal(err)
	}
	g, err := format.OpenGGUF(path)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	const C, D = 256, 64
	for name, w := range map[string]*tensor.Tensor{"blk.1.attn_q.weight": lm.Blocks[1].Attn.Q.W, "blk.1.attn_k.weight": lm.Blocks[1].Attn.K.W} {
		x, _ := g.Tensor(name)
		got, err := format.F32s(x)
		if err != nil {
			t.Fatal(err)
		}
		want := w.Floats()
		for row := range len(want) / C {
			head, at := row/D, row%D
			beside := head*D + at%(D/2)*2 + at/(D/2)
			testkit.SameBits(t, fmt.Sprint(name, " row ", row), got[beside*C:][:C], want[row*C:][:C])
		}
	}
}

// TestGGUFKeys: the metadata that llama.cpp asks for.
func TestGGUFKeys(t *testing.T) {
	d := tensor.Reference()
	defer d.Close()
	path := filepath.Join(t.TempDir(), "m.gguf")
	if err := model.SaveGGUF(path, ggufModel(t, d, ggufModels[2].config), model.GGUFOptions{Meta: format.Metadata{"general.name": "tiny"}}); err != nil {
		t.Fatal(err)
	}
	g, err := format.OpenGGUF(path)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	want := format.Metadata{
		"general.architecture": "llama", "general.name": "tiny", "llama.vocab_size": uint32(96), "llama.context_length": uint32(64),
		"llama.embedding_length": uint32(256), "llama.block_count": uint32(2), "llama.feed_forward_length": uint32(512),
		"llama.attention.head_count": uint32(4), "llama.attention.head_count_kv": uint32(2), "llama.attention.key_length": uint32(64),
		"llama.attention.value_length": uint32(64), "llama.attention.layer_norm_rms_epsilon": float32(1e-5),
		"llama.rope.dimension_count": uint32(64), "llama.rope.freq_base": float32(500000), "llama.rope.scaling.low_freq_factor": float32(1),
		"llama.rope.scaling.high_freq_factor": float32(4), "llama.rope.scaling.original_context_length": uint32(64),
	}
	if diff := cmp.Diff(want, g.Meta()); diff != "" {
		t.Errorf("metadata (-want +got):\n%s", diff)
	}
	freqs, _ := g.Tensor("rope_freqs.weight")
	f, err := format.F32s(freqs)
	if err != nil || len(f) != 32 || f[0] != 1 || f[31] != 8 {
		t.Errorf("rope_freqs.weight: %v, %v", f, err)
	}
}

// TestGGUFRefuses: files and models that do not fit each other.
func TestGGUFRefuses(t *testing.T) {
	d := tensor.Reference()
	defer d.Close()
	whole := filepath.Join(t.TempDir(), "m.gguf")
	if err := model.SaveGGUF(whole, ggufModel(t, d, ggufModels[2].config), model.GGUFOptions{}); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name    string
		meta    func(m format.Metadata)
		tensors func(ts []format.Tensor) []format.Tensor
		want    string
	}{
		{name: "no architecture", meta: func(m format.Metadata) { delete(m, "general.architecture") }, want: "metadata has no general.architecture"},
		{name: "unknown architecture", meta: func(m format.Metadata) { m["general.architecture"] = "rwkv9" }, want: `unknown general.architecture "rwkv9"; known are gemma2, `},
		{name: "a key is missing", meta: func(m format.Metadata) { delete(m, "llama.block_count") }, want: "metadata has no llama.block_count"},
		{name: "a key has a wrong type", meta: func(m format.Metadata) { m["llama.rope.freq_base"] = "ten" }, want: `metadata llama.rope.freq_base is "ten" (string), want a floating-point number`},
		{name: "layers", meta: func(m format.Metadata) { m["llama.block_count"] = uint64(1 << 40) }, want: "block_count is 1099511627776"},
		{name: "experts", meta: func(m format.Metadata) { m["llama.expert_count"] = uint32(8) }, want: "metadata has no llama.expert_used_count"},
		{name: "partial rotation", meta: func(m format.Metadata) { m["llama.rope.dimension_count"] = uint32(32) }, want: "is 32 of 64 channels"},
		{name: "other scaling", meta: func(m format.Metadata) { m["llama.rope.scaling.type"] = "longrope" }, tensors: without("rope_freqs.weight"), want: `"longrope"; none, linear and yarn`},
		{name: "two changes of frequencies", meta: func(m format.Metadata) { m["llama.rope.scaling.factor"] = float32(4) }, want: `rope.scaling.type "linear" with factor 4 beside the tensor rope_freqs.weight`},
		{name: "a negative factor", meta: func(m format.Metadata) { m["llama.rope.scaling.factor"] = float32(-4) }, want: "rope.scaling.factor is -4"},
		{name: "no gain", meta: func(m format.Metadata) { m["llama.rope.scaling.attn_factor"] = float32(0) }, want: "rope.scaling.attn_factor 0, want more"},
		{name: "a factor of 0", tensors: func(ts []format.Tensor) []format.Tensor {
			return append(without("rope_freqs.weight")(ts), format.FromF32("rope_freqs.weight", make([]float32, 32), 32))
		}, want: "rope_freqs.weight: number 0 is 0"},
		{name: "absurd heads", meta: func(m format.Metadata) {
			m["llama.attention.key_length"], m["llama.rope.dimension_count"], m["llama.rope.scaling.attn_factor"] = int64(-2), int64(-2), float32(2)
		}, tensors: without("rope_freqs.weight"), want: "attention.key_length is -2"},
		{name: "not causal", meta: func(m format.Metadata) { m["llama.attention.causal"] = false }, want: "attention.causal is false"},
		{name: "heads that differ", meta: func(m format.Metadata) { m["llama.attention.head_count_kv"] = []uint32{2, 1} }, want: "llama.attention.head_count_kv is 2 for layer 0 and 1 for layer 1"},
		{name: "some biases", tensors: func(ts []format.Tensor) []format.Tensor {
			return append(ts, format.FromF32("blk.0.attn_q.bias", make([]float32, 256), 256))
		}, want: "blk.0.attn_q.bias without blk.0.attn_output.bias"},
		{name: "vocabulary alone", tensors: func([]format.Tensor) []format.Tensor { return nil }, want: "a vocabulary alone"},
		{name: "a tensor is missing", tensors: without("blk.1.ffn_up.weight"), want: "1 tensors of the model are not in the file: model.layers.1.mlp.up_proj.weight"},
		{name: "a tensor too many", tensors: func(ts []format.Tensor) []format.Tensor {
			return append(ts, format.FromF32("blk.0.attn_sinks.weight", []float32{1}, 1))
		}, want: "blk.0.attn_sinks.weight"},
		{name: "a shape", tensors: func(ts []format.Tensor) []format.Tensor {
			return append(without("output_norm.weight")(ts), format.FromF32("output_norm.weight", []float32{1}, 1))
		}, want: "tensor output_norm.weight: has shape [1], the metadata ask for [256]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := changedGGUF(t, whole, tt.meta, tt.tensors)
			l, err := model.Load(path, d)
			if err == nil {
				l.Close()
				t.Fatal("accepted")
			}
			if !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), "model: "+path) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// TestGGUFOfOthers: other forms of the same facts, as other programs write and read them.
func TestGGUFOfOthers(t *testing.T) {
	d := tensor.Reference()
	defer d.Close()
	lm := ggufModel(t, d, ggufModels[2].config)
	whole := filepath.Join(t.TempDir(), "m.gguf")
	if err := model.SaveGGUF(whole, lm, model.GGUFOptions{}); err != nil {
		t.Fatal(err)
	}
	tests := map[string]string{
		"a list for layers": changedGGUF(t, whole, func(m format.Metadata) {
			m["llama.attention.head_count"], m["llama.attention.head_count_kv"], m["llama.feed_forward_length"] = []uint32{4, 4}, []int32{2, 2}, []uint32{512, 512}
		}, nil),
		"more dimensions": changedGGUF(t, whole, nil, func(ts []format.Tensor) []format.Tensor {
			for i := range ts {
				for len(ts[i].Shape) < i%4+1 {
					ts[i].Shape = append([]int{1}, ts[i].Shape...)
				}
			}
			return ts
		}),
	}
	for name, path := range tests {
		l, err := model.Load(path, d)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		testkit.SameBits(t, name, logitsOf(d, l.LM), logitsOf(d, lm))
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestGGUFCausal: no decoder is read of a file whose tokens see all.
func TestGGUFCausal(t *testing.T) {
	d := tensor.CPU(1)
	defer d.Close()
	for _, name := range []string{"qwen2", "gemma2", "gemma3", "phi3"} {
		config := []byte(peers(t)[name].Config)
		if tt := ggufPeers[name]; tt.key != "" {
			config = with(t, config, tt.key, tt.value)
		}
		refusesKey(t, d, name, string(config), "attention.causal", false, "attention.causal is false")
	}
	refusesKey(t, d, "gpt2", ggufModels[0].config, "attention.causal", false, "attention.causal is false")
}

// refusesKey sees that a key of a model's file is refused.
func refusesKey(t *testing.T, d *tensor.Device, name, config, key string, value any, want string) {
	t.Helper()
	whole := filepath.Join(t.TempDir(), "m.gguf")
	if err := model.SaveGGUF(whole, ggufModel(t, d, config), model.GGUFOptions{}); err != nil {
		t.Fatal(err)
	}
	path := changedGGUF(t, whole, func(m format.Metadata) { m[m["general.architecture"].(string)+"."+key] = value }, nil)
	if _, err := model.Load(path, d); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%s with %s: %v, want %q", name, key, err, want)
	}
}

// changedGGUF is the path of a copy with other keys and tensors; nil changes none.
func changedGGUF(t *testing.T, whole string, change func(format.Metadata), tensorsOf func([]format.Tensor) []format.Tensor) string {
	t.Helper()
	g, err := format.OpenGGUF(whole)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	meta, tensors := g.Meta(), []format.Tensor(nil)
	for _, name := range g.Order() {
		x, _ := g.Tensor(name)
		tensors = append(tensors, x)
	}
	if change != nil {
		change(meta)
	}
	if tensorsOf != nil {
		tensors = tensorsOf(tensors)
	}
	path := filepath.Join(t.TempDir(), "changed.gguf")
	if err := format.WriteGGUF(path, meta, tensors, nil); err != nil {
		t.Fatal(err)
	}
	return path
}

// FuzzFolder: no panic on the metadata of any file, and what is accepted builds.
func FuzzFolder(f *testing.F) {
	d := tensor.Reference()
	defer d.Close()
	for _, config := range []string{
		`{"model_type":"gpt2","vocab_size":2,"n_positions":2,"n_embd":2,"n_layer":1,"n_head":1}`,
		`{"model_type":"llama","vocab_size":2,"hidden_size":2,"num_hidden_layers":1,"intermediate_size":2,"num_attention_heads":1,
			"rope_scaling":{"rope_type":"llama3","factor":8,"low_freq_factor":1,"high_freq_factor":4,"original_max_position_embeddings":64}}`,
		`{"model_type":"llama","vocab_size":2,"hidden_size":2,"num_hidden_layers":1,"intermediate_size":2,"num_attention_heads":1,"rope_scaling":{"rope_type":"linear","factor":2}}`,
		`{"model_type":"llama","vocab_size":2,"hidden_size":2,"num_hidden_layers":1,"intermediate_size":2,"num_attention_heads":1,"rope_scaling":{"rope_type":"longrope","short_factor":[2],"long_factor":[2],"attention_factor":2}}`,
	} {
		lm, err := model.BuildLM([]byte(config))
		if err != nil {
			f.Fatal(err)
		}
		nn.Init(lm, d, 1)
		path := filepath.Join(f.TempDir(), "seed.gguf")
		if err := model.SaveGGUF(path, lm, model.GGUFOptions{}); err != nil {
			f.Fatal(err)
		}
		f.Add(testkit.ReadFile(f, path))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		g, err := format.ReadGGUF("fuzz", b)
		if err != nil {
			return
		}
		folder, err := model.Folder(g)
		if err != nil {
			return
		}
		if _, err := model.BuildLM(folder.Config); err != nil {
			t.Errorf("accepted, but does not build: %v", err)
		}
	})
}

func without(name string) func([]format.Tensor) []format.Tensor {
	return func(ts []format.Tensor) []format.Tensor {
		return slices.DeleteFunc(ts, func(t format.Tensor) bool { return t.Name == name })
	}
}

// TestSaveGGUFRefuses: what other programs would read wrong is not written.
func TestSaveGGUFRefuses(t *testing.T) {
	d := tensor.Reference()
	defer d.Close()
	for config, want := range map[string]string{
		`{"model_type":"gpt2","vocab_size":96,"n_positions":32,"n_embd":64,"n_layer":1,"n_head":4,"activation_function":"relu"}`: `activation_function "relu"`,
	} {
		path := filepath.Join(t.TempDir(), "m.gguf")
		if err := model.SaveGGUF(path, ggufModel(t, d, config), model.GGUFOptions{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
