package world

import "math/rand/v2"

// relations are the kinds a story chooses two of. With two, a question has
// two or three fitting facts on average, and guessing among them is right
// about half the time: the look-up has to be learnt.
var relations = [...]Kind{IsIn, ObjectIn, Has, Likes}

// story draws three to five facts in random order that no question confuses.
func (w *World) story(r *rand.Rand) []Fact {
	n := 3 + r.IntN(3)
	first := r.IntN(len(relations))
	second := (first + 1 + r.IntN(len(relations)-1)) % len(relations)
	facts := make([]Fact, 0, n)
	for len(facts) < n {
		kind := relations[first]
		if r.IntN(2) == 1 {
			kind = relations[second]
		}
		if f := w.fact(kind, r); !conflict(facts, f) {
			facts = append(facts, f)
		}
	}
	return facts
}

// fact draws a fact of the kind; IsIn turns into WentTo half the time. Its
// colour and object are a pair that training may join.
func (w *World) fact(kind Kind, r *rand.Rand) Fact {
	f := Fact{Kind: kind}
	if kind != ObjectIn {
		f.Name = pick(r, len(names))
	}
	switch kind {
	case IsIn:
		f.Kind, f.Place = Kind(r.IntN(2)), pick(r, len(places))
	case Likes:
		f.Food = pick(r, len(foods))
	default:
		f.Colour, f.Object = w.pair(r)
		if kind == ObjectIn {
			f.Place = pick(r, len(places))
		}
	}
	return f
}

func (w *World) pair(r *rand.Rand) (colour, object uint8) {
	for {
		colour, object = pick(r, len(colours)), pick(r, len(objects))
		if w.unseen[object] != colour {
			return colour, object
		}
	}
}

func conflict(story []Fact, f Fact) bool {
	for _, g := range story {
		if f.conflicts(g) {
			return true
		}
	}
	return false
}

// questions asks for every fact of the story once, in random order.
func questions(story []Fact, r *rand.Rand) []Question {
	asked := make([]Question, len(story))
	for i, j := range r.Perm(len(story)) {
		tasks := asks[story[j].Kind]
		asked[i] = Question{tasks[r.IntN(len(tasks))], story[j]}
	}
	return asked
}

// lesson draws a story with the questions on it that training may ask, at
// least one.
func (w *World) lesson(r *rand.Rand) ([]Fact, []Question) {
	for {
		story := w.story(r)
		var asked []Question
		for _, q := range questions(story, r) {
			if !w.IsHeldOut(story, q) {
				asked = append(asked, q)
			}
		}
		if len(asked) > 0 {
			return story, asked
		}
	}
}

func pick(r *rand.Rand, n int) uint8 { return uint8(r.IntN(n)) }
