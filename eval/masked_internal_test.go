package eval

import (
	"math"
	"testing"

	"github.com/inkstone-ai/inkstone/corpus"
)

// TestGramsByHand: after 1 comes 2, before 3 stands 2; both sides together are
// surer than one.
func TestGramsByHand(t *testing.T) {
	g := newGrams(corpus.IDs{1, 2, 3, 1, 2, 3, 1, 0, 0, 0, 0}, 4)
	if got, want := g.one[0], 5./15; math.Abs(got-want) > 1e-12 {
		t.Errorf("p(0) is %g, want %g", got, want)
	}
	scores := g.scores([]hole{{left: 1, right: 3, was: 2}})
	unigram, product, bayes := scores[0], scores[1], scores[2]
	if unigram.Top1 != 0 || unigram.Top5 != 1 || math.Abs(unigram.Loss+math.Log(3./15)) > 1e-6 {
		t.Errorf("the unigram: %+v", unigram)
	}
	if product.Top1 != 1 || bayes.Top1 != 1 || product.Loss >= unigram.Loss {
		t.Errorf("the bigrams: %+v and %+v", product, bayes)
	}
	// With the prior 0.5: p(w|left=1) = (n + 0.5·p(w))/(3.5), p(w|right=3) = (n + 0.5·p(w))/(2.5).
	p := func(n, total, one float64) float64 { return (n + 0.5*one) / (total + 0.5) }
	one := []float64{5. / 15, 4. / 15, 3. / 15, 3. / 15}
	after, before := []float64{1, 0, 2, 0}, []float64{0, 0, 2, 0}
	sum, right := 0.0, 0.0
	for w := range one {
		x := p(after[w], 3, one[w]) * p(before[w], 2, one[w])
		sum += x
		if w == 2 {
			right = x
		}
	}
	// All priors get the one hole right, so the first, 0.5, is the best.
	if want := -math.Log(right / sum); math.Abs(product.Loss-want) > 1e-6 {
		t.Errorf("the loss of the product is %g, want %g", product.Loss, want)
	}
	// Where both sides are hidden, nothing is known but the frequencies.
	blind := g.scores([]hole{{left: -1, right: -1, was: 0}})
	if math.Abs(blind[2].Loss-blind[0].Loss) > 1e-6 || blind[1].Top1 != 1 {
		t.Errorf("without neighbours: %+v", blind)
	}
}

func TestMaskedScore(t *testing.T) {
	var s MaskedScore
	log := []float32{-3, -1, -2, -4, -5, -6, -7}
	for _, was := range []int32{1, 2, 6} {
		s.add(log, was)
	}
	if s.Top1 != 1 || s.Top5 != 2 || math.Abs(s.Loss-10) > 1e-6 {
		t.Errorf("%+v, want one first, two among five, 10 nats", s)
	}
}
