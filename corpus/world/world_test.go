package world_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/inkstone-ai/inkstone/corpus/world"
)

func rng(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 7)) }

// TestSameSeedSameText draws twice from one seed and once from another.
func TestSameSeedSameText(t *testing.T) {
	draw := func(seed uint64) (docs []world.Document, items []world.Item) {
		w, r := world.New(seed), rng(seed)
		for range 300 {
			docs, items = append(docs, w.Prose(r)), append(items, w.Dialogue(r))
		}
		return docs, append(items, w.HeldOut(world.Colour, world.Chinese, 50)...)
	}
	docs, items := draw(5)
	docs2, items2 := draw(5)
	if d := cmp.Diff(docs, docs2); d != "" {
		t.Errorf("prose of the same seed differs:\n%s", d)
	}
	if d := cmp.Diff(items, items2); d != "" {
		t.Errorf("dialogues of the same seed differ:\n%s", d)
	}
	if other, _ := draw(6); cmp.Equal(docs, other) {
		t.Error("another seed wrote the same prose")
	}
}

// turnsOf splits an item's text into (story, question) pairs, or the prompt
// alone, from the messages as a model would see them.
func turnsOf(it world.Item) [][2]string {
	story, first, found := strings.Cut(it.Messages[0].Content, "\n")
	if !found {
		return [][2]string{{"", story}}
	}
	turns := [][2]string{{story, first}}
	for i := 2; i < len(it.Messages); i += 2 {
		turns = append(turns, [2]string{story, it.Messages[i].Content})
	}
	return turns
}

// turnsOfProse does the same with a document's lines.
func turnsOfProse(d world.Document) [][2]string {
	lines := strings.Split(strings.TrimSuffix(d.Text(), "\n"), "\n")
	if d.Story == nil {
		return [][2]string{{"", lines[0]}}
	}
	var turns [][2]string
	for i := 1; i < len(lines); i += 2 {
		turns = append(turns, [2]string{lines[0], lines[i]})
	}
	return turns
}

// unordered sorts the sentences of a story, so that a shuffled copy is seen.
func unordered(turn [2]string) [2]string {
	mark := "."
	if strings.Contains(turn[0], "。") {
		mark = "。"
	}
	sentences := strings.SplitAfter(turn[0], mark)
	for i := range sentences {
		sentences[i] = strings.TrimSpace(sentences[i])
	}
	slices.Sort(sentences)
	return [2]string{strings.Join(sentences, ""), turn[1]}
}

// sentences splits a request to translate at its full stops.
func sentences(text string) []string {
	_, text, _ = strings.Cut(strings.ReplaceAll(text, "：", ": "), ": ")
	all := strings.FieldsFunc(text, func(r rune) bool { return r == '.' || r == '。' })
	for i := range all {
		all[i] = strings.TrimSpace(all[i])
	}
	return all
}

// TestNoLeak reads 500 held-out items a test, then 120,000 training texts, and
// looks for each turn of the latter among the former, whatever the order of
// sentences; for the pairs that are never joined; and for held-out
// translations whose every sentence is translated somewhere in training.
func TestNoLeak(t *testing.T) {
	w, r := world.New(11), rng(11)
	held := map[[2]string]bool{}
	var translations []string
	for _, test := range world.Tests() {
		for _, it := range w.HeldOut(test.Task, test.Lang, 500) {
			for _, turn := range turnsOf(it) {
				held[unordered(turn)] = true
			}
			if test.Task == world.Translate {
				translations = append(translations, it.Messages[0].Content)
			}
		}
	}
	never := append(w.Unseen(world.English), w.Unseen(world.Chinese)...)
	check := func(text string, turns [][2]string) {
		for _, turn := range turns {
			if held[unordered(turn)] {
				t.Fatalf("held out, but in training: %q", turn)
			}
		}
		for _, pair := range never {
			if strings.Contains(text, pair) {
				t.Fatalf("%q is never to be joined, but training says %q", pair, text)
			}
		}
	}
	obey := func(it world.Item) {
		for _, q := range it.Asked {
			if w.IsHeldOut(it.Story, q) {
				t.Fatalf("held out, but in training: %v on %v", q, it.Story)
			}
		}
	}
	translated := map[string]bool{}
	for range 60_000 {
		d, it := w.Prose(r), w.Dialogue(r)
		if it.Task == world.Translate {
			for _, s := range sentences(it.Messages[0].Content) {
				translated[s] = true
			}
		}
		check(d.Text(), turnsOfProse(d))
		obey(d.Item)
		obey(it)
		var all string
		for _, m := range it.Messages {
			all += m.Content + "\n"
		}
		check(all, turnsOf(it))
	}
	for _, text := range translations {
		if !slices.ContainsFunc(sentences(text), func(s string) bool { return !translated[s] }) {
			t.Errorf("held out, but training translates every sentence of %q", text)
		}
	}
}

