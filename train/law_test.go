package train_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/train"
)

// invented trials follow a law of their own, and noise of that size beside it.
func invented(n, texts int, noise float64) (all []train.Trial) {
	r := rand.New(rand.NewPCG(1, 2))
	for i := range n {
		t := train.Trial{
			Text: fmt.Sprint(i % texts), Depth: 1 + i%4, Body: int64(math.Exp(10 + 5*r.Float64())), Tokens: int64(math.Exp(10 + 4*r.Float64())),
			Updates: int(math.Exp(3 + 4*r.Float64())), Unique: int64(2e5 * (1 + r.Float64())), Context: 64 << (i % 3), Vocab: 100 * (1 + i%9), BytesPerToken: 1 + 3*r.Float64(),
		}
		t.Bigram = 2 + r.Float64()
		t.Unigram = t.Bigram * (1.2 + 0.6*r.Float64())
		t.Trigram = t.Bigram * (0.7 + 0.3*r.Float64())
		t.Loss = t.Bigram * math.Pow(float64(t.Tokens)/1e5, -0.1) * math.Pow(float64(t.Body)/1e5, -0.03) * math.Exp(noise*r.NormFloat64())
		all = append(all, t)
	}
	return all
}

// TestLawFindsTheLaw: what follows the law without noise is expected exactly, with an
// interval of nothing.
func TestLawFindsTheLaw(t *testing.T) {
	trials := invented(120, 8, 0)
	l, err := train.FitLaw(trials)
	if err != nil {
		t.Fatal(err)
	}
	if l.Interval > 1e-6 {
		t.Errorf("an interval of %g without noise", l.Interval)
	}
	for _, x := range trials {
		if e := l.Expect(x); math.Abs(e.Loss-x.Loss) > 1e-6*x.Loss {
			t.Fatalf("expected %g, the trial had %g", e.Loss, x.Loss)
		}
	}
}

// TestLawCovers: of trials that the fit did not see, the stated share ends inside and
// more, but not all.
func TestLawCovers(t *testing.T) {
	all := invented(600, 10, 0.1)
	l, err := train.FitLaw(all[:100])
	if err != nil {
		t.Fatal(err)
	}
	inside := 0
	for _, x := range all[100:] {
		e := l.Expect(x)
		if !(e.Low < e.Loss && e.Loss < e.High) {
			t.Fatalf("%g is not between %g and %g", e.Loss, e.Low, e.High)
		}
		if want := e.Loss / math.Ln2 / x.BytesPerToken; math.Abs(e.BitsPerByte[0]-want) > 1e-9 {
			t.Errorf("%g bits per byte, want %g", e.BitsPerByte[0], want)
		}
		if e.Low <= x.Loss && x.Loss <= e.High {
			inside++
		}
	}
	if share := float64(inside) / 500; share < train.Within || share > 0.98 {
		t.Errorf("%.3f inside, want at least %g and not all", share, train.Within)
	}
}

// TestIntervalHoldsForOtherTexts: the study's texts are dealt into nine to fit on and the rest
// to judge by, again and again. On average, and in nine deals of ten, at least the stated
// share of the other texts' runs ends inside; and the interval is not so wide that it says
// nothing.
func TestIntervalHoldsForOtherTexts(t *testing.T) {
	all := train.Study()
	var texts []string
	for _, x := range all {
		if !slices.Contains(texts, x.Text) {
			texts = append(texts, x.Text)
		}
	}
	r := rand.New(rand.NewPCG(3, 4))
	const deals = 200
	var shares []float64
	mean, width := 0.0, 0.0
	for range deals {
		r.Shuffle(len(texts), func(i, j int) { texts[i], texts[j] = texts[j], texts[i] })
		seen := func(x train.Trial) bool { return slices.Contains(texts[:9], x.Text) }
		var known []train.Trial
		for _, x := range all {
			if seen(x) {
				known = append(known, x)
			}
		}
		l, err := train.FitLaw(known)
		if err != nil {
			t.Fatal(err)
		}
		inside, n := 0, 0
		for _, x := range all {
			if e := l.Expect(x); !seen(x) {
				n++
				if e.Low <= x.Loss && x.Loss <= e.High {
					inside++
				}
			}
		}
		shares = append(shares, float64(inside)/float64(n))
		mean += shares[len(shares)-1] / deals
		width += math.Exp(l.Interval) / deals
	}
	slices.Sort(shares)
	t.Logf("mean %.3f, a tenth below %.3f, a factor of %.3f", mean, shares[deals/10], width)
	if mean < train.Within || shares[deals/10] < train.Within || width > 1.25 {
		t.Errorf("%.3f inside on average, a tenth of the deals below %.3f, interval a factor of %.3f", mean, shares[deals/10], width)
	}
}

// TestLawSaysWhatItDoesNotKnow: beyond the ranges of the trials, by name.
func TestLawSaysWhatItDoesNotKnow(t *testing.T) {
	trials := invented(100, 5, 0.1)
	l, err := train.FitLaw(trials)
	if err != nil {
		t.Fatal(err)
	}
	if e := l.Expect(trials[7]); len(e.Outside) > 0 {
		t.Errorf("one of the trials is outside: %q", e.Outside)
	}
	x := trials[7]
	x.Depth, x.Tokens, x.Unique = 40, 1_000_000_000, 10_000_000
	got := strings.Join(l.Expect(x).Outside, "; ")
	if want := "passes over the text 100 (study: 1 to 5); depth 40 (study: 1 to 4); tokens 1,000,000,000 (study: "; !strings.HasPrefix(got, want) {
		t.Errorf("outside: %q, want %q …", got, want)
	}
}

func TestLawRefuses(t *testing.T) {
	if _, err := train.FitLaw(invented(100, 2, 0.1)); err == nil {
		t.Error("two texts: no error")
	}
	if _, err := train.FitLaw(slices.Repeat(invented(1, 1, 0), 50)); err == nil {
		t.Error("one trial fifty times: no error")
	}
	if _, err := train.FitLaw(nil); err == nil {
		t.Error("no trial: no error")
	}
	if _, err := train.ReadTrials([]byte("{\"loss\": 1}\n{\"loss\"\n")); err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("half a line: %v", err)
	}
}

// TestStudy looks at the table that the program carries.
func TestStudy(t *testing.T) {
	texts := map[string]int{}
	for i, x := range train.Study() {
		texts[x.Text]++
		if x.Loss <= 0 || x.Loss > 1.2*math.Log(float64(x.Vocab)) || x.Body <= 0 || x.Updates <= 0 || x.Tokens < int64(x.Updates) ||
			x.BytesPerToken < 0.9 || !(x.Unigram > x.Bigram && x.Bigram > 0 && x.Trigram > 0) {
			t.Errorf("line %d is no run: %+v", i+1, x)
		}
	}
	if len(texts) < 6 {
		t.Errorf("a study of %d texts", len(texts))
	}
	if l := train.StudyLaw(); l.Interval <= 0 || l.Interval > 0.3 {
		t.Errorf("an interval of %g says nothing", l.Interval)
	}
}
