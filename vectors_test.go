package inkstone_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/model/wordvec"
	"github.com/inkstone-ai/inkstone/tokenizer"
	"github.com/inkstone-ai/inkstone/train"
)

// farm is a text in which animals and machines are used in two ways.
func farm(sentences int) string {
	r := rand.New(rand.NewPCG(1, 1))
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	var b strings.Builder
	for range sentences {
		if r.IntN(2) == 0 {
			b.WriteString("the " + pick("cat", "dog", "horse", "cow") + " " + pick("eats", "drinks", "sleeps") + " in the " + pick("barn", "meadow") + ".\n")
		} else {
			b.WriteString("a " + pick("car", "bus", "truck", "tractor") + " " + pick("burns", "needs", "wastes") + " fuel on the " + pick("road", "field") + ".\n")
		}
	}
	return b.String()
}

func vectorSettings(algorithm string) inkstone.VectorSettings {
	s := inkstone.VectorSettings{Algorithm: algorithm, Dimension: 12, Window: 3, Epochs: 4, Step: 128, HeldOut: 0.1, Seed: 5, LR: 0.1}
	if algorithm == inkstone.GloVe {
		s.Step, s.Epochs = 16, 20
	}
	return s
}

var algorithms = []string{wordvec.SkipGram, wordvec.CBOW, inkstone.GloVe}

