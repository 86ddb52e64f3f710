package inkstone_test

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/tokenizer"
)

// convertible writes a tiny model of random weights with a tokenizer and a chat template.
func convertible(t *testing.T, config string) string {
	t.Helper()
	dir := t.TempDir()
	d := tensor.CPU(1)
	defer d.Close()
	lm, err := model.BuildLM([]byte(config))
	if err != nil {
		t.Fatal(err)
	}
	nn.Init(lm, d, 5)
	bos := int32(256)
	if err := model.Save(dir, lm, model.Generation{BOS: &bos, EOS: model.IDs{256, 257}}); err != nil {
		t.Fatal(err)
	}
	tok, err := tokenizer.NewByte("<|endoftext|>", "<|end|>")
	if err != nil {
		t.Fatal(err)
	}
	if err := tokenizer.Save(tok, dir); err != nil {
		t.Fatal(err)
	}
	if err := tokenizer.SaveConfig(dir, tokenizer.Config{BOS: "<|endoftext|>", EOS: "<|endoftext|>"}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "chat_template.jinja"), []byte(withBOS), 0o666); err != nil {
		t.Fatal(err)
	}
	return dir
}

// withBOS is a template that writes the special tokens by their roles.
const withBOS = "{{ bos_token }}" + tokenizer.ChatML + "{{ eos_token }}"

const (
	convertGPT2  = `{"model_type":"gpt2","vocab_size":260,"n_positions":64,"n_embd":256,"n_layer":2,"n_head":4}`
	convertLlama = `{"model_type":"llama","vocab_size":260,"max_position_embeddings":64,"hidden_size":256,"num_hidden_layers":8,"intermediate_size":256,"num_attention_heads":4,"num_key_value_heads":2}`
)

// logits of a few tokens, of weights as they are in the file.
func logits(t *testing.T, path string) []float32 {
	t.Helper()
	d := tensor.CPU(1)
	defer d.Close()
	l, err := model.LoadForTraining(path, d)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s := tensor.NewStep(d, tensor.StepOptions{})
	defer s.Close()
	s.Begin(0)
	var p nn.Pass
	ids := []int32{72, 101, 108, 108, 111, 256}
	p.SetRows(s, ids, len(ids))
	return l.LM.Logits(l.LM.Forward(&p)).Floats()
}

// TestConvert: a folder goes to a GGUF file and back; logits, tokenizer, template and end tokens stay the same.
func TestConvert(t *testing.T) {
	for name, config := range map[string]string{"gpt2": convertGPT2, "llama": convertLlama} {
		t.Run(name, func(t *testing.T) {
			dir, out := convertible(t, config), t.TempDir()
			file, again := filepath.Join(out, "m.gguf"), filepath.Join(out, "again")
			for _, step := range [][2]string{{dir, file}, {file, again}, {again, filepath.Join(out, "m2.gguf")}} {
				r, err := inkstone.Convert(step[0], step[1], nil)
				if err != nil {
					t.Fatal(err)
				}
				if len(r.Notes) > 0 || r.Type != name || len(r.Tensors) != 1 || r.Tensors["F32"] == 0 {
					t.Errorf("report %+v", r)
				}
			}
			g, err := format.OpenGGUF(file)
			if err != nil {
				t.Fatal(err)
			}
			if got := g.Meta()["general.name"]; got != filepath.Base(dir) {
				t.Errorf("general.name is %v, want %s", got, filepath.Base(dir))
			}
			if err := g.Close(); err != nil {
				t.Error(err)
			}
			want := logits(t, dir)
			testkit.SameBits(t, "logits of the file", logits(t, file), want)
			testkit.SameBits(t, "logits of the folder", logits(t, again), want)
			for _, name := range []string{"config.json", "generation_config.json", "chat_template.jinja", "model.safetensors"} {
				a, b := testkit.ReadFile(t, filepath.Join(dir, name)), testkit.ReadFile(t, filepath.Join(again, name))
				if diff := cmp.Diff(string(a), string(b)); diff != "" {
					t.Errorf("%s (-before +after):\n%.600s", name, diff)
				}
			}
			template, err := tokenizer.LoadTemplate(again)
			if err != nil {
				t.Fatal(err)
			}
			chat, err := template.Render([]tokenizer.Message{{Role: "user", Content: "Hi"}}, tokenizer.RenderOptions{})
			if err != nil || !strings.HasPrefix(chat, "<|endoftext|><|im_start|>") || !strings.HasSuffix(chat, "<|im_end|>\n<|endoftext|>") {
				t.Errorf("the template writes %q, %v", chat, err)
			}
			tok, err := tokenizer.Load(again)
			if err != nil {
				t.Fatal(err)
			}
			if got := tok.EncodeSpecial("Hé<|end|>"); !cmp.Equal(got, []int32{72, 195, 169, 257}) {
				t.Errorf("ids %v", got)
			}
		})
	}
}

