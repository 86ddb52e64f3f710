package generate_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/generate"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/tokenizer"
)

// script is a language model that says one thing: after position i of a
// sequence comes token says[i].
type script struct{ table *tensor.Tensor }

func newScript(d *tensor.Device, vocab, context int, at int, says []int32) *script {
	scores := make([]float32, context*vocab)
	for i, id := range says {
		scores[(at+i)*vocab+int(id)] = 10
	}
	return &script{tensor.FromFloats(d, scores, context, vocab)}
}

func (m *script) Forward(p *nn.Pass) *tensor.Tensor      { return m.table.Rows(p.Pos) }
func (m *script) Logits(x *tensor.Tensor) *tensor.Tensor { return x }
func (m *script) HeadWeight() *tensor.Tensor             { return m.table }
func (m *script) Shape() model.Shape {
	return model.Shape{Vocab: m.table.Dim(1), Context: m.table.Dim(0)}
}
func (m *script) Config() any { return nil }

// says returns a Text over bytes whose model answers the prompt "? " so.
func says(t testing.TB, answer string) *generate.Text {
	t.Helper()
	tok, err := tokenizer.NewByte()
	if err != nil {
		t.Fatal(err)
	}
	d := tensor.Reference()
	e := newEngine(t, newScript(d, tok.Size(), 2+len(answer)+8, 1, tok.Encode(answer)), generate.Options{})
	return &generate.Text{Engine: e, Tokenizer: tok}
}

// TestStopStrings: bytes are the tokens here, so every stop string crosses
// their borders.
func TestStopStrings(t *testing.T) {
	const answer = "one two 三 ninety"
	tests := []struct {
		name   string
		stop   []string
		max    int
		want   string
		finish generate.Finish
	}{
		{"none", nil, len(answer), answer, generate.MaxReached},
		{"a word", []string{"two"}, 0, "one ", generate.Ended},
		{"the first of several", []string{"ninety", "wo", "三"}, 0, "one t", generate.Ended},
		{"of two that end together, the earlier", []string{"o", "two"}, 0, "", generate.Ended},
		{"at once", []string{"one"}, 0, "", generate.Ended},
		{"one that does not come", []string{"nine lives", "two 四"}, len(answer), answer, generate.MaxReached},
		{"the beginning of one at the end", []string{"ninety-nine"}, len(answer), answer, generate.MaxReached},
		{"a character", []string{"三"}, 0, "one two ", generate.Ended},
		{"half a character at the end", nil, 10, "one two \xe4\xb8", generate.MaxReached},
		{"half a character that is one", []string{"\xe4\xb8"}, 10, "one two ", generate.MaxReached},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text := says(t, answer)
			p := generate.Prompt{Text: "? ", Stop: tt.stop, MaxTokens: tt.max}
			got, err := text.Run(t.Context(), []generate.Prompt{p})
			if err != nil {
				t.Fatal(err)
			}
			if r := got[0]; r.Text() != tt.want || r.Finish != tt.finish {
				t.Errorf("text %q, finish %q; want %q, %q", r.Text(), r.Finish, tt.want, tt.finish)
			}
			streamed := ""
			for x, err := range text.Stream(t.Context(), p) {
				if err != nil {
					t.Fatal(err)
				}
				streamed += x.Text
				if !strings.HasPrefix(tt.want, streamed) {
					t.Fatalf("streamed %q, which is no beginning of %q", streamed, tt.want)
				}
			}
			if streamed != tt.want {
				t.Errorf("streamed %q, want %q", streamed, tt.want)
			}
		})
	}
}

// TestStreamIsPrompt: text that cannot be a stop string any more is not held.
func TestStreamIsPrompt(t *testing.T) {
	text := says(t, "aabx")
	var pieces []string
	for x, err := range text.Stream(t.Context(), generate.Prompt{Text: "? ", Stop: []string{"aac"}, MaxTokens: 4}) {
		if err != nil {
			t.Fatal(err)
		}
		pieces = append(pieces, x.Text)
	}
	if got := strings.Join(pieces, "|"); got != "||aab|x" {
		t.Errorf("pieces %q, want ||aab|x", got)
	}
}

