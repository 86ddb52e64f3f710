package inkstone_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/nn"
)

// randomAdapter writes a LoRA of every matrix of a model's blocks, as PEFT would.
func randomAdapter(t *testing.T, config string, seed uint64) string {
	t.Helper()
	lm, err := model.BuildLM([]byte(config))
	if err != nil {
		t.Fatal(err)
	}
	dir, r := t.TempDir(), rand.New(rand.NewPCG(seed, 1))
	const rank = 4
	var tensors []format.Tensor
	add := func(name string, shape ...int) {
		x := make([]float32, shape[0]*shape[1])
		for i := range x {
			x[i] = float32(r.NormFloat64() * 0.06)
		}
		tensors = append(tensors, format.FromF32("base_model.model."+name, x, shape...))
	}
	nn.Walk(lm, func(p nn.Param) {
		if p.Role == nn.Matrix {
			module := strings.TrimSuffix(p.Name, ".weight")
			add(module+".lora_A.weight", rank, p.Tensor.Dim(1))
			add(module+".lora_B.weight", p.Tensor.Dim(0), rank)
		}
	})
	if err := format.WriteSafetensors(filepath.Join(dir, "adapter_model.safetensors"), nil, tensors); err != nil {
		t.Fatal(err)
	}
	write(filepath.Join(dir, "adapter_config.json"), fmt.Sprintf(`{"peft_type":"LORA","r":%d,"lora_alpha":8,"target_modules":"all-linear","base_model_name_or_path":"org/base"}`, rank))
	return dir
}

// TestVerifyAdapters: of each architecture a model with an adapter is what convert merges, in F32 and in Q8_0, from a folder
// and from a GGUF file; without the adapter it is not.
func TestVerifyAdapters(t *testing.T) {
	var runs strings.Builder // see TestVerifyArchitectures
	for c := '0'; c < 'P'; c++ {
		runs.WriteString(strings.Repeat(string(c), 8))
	}
	text := book(t, runs.String())
	for _, kind := range model.GGUFTypes() {
		t.Run(kind, func(t *testing.T) {
			dir, lora, out := convertible(t, verifyConfig(kind)), randomAdapter(t, verifyConfig(kind), 7), t.TempDir()
			rewriteWeights(t, dir, sharpen)
			base, merged, small, again := filepath.Join(out, "base.gguf"), filepath.Join(out, "merged"), filepath.Join(out, "q8_0.gguf"), filepath.Join(out, "again")
			adapters := []string{lora}
			merge(t, dir, base, inkstone.ConvertOptions{})
			merge(t, dir, merged, inkstone.ConvertOptions{Adapters: adapters})
			merge(t, dir, small, inkstone.ConvertOptions{Adapters: adapters, Type: "Q8_0"})
			merge(t, base, again, inkstone.ConvertOptions{Adapters: adapters})
			for _, test := range []struct{ a, b, bound string }{{dir, merged, "F32"}, {dir, small, "Q8_0"}, {base, again, "F32"}} {
				o := inkstone.VerifyOptions{Text: text, Threads: 1, Adapters: adapters}
				v, err := inkstone.Verify(t.Context(), test.a, test.b, o)
				if err != nil {
					t.Fatal(err)
				}
				t.Logf("%s: largest difference %.2g, KL %.2g, top 1 %.3f", test.bound, v.Parity.MaxDiff, v.Parity.KL, v.Top1)
				if !v.OK || v.Bound.Type != test.bound || !slices.Equal(v.Adapters, adapters) || !slices.Equal(v.TypesA, []string{"F32"}) {
					t.Errorf("%s, bound %s, types %v: %q", test.bound, v.Bound.Type, v.TypesA, v.Failures)
				}
				o.Adapters = nil
				if v, err = inkstone.Verify(t.Context(), test.a, test.b, o); err != nil || v.OK {
					t.Errorf("%s without the adapter: %+v, %v", test.bound, v, err)
				}
			}
		})
	}
}