// TestConvertTypes: each type is near the original by as much as its bits allow.
func TestConvertTypes(t *testing.T) {
	dir, out := convertible(t, convertLlama), t.TempDir()
	want := logits(t, dir)
	deviation := func(path string) float64 {
		sum, all := 0.0, 0.0
		for i, v := range logits(t, path) {
			sum += float64(v-want[i]) * float64(v-want[i])
			all += float64(want[i]) * float64(want[i])
		}
		return math.Sqrt(sum / all)
	}
	tests := []struct {
		recipe, want string // tensors of each type
		least, most  float64
	}{
		{"f16", "F16:58 F32:17", 1e-5, 1e-3}, {"bf16", "BF16:58 F32:17", 1e-4, 1e-2}, {"Q8_0", "F32:17 Q8_0:58", 5e-3, 4e-2},
		{"q4_0", "F32:17 Q4_0:57 Q6_K:1", 5e-2, 0.4}, {"Q4_K_M", "F32:17 Q4_K:49 Q6_K:9", 5e-2, 0.4}, {"Q4_K", "F32:17 Q4_K:49 Q6_K:9", 5e-2, 0.4},
		{"Q4_K_S", "F32:17 Q4_K:52 Q5_K:5 Q6_K:1", 5e-2, 0.4}, {"Q5_K_M", "F32:17 Q5_K:49 Q6_K:9", 3e-2, 0.2}, {"Q6_K", "F32:17 Q6_K:58", 2e-2, 0.1},
	}
	for _, tt := range tests {
		t.Run(tt.recipe, func(t *testing.T) {
			path := filepath.Join(out, tt.recipe+".gguf")
			r, err := inkstone.Convert(dir, path, &inkstone.ConvertOptions{Type: tt.recipe})
			if err != nil {
				t.Fatal(err)
			}
			var types []string
			for _, d := range []string{"BF16", "F16", "F32", "Q4_0", "Q4_K", "Q5_K", "Q6_K", "Q8_0"} {
				if n := r.Tensors[d]; n > 0 {
					types = append(types, d+":"+string(rune('0'+n/10))+string(rune('0'+n%10)))
				}
			}
			if got := strings.ReplaceAll(strings.Join(types, " "), ":0", ":"); got != tt.want {
				t.Errorf("tensors %s, want %s", got, tt.want)
			}
			if e := deviation(path); e < tt.least || e > tt.most {
				t.Errorf("logits deviate by %.2g of their size, want %.0e to %.0e", e, tt.least, tt.most)
			}
		})
	}
	if _, err := inkstone.Convert(filepath.Join(out, "Q8_0.gguf"), filepath.Join(out, "folder"), nil); err != nil {
		t.Fatal(err)
	}
	testkit.SameBits(t, "logits of a quantised file as a folder", logits(t, filepath.Join(out, "folder")), logits(t, filepath.Join(out, "Q8_0.gguf")))
}

// TestConvertComputes: a folder says the type of its matrices as the one to compute in.
func TestConvertComputes(t *testing.T) {
	dir, out := convertible(t, convertLlama), t.TempDir()
	file, folder := filepath.Join(out, "m.gguf"), filepath.Join(out, "folder")
	if _, err := inkstone.Convert(dir, file, &inkstone.ConvertOptions{Type: "bf16"}); err != nil {
		t.Fatal(err)
	}
	if _, err := inkstone.Convert(file, folder, nil); err != nil {
		t.Fatal(err)
	}
	if config := testkit.ReadFile(t, filepath.Join(folder, "config.json")); !strings.Contains(string(config), `"torch_dtype": "bfloat16"`) {
		t.Errorf("config.json is\n%s", config)
	}
}

