package wordvec_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/model/wordvec"
)

func config(architecture string) wordvec.Word2VecConfig {
	return wordvec.Word2VecConfig{Architecture: architecture, Vocab: 40, Width: 8, Window: 3, Negatives: 5}
}

func counts(n int) []float32 {
	c := make([]float32, n)
	for i := range c {
		c[i] = float32(10 + i)
	}
	return c
}

func newSampler(t *testing.T, architecture string, subsample float64, boundary int32) *wordvec.Sampler {
	t.Helper()
	s, err := wordvec.NewSampler(config(architecture), counts(40), subsample, boundary)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func text(n int) []int32 {
	r := rand.New(rand.NewPCG(3, 3))
	ids := make([]int32, n)
	for i := range ids {
		ids[i] = int32(1 + r.IntN(39))
	}
	return ids
}

// TestSkipGramBatch: the scores that count are those of words at a distance of at
// most the window, as often as the window is drawn, and each pair's noise weighs k
// but for the negatives that are its own word.
func TestSkipGramBatch(t *testing.T) {
	const B, W, k = wordvec.BlockWords, 3, 5
	s, ids := newSampler(t, wordvec.SkipGram, 0, -1), text(100)
	var b wordvec.Batch
	s.Fill(&b, ids, 1, 2)
	M := len(b.Out) / b.Blocks
	if b.Blocks != 4 || M != B+2*W+s.Shared() || M%8 != 0 || s.Shared() < 4*k {
		t.Fatalf("%d blocks with %d outputs, %d of them negatives", b.Blocks, M, s.Shared())
	}
	pairs := 0
	for i := range ids {
		row := b.Positive[i*M : (i+1)*M]
		weights := b.Weights[i*M : (i+1)*M]
		if b.In[i] != ids[i] {
			t.Fatalf("word %d is row %d, want %d", i, b.In[i], ids[i])
		}
		var noise float64
		own := 0
		for j, p := range row {
			out := b.Out[i/B*M+j]
			at := i/B*B + j - W // the place of this output in the text
			switch {
			case j >= B+2*W:
				noise += float64(weights[j])
				if p != 0 {
					t.Errorf("word %d: negative %d is a pair", i, j)
				}
			case p == 1:
				pairs++
				if d := at - i; d == 0 || d > W || d < -W || out != ids[at] || weights[j] != 1 {
					t.Errorf("word %d pairs with output %d of word %d, place %d, weight %g", i, j, out, at, weights[j])
				}
				for _, n := range b.Out[i/B*M+B+2*W : (i/B+1)*M] {
					if n == out {
						own++
					}
				}
			case weights[j] != 0:
				t.Errorf("word %d: output %d counts %g without being a pair", i, j, weights[j])
			}
		}
		near := 0
		for _, p := range row {
			near += int(p)
		}
		share := float64(k) / float64(s.Shared())
		if want := share * float64(near*s.Shared()-own); math.Abs(noise-want) > 1e-4 {
			t.Errorf("word %d: noise weighs %g, want %g", i, noise, want)
		}
	}
	if pairs != b.Pairs {
		t.Errorf("%d pairs, the batch says %d", pairs, b.Pairs)
	}
	mean := float64(pairs) / float64(len(ids))
	if want := s.Expected(counts(40)); math.Abs(mean-want) > 0.7 {
		t.Errorf("%g pairs a word, %g are expected", mean, want)
	}
}

func TestCBOWBatch(t *testing.T) {
	const B, W = wordvec.BlockWords, 3
	s, ids := newSampler(t, wordvec.CBOW, 0, -1), text(50)
	var b wordvec.Batch
	s.Fill(&b, ids, 1, 2)
	A, M := B+2*W, len(b.Out)/b.Blocks
	if b.Pairs != len(ids) {
		t.Errorf("%d pairs of %d words", b.Pairs, len(ids))
	}
	for i := range ids {
		sum, near := 0.0, 0
		for j, x := range b.Mean[i*A : (i+1)*A] {
			at := i/B*B + j - W
			if x == 0 {
				continue
			}
			sum += float64(x)
			near++
			if at == i || at < i-W || at > i+W || b.In[i/B*A+j] != ids[at] {
				t.Errorf("word %d: input %d is place %d, row %d", i, j, at, b.In[i/B*A+j])
			}
		}
		if math.Abs(sum-1) > 1e-6 || near < 1 {
			t.Errorf("word %d: the mean of %d words weighs %g", i, near, sum)
		}
		if at := i/B*M + i%B; b.Out[at] != ids[i] || b.Positive[i*M+i%B] != 1 {
			t.Errorf("word %d predicts row %d", i, b.Out[at])
		}
	}
}

// TestBoundary: no pair goes across the end of a document, and the end itself is
// no word.
func TestBoundary(t *testing.T) {
	ids := []int32{1, 2, 3, 0, 4, 5, 6}
	for _, architecture := range []string{wordvec.SkipGram, wordvec.CBOW} {
		s, err := wordvec.NewSampler(config(architecture), append([]float32{0}, counts(39)...), 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		var b wordvec.Batch
		for n := range uint64(20) {
			s.Fill(&b, ids, 1, n)
			at, width := b.Positive, len(b.Out)
			first := wordvec.BlockWords + 6
			if architecture == wordvec.CBOW {
				at, width = b.Mean, len(b.In)
				first = width
			}
			for i := range ids {
				for j, x := range at[i*width : i*width+first] {
					if place := j - 3; x != 0 && (i == 3 || place == 3 || (place < 3) != (i < 3)) {
						t.Fatalf("%s: place %d sees place %d", architecture, i, place)
					}
				}
			}
			for _, id := range b.Out[len(b.Out)-s.Shared():] {
				if id == 0 {
					t.Fatalf("%s: the end of a document is a negative", architecture)
				}
			}
		}
	}
}

// TestBatchIsAFunction of the words, the seed and the number alone.
func TestBatchIsAFunction(t *testing.T) {
	ids := text(200)
	s := newSampler(t, wordvec.SkipGram, 1e-2, -1)
	var a, b, c wordvec.Batch
	s.Fill(&c, ids, 7, 4)
	s.Fill(&a, ids, 7, 5)
	newSampler(t, wordvec.SkipGram, 1e-2, -1).Fill(&b, ids, 7, 5)
	if !slices.Equal(a.In, b.In) || !slices.Equal(a.Out, b.Out) || !slices.Equal(a.Weights, b.Weights) || a.Pairs != b.Pairs {
		t.Error("the same seed and number give two batches")
	}
	if slices.Equal(a.Out, c.Out) {
		t.Error("two numbers give one batch")
	}
}

// TestThinning: words above the frequency t stay with probability √(t/f).
func TestThinning(t *testing.T) {
	s, err := wordvec.NewSampler(wordvec.Word2VecConfig{Architecture: wordvec.SkipGram, Vocab: 3, Width: 1, Window: 1, Negatives: 1}, []float32{900, 99, 1}, 0.01, -1)
	if err != nil {
		t.Fatal(err)
	}
	testkit.Close(t, "probabilities to stay", s.Keep(), []float32{float32(math.Sqrt(0.01 / 0.9)), float32(math.Sqrt(0.01 / 0.099)), 1}, 1e-6, 0)
	var b wordvec.Batch
	s.Fill(&b, make([]int32, 10_000), 1, 1)
	if kept, want := b.Pairs/2, 10_000*math.Sqrt(0.01/0.9); math.Abs(float64(kept)-want) > 5*math.Sqrt(want) {
		t.Errorf("%d words are kept, want about %g", kept, want)
	}
}

// TestNoise: negatives follow the counts to the power ¾, by χ² at a level of 1e-6.
func TestNoise(t *testing.T) {
	c := []float32{1, 16, 81, 0, 256}
	s, err := wordvec.NewSampler(wordvec.Word2VecConfig{Architecture: wordvec.SkipGram, Vocab: 5, Width: 1, Window: 1, Negatives: 1}, c, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	const n = 100_000
	seen := make([]float64, 5)
	r := rand.New(rand.NewPCG(1, 1))
	for range n {
		seen[wordvec.Negative(s, r)]++
	}
	want := []float64{1, 8, 27, 0, 64}
	chi := 0.0
	for i, w := range want {
		if w == 0 {
			if seen[i] != 0 {
				t.Errorf("a word of count 0 was drawn %g times", seen[i])
			}
			continue
		}
		e := n * w / 100
		chi += (seen[i] - e) * (seen[i] - e) / e
	}
	if chi > 31 { // χ² of 3 degrees exceeds 30.7 once in a million
		t.Errorf("χ² is %g: %v", chi, seen)
	}
}

func TestSamplerRefuses(t *testing.T) {
	if _, err := wordvec.NewSampler(config(wordvec.SkipGram), counts(39), 0, -1); err == nil {
		t.Error("counts of another vocabulary")
	}
	if _, err := wordvec.NewSampler(config(wordvec.SkipGram), make([]float32, 40), 0, -1); err == nil {
		t.Error("counts of nothing")
	}
}

// TestCooccurrences counts by hand: in "a b a | b", with a window of 2.
func TestCooccurrences(t *testing.T) {
	p := wordvec.CountCooccurrences([]int32{0, 1, 0, 9, 1}, 2, 9, 1)
	got := map[[2]int32]float32{}
	for n := range p.X {
		got[[2]int32{p.I[n], p.J[n]}] = p.X[n]
	}
	want := map[[2]int32]float32{{0, 1}: 2, {1, 0}: 2, {0, 0}: 1}
	if len(got) != len(want) {
		t.Fatalf("counts %v, want %v", got, want)
	}
	for k, x := range want {
		if got[k] != x {
			t.Errorf("%v: %g, want %g", k, got[k], x)
		}
	}
	again := wordvec.CountCooccurrences([]int32{0, 1, 0, 9, 1}, 2, 9, 1)
	if !slices.Equal(p.I, again.I) || !slices.Equal(p.X, again.X) {
		t.Error("the order is not a function of the seed")
	}
}

// FuzzConfig looks for a config.json that panics.
func FuzzConfig(f *testing.F) {
	f.Add(`{"model_type":"word2vec","architecture":"cbow","vocab_size":4,"embedding_size":4,"window":2,"negatives":3}`)
	f.Add(`{"model_type":"glove","vocab_size":4,"embedding_size":4,"window":2,"x_max":10}`)
	f.Fuzz(func(t *testing.T, config string) {
		if m, err := model.Build([]byte(config)); err == nil && model.Parameters(m) < 1 {
			t.Errorf("a model without parameters from %s", config)
		}
	})
}

func TestModelsRefuse(t *testing.T) {
	if _, err := wordvec.NewWord2Vec(wordvec.Word2VecConfig{Architecture: "other", Vocab: 1, Width: 1, Window: 1, Negatives: 1}); err == nil {
		t.Error("an unknown architecture")
	}
	if _, err := wordvec.NewWord2Vec(wordvec.Word2VecConfig{Architecture: wordvec.CBOW, Vocab: 1, Width: 1, Window: 1}); err == nil {
		t.Error("no negatives")
	}
	if _, err := wordvec.NewWord2Vec(wordvec.Word2VecConfig{Architecture: wordvec.CBOW, Vocab: 1, Width: 1, Window: 1, Negatives: 1 << 40}); err == nil {
		t.Error("too many negatives")
	}
	if _, err := wordvec.NewGloVe(wordvec.GloVeConfig{Vocab: 1 << 60, Width: 1, Window: 1}); err == nil {
		t.Error("an absurd vocabulary")
	}
	if _, err := wordvec.NewGloVe(wordvec.GloVeConfig{Vocab: 1, Width: 1}); err == nil {
		t.Error("no window")
	}
	if _, err := wordvec.NewGloVe(wordvec.GloVeConfig{Vocab: 1, Width: 1, Window: 1, XMax: -1}); err == nil {
		t.Error("a negative x_max")
	}
}
