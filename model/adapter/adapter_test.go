package adapter_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/model/adapter"
	_ "github.com/inkstone-ai/inkstone/model/gpt"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// goldens are the folders that testdata/golden.py wrote.
var goldens = []string{"llama", "llama-rslora", "llama-dora", "gpt2", "gpt2-dora"}

// near is what float32's rounding leaves between two sums of few numbers.
const near = 1e-6

// TestEqualsPEFT: the merged weights are those of PEFT's merge_and_unload, and what each module gives with them is what
// PEFT's layer gave while the adapter was beside it.
func TestEqualsPEFT(t *testing.T) {
	for _, name := range goldens {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join("testdata", name)
			merged := weights(t, load(t, filepath.Join(dir, "base"), filepath.Join(dir, "adapter")))
			golden := open(t, filepath.Join(dir, "golden.safetensors"))
			base := open(t, filepath.Join(dir, "base"))
			changed := 0
			for _, key := range golden.Names() {
				if module, ok := strings.CutSuffix(key, ".x"); ok {
					x, y := numbers(t, golden, key), numbers(t, golden, module+".y")
					if d := furthest(answer(t, x, merged, module, len(y)), y); d > 10*near {
						t.Errorf("%s: outputs are %g apart", module, d)
					}
				}
				if weight, ok := strings.CutSuffix(key, ".merged"); ok {
					want := numbers(t, golden, key)
					if d := furthest(floats(t, merged[weight]), want); d > near {
						t.Errorf("%s: weights are %g apart", weight, d)
					}
					if furthest(numbers(t, base, weight), want) > 0.01 {
						changed++
					}
				}
			}
			if l, err := adapter.Open(filepath.Join(dir, "adapter")); err != nil || l.Weights() != changed || l.Base() != "tiny" {
				t.Errorf("%d weights differ from the base's: %+v, %v", changed, l, err)
			} else {
				l.Close()
			}
		})
	}
}

// answer is y = x·W + b for a few rows of x, whichever way W lies; of an embedding x are ids.
func answer(t *testing.T, x []float32, merged map[string]format.Tensor, module string, n int) []float32 {
	t.Helper()
	W := merged[module+".weight"]
	w, bias, cols := floats(t, W), make([]float32, n), W.Shape[1]
	if b, ok := merged[module+".bias"]; ok {
		bias = floats(t, b)
	}
	const N = 5 // rows of x
	out := make([]float32, n)
	if len(x) == N {
		for i, id := range x {
			copy(out[i*cols:], w[int(id)*cols:][:cols])
		}
		return out
	}
	in, width := len(x)/N, n/N
	conv1D := strings.Contains(W.Name, ".c_")
	for i := range n {
		row, o := i/width, i%width
		sum := float64(bias[o])
		for k := range in {
			at := o*cols + k
			if conv1D { // (in, out)
				at = k*cols + o
			}
			sum += float64(x[row*in+k]) * float64(w[at])
		}
		out[i] = float32(sum)
	}
	return out
}

// TestGGUFBase: a base that is a GGUF file, whose names and layout are others, takes the same adapter.
func TestGGUFBase(t *testing.T) {
	for _, name := range goldens {
		dir := filepath.Join("testdata", name)
		file := filepath.Join(t.TempDir(), "base.gguf")
		if err := model.SaveGGUF(file, load(t, filepath.Join(dir, "base")), model.GGUFOptions{}); err != nil {
			t.Fatal(err)
		}
		want := weights(t, load(t, filepath.Join(dir, "base"), filepath.Join(dir, "adapter")))
		for weight, got := range weights(t, load(t, file, filepath.Join(dir, "adapter"))) {
			if d := furthest(floats(t, got), floats(t, want[weight])); d != 0 {
				t.Errorf("%s: %s is %g apart", name, weight, d)
			}
		}
	}
}