// TestConvertThreads: no more rows are converted at a time than there are threads.
func TestConvertThreads(t *testing.T) {
	before := runtime.GOMAXPROCS(4)
	defer runtime.GOMAXPROCS(before)
	dir := convertible(t, convertLlama)
	for _, o := range []inkstone.ConvertOptions{{Type: "Q4_K_M", Threads: 1}, {Type: "f16", Threads: 2}} {
		for _, name := range []string{"m.gguf", "folder"} {
			if name == "folder" && o.Type != "f16" {
				continue
			}
			most := mostWorkers("format.inRows.func1", func() {
				if _, err := inkstone.Convert(dir, filepath.Join(t.TempDir(), name), &o); err != nil {
					t.Error(err)
				}
			})
			if most > o.Threads {
				t.Errorf("%s as %s: %d goroutines convert, want %d at most", name, o.Type, most, o.Threads)
			}
		}
	}
}

// mostWorkers is the largest number of goroutines in a function while run runs, as far as it is seen.
func mostWorkers(function string, run func()) int {
	done := make(chan struct{})
	go func() { defer close(done); run() }()
	buffer, most := make([]byte, 1<<20), 0
	for {
		select {
		case <-done:
			return most
		default:
			stacks := buffer[:runtime.Stack(buffer, true)]
			most = max(most, strings.Count(string(stacks), function+"("))
			runtime.Gosched()
		}
	}
}

// TestConvertImportance: columns that a text uses are met better on it.
func TestConvertImportance(t *testing.T) {
	dir, out := convertible(t, convertLlama), t.TempDir()
	text := filepath.Join(out, "text")
	if err := os.WriteFile(text, []byte(strings.Repeat("Hello, Hello! ", 40)), 0o666); err != nil {
		t.Fatal(err)
	}
	want, errs := logits(t, dir), [2]float64{}
	for i, calibration := range []string{"", text} {
		path := filepath.Join(out, "m.gguf")
		stages := map[string]bool{}
		o := &inkstone.ConvertOptions{Type: "Q4_0", Calibration: calibration, CalibrationTokens: 300, Progress: func(stage string, _, _ int64) { stages[stage] = true }}
		if _, err := inkstone.Convert(dir, path, o); err != nil {
			t.Fatal(err)
		}
		if !stages["write"] || stages["calibrate"] != (i == 1) {
			t.Errorf("stages %v", stages)
		}
		for j, v := range logits(t, path) {
			errs[i] += float64(v-want[j]) * float64(v-want[j])
		}
	}
	if !(errs[1] < errs[0]) {
		t.Errorf("squared error %g with importance, %g without", errs[1], errs[0])
	}
}

// TestConvertBlob: a GGUF file needs no name that says so.
func TestConvertBlob(t *testing.T) {
	dir, out := convertible(t, convertGPT2), t.TempDir()
	file, blob := filepath.Join(out, "m.gguf"), filepath.Join(out, "sha256-abc")
	if _, err := inkstone.Convert(dir, file, nil); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(file, blob); err != nil {
		t.Fatal(err)
	}
	if _, err := inkstone.Convert(blob, filepath.Join(out, "again"), nil); err != nil {
		t.Fatal(err)
	}
	testkit.SameBits(t, "logits", logits(t, filepath.Join(out, "again")), logits(t, dir))
	load(t, blob, 1)
}

