package eval_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/eval"
	"github.com/inkstone-ai/inkstone/generate"
	"github.com/inkstone-ai/inkstone/tokenizer"
)

func TestQuestions(t *testing.T) {
	talk := []tokenizer.Message{
		{Role: "system", Content: "s"}, {Role: "user", Content: "u1"}, {Role: "assistant", Content: "a1"},
		{Role: "user", Content: "u2"}, {Role: "assistant", Content: "a2"}, {Role: "user", Content: "u3"},
	}
	got := eval.Questions([]corpus.Conversation{{Messages: talk}})
	want := []eval.Question{{Messages: talk[:2], Want: "a1"}, {Messages: talk[:4], Want: "a2"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("questions (-want +got):\n%s", diff)
	}
}

// A model is asked what it would say itself: it then matches, and not with one
// letter changed.
func TestAnswer(t *testing.T) {
	lm, tok := tiny(t), bytes(t)
	template, err := tokenizer.ParseTemplate("{% for m in messages %}{{ m.content }}{% endfor %}")
	if err != nil {
		t.Fatal(err)
	}
	engine, err := generate.NewEngine(lm, generate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	asker := &eval.Asker{Engine: engine, Tokenizer: tok, Template: template, MaxTokens: 4}
	questions := []eval.Question{
		{Group: "x", Messages: []tokenizer.Message{{Role: "user", Content: "ab"}}, Want: "?"},
		{Group: "y", Messages: []tokenizer.Message{{Role: "user", Content: "hello"}}, Want: "?"},
	}
	first, err := asker.Answer(context.Background(), questions)
	if err != nil {
		t.Fatal(err)
	}
	questions[0].Want = first[0].Got + " \n"
	questions[1].Want = first[1].Got + "!"
	second, err := asker.Answer(context.Background(), questions)
	if err != nil {
		t.Fatal(err)
	}
	if first[0].Match || !second[0].Match || second[1].Match || second[0].Got != first[0].Got || len(second[0].Got) == 0 {
		t.Errorf("first %+v, second %+v", first, second)
	}
	var text strings.Builder
	if err := eval.ExactMatch("t", second).WriteText(&text); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"x    100.0 % of 1", "y    0.0 % of 1", "all  50.0 % of 2", "2 answers did not end by themselves"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("%q is not in\n%s", want, &text)
		}
	}
}

func TestAnswerErrors(t *testing.T) {
	engine, err := generate.NewEngine(tiny(t), generate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	template, err := tokenizer.ParseTemplate(tokenizer.ChatML)
	if err != nil {
		t.Fatal(err)
	}
	asker := &eval.Asker{Engine: engine, Tokenizer: bytes(t), Template: template}
	if _, err := asker.Answer(context.Background(), nil); err == nil || !strings.Contains(err.Error(), "no questions") {
		t.Errorf("no questions: got %v", err)
	}
	long := []eval.Question{{Messages: []tokenizer.Message{{Role: "user", Content: strings.Repeat("x", 100)}}}}
	if _, err := asker.Answer(context.Background(), long); err == nil || !strings.Contains(err.Error(), "does not fit the context window") {
		t.Errorf("a question beyond the context: got %v", err)
	}
}
