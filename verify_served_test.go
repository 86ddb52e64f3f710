package inkstone_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/generate"
	"github.com/inkstone-ai/inkstone/tokenizer"
)

// A standIn is a server with the calls of OpenAI's interface that verify makes. Its form
// of log-probabilities is llama.cpp's, vLLM's or the oldest, whose tokens are texts.
type standIn struct {
	model    *inkstone.Model
	template *tokenizer.ChatTemplate
	form     string
	off      float32  // added to each log-probability
	shift    string   // put before each prompt
	mute     bool     // tells no log-probabilities
	endless  bool     // repeats its answer far beyond max_tokens
	down     *int     // counts the questions, none of which it answers
	list     []string // of models
}

func (s *standIn) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer secret" {
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(w, `{"error":{"message":"Invalid API key","type":"authentication_error"}}`)
		return
	}
	if r.URL.Path == "/v1/models" {
		var data []map[string]string
		for _, name := range s.list {
			data = append(data, map[string]string{"id": name, "object": "model"})
		}
		json.NewEncoder(w).Encode(map[string]any{"object": "list", "data": data})
		return
	}
	var asked struct {
		Model, Prompt string
		Messages      []tokenizer.Message
		MaxTokens     int `json:"max_tokens"`
	}
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil || asked.Model != "tiny" {
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprintf(w, `{"error":{"message":"no model %s"}}`, asked.Model)
		return
	}
	if s.down != nil {
		*s.down++
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprint(w, `{"error":{"message":"Loading model"}}`)
		return
	}
	chat := strings.HasSuffix(r.URL.Path, "/chat/completions")
	if chat {
		asked.Prompt, _ = s.template.Render(asked.Messages, tokenizer.RenderOptions{AddGenerationPrompt: true})
	}
	prompt := s.shift + asked.Prompt
	var text strings.Builder
	var tokens []generate.Token
	for t, err := range s.model.Generate(r.Context(), prompt, inkstone.GenerateOptions{MaxTokens: asked.MaxTokens, Special: chat, LogProbs: 6}) {
		if err != nil {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		text.WriteString(t.Text)
		if t.Finish != generate.Ended {
			tokens = append(tokens, t)
		}
	}
	if s.endless {
		tokens = slices.Repeat(tokens, 20)
	}
	count := len(s.model.Tokenizer().Encode(prompt))
	if chat {
		count = len(s.model.Tokenizer().EncodeSpecial(prompt))
	}
	choice := map[string]any{"text": text.String(), "message": map[string]string{"content": text.String()}, "logprobs": s.logProbs(tokens)}
	json.NewEncoder(w).Encode(map[string]any{"choices": []any{choice}, "usage": map[string]int{"prompt_tokens": count}})
}

// logProbs writes tokens in the server's form.
func (s *standIn) logProbs(tokens []generate.Token) any {
	if s.mute {
		return nil
	}
	name := func(id int32) string {
		if s.form == "vllm" {
			return fmt.Sprint("token_id:", id)
		}
		b, _ := s.model.Tokenizer().Token(id)
		return strings.ToValidUTF8(string(b), "\uFFFD")
	}
	candidate := func(id int32, p float32) map[string]any {
		return map[string]any{"id": id, "token": name(id), "logprob": p + s.off}
	}
	var places []any
	var names []string
	var drawn []float32
	var tops []map[string]float32
	for _, t := range tokens {
		p, top, list := candidate(t.ID, t.LogProb), map[string]float32{}, []any{}
		for _, r := range t.Top {
			list, top[name(r.ID)] = append(list, candidate(r.ID, r.LogProb)), r.LogProb+s.off
		}
		p["top_logprobs"] = list
		places, names, drawn, tops = append(places, p), append(names, name(t.ID)), append(drawn, t.LogProb+s.off), append(tops, top)
	}
	if s.form == "llama.cpp" {
		return map[string]any{"content": places}
	}
	return map[string]any{"tokens": names, "token_logprobs": drawn, "top_logprobs": tops}
}

