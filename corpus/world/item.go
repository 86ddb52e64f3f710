package world

import "math/rand/v2"

// A Message is one turn of a conversation, with the keys that chat files use.
type Message struct {
	Role    string `json:"role"` // user or assistant
	Content string `json:"content"`
}

// An Item is a dialogue: messages of user and assistant in turn, the last by
// the assistant. The user's first message holds the story and the first
// question, apart by a newline.
type Item struct {
	Task     string     `json:"task"` // of the last question
	Lang     string     `json:"lang"` // that the answers are in
	Messages []Message  `json:"messages"`
	Story    []Fact     `json:"-"` // nil in translations and Go
	Asked    []Question `json:"-"` // one a turn; nil in translations and Go
}

// Prompt is all that precedes the answer: every message but the last.
func (it Item) Prompt() []Message { return it.Messages[:len(it.Messages)-1] }

// Answer is the content of the last message, by which exact match judges.
func (it Item) Answer() string { return it.Messages[len(it.Messages)-1].Content }

// Weight is how much the tokens of the item's answers count in the loss of
// fine-tuning; all other tokens of the dialogue count [ChatWeight].
func (it Item) Weight() float32 {
	if it.Story != nil {
		return StoryWeight
	}
	return AnswerWeight
}

func storyItem(task, lang string, story []Fact, asked []Question) Item {
	it := Item{Task: task, Lang: lang, Story: story, Asked: asked}
	ask := told(story, lang) + "\n"
	for _, q := range asked {
		it.Messages = append(it.Messages, Message{"user", ask + q.Ask(lang)}, Message{"assistant", q.Answer(lang)})
		ask = ""
	}
	return it
}

// sentences draws one or two facts to translate.
func (w *World) sentences(r *rand.Rand) []Fact {
	first := w.fact(relations[r.IntN(len(relations))], r)
	if r.IntN(2) == 0 {
		return []Fact{first}
	}
	for {
		second := w.fact(relations[r.IntN(len(relations))], r)
		if !first.conflicts(second) {
			return []Fact{first, second}
		}
	}
}

// translateItem asks for the facts in the language into.
func translateItem(facts []Fact, into string) Item {
	ask := "翻译成英文：" + told(facts, Chinese)
	if into == Chinese {
		ask = "Translate into Chinese: " + told(facts, English)
	}
	return Item{Task: Translate, Lang: into, Messages: []Message{
		{"user", ask}, {"assistant", told(facts, into)},
	}}
}

func goItem(p program) Item {
	return Item{Task: Go, Lang: English, Messages: []Message{
		{"user", p.specification()}, {"assistant", p.source()},
	}}
}
