package tokenizer_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/tokenizer"
)

// folder writes files into a new folder.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// framed are the ids of a text 9 with what stands around it.
func framed(tok tokenizer.Tokenizer) []int32 {
	f, err := tokenizer.FrameOf(tok)
	if err != nil {
		return []int32{9}
	}
	ids, _ := f.Join([]int32{9}, nil)
	return ids
}

// The kinds of SentencePiece's models.
const (
	unigramModel = 1
	bpeModel     = 2
)

// plainModel is a tokenizer.model without pieces that its user defined, which have no form in tokenizer.json.
func plainModel(kind int) string {
	pieces := sentencePieces()
	return string(modelFile(pieces[:len(pieces)-2], kind, true, plain))
}

// TestModelFolderFrame: what stands around a text where the folder has a tokenizer.model and no
// tokenizer.json.
func TestModelFolderFrame(t *testing.T) {
	tests := []struct {
		kind   int
		config string
		want   []int32
	}{
		{bpeModel, ``, []int32{1, 9}},
		{bpeModel, `{}`, []int32{1, 9}},
		{bpeModel, `{"add_bos_token": false}`, []int32{9}},
		{bpeModel, `{"tokenizer_class": "LLaMATokenizer", "bos_token": ""}`, []int32{1, 9}},
		{bpeModel, `{"tokenizer_class": "LlamaTokenizer"}`, []int32{1, 9}},
		{unigramModel, `{"tokenizer_class": "LlamaTokenizerFast", "bos_token": "<s>"}`, []int32{1, 9}},
		{bpeModel, `{"tokenizer_class": "LlamaTokenizer", "add_bos_token": false, "add_eos_token": true}`, []int32{9, 2}},
		{bpeModel, `{"tokenizer_class": "GemmaTokenizer", "add_eos_token": true, "bos_token": {"content": "</s>"}}`, []int32{2, 9, 2}},
		{unigramModel, ``, []int32{9}},
		{unigramModel, `{"tokenizer_class": "XLNetTokenizer"}`, []int32{9}},
		{unigramModel, `{"tokenizer_class": "BaichuanTokenizer", "add_bos_token": true}`, []int32{1, 9}},
		{unigramModel, `{"tokenizer_class": "T5Tokenizer"}`, []int32{9, 2}},
		{unigramModel, `{"tokenizer_class": "T5TokenizerFast", "add_bos_token": true}`, []int32{9, 2}},
	}
	for _, tt := range tests {
		files := map[string]string{"tokenizer.model": plainModel(tt.kind), "tokenizer_config.json": tt.config}
		if tt.config == "" {
			delete(files, "tokenizer_config.json")
		}
		tok, err := tokenizer.Load(folder(t, files))
		if err != nil {
			t.Errorf("%d, %s: %v", tt.kind, tt.config, err)
			continue
		}
		if got := framed(tok); !slices.Equal(got, tt.want) {
			t.Errorf("%d, %s: ids %v, want %v", tt.kind, tt.config, got, tt.want)
		}
		if tt.kind == bpeModel {
			again := must(tokenizer.Parse(must(tokenizer.JSON(tok))))
			if got := framed(again); !slices.Equal(got, tt.want) {
				t.Errorf("%d, %s: read back, the ids are %v, want %v", tt.kind, tt.config, got, tt.want)
			}
		}
	}
}

// TestFolderFrame: settings of tokenizer_config.json count more than tokenizer.json in classes of
// Llama's kind, and in no other.
func TestFolderFrame(t *testing.T) {
	file := string(must(tokenizer.JSON(must(tokenizer.ParseGGUF(ggufBytes("llama-bpe", nil))))))
	bare := string(must(tokenizer.JSON(must(tokenizer.ParseGGUF(ggufBytes("gpt-2", nil))))))
	const ends = `"bos_token": "<|begin|>", "eos_token": "<|end|>"`
	tests := []struct {
		file, config string
		want         []int32
	}{
		{file, `{}`, []int32{256, 9}},
		{file, `{"add_bos_token": false, "tokenizer_class": "PreTrainedTokenizerFast"}`, []int32{256, 9}},
		{file, `{"add_bos_token": false, "tokenizer_class": "LlamaTokenizerFast"}`, []int32{9}},
		{file, `{"add_eos_token": true, "tokenizer_class": "LlamaTokenizer", ` + ends + `}`, []int32{256, 9, 257}},
		{file, `{"tokenizer_class": "GemmaTokenizer"}`, []int32{256, 9}},
		{bare, `{"tokenizer_class": "LlamaTokenizerFast"}`, []int32{9}},
		{bare, `{"add_bos_token": true, "add_eos_token": false, "tokenizer_class": "LlamaTokenizerFast", ` + ends + `}`, []int32{256, 9}},
		{bare, `{"add_bos_token": true, "tokenizer_class": "Qwen2Tokenizer", ` + ends + `}`, []int32{9}},
	}
	for _, tt := range tests {
		tok, err := tokenizer.Load(folder(t, map[string]string{"tokenizer.json": tt.file, "tokenizer_config.json": tt.config}))
		if err != nil {
			t.Errorf("%s: %v", tt.config, err)
			continue
		}
		again := must(tokenizer.Parse(must(tokenizer.JSON(tok))))
		if got, saved := framed(tok), framed(again); !slices.Equal(got, tt.want) || !slices.Equal(saved, tt.want) {
			t.Errorf("%s: ids %v, read back %v, want %v", tt.config, got, saved, tt.want)
		}
	}
}