// servable is verifiable whose window holds a conversation.
func servable(t *testing.T) (dir string) {
	t.Helper()
	dir, _ = verifiable(t)
	path := filepath.Join(dir, "config.json")
	config, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	write(path, regexp.MustCompile(`"max_position_embeddings": *64`).ReplaceAllString(string(config), `"max_position_embeddings": 160`))
	return dir
}

// serving starts a stand-in for the model of dir.
func serving(t *testing.T, dir, form string, change func(s *standIn)) (address string) {
	t.Helper()
	m, err := inkstone.Load(dir, &inkstone.LoadOptions{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	template, err := tokenizer.ParseTemplate(tokenizer.ChatML)
	if err != nil {
		t.Fatal(err)
	}
	s := &standIn{model: m, template: template, form: form, list: []string{"tiny"}}
	if change != nil {
		change(s)
	}
	server := httptest.NewServer(s)
	t.Cleanup(func() { server.Close(); m.Close() })
	t.Setenv("INKSTONE_API_KEY", "secret")
	return server.URL
}

// TestVerifyServer: what a server of the same weights answers is within the bounds, in each
// form that servers have, and of its quantised file within those of the type.
func TestVerifyServer(t *testing.T) {
	dir := servable(t)
	o := inkstone.VerifyOptions{Text: book(t, strings.Repeat(counting, 20)), Tokens: 200, Threads: 1, ServerType: "F32"}
	for _, form := range []string{"llama.cpp", "vllm", "texts"} {
		v, err := inkstone.Verify(t.Context(), dir, serving(t, dir, form, nil), o)
		if err != nil {
			t.Fatal(form, ": ", err)
		}
		cut := form == "texts" // at tokens that are parts of characters, which have no text
		if !v.OK || v.Server != "tiny" || v.Tokens < 100 || v.Parity.Positions != v.Tokens || v.Template != "same" || v.RoundTrip != "exact" || v.Unknown > 0 != cut || v.Bound.Type != "F32" {
			t.Errorf("%s: %+v", form, v)
		}
	}
	file := filepath.Join(t.TempDir(), "model.gguf")
	if _, err := inkstone.Convert(dir, file, &inkstone.ConvertOptions{Type: "Q8_0", Threads: 1}); err != nil {
		t.Fatal(err)
	}
	o.ServerType = ""
	if v, err := inkstone.Verify(t.Context(), dir, serving(t, dir, "llama.cpp", nil), o); err != nil || !v.OK || v.Bound.Type != "F16" || len(v.TypesB) > 0 {
		t.Errorf("no type is said: %+v, %v", v, err)
	}
	o.ServerType = "Q8_0"
	v, err := inkstone.Verify(t.Context(), dir, serving(t, file, "llama.cpp", nil), o)
	if err != nil {
		t.Fatal(err)
	}
	if v.Bound.Type != "Q8_0" || v.Parity.MaxDiff == 0 || v.Parity.KL > 2e-3 || v.Tokenizer != "same" {
		t.Errorf("Q8_0: %+v", v)
	}
}

// TestVerifyServerFails: what is wrong with a server is told.
func TestVerifyServerFails(t *testing.T) {
	dir := servable(t)
	other := servable(t)
	rewriteWeights(t, other, func(name string, x []float32) {
		if strings.Contains(name, "down_proj") {
			x[0] += 3
		}
	})
	for _, tt := range []struct {
		name, dir string
		change    func(s *standIn)
		says      string
	}{
		{"a weight", other, nil, "the largest logit difference is"},
		{"log-probabilities", dir, func(s *standIn) { s.off = 0.01 }, "the largest logit difference is 0.01"},
		{"a token before each prompt", dir, func(s *standIn) { s.shift = "one " }, "the tokenizers differ: the server reads"},
		{"a template", dir, func(s *standIn) {
			s.template, _ = tokenizer.ParseTemplate(strings.Replace(tokenizer.ChatML, "<|im_end|>", "<|im_end|> and so on", 1))
		}, "the chat templates differ: the server reads"},
	} {
		v, err := inkstone.Verify(t.Context(), dir, serving(t, tt.dir, "llama.cpp", tt.change), inkstone.VerifyOptions{Tokens: 64, Threads: 1, ServerType: "F32"})
		if err != nil {
			t.Fatal(tt.name, ": ", err)
		}
		if v.OK || !strings.Contains(strings.Join(v.Failures, "\n"), tt.says) {
			t.Errorf("%s: OK %v, %q, want %q", tt.name, v.OK, v.Failures, tt.says)
		}
	}
}

// TestVerifyServerOther: a server of other weights is found out in each type that has a bound, those too that are
// bounded by perplexity: its own words are likelier to it than to any other model.
func TestVerifyServerOther(t *testing.T) {
	dir, other := servable(t), servable(t)
	rewriteWeights(t, other, func(name string, x []float32) {
		for i := range x {
			x[i] += x[(7*i+3)%len(x)]
		}
	})
	address := serving(t, other, "llama.cpp", nil)
	for _, kind := range []string{"F16", "Q8_0", "Q6_K", "Q4_K_M"} {
		v, err := inkstone.Verify(t.Context(), dir, address, inkstone.VerifyOptions{Tokens: 64, Threads: 1, ServerType: kind})
		if err != nil || v.OK || v.Bound.Perplexity > 0 {
			t.Errorf("%s: %+v, %v", kind, v, err)
		}
	}
}

// TestVerifyServerDown: a server that answers nothing is not asked for ever.
func TestVerifyServerDown(t *testing.T) {
	dir, asked := servable(t), 0
	address := serving(t, dir, "llama.cpp", func(s *standIn) { s.down = &asked })
	_, err := inkstone.Verify(t.Context(), dir, address, inkstone.VerifyOptions{Threads: 1})
	if err == nil || !strings.Contains(err.Error(), "503 Service Unavailable: Loading model") || asked != 16 {
		t.Errorf("%d questions, %v", asked, err)
	}
}

// TestVerifyServerEndless: of an answer longer than asked for the part that was asked for is
// compared: more would not fit the model's window.
func TestVerifyServerEndless(t *testing.T) {
	for _, dir := range []string{servable(t), convertible(t, convertGPT2)} { // one of them has a row for each position
		v, err := inkstone.Verify(t.Context(), dir, serving(t, dir, "llama.cpp", func(s *standIn) { s.endless = true }), inkstone.VerifyOptions{Tokens: 64, Threads: 1})
		if err != nil {
			t.Fatal(err)
		}
		if v.OK || !strings.Contains(strings.Join(v.Failures, "\n"), "more tokens than asked for") || v.Parity.MaxDiff > 1e-4 {
			t.Errorf("%q, %+v", v.Failures, v.Parity)
		}
	}
}

// TestVerifyServerErrors: what is no server, or none that can be compared, is an error that says so.
func TestVerifyServerErrors(t *testing.T) {
	dir := servable(t)
	address := serving(t, dir, "llama.cpp", nil)
	for _, tt := range []struct{ name, a, b, kind, says string }{
		{"the wrong way round", address, dir, "", "give it as the second"},
		{"nobody there", dir, "http://127.0.0.1:1", "", "is the server running?"},
		{"no host", dir, "http:///v1", "", "is no address of a server"},
		{"another path", dir, address + "/elsewhere", "", "404"},
		{"another model", dir, address + "?model=other", "", "no model other"},
		{"no type", dir, address, "Q9", "no type of weights"},
		{"no logprobs", dir, serving(t, dir, "", func(s *standIn) { s.mute = true }), "", "no logprobs"},
		{"several models", dir, serving(t, dir, "", func(s *standIn) { s.list = []string{"tiny", "large"} }), "", "?model=NAME behind the address: tiny, large"},
		{"none", dir, serving(t, dir, "", func(s *standIn) { s.list = nil }), "", "has no model loaded"},
	} {
		_, err := inkstone.Verify(t.Context(), tt.a, tt.b, inkstone.VerifyOptions{Tokens: 8, Threads: 1, ServerType: tt.kind})
		if err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.says)
		}
	}
	t.Setenv("INKSTONE_API_KEY", "")
	if _, err := inkstone.Verify(t.Context(), dir, address, inkstone.VerifyOptions{}); err == nil || !strings.Contains(err.Error(), "401 Unauthorized: Invalid API key") {
		t.Errorf("without the key: %v", err)
	}
}
