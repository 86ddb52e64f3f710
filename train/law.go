package train

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"sync"
)

// A Law is the expected loss of a run as a function of what is known before it
// begins, fitted on trials by least squares:
//
//	ln(loss / bigram) = a₀ + a₁ ln N + a₂ ln D + a₃ ln S + a₄ ln(unigram / bigram) + a₅ ln(bytes per token)
//	                    + a₆ ln(S / 100) ln(bigram / trigram)
//
// The n-grams' losses say what a text, its size and its tokenizer are worth; the
// rest, how far beyond them a model of N weights comes in S updates of D tokens
// together, of which the first eight passes over the text count. The longer it learns,
// the more counts what lies beyond the last token.
//
// Interval is the half-width, in logarithms: nine of ten trials are that near to what
// the law of the other texts expects. That is more than [Within] asks, for misses come
// in texts, and of an unlucky text's runs too four of five shall end inside; it is
// widened because the texts are few.
type Law struct {
	Factors  []float64
	Interval float64
	trials   []Trial
}

// Within is the share of runs that are expected to end inside an [Expectation].
const Within = 0.8

// held is the share of the trials, texts left out, that sets the interval. Laws of nine
// texts, drawn again and again, then hold more than the stated share of the runs of the
// other texts in nine draws of ten; with 0.8 it was seven tenths.
const held = 0.9

// An Expectation is the held-out loss that a run is expected to end with, in nats
// for a token, between Low and High in four of five runs.
type Expectation struct {
	Loss float64 `json:"loss"`
	Low  float64 `json:"low"`
	High float64 `json:"high"`
	// BitsPerByte are the same numbers, comparable between tokenizers.
	BitsPerByte [3]float64 `json:"bits_per_byte"`
	// Outside says in what the run differs from all runs of the study. Where it is not
	// empty, the expectation is an extrapolation and the interval too narrow.
	Outside []string `json:"outside,omitempty"`
}

// passes over a text are all that count of more: the best evaluation lies before.
const passes = 8

// terms of the law, centred on the middle of the study.
func (t Trial) terms() []float64 {
	counts := min(1, passes*float64(t.Unique)/float64(t.Tokens))
	updates := math.Log(counts * float64(t.Updates) / 100)
	return []float64{
		1, math.Log(float64(t.Body) / 4e5), math.Log(counts * float64(t.Tokens) / 2e5), updates,
		math.Log(t.Unigram / t.Bigram), math.Log(max(t.BytesPerToken, 0.1)), updates * math.Log(t.Bigram/t.Trigram),
	}
}

// FitLaw fits the law on trials of at least three texts.
func FitLaw(trials []Trial) (*Law, error) {
	l := &Law{trials: trials}
	var err error
	if l.Factors, err = factors(trials); err != nil {
		return nil, err
	}
	misses, err := LeaveOut(trials)
	if err != nil {
		return nil, err
	}
	texts := map[string]bool{}
	for i, t := range trials {
		texts[t.Text] = true
		misses[i] = math.Abs(misses[i])
	}
	slices.Sort(misses)
	l.Interval = misses[int(math.Ceil(held*float64(len(misses))))-1] * few(len(texts))
	return l, nil
}

// few is how much wider than the normal distribution's an interval for 80 % must be
// where k texts are all that is known of texts: Student's t with k−1 degrees of
// freedom, to the first order, and the error of the mean of k.
func few(k int) float64 {
	const z = 1.2816
	return (1 + (z*z+1)/4/float64(k-1)) * math.Sqrt(1+1/float64(k))
}

// StudyLaw is the law of the study.
var StudyLaw = sync.OnceValue(func() *Law {
	l, err := FitLaw(Study())
	if err != nil {
		panic(err) // the study is a file of this package
	}
	return l
})

// factors solves the least squares.
func factors(trials []Trial) ([]float64, error) {
	rows, y := make([][]float64, len(trials)), make([]float64, len(trials))
	for i, t := range trials {
		rows[i], y[i] = t.terms(), math.Log(t.Loss/t.Bigram)
	}
	a, ok := leastSquares(rows, y)
	if !ok {
		return nil, fmt.Errorf("train: %d trials do not determine the law of losses", len(trials))
	}
	return a, nil
}