// lettersFolder is a vocabulary of two letters in GPT-2's form.
func lettersFolder(files map[string]string) map[string]string {
	all := map[string]string{"vocab.json": `{"a": 0, "b": 1, "Ġ": 2, "ab": 3, "<|endoftext|>": 4}`, "merges.txt": "#version: 0.2\na b\n"}
	for name, data := range files {
		all[name] = data
	}
	return all
}

// modelFolder is plainModel, whose last id is 273.
func modelFolder(files map[string]string) map[string]string {
	files["tokenizer.model"] = plainModel(bpeModel)
	return files
}

// bertFolder is a vocabulary of five tokens in BERT's form.
func bertFolder(files map[string]string) map[string]string {
	files["vocab.txt"] = "[PAD]\n[UNK]\n[CLS]\n[SEP]\na\n"
	return files
}

// TestFolderAdded: older forms than tokenizer.json have the tokens that were added later in other files.
func TestFolderAdded(t *testing.T) {
	older := map[string]string{"added_tokens.json": `{"<|user|>": 275, "<|im|>": 274}`, "special_tokens_map.json": `{"eos_token": {"content": "<|im|>"}}`}
	decoder := map[string]string{"tokenizer_config.json": `{"added_tokens_decoder": {"1": {"content": "<s>", "special": true}, "274": {"content": "<|im|>", "special": true},
		"276": {"content": "<|user|>", "rstrip": true}}}`}
	both := map[string]string{"tokenizer_config.json": `{"pad_token": "<p>", "added_tokens_decoder": {"5": {"content": "<|im|>", "special": true}}}`,
		"added_tokens.json": `{"  ": 7, "<|im|>": 5, "<p>": 6}`}
	tests := []struct {
		name    string
		files   map[string]string
		text    string
		want    []int32
		special []int32
		decoded string
	}{
		{"model, older", modelFolder(older), "<|im|><|user|>", []int32{274, 275}, []int32{0, 1, 2, 274}, "<|im|><|user|>"},
		{"model, decoder", modelFolder(decoder), "<|im|><|user|>  a", []int32{274, 276, 259}, []int32{0, 1, 2, 274}, "<|im|><|user|> a"},
		{"letters", lettersFolder(both), "ab<|im|>  a<p><|endoftext|>", []int32{3, 5, 7, 0, 6, 4}, []int32{4, 5, 6}, "ab<|im|>  a<p><|endoftext|>"},
		{"bert", bertFolder(both), "a<|im|>a", []int32{4, 5, 4}, []int32{0, 1, 2, 3, 5, 6}, "a <|im|> a"},
	}
	for _, tt := range tests {
		tok, err := tokenizer.Load(folder(t, tt.files))
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		got := tok.EncodeSpecial(tt.text)
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q has ids %v, want %v", tt.name, tt.text, got, tt.want)
		}
		if d := tok.Decode(got); d != tt.decoded {
			t.Errorf("%s: %v is %q, want %q", tt.name, got, d, tt.decoded)
		}
		var special []int32
		for id := range int32(tok.Size()) {
			if tok.IsSpecial(id) {
				special = append(special, id)
			}
		}
		if !slices.Equal(special, tt.special) {
			t.Errorf("%s: special are %v, want %v", tt.name, special, tt.special)
		}
		again := must(tokenizer.Parse(must(tokenizer.JSON(tok))))
		if got := again.EncodeSpecial(tt.text); !slices.Equal(got, tt.want) {
			t.Errorf("%s: read back, %q has ids %v, want %v", tt.name, tt.text, got, tt.want)
		}
	}
}

// TestFolderRefuses: what the files say against each other is an error with the token's name.
func TestFolderRefuses(t *testing.T) {
	decoder := func(id int, content string) map[string]string {
		return map[string]string{"tokenizer_config.json": fmt.Sprintf(`{"added_tokens_decoder": {"%d": {"content": %q}}}`, id, content)}
	}
	two := decoder(9, "<|im|>")
	two["added_tokens.json"] = `{"<|im|>": 8}`
	tests := []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"another's id", lettersFolder(decoder(1, "<|im|>")), `added token "<|im|>" has the id 1, which is that of "b"`},
		{"another's id of a model", modelFolder(decoder(2, "<|im|>")), `added token "<|im|>" has the id 2, which is that of "</s>"`},
		{"another's id in BERT's", bertFolder(decoder(4, "<|im|>")), `added token "<|im|>" has the id 4, which is that of "a"`},
		{"another id", modelFolder(decoder(300, "<s>")), `added token "<s>" has the id 300, and 1 in the vocabulary`},
		{"two ids", lettersFolder(two), `added token "<|im|>" has two ids, 8 and 9`},
		{"one id twice", lettersFolder(map[string]string{"added_tokens.json": `{"x": 8, "y": 8}`}), "has the id 8, which is that of"},
		{"far away", modelFolder(decoder(1<<30, "<|im|>")), `added token "<|im|>" has the id 1073741824, outside`},
		{"negative", lettersFolder(map[string]string{"added_tokens.json": `{"x": -1}`}), "-1"},
		{"no id", lettersFolder(map[string]string{"tokenizer_config.json": `{"added_tokens_decoder": {"one": {"content": "x"}}}`}), `added_tokens_decoder: "one" is not an id`},
		{"no numbers", lettersFolder(map[string]string{"added_tokens.json": `["x"]`}), "added_tokens.json"},
		{"no beginning", modelFolder(map[string]string{"tokenizer_config.json": `{"add_bos_token": true, "bos_token": "<none>"}`}),
			`tokenizer_config.json: add_bos_token: the vocabulary has no token "<none>"`},
	}
	for _, tt := range tests {
		if _, err := tokenizer.Load(folder(t, tt.files)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want one with %q", tt.name, err, tt.want)
		}
	}
}
