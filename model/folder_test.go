package model_test

import (
	"encoding/json"
	"flag"
	"maps"
	"os"
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

var update = flag.Bool("update", false, "write the kept lists anew")

// configs are small models of every architecture.
var configs = map[string]string{
	"gpt2":  `{"model_type":"gpt2","vocab_size":11,"n_positions":8,"n_embd":6,"n_layer":2,"n_head":2}`,
	"llama": `{"model_type":"llama","vocab_size":11,"max_position_embeddings":8,"hidden_size":8,"intermediate_size":10,"num_hidden_layers":2,"num_attention_heads":4,"num_key_value_heads":2}`,
	"canon": `{"model_type":"inkstone_canon_llama","vocab_size":11,"max_position_embeddings":8,"hidden_size":8,"intermediate_size":10,"num_hidden_layers":1,"num_attention_heads":2,"tie_word_embeddings":true,"canon_width":3}`,
}

// fresh builds a model and draws its weights.
func fresh(t *testing.T, d *tensor.Device, config string) model.LM {
	t.Helper()
	lm, err := model.BuildLM([]byte(config))
	if err != nil {
		t.Fatal(err)
	}
	nn.Init(lm, d, 1)
	return lm
}

// logits runs a model on six fixed tokens.
func logits(lm model.LM, d *tensor.Device) []float32 {
	s := tensor.NewStep(d, tensor.StepOptions{})
	defer s.Close()
	s.Begin(0)
	var p nn.Pass
	p.Set(s, []int32{3, 1, 4, 1, 5, 9}, nn.Span{Rows: 6})
	return lm.Logits(lm.Forward(&p)).Floats()
}

func TestSaveWritesWhatIsKept(t *testing.T) {
	d := tensor.CPU(2)
	defer d.Close()
	for name, config := range configs {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			eos := int32(7)
			lm := fresh(t, d, config)
			if err := model.Save(dir, lm, model.Generation{BOS: &eos, EOS: model.IDs{eos}}); err != nil {
				t.Fatal(err)
			}
			got := listing(t, dir)
			path := filepath.Join("testdata", name+"_folder.json")
			if *update {
				writeJSON(t, path, got)
			}
			var want folderListing
			testkit.Golden(t, path, &want)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("the folder is not the kept list's (-want +got):\n%s", diff)
			}
			for _, load := range []func(string, *tensor.Device, ...model.Change) (*model.Loaded, error){model.Load, model.LoadForTraining} {
				l, err := load(dir, d)
				if err != nil {
					t.Fatal(err)
				}
				testkit.SameBits(t, "logits of the saved model", logits(l.LM, d), logits(lm, d))
				l.Pack()
				testkit.SameBits(t, "logits of the packed model", logits(l.LM, d), logits(lm, d))
				model.Unpack(l.LM)
				testkit.SameBits(t, "logits of the unpacked model", logits(l.LM, d), logits(lm, d))
				if !slices.Equal(l.Generation.EOS, model.IDs{eos}) {
					t.Errorf("end tokens %v, want %d", l.Generation.EOS, eos)
				}
				if err := l.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// folderListing is what other programs rely on in a folder.
type folderListing struct {
	Files   []string         `json:"files"`
	Config  []string         `json:"config_keys"`
	Type    string           `json:"model_type"`
	Tensors map[string][]int `json:"tensors"`
}

func listing(t *testing.T, dir string) folderListing {
	t.Helper()
	var l folderListing
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		l.Files = append(l.Files, e.Name())
	}
	var config map[string]any
	if err := json.Unmarshal(testkit.ReadFile(t, filepath.Join(dir, "config.json")), &config); err != nil {
		t.Fatal(err)
	}
	l.Config = slices.Sorted(maps.Keys(config))
	l.Type, _ = config["model_type"].(string)
	w, err := format.OpenWeights(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	l.Tensors = map[string][]int{}
	for _, name := range w.Names() {
		x, _ := w.Tensor(name)
		l.Tensors[name] = x.Shape
	}
	return l
}

func writeJSON(t *testing.T, path string, v any) {
	t.Helper()
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append(b, '\n'), 0o666); err != nil {
		t.Fatal(err)
	}
}

// A foreign is a folder written by another program: a change to what we write.
type foreign struct {
	name    string
	config  string // one of configs, or a whole config.json
	tensors func(all map[string]format.Tensor)
	err     string // a part of the error, empty where the folder is good
}

func renamed(f func(string) string) func(map[string]format.Tensor) {
	return func(all map[string]format.Tensor) {
		old := maps.Clone(all)
		clear(all)
		for name, x := range old {
			all[f(name)] = x
		}
	}
}

func zeros(shape ...int) format.Tensor {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return format.FromF32("", make([]float32, n), shape...)
}

var tests = []foreign{
	{name: "gpt2 without transformer.", config: "gpt2", tensors: renamed(func(s string) string { return strings.TrimPrefix(s, "transformer.") })},
	{name: "gpt2 with masks", config: "gpt2", tensors: func(all map[string]format.Tensor) {
		all["transformer.h.0.attn.bias"] = zeros(1, 1, 8, 8)
		all["transformer.h.1.attn.masked_bias"] = zeros()
	}},
	{name: "gpt2 with its tied head", config: "gpt2", tensors: func(all map[string]format.Tensor) {
		all["lm_head.weight"] = all["transformer.wte.weight"]
	}},
	{name: "gpt2 with another head", config: "gpt2", tensors: func(all map[string]format.Tensor) {
		all["lm_head.weight"] = zeros(11, 6)
	}, err: "transformer.wte.weight differs from lm_head.weight, both are transformer.wte.weight by the config"},
	{name: "gpt2 with one tensor twice", config: "gpt2", tensors: func(all map[string]format.Tensor) {
		all["ln_f.bias"] = zeros(6)
		all["ln_f.weight"] = zeros(6)
	}, err: "both are transformer.ln_f.weight"},
	{name: "llama without model.", config: "llama", tensors: renamed(func(s string) string { return strings.TrimPrefix(s, "model.") })},
	{name: "llama with frequencies", config: "llama", tensors: func(all map[string]format.Tensor) {
		all["model.layers.0.self_attn.rotary_emb.inv_freq"] = zeros(1)
		all["model.layers.0.self_attn.rotary_emb.cos_cached"] = zeros(1, 1, 8, 2)
		all["model.layers.1.self_attn.rotary_emb.sin_cached"] = zeros(1, 1, 8, 2)
	}},
	{name: "llama without a head", config: "llama", tensors: func(all map[string]format.Tensor) { delete(all, "lm_head.weight") },
		err: "1 tensors of the model are not in the file: lm_head.weight; the file has model.embed_tokens.weight, model.layers.0."},
	{name: "names of something else", config: "llama", tensors: renamed(func(s string) string { return strings.ReplaceAll(s, "weight", "w") }),
		err: "not in the file: model.embed_tokens.weight, model.layers.0.input_layernorm.weight, model.layers.0.self_attn.q_proj.weight, model.layers.0.self_attn.k_proj.weight, model.layers.0.self_attn.v_proj.weight, …; the file has lm_head.w, model.embed_tokens.w, "},
	{name: "llama with too much", config: "llama", tensors: func(all map[string]format.Tensor) { all["model.layers.2.mlp.up_proj.weight"] = zeros(10, 8) },
		err: "1 tensors of the file are not of the model: model.layers.2.mlp.up_proj.weight"},
	{name: "another shape", config: "llama", tensors: func(all map[string]format.Tensor) { all["model.norm.weight"] = zeros(9) },
		err: "tensor model.norm.weight has shape [9], the config asks for [8]"},
	{name: "another vocabulary", config: "gpt2", tensors: func(all map[string]format.Tensor) { all["transformer.wte.weight"] = zeros(12, 6) },
		err: "tensor transformer.wte.weight has shape [12 6], the config asks for [11 6]"},
	{name: "a transposed matrix", config: "gpt2", tensors: func(all map[string]format.Tensor) { all["transformer.h.0.attn.c_attn.weight"] = zeros(18, 6) },
		err: "tensor transformer.h.0.attn.c_attn.weight has shape [18 6], the config asks for [6 18]"},
	{name: "a vector for a matrix", config: "gpt2", tensors: func(all map[string]format.Tensor) { all["transformer.h.0.mlp.c_fc.weight"] = zeros(6) },
		err: "tensor transformer.h.0.mlp.c_fc.weight: has shape [6], want a matrix"},
	{name: "integers", config: "llama", tensors: func(all map[string]format.Tensor) {
		x := all["model.norm.weight"]
		x.DType = format.I32
		all["model.norm.weight"] = x
	}, err: "tensor model.norm.weight"},
}

func TestForeignFolders(t *testing.T) {
	d := tensor.Reference()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			lm := fresh(t, d, configs[tt.config])
			dir := t.TempDir()
			if err := model.Save(dir, lm, model.Generation{}); err != nil {
				t.Fatal(err)
			}
			rewrite(t, dir, tt.tensors)
			sameLoaded(t, d, dir, lm, tt.err)
		})
	}
}

