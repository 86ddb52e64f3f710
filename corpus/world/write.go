package world

import (
	"math/rand/v2"
	"slices"
	"strings"
)

// A Document is an item written as plain text: its messages, a line each (the
// story before the first question on a line of its own), with the weight of each
// in the loss. Segments end at borders of pieces, so they may be encoded one by one.
type Document struct {
	Item
	Segments []Segment
}

// A Segment is a part of a document whose tokens count Weight in the loss.
type Segment struct {
	Text   string
	Weight float32
}

// Text is the whole document.
func (d Document) Text() string {
	var b strings.Builder
	for _, s := range d.Segments {
		b.WriteString(s.Text)
	}
	return b.String()
}

// sort is one of the four sorts of text between which shares of tokens are
// agreed.
type sort int

const (
	englishStory sort = iota
	chineseStory
	translation
	goFunction
	sorts
)

// Prose draws a document for pretraining: a story on one line and below it
// questions and answers, a line each; or a translation; or a Go function under
// its specification.
func (w *World) Prose(r *rand.Rand) Document {
	it := w.draw(w.prose.draw(r), false, r)
	d := Document{it, make([]Segment, 0, len(it.Messages))}
	for _, m := range it.Messages {
		weight := float32(ProseWeight)
		if m.Role == "assistant" {
			weight = it.Weight()
		}
		// The newline after an answer is part of it: it says that it ends.
		d.Segments = append(d.Segments, Segment{m.Content + "\n", weight})
	}
	return d
}

// Dialogue draws a conversation for fine-tuning: up to Config.Turns questions
// on a story, as many as Config.Longest leaves room for, or one turn with a
// translation or a Go function.
func (w *World) Dialogue(r *rand.Rand) Item { return w.draw(w.dialogue.draw(r), true, r) }

// draw draws an item of a sort; a chat is cut to whole turns that fit.
func (w *World) draw(s sort, chat bool, r *rand.Rand) Item {
	switch s {
	case translation:
		return w.drawTranslation(r)
	case goFunction:
		p := drawProgram(r)
		for w.heldOutProgram(p) {
			p = drawProgram(r)
		}
		return goItem(p)
	}
	lang := English
	if s == chineseStory {
		lang = Chinese
	}
	story, asked := w.lesson(r)
	asked = asked[:min(len(asked), w.Turns)]
	if chat {
		asked = asked[:w.fitting(story, asked, lang)]
	}
	return storyItem(asked[len(asked)-1].Task, lang, story, asked)
}

// fitting is how many of the turns a dialogue has room for, at least one.
func (w *World) fitting(story []Fact, asked []Question, lang string) int {
	total := w.Count(told(story, lang))
	for i, q := range asked {
		total += w.Count(q.Ask(lang)) + w.Count(q.Answer(lang)) + w.Markup
		if total > w.Longest && i > 0 {
			return i
		}
	}
	return len(asked)
}

func (w *World) drawTranslation(r *rand.Rand) Item {
	for {
		facts := w.sentences(r)
		if slices.ContainsFunc(facts, w.heldOutFact) {
			continue
		}
		if r.IntN(2) == 0 {
			return translateItem(facts, English)
		}
		return translateItem(facts, Chinese)
	}
}

// cumulative holds the chances of the sorts, summed up.
type cumulative [sorts]float64

func (c *cumulative) draw(r *rand.Rand) sort {
	x := r.Float64() * c[sorts-1]
	for s := range sorts - 1 {
		if x < c[s] {
			return s
		}
	}
	return sorts - 1
}

// balance turns shares of tokens into chances of documents by the mean length
// of 200 drawn ones of each sort.
func (w *World) balance(r *rand.Rand) {
	const sample = 200
	shares := [sorts]float64{w.English, w.Chinese, w.Translation, w.Go}
	var prose, dialogue float64
	for s := range sorts {
		var inProse, inChat int
		for range sample {
			for _, m := range w.draw(s, false, r).Messages {
				inProse += w.Count(m.Content + "\n")
			}
			for _, m := range w.draw(s, true, r).Messages {
				inChat += w.Count(m.Content) + w.Markup/2
			}
		}
		prose += shares[s] / float64(inProse+sample) // and an end of text a document
		dialogue += shares[s] / float64(inChat+sample)
		w.prose[s], w.dialogue[s] = prose, dialogue
	}
}
