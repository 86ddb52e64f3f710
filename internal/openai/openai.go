// Package openai asks a server that speaks OpenAI's HTTP interface what its model
// answers, and how likely it holds each token. It reads the forms of llama.cpp, of vLLM and
// OpenAI's own of completions. It knows two calls, completions and chat completions, and no model.
//
// What a server says is not trusted: its answers are bounded, and what can not be
// read of them is an error.
package openai

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

const (
	maxAnswer = 64 << 20         // bytes of one answer
	patience  = 10 * time.Minute // for one answer: a large model on a small machine takes its time
)

// A Server is asked for answers.
type Server struct {
	base  string // up to /v1, without a slash at its end
	model string
	key   string
	http  http.Client
}

// IsAddress says whether s is the address of a server rather than a file.
func IsAddress(s string) bool {
	return strings.HasPrefix(s, "http://") || strings.HasPrefix(s, "https://")
}

// New returns the server at address: http://HOST:PORT, with /v1 or the path below
// which it answers, and with ?model=NAME where it has several models. key is sent
// as the bearer's; "" for none.
func New(address, key string) (*Server, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("openai: the address of the server: %w", errors.Unwrap(err)) // without the address, in which a password may be
	}
	if !IsAddress(address) || u.Host == "" || u.User != nil {
		return nil, fmt.Errorf("openai: %q is no address of a server: http://HOST:PORT is", u.Redacted())
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, fmt.Errorf("openai: what is behind ? in the address of the server: %w", err)
	}
	model := query.Get("model")
	if delete(query, "model"); len(query) > 0 {
		return nil, fmt.Errorf("openai: %s behind ? in the address of the server is not known: only model=NAME is", slices.Sorted(maps.Keys(query))[0])
	}
	u.RawQuery, u.Fragment = "", ""
	if u.Path = strings.TrimRight(u.Path, "/"); u.Path == "" {
		u.Path = "/v1"
	}
	return &Server{base: u.String(), model: model, key: key, http: http.Client{Timeout: patience, CheckRedirect: stay}}, nil
}

// stay follows no redirect: the key is for one server, and most redirects make a question
// without its body of a request that has one.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// Model is the name of the model that is asked: the address's, or the only one
// that the server lists.
func (s *Server) Model(ctx context.Context) (string, error) {
	if s.model != "" {
		return s.model, nil
	}
	var list struct {
		Data []struct {
			ID string `json:"id"`
		} `json:"data"`
	}
	if err := s.do(ctx, http.MethodGet, "/models", nil, &list); err != nil {
		return "", err
	}
	switch len(list.Data) {
	case 0:
		return "", fmt.Errorf("openai: %s has no model loaded", s.base)
	case 1:
		s.model = list.Data[0].ID
		return s.model, nil
	}
	var names []string
	for _, m := range list.Data[:min(len(list.Data), 20)] {
		names = append(names, m.ID)
	}
	return "", fmt.Errorf("openai: %s has %d models: choose one by ?model=NAME behind the address: %s", s.base, len(list.Data), strings.Join(names, ", "))
}

// do sends one request and reads the answer's JSON into answer.
func (s *Server) do(ctx context.Context, method, path string, body, answer any) error {
	var sent io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return fmt.Errorf("openai: %w", err)
		}
		sent = bytes.NewReader(b)
	}
	r, err := http.NewRequestWithContext(ctx, method, s.base+path, sent)
	if err != nil {
		return fmt.Errorf("openai: %w", err)
	}
	r.Header.Set("Content-Type", "application/json")
	if s.key != "" {
		r.Header.Set("Authorization", "Bearer "+s.key)
	}
	reply, err := s.http.Do(r)
	if err != nil {
		return errors.Join(ctx.Err(), fmt.Errorf("openai: %w%s", err, unreached(err)))
	}
	defer reply.Body.Close()
	text, err := io.ReadAll(io.LimitReader(reply.Body, maxAnswer+1))
	switch {
	case err != nil:
		return fmt.Errorf("openai: %s%s: the answer broke off: %w", s.base, path, err)
	case len(text) > maxAnswer:
		return fmt.Errorf("openai: %s%s answers with more than %d bytes", s.base, path, maxAnswer)
	case reply.StatusCode != http.StatusOK:
		return &Refusal{Status: reply.StatusCode, text: fmt.Sprintf("openai: %s%s answers %s%s", s.base, path, reply.Status, refusal(reply, text))}
	}
	if err := json.Unmarshal(text, answer); err != nil {
		return fmt.Errorf("openai: %s%s: the answer is not what OpenAI's interface has: %w", s.base, path, err)
	}
	return nil
}

// unreached asks the user what may be wrong where nobody listens; other errors say it themselves.
func unreached(err error) string {
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		return ": is the server running?"
	}
	return ""
}

// A Refusal is an answer of another status than 200.
type Refusal struct {
	Status int
	text   string
}

func (r *Refusal) Error() string { return r.text }

// refusal is what the server says of an error, where it says it as servers do: OpenAI's in an object, others in a
// text, or beside it.
func refusal(reply *http.Response, body []byte) string {
	if to, err := reply.Location(); err == nil {
		return fmt.Sprintf(": it is at %.300s, give that address", to.Redacted())
	}
	var said struct {
		Error           json.RawMessage
		Message, Detail any
	}
	var inner struct{ Message any }
	var text any
	if json.Unmarshal(body, &said) == nil {
		_, _ = json.Unmarshal(said.Error, &inner), json.Unmarshal(said.Error, &text) // one of them does not fit
	}
	for _, x := range []any{inner.Message, text, said.Message, said.Detail} {
		if s, ok := x.(string); ok && s != "" {
			return fmt.Sprintf(": %.300s", s)
		}
	}
	return ""
}