// sameLoaded loads a folder: as a model that does what lm does, or where says is not empty with an error that says it
// and names the folder.
func sameLoaded(t *testing.T, d *tensor.Device, dir string, lm model.LM, says string) {
	t.Helper()
	l, err := model.Load(dir, d)
	if says != "" {
		if err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), dir) {
			t.Fatalf("error %v, want %q and the folder", err, says)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	testkit.SameBits(t, "logits", logits(l.LM, d), logits(lm, d))
}

// rewrite changes the tensors of a saved folder.
func rewrite(t *testing.T, dir string, change func(map[string]format.Tensor)) {
	t.Helper()
	w, err := format.OpenWeights(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]format.Tensor{}
	for _, name := range w.Names() {
		all[name], _ = w.Tensor(name)
	}
	change(all)
	var list []format.Tensor
	for name, x := range all {
		x.Name, x.Data = name, slices.Clone(x.Data)
		list = append(list, x)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := format.WriteSafetensors(filepath.Join(dir, "model.safetensors"), nil, list); err != nil {
		t.Fatal(err)
	}
}

// TestHalfWeights loads bf16 files: mapped as they are, or widened to train.
func TestHalfWeights(t *testing.T) {
	d := tensor.Reference()
	dir := t.TempDir()
	if err := model.Save(dir, fresh(t, d, configs["llama"]), model.Generation{}); err != nil {
		t.Fatal(err)
	}
	rewrite(t, dir, func(all map[string]format.Tensor) {
		for name, x := range all {
			half := make([]byte, 0, len(x.Data)/2)
			for i := 0; i < len(x.Data); i += 4 {
				half = append(half, x.Data[i+2], x.Data[i+3]) // the upper half of a float32 is a bf16
			}
			x.DType, x.Data = format.BF16, half
			all[name] = x
		}
	})
	mapped, err := model.Load(dir, d)
	if err != nil {
		t.Fatal(err)
	}
	defer mapped.Close()
	wide, err := model.LoadForTraining(dir, d)
	if err != nil {
		t.Fatal(err)
	}
	defer wide.Close()
	if got := mapped.LM.(*gpt.Llama).Blocks[0].MLP.Up.W.DType(); got != tensor.BF16 {
		t.Errorf("mapped weights are %v, want bf16", got)
	}
	if got := wide.LM.(*gpt.Llama).Blocks[0].MLP.Up.W.DType(); got != tensor.F32 {
		t.Errorf("weights to train are %v, want f32", got)
	}
	testkit.Close(t, "logits", logits(mapped.LM, d), logits(wide.LM, d), 1e-5, 1e-6)
}

func TestBuildRefuses(t *testing.T) {
	tests := []struct{ name, config, err string }{
		{"no type", `{}`, "no model_type"},
		{"unknown type", `{"model_type":"mamba"}`, `unknown model_type "mamba"; known are gemma2, gemma3, `},
		{"no JSON", `{"model_type":`, "model: config"},
		{"wrong JSON type", `{"model_type":"gpt2","n_embd":"wide"}`, "n_embd"},
		{"absent dimension", `{"model_type":"gpt2","vocab_size":3,"n_positions":4,"n_layer":1,"n_head":2}`, "n_embd is 0"},
		{"gpt2 heads", `{"model_type":"gpt2","vocab_size":3,"n_positions":4,"n_embd":7,"n_layer":1,"n_head":2}`, "n_embd 7 is not a multiple of n_head 2"},
		{"gpt2 activation", `{"model_type":"gpt2","vocab_size":3,"n_positions":4,"n_embd":8,"n_layer":1,"n_head":2,"activation_function":"mish"}`, `activation_function "mish"`},
		{"gpt2 variant", `{"model_type":"gpt2","vocab_size":3,"n_positions":4,"n_embd":8,"n_layer":1,"n_head":2,"add_cross_attention":true}`, "add_cross_attention"},
		{"absurd layers", `{"model_type":"gpt2","vocab_size":3,"n_positions":4,"n_embd":8,"n_layer":1000000000,"n_head":2}`, "n_layer is 1000000000"},
		{"llama width", `{"model_type":"llama","vocab_size":3,"hidden_size":10,"intermediate_size":8,"num_hidden_layers":1,"num_attention_heads":4}`, "hidden_size 10 is not a multiple of num_attention_heads 4"},
		{"llama groups", `{"model_type":"llama","vocab_size":3,"hidden_size":8,"intermediate_size":8,"num_hidden_layers":1,"num_attention_heads":4,"num_key_value_heads":3}`, "not a multiple of num_key_value_heads 3"},
		{"odd head", `{"model_type":"llama","vocab_size":3,"hidden_size":6,"intermediate_size":8,"num_hidden_layers":1,"num_attention_heads":2}`, "head_dim 3 is odd"},
		{"llama activation", `{"model_type":"llama","vocab_size":3,"hidden_size":8,"intermediate_size":8,"num_hidden_layers":1,"num_attention_heads":2,"hidden_act":"gelu"}`, `hidden_act "gelu"`},
		{"rope", `{"model_type":"llama","vocab_size":3,"hidden_size":8,"intermediate_size":8,"num_hidden_layers":1,"num_attention_heads":2,"rope_scaling":{"rope_type":"spiral","factor":2}}`, `rope_type "spiral"`},
		{"negative layers", `{"model_type":"llama","vocab_size":3,"hidden_size":8,"intermediate_size":8,"num_hidden_layers":-1,"num_attention_heads":2}`, "num_hidden_layers is -1"},
		{"quantised", `{"model_type":"llama","vocab_size":3,"hidden_size":8,"intermediate_size":8,"num_hidden_layers":1,"num_attention_heads":2,"quantization_config":{"quant_method":"awq","bits":4}}`, `quant_method "awq"`},
		{"quantised by MLX", `{"model_type":"llama","vocab_size":3,"hidden_size":8,"intermediate_size":8,"num_hidden_layers":1,"num_attention_heads":2,"quantization":{"group_size":64,"bits":4}}`, `quantization, of 4 bits, as MLX writes it`},
		{"canon width", `{"model_type":"inkstone_canon_llama","vocab_size":3,"hidden_size":8,"intermediate_size":8,"num_hidden_layers":1,"num_attention_heads":2,"canon_width":1000}`, "canon_width is 1000"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := model.Build([]byte(tt.config))
			if err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("error %v, want %q", err, tt.err)
			}
		})
	}
}