// TestConvertNarrow: rows that are no multiple of 256 get other types, and that is said.
func TestConvertNarrow(t *testing.T) {
	dir, out := convertible(t, strings.ReplaceAll(convertGPT2, `"n_embd":256`, `"n_embd":96`)), t.TempDir()
	r, err := inkstone.Convert(dir, filepath.Join(out, "m.gguf"), &inkstone.ConvertOptions{Type: "Q4_K_M"})
	if err != nil {
		t.Fatal(err)
	}
	notes := strings.Join(r.Notes, "\n")
	for _, want := range []string{"blk.0.attn_output.weight is Q5_0: its rows are no multiple of 256", "blk.1.attn_qkv.weight is"} {
		if !strings.Contains(notes, want) {
			t.Errorf("no note %q in\n%s", want, notes)
		}
	}
	testkit.Close(t, "logits", logits(t, r.Path), logits(t, dir), 1, 0.3)
	dir = convertible(t, strings.ReplaceAll(convertGPT2, `"n_embd":256`, `"n_embd":40`))
	if r, err = inkstone.Convert(dir, filepath.Join(out, "m8.gguf"), &inkstone.ConvertOptions{Type: "Q8_0"}); err != nil {
		t.Fatal(err)
	}
	if notes, want := strings.Join(r.Notes, "\n"), "blk.0.attn_output.weight is F16: its rows are no multiple of 32\n"; !strings.Contains(notes, want) {
		t.Errorf("no note %q in\n%s", want, notes)
	}
}

// TestConvertTokenizer: a tokenizer that GGUF files have no form for goes along whole, and that is said.
func TestConvertTokenizer(t *testing.T) {
	dir, out := convertible(t, convertGPT2), t.TempDir()
	words, err := tokenizer.NewChars(slices.Values([]string{"hello"}))
	if err != nil {
		t.Fatal(err)
	}
	if err := tokenizer.Save(words, dir); err != nil {
		t.Fatal(err)
	}
	file, again := filepath.Join(out, "m.gguf"), filepath.Join(out, "again")
	r, err := inkstone.Convert(dir, file, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Notes) != 1 || !strings.HasPrefix(r.Notes[0], "other programs have no such tokenizer") {
		t.Errorf("notes %q", r.Notes)
	}
	if _, err := inkstone.Convert(file, again, nil); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{file, again} {
		tok, err := inkstone.OpenTokenizer(path)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := tok.Encode("hello"), words.Encode("hello"); !cmp.Equal(got, want) {
			t.Errorf("%s: ids %v, want %v", path, got, want)
		}
	}
}

// TestConvertLost: what a GGUF file has no place for is noted, and what it has in another form is not.
func TestConvertLost(t *testing.T) {
	const llama = `{"model_type":"llama","vocab_size":260,"max_position_embeddings":64,"hidden_size":32,"num_hidden_layers":1,"intermediate_size":32,"num_attention_heads":2,"rope_theta":1234567.1,` +
		`"rope_scaling":{"rope_type":"ROPE","factor":2,"low_freq_factor":1,"high_freq_factor":4,"original_max_position_embeddings":64}}`
	dropout := strings.Replace(convertGPT2, `"n_head":4`, `"n_head":4,"attn_pdrop":0.1,"embd_pdrop":0,"activation_function":"gelu_pytorch_tanh"`, 1)
	qwen := strings.Replace(convertLlama, `"llama"`, `"qwen2","use_sliding_window":true,"sliding_window":16,"max_window_layers":3`, 1)
	mistral := strings.Replace(convertLlama, `"llama"`, `"mistral","sliding_window":16`, 1)
	const window = ": nothing changes up to 16 tokens, and in longer texts each token sees all before it"
	tests := []struct {
		name, config, generation string
		want                     []string
	}{
		{"nothing", convertGPT2, `{"eos_token_id":[256,257]}`, nil},
		{"three end tokens", convertLlama, `{"bos_token_id":256,"eos_token_id":[256,257,3]}`, nil},
		{"four end tokens", convertLlama, `{"eos_token_id":[256,257,3,4]}`, []string{"generation_config.json: eos_token_id is [256,257,3,4], the GGUF file has [256,257,3]"}},
		{"sampling", convertGPT2, `{"temperature":0,"max_length":20,"do_sample":false}`, []string{"generation_config.json: do_sample is false, the GGUF file has none",
			"generation_config.json: max_length is 20, the GGUF file has none", "generation_config.json: temperature is 0, the GGUF file has none"}},
		{"llama3", strings.Replace(llama, "ROPE", "llama3", 1), `{}`, nil},
		{"yarn", strings.Replace(llama, "ROPE", "yarn", 1), `{}`, nil},
		{"dynamic", strings.Replace(llama, "ROPE", "dynamic", 1), `{}`, []string{"config.json: rope_type dynamic has no place in a GGUF file: nothing changes up to 64 tokens, and longer texts are read otherwise"}},
		{"dynamic in an older file", strings.Replace(llama, `rope_type":"ROPE"`, `type":"dynamic"`, 1), `{}`, []string{"config.json: rope_type dynamic has no place in a GGUF file: nothing changes up to 64 tokens, and longer texts are read otherwise"}},
		{"dropout", dropout, `{}`, []string{"config.json: attn_pdrop is 0.1, the GGUF file has 0"}},
		{"an architecture of our own", strings.Replace(convertLlama, `"llama"`, `"inkstone_canon_llama","canon_width":4`, 1), `{}`,
			[]string{"other programs do not know the architecture inkstone_canon_llama: train a llama or a gpt2 for a file that they run"}},
		{"windows", qwen, `{}`, []string{"other programs heed no window in a GGUF file of a qwen2" + window}},
		{"a window", mistral, `{}`, []string{"other programs heed no window in a GGUF file of a llama" + window}},
		{"a window as long as the context", strings.Replace(mistral, `window":16`, `window":64`, 1), `{}`, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := convertible(t, tt.config)
			if err := os.WriteFile(filepath.Join(dir, "generation_config.json"), []byte(tt.generation), 0o666); err != nil {
				t.Fatal(err)
			}
			r, err := inkstone.Convert(dir, filepath.Join(t.TempDir(), "m.gguf"), nil)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, r.Notes); diff != "" {
				t.Errorf("notes (-want +got):\n%s", diff)
			}
		})
	}
}

