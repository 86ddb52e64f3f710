package wordvec_test

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/model/wordvec"
	"github.com/inkstone-ai/inkstone/tensor"
)

// royal has the directions male–female and common–royal.
func royal(t testing.TB) *wordvec.Vectors {
	return vectors(t, []string{"man", "woman", "king", "queen", "apple"}, []float32{
		3, 0.1, 0.3,
		0.1, 3, 0.3,
		3, 0.1, 4,
		0.1, 3, 4,
		-1, -1, 0,
	})
}

func indexed(t testing.TB, v *wordvec.Vectors) *wordvec.Index {
	d := tensor.CPU(2)
	x := v.Index(d)
	t.Cleanup(func() { x.Close(); d.Close() })
	return x
}

func names(found []wordvec.Match) (words []string) {
	for _, m := range found {
		words = append(words, m.Word)
	}
	return words
}

func TestNearest(t *testing.T) {
	x := indexed(t, royal(t))
	ask := func(text string, n int) []wordvec.Match {
		q, err := wordvec.ParseQuery(text)
		if err != nil {
			t.Fatal(err)
		}
		found, err := x.Nearest(q, n)
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	if got := ask("king - man + woman", 1); got[0].Word != "queen" {
		t.Errorf("king - man + woman is %v", got)
	}
	if diff := cmp.Diff([]string{"man", "queen", "woman", "apple"}, names(ask("king", 9))); diff != "" {
		t.Errorf("neighbours of king (-want +got):\n%s", diff)
	}
	want, err := x.Similarity("king", "man")
	if err != nil {
		t.Fatal(err)
	}
	testkit.Close(t, "cosine", []float64{ask("king", 1)[0].Cosine}, []float64{want}, 1e-6, 0)
	var unknown *wordvec.UnknownWordError
	if _, err := x.Nearest(wordvec.Query{{Word: "King"}}, 1); !errors.As(err, &unknown) || unknown.Word != "King" {
		t.Errorf("a word that is not there: %v", err)
	}
	if _, err := x.Nearest(wordvec.Query{{Word: "king"}}, 0); err == nil {
		t.Error("the 0 nearest words were found")
	}
}

func TestParseQuery(t *testing.T) {
	tests := []struct {
		text string
		want wordvec.Query
		says string
	}{
		{"king", wordvec.Query{{Word: "king"}}, ""},
		{"  king - man + woman ", wordvec.Query{{Word: "king"}, {Word: "man", Minus: true}, {Word: "woman"}}, ""},
		{"king − man woman", wordvec.Query{{Word: "king"}, {Word: "man", Minus: true}, {Word: "woman"}}, ""},
		{"- man", wordvec.Query{{Word: "man", Minus: true}}, ""},
		{"well-known", wordvec.Query{{Word: "well-known"}}, ""},
		{"", nil, "no word"},
		{"king -", nil, "ends in a sign"},
		{"king - - man", nil, "two signs"},
	}
	for _, tt := range tests {
		got, err := wordvec.ParseQuery(tt.text)
		if tt.says != "" {
			if err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%q: %v, want %q", tt.text, err, tt.says)
			}
		} else if err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("%q is %v, %v", tt.text, got, err)
		}
	}
}

const questions = `: family
man woman king queen
king queen man woman
man woman king apple
man woman king emperor
: other
man king woman queen
`

