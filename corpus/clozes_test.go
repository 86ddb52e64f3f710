package corpus_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/internal/testkit"
)

const story = `The old keeper Anna Weiss climbed the tower at six in the morning. She had 42 lamps to clean before noon. Rain!
Nobody in the village of Lund remembered a winter as long as the one of 1881 , when the ships stayed out .
`

// TestClozes: an answer stands where it is said to stand, and the question is made of
// words of the answer's own sentence alone.
func TestClozes(t *testing.T) {
	all, err := corpus.Clozes([]corpus.Document{{Text: story}}, 200, 3)
	if err != nil {
		t.Fatal(err)
	}
	answers, articles := map[string]bool{}, map[string]bool{}
	for i, q := range all {
		a := q.Answers[0]
		if got := q.Context[a.From:a.To]; got != a.Label || strings.TrimSpace(got) != got || got == "" {
			t.Fatalf("question %d: the answer %q, its place holds %q", i, a.Label, got)
		}
		var home string
		for _, s := range strings.SplitAfter(q.Context, ".") {
			if strings.Contains(s, a.Label) {
				home += s
			}
		}
		for _, w := range strings.Fields(q.Text) {
			if !strings.Contains(home, w) {
				t.Errorf("question %d, %q: %q is not of the sentence of %q", i, q.Text, w, a.Label)
			}
		}
		answers[a.Label], articles[q.Article] = true, true
	}
	for _, want := range []string{"Anna Weiss", "42", "Lund", "1881"} {
		if !answers[want] {
			t.Errorf("of 200 answers none is %q", want)
		}
	}
	if len(articles) != 2 {
		t.Errorf("%d passages, want one of each line", len(articles))
	}
	again, _ := corpus.Clozes([]corpus.Document{{Text: story}}, 200, 3)
	if diff := cmp.Diff(all, again); diff != "" {
		t.Errorf("the same seed: %s", diff)
	}
	if _, err := corpus.Clozes([]corpus.Document{{Text: "Too short. ! ! ! ! ! ! ! !\n"}}, 1, 0); err == nil {
		t.Error("no error of a text without a sentence")
	}
}

// TestClozesOfChinese: signs are words, and a passage ends before it is too long.
func TestClozesOfChinese(t *testing.T) {
	text := strings.Repeat("昨天下午三点，王老师在北京的图书馆读完了这本书。", 12)
	all, err := corpus.Clozes([]corpus.Document{{Text: text}}, 50, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range all {
		if a := q.Answers[0]; q.Context[a.From:a.To] != a.Label || len(corpus.WordSpans(q.Context)) > 110 || !strings.HasSuffix(q.Context, "。") {
			t.Fatalf("%+v", q)
		}
	}
}

// TestLikenesses: a score is what SharedWords says of the pair, drawn out to the range.
func TestLikenesses(t *testing.T) {
	docs := []corpus.Document{{Text: story + "我在等公共汽车。他在等一辆出租车。\n"}}
	like := corpus.SharedWords(docs)
	all, err := corpus.Likenesses(docs, 300, -1, 4, 7)
	if err != nil {
		t.Fatal(err)
	}
	low, high := 4.0, -1.0
	for i, x := range all {
		if want := -1 + 5*like(x.Text, x.Pair); x.Score < want-1e-9 || x.Score > want+1e-9 {
			t.Fatalf("pair %d: score %v, want %v: %q %q", i, x.Score, want, x.Text, x.Pair)
		}
		low, high = min(low, x.Score), max(high, x.Score)
	}
	if low > 0 || high < 3.9 {
		t.Errorf("scores from %v to %v do not fill the range", low, high)
	}
	again, _ := corpus.Likenesses(docs, 300, -1, 4, 7)
	if diff := cmp.Diff(all, again); diff != "" {
		t.Errorf("the same seed: %s", diff)
	}
	if _, err := corpus.Likenesses([]corpus.Document{{Text: "One sentence alone stands here."}}, 1, 0, 1, 0); err == nil {
		t.Error("no error of one sentence")
	}
}

// TestSharedWords: rare words count more, order and case do not.
func TestSharedWords(t *testing.T) {
	like := corpus.SharedWords([]corpus.Document{{Text: "the cat sat on the mat . \nthe dog sat on the log . \nthe owl sat in the box . \n"}})
	if got := like("The cat sat", "sat cat the"); got < 1-1e-9 || got > 1+1e-9 {
		t.Errorf("the same words: %v, want 1", got)
	}
	if got := like("cat", "dog"); got != 0 {
		t.Errorf("no word in common: %v, want 0", got)
	}
	if rare, common := like("the cat", "a cat"), like("the cat", "the dog"); rare <= common {
		t.Errorf("a rare word in common %v, a common one %v", rare, common)
	}
}

// TestLikenessesOfData: of real text, pairs of every likeness come out.
func TestLikenessesOfData(t *testing.T) {
	docs, _, err := corpus.Read(nil, testkit.Data(t, "lm-wikitext2/valid.txt.gz"))
	if err != nil {
		t.Fatal(err)
	}
	pairs, err := corpus.Likenesses(docs, 1000, 0, 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	bins := [4]int{}
	for _, x := range pairs {
		bins[min(3, int(4*x.Score))]++
	}
	for k, n := range bins {
		if n < 20 {
			t.Errorf("%d of 1,000 pairs have a likeness in quarter %d: %v", n, k, bins)
		}
	}
}
