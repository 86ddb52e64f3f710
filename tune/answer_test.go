package tune_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/model/bert"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/tune"
)

// question asks "the cat" of a passage whose answer is the words from to.
func question(passage, answer string) corpus.Question {
	at := strings.Index(passage, answer)
	return corpus.Question{File: "squad.json", Number: 3, Context: passage, Text: "the cat", Answers: []corpus.Span{{From: at, To: at + len(answer), Label: answer}}}
}

// TestAnswerWindows: a passage is read in windows of what the question and the frame leave
// of the context, each half a window after the one before; the answer is where it stands
// whole, at its first and its last token, else the window points at its first row.
func TestAnswerWindows(t *testing.T) {
	tok, frame := pieces(t)
	for _, tt := range []struct {
		name, passage, answer string
		tokens                [][2]int // of the passage, in each window
		truth                 string
	}{
		{"four windows", numbered(0, 40), numbered(20, 23), [][2]int{{0, 16}, {8, 24}, {16, 32}, {24, 40}}, "0 0, 16 18, 8 10, 0 0"},
		{"over a border", numbered(0, 40), numbered(14, 18), [][2]int{{0, 16}, {8, 24}, {16, 32}, {24, 40}}, "0 0, 10 13, 0 0, 0 0"},
		{"longer than a window", numbered(0, 24), numbered(2, 20), [][2]int{{0, 16}, {8, 24}}, "0 0, 0 0"},
		{"just one window", numbered(0, 16), numbered(15, 16), [][2]int{{0, 16}}, "19 19"},
		{"one token more", numbered(0, 17), "w0", [][2]int{{0, 16}, {8, 17}}, "4 4, 0 0"},
	} {
		a, err := tune.NewAnswer(tok, frame, []corpus.Question{question(tt.passage, tt.answer)}, 21)
		if err != nil {
			t.Fatal(err)
		}
		var truth []string
		for i := range a.Len() {
			truth = append(truth, a.Row(i).Truth)
			if i >= len(tt.tokens) {
				continue
			}
			ids, types := []int32{cls, the, cat, sep}, make([]int32, 4)
			for k := tt.tokens[i][0]; k < tt.tokens[i][1]; k++ {
				ids, types = append(ids, int32(word+k)), append(types, 1)
			}
			ids, types = append(ids, sep), append(types, 1)
			if r := a.Row(i); !slices.Equal(r.IDs, ids) || !slices.Equal(r.Types, types) {
				t.Errorf("%s: window %d is %v of types %v, want %v of %v", tt.name, i, r.IDs, r.Types, ids, types)
			}
		}
		if got := strings.Join(truth, ", "); got != tt.truth || a.Len() != len(tt.tokens) {
			t.Errorf("%s: the answers are at %s, want %s", tt.name, got, tt.truth)
		}
	}
	_, err := tune.NewAnswer(tok, frame, []corpus.Question{question(numbered(0, 40), "w1")}, 20)
	if err == nil || !strings.Contains(err.Error(), "squad.json: question 3 takes 2 tokens, which leaves 15 of the context of 20") {
		t.Errorf("a question that leaves room for 15 tokens: error %v", err)
	}
}

// TestAnswerTokens: an answer is the tokens of its words and none beside them, all the
// pieces of a word among them.
func TestAnswerTokens(t *testing.T) {
	tok, frame := pieces(t)
	for answer, want := range map[string]string{"the": "4 4", "cats": "5 6", ".": "7 7", "cats.": "5 7", "dog": "8 8"} {
		a, err := tune.NewAnswer(tok, frame, []corpus.Question{question("the cats.dog", answer)}, 32)
		if err != nil {
			t.Fatal(err)
		}
		if got := a.Row(0).Truth; got != want {
			t.Errorf("%q is at %s, want %s", answer, got, want)
		}
	}
}

// TestAnswerSays: of all windows of a passage the answer is the stretch whose begin and end
// score the most above the window's first row, each window read alone.
func TestAnswerSays(t *testing.T) {
	tok, frame := pieces(t)
	m := encoder(t, bert.Answers)
	var questions []corpus.Question
	var want []string
	places := map[int]bool{} // of the windows that won
	for i := range 9 {
		q := question(numbered(i, 12+4*i), fmt.Sprint("w", i))
		q.Text = []string{"the cat", "dog sat", "the dogs"}[i%3]
		questions = append(questions, q)
		alone, err := tune.NewAnswer(tok, frame, []corpus.Question{q}, 22)
		if err != nil {
			t.Fatal(err)
		}
		best, answer, place := math.Inf(-1), "", 0
		for k := range alone.Len() {
			read(m, alone.Row(k), func(_ *nn.Pass, x *tensor.Tensor) {
				if s, text := bestStretch(alone.Row(k), m.Answer(x).Floats()); s > best {
					best, answer, place = s, text, k
				}
			})
		}
		want, places[place] = append(want, answer), true
	}
	a, err := tune.NewAnswer(tok, frame, questions, 22)
	if err != nil {
		t.Fatal(err)
	}
	if got := a.Say(m); !slices.Equal(got, want) {
		t.Errorf("answers %q, want %q", got, want)
	}
	if len(places) < 3 {
		t.Errorf("only windows %v won, which tests little", places)
	}
}

// bestStretch is the likeliest answer in a window over numbered words by the scores of its
// rows, and how much more that has than the first row.
func bestStretch(r tune.Row, scores []float32) (best float64, answer string) {
	best = math.Inf(-1)
	for from := slices.Index(r.Types, 1); from < len(r.IDs)-1; from++ {
		for to := from; to < len(r.IDs)-1; to++ {
			s := float64(scores[2*from]) + float64(scores[2*to+1]) - float64(scores[0]) - float64(scores[1])
			if s > best {
				best, answer = s, numbered(int(r.IDs[from])-word, int(r.IDs[to])-word+1)
			}
		}
	}
	return best, answer
}

// TestAnswerMeasure: of several true answers the best one counts, exactly and by words; the
// baseline is the first sentence that shares the most words with the question.
func TestAnswerMeasure(t *testing.T) {
	tok, frame := pieces(t)
	passage := "w1 w2. w3 cat sat? w4 cat dog. w5 w6"
	a, err := tune.NewAnswer(tok, frame, slices.Repeat([]corpus.Question{question(passage, "w1")}, 3), 32)
	if err != nil {
		t.Fatal(err)
	}
	m := encoder(t, bert.Answers)
	said := a.Say(m)[0]
	n := len(strings.Fields(strings.NewReplacer(".", " ", "?", " ").Replace(said))) // words that count
	first, other := corpus.Span{Label: "w3 sat"}, corpus.Span{Label: "nothing"}
	a.Questions[0].Answers = []corpus.Span{other, {Label: said}, first}
	a.Questions[1].Answers = []corpus.Span{{Label: said + " more"}, other}
	a.Questions[2].Answers = []corpus.Span{other}
	got := a.Measure(m)
	if want := (1 + 2*float64(n)/float64(2*n+1)) / 3; got.Questions != 3 || got.Exact != 1 || math.Abs(got.F1-want) > 1e-9 {
		t.Errorf("%q: %+v, want 1 exact and F1 %g", said, got, want)
	}
	for i := range a.Questions {
		a.Questions[i].Answers = []corpus.Span{other, first, {Label: "cat"}}
	}
	if got := a.Measure(m).Baseline; math.Abs(got-2*2.0/(3+2)) > 1e-9 {
		t.Errorf("the sentence %q for %q: F1 %g, want 0.8", "w3 cat sat", first.Label, got)
	}
}
