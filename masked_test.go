package inkstone_test

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/model/bert"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/tokenizer"
	"github.com/inkstone-ai/inkstone/train"
)

// rhymes is a text in which a hidden word follows from both of its sides.
func rhymes(t testing.TB) string {
	var b strings.Builder
	animals, places := []string{"cat", "dog", "owl", "fox"}, []string{"mat", "log", "bough", "box"}
	for i := range 400 {
		k := i * 7 % 4
		b.WriteString("the " + animals[k] + " sat on the " + places[k] + " .\n")
	}
	path := filepath.Join(t.TempDir(), "rhymes.txt")
	if err := os.WriteFile(path, []byte(b.String()), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

func maskedOptions(data, out string, threads, steps int) inkstone.MaskedOptions {
	return inkstone.MaskedOptions{Data: []string{data}, Out: out, Threads: threads, Settings: inkstone.MaskedSettings{
		Depth: 2, Width: 32, Heads: 2, Context: 18, Rows: 8, Vocab: 64, Steps: steps, EvalEvery: 100, CheckpointEvery: 100, LR: 3e-3, Seed: 3,
	}}
}

func trainMasked(t *testing.T, o inkstone.MaskedOptions) *inkstone.Trained {
	t.Helper()
	r, err := inkstone.TrainMasked(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestMaskedWeightsAreAFunctionOfSeedAndData: they do not depend on the number of
// threads, nor on an interruption; on the adversary they do.
func TestMaskedWeightsAreAFunctionOfSeedAndData(t *testing.T) {
	sum := map[string]bool{}
	for _, method := range []string{"", "fgm", "free", "virtual"} {
		t.Run(method, func(t *testing.T) { sum[maskedWeights(t, method)] = true })
	}
	if len(sum) != 4 {
		t.Errorf("%d different weights of four adversaries", len(sum))
	}
}

// maskedWeights trains with one thread, and with two and an interruption, and returns
// the hash of the weights.
func maskedWeights(t *testing.T, adversary string) string {
	data, dir := rhymes(t), t.TempDir()
	options := func(name string, threads int) inkstone.MaskedOptions {
		o := maskedOptions(data, filepath.Join(dir, name), threads, 24)
		if adversary != "" {
			o.Settings.Adversarial = train.Adversary{Method: adversary, Epsilon: 0.1}
		}
		o.Settings.Dropout, o.Settings.CheckpointEvery, o.Settings.EvalEvery = 0.1, 10, 12
		return o
	}
	one, two := trainMasked(t, options("one", 1)), trainMasked(t, options("two", 2))
	if one.WeightsSHA != two.WeightsSHA {
		t.Error("one thread and two give different weights")
	}
	killed := options("killed", 2)
	ctx, cancel := context.WithCancel(context.Background())
	killed.Progress = func(m train.Metrics) {
		if m.Step == 15 {
			cancel()
		}
	}
	if _, err := inkstone.TrainMasked(ctx, killed); !errors.Is(err, context.Canceled) {
		t.Fatalf("an interrupted run: %v", err)
	}
	killed.Resume, killed.Progress = true, nil
	if again := trainMasked(t, killed); again.WeightsSHA != one.WeightsSHA {
		t.Error("a resumed run gives other weights")
	}
	return one.WeightsSHA
}

// TestMaskedRows: rows may be shorter than the context; no row is the context's.
func TestMaskedRows(t *testing.T) {
	data, dir := rhymes(t), t.TempDir()
	sums := map[int]string{}
	for _, row := range []int{0, 6, 18} {
		o := maskedOptions(data, filepath.Join(dir, strconv.Itoa(row)), 1, 3)
		o.Settings.Row = row
		sums[row] = trainMasked(t, o).WeightsSHA
	}
	if sums[0] != sums[18] || sums[0] == sums[6] {
		t.Errorf("weights of rows of 6, of 18 and of none given: %v", sums)
	}
}

// TestMaskedLearnsBothSides trains, loads and asks: what is right follows from
// the words before the mask and after it.
func TestMaskedLearnsBothSides(t *testing.T) {
	data := rhymes(t)
	r := trainMasked(t, maskedOptions(data, filepath.Join(t.TempDir(), "m"), 2, 500))
	m, err := inkstone.LoadMasked(r.Dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	all, err := m.Fill("the dog [MASK] on [MASK] log .", 3)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"sat", "the"} {
		if f := all[i]; len(f) != 3 || f[0].Token != want || f[0].Probability < 0.5 {
			t.Errorf("mask %d: %v, want %s first", i, f, want)
		}
	}
	measured, err := m.Evaluate(context.Background(), inkstone.MaskedEvaluateOptions{EvaluateOptions: inkstone.EvaluateOptions{Data: []string{data}}})
	if err != nil {
		t.Fatal(err)
	}
	model, unigram, bigram := measured.Scores[0], measured.Scores[1], measured.Scores[2]
	if !(model.Top1 > 2*unigram.Top1 && model.Top1 > bigram.Top1 && model.Loss < unigram.Loss) {
		t.Errorf("the model %+v does not beat the unigram %+v and the bigrams %+v", model, unigram, bigram)
	}
}

// TestMaskedSavesWhatItIs: a loaded folder gives the same bits when it is loaded
// again, with any number of threads, and a text the same vector whatever is beside it.
func TestMaskedSavesWhatItIs(t *testing.T) {
	data, dir := rhymes(t), t.TempDir()
	r := trainMasked(t, maskedOptions(data, filepath.Join(dir, "m"), 2, 20))
	texts := []string{"the cat sat", "the fox sat on the box .", "", "owl"}
	embed := func(threads int, texts []string) [][]float32 {
		m, err := inkstone.LoadMasked(r.Dir, &inkstone.LoadOptions{Threads: threads})
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		v, err := m.Embed(context.Background(), texts)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	a, b := embed(1, texts), embed(2, texts)
	for i := range texts {
		testkit.SameBits(t, "vector of "+texts[i], a[i], b[i])
		testkit.SameBits(t, "vector alone of "+texts[i], embed(2, texts[i:i+1])[0], a[i])
		squares := 0.0
		for _, x := range a[i] {
			squares += float64(x) * float64(x)
		}
		if math.Abs(squares-1) > 1e-5 {
			t.Errorf("a vector of length² %g", squares)
		}
	}
	near := inkstone.Nearest(a[0], a, 2)
	if near[0].Index != 0 || near[0].Cosine < near[1].Cosine || len(near) != 2 {
		t.Errorf("the text most like a text is %v, want itself", near)
	}
	names := []string{}
	entries, err := os.ReadDir(r.Dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	for _, want := range []string{"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "inkstone.json", "loss.svg", "loss.png", "run"} {
		if !slices.Contains(names, want) {
			t.Errorf("the folder lacks %s; it has %v", want, names)
		}
	}
}

// TestMaskedEmbedsMeans: a text's vector is the mean of its tokens' last activations,
// whatever texts stand beside it.
func TestMaskedEmbedsMeans(t *testing.T) {
	dir := trainMasked(t, maskedOptions(rhymes(t), filepath.Join(t.TempDir(), "m"), 2, 4)).Dir
	m, err := inkstone.LoadMasked(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	texts := []string{"the cat", "the dog sat on the log ."}
	got, err := m.Embed(t.Context(), texts)
	if err != nil {
		t.Fatal(err)
	}
	d := tensor.CPU(1)
	defer d.Close()
	from, err := model.OpenForTraining[*bert.BERT](dir, d)
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	tok, err := tokenizer.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	frame, err := tokenizer.FrameOf(tok)
	if err != nil {
		t.Fatal(err)
	}
	for i, text := range texts {
		ids, _ := frame.Join(tok.Encode(text), nil)
		s := tensor.NewStep(d, tensor.StepOptions{})
		s.Begin(0)
		var p nn.Pass
		p.Set(s, ids, nn.Span{Rows: len(ids)})
		mean := from.Model.Forward(&p).Mean(0)
		length := mean.Square().Sum().Sqrt().Item()
		want := mean.Floats()
		for c := range want {
			want[c] /= length
		}
		testkit.Close(t, text, got[i], want, 1e-4, 1e-5)
		s.Close()
	}
}

// TestMaskedMicroBatches: an update of two micro batches has the loss of one, not twice
// as much, and reads as many other tokens.
func TestMaskedMicroBatches(t *testing.T) {
	first := func(rows, micro int) (loss float64) {
		o := maskedOptions(rhymes(t), filepath.Join(t.TempDir(), "m"), 1, 1)
		o.Settings.Rows, o.Settings.Micro = rows, micro
		o.Progress = func(m train.Metrics) {
			if m.Evaluation == nil {
				loss = m.Loss
			}
		}
		trainMasked(t, o)
		return loss
	}
	one, half, two := first(8, 1), first(4, 1), first(4, 2)
	if math.Abs(two/one-1) > 0.1 {
		t.Errorf("the loss of two micro batches is %g, of one %g", two, one)
	}
	if two == half {
		t.Error("both micro batches read the same")
	}
}

// TestMaskedBytes: a BPE over bytes with a mask token, and whole words.
func TestMaskedBytes(t *testing.T) {
	o := maskedOptions(rhymes(t), filepath.Join(t.TempDir(), "m"), 2, 10)
	o.Settings.Tokenizer, o.Settings.Vocab, o.Settings.WholeWords = "bpe", 300, true
	r := trainMasked(t, o)
	m, err := inkstone.LoadMasked(r.Dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if all, err := m.Fill("the cat sat on the[MASK] .", 2); err != nil || len(all) != 1 {
		t.Errorf("%v, %v", all, err)
	}
}

func TestMaskedErrors(t *testing.T) {
	data, dir := rhymes(t), t.TempDir()
	blank := filepath.Join(dir, "blank.txt")
	if err := os.WriteFile(blank, []byte("\n \n"), 0o666); err != nil {
		t.Fatal(err)
	}
	o := maskedOptions(data, filepath.Join(dir, "m"), 2, 1)
	for _, tt := range []struct {
		change func(*inkstone.MaskedOptions)
		says   string
	}{
		{func(o *inkstone.MaskedOptions) { o.Data = []string{"none.txt"} }, "none.txt"},
		{func(o *inkstone.MaskedOptions) { o.Data = []string{blank} }, "blank.txt: tokenizer: train: the texts have no words"},
		{func(o *inkstone.MaskedOptions) { o.Settings.Context = 3 }, "leave no room"},
		{func(o *inkstone.MaskedOptions) { o.Settings.Row = 19 }, "row 19 is not from 4 to the context of 18"},
		{func(o *inkstone.MaskedOptions) { o.Settings.MaskShare = 1.5 }, "share 1.5"},
		{func(o *inkstone.MaskedOptions) { o.Settings.Heads = 5 }, "not a multiple"},
		{func(o *inkstone.MaskedOptions) { o.Settings.Tokenizer = dir }, "tokenizer"},
		{func(o *inkstone.MaskedOptions) { o.Settings.Context = 1 << 20 }, "give more text, or set a smaller context or row"},
		{func(o *inkstone.MaskedOptions) { o.Settings.Optimizer = "sgd" }, "neither muon nor adamw"},
		{func(o *inkstone.MaskedOptions) { o.Settings.Adversarial.Method = "fgm" }, "adversarial epsilon 0"},
		{func(o *inkstone.MaskedOptions) {
			o.Settings.Micro, o.Settings.Adversarial = 2, train.Adversary{Method: "virtual", Epsilon: 1}
		}, "one micro batch"},
	} {
		bad := o
		tt.change(&bad)
		if _, err := inkstone.TrainMasked(context.Background(), bad); err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%v, want %q", err, tt.says)
		}
	}
	r := trainMasked(t, o)
	m, err := inkstone.LoadMasked(r.Dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if _, err := m.Fill("no mask", 1); err == nil || !strings.Contains(err.Error(), "has no [MASK]") {
		t.Errorf("a text without a mask: %v", err)
	}
	if _, err := m.Fill(strings.Repeat("[MASK] ", 30), 1); err == nil || !strings.Contains(err.Error(), "reads at most 18") {
		t.Errorf("a text that is too long: %v", err)
	}
	if _, err := inkstone.TrainMasked(context.Background(), o); err == nil || !strings.Contains(err.Error(), "earlier run") {
		t.Errorf("a second run in one folder: %v", err)
	}
	settings := filepath.Join(dir, "bad.json")
	if err := os.WriteFile(settings, []byte(`{"maskshare": 1}`), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := inkstone.ReadMaskedSettings(settings); err == nil || !strings.Contains(err.Error(), "bad.json") {
		t.Errorf("an unknown key: %v", err)
	}
}