// TestAnalogyHasADirection: from man to woman is not from woman to man.
func TestAnalogyHasADirection(t *testing.T) {
	x := indexed(t, vectors(t, []string{"man", "woman", "king", "queen", "giant"}, []float32{
		1, 0, 0,
		1, 1, 0,
		1, 0, 1,
		1, 1, 1,
		1, -1, 1,
	}))
	got, err := x.AnswerAnalogies([]wordvec.Analogy{{A: "man", B: "woman", C: "king", D: "queen"}, {A: "woman", B: "man", C: "king", D: "giant"}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]wordvec.Section{{Right: 2, Asked: 2}}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestQuestions(t *testing.T) {
	q, err := wordvec.ReadQuestions(strings.NewReader(questions), "q")
	if err != nil {
		t.Fatal(err)
	}
	got, err := indexed(t, royal(t)).AnswerAnalogies(q.Analogies)
	if err != nil {
		t.Fatal(err)
	}
	want := []wordvec.Section{{Name: "family", Right: 2, Asked: 3, Unknown: 1}, {Name: "other", Right: 1, Asked: 1}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}

	q, err = wordvec.ReadQuestions(strings.NewReader("Word 1,Word 2,Human\nking,queen,9\nking,apple,1\nman,king,7.5\nman,emperor,5\n"), "q")
	if err == nil {
		t.Errorf("a heading of five fields was read: %v", q)
	}
	q, err = wordvec.ReadQuestions(strings.NewReader("# SimLex\nking,queen,9\nking,apple,1\nman king\t7.5\nman,emperor,5\n"), "q")
	if err != nil {
		t.Fatal(err)
	}
	rho, asked := royal(t).Correlation(q.Pairs)
	if asked != 3 || math.Abs(rho-0.5) > 1e-9 {
		t.Errorf("correlation %g of %d pairs", rho, asked)
	}
	tests := []struct{ text, says string }{
		{"", "q has no questions"}, {"a b\n", "q: line 1 has 2 fields"}, {"a b c d\na b x\n", `q: line 2: "x" is no score`},
		{"a b c d\n" + strings.Repeat("a", 1<<17), "q: line 2: bufio.Scanner: token too long"},
	}
	for _, tt := range tests {
		if _, err := wordvec.ReadQuestions(strings.NewReader(tt.text), "q"); err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%q: %v, want %q", tt.text, err, tt.says)
		}
	}
	for text, want := range map[string]bool{questions: true, "a b 1\nc d 2\n": true, "Once upon a time\nthere was a king who had three sons.\n": false, "": false} {
		if got := wordvec.LooksLikeQuestions(text); got != want {
			t.Errorf("%.20q looks like questions: %v", text, got)
		}
	}
}

// TestCorrelation against scipy.stats.spearmanr([1, 2, 2, 4], cosines).
// FuzzQuestions: a file of any bytes is read or refused with its name.
func FuzzQuestions(f *testing.F) {
	f.Add(questions)
	f.Add("Word 1,Word 2,Human\nking,queen,9\n")
	f.Fuzz(func(t *testing.T, text string) {
		wordvec.LooksLikeQuestions(text)
		q, err := wordvec.ReadQuestions(strings.NewReader(text), "file")
		switch {
		case err != nil && !strings.HasPrefix(err.Error(), "wordvec: file"):
			t.Errorf("the error does not name the file: %v", err)
		case err == nil && len(q.Analogies)+len(q.Pairs) == 0:
			t.Error("neither questions nor an error")
		}
	})
}

func TestCorrelation(t *testing.T) {
	v := vectors(t, []string{"o", "a", "b", "c", "d"}, []float32{1, 0, 1, 3, 1, 1, 3, 1, 1, 0})
	pairs := []wordvec.Pair{{A: "o", B: "a", Score: 1}, {A: "o", B: "b", Score: 2}, {A: "o", B: "c", Score: 2}, {A: "o", B: "d", Score: 4}}
	rho, _ := v.Correlation(pairs)
	testkit.Close(t, "Spearman's correlation", []float64{rho}, []float64{0.9486832980505138}, 1e-12, 0)
}

// TestProject: the plane of points in a plane keeps their distances.
func TestProject(t *testing.T) {
	v := vectors(t, []string{"a", "b", "c", "d"}, []float32{1, 0, 0, 0, 1, 0, -1, 0, 0, 0.6, -0.8, 0})
	xy, share, err := v.Project(v.Words())
	if err != nil {
		t.Fatal(err)
	}
	if sum := share[0] + share[1]; math.Abs(sum-1) > 1e-9 || share[0] < share[1] {
		t.Errorf("shares of the variance %v", share)
	}
	for i, p := range xy {
		for j, q := range xy {
			x, _ := v.Vector(v.Words()[i])
			y, _ := v.Vector(v.Words()[j])
			want := math.Hypot(float64(x[0]-y[0]), float64(x[1]-y[1]))
			if got := math.Hypot(p[0]-q[0], p[1]-q[1]); math.Abs(got-want) > 1e-6 {
				t.Errorf("distance of %d and %d is %g, want %g", i, j, got, want)
			}
		}
	}
	if _, _, err := v.Project([]string{"a", "b", "x"}); err == nil {
		t.Error("a word without a vector was placed")
	}
	if _, _, err := v.Project([]string{"a", "b"}); err == nil {
		t.Error("two words have a picture")
	}
}

func TestNewVectorsRefuses(t *testing.T) {
	for _, words := range [][]string{nil, {"a", "b", "a"}, {"a", "b"}} {
		if _, err := wordvec.NewVectors(words, make([]float32, 3)); err == nil {
			t.Errorf("%q and 3 numbers are vectors", words)
		}
	}
}
