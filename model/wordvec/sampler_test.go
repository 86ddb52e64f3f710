package wordvec_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/model/wordvec"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
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

// TestCBOWNoise: a word's score counts once and, of the K negatives, each k/K, but for
// those that are the word itself; a word without neighbours and the end of a document
// count nothing, and no word is asked for another one of its block.
func TestCBOWNoise(t *testing.T) {
	const B, k = wordvec.BlockWords, 5
	s := newSampler(t, wordvec.CBOW, 0, 0)
	ids := append(text(40), 0, 17, 0, 8, 9) // 17 is alone between two ends
	var b wordvec.Batch
	s.Fill(&b, ids, 1, 2)
	K, M, own := s.Shared(), len(b.Out)/b.Blocks, 0
	if M != B+K || K < 4*k || b.Pairs != 42 {
		t.Fatalf("%d columns, %d of them negatives, %d words", M, K, b.Pairs)
	}
	for i := range b.Blocks * B {
		word, negatives := int32(-1), b.Out[i/B*M+B:(i/B+1)*M]
		if i < len(ids) && ids[i] != 0 && ids[i-min(i, 1)]+ids[min(i+1, len(ids)-1)] != 0 {
			word = ids[i]
		}
		for j, got := range b.Weights[i*M : (i+1)*M] {
			want := float32(0)
			switch {
			case word < 0:
			case j < B && j == i%B:
				want = 1
			case j >= B && negatives[j-B] == word:
				own++
			case j >= B:
				want = float32(k) / float32(K)
			}
			if got != want {
				t.Errorf("place %d, column %d: weight %g, want %g", i, j, got, want)
			}
			if positive := b.Positive[i*M+j]; (positive != 0) != (j < B && want == 1) {
				t.Errorf("place %d, column %d: %g of a pair", i, j, positive)
			}
		}
	}
	if own == 0 {
		t.Error("no word was its own negative, which tests little")
	}
}

// TestWindowsAreDrawn: a neighbour at distance d is in a window drawn from 1 … W with the
// probability (W−d+1)/W.
func TestWindowsAreDrawn(t *testing.T) {
	const B, W, n = wordvec.BlockWords, 3, 4000
	s := newSampler(t, wordvec.SkipGram, 0, -1)
	var b wordvec.Batch
	s.Fill(&b, text(n), 1, 2)
	M, at := len(b.Out)/b.Blocks, [W + 1]float64{}
	for i := range n {
		for j, p := range b.Positive[i*M : i*M+B+2*W] {
			if d := j - W - i%B; p != 0 {
				at[max(d, -d)]++
			}
		}
	}
	for d := 1; d <= W; d++ {
		if got, want := at[d]/(2*n), float64(W-d+1)/W; math.Abs(got-want) > 0.03 {
			t.Errorf("distance %d: a pair in %.3f of the windows, want %.3f", d, got, want)
		}
	}
}

// TestLoad: by hand, three words with the counts 1, 16 and 0, of which none is thinned out:
// pairs go to the second with 16/17 and noise with 8/9.
func TestLoad(t *testing.T) {
	c := []float32{1, 16, 0}
	for architecture, pairs := range map[string]float64{wordvec.SkipGram: 4, wordvec.CBOW: 1} { // of a running word
		s, err := wordvec.NewSampler(wordvec.Word2VecConfig{Architecture: architecture, Vocab: 3, Width: 1, Window: 3, Negatives: 5}, c, 0, -1)
		if err != nil {
			t.Fatal(err)
		}
		testkit.Close(t, architecture+": pairs a word", []float64{s.Expected(c)}, []float64{pairs}, 1e-6, 0)
		testkit.Close(t, architecture+": load", []float64{s.Load(c)}, []float64{pairs * (16.0/17 + 5*8.0/9)}, 1e-6, 0)
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

// TestTablesStart: vectors are drawn uniformly in ±1/(2C), as the authors' programs have it,
// Word2Vec's outputs at 0; counts are at 0.
func TestTablesStart(t *testing.T) {
	d := tensor.Reference()
	defer d.Close()
	w, err := wordvec.NewWord2Vec(wordvec.Word2VecConfig{Architecture: wordvec.CBOW, Vocab: 300, Width: 4, Window: 1, Negatives: 1})
	if err != nil {
		t.Fatal(err)
	}
	g, err := wordvec.NewGloVe(wordvec.GloVeConfig{Vocab: 300, Width: 4, Window: 1})
	if err != nil {
		t.Fatal(err)
	}
	nn.Init(w, d, 1)
	nn.Init(g, d, 1)
	for name, table := range map[string]*tensor.Tensor{"in": w.In.W, "GloVe's in": g.In.W, "GloVe's out": g.Out.W, "GloVe's bias": g.InBias.W, "GloVe's other bias": g.OutBias.W} {
		x := table.Floats()
		square := 0.0
		for _, v := range x {
			square += float64(v) * float64(v) / float64(len(x))
		}
		if low, high := slices.Min(x), slices.Max(x); low < -1.0/8 || high > 1.0/8 || math.Abs(math.Sqrt(3*square)*8-1) > 0.1 {
			t.Errorf("%s: from %g to %g with a deviation of %g, want uniform numbers in ±1/8", name, low, high, math.Sqrt(square))
		}
	}
	for name, table := range map[string]*tensor.Tensor{"out": w.Out.W, "counts": w.Counts.W, "GloVe's counts": g.Counts.W} {
		if x := table.Floats(); slices.Min(x) != 0 || slices.Max(x) != 0 {
			t.Errorf("%s: from %g to %g, want 0", name, slices.Min(x), slices.Max(x))
		}
	}
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