func TestPromptErrors(t *testing.T) {
	text := says(t, "x")
	for _, tt := range []struct {
		prompt generate.Prompt
		says   string
	}{
		{generate.Prompt{}, "an empty prompt"},
		{generate.Prompt{Text: "a", Stop: []string{"x", ""}}, "an empty stop string"},
		{generate.Prompt{Text: "a", IDs: []int32{1}}, "as text and as ids"},
	} {
		if _, err := text.Run(t.Context(), []generate.Prompt{tt.prompt}); err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("error %v, want %q", err, tt.says)
		}
		for _, err := range text.Stream(t.Context(), tt.prompt) {
			if err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("stream's error %v, want %q", err, tt.says)
			}
		}
	}
}

// newChat returns a conversation in ChatML with a model that always answers
// "ok".
func newChat(t testing.TB, context int) *generate.Chat {
	t.Helper()
	tok, err := tokenizer.TrainBPE(func(yield func(string) bool) { yield("ok hello again system user assistant") },
		tokenizer.TrainOptions{Vocab: 300, Special: tokenizer.ChatMLSpecial})
	if err != nil {
		t.Fatal(err)
	}
	end, ok := tok.ID("<|im_end|>")
	if !ok {
		t.Fatal("no <|im_end|>")
	}
	template, err := tokenizer.ParseTemplate(tokenizer.ChatML)
	if err != nil {
		t.Fatal(err)
	}
	m := &parrot{vocab: tok.Size(), context: context, says: append(tok.Encode("ok"), end)}
	m.table = tensor.New(tensor.Reference(), tok.Size(), tok.Size())
	m.learn(tok.Encode("\n"))
	return &generate.Chat{
		Text:     &generate.Text{Engine: newEngine(t, m, generate.Options{}), Tokenizer: tok},
		Template: template,
	}
}

// parrot is a bigram model: after the end of the generation prompt it says one
// thing.
type parrot struct {
	table          *tensor.Tensor // (V, V): scores of the next token
	vocab, context int
	says           []int32
}

func (m *parrot) learn(prompt []int32) {
	scores := make([]float32, m.vocab*m.vocab)
	last := prompt[len(prompt)-1]
	for _, id := range m.says {
		scores[int(last)*m.vocab+int(id)] = 10
		last = id
	}
	m.table.WriteFloats(scores)
}

func (m *parrot) Forward(p *nn.Pass) *tensor.Tensor      { return m.table.Rows(p.IDs) }
func (m *parrot) Logits(x *tensor.Tensor) *tensor.Tensor { return x }
func (m *parrot) HeadWeight() *tensor.Tensor             { return m.table }
func (m *parrot) Shape() model.Shape                     { return model.Shape{Vocab: m.vocab, Context: m.context} }
func (m *parrot) Config() any                            { return nil }

// ask says one thing and returns the answer.
func ask(t testing.TB, c *generate.Chat, content string) (answer string, dropped int, err error) {
	t.Helper()
	reply, err := c.Say(t.Context(), content)
	if err != nil {
		return "", 0, err
	}
	for x, err := range reply.Tokens {
		if err != nil {
			return answer, reply.Dropped, err
		}
		answer += x.Text
	}
	return answer, reply.Dropped, nil
}

func TestChat(t *testing.T) {
	c := newChat(t, 500)
	c.Messages = []tokenizer.Message{{Role: "system", Content: "system"}}
	for range 3 {
		answer, dropped, err := ask(t, c, "hello")
		if err != nil || answer != "ok" || dropped != 0 {
			t.Fatalf("answer %q, dropped %d, error %v", answer, dropped, err)
		}
	}
	var got []string
	for _, m := range c.Messages {
		got = append(got, m.Role+":"+m.Content)
	}
	if want := "system:system" + strings.Repeat(" user:hello assistant:ok", 3); strings.Join(got, " ") != want {
		t.Errorf("messages %q, want %q", got, want)
	}
}

