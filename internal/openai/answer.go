package openai

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"
)

// An Answer is what a server made of a prompt.
type Answer struct {
	Text   string
	Prompt int // tokens of the prompt; 0: the server does not say
	Tokens []Token
}

// A Token is one of an answer: what was drawn, and what was likeliest there.
type Token struct {
	Choice
	Top []Choice
}

// A Choice is a token and its log-probability, in nats.
type Choice struct {
	ID      int32  // −1: the server does not say it
	Bytes   []byte // nil: nor these
	LogProb float64
}

// A Message is one of a conversation.
type Message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

// Complete asks how the model goes on after prompt: at most tokens tokens, each the
// likeliest, with the top likeliest of each place.
func (s *Server) Complete(ctx context.Context, prompt string, tokens, top int) (*Answer, error) {
	return s.ask(ctx, "/completions", map[string]any{"prompt": prompt, "logprobs": top}, tokens)
}

// Chat asks what the model answers to a conversation, likewise.
func (s *Server) Chat(ctx context.Context, messages []Message, tokens, top int) (*Answer, error) {
	return s.ask(ctx, "/chat/completions", map[string]any{"messages": messages, "logprobs": true, "top_logprobs": top}, tokens)
}

// ask sends a request. return_tokens_as_token_ids is vLLM's: the names of tokens are their ids.
func (s *Server) ask(ctx context.Context, path string, request map[string]any, tokens int) (*Answer, error) {
	model, err := s.Model(ctx)
	if err != nil {
		return nil, err
	}
	request["model"], request["max_tokens"], request["temperature"] = model, tokens, 0
	request["return_tokens_as_token_ids"] = true
	var r reply
	if err := s.do(ctx, http.MethodPost, path, request, &r); err != nil {
		return nil, err
	}
	a, err := r.answer()
	if err != nil {
		return nil, fmt.Errorf("openai: %s%s: %w", s.base, path, err)
	}
	return a, nil
}

// A reply is the JSON of both calls: a completion has text, a chat a message.
type reply struct {
	Choices []struct {
		Text    string `json:"text"`
		Message struct {
			Content string `json:"content"`
		} `json:"message"`
		LogProbs *struct {
			completionLogProbs
			Content []place `json:"content"`
		} `json:"logprobs"`
	} `json:"choices"`
	Usage struct {
		Prompt int `json:"prompt_tokens"`
	} `json:"usage"`
}

// completionLogProbs is the form of completions, which llama.cpp has left for that of chats.
type completionLogProbs struct {
	Tokens []string              `json:"tokens"`
	Drawn  []*float64            `json:"token_logprobs"`
	Top    []map[string]*float64 `json:"top_logprobs"`
}

// A place is a token in the form of chats; llama.cpp adds its id.
type place struct {
	candidate
	Top []candidate `json:"top_logprobs"`
}

type candidate struct {
	ID      *int32   `json:"id"`
	Token   string   `json:"token"`
	Bytes   []byte   `json:"bytes"` // a list of numbers
	LogProb *float64 `json:"logprob"`
}

func (r *reply) answer() (*Answer, error) {
	if len(r.Choices) == 0 {
		return nil, errors.New("the answer has no choices")
	}
	c := r.Choices[0]
	a := &Answer{Text: cmp.Or(c.Text, c.Message.Content), Prompt: r.Usage.Prompt}
	l := c.LogProbs
	if l == nil {
		return nil, errors.New("the answer has no logprobs: this server does not tell how likely it holds its tokens")
	}
	places := l.Content
	if places == nil {
		var err error
		if places, err = l.places(); err != nil {
			return nil, err
		}
	}
	return a, a.take(places)
}

const (
	least    = -9999 // and null are −∞, which JSON has not
	rounding = 0.01  // of the probabilities of a place
)

// told is the probability of the likeliest together, or that of the token where it is more.
func (t *Token) told() float64 {
	sum := 0.0
	for _, c := range t.Top {
		sum += math.Exp(c.LogProb)
	}
	return max(sum, math.Exp(t.LogProb))
}

// take appends tokens of the form of chats.
func (a *Answer) take(places []place) error {
	for i, p := range places {
		if p.LogProb == nil {
			return fmt.Errorf("token %d of the answer has no log-probability", i)
		}
		t := Token{Choice: p.choice()}
		for _, c := range p.Top {
			if c.LogProb != nil && *c.LogProb > least {
				t.Top = append(t.Top, c.choice())
			}
		}
		if sum := t.told(); !(sum <= 1+rounding) {
			return fmt.Errorf("token %d of the answer has probabilities of %.3g in all, which is more than 1: are its logprobs logits?", i, sum)
		}
		a.Tokens = append(a.Tokens, t)
	}
	return nil
}

// places are the completion's tokens in the form of chats.
func (l *completionLogProbs) places() ([]place, error) {
	if len(l.Drawn) != len(l.Tokens) || len(l.Top) != len(l.Tokens) {
		return nil, fmt.Errorf("logprobs has %d tokens, %d log-probabilities and %d lists of the likeliest", len(l.Tokens), len(l.Drawn), len(l.Top))
	}
	places := make([]place, len(l.Tokens))
	for i, name := range l.Tokens {
		places[i].candidate = candidate{Token: name, LogProb: l.Drawn[i]}
		for name, p := range l.Top[i] {
			places[i].Top = append(places[i].Top, candidate{Token: name, LogProb: p})
		}
	}
	return places, nil
}

// choice reads the id from where it is, and the bytes else.
func (c *candidate) choice() Choice {
	x := Choice{ID: -1, Bytes: c.Bytes, LogProb: *c.LogProb}
	if x.Bytes == nil && !strings.ContainsRune(c.Token, utf8.RuneError) { // which would be a part of a character
		x.Bytes = []byte(c.Token)
	}
	if c.ID != nil && *c.ID >= 0 {
		x.ID = *c.ID
	} else if number, ok := strings.CutPrefix(c.Token, "token_id:"); ok {
		if id, err := strconv.ParseInt(number, 10, 32); err == nil && id >= 0 {
			x.ID = int32(id)
		}
	}
	return x
}
