package world

import (
	"fmt"
	"math/rand/v2"
	"slices"
)

// What is held out is decided by a hash of the seed and of the combination,
// not by a list: training and test are disjoint by construction however much
// of either is drawn.
const (
	heldOutQuestions = 16 // one of so many stories-with-question is held out
	heldOutCombos    = 10 // one of so many translated facts and Go specifications
)

// IsHeldOut reports whether this story with this question is kept from
// training. Neither the order of the sentences nor the language matters, so a
// shuffled or translated copy is held out with it.
func (w *World) IsHeldOut(story []Fact, q Question) bool {
	var all uint64
	for _, f := range story {
		all += mix(f.key()) // a sum, for it does not depend on the order
	}
	h := mix(w.seed ^ mix(all) ^ mix(q.About.key()*8+uint64(slices.Index(storyTasks, q.Task))))
	return h%heldOutQuestions == 0
}

var storyTasks = []string{WherePerson, WhereObject, WhatHas, Colour, LikesFood, WhoHas}

// heldOutFact reports whether no translation in training has this fact.
func (w *World) heldOutFact(f Fact) bool {
	return mix(w.seed+1^mix(f.key()))%heldOutCombos == 0
}

func (w *World) heldOutProgram(p program) bool {
	return mix(w.seed+2^mix(p.key()))%heldOutCombos == 0
}

// mix is the finaliser of SplitMix64 (Steele, Lea, Flood 2014).
func mix(z uint64) uint64 {
	z += 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// A Test names one task in one language.
type Test struct{ Task, Lang string }

// Tests lists what [World.HeldOut] knows: each task in both languages, Go in
// one. The language of a translation is the one translated into.
func Tests() []Test {
	var tests []Test
	for _, task := range append(slices.Clone(storyTasks), UnseenPair, Translate) {
		tests = append(tests, Test{task, English}, Test{task, Chinese})
	}
	return append(tests, Test{Go, English})
}

// HeldOut returns n distinct items, of one turn each, that training never
// shows: not in prose and not in a dialogue, not in a later turn, not in
// another order of sentences, not in the other language. They depend on the
// world's seed alone. It panics when the test is none of [Tests], or when
// there are not n such items.
func (w *World) HeldOut(task, lang string, n int) []Item {
	t := Test{task, lang}
	if !slices.Contains(Tests(), t) {
		panic(fmt.Sprintf("world: HeldOut: no test %q in language %q", task, lang))
	}
	r := rand.New(rand.NewPCG(w.seed, mix(uint64(slices.Index(Tests(), t)))))
	items := make([]Item, 0, n)
	seen := map[string]bool{}
	for tries := 0; len(items) < n; tries++ {
		if tries > 10000+10000*n {
			panic(fmt.Sprintf("world: HeldOut: only %d items of %s, %d asked for", len(items), task, n))
		}
		it, ok := w.tryHeldOut(t, r)
		if ok && !seen[it.Messages[0].Content] {
			seen[it.Messages[0].Content] = true
			items = append(items, it)
		}
	}
	return items
}

// tryHeldOut draws one item and reports whether it is a held-out one of t.
func (w *World) tryHeldOut(t Test, r *rand.Rand) (Item, bool) {
	switch t.Task {
	case Go:
		p := drawProgram(r)
		return goItem(p), w.heldOutProgram(p)
	case Translate:
		facts := w.sentences(r)
		return translateItem(facts, t.Lang), slices.ContainsFunc(facts, w.heldOutFact)
	case UnseenPair:
		return w.tryUnseen(t.Lang, r)
	}
	story := w.story(r)
	q := questions(story, r)[0]
	if q.Task != t.Task || !w.IsHeldOut(story, q) {
		return Item{}, false
	}
	return storyItem(t.Task, t.Lang, story, []Question{q}), true
}

// tryUnseen asks where an object is, or what a person has, after giving it
// the colour that training never gives it.
func (w *World) tryUnseen(lang string, r *rand.Rand) (Item, bool) {
	story := w.story(r)
	q := questions(story, r)[0]
	if q.Task != WhereObject && q.Task != WhatHas {
		return Item{}, false
	}
	i := slices.Index(story, q.About)
	story[i].Colour = w.unseen[story[i].Object]
	q.About = story[i]
	return storyItem(UnseenPair, lang, story, []Question{q}), true
}