// TestChatWindow fills the window: a refusal leaves the conversation as it is,
// with DropOldest whole turns go and the system message stays.
func TestChatWindow(t *testing.T) {
	c := newChat(t, 120)
	c.Reserve = 10
	c.Messages = []tokenizer.Message{{Role: "system", Content: "system"}}
	var err error
	turns := 0
	for ; err == nil; turns++ {
		_, _, err = ask(t, c, "hello again")
	}
	turns--
	if !errors.Is(err, generate.ErrTooLong) || turns < 2 || len(c.Messages) != 1+2*turns {
		t.Fatalf("after %d turns and %d messages: %v", turns, len(c.Messages), err)
	}
	c.DropOldest = true
	_, dropped, err := ask(t, c, "hello again")
	if err != nil || dropped != 1 {
		t.Fatalf("dropped %d, error %v, want 1", dropped, err)
	}
	if len(c.Messages) != 1+2*turns || c.Messages[0].Role != "system" || c.Messages[1].Role != "user" {
		t.Errorf("messages %+v", c.Messages)
	}
	before := len(c.Messages)
	if _, _, err := ask(t, c, strings.Repeat("hello ", 100)); !errors.Is(err, generate.ErrTooLong) || len(c.Messages) != before {
		t.Errorf("a question longer than the window: %v, %d messages, want %d", err, len(c.Messages), before)
	}
}

func TestChatRefusesSpecialTokens(t *testing.T) {
	c := newChat(t, 500)
	if _, _, err := ask(t, c, "<|im_end|>"); err == nil || !strings.Contains(err.Error(), "<|im_end|>") {
		t.Errorf("error %v, want the special token", err)
	}
}

// TestChatKeepsWhatWasRead: leaving in the middle keeps the question and the
// part of the answer that was read.
func TestChatKeepsWhatWasRead(t *testing.T) {
	c := newChat(t, 500)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	reply, err := c.Say(ctx, "hello")
	if err != nil {
		t.Fatal(err)
	}
	for range reply.Tokens {
		break
	}
	if len(c.Messages) != 2 || c.Messages[1].Content == "" {
		t.Errorf("messages %+v, want the question and a part of the answer", c.Messages)
	}
}

func ExampleText_Stream() {
	tok, err := tokenizer.NewByte()
	if err != nil {
		panic(err)
	}
	d := tensor.Reference()
	defer d.Close()
	// A model that answers every prompt of two bytes with the same words.
	m := newScript(d, tok.Size(), 40, 1, tok.Encode("Paris. Question: what"))
	e, err := generate.NewEngine(m, generate.Options{})
	if err != nil {
		panic(err)
	}
	defer e.Close()
	text := &generate.Text{Engine: e, Tokenizer: tok}
	for t, err := range text.Stream(context.Background(), generate.Prompt{Text: "Q?", Stop: []string{" Question"}}) {
		if err != nil {
			panic(err)
		}
		fmt.Print(t.Text)
	}
	// Output: Paris.
}

// TestChatReadsOnlyWhatIsNew: what the turns before have read is in the cache.
func TestChatReadsOnlyWhatIsNew(t *testing.T) {
	c := newChat(t, 500)
	read := 0 // tokens in the cache
	for turn := range 4 {
		reply, err := c.Say(t.Context(), "hello again")
		if err != nil {
			t.Fatal(err)
		}
		for x, err := range reply.Tokens {
			if err != nil {
				t.Fatal(err)
			}
			if u := x.Usage; u != nil {
				if u.Shared < read || turn > 0 && u.Shared == 0 {
					t.Errorf("turn %d: %+v, %d tokens were read before", turn, u, read)
				}
				read = u.Prompt + u.Written - 1 // the last one was not read
			}
		}
	}
}

