package openai

import (
	"encoding/json"
	"io"
	"log"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// answers runs a server that says this to everybody.
func answers(t *testing.T, status int, body string) *Server {
	t.Helper()
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(status)
		w.Write([]byte(body))
	}))
	t.Cleanup(h.Close)
	s, err := New(h.URL+"?model=m", "")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestForms: the same two tokens as llama.cpp, vLLM and the oldest form write them.
func TestForms(t *testing.T) {
	for name, logprobs := range map[string]string{
		"llama.cpp": `{"content":[{"id":7,"token":" a","bytes":[32,97],"logprob":-0.5,"top_logprobs":[{"id":7,"token":" a","bytes":[32,97],"logprob":-0.5},{"id":9,"token":"x","bytes":null,"logprob":null},{"id":10,"token":"y","bytes":null,"logprob":-9999}]},
			{"id":8,"token":"","bytes":[226,128],"logprob":-1,"top_logprobs":[]}]}`,
		"vllm":     `{"tokens":["token_id:7","token_id:8"],"token_logprobs":[-0.5,-1],"top_logprobs":[{"token_id:7":-0.5},{}]}`,
		"by texts": `{"tokens":[" a","\ufffd"],"token_logprobs":[-0.5,-1],"top_logprobs":[{" a":-0.5,"x":null},{}],"text_offset":[0,2]}`,
	} {
		a, err := answers(t, 200, `{"choices":[{"text":" a","logprobs":`+logprobs+`}],"usage":{"prompt_tokens":3}}`).Complete(t.Context(), "p", 2, 5)
		if err != nil {
			t.Fatal(name, ": ", err)
		}
		if a.Text != " a" || a.Prompt != 3 || len(a.Tokens) != 2 || len(a.Tokens[0].Top) != 1 || a.Tokens[0].LogProb != -0.5 || a.Tokens[1].LogProb != -1 {
			t.Fatalf("%s: %+v", name, a)
		}
		ids := name != "by texts"
		if first, second := a.Tokens[0], a.Tokens[1]; ids != (first.ID == 7 && second.ID == 8) || !ids && (string(first.Bytes) != " a" || second.Bytes != nil) {
			t.Errorf("%s: %+v", name, a.Tokens)
		}
	}
}

// TestRefused: each answer that is none is an error that says what is wrong.
func TestRefused(t *testing.T) {
	for body, says := range map[string]string{
		`<html>`:         "not what OpenAI's interface has",
		`{"choices":[]}`: "no choices",
		`{"choices":[{"text":"a","logprobs":null}]}`:                                                           "no logprobs",
		`{"choices":[{"logprobs":{"tokens":["a"],"token_logprobs":[],"top_logprobs":[]}}]}`:                    "1 tokens, 0 log-probabilities",
		`{"choices":[{"logprobs":{"content":[{"token":"a","logprob":null}]}}]}`:                                "token 0 of the answer has no log-probability",
		`{"choices":[{"logprobs":{"content":[{"token":"a","logprob":15.5}]}}]}`:                                "which is more than 1: are its logprobs logits?",
		`{"choices":[{"logprobs":{"tokens":["a"],"token_logprobs":[0],"top_logprobs":[{"a":0,"b":-0.5}]}}]}`:   "token 0 of the answer has probabilities of 1.61 in all",
		`{"choices":[{"logprobs":{"content":[{"token":"a","logprob":0,"bytes":[256],"top_logprobs":null}]}}]}`: "not what OpenAI's interface has",
		strings.Repeat(" ", maxAnswer+2):                                                                       "answers with more than",
	} {
		if _, err := answers(t, 200, body).Complete(t.Context(), "p", 1, 5); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%.60s: %v, want %q", body, err, says)
		}
	}
	if _, err := answers(t, 503, `{"error":{"message":"Loading model","code":503}}`).Chat(t.Context(), nil, 1, 5); err == nil || !strings.Contains(err.Error(), "503 Service Unavailable: Loading model") {
		t.Error(err)
	}
}

// TestRefusals: the reason of an error is told in the forms that servers have for it.
func TestRefusals(t *testing.T) {
	for _, body := range []string{`{"error":{"message":"why"}}`, `{"error":"why"}`, `{"object":"error","message":"why","code":400}`, `{"detail":"why"}`} {
		if _, err := answers(t, 400, body).Complete(t.Context(), "p", 1, 5); err == nil || !strings.HasSuffix(err.Error(), "400 Bad Request: why") {
			t.Errorf("%s: %v", body, err)
		}
	}
	for _, body := range []string{`why`, `{"detail":[{"msg":"why"}]}`, `{"error":null}`, `[]`} {
		if _, err := answers(t, 400, body).Complete(t.Context(), "p", 1, 5); err == nil || !strings.HasSuffix(err.Error(), "400 Bad Request") {
			t.Errorf("%s: %v", body, err)
		}
	}
}

// TestRedirect: nothing is sent to where a server points, the key least of all.
func TestRedirect(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("was asked") }))
	defer elsewhere.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		h := httptest.NewServer(http.RedirectHandler(elsewhere.URL+"/v1", status))
		s, err := New(h.URL, "secret")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Model(t.Context()); err == nil || !strings.Contains(err.Error(), "it is at "+elsewhere.URL+"/v1, give that address") {
			t.Errorf("%d: %v", status, err)
		}
		h.Close()
	}
}

// TestUnreached: only where nobody listens is it asked whether the server runs.
func TestUnreached(t *testing.T) {
	h := httptest.NewTLSServer(http.NotFoundHandler())
	h.Config.ErrorLog = log.New(io.Discard, "", 0)
	defer h.Close()
	for address, asked := range map[string]bool{h.URL: false, "http://127.0.0.1:1": true} {
		s, err := New(address, "")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Model(t.Context()); err == nil || strings.Contains(err.Error(), "is the server running?") != asked {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func TestAddresses(t *testing.T) {
	for address, base := range map[string]string{
		"http://localhost:8080":                    "http://localhost:8080/v1",
		"http://localhost:8080/":                   "http://localhost:8080/v1",
		"https://host/api/v1/?model=org/name#part": "https://host/api/v1",
	} {
		if s, err := New(address, ""); err != nil || s.base != base {
			t.Errorf("%s: %v, %v", address, s, err)
		}
	}
	for _, address := range []string{"ftp://host", "http://", "host:80", "http://user:password@host", "http://a b", "http://user:password%zz@host", "http://host?api-version=1", "http://host?model=a;b"} {
		if _, err := New(address, ""); err == nil || strings.Contains(err.Error(), "password") {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// FuzzReply: whatever a server says is an answer whose log-probabilities are numbers, or an error.
func FuzzReply(f *testing.F) {
	f.Add(`{"choices":[{"text":"a","logprobs":{"content":[{"id":-3,"token":"a","logprob":-1,"top_logprobs":[{"token":"token_id:99999999999","logprob":0}]}]}}]}`)
	f.Add(`{"choices":[{"logprobs":{"tokens":["a",""],"token_logprobs":[null,1],"top_logprobs":[null,{}]}}]}`)
	f.Fuzz(func(t *testing.T, body string) {
		var r reply
		if json.Unmarshal([]byte(body), &r) != nil {
			return
		}
		a, err := r.answer()
		if err != nil {
			return
		}
		for _, token := range a.Tokens {
			if math.IsNaN(token.LogProb) || token.ID < -1 {
				t.Fatalf("%+v", token)
			}
		}
	})
}
