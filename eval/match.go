package eval

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/generate"
	"github.com/inkstone-ai/inkstone/tokenizer"
)

// A Question is an answer to be given and what comes before it.
type Question struct {
	Group    string              // answers are counted by it; "" is a group too
	Messages []tokenizer.Message // up to the answer, which is not in it
	Want     string
}

// Questions returns every turn of the assistant in conversations, each asked for
// with the true messages before it.
func Questions(conversations []corpus.Conversation) []Question {
	var all []Question
	for _, c := range conversations {
		for i, m := range c.Messages {
			if m.Role == "assistant" {
				all = append(all, Question{Messages: c.Messages[:i], Want: m.Content})
			}
		}
	}
	return all
}

// Perturbed returns questions whose users' messages are harmed, each by its number; the
// answers that are wanted stay.
func Perturbed(questions []Question, p corpus.Perturbation) []Question {
	all, number := slices.Clone(questions), 0
	for i := range all {
		all[i].Messages = slices.Clone(all[i].Messages)
		for j, m := range all[i].Messages {
			if m.Role == "user" {
				all[i].Messages[j].Content = p.Text(m.Content, number)
				number++
			}
		}
	}
	return all
}

// An Asker answers questions: a model's engine with its tokenizer and template.
type Asker struct {
	Engine    *generate.Engine
	Tokenizer tokenizer.Tokenizer
	Template  *tokenizer.ChatTemplate
	End       []int32 // tokens that end an answer
	MaxTokens int     // of an answer; 0: as many as the window holds
}

// An Answer is what a model said to a question.
type Answer struct {
	Question
	Got    string
	Finish generate.Finish
	Match  bool // Got is Want, leaving out white space at both ends
}

// Answer asks all questions, one at least, greedily and many at a time. The error names the
// question that cannot be asked, for example because it does not fit the context.
func (a *Asker) Answer(ctx context.Context, questions []Question) ([]Answer, error) {
	if len(questions) == 0 {
		return nil, errors.New("eval: no questions")
	}
	requests := make([]generate.Request, len(questions))
	for i, q := range questions {
		prompt, err := a.Template.PromptIDs(a.Tokenizer, q.Messages, tokenizer.RenderOptions{})
		if err != nil {
			return nil, fmt.Errorf("eval: question %d: %w", i+1, err)
		}
		requests[i] = generate.Request{Prompt: prompt, MaxTokens: a.MaxTokens, End: a.End}
	}
	results, err := a.Engine.Run(ctx, requests)
	if err != nil {
		return nil, fmt.Errorf("eval: %w", err)
	}
	answers := make([]Answer, len(questions))
	for i, r := range results {
		got := a.Tokenizer.Decode(r.IDs())
		match := strings.TrimSpace(got) == strings.TrimSpace(questions[i].Want)
		answers[i] = Answer{questions[i], got, r.Finish, match}
	}
	return answers, nil
}

// ExactMatch reports the share of answers that match, in each group and, with more
// than one, over all.
func ExactMatch(title string, answers []Answer) Report {
	r := Report{Title: title}
	matches, counts, order := map[string]int{}, map[string]int{}, []string{}
	cut, all := 0, 0
	for _, a := range answers {
		if counts[a.Group]++; counts[a.Group] == 1 {
			order = append(order, a.Group)
		}
		if a.Match {
			matches[a.Group]++
			all++
		}
		if a.Finish != generate.Ended {
			cut++
		}
	}
	for _, g := range order {
		r.Share(label(g), matches[g], counts[g])
	}
	if len(order) != 1 {
		r.Share("all", all, len(answers))
	}
	if cut > 0 {
		r.Note("%d answers did not end by themselves", cut)
	}
	return r
}

func label(group string) string {
	if group == "" {
		return "exact match"
	}
	return group
}