// TestBegun: what begins a text by the tokenizer's file stands before a prompt, once.
func TestBegun(t *testing.T) {
	tok, err := tokenizer.Parse([]byte(`{"model":{"type":"WordLevel","vocab":{"<s>":0,"a":1,"b":2,"<unk>":3},"unk_token":"<unk>"},
		"pre_tokenizer":{"type":"Whitespace"},"added_tokens":[{"id":0,"content":"<s>","special":true}],
		"post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],
		"pair":[{"Sequence":{"id":"A","type_id":0}},{"Sequence":{"id":"B","type_id":0}}],"special_tokens":{"<s>":{"id":"<s>","ids":[0],"tokens":["<s>"]}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	d := tensor.Reference()
	// The model says "a" after one token and "b" after two.
	text := &generate.Text{Engine: newEngine(t, newScript(d, tok.Size(), 4, 0, []int32{1, 2}), generate.Options{}), Tokenizer: tok}
	for _, p := range []generate.Prompt{{Text: "b", MaxTokens: 1}, {Text: "<s> b", Special: true, MaxTokens: 1}} {
		r, err := text.Run(t.Context(), []generate.Prompt{p})
		if err != nil || r[0].Tokens[0].ID != 2 {
			t.Errorf("%q: %v, %v; want the token after two", p.Text, r, err)
		}
	}
}

// TestBreakers: the texts that no repetition goes across are found in the tokens; what none has is refused.
func TestBreakers(t *testing.T) {
	tok, err := tokenizer.NewByte()
	if err != nil {
		t.Fatal(err)
	}
	scores := make([]float32, tok.Size())
	scores[':'], scores['b'] = 3, 2.5 // the table of TestPenalties, with a breaker of llama.cpp in place of token 0
	e := newEngine(t, newFixed(tensor.Reference(), 20, scores...), generate.Options{})
	text := generate.Text{Engine: e, Tokenizer: tok}
	tests := []struct {
		sequences []string
		breakers  []int32
		want      string
	}{
		{nil, nil, "::::::"},
		{[]string{":"}, nil, "::::::"},
		{[]string{"b"}, nil, "::b:::"},
		{nil, []int32{}, "::b:::"},
		{[]string{":"}, []int32{'b'}, "::b:::"},
	}
	for _, tt := range tests {
		dry := generate.DRY{Multiplier: 1, Base: 2, Allowed: 2, Sequences: tt.sequences, Breakers: tt.breakers}
		got, err := text.Run(t.Context(), []generate.Prompt{{Text: ":", MaxTokens: 6, Sampling: generate.Sampling{DRY: dry}}})
		if err != nil {
			t.Fatal(err)
		}
		if got[0].Text() != tt.want {
			t.Errorf("sequences %q, tokens %v: text %q, want %q", tt.sequences, tt.breakers, got[0].Text(), tt.want)
		}
	}
	for _, s := range []string{"", "ab"} {
		dry := generate.DRY{Multiplier: 1, Sequences: []string{":", s}}
		if _, err := text.Run(t.Context(), []generate.Prompt{{Text: ":", Sampling: generate.Sampling{DRY: dry}}}); err == nil || !strings.Contains(err.Error(), "is to break DRY, and no token has the whole of it") {
			t.Errorf("%q: %v", s, err)
		}
	}
	alone := generate.Request{Prompt: []int32{':'}, Sampling: generate.Sampling{DRY: generate.DRY{Multiplier: 1, Sequences: []string{":"}}}}
	if _, err := e.Run(t.Context(), []generate.Request{alone}); err == nil || !strings.Contains(err.Error(), "without a tokenizer") {
		t.Errorf("an engine alone: %v", err)
	}
}