// FuzzBuild looks for a config.json that panics or asks for more memory than a
// file of its size justifies.
func FuzzBuild(f *testing.F) {
	for _, config := range configs {
		f.Add([]byte(config))
	}
	f.Add([]byte(`{"model_type":"llama","rope_scaling":{"rope_type":"llama3","factor":8,"low_freq_factor":1,"high_freq_factor":4,"original_max_position_embeddings":8192}}`))
	f.Fuzz(func(t *testing.T, config []byte) {
		m, err := model.Build(config)
		if err == nil && model.Parameters(m) < 1 {
			t.Errorf("a model of %d parameters from %s", model.Parameters(m), config)
		}
	})
}

func TestCheckVocabulary(t *testing.T) {
	lm, err := model.BuildLM([]byte(configs["llama"]))
	if err != nil {
		t.Fatal(err)
	}
	for size, ok := range map[int]bool{10: true, 11: true, 12: false} {
		if err := model.CheckVocabulary(lm, size); (err == nil) != ok {
			t.Errorf("a tokenizer of %d ids for a vocabulary of 11: %v", size, err)
		}
	}
}

func TestGenerationIDs(t *testing.T) {
	for text, want := range map[string]model.IDs{`7`: {7}, `[7,8]`: {7, 8}, `[]`: {}, `null`: nil} {
		var got model.IDs
		if err := json.Unmarshal([]byte(text), &got); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: got %v, %v, want %v", text, got, err, want)
		}
		if b, err := json.Marshal(want); err != nil || string(b) != text {
			t.Errorf("%v: got %s, %v, want %s", want, b, err, text)
		}
	}
	var got model.IDs
	if err := json.Unmarshal([]byte(`"x"`), &got); err == nil {
		t.Error("a string passed for ids")
	}
}
