package inkstone_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/eval"
	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/tokenizer"
)

// verifiable writes a Llama of random weights whose rows are multiples of 256, with a
// tokenizer and a template, as a folder and as GGUF files of these types.
func verifiable(t *testing.T, types ...format.DType) (dir string, files map[format.DType]string) {
	t.Helper()
	dir, files = t.TempDir(), map[format.DType]string{}
	d := tensor.CPU(1)
	t.Cleanup(d.Close)
	lm, err := model.BuildLM([]byte(`{"model_type":"llama","vocab_size":300,"max_position_embeddings":64,"hidden_size":256,"num_hidden_layers":1,
		"intermediate_size":256,"num_attention_heads":4,"num_key_value_heads":2,"rms_norm_eps":1e-5,"tie_word_embeddings":true}`))
	if err != nil {
		t.Fatal(err)
	}
	nn.Init(lm, d, 3)
	tok, err := tokenizer.TrainBPE(slices.Values([]string{counting}), tokenizer.TrainOptions{Vocab: 300, Special: tokenizer.ChatMLSpecial})
	if err != nil {
		t.Fatal(err)
	}
	template, err := tokenizer.ParseTemplate(tokenizer.ChatML)
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{tokenizer.Save(tok, dir), tokenizer.SaveConfig(dir, tokenizer.Config{Template: template}), model.Save(dir, lm, model.Generation{})} {
		if err != nil {
			t.Fatal(err)
		}
	}
	meta, err := tokenizer.GGUF(tok, 300)
	if err != nil {
		t.Fatal(err)
	}
	meta["tokenizer.chat_template"], meta["general.name"] = tokenizer.ChatML, "a tiny one"
	for _, dt := range types {
		files[dt] = filepath.Join(dir, string(dt)+".gguf")
		o := model.GGUFOptions{Meta: meta, Type: func(format.Tensor) (format.DType, error) { return dt, nil }}
		if err := model.SaveGGUF(files[dt], lm, o); err != nil {
			t.Fatal(err)
		}
	}
	return dir, files
}

// TestVerify: a folder and its GGUF files are one model within the bounds of each
// type, whose names the result has.
func TestVerify(t *testing.T) {
	all := []format.DType{format.F32, format.F16, format.BF16, format.Q8_0, format.Q4_K, format.Q6_K, format.Q4_0}
	dir, files := verifiable(t, all...)
	text := book(t, strings.Repeat(counting, 8))
	for _, dt := range all {
		v, err := inkstone.Verify(t.Context(), dir, files[dt], inkstone.VerifyOptions{Text: text, Tokens: 200, Threads: 1})
		if err != nil {
			t.Fatal(err)
		}
		if !v.OK || v.Tokenizer != "same" || v.RoundTrip != "exact" || v.Template != "same" || v.Parity.Positions != v.Tokens-1 {
			t.Errorf("%s: %+v", dt, v)
		}
		if !slices.Equal(v.TypesA, []string{"F32"}) || !slices.Equal(v.TypesB, []string{string(dt)}) || v.Bound.Type != string(dt) {
			t.Errorf("%s: types %v → %v, bound %s", dt, v.TypesA, v.TypesB, v.Bound.Type)
		}
		if exact := v.Parity.MaxDiff == 0; exact != (dt == format.F32) {
			t.Errorf("%s: the largest difference is %g", dt, v.Parity.MaxDiff)
		}
	}
	if v, err := inkstone.Verify(t.Context(), dir, files[format.Q4_0], inkstone.VerifyOptions{Tokens: 64, Threads: 1}); err != nil || !v.Bound.None() || v.Text != "the program's own text" {
		t.Errorf("%+v, %v", v, err)
	}
}