func mustTrainVectors(t *testing.T, o inkstone.VectorOptions) *inkstone.Trained {
	t.Helper()
	if o.Out == "" {
		o.Out = filepath.Join(t.TempDir(), "vectors")
	}
	r, err := inkstone.TrainVectors(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func loadVectors(t *testing.T, path string) *inkstone.Vectors {
	t.Helper()
	v, err := inkstone.LoadVectors(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	return v
}

// TestVectorsSameBits: with another number of threads, and after an interruption
// and a resume.
func TestVectorsSameBits(t *testing.T) {
	data := []string{book(t, farm(150))}
	for _, algorithm := range algorithms {
		t.Run(algorithm, func(t *testing.T) {
			s := vectorSettings(algorithm)
			want := mustTrainVectors(t, inkstone.VectorOptions{Data: data, Settings: s, Threads: 1})
			two := mustTrainVectors(t, inkstone.VectorOptions{Data: data, Settings: s, Threads: 2})
			if two.WeightsSHA != want.WeightsSHA {
				t.Error("two threads give other vectors than one")
			}
			out := filepath.Join(t.TempDir(), "resumed")
			ctx, cancel := context.WithCancel(t.Context())
			_, err := inkstone.TrainVectors(ctx, inkstone.VectorOptions{Data: data, Settings: s, Out: out, Progress: func(m train.Metrics) {
				if m.Step == want.Steps/2 {
					cancel()
				}
			}})
			if !errors.Is(err, context.Canceled) {
				t.Fatalf("an interrupted run returned %v", err)
			}
			again := mustTrainVectors(t, inkstone.VectorOptions{Data: data, Settings: s, Out: out, Resume: true})
			if again.WeightsSHA != want.WeightsSHA {
				t.Error("a resumed run gives other vectors than an undisturbed one")
			}
			s.Seed++
			if other := mustTrainVectors(t, inkstone.VectorOptions{Data: data, Settings: s}); other.WeightsSHA == want.WeightsSHA {
				t.Error("two seeds give the same vectors")
			}
		})
	}
}

// TestVectorsLearn: what is used alike is near, the loss on text is the run's, and
// nothing changes on the way through any file.
func TestVectorsLearn(t *testing.T) {
	text := farm(3000)
	data := []string{book(t, text)}
	for _, algorithm := range algorithms {
		t.Run(algorithm, func(t *testing.T) {
			s := vectorSettings(algorithm)
			s.Epochs *= 2
			r := mustTrainVectors(t, inkstone.VectorOptions{Data: data, Settings: s})
			v := loadVectors(t, r.Dir)
			animals, machines := []string{"cat", "dog", "horse", "cow"}, []string{"car", "bus", "truck", "tractor"}
			for i := range 4 {
				near := must(v.Similarity(animals[i], animals[(i+1)%4]))
				far := must(v.Similarity(animals[i], machines[i]))
				if near < far+0.1 {
					t.Errorf("%s and %s: %.3f; %s and %s: %.3f", animals[i], animals[(i+1)%4], near, animals[i], machines[i], far)
				}
			}
			held := text[len(text)*9/10:]
			report, err := v.Evaluate(t.Context(), inkstone.EvaluateOptions{Data: []string{book(t, held)}})
			if err != nil {
				t.Fatal(err)
			}
			if got := report.Rows[0].Value; math.Abs(got-*r.Best) > 0.15**r.Best {
				t.Errorf("the loss on the held-out text is %g, the run's was %g", got, *r.Best)
			}
			throughFiles(t, v, r.Dir)
		})
	}
}

func must[T any](x T, err error) T {
	if err != nil {
		panic(err)
	}
	return x
}

// throughFiles exports to every form, imports again and compares neighbours.
func throughFiles(t *testing.T, v *inkstone.Vectors, dir string) {
	t.Helper()
	query := wordvec.Query{{Word: "cat"}, {Word: "dog", Minus: true}, {Word: "bus"}}
	want := must(v.Nearest(query, 5))
	for _, name := range []string{"v.txt", "v.bin", "v.glove"} {
		file, folder := filepath.Join(t.TempDir(), name), filepath.Join(t.TempDir(), "imported")
		n, err := inkstone.ExportVectors(dir, file, "")
		if err != nil || n != v.Len() {
			t.Fatalf("%s: %d words, %v", name, n, err)
		}
		if _, err := inkstone.ImportVectors(t.Context(), file, folder); err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{file, folder} {
			got := loadVectors(t, path)
			if !slices.Equal(must(got.Nearest(query, 5)), want) {
				t.Errorf("%s has other neighbours", path)
			}
			for _, w := range []string{"cat", ".", tokenizer.Unknown} {
				x, ok := got.Vector(w)
				if y, is := v.Vector(w); is {
					testkit.SameBits(t, path+": "+w, x, y)
				} else if ok {
					t.Errorf("%s: %q has a vector", path, w)
				}
			}
		}
		if _, err := loadVectors(t, folder).Evaluate(t.Context(), inkstone.EvaluateOptions{Data: []string{book(t, farm(5))}}); err == nil || !strings.Contains(err.Error(), "no counts") {
			t.Errorf("an imported folder has a loss: %v", err)
		}
		if _, err := inkstone.ImportVectors(t.Context(), file, folder); err == nil || !strings.Contains(err.Error(), "holds a model already") {
			t.Errorf("an import over a model: %v", err)
		}
	}
}

func TestVectorSettings(t *testing.T) {
	data := []string{book(t, farm(50))}
	tests := []struct {
		name string
		s    inkstone.VectorSettings
		says string
	}{
		{"algorithm", inkstone.VectorSettings{Algorithm: "bag"}, `algorithm "bag" is none of skipgram, cbow and glove`},
		{"glove's negatives", inkstone.VectorSettings{Algorithm: inkstone.GloVe, Negatives: 3}, "not of glove"},
		{"x_max of skipgram", inkstone.VectorSettings{XMax: 3}, "of glove alone"},
		{"negative", inkstone.VectorSettings{Window: -1}, "window -1"},
		{"held_out", inkstone.VectorSettings{HeldOut: 1}, "held_out 1"},
		{"window", inkstone.VectorSettings{Window: 101}, "at most 100"},
		{"min_count", inkstone.VectorSettings{MinCount: 10_000}, "no word occurs 10000 times"},
	}
	for _, tt := range tests {
		out := filepath.Join(t.TempDir(), "out")
		_, err := inkstone.TrainVectors(t.Context(), inkstone.VectorOptions{Data: data, Settings: tt.s, Out: out})
		if err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.says)
		}
		if _, err := os.Stat(out); err == nil {
			t.Errorf("%s: a refused run left %s", tt.name, out)
		}
	}
	path := filepath.Join(t.TempDir(), "config.json")
	write(path, `{"dimensions": 3}`)
	if _, err := inkstone.ReadVectorSettings(path); err == nil || !strings.Contains(err.Error(), "dimensions") {
		t.Errorf("an unknown key: %v", err)
	}
}

// TestEmbeddings: the rows of words that have a vector point where the vectors do,
// with the spread of the rows they replace; the others are those of a run without.
func TestEmbeddings(t *testing.T) {
	data := []string{book(t, farm(400))}
	vectors := mustTrainVectors(t, inkstone.VectorOptions{Data: data, Settings: vectorSettings(wordvec.SkipGram)})
	file := filepath.Join(t.TempDir(), "some.txt")
	v := loadVectors(t, vectors.Dir)
	cat, _ := v.Vector("cat")
	dog, _ := v.Vector("dog")
	some := must(wordvec.NewVectors([]string{"cat", "dog", "elephant"}, slices.Concat(cat, dog, dog)))
	f := must(os.Create(file))
	if err := errors.Join(some.Write(f, wordvec.Text), f.Close()); err != nil {
		t.Fatal(err)
	}
	s := inkstone.Settings{Depth: 1, Model: "gpt2", Heads: 2, Context: 16, Rows: 2, Steps: 1, LR: 1e-12, MuonLR: 1e-12, Tokenizer: "word", EvalEvery: 1}
	var notices []string
	tell := func(text string) { notices = append(notices, text) }
	with := s
	with.Embeddings = file
	a := mustTrain(t, inkstone.TrainOptions{Data: data, Settings: with, Notice: tell})
	s.Width = 12
	b := mustTrain(t, inkstone.TrainOptions{Data: data, Settings: s})
	if len(notices) != 1 || !strings.HasPrefix(notices[0], "2 of ") || !strings.Contains(notices[0], "keep the values that were drawn") {
		t.Errorf("notices %q", notices)
	}
	table, plain := embedding(t, a.Dir), embedding(t, b.Dir)
	cosine, _ := v.Similarity("cat", "dog")
	if got := cosineOf(table["cat"], table["dog"]); math.Abs(got-cosine) > 1e-3 {
		t.Errorf("the cosine of cat and dog is %g, of their vectors %g", got, cosine)
	}
	if got := cosineOf(table["cat"], cat); got < 0.9999 {
		t.Errorf("the row of cat has a cosine of %g with its vector", got)
	}
	spread := func(x map[string][]float32) float64 {
		return math.Sqrt(cosineless(x["cat"], x["cat"]) + cosineless(x["dog"], x["dog"]))
	}
	testkit.Close(t, "spread of the rows", []float64{spread(table)}, []float64{spread(plain)}, 1e-3, 0)
	testkit.Close(t, "a row without a vector", table["horse"], plain["horse"], 1e-4, 1e-6)

	wrong := with
	wrong.Width = 16
	_, err := inkstone.Train(t.Context(), inkstone.TrainOptions{Data: data, Settings: wrong, Out: filepath.Join(t.TempDir(), "out")})
	if err == nil || !strings.Contains(err.Error(), "have 12 numbers and the model is 16 wide: set width to 12, or train vectors with dimension 16") {
		t.Errorf("a dimension that differs: %v", err)
	}
	wrong = with
	wrong.Tokenizer = "char"
	_, err = inkstone.Train(t.Context(), inkstone.TrainOptions{Data: data, Settings: wrong, Out: filepath.Join(t.TempDir(), "out")})
	if err == nil || !strings.Contains(err.Error(), "set tokenizer to word") {
		t.Errorf("a model of characters: %v", err)
	}
	strange := filepath.Join(t.TempDir(), "strange.txt")
	write(strange, "xyzzy 1 2 3 4 5 6 7 8 9 10 11 12\n")
	wrong = with
	wrong.Embeddings = strange
	_, err = inkstone.Train(t.Context(), inkstone.TrainOptions{Data: data, Settings: wrong, Out: filepath.Join(t.TempDir(), "out")})
	if err == nil || !strings.Contains(err.Error(), "none of the") {
		t.Errorf("vectors of other words: %v", err)
	}
}

func cosineless(x, y []float32) (sum float64) {
	for i := range x {
		sum += float64(x[i]) * float64(y[i])
	}
	return sum
}

func cosineOf(x, y []float32) float64 {
	return cosineless(x, y) / math.Sqrt(cosineless(x, x)*cosineless(y, y))
}

// embedding is the folder's table by word.
func embedding(t *testing.T, dir string) map[string][]float32 {
	t.Helper()
	m := load(t, dir, 1)
	all := map[string][]float32{}
	for word, row := range inkstone.EmbeddingRows(m) {
		all[word] = row
	}
	return all
}

// TestVectorsOfWarAndPeace: numbers are near numbers and who speaks is near who
// speaks, after three epochs.
func TestVectorsOfWarAndPeace(t *testing.T) {
	if testing.Short() {
		t.Skip("trains for seconds, which -short leaves out")
	}
	data := []string{testkit.Data(t, "lm-war-and-peace/war-and-peace.txt.gz")}
	r := mustTrainVectors(t, inkstone.VectorOptions{Data: data, Settings: inkstone.VectorSettings{Epochs: 3}})
	v := loadVectors(t, r.Dir)
	tests := []struct {
		query string
		among []string
	}{
		{"three", []string{"two", "four", "five", "six", "ten"}},
		{"said", []string{"replied", "answered", "asked", "cried"}},
		{"he - his + her", []string{"she"}},
		{"mother", []string{"father", "sister", "daughter", "brother"}},
	}
	for _, tt := range tests {
		found := must(v.Nearest(must(wordvec.ParseQuery(tt.query)), 8))
		hits := 0
		for _, m := range found {
			if slices.Contains(tt.among, m.Word) {
				hits++
			}
		}
		if hits < (len(tt.among)+1)/2 {
			t.Errorf("%s: nearest are %v, of %q only %d", tt.query, found, tt.among, hits)
		}
	}
}

func ExampleTrainVectors() {
	dir, remove := tempDir()
	defer remove()
	text, out := filepath.Join(dir, "farm.txt"), filepath.Join(dir, "vectors")
	write(text, farm(3000))
	_, err := inkstone.TrainVectors(context.Background(), inkstone.VectorOptions{
		Data: []string{text}, Out: out,
		Settings: inkstone.VectorSettings{Dimension: 16, Window: 3, Subsample: -1, Epochs: 3}, // of so few words all are frequent: none is thinned out
	})
	if err != nil {
		panic(err)
	}
	v, err := inkstone.LoadVectors(out, nil)
	if err != nil {
		panic(err)
	}
	defer v.Close()
	near, err := v.Nearest(wordvec.Query{{Word: "cat"}}, 3)
	if err != nil {
		panic(err)
	}
	animals := 0
	for _, m := range near {
		if slices.Contains([]string{"dog", "horse", "cow"}, m.Word) {
			animals++
		}
	}
	fmt.Println("of the 3 words nearest to cat", animals, "are animals")
	// Output: of the 3 words nearest to cat 3 are animals
}