// TestConvertTokenizerLost: what a GGUF file does not do of a tokenizer is noted.
func TestConvertTokenizerLost(t *testing.T) {
	const strip = `"content": "<|end|>",
      "single_word": false,
      "lstrip": `
	tests := []struct {
		name, from, to, config string
		want                   []string
	}{
		{"nothing", "", "", convertLlama, nil},
		{"NFC", `"normalizer": null`, `"normalizer": {"type": "NFC"}`, convertLlama, []string{"tokenizer: in the GGUF file texts are not put into Unicode's form NFC: in another form they get other ids"}},
		{"blanks", strip + "false", strip + "true", convertLlama, []string{`tokenizer: in the GGUF file added tokens do not take the blanks around them: 1, the first is "<|end|>"`}},
		{"a token without a row", "", "", strings.Replace(convertLlama, `"vocab_size":260`, `"vocab_size":257`, 1), []string{`tokenizer: the model has no rows for added tokens: 1, the first is "<|end|>"`,
			"generation_config.json: eos_token_id is [256,257], the GGUF file has 256"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := convertible(t, tt.config)
			path := filepath.Join(dir, "tokenizer.json")
			data := string(testkit.ReadFile(t, path))
			if !strings.Contains(data, tt.from) {
				t.Fatalf("the file has no %s", tt.from)
			}
			if err := os.WriteFile(path, []byte(strings.Replace(data, tt.from, tt.to, 1)), 0o666); err != nil {
				t.Fatal(err)
			}
			r, err := inkstone.Convert(dir, filepath.Join(t.TempDir(), "m.gguf"), nil)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, r.Notes); diff != "" {
				t.Errorf("notes (-want +got):\n%s", diff)
			}
		})
	}
}

// TestConvertTokenNeeded: a token that the chat template writes has to have a row.
func TestConvertTokenNeeded(t *testing.T) {
	dir := convertible(t, strings.Replace(convertLlama, `"vocab_size":260`, `"vocab_size":257`, 1))
	if err := os.WriteFile(filepath.Join(dir, "chat_template.jinja"), []byte("{{ messages[0].content }}<|end|>"), 0o666); err != nil {
		t.Fatal(err)
	}
	const want = `the tokenizer has 258 ids, the model's vocabulary only 257; the chat template writes "<|end|>"`
	if _, err := inkstone.Convert(dir, filepath.Join(t.TempDir(), "m.gguf"), nil); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("convert: %v, want %s", err, want)
	}
	if _, err := inkstone.Load(dir, nil); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("load: %v, want %s", err, want)
	}
}