// verifyKin are the settings that models of Llama's kin need beside those that all have.
var verifyKin = map[string]string{
	"inkstone_canon_llama": `"canon_width":4`,
	"llama":                `"rope_scaling":{"rope_type":"llama3","factor":8,"low_freq_factor":1,"high_freq_factor":4,"original_max_position_embeddings":64}`,
	"mistral":              `"sliding_window":16`,
	"mixtral":              `"num_local_experts":4,"num_experts_per_tok":2`,
	"qwen2":                `"use_sliding_window":false`,
	"qwen3":                `"head_dim":64`,
	"qwen3_moe":            `"head_dim":64,"num_experts":4,"num_experts_per_tok":2,"moe_intermediate_size":256,"norm_topk_prob":true`,
	"smollm3":              `"no_rope_layer_interval":4`,
	"phi3":                 `"original_max_position_embeddings":64`,
	"gemma2":               `"head_dim":64,"query_pre_attn_scalar":64,"sliding_window":16,"final_logit_softcapping":30,"attn_logit_softcapping":50,"hidden_activation":"gelu_pytorch_tanh"`,
	"gemma3_text":          `"head_dim":64,"query_pre_attn_scalar":64,"sliding_window":16,"hidden_activation":"gelu_pytorch_tanh","rope_local_base_freq":10000`,
}

// verifyConfig is a tiny model of a type, whose rows are multiples of 256.
func verifyConfig(kind string) string {
	if kind == "gpt2" {
		return convertGPT2
	}
	return `{"model_type":"` + kind + `","vocab_size":260,"max_position_embeddings":64,"hidden_size":256,"num_hidden_layers":2,
		"intermediate_size":256,"num_attention_heads":4,"num_key_value_heads":2,"rms_norm_eps":1e-5,"tie_word_embeddings":true,` + verifyKin[kind] + `}`
}

// sharpen lets a token's own row of the tied head stand out: logits of random weights are all but
// equal, and which of them is the largest says nothing.
func sharpen(name string, x []float32) {
	if strings.HasSuffix(name, "canon.weight") { // mostly a token's own embedding, so that it is found again
		for i := range x {
			x[i] /= 8
			if i < 256 {
				x[i] = 1
			}
		}
	}
	if strings.Contains(name, "embed_tokens") || strings.Contains(name, "wte") {
		for i := range x {
			x[i] *= 3
		}
	}
}

// TestVerifyArchitectures: each architecture that GGUF files hold is converted to each
// type, and is what it was within the type's bounds; a new one needs a line above.
func TestVerifyArchitectures(t *testing.T) {
	var runs strings.Builder // which such a model predicts: a token is followed by itself
	for c := '0'; c < 'p'; c++ {
		runs.WriteString(strings.Repeat(string(c), 8))
	}
	text := book(t, runs.String())
	for _, kind := range model.GGUFTypes() {
		t.Run(kind, func(t *testing.T) {
			if _, ok := verifyKin[kind]; !ok && kind != "gpt2" {
				t.Fatalf("%s has no settings in verifyKin", kind)
			}
			dir := convertible(t, verifyConfig(kind))
			rewriteWeights(t, dir, sharpen)
			for recipe, bound := range map[string]string{"f32": "F32", "f16": "F16", "Q8_0": "Q8_0", "Q4_K_M": "Q4_K"} {
				file := filepath.Join(t.TempDir(), recipe+".gguf")
				if _, err := inkstone.Convert(dir, file, &inkstone.ConvertOptions{Type: recipe, Threads: 1}); err != nil {
					t.Fatal(err)
				}
				v, err := inkstone.Verify(t.Context(), dir, file, inkstone.VerifyOptions{Text: text, Threads: 1})
				if err != nil {
					t.Fatal(err)
				}
				t.Logf("%s: largest difference %.2g, KL %.2g, top 1 %.3f, perplexity %+.3f %%", recipe, v.Parity.MaxDiff, v.Parity.KL, v.Top1, 100*v.Change)
				if !v.OK || v.Bound.Type != bound {
					t.Errorf("%s, bound %s: %q", recipe, v.Bound.Type, v.Failures)
				}
			}
		})
	}
}