// TestLeakWouldBeSeen makes sure that TestNoLeak's net has no hole: in a space
// small enough to meet again (Go functions, single translations), another
// world's training does contain this world's held-out items.
func TestLeakWouldBeSeen(t *testing.T) {
	w, other, r := world.New(1), world.New(2), rng(3)
	held := map[[2]string]bool{}
	for _, test := range []world.Test{{world.Translate, world.English}, {world.Go, world.English}} {
		for _, it := range w.HeldOut(test.Task, test.Lang, 500) {
			held[unordered(turnsOf(it)[0])] = true
		}
	}
	met := 0
	for range 20_000 {
		for _, turn := range turnsOfProse(other.Prose(r)) {
			if held[unordered(turn)] {
				met++
			}
		}
	}
	if met < 20 {
		t.Errorf("met %d held-out items of another world, want many", met)
	}
}

func TestHeldOut(t *testing.T) {
	w := world.New(3)
	never := map[string][]string{world.English: w.Unseen(world.English), world.Chinese: w.Unseen(world.Chinese)}
	for _, test := range world.Tests() {
		items := w.HeldOut(test.Task, test.Lang, 200)
		seen := map[string]bool{}
		for _, it := range items {
			if it.Task != test.Task || it.Lang != test.Lang {
				t.Fatalf("%v: item of %s, %s", test, it.Task, it.Lang)
			}
			if len(it.Messages) != 2 || it.Messages[0].Role != "user" || it.Messages[1].Role != "assistant" {
				t.Fatalf("%v: messages %v", test, it.Messages)
			}
			if seen[it.Messages[0].Content] {
				t.Fatalf("%v: twice %q", test, it.Messages[0].Content)
			}
			seen[it.Messages[0].Content] = true
			joined := it.Messages[0].Content + it.Answer()
			has := slices.ContainsFunc(never[it.Lang], func(p string) bool { return strings.Contains(joined, p) })
			if has != (test.Task == world.UnseenPair) {
				t.Fatalf("%v: unseen pair present: %v in %q", test, has, joined)
			}
		}
		if d := cmp.Diff(items, w.HeldOut(test.Task, test.Lang, 200)); d != "" {
			t.Errorf("%v: a second call differs:\n%s", test, d)
		}
	}
	if got := len(w.Unseen(world.English)); got != 8 {
		t.Errorf("%d unseen pairs, want 8", got)
	}
}

// TestIsHeldOut: the rule holds for all held-out questions on stories, does not
// look at the order of sentences, and keeps one combination in sixteen.
func TestIsHeldOut(t *testing.T) {
	w, r := world.New(3), rng(3)
	for _, it := range w.HeldOut(world.WhatHas, world.Chinese, 200) {
		for range 5 {
			r.Shuffle(len(it.Story), func(i, j int) { it.Story[i], it.Story[j] = it.Story[j], it.Story[i] })
			if !w.IsHeldOut(it.Story, it.Asked[0]) {
				t.Fatalf("not held out: %v on %v", it.Asked[0], it.Story)
			}
		}
	}
	held, all := 0, 0
	other := world.New(4) // its training obeys another seed, so w's rule finds its share
	for range 10_000 {
		it := other.Dialogue(r)
		for _, q := range it.Asked {
			if all++; w.IsHeldOut(it.Story, q) {
				held++
			}
		}
	}
	if share := float64(held) / float64(all); math.Abs(share-1./16) > 0.01 {
		t.Errorf("%d of %d questions held out, want a sixteenth", held, all)
	}
}

func TestHeldOutPanics(t *testing.T) {
	for _, test := range []world.Test{{"sums", "en"}, {world.Go, world.Chinese}, {world.Colour, "fr"}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%v: no panic", test)
				}
			}()
			world.New(1).HeldOut(test.Task, test.Lang, 1)
		}()
	}
}

