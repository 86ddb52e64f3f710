package inkstone

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/inkstone-ai/inkstone/eval"
	"github.com/inkstone-ai/inkstone/internal/openai"
	"github.com/inkstone-ai/inkstone/tokenizer"
)

const (
	servedPiece  = 64 // tokens of one prompt
	servedAnswer = 32 // of one answer
	servedTop    = 5  // log-probabilities of a place: the most that every server tells
	servedTries  = 16 // prompts in a row that give no token: the others are not asked
)

// IsServer says whether [Verify] takes name for the address of a running server.
func IsServer(name string) bool { return openai.IsAddress(name) }

// verifyServer compares the answers of the server at address b with what model a holds of
// them. The server is asked as its users ask it: by text, so that its tokenizer, its
// template and its samplers are met too.
func verifyServer(ctx context.Context, a, b string, o VerifyOptions) (v *Verified, err error) {
	kind, err := weightType(o.ServerType)
	if err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	text, name, err := verifyText(o.Text)
	if err != nil {
		return nil, err
	}
	server, err := openai.New(b, os.Getenv("INKSTONE_API_KEY"))
	if err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	model, err := server.Model(ctx) // before the weights are read: it may not run
	if err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	left, err := Load(a, &LoadOptions{Threads: o.Threads, Adapters: o.Adapters, exact: true})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, left.Close()) }()
	if left.templateErr != nil {
		return nil, left.templateErr
	}
	v = &Verified{A: a, Adapters: o.Adapters, B: b, Server: model, TypesA: left.types(), TypesB: []string{}, Text: name, Failures: []string{}, Tokenizer: "same", RoundTrip: "exact"}
	if o.ServerType != "" {
		v.TypesB = append(v.TypesB, kind)
	}
	s := served{Verified: v, model: left, server: server}
	if err := s.ask(ctx, text, o); err != nil {
		return nil, fmt.Errorf("verify: %s: %w", b, err)
	}
	if err := s.compare(ctx); err != nil {
		return nil, fmt.Errorf("verify: %s and %s: %w", a, b, err)
	}
	v.OK = len(v.Failures) == 0
	return v, nil
}

// A served is a comparison with a server that is under way.
type served struct {
	*Verified
	model   *Model
	server  *openai.Server
	answers []eval.Served
	broken  error // the first

	overlong bool // an answer has more tokens than asked for, which is said once
}

// ask has the server go on after pieces of the text, and answer a conversation.
func (s *served) ask(ctx context.Context, text string, o VerifyOptions) error {
	window, err := o.window(s.model)
	if err != nil {
		return err
	}
	ids, budget := s.model.tok.Encode(text), o.tokens()
	piece := min(servedPiece, window-servedAnswer)
	if piece < 1 {
		return fmt.Errorf("a window of %d tokens has no place for an answer of %d: set --context", window, servedAnswer)
	}
	tries := 0
	for at := 0; at < len(ids) && s.Tokens < budget && tries < servedTries; at += piece {
		prompt, before := strings.ToValidUTF8(s.model.tok.Decode(ids[at:min(at+piece, len(ids))]), ""), s.Tokens
		if err := s.complete(ctx, prompt, min(servedAnswer, budget-s.Tokens)); !s.broke(err) && err != nil {
			return err
		}
		if tries++; s.Tokens > before {
			tries = 0
		}
		if o.Progress != nil {
			o.Progress(min(s.Tokens, budget), budget)
		}
	}
	switch {
	case s.Tokens > 0:
	case s.Unknown > 0:
		return errors.New("no token of the answers is one of the model's vocabulary")
	default:
		return cmp.Or(s.broken, errors.New("the server answered with no token at all: is the text empty?"))
	}
	if tries == servedTries {
		s.Failures = append(s.Failures, fmt.Sprintf("%d prompts in a row got no answer: the others were not asked", tries))
	}
	if err := s.chat(ctx); !s.broke(err) && err != nil {
		return err
	}
	if s.Broken > 0 {
		s.Failures = append(s.Failures, fmt.Sprintf("%d requests failed, the first with %v", s.Broken, s.broken))
	}
	return nil
}

// broke counts an answer that the server broke down over, which is a finding and no end: the
// others are compared.
func (s *served) broke(err error) bool {
	var refusal *openai.Refusal
	if !errors.As(err, &refusal) || refusal.Status < http.StatusInternalServerError {
		return false
	}
	if s.Broken++; s.broken == nil {
		s.broken = err
	}
	return true
}

// complete asks for what follows prompt, as OpenAI's completions are asked for.
func (s *served) complete(ctx context.Context, prompt string, tokens int) error {
	ids := slices.Concat(tokenizer.Begin(s.model.tok), s.model.tok.Encode(prompt))
	tokens = s.room(ids, tokens)
	if prompt == "" || tokens < 1 { // the part of a character; a text that is more tokens by itself
		return nil
	}
	answer, err := s.server.Complete(ctx, prompt, tokens, servedTop)
	if err != nil {
		return err
	}
	if answer.Prompt != 0 && answer.Prompt != len(ids) && s.Tokenizer == "same" {
		s.Tokenizer = fmt.Sprintf("the server reads %d tokens where the model's tokenizer makes %d, of the text that begins with %q", answer.Prompt, len(ids), prompt[:min(len(prompt), 30)])
		s.Failures = append(s.Failures, "the tokenizers differ: "+s.Tokenizer)
	}
	drawn := s.add(ids, answer, tokens)
	mine, its := s.following(ids, drawn), wholeRunes(answer.Text)
	if mine != its && s.RoundTrip == "exact" && len(drawn) == len(answer.Tokens) {
		s.RoundTrip = "the text of an answer is not that of its tokens: " + around(mine, its)
		s.Failures = append(s.Failures, s.RoundTrip)
	}
	return nil
}

