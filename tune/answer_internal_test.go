package tune

import (
	"slices"
	"testing"

	"github.com/inkstone-ai/inkstone/corpus"
)

// TestLikeliest: an answer ends where it begins or behind that, within twice the words that
// answers have; its score is that of both ends over the first row's.
func TestLikeliest(t *testing.T) {
	w := window{lead: 3}
	for i := range 60 {
		w.tokens = append(w.tokens, corpus.Span{From: 10 * i, To: 10*i + 5})
	}
	for _, tt := range []struct {
		name         string
		begins, ends map[int]float32 // by token of the passage
		want         corpus.Span
		score        float32
	}{
		{"one token", map[int]float32{7: 2}, map[int]float32{7: 3}, corpus.Span{From: 70, To: 75}, 5 - 0.75},
		{"three", map[int]float32{7: 2}, map[int]float32{9: 3}, corpus.Span{From: 70, To: 95}, 5 - 0.75},
		{"ends before it begins", map[int]float32{7: 4}, map[int]float32{5: 3}, corpus.Span{From: 70, To: 75}, 4 - 0.75},
		{"forty", map[int]float32{7: 2}, map[int]float32{46: 3}, corpus.Span{From: 70, To: 465}, 5 - 0.75},
		{"more than forty", map[int]float32{7: 2}, map[int]float32{47: 3}, corpus.Span{From: 80, To: 475}, 3 - 0.75},
		{"the last", map[int]float32{59: 2}, map[int]float32{59: 3}, corpus.Span{From: 590, To: 595}, 5 - 0.75},
	} {
		scores := make([]float32, 2*64)
		scores[0], scores[1] = 0.5, 0.25
		scores[2], scores[2*63+1] = 9, 9 // the question and the frame's end are no answer
		for i, x := range tt.begins {
			scores[2*(3+i)] = x
		}
		for i, x := range tt.ends {
			scores[2*(3+i)+1] = x
		}
		if span, score := w.likeliest(scores); span != tt.want || score != tt.score {
			t.Errorf("%s: %v with %g, want %v with %g", tt.name, span, score, tt.want, tt.score)
		}
	}
}

// tagged are texts of one word each, with its class among O, A and B.
func tagged(words string, classes ...int32) *Tag {
	t := &Tag{Labels: []string{Outside, "A", "B"}}
	for i, class := range classes {
		t.examples = append(t.examples, corpus.Tagged{Text: words[i : i+1]})
		t.words = append(t.words, []taggedWord{{corpus.Span{To: 1}, 0, class}})
	}
	return t
}

// TestTagScores counts by hand.
func TestTagScores(t *testing.T) {
	truth := tagged("abcdef", 0, 1, 1, 2, 0, 2)
	var said [][]corpus.Span
	for _, label := range []string{Outside, "A", "B", Outside, "A", "B"} {
		said = append(said, []corpus.Span{{To: 1, Label: label}})
	}
	got := truth.compare(said)
	if want := (TagScore{Words: 6, Right: 3, Outside: 2, Found: 2, Said: 4, Truth: 4}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if f := (TagScore{Found: 2, Said: 5, Truth: 3}).F1(); f != 0.5 { // of a precision of 2/5 and a recall of 2/3
		t.Errorf("F1 %g, want 0.5", f)
	}
	if f := (TagScore{Words: 3, Right: 3, Outside: 3}).F1(); f != 0 {
		t.Errorf("F1 of nothing %g", f)
	}
}

// TestTagRecall: a word gets the label that it had most often, one that was not learned none.
func TestTagRecall(t *testing.T) {
	learned := tagged("aaabbbc", 1, 2, 2, 0, 0, 1, 1)
	if got, want := tagged("aabcd", 2, 2, 1, 1, 0).Recall(learned), (TagScore{Words: 5, Right: 4, Outside: 1, Found: 3, Said: 3, Truth: 4}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// TestClassifyMeasures counts by hand what a baseline says.
func TestClassifyMeasures(t *testing.T) {
	c := &Classify{Labels: []string{"x", "y", "z"}, classes: []int32{2, 1, 1, 2, 0, 2}}
	if got := c.Majority(); got != "z" {
		t.Errorf("the commonest label is %q", got)
	}
	c.classes = []int32{2, 1, 1, 2, 0}
	if got := c.Majority(); got != "y" {
		t.Errorf("the first of the commonest labels is %q", got)
	}
	if got := (&Classify{}).Majority(); got != "" {
		t.Errorf("the commonest of numbers is %q", got)
	}
	if got := Labels([]corpus.Labelled{{Label: "b"}, {Label: "a"}, {Label: "b"}}); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("labels %q", got)
	}
	for _, tt := range []struct {
		a, b string
		want float64
	}{{"aab", "abb", 2.0 / 3}, {"ab", "ba", 1}, {"aaaa", "a", 0.4}, {"ab", "cd", 0}, {"", "", 0}, {"李白", "白", 2.0 / 3}} {
		if got := shared(tt.a, tt.b); got != tt.want {
			t.Errorf("%q and %q share %g, want %g", tt.a, tt.b, got, tt.want)
		}
	}
	c.examples = []corpus.Labelled{{Score: 2}, {Score: -1}, {Score: 5}, {Score: 3}}
	if low, high := c.Range(); low != -1 || high != 5 {
		t.Errorf("scores from %g to %g", low, high)
	}
}