// TestConvertLostOfKin: of an architecture whose settings a GGUF file holds nothing is noted.
func TestConvertLostOfKin(t *testing.T) {
	var peers map[string]struct{ Config map[string]any }
	if err := json.Unmarshal(testkit.ReadFile(t, filepath.Join("model", "gpt", "testdata", "transformers.json")), &peers); err != nil {
		t.Fatal(err)
	}
	held := 0
	for name, p := range peers {
		p.Config["vocab_size"] = 260
		config, err := json.Marshal(p.Config)
		if err != nil {
			t.Fatal(err)
		}
		r, err := inkstone.Convert(convertible(t, string(config)), filepath.Join(t.TempDir(), "m.gguf"), nil)
		if err != nil || strings.Contains(name, "dynamic") {
			continue // refused: TestGGUFOfKin of package gpt has the reasons
		}
		r.Notes = slices.DeleteFunc(r.Notes, func(note string) bool { return strings.HasPrefix(note, "other programs heed no window") })
		if held++; len(r.Notes) > 0 {
			t.Errorf("%s: notes %q", name, r.Notes)
		}
	}
	if held < 8 {
		t.Errorf("%d configurations were converted, want 8 at least", held)
	}
}

// TestConvertRefuses: what cannot be is said, and nothing is left behind.
func TestConvertRefuses(t *testing.T) {
	dir := convertible(t, convertGPT2)
	spoilt := convertible(t, convertGPT2)
	w, err := format.OpenSafetensors(filepath.Join(spoilt, "model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	var tensors []format.Tensor
	for _, name := range w.Names() {
		x, _ := w.Tensor(name)
		x.Data = append([]byte(nil), x.Data...)
		if name == "transformer.h.1.mlp.c_fc.weight" {
			copy(x.Data[4*700:], []byte{0, 0, 0xc0, 0x7f})
		}
		tensors = append(tensors, x)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := format.WriteSafetensors(filepath.Join(spoilt, "model.safetensors"), nil, tensors); err != nil {
		t.Fatal(err)
	}
	out := t.TempDir()
	recurrent := convertible(t, `{"model_type":"lstm","vocab_size":258,"hidden_size":8,"num_hidden_layers":1}`) // no window to calibrate by
	tests := []struct {
		name, in, out string
		o             inkstone.ConvertOptions
		want          string
	}{
		{"a recurrent network", recurrent, filepath.Join(out, "x.gguf"), inkstone.ConvertOptions{Type: "Q4_0", Calibration: filepath.Join(dir, "config.json")}, "a model of type lstm has no GGUF form"},
		{"itself", dir, dir, inkstone.ConvertOptions{}, "would replace its own source"},
		{"another model's folder", dir, spoilt, inkstone.ConvertOptions{}, "is there and has files, chat_template.jinja among them"},
		{"a name below a file", dir, filepath.Join(dir, "config.json", "x"), inkstone.ConvertOptions{}, "not a directory"},
		{"NaN that is copied", spoilt, filepath.Join(out, "x.gguf"), inkstone.ConvertOptions{}, `tensor "blk.1.ffn_up.weight": element `},
		{"NaN in a folder", spoilt, filepath.Join(out, "x"), inkstone.ConvertOptions{}, `tensor "transformer.h.1.mlp.c_fc.weight": element `},
		{"no model", out, filepath.Join(out, "x.gguf"), inkstone.ConvertOptions{}, "is not a model folder"},
		{"unknown type", dir, filepath.Join(out, "x.gguf"), inkstone.ConvertOptions{Type: "Q3_K_M"}, `no type "Q3_K_M"; there are BF16, F16`},
		{"a quantised folder", dir, filepath.Join(out, "x"), inkstone.ConvertOptions{Type: "Q8_0"}, "give a name that ends in .gguf"},
		{"NaN", spoilt, filepath.Join(out, "x.gguf"), inkstone.ConvertOptions{Type: "Q4_K_M"}, `tensor "blk.1.ffn_up.weight": element `},
		{"no text", dir, filepath.Join(out, "x.gguf"), inkstone.ConvertOptions{Type: "Q4_0", Calibration: filepath.Join(out, "none")}, "none: no such file"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := inkstone.Convert(tt.in, tt.out, &tt.o); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			if left, _ := os.ReadDir(out); len(left) > 0 {
				t.Errorf("%s is left behind", left[0].Name())
			}
		})
	}
}