// LeaveOut returns for each trial the logarithm of its loss over the one that the
// law of all other texts expects.
func LeaveOut(trials []Trial) (misses []float64, err error) {
	laws := map[string][]float64{}
	for _, t := range trials {
		laws[t.Text] = nil
	}
	if len(laws) < 3 {
		return nil, fmt.Errorf("train: trials of %d texts: want three at least to leave one out", len(laws))
	}
	for text := range laws {
		others := slices.DeleteFunc(slices.Clone(trials), func(t Trial) bool { return t.Text == text })
		if laws[text], err = factors(others); err != nil {
			return nil, err
		}
	}
	misses = make([]float64, len(trials))
	for i, t := range trials {
		misses[i] = math.Log(t.Loss/t.Bigram) - dot(laws[t.Text], t.terms())
	}
	return misses, nil
}

// Expect returns what a run is expected to end with.
func (l *Law) Expect(t Trial) Expectation {
	loss, factor := t.Bigram*math.Exp(dot(l.Factors, t.terms())), math.Exp(l.Interval)
	e := Expectation{Loss: loss, Low: loss / factor, High: loss * factor, Outside: l.outside(t)}
	if t.BytesPerToken > 0 {
		for i, nats := range []float64{e.Loss, e.Low, e.High} {
			e.BitsPerByte[i] = nats / math.Ln2 / t.BytesPerToken
		}
	}
	return e
}

// outside compares the run with the ranges of the study.
func (l *Law) outside(t Trial) (all []string) {
	for _, r := range []struct {
		name string
		of   func(Trial) float64
	}{
		{"passes over the text", func(t Trial) float64 { return math.Ceil(float64(t.Tokens) / float64(t.Unique)) }},
		{"depth", func(t Trial) float64 { return float64(t.Depth) }},
		{"parameters without embeddings", func(t Trial) float64 { return float64(t.Body) }},
		{"tokens", func(t Trial) float64 { return float64(t.Tokens) }},
		{"updates", func(t Trial) float64 { return float64(t.Updates) }},
		{"tokens of the text", func(t Trial) float64 { return float64(t.Unique) }},
		{"context", func(t Trial) float64 { return float64(t.Context) }},
		{"vocabulary", func(t Trial) float64 { return float64(t.Vocab) }},
		{"the text's unigram over bigram loss", func(t Trial) float64 { return t.Unigram / t.Bigram }},
		{"bytes per token", func(t Trial) float64 { return t.BytesPerToken }},
	} {
		lo, hi := math.Inf(1), math.Inf(-1)
		for _, of := range l.trials {
			lo, hi = min(lo, r.of(of)), max(hi, r.of(of))
		}
		const slack = 1.1 // a tenth beyond is no other world
		if x := r.of(t); x*slack < lo || x > hi*slack {
			all = append(all, fmt.Sprintf("%s %s (study: %s to %s)", r.name, amount(x), amount(lo), amount(hi)))
		}
	}
	return all
}

// amount writes a count as one, anything else with two digits after the point.
func amount(x float64) string {
	if x == math.Trunc(x) {
		return group(int64(x))
	}
	return strconv.FormatFloat(x, 'f', 2, 64)
}

func dot(a, b []float64) (sum float64) {
	for i := range a {
		sum += a[i] * b[i]
	}
	return sum
}

// leastSquares returns the a that minimises Σ (y - a·row)² by the normal equations
// and Gauss's elimination; false where they have no single solution.
func leastSquares(rows [][]float64, y []float64) (a []float64, ok bool) {
	if len(rows) == 0 {
		return nil, false
	}
	k := len(rows[0])
	m := make([][]float64, k) // k equations, the right side last
	for i := range m {
		m[i] = make([]float64, k+1)
		for r, row := range rows {
			for j := range k {
				m[i][j] += row[i] * row[j]
			}
			m[i][k] += row[i] * y[r]
		}
	}
	for i := range k {
		pivot := i
		for r := i; r < k; r++ {
			if math.Abs(m[r][i]) > math.Abs(m[pivot][i]) {
				pivot = r
			}
		}
		m[i], m[pivot] = m[pivot], m[i]
		if math.Abs(m[i][i]) < 1e-9*float64(len(rows)) {
			return nil, false
		}
		for r := range k {
			if f := m[r][i] / m[i][i]; r != i {
				for j := i; j <= k; j++ {
					m[r][j] -= f * m[i][j]
				}
			}
		}
	}
	a = make([]float64, k)
	for i := range a {
		a[i] = m[i][k] / m[i][i]
	}
	return a, true
}
