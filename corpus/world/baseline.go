package world

import "math/rand/v2"

// The three baselines that a model has to beat. Each is a function from an
// item to the answer it would give; [Exact] judges it as it judges a model.

// Exact is the share of items that predict answers exactly; 0 for none.
func Exact(items []Item, predict func(Item) string) float64 {
	right := 0
	for _, it := range items {
		if predict(it) == it.Answer() {
			right++
		}
	}
	return float64(right) / float64(max(1, len(items)))
}

// MostFrequent always gives the answer that the training items of the same
// task and language have most often; of equals the one seen first.
func MostFrequent(train []Item) func(Item) string {
	count := map[Test]map[string]int{}
	best := map[Test]string{}
	for t := range turns(train) {
		test := Test{t.task, t.lang}
		if count[test] == nil {
			count[test] = map[string]int{}
		}
		count[test][t.answer]++
		if count[test][t.answer] > count[test][best[test]] {
			best[test] = t.answer
		}
	}
	return func(it Item) string { return best[Test{it.kind(), it.Lang}] }
}

// Nearest gives the answer of the training turn of the same task and language
// whose prompt shares most pieces with the item's, by the Jaccard measure of
// their pairs of neighbouring pieces; of equals the first.
func Nearest(train []Item) func(Item) string {
	type example struct {
		pairs  map[[2]string]bool
		answer string
	}
	known := map[Test][]example{}
	for t := range turns(train) {
		test := Test{t.task, t.lang}
		known[test] = append(known[test], example{pairs(t.prompt), t.answer})
	}
	return func(it Item) string {
		var last turn
		for last = range turns([]Item{it}) {
		}
		asked, answer := pairs(last.prompt), ""
		best := -1.0
		for _, e := range known[Test{it.kind(), it.Lang}] {
			if s := jaccard(asked, e.pairs); s > best {
				best, answer = s, e.answer
			}
		}
		return answer
	}
}

// Guess gives what some fact of the story that fits the question would make
// the answer: the right kind of place, thing or person, taken at random. An
// item without a story has no such guess, and gets the empty answer.
func Guess(r *rand.Rand) func(Item) string {
	return func(it Item) string {
		if it.Story == nil {
			return ""
		}
		q := it.Asked[len(it.Asked)-1]
		var answers []string
		for _, f := range it.Story {
			if q.fits(f) {
				answers = append(answers, q.answer(f, it.Lang))
			}
		}
		return answers[r.IntN(len(answers))]
	}
}

// kind is the task, for an unseen pair the one that its question belongs to:
// training has no items of the former.
func (it Item) kind() string {
	if it.Story != nil {
		return it.Asked[len(it.Asked)-1].Task
	}
	return it.Task
}

// turn is one question as a baseline sees it: the story, if any, goes with it.
type turn struct{ task, lang, prompt, answer string }

// turns yields every turn of the items as if it stood alone.
func turns(items []Item) func(yield func(turn) bool) {
	return func(yield func(turn) bool) {
		for _, it := range items {
			if it.Story == nil {
				if !yield(turn{it.Task, it.Lang, it.Messages[0].Content, it.Answer()}) {
					return
				}
				continue
			}
			for _, q := range it.Asked {
				prompt := told(it.Story, it.Lang) + "\n" + q.Ask(it.Lang)
				if !yield(turn{q.Task, it.Lang, prompt, q.Answer(it.Lang)}) {
					return
				}
			}
		}
	}
}

func pairs(text string) map[[2]string]bool {
	set := map[[2]string]bool{}
	last := ""
	for p := range Pieces(text) {
		set[[2]string{last, p}] = true
		last = p
	}
	return set
}

// jaccard is |a∩b| / |a∪b|.
func jaccard(a, b map[[2]string]bool) float64 {
	both := 0
	for p := range a {
		if b[p] {
			both++
		}
	}
	return float64(both) / float64(len(a)+len(b)-both)
}