// TestVerifyFails: what is changed in a copy is told.
func TestVerifyFails(t *testing.T) {
	dir, _ := verifiable(t)
	tests := []struct {
		name   string
		change func(t *testing.T, dir string)
		says   string
	}{
		{"a weight", func(t *testing.T, dir string) {
			rewriteWeights(t, dir, func(name string, x []float32) {
				if strings.Contains(name, "down_proj") {
					x[0] += 1
				}
			})
		}, "the largest logit difference is"},
		{"a template", func(t *testing.T, dir string) {
			write(filepath.Join(dir, "chat_template.jinja"), strings.Replace(tokenizer.ChatML, "<|im_end|>", "<|im_end|> ", 1))
		}, "the chat templates differ: from byte "},
		{"no template", func(t *testing.T, dir string) {
			for _, name := range []string{"chat_template.jinja", "tokenizer_config.json"} {
				os.Remove(filepath.Join(dir, name))
			}
		}, "has one, "},
		{"a tokenizer", func(t *testing.T, dir string) {
			tok, err := tokenizer.TrainBPE(slices.Values([]string{"other words altogether, of other letters"}), tokenizer.TrainOptions{Vocab: 290, Special: tokenizer.ChatMLSpecial})
			if err != nil {
				t.Fatal(err)
			}
			if err := tokenizer.Save(tok, dir); err != nil {
				t.Fatal(err)
			}
		}, "the tokenizers differ: token "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			changed := t.TempDir()
			if err := os.CopyFS(changed, os.DirFS(dir)); err != nil {
				t.Fatal(err)
			}
			tt.change(t, changed)
			v, err := inkstone.Verify(t.Context(), dir, changed, inkstone.VerifyOptions{Text: book(t, counting), Threads: 1})
			if err != nil {
				t.Fatal(err)
			}
			if v.OK || len(v.Failures) != 1 || !strings.Contains(v.Failures[0], tt.says) {
				t.Errorf("failures %q, want %q", v.Failures, tt.says)
			}
		})
	}
}