// room is how many of so many tokens the model's window holds behind a prompt.
func (s *served) room(prompt []int32, tokens int) int {
	if most := s.model.Context(); most > 0 {
		return min(tokens, most-len(prompt))
	}
	return tokens
}

// add keeps an answer up to the number of tokens that was asked for, or to the first whose id can not be told, and
// returns its ids.
func (s *served) add(prompt []int32, answer *openai.Answer, asked int) (ids []int32) {
	one := eval.Served{Prompt: prompt}
	tokens := answer.Tokens
	if len(tokens) > asked {
		if tokens = tokens[:asked]; !s.overlong {
			s.overlong = true
			s.Failures = append(s.Failures, fmt.Sprintf("the server sends more tokens than asked for: %d, not %d", len(answer.Tokens), asked))
		}
	}
	for _, t := range tokens {
		id, ok := s.id(t.Choice)
		if !ok {
			s.Unknown++
			break
		}
		d := eval.Draw{Choice: eval.Choice{ID: id, LogProb: t.LogProb}}
		for _, c := range t.Top {
			if id, ok := s.id(c); ok {
				d.Top = append(d.Top, eval.Choice{ID: id, LogProb: c.LogProb})
			}
		}
		one.Drawn, ids = append(one.Drawn, d), append(ids, id)
	}
	s.Tokens += len(ids)
	s.answers = append(s.answers, one)
	return ids
}

// following is the text of ids behind prompt. A token that ends the answer has none.
func (s *served) following(prompt, ids []int32) string {
	tok := s.model.tok
	if n := len(ids); n > 0 && tok.IsSpecial(ids[n-1]) {
		ids = ids[:n-1]
	}
	before, whole := tok.Decode(prompt), tok.Decode(slices.Concat(prompt, ids))
	text, _ := strings.CutPrefix(whole, before)
	return wholeRunes(text)
}

// wholeRunes is text without the parts of characters that a cut leaves, which servers write each
// in its own way.
func wholeRunes(text string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text, ""), string(utf8.RuneError), "")
}

// chat has the server answer a conversation, whose prompt its own template writes.
func (s *served) chat(ctx context.Context) error {
	if s.Template = "none"; s.model.template == nil {
		return nil
	}
	messages := verifyChat
	ids, err := s.model.template.PromptIDs(s.model.tok, messages, tokenizer.RenderOptions{})
	if err != nil { // some refuse a system's message
		messages = verifyChat[1:]
		if ids, err = s.model.template.PromptIDs(s.model.tok, messages, tokenizer.RenderOptions{}); err != nil {
			return err
		}
	}
	room := s.room(ids, servedAnswer)
	if room < 1 {
		s.Template = fmt.Sprintf("not compared: the conversation has %d tokens, the context %d", len(ids), s.model.Context())
		return nil
	}
	var asked []openai.Message
	for _, m := range messages {
		asked = append(asked, openai.Message{Role: m.Role, Content: m.Content})
	}
	answer, err := s.server.Chat(ctx, asked, room, servedTop)
	if err != nil {
		return err
	}
	s.Template = "same"
	if answer.Prompt != 0 && answer.Prompt != len(ids) {
		s.Template = fmt.Sprintf("the server reads a conversation as %d tokens, the model's template writes %d", answer.Prompt, len(ids))
		s.Failures = append(s.Failures, "the chat templates differ: "+s.Template)
		return nil
	}
	s.add(ids, answer, room)
	return nil
}

// compare measures the answers.
func (s *served) compare(ctx context.Context) (err error) {
	theirs := s.TypesB
	if len(theirs) == 0 {
		theirs = []string{"F16"} // in which servers keep keys and values, whatever their weights are
	}
	s.Bound = eval.BoundOf(append(slices.Clone(s.TypesA), theirs...)).Served()
	s.model.pack()
	if s.Parity, err = eval.ComparedServed(ctx, s.model.loaded.LM, s.answers); err != nil {
		return err
	}
	s.measured()
	return nil
}

// weightType reads a type of weights or the name of a preset, as Q8_0 or Q4_K_M, whose
// most frequent type it is.
func weightType(name string) (string, error) {
	kind := strings.ToUpper(name)
	for _, size := range []string{"_S", "_M", "_L"} {
		kind = strings.TrimSuffix(kind, size)
	}
	if name != "" && !eval.HasType(kind) {
		return "", fmt.Errorf("%q is no type of weights: F32, F16, BF16, Q8_0 and Q4_K_M are some", name)
	}
	return kind, nil
}

// id is the token that a server means, by its id or by its bytes.
func (s *served) id(c openai.Choice) (int32, bool) {
	if c.ID >= 0 || c.Bytes == nil {
		return c.ID, c.ID >= 0
	}
	return s.model.tok.ID(string(c.Bytes))
}