// TestRoundedOnce: a base of BF16 keeps its type, and its weights are the sums rounded once, also where two adapters are
// added; an exact stack has the sums.
func TestRoundedOnce(t *testing.T) {
	dir := filepath.Join("testdata", "llama-rslora")
	base, add := filepath.Join(t.TempDir(), "bf16"), filepath.Join(dir, "adapter")
	if err := model.SaveFolder(&format.Folder{Dir: base}, load(t, filepath.Join(dir, "base")), model.FolderOptions{Type: format.BF16}); err != nil {
		t.Fatal(err)
	}
	exact := loadStack(t, base, true, add, add)
	kept := loadStack(t, base, false, add, add)
	want := weights(t, exact)
	nn.Walk(exact, func(p nn.Param) {
		if changed := strings.Contains(p.Name, "layers.1.") && strings.HasSuffix(p.Name, "_proj.weight") && !strings.Contains(p.Name, "down"); changed != (p.Tensor.DType() == tensor.F32) {
			t.Errorf("exact: %s is %s", p.Name, p.Tensor.DType())
		}
	})
	nn.Walk(kept, func(p nn.Param) {
		if p.Tensor.DType() != tensor.BF16 {
			t.Errorf("kept: %s is %s", p.Name, p.Tensor.DType())
		}
	})
	for name, got := range weights(t, kept) {
		x := floats(t, want[name])
		rounded, err := format.Quantise(format.BF16, x, len(x), nil, 1)
		if err != nil {
			t.Fatal(err)
		}
		if y := floats(t, format.Tensor{DType: format.BF16, Shape: []int{len(x)}, Data: rounded}); furthest(y, floats(t, got)) != 0 {
			t.Errorf("%s is not the sum rounded once", name)
		}
	}
}

// TestTypes: adapters in half the bits are read as the numbers that they are.
func TestTypes(t *testing.T) {
	for _, dt := range []format.DType{format.F16, format.BF16} {
		dir := copied(t, "llama")
		rewrite(t, dir, func(all map[string]format.Tensor) {
			for key, x := range all {
				f := floats(t, x)
				b, err := format.Quantise(dt, f, len(f), nil, 1)
				if err != nil {
					t.Fatal(err)
				}
				all[key] = format.Tensor{Name: key, DType: dt, Shape: x.Shape, Data: b}
			}
		})
		want := weights(t, load(t, "testdata/llama/base", "testdata/llama/adapter"))
		for name, got := range weights(t, load(t, "testdata/llama/base", dir)) {
			if d := furthest(floats(t, got), floats(t, want[name])); d > 0.05 {
				t.Errorf("%s: %s is %g apart", dt, name, d)
			}
		}
	}
}

const q0 = "base_model.model.model.layers.0.self_attn.q_proj."