// TestShares measures shares of tokens over many documents, for the default
// proportions and for others, in prose and in chat.
func TestShares(t *testing.T) {
	tests := []struct {
		name   string
		config world.Config
		want   [4]float64
	}{
		{"default", world.Config{}, [4]float64{4, 4, 2, 0.6}},
		{"bytes", world.Config{English: 1, Chinese: 2, Translation: 3, Go: 4, Count: func(s string) int { return len(s) }, Longest: 1000}, [4]float64{1, 2, 3, 4}},
		{"no Go", world.Config{English: 1, Chinese: 1}, [4]float64{1, 1, 0, 0}},
	}
	for _, test := range tests {
		w, r := test.config.New(9), rng(4)
		var prose, chat [4]float64
		for range 8_000 {
			d, it := w.Prose(r), w.Dialogue(r)
			prose[group(d.Task, d.Lang)] += float64(w.Count(d.Text()) + 1)
			chat[group(it.Task, it.Lang)]++
			for _, m := range it.Messages {
				chat[group(it.Task, it.Lang)] += float64(w.Count(m.Content) + w.Markup/2)
			}
		}
		for i := range test.want {
			want := test.want[i] / sum(test.want)
			if got := prose[i] / sum(prose); math.Abs(got-want) > 0.03 {
				t.Errorf("%s: prose share %d is %.3f, want %.3f", test.name, i, got, want)
			}
			if got := chat[i] / sum(chat); math.Abs(got-want) > 0.03 {
				t.Errorf("%s: chat share %d is %.3f, want %.3f", test.name, i, got, want)
			}
		}
	}
}

func group(task, lang string) int {
	switch {
	case task == world.Translate:
		return 2
	case task == world.Go:
		return 3
	case lang == world.Chinese:
		return 1
	}
	return 0
}

func sum(x [4]float64) float64 { return x[0] + x[1] + x[2] + x[3] }

// TestFit: no dialogue of more than one turn is longer than the limit, and
// some have all five turns where there is room.
func TestFit(t *testing.T) {
	w, r := world.New(8), rng(5)
	most := 0
	for range 20_000 {
		it := w.Dialogue(r)
		n := 0
		for _, m := range it.Messages {
			n += w.Count(m.Content) + w.Markup/2
		}
		if n > w.Longest+1 && len(it.Messages) > 2 { // +1: the newline between story and question
			t.Fatalf("%d tokens, limit %d: %v", n, w.Longest, it.Messages)
		}
	}
	wide := world.Config{Longest: 1000}.New(8)
	for range 2000 {
		most = max(most, len(wide.Dialogue(r).Messages)/2)
	}
	if most != 5 {
		t.Errorf("at most %d turns, want 5", most)
	}
}

// TestWeights: the answers, and nothing else, have the weight of answers.
func TestWeights(t *testing.T) {
	w, r := world.New(8), rng(6)
	for range 5000 {
		d := w.Prose(r)
		want := float32(world.AnswerWeight)
		if d.Story != nil {
			want = world.StoryWeight
		}
		for i, s := range d.Segments {
			if i%2 == 1 && s.Weight != want || i%2 == 0 && s.Weight != world.ProseWeight {
				t.Fatalf("segment %d of %s weighs %v: %q", i, d.Task, s.Weight, s.Text)
			}
		}
	}
}

// TestTranslationIsBijective: one sentence never has two translations.
func TestTranslationIsBijective(t *testing.T) {
	w, r := world.New(8), rng(7)
	to, from := map[string]string{}, map[string]string{}
	for range 15_000 {
		it := w.Dialogue(r)
		if it.Task != world.Translate {
			continue
		}
		en, zh := it.Answer(), strings.TrimPrefix(it.Messages[0].Content, "翻译成英文：")
		if it.Lang == world.Chinese {
			en, zh = strings.TrimPrefix(it.Messages[0].Content, "Translate into Chinese: "), it.Answer()
		}
		if was, ok := to[en]; ok && was != zh {
			t.Fatalf("%q is %q and %q", en, was, zh)
		}
		if was, ok := from[zh]; ok && was != en {
			t.Fatalf("%q is %q and %q", zh, was, en)
		}
		to[en], from[zh] = zh, en
	}
	if len(to) < 1000 {
		t.Errorf("only %d sentences translated", len(to))
	}
}

func BenchmarkProse(b *testing.B) {
	w, r := world.New(1), rng(1)
	tokens := 0
	for b.Loop() {
		for _, s := range w.Prose(r).Segments {
			tokens += len(s.Text) / 4
		}
	}
	b.ReportMetric(float64(tokens)/b.Elapsed().Seconds()/1e6, "Mtokens(4B)/s")
}

func BenchmarkDialogue(b *testing.B) {
	w, r := world.New(1), rng(1)
	tokens := 0
	for b.Loop() {
		for _, m := range w.Dialogue(r).Messages {
			tokens += len(m.Content)/4 + 5
		}
	}
	b.ReportMetric(float64(tokens)/b.Elapsed().Seconds()/1e6, "Mtokens(4B)/s")
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		world.New(1)
	}
}
