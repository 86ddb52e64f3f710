package world_test

import (
	"testing"

	"github.com/inkstone-ai/inkstone/corpus/world"
)

func item(task, prompt, answer string) world.Item {
	return world.Item{Task: task, Lang: world.English, Messages: []world.Message{{Role: "user", Content: prompt}, {Role: "assistant", Content: answer}}}
}

func TestBaselinesByHand(t *testing.T) {
	train := []world.Item{
		item(world.Translate, "one two three", "x"),
		item(world.Translate, "four five six", "y"),
		item(world.Translate, "four five", "y"),
		item(world.Go, "one two three", "z"),
	}
	tests := []struct {
		name    string
		predict func(world.Item) string
		prompt  string
		want    string
	}{
		{"most frequent", world.MostFrequent(train), "one two three", "y"},
		{"nearest", world.Nearest(train), "one two four", "x"},
		{"nearest", world.Nearest(train), "four five seven", "y"},
		{"guess", world.Guess(rng(1)), "one two", ""},
	}
	for _, test := range tests {
		if got := test.predict(item(world.Translate, test.prompt, "")); got != test.want {
			t.Errorf("%s on %q: %q, want %q", test.name, test.prompt, got, test.want)
		}
	}
}

// TestBaselines judges the three on held-out items: copying from training must
// not solve a task, guessing a fitting fact must be right sometimes and wrong
// often, and the right answer scores 1.
func TestBaselines(t *testing.T) {
	w, r := world.New(41), rng(41)
	var train []world.Item
	for range 4000 {
		train = append(train, w.Dialogue(r))
	}
	frequent, nearest, guess := world.MostFrequent(train), world.Nearest(train), world.Guess(r)
	for _, test := range world.Tests() {
		items := w.HeldOut(test.Task, test.Lang, 100)
		f, n, g := world.Exact(items, frequent), world.Exact(items, nearest), world.Exact(items, guess)
		t.Logf("%-12s %s  most frequent %5.1f %%  nearest %5.1f %%  fitting fact %5.1f %%", test.Task, test.Lang, 100*f, 100*n, 100*g)
		if f > 0.12 || n > 0.45 {
			t.Errorf("%v: most frequent %.2f, nearest %.2f: the task is too easy", test, f, n)
		}
		if story := items[0].Story != nil; story && (g < 0.25 || g > 0.75) || !story && g != 0 {
			t.Errorf("%v: guess %.2f", test, g)
		}
		if all := world.Exact(items, world.Item.Answer); all != 1 {
			t.Errorf("%v: the answers score %v", test, all)
		}
	}
	if got := world.Exact(nil, world.Item.Answer); got != 0 {
		t.Errorf("no items score %v", got)
	}
}