// TestVerifyNaN: logits that are no numbers fail, and are null in JSON.
func TestVerifyNaN(t *testing.T) {
	dir, _ := verifiable(t)
	broken := t.TempDir()
	if err := os.CopyFS(broken, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	rewriteWeights(t, broken, func(_ string, x []float32) { x[0] = float32(math.NaN()) })
	for _, models := range [][2]string{{dir, broken}, {broken, dir}} {
		v, err := inkstone.Verify(t.Context(), models[0], models[1], inkstone.VerifyOptions{Text: book(t, counting), Threads: 1})
		if err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(v)
		if err != nil || v.OK || !strings.Contains(string(b), `"perplexity_change":null`) || !strings.Contains(string(b), "a logit is not a number") {
			t.Errorf("%s, %v", b, err)
		}
	}
}

// TestEvaluateNaN: a loss that is no number is an error, as it is in training.
func TestEvaluateNaN(t *testing.T) {
	dir, _ := verifiable(t)
	rewriteWeights(t, dir, func(_ string, x []float32) { x[0] = float32(math.NaN()) })
	m, err := inkstone.Load(dir, &inkstone.LoadOptions{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if r, err := m.Evaluate(t.Context(), inkstone.EvaluateOptions{Data: []string{book(t, counting)}}); err == nil || !strings.Contains(err.Error(), "the loss is NaN") {
		t.Errorf("%+v, %v", r, err)
	}
}

// rewriteWeights changes a folder's weights.
func rewriteWeights(t *testing.T, dir string, change func(name string, x []float32)) {
	t.Helper()
	w, err := format.OpenWeights(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []format.Tensor
	for _, name := range w.Names() {
		x, _ := w.Tensor(name)
		numbers, err := format.F32s(x)
		if err != nil {
			t.Fatal(err)
		}
		numbers = slices.Clone(numbers)
		change(name, numbers)
		all = append(all, format.FromF32(name, numbers, x.Shape...))
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := format.WriteSafetensors(filepath.Join(dir, "model.safetensors"), nil, all); err != nil {
		t.Fatal(err)
	}
}

func TestVerifyRefuses(t *testing.T) {
	dir, _ := verifiable(t)
	if _, err := inkstone.Verify(t.Context(), dir, dir, inkstone.VerifyOptions{Text: book(t, "a")}); err == nil || !strings.Contains(err.Error(), "at least two are needed") {
		t.Errorf("a text of one token: %v", err)
	}
	if _, err := inkstone.Verify(t.Context(), dir, dir, inkstone.VerifyOptions{Context: 1 << 20}); err == nil || !strings.Contains(err.Error(), "a context of 1048576 tokens, "+dir+" has ") {
		t.Errorf("more than the context: %v", err)
	}
	if _, err := inkstone.Verify(t.Context(), dir, dir, inkstone.VerifyOptions{Text: filepath.Join(dir, "absent")}); err == nil {
		t.Error("an absent text")
	}
	done, stop := context.WithCancel(t.Context())
	stop()
	if _, err := inkstone.Verify(done, dir, dir, inkstone.VerifyOptions{}); err == nil {
		t.Error("a comparison that was cancelled succeeds")
	}
}

// TestDescribe reads what a folder and a GGUF file of one model say: the same.
func TestDescribe(t *testing.T) {
	dir, files := verifiable(t, format.Q8_0)
	write(filepath.Join(dir, "README.md"), "---\ntags:\n- x\nlicense: apache-2.0\n---\n# A model\nlicense: none\n")
	folder, err := inkstone.Describe(dir)
	if err != nil {
		t.Fatal(err)
	}
	gguf, err := inkstone.Describe(files[format.Q8_0])
	if err != nil {
		t.Fatal(err)
	}
	if folder.Licence != "apache-2.0" || folder.Width != 256 || folder.Context != 64 || folder.Layers != 1 || folder.Vocabulary != 300 || !folder.Known {
		t.Errorf("folder %+v", folder)
	}
	if folder.Parameters != gguf.Parameters || folder.Context != gguf.Context || folder.Vocabulary != gguf.Vocabulary || folder.Template != gguf.Template || folder.Type != gguf.Type {
		t.Errorf("folder %+v\ngguf %+v", folder, gguf)
	}
	if got := slices.Sorted(maps.Keys(gguf.Types)); !slices.Equal(got, []string{"F32", "Q8_0"}) || gguf.TypeNames()[0] != "Q8_0" || gguf.Bytes >= folder.Bytes/3 {
		t.Errorf("types %v, %d bytes of %d", got, gguf.Bytes, folder.Bytes)
	}
	if folder.Arch != "LlamaForCausalLM" || folder.Name != "" || gguf.Arch != "llama" || gguf.Name != "a tiny one" {
		t.Errorf("architecture and name %q, %q of the folder, %q, %q of the file", folder.Arch, folder.Name, gguf.Arch, gguf.Name)
	}
	if !strings.Contains(folder.Table(), "model.norm.weight") {
		t.Errorf("table:\n%s", folder.Table())
	}
	alone, err := inkstone.Describe(filepath.Join(dir, "model.safetensors"))
	if err != nil || alone.Known || len(alone.Tensors) != len(folder.Tensors) {
		t.Errorf("%+v, %v", alone, err)
	}
	write(filepath.Join(dir, "config.json"), `{"model_type":"mamba","hidden_size":7,"text_config":{"hidden_size":9}}`)
	if other, err := inkstone.Describe(dir); err != nil || other.Known || other.Width != 9 || other.Parameters == 0 {
		t.Errorf("an unknown architecture: %+v, %v", other, err)
	}
}

// TestDescribeRefused: what a GGUF file of a known architecture lacks is said beside what it has, as that of one
// of another architecture is: a vocabulary alone is no model.
func TestDescribeRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.gguf")
	for arch, says := range map[string]string{"llama": "metadata has no llama.context_length", "other": ""} {
		meta := format.Metadata{"general.architecture": arch, arch + ".embedding_length": uint32(7), "tokenizer.ggml.tokens": []string{"a", "b", "c"}}
		if err := format.WriteGGUF(path, meta, []format.Tensor{format.FromF32("a", []float32{1, 2}, 2)}, nil); err != nil {
			t.Fatal(err)
		}
		d, err := inkstone.Describe(path)
		if err != nil {
			t.Errorf("%s: %v", arch, err)
			continue
		}
		if d.Known != (arch == "llama") || d.Refused != says || d.Width != 7 || d.Vocabulary != 3 || d.Parameters != 2 || len(d.Tensors) != 1 {
			t.Errorf("%s: %+v, want %q", arch, d, says)
		}
	}
}

// TestResolve: paths are paths, names are looked up in the cache, and nothing else.
func TestResolve(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HF_HUB_CACHE", home)
	t.Setenv("HF_ENDPOINT", "http://127.0.0.1:1") // nobody is there
	const commit = "0123456789abcdef0123456789abcdef01234567"
	put := func(repo, file string) string {
		dir := filepath.Join(home, repo, "snapshots", commit)
		if err := os.MkdirAll(filepath.Join(home, repo, "refs"), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(dir, 0o777); err != nil {
			t.Fatal(err)
		}
		write(filepath.Join(home, repo, "refs/main"), commit)
		write(filepath.Join(dir, file), "{}")
		return dir
	}
	folder := put("models--org--folder", "config.json")
	file := put("models--org--file", "x-00001-of-00002.gguf")
	put("models--org--file", "x-00002-of-00002.gguf")
	word := put("models--distilgpt2", "config.json")
	beside := put("models--org--beside", "y.gguf")
	put("models--org--beside", "config.json")
	several := put("models--org--several", "a.gguf")
	put("models--org--several", "b.gguf")
	deep := put("models--org--deep", "README.md")
	if err := os.MkdirAll(filepath.Join(deep, "inner"), 0o777); err != nil {
		t.Fatal(err)
	}
	capitals := put("models--org--capitals", "X.GGUF")
	for arg, want := range map[string]string{
		"org/folder": folder, "org/folder@" + commit: folder, "org/file": filepath.Join(file, "x-00001-of-00002.gguf"),
		"distilgpt2": word, "distilgpt2@" + commit: word, "gpt2": "gpt2", "distilgpt2.gguf": "distilgpt2.gguf", "./org/folder": "./org/folder", "/org/folder": "/org/folder", "a/b/c": "a/b/c", "x/y.gguf": "x/y.gguf", "x/y.GGUF": "x/y.GGUF", "org/capitals": filepath.Join(capitals, "X.GGUF"), home: home,
		"org/several/b.gguf": filepath.Join(several, "b.gguf"), "org/several@" + commit + "/a.gguf": filepath.Join(several, "a.gguf"), "org/absent/a.gguf": "org/absent/a.gguf",
		"org/deep/inner": filepath.Join(deep, "inner"), "org/deep/../several": "org/deep/../several",
		"org/beside": filepath.Join(beside, "y.gguf"), file: filepath.Join(file, "x-00001-of-00002.gguf"), folder: folder, filepath.Join(folder, "config.json"): filepath.Join(folder, "config.json"),
	} {
		if got, err := inkstone.Resolve(arg); err != nil || got != want {
			t.Errorf("%s: got %s, %v, want %s", arg, got, err, want)
		}
	}
	for arg, says := range map[string]string{
		"org/absent": "there is no folder or file org/absent, and hub: org/absent is not in the cache", "org/several": "org/several has several models: a.gguf, b.gguf; name one, as org/several/a.gguf",
		several: several + " has several models: a.gguf, b.gguf; name one, as " + several + "/a.gguf", "org/several/c.gguf": `the cache's org/several has none of that name: fetch it with: inkstone pull org/several --include "c.gguf"`,
	} {
		if _, err := inkstone.Resolve(arg); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", arg, err, says)
		}
	}
}

// TestFindModels: folders, files of either spelling, and shards, which are one model.
func TestFindModels(t *testing.T) {
	dir := t.TempDir()
	for name, size := range map[string]int{"folder/config.json": 2, "folder/model.safetensors": 5, "a.gguf": 3, "b.GGUF": 4, "c.txt": 9, ".hidden.gguf": 9, "beside/config.json": 2, "beside/y.gguf": 6,
		"s/m-00001-of-00003.gguf": 10, "s/m-00002-of-00003.gguf": 20, "s/m-00003-of-00003.gguf": 30, "s/n-00001-of-00002.gguf": 7, "s/n-00002-of-00002.gguf": 8} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		write(path, strings.Repeat("x", size))
	}
	found, err := inkstone.FindModels(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range found {
		name, _ := filepath.Rel(dir, m.Dir)
		got = append(got, fmt.Sprintf("%s: %d files, %d bytes", filepath.ToSlash(name), m.Files, m.Bytes))
	}
	want := []string{"a.gguf: 1 files, 3 bytes", "b.GGUF: 1 files, 4 bytes", "beside/y.gguf: 1 files, 6 bytes", "folder: 2 files, 7 bytes",
		"s/m-00001-of-00003.gguf: 3 files, 60 bytes", "s/n-00001-of-00002.gguf: 2 files, 15 bytes"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("models (-want +got):\n%s", diff)
	}
}

// begun lets the tokenizer of a model's folder put a special token before each text, and returns its name.
func begun(t *testing.T, dir string) string {
	t.Helper()
	path := filepath.Join(dir, "tokenizer.json")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var file map[string]any
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	tok, err := tokenizer.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	name := tokenizer.ChatMLSpecial[0]
	id, _ := tok.ID(name)
	special, text := map[string]any{"SpecialToken": map[string]any{"id": name, "type_id": 0}}, func(of string) any {
		return map[string]any{"Sequence": map[string]any{"id": of, "type_id": 0}}
	}
	file["post_processor"] = map[string]any{"type": "TemplateProcessing", "single": []any{special, text("A")}, "pair": []any{special, text("A"), text("B")},
		"special_tokens": map[string]any{name: map[string]any{"id": name, "ids": []any{id}, "tokens": []any{name}}}}
	if b, err = json.Marshal(file); err != nil {
		t.Fatal(err)
	}
	write(path, string(b))
	return name
}

// TestTextsBegin: evaluate and verify put before a text what the tokenizer's file asks for; it is read and not
// predicted, and both have the same perplexity.
func TestTextsBegin(t *testing.T) {
	dir, _ := verifiable(t)
	plain, _ := verifiable(t)
	name := begun(t, dir)
	file := filepath.Join(t.TempDir(), "m.gguf")
	if _, err := inkstone.Convert(dir, file, nil); err != nil {
		t.Fatal(err)
	}
	m, err := inkstone.Load(dir, &inkstone.LoadOptions{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	text := strings.Repeat(counting, 3)
	n := len(m.Tokenizer().Encode(text))
	value := func(r eval.Report, name string) float64 {
		for _, x := range r.Rows {
			if x.Name == name {
				return x.Value
			}
		}
		t.Fatalf("no %s in %+v", name, r)
		return 0
	}
	one, err := m.Evaluate(t.Context(), inkstone.EvaluateOptions{Data: []string{book(t, text)}})
	if err != nil {
		t.Fatal(err)
	}
	if value(one, "tokens") != float64(n) || value(one, "bytes") != float64(len(text)) || !strings.Contains(strings.Join(one.Notes, "\n"), "each text begins with "+name) {
		t.Errorf("%+v, want %d tokens, %d bytes and a note", one, n, len(text))
	}
	two, err := m.Evaluate(t.Context(), inkstone.EvaluateOptions{Data: []string{book(t, text), book(t, text)}})
	if err != nil {
		t.Fatal(err)
	}
	if value(two, "bytes") != float64(2*len(text)) || value(two, "tokens") < float64(2*n) || value(two, "tokens") > float64(2*n+2) {
		t.Errorf("%+v, want %d tokens, an end of each text perhaps, and %d bytes", two, 2*n, 2*len(text))
	}
	v, err := inkstone.Verify(t.Context(), dir, file, inkstone.VerifyOptions{Text: book(t, text), Context: 64, Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	if !v.OK || v.Tokens != n || v.Parity.Positions != n || math.Abs(v.PerplexA/value(one, "perplexity")-1) > 1e-4 {
		t.Errorf("%+v, want %d tokens, each predicted, and the perplexity %g", v, n, value(one, "perplexity"))
	}
	v, err = inkstone.Verify(t.Context(), dir, plain, inkstone.VerifyOptions{Text: book(t, text), Threads: 1})
	if err != nil || v.OK || v.Tokenizer != fmt.Sprintf("texts begin with %q and %q", name, "") {
		t.Errorf("%+v, %v, want tokenizers that differ in what begins a text", v, err)
	}
}