// TestRefuses: what is not right is an error that names it, when the adapter is opened or added.
func TestRefuses(t *testing.T) {
	set := func(key string, value any) func(*testing.T, string) {
		return func(t *testing.T, dir string) { configure(t, dir, key, value) }
	}
	change := func(f func(all map[string]format.Tensor)) func(*testing.T, string) {
		return func(t *testing.T, dir string) { rewrite(t, dir, f) }
	}
	put := func(key string, shape ...int) func(*testing.T, string) {
		return change(func(all map[string]format.Tensor) {
			n := 1
			for _, d := range shape {
				n *= d
			}
			all[key] = format.FromF32(key, make([]float32, n), shape...)
		})
	}
	drop := func(key string) func(*testing.T, string) {
		return change(func(all map[string]format.Tensor) { delete(all, key) })
	}
	tests := []struct {
		name, of string
		harm     func(t *testing.T, dir string)
		says     string
	}{
		{"no config", "llama", func(t *testing.T, dir string) { os.Remove(filepath.Join(dir, "adapter_config.json")) }, "PEFT's save_pretrained"},
		{"no weights", "llama", func(t *testing.T, dir string) { os.Remove(filepath.Join(dir, "adapter_model.safetensors")) }, "neither adapter_model.safetensors nor adapter_model.bin"},
		{"config is no JSON", "llama", func(t *testing.T, dir string) { write(t, filepath.Join(dir, "adapter_config.json"), "{") }, "adapter_config.json: unexpected end"},
		{"config is null", "llama", func(t *testing.T, dir string) { write(t, filepath.Join(dir, "adapter_config.json"), "null") }, `peft_type is ""`},
		{"another method", "llama", set("peft_type", "IA3"), `peft_type is "IA3"`},
		{"rank 0", "llama", set("r", 0), "r is 0"},
		{"another rank", "llama", set("r", 3), "model.embed_tokens.lora_embedding_A has shape [2 11], a rank of 2, but adapter_config.json asks for 3"},
		{"rank_pattern of 0", "llama", set("rank_pattern", map[string]int{"q_proj": 0}), `rank_pattern "q_proj" is 0`},
		{"rank_pattern of another rank", "llama", set("rank_pattern", map[string]int{"q_proj": 4}), "asks for 4"},
		{"a pattern that is none", "llama", set("alpha_pattern", map[string]int{"(": 4}), `the pattern "("`},
		{"no alpha", "llama", set("lora_alpha", nil), "lora_alpha is missing"},
		{"no targets", "llama", set("target_modules", nil), "target_modules is missing"},
		{"bias", "llama", set("bias", "some"), `bias is "some"`},
		{"biases that the file has not", "gpt2-dora", drop("base_model.model.transformer.h.0.ln_1.bias"), "bias is all, but the file has no transformer.h.0.ln_1.bias"},
		{"PiSSA", "llama", set("init_lora_weights", "pissa_niter_16"), `init_lora_weights is "pissa_niter_16"`},
		{"an unknown setting", "llama", set("use_qalora", true), "use_qalora is set"},
		{"layers replicated", "llama", set("layer_replication", [][]int{{0, 2}}), "layer_replication is set"},
		{"target of no tensor", "llama", set("target_modules", []string{"down_proj", "q_proj", "v_proj", "embed_tokens", "k_proj"}), "target_modules names model.layers.0.self_attn.k_proj"},
		{"tensor of no target", "llama", set("target_modules", []string{"q_proj", "v_proj", "embed_tokens"}), "does not name model.layers.0.mlp.down_proj"},
		{"excluded", "llama", set("exclude_modules", []string{"v_proj"}), "does not name model.layers.0.self_attn.v_proj"},
		{"another layer", "llama-rslora", set("layers_to_transform", 0), "does not name model.layers.1."},
		{"a layer more", "llama-rslora", set("layers_to_transform", []int{0, 1}), "target_modules names model.layers.0."},
		{"other layers", "llama-rslora", set("layers_pattern", "h"), "does not name model.layers.1."},
		{"a full weight that nobody names", "llama", set("modules_to_save", []string{"norm"}), "modules_to_save of adapter_config.json does not name lm_head"},
		{"a full weight that is missing", "llama", drop("base_model.model.model.layers.0.input_layernorm.weight"), "the file has no model.layers.0.input_layernorm.weight"},
		{"a misshapen full weight", "llama", put("base_model.model.model.norm.weight", 9), "shape [9], but model.norm.weight of the model has [8]"},
		{"a full weight that is a number", "llama", put("base_model.model.model.norm.weight"), "shape []"},
		{"DoRA without lengths", "llama-rslora", set("use_dora", true), "has no lora_magnitude_vector"},
		{"lengths without DoRA", "llama-dora", set("use_dora", false), "is of DoRA, but use_dora is not set"},
		{"misshapen lengths", "llama-dora", put(q0+"lora_magnitude_vector", 7), "has shape [7], want [8]"},
		{"DoRA of an embedding", "llama", set("use_dora", true), "use_dora"},
		{"no A", "llama", drop(q0 + "lora_A.weight"), "q_proj has no lora_A"},
		{"no B", "llama", drop(q0 + "lora_B.weight"), "q_proj has no lora_B"},
		{"neither", "llama", func(t *testing.T, dir string) { drop(q0+"lora_A.weight")(t, dir); drop(q0+"lora_B.weight")(t, dir) }, "target_modules names model.layers.0.self_attn.q_proj"},
		{"a convolution", "llama", put(q0+"lora_A.weight", 4, 8, 1, 1), "adapters of convolutions"},
		{"another width", "llama", put(q0+"lora_A.weight", 4, 9), "shape [8 9], but model.layers.0.self_attn.q_proj.weight of the model has [8 8]; the adapter was made for \"tiny\""},
		{"another height", "llama", put(q0+"lora_B.weight", 7, 4), "shape [7 8]"},
		{"empty", "llama", put(q0+"lora_A.weight", 4, 0), "shape [8 0]"},
		{"a module that the model has not", "llama", func(t *testing.T, dir string) {
			put("base_model.model.model.layers.7.self_attn.v_proj.lora_A.weight", 2, 8)(t, dir)
			put("base_model.model.model.layers.7.self_attn.v_proj.lora_B.weight", 4, 2)(t, dir)
		}, "the model has no weight model.layers.7.self_attn.v_proj.weight"},
		{"a norm", "llama", func(t *testing.T, dir string) {
			configure(t, dir, "target_modules", "all-linear")
			put("base_model.model.model.layers.0.input_layernorm.lora_A.weight", 2, 8)(t, dir)
			put("base_model.model.model.layers.0.input_layernorm.lora_B.weight", 1, 2)(t, dir)
		}, "input_layernorm.weight is a gain of the model, no matrix"},
		{"an embedding as a matrix", "llama", func(t *testing.T, dir string) {
			drop("base_model.model.model.embed_tokens.lora_embedding_A")(t, dir)
			drop("base_model.model.model.embed_tokens.lora_embedding_B")(t, dir)
			put("base_model.model.model.embed_tokens.lora_A.weight", 2, 8)(t, dir)
			put("base_model.model.model.embed_tokens.lora_B.weight", 11, 2)(t, dir)
		}, "lora_embedding is for a table"},
		{"both kinds", "llama", put("base_model.model.model.embed_tokens.lora_A.weight", 2, 8), "model.embed_tokens has both lora_ and lora_embedding_ tensors"},
		{"two adapters", "llama", put(q0+"lora_A.other.weight", 4, 8), `the file has the adapters "" and "other"`},
		{"twice", "llama", put("base_model.model.lm_head.modules_to_save.weight", 11, 8), "lm_head.weight: differs from base_model.model.lm_head.modules_to_save.weight"},
		{"another prefix", "llama", put("lora_A.weight", 4, 8), "does not begin with base_model.model."},
		{"an unknown part", "llama", put(q0+"lora_C", 4, 8), "is not known"},
		{"too long", "llama", put(q0+"lora_A.x.y.weight", 4, 8), "too much follows"},
		{"a bias of the adapter", "llama", put(q0+"lora_B.bias", 8), "lora_bias"},
		{"an empty name", "llama", put("base_model.model..lora_A.weight", 4, 8), "has an empty part"},
		{"no module", "llama", put("base_model.model.weight", 4, 8), "names no module"},
		{"whole numbers", "llama", change(func(all map[string]format.Tensor) {
			all[q0+"lora_A.weight"] = format.Tensor{Name: q0 + "lora_A.weight", DType: format.I32, Shape: []int{4, 8}, Data: make([]byte, 128)}
		}), "has type I32"},
		{"NaN", "llama", change(func(all map[string]format.Tensor) {
			x := make([]float32, 32)
			x[3] = float32(math.NaN())
			all[q0+"lora_A.weight"] = format.FromF32(q0+"lora_A.weight", x, 4, 8)
		}), "q_proj.lora_A.weight: element 3, row 0 column 3, is NaN"},
		{"NaN in a full weight", "llama", change(func(all map[string]format.Tensor) {
			all["base_model.model.model.norm.weight"] = format.FromF32("base_model.model.model.norm.weight", []float32{1, 1, float32(math.NaN()), 1, 1, 1, 1, 1}, 8)
		}), "model.norm.weight: element 2"},
		{"a sum beyond float32", "llama", set("lora_alpha", 1e300), "model.embed_tokens.weight of base and adapter together: element"},
		{"a length of DoRA that is infinite", "llama-dora", change(func(all map[string]format.Tensor) {
			x := []float32{1, 1, 1, 1, 1, 1, 1, float32(math.Inf(1))}
			all[q0+"lora_magnitude_vector"] = format.FromF32(q0+"lora_magnitude_vector", x, 8)
		}), "lora_magnitude_vector: element 7"},
		{"cut off", "llama", func(t *testing.T, dir string) { cut(t, filepath.Join(dir, "adapter_model.safetensors")) }, "adapter_model.safetensors"},
		{"a cut .bin", "gpt2", func(t *testing.T, dir string) { cut(t, filepath.Join(dir, "adapter_model.bin")) }, "adapter_model.bin"},
		{"nothing", "llama", change(func(all map[string]format.Tensor) { clear(all) }), "the file has no tensor of a LoRA"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := copied(t, tt.of)
			tt.harm(t, dir)
			err := added(t, "testdata/"+tt.of+"/base", dir)
			if err == nil || !strings.Contains(err.Error(), tt.says) || !strings.Contains(err.Error(), dir) {
				t.Errorf("%v, want %q", err, tt.says)
			}
		})
	}
}