func merge(t *testing.T, in, out string, o inkstone.ConvertOptions) *inkstone.Conversion {
	t.Helper()
	o.Threads = 1
	c, err := inkstone.Convert(in, out, &o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestAdapterTypes: a base of BF16 stays that, rounded once; two adapters are added in order; a loaded model with an
// adapter is the merged one.
func TestAdapterTypes(t *testing.T) {
	out := t.TempDir()
	half, merged, gguf := filepath.Join(out, "bf16"), filepath.Join(out, "merged"), filepath.Join(out, "merged.gguf")
	dir := convertible(t, verifyConfig("llama"))
	two := []string{randomAdapter(t, verifyConfig("llama"), 7), randomAdapter(t, verifyConfig("llama"), 8)}
	merge(t, dir, half, inkstone.ConvertOptions{Type: "bf16"})
	c := merge(t, half, merged, inkstone.ConvertOptions{Adapters: two})
	if len(c.Tensors) != 1 || c.Tensors["BF16"] == 0 || len(c.Notes) != 2 || !strings.Contains(c.Notes[1], two[1]+`: weights changed: 14, rank 4, made for "org/base"`) {
		t.Errorf("%+v", c)
	}
	if c = merge(t, half, gguf, inkstone.ConvertOptions{Adapters: two, Type: "f32"}); c.Tensors["BF16"] != 0 {
		t.Errorf("%+v", c)
	}
	for b, bound := range map[string]string{merged: "BF16", gguf: "F32"} {
		v, err := inkstone.Verify(t.Context(), half, b, inkstone.VerifyOptions{Tokens: 100, Threads: 1, Adapters: two})
		if err != nil || !v.OK || v.Bound.Type != bound {
			t.Errorf("%s: %+v, %v", b, v, err)
		}
		if v, err = inkstone.Verify(t.Context(), half, b, inkstone.VerifyOptions{Tokens: 100, Threads: 1, Adapters: two[:1]}); err != nil || v.OK {
			t.Errorf("%s with one of two: %+v, %v", b, v, err)
		}
	}
	var losses [2]string
	for i, load := range []inkstone.LoadOptions{{Adapters: two}, {}} {
		load.Threads = 1
		m, err := inkstone.Load([]string{half, merged}[i], &load)
		if err != nil {
			t.Fatal(err)
		}
		r, err := m.Evaluate(t.Context(), inkstone.EvaluateOptions{Data: []string{book(t, counting)}})
		if err != nil {
			t.Fatal(err)
		}
		losses[i] = fmt.Sprint(r.Rows[0].Value)
		m.Close()
	}
	if losses[0] != losses[1] {
		t.Errorf("losses %v of the loaded and of the merged model", losses)
	}
}

// TestAdapterRefused: nothing is written where an adapter cannot be merged.
func TestAdapterRefused(t *testing.T) {
	out := t.TempDir()
	dir, lora := convertible(t, verifyConfig("llama")), randomAdapter(t, verifyConfig("llama"), 7)
	q8 := filepath.Join(out, "q8_0.gguf")
	merge(t, dir, q8, inkstone.ConvertOptions{Type: "Q8_0"})
	for _, test := range []struct {
		in, out, adapter, says string
	}{
		{q8, "x.gguf", lora, "is Q8_0, and weights that an adapter changes are not: give a type"},
		{dir, "x", filepath.Join(out, "none"), "none"},
		{dir, "x", dir, "adapter_config.json"},
		{dir, "x.gguf", randomAdapter(t, verifyConfig("gpt2"), 7), "the model has no weight transformer.h.0"},
	} {
		path := filepath.Join(out, test.out)
		_, err := inkstone.Convert(test.in, path, &inkstone.ConvertOptions{Adapters: []string{test.adapter}, Threads: 1})
		if err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%v, want %q", err, test.says)
		}
		if _, err := os.Stat(path); err == nil {
			t.Errorf("%s is there", path)
		}
	}
	if c := merge(t, q8, filepath.Join(out, "f16.gguf"), inkstone.ConvertOptions{Adapters: []string{lora}, Type: "f16"}); c.Tensors["F16"] == 0 {
		t.Errorf("%+v", c)
	}
}