// TestOtherModels: an adapter of another architecture or of other widths, a tied head.
func TestOtherModels(t *testing.T) {
	if err := added(t, "testdata/llama/base", "testdata/gpt2/adapter"); err == nil || !strings.Contains(err.Error(), "the model has no weight transformer.h.0.attn.c_attn.weight") {
		t.Error(err)
	}
	tied := filepath.Join(t.TempDir(), "tied")
	d := tensor.CPU(1)
	defer d.Close()
	config, err := os.ReadFile("testdata/llama/base/config.json")
	if err != nil {
		t.Fatal(err)
	}
	lm, err := model.BuildLM([]byte(strings.Replace(string(config), `"tie_word_embeddings": false`, `"tie_word_embeddings": true`, 1)))
	if err != nil {
		t.Fatal(err)
	}
	nn.Init(lm, d, 1)
	if err := model.Save(tied, lm, model.Generation{}); err != nil {
		t.Fatal(err)
	}
	if err := added(t, tied, "testdata/llama/adapter"); err == nil || !strings.Contains(err.Error(), "the model's head is its embedding model.embed_tokens.weight") {
		t.Error(err)
	}
	if err := added(t, tied, "testdata/llama-dora/adapter"); err != nil {
		t.Error(err)
	}
	if err := added(t, "testdata/llama/base", filepath.Join(tied, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

// TestNames: forms of PEFT's names that mean the same.
func TestNames(t *testing.T) {
	same := map[string]func(all map[string]format.Tensor){
		"an adapter's name": func(all map[string]format.Tensor) {
			for key := range maps.Clone(all) {
				for old, now := range map[string]string{"lora_A.weight": "lora_A.story.weight", "lora_B.weight": "lora_B.story.weight", "lora_embedding_A": "lora_embedding_A.story", "lora_embedding_B": "lora_embedding_B.story"} {
					if module, ok := strings.CutSuffix(key, old); ok {
						all[module+now] = all[key]
						delete(all, key)
					}
				}
			}
		},
		"a wrapper's name": func(all map[string]format.Tensor) {
			all["base_model.model.lm_head.modules_to_save.story.weight"] = all["base_model.model.lm_head.weight"]
			for _, other := range []string{"weight", "modules_to_save.weight", "original_module.weight"} {
				delete(all, "base_model.model.lm_head."+other)
			}
		},
		"a model without a head": func(all map[string]format.Tensor) {
			for key := range maps.Clone(all) {
				if rest, ok := strings.CutPrefix(key, "base_model.model.model.layers.1."); ok {
					all["base_model.model.layers.1."+rest] = all[key]
					delete(all, key)
				}
			}
		},
	}
	want := weights(t, load(t, "testdata/llama/base", "testdata/llama/adapter"))
	for name, rename := range same {
		t.Run(name, func(t *testing.T) {
			dir := copied(t, "llama")
			rewrite(t, dir, rename)
			for weight, got := range weights(t, load(t, "testdata/llama/base", dir)) {
				if furthest(floats(t, got), floats(t, want[weight])) != 0 {
					t.Errorf("%s differs", weight)
				}
			}
		})
	}
}

// TestTargets: ways to name the same modules.
func TestTargets(t *testing.T) {
	for _, targets := range []any{"all-linear", `model\.layers\.1\.(self_attn|mlp)\.(q|k|v|o|up|gate)_proj`, `(?!vision).*_proj`, []string{"q_proj", "self_attn.k_proj", "v_proj", "o_proj", "mlp.up_proj", "gate_proj"}} {
		dir := copied(t, "llama-rslora")
		configure(t, dir, "target_modules", targets)
		if err := added(t, "testdata/llama-rslora/base", dir); err != nil {
			t.Errorf("%v: %v", targets, err)
		}
	}
}

// TestLaterSettings: what PEFT 0.20 writes beside the settings of the golden adapters, unset, changes nothing.
func TestLaterSettings(t *testing.T) {
	dir := copied(t, "llama")
	for key, value := range map[string]any{
		"alora_invocation_tokens": nil, "arrow_config": nil, "corda_config": nil, "ensure_weight_tying": false, "eva_config": nil, "exclude_modules": nil,
		"kasa_config": nil, "lora_bias": false, "lora_ga_config": nil, "monteclora_config": nil, "peft_version": "0.20.0", "qalora_group_size": 16,
		"target_parameters": nil, "trainable_token_indices": nil, "use_bdlora": nil, "use_qalora": false, "velora_config": nil,
	} {
		configure(t, dir, key, value)
	}
	if err := added(t, "testdata/llama/base", dir); err != nil {
		t.Error(err)
	}
}

// FuzzOpen: whatever settings and a tensor's name are, the adapter is added or refused.
func FuzzOpen(f *testing.F) {
	for _, name := range goldens {
		b, err := os.ReadFile(filepath.Join("testdata", name, "adapter", "adapter_config.json"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, q0+"lora_A.weight", uint8(2), uint8(8))
		f.Add(b, "base_model.model.model.embed_tokens.lora_embedding_B", uint8(8), uint8(2))
	}
	f.Add([]byte(`{"peft_type":"LORA","r":2,"lora_alpha":1,"target_modules":"x"}`), "base_model.model.x.modules_to_save.bias", uint8(1), uint8(0))
	f.Fuzz(func(t *testing.T, config []byte, key string, rows, cols uint8) {
		dir := t.TempDir()
		write(t, filepath.Join(dir, "adapter_config.json"), string(config))
		b := format.FromF32(q0+"lora_B.weight", make([]float32, 16), 8, 2)
		a := format.FromF32(key, make([]float32, int(rows)*int(cols)), int(rows), int(cols))
		if key == b.Name || format.WriteSafetensors(filepath.Join(dir, "adapter_model.safetensors"), nil, []format.Tensor{a, b}) != nil {
			return
		}
		if l, err := adapter.Open(dir); err == nil {
			l.Close()
			_ = added(t, "testdata/llama/base", dir)
		}
	})
}

// added adds an adapter to a model and says what is wrong.
func added(t *testing.T, base, dir string) error {
	t.Helper()
	stack, err := adapter.OpenStack(dir)
	if err != nil {
		return err
	}
	defer stack.Close()
	d := tensor.CPU(1)
	defer d.Close()
	l, err := model.Load(base, d, stack)
	if err != nil {
		return err
	}
	return l.Close()
}

// load opens a model with adapters.
func load(t *testing.T, path string, dirs ...string) model.LM {
	t.Helper()
	return loadStack(t, path, false, dirs...)
}

func loadStack(t *testing.T, path string, exact bool, dirs ...string) model.LM {
	t.Helper()
	stack, err := adapter.OpenStack(dirs...)
	if err != nil {
		t.Fatal(err)
	}
	defer stack.Close() // the model does not need it any more
	stack.Exact = exact
	d := tensor.CPU(1)
	l, err := model.Load(path, d, stack)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close(); d.Close() })
	return l.LM
}

// weights are a model's as Hugging Face's file has them, GPT-2's without "transformer." in front.
func weights(t *testing.T, lm model.LM) map[string]format.Tensor {
	t.Helper()
	all := map[string]format.Tensor{}
	nn.Walk(lm, func(p nn.Param) {
		b := make([]byte, p.Tensor.Bytes())
		p.Tensor.ReadBytes(b)
		x := format.Tensor{Name: p.Name, DType: format.DType(strings.ToUpper(p.Tensor.DType().String())), Shape: p.Tensor.Shape(), Data: b}
		if e, ok := lm.(model.Exporter); ok {
			var err error
			if x, err = e.Export(x); err != nil {
				t.Fatal(err)
			}
		}
		all[strings.TrimPrefix(x.Name, "transformer.")] = x
	})
	return all
}

func open(t *testing.T, path string) format.Weights {
	t.Helper()
	w, err := format.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

func floats(t *testing.T, x format.Tensor) []float32 {
	t.Helper()
	f, err := format.F32s(x)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func numbers(t *testing.T, w format.Weights, name string) []float32 {
	t.Helper()
	x, ok := w.Tensor(name)
	if !ok {
		t.Fatalf("no tensor %s", name)
	}
	return floats(t, x)
}

// furthest is the largest difference; infinite where lengths differ or a number is none.
func furthest(a, b []float32) float64 {
	if len(a) != len(b) {
		return math.Inf(1)
	}
	most := 0.0
	for i := range a {
		d := math.Abs(float64(a[i]) - float64(b[i]))
		if math.IsNaN(d) {
			return math.Inf(1)
		}
		most = max(most, d)
	}
	return most
}

// copied is a golden adapter that may be changed.
func copied(t *testing.T, name string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", name, "adapter"))); err != nil {
		t.Fatal(err)
	}
	return dir
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

func cut(t *testing.T, path string) {
	t.Helper()
	info, err := os.Stat(path)
	if err == nil {
		err = os.Truncate(path, info.Size()-40)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// configure changes a setting.
func configure(t *testing.T, dir, key string, value any) {
	t.Helper()
	path := filepath.Join(dir, "adapter_config.json")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]any
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatal(err)
	}
	all[key] = value
	if b, err = json.Marshal(all); err != nil {
		t.Fatal(err)
	}
	write(t, path, string(b))
}

// rewrite changes an adapter's tensors.
func rewrite(t *testing.T, dir string, change func(all map[string]format.Tensor)) {
	t.Helper()
	path := filepath.Join(dir, "adapter_model.safetensors")
	w, err := format.OpenSafetensors(path)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]format.Tensor{}
	for _, key := range w.Names() {
		x, _ := w.Tensor(key)
		x.Data = slices.Clone(x.Data)
		all[key] = x
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	change(all)
	var list []format.Tensor
	for _, key := range slices.Sorted(maps.Keys(all)) {
		x := all[key]
		x.Name = key
		list = append(list, x)
	}
	if err := format.WriteSafetensors(path, nil, list); err != nil {
		t.Fatal(err)
	}
}
