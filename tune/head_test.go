package tune_test

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/model/bert"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/tokenizer"
	"github.com/inkstone-ai/inkstone/train"
	"github.com/inkstone-ai/inkstone/tune"
)

// Ids of the words that a person can follow; w0 … w49 have the ids from word on.
const (
	cls, sep      = 2, 3
	the, cat, dog = 5, 6, 7
	sat, s, dot   = 8, 9, 10
	word          = 11
	vocab         = word + 50
)

// pieces is the tokenizer of these words and BERT's frame.
func pieces(t *testing.T) (tokenizer.Tokenizer, *tokenizer.Frame) {
	lines := []string{"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "cat", "dog", "sat", "##s", "."}
	for i := range vocab - word {
		lines = append(lines, fmt.Sprint("w", i))
	}
	path := filepath.Join(t.TempDir(), "vocab.txt")
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")), 0o666); err != nil {
		t.Fatal(err)
	}
	tok, err := tokenizer.LoadVocab(path, true)
	if err != nil {
		t.Fatal(err)
	}
	return tok, tok.Frame()
}

// numbered is the passage w<from> … w<to−1>.
func numbered(from, to int) string {
	var words []string
	for i := from; i < to; i++ {
		words = append(words, fmt.Sprint("w", i))
	}
	return strings.Join(words, " ")
}

// encoder is a small BERT with the head of a task.
func encoder(t *testing.T, task bert.Task, labels ...string) *bert.BERT {
	d := tensor.CPU(1)
	t.Cleanup(d.Close)
	c := bert.Config{Architectures: []string{string(task)}, Vocab: vocab, Context: 32, Width: 8, Layers: 1, Heads: 2, Std: 0.5}
	if task != bert.Answers {
		c.SetLabels(labels)
	}
	m, err := bert.New(c)
	if err != nil {
		t.Fatal(err)
	}
	nn.Init(m, d, 3)
	nn.Walk(m, func(p nn.Param) { p.Tensor.SetTrainable(true) })
	return m
}

// read calls see with what m makes of a row that is read alone.
func read(m *bert.BERT, r tune.Row, see func(p *nn.Pass, x *tensor.Tensor)) {
	s := tensor.NewStep(nn.Params(m)[0].Tensor.Device(), tensor.StepOptions{})
	defer s.Close()
	s.Begin(0)
	var p nn.Pass
	p.Set(s, r.IDs, nn.Span{Rows: len(r.IDs)})
	p.Types = p.Ints(r.Types)
	see(&p, m.Forward(&p))
}

// logSoftmax of one row, in float64.
func logSoftmax(x []float32) []float64 {
	sum := 0.0
	for _, v := range x {
		sum += math.Exp(float64(v))
	}
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v) - math.Log(sum)
	}
	return y
}

// TestClassifyRows: [CLS] a [SEP], or [CLS] a [SEP] b [SEP] with the second text and what
// ends it in segment 1, also where nothing is left of that text.
func TestClassifyRows(t *testing.T) {
	tok, frame := pieces(t)
	c, err := tune.NewClassify(tok, frame, []corpus.Labelled{
		{Text: "the cats", Label: "x"}, {Text: "the cats", Pair: "dog sat", Label: "y"}, {Text: "the", Pair: "\u200b", Label: "x"},
	}, []string{"x", "y"}, 8)
	if err != nil {
		t.Fatal(err)
	}
	ids := [][]int32{{cls, the, cat, s, sep}, {cls, the, cat, s, sep, dog, sat, sep}, {cls, the, sep, sep}}
	types := [][]int32{{0, 0, 0, 0, 0}, {0, 0, 0, 0, 0, 1, 1, 1}, {0, 0, 0, 1}}
	for i := range c.Len() {
		if r := c.Row(i); !slices.Equal(r.IDs, ids[i]) || !slices.Equal(r.Types, types[i]) {
			t.Errorf("example %d: %v of types %v, want %v of %v", i, r.IDs, r.Types, ids[i], types[i])
		}
	}
	long := []corpus.Labelled{{Text: "the cats", Pair: "dog sat", Label: "y", File: "f", Line: 4}}
	if _, err := tune.NewClassify(tok, frame, long, []string{"y"}, 7); err == nil || !strings.Contains(err.Error(), "f: line 4, takes 8") {
		t.Errorf("8 tokens in a context of 7: error %v", err)
	}
}

// TestSetRows: rows are sequences of their own, with their segments.
func TestSetRows(t *testing.T) {
	d := tensor.CPU(1)
	defer d.Close()
	step := tensor.NewStep(d, tensor.StepOptions{})
	defer step.Close()
	step.Begin(0)
	p := nn.Pass{Spans: []nn.Span{{Rows: 9}}} // of an earlier batch
	tune.SetRows(step, &p, []tune.Row{{IDs: []int32{cls, the, sep, cat, sep}, Types: []int32{0, 0, 0, 1, 1}}, {IDs: []int32{cls, dog, sep}, Types: []int32{0, 0, 0}}})
	if got, want := fmt.Sprint(p.Spans, p.IDs.Ints(), p.Types.Ints(), p.Pos.Ints()), "[{5 0} {3 0}] [2 5 3 6 3 2 7 3] [0 0 0 1 1 0 0 0] [0 1 2 3 4 0 1 2]"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestTagRows: a word's label is asked of its first piece, in the row where that stands;
// a stretch labels the words that it touches and not those beside it.
func TestTagRows(t *testing.T) {
	tok, frame := pieces(t)
	texts := []corpus.Tagged{{Text: "the cats.dog sat", Spans: []corpus.Span{{From: 9, To: 12, Label: "D"}, {From: 4, To: 8, Label: "C"}}}}
	labels := tune.TagLabels(texts)
	if !slices.Equal(labels, []string{tune.Outside, "C", "D"}) {
		t.Errorf("labels %v", labels)
	}
	tag, err := tune.NewTag(tok, frame, texts, labels, 8)
	if err != nil {
		t.Fatal(err)
	}
	r := tag.Row(0)
	if want := []int32{cls, the, cat, s, dot, dog, sat, sep}; !slices.Equal(r.IDs, want) || slices.Max(r.Types) != 0 {
		t.Errorf("%v of types %v, want %v of the first", r.IDs, r.Types, want)
	}
	if want := "[{{0 3 } 1 0} {{4 8 } 2 1} {{8 9 } 4 0} {{9 12 } 5 2} {{13 16 } 6 0}]"; r.Truth != want {
		t.Errorf("words %s, want %s", r.Truth, want)
	}
}

// TestTagRowsOfBytes: a BPE takes the blank before a word along.
func TestTagRowsOfBytes(t *testing.T) {
	tok, err := tokenizer.NewByte("[CLS]", "[SEP]")
	if err != nil {
		t.Fatal(err)
	}
	frame, err := tokenizer.FrameOf(tok)
	if err != nil {
		t.Fatal(err)
	}
	tag, err := tune.NewTag(tok, frame, []corpus.Tagged{{Text: "a bc,\td"}}, []string{tune.Outside}, 9)
	if err != nil {
		t.Fatal(err)
	}
	r := tag.Row(0)
	if want := []int32{256, 'a', ' ', 'b', 'c', ',', 'd', 257}; !slices.Equal(r.IDs, want) {
		t.Errorf("%v, want %v", r.IDs, want)
	}
	if want := "[{{0 1 } 1 0} {{2 4 } 2 0} {{4 5 } 5 0} {{6 7 } 6 0}]"; r.Truth != want {
		t.Errorf("words %s, want %s", r.Truth, want)
	}
}

// TestHeadLosses: each head's loss is the mean of what a formula says of rows that are
// read alone, for examples in any order.
func TestHeadLosses(t *testing.T) {
	tok, frame := pieces(t)
	var labelled, scored []corpus.Labelled
	var tagged []corpus.Tagged
	var questions []corpus.Question
	for i := range 19 { // more than are evaluated at once
		text := numbered(i, i+1+i%4)
		labelled = append(labelled, corpus.Labelled{Text: text, Pair: "the cat", Label: []string{"a", "b", "c"}[i%3]})
		scored = append(scored, corpus.Labelled{Text: text, Score: float64(i*i%7) - 2})
		tagged = append(tagged, corpus.Tagged{Text: text + " cats", Spans: []corpus.Span{{From: 0, To: 1 + i%9, Label: "N"}}})
		questions = append(questions, question(numbered(i, i+16+i%5), fmt.Sprintf("w%d w%d", i+2, i+3)))
	}
	// classOf is −log p of class k in row at of scores that K classes have.
	classOf := func(scores []float32, at, K, k int) float64 { return -logSoftmax(scores[at*K : (at+1)*K])[k] }
	classify, err := tune.NewClassify(tok, frame, labelled, []string{"a", "b", "c"}, 32)
	if err != nil {
		t.Fatal(err)
	}
	score, err := tune.NewClassify(tok, frame, scored, nil, 32)
	if err != nil {
		t.Fatal(err)
	}
	tag, err := tune.NewTag(tok, frame, tagged, []string{tune.Outside, "N"}, 32)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := tune.NewAnswer(tok, frame, questions, 21)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		head tune.Head
		m    *bert.BERT
		loss func(m *bert.BERT, i int, p *nn.Pass, x *tensor.Tensor) (sum, n float64)
	}{
		{"labels", classify, encoder(t, bert.Sequences, "a", "b", "c"), func(m *bert.BERT, i int, p *nn.Pass, x *tensor.Tensor) (float64, float64) {
			return classOf(m.Classes(p, x).Floats(), 0, 3, i%3), 1
		}},
		{"scores", score, encoder(t, bert.Sequences), func(m *bert.BERT, i int, p *nn.Pass, x *tensor.Tensor) (float64, float64) {
			d := float64(m.Classes(p, x).Item()) - scored[i].Score
			return d * d, 1
		}},
		{"tags", tag, encoder(t, bert.Tokens, tune.Outside, "N"), func(m *bert.BERT, i int, p *nn.Pass, x *tensor.Tensor) (sum, n float64) {
			scores, at := m.Classes(p, x).Floats(), 0
			for row, w := range strings.Fields(tagged[i].Text) { // after [CLS]; "cats" is the last word and has its second piece behind it
				sum += classOf(scores, row+1, 2, map[bool]int{true: 1}[at < 1+i%9])
				at += len(w) + 1
			}
			return sum, float64(len(strings.Fields(tagged[i].Text)))
		}},
		{"answers", answer, encoder(t, bert.Answers), func(m *bert.BERT, i int, p *nn.Pass, x *tensor.Tensor) (float64, float64) {
			var at [2]int
			if _, err := fmt.Sscan(answer.Row(i).Truth, &at[0], &at[1]); err != nil {
				t.Fatal(err)
			}
			said := m.Answer(x).Floats()
			sum := 0.0
			for side := range 2 {
				column := make([]float32, len(said)/2)
				for row := range column {
					column[row] = said[2*row+side]
				}
				sum -= logSoftmax(column)[at[side]] / 2
			}
			return sum, 1
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			mean := func(examples ...int) float64 {
				sum, count := 0.0, 0.0
				for _, i := range examples {
					read(tt.m, tt.head.Row(i), func(p *nn.Pass, x *tensor.Tensor) {
						s, n := tt.loss(tt.m, i, p, x)
						sum, count = sum+s, count+n
					})
				}
				return sum / count
			}
			step := tensor.NewStep(nn.Params(tt.m)[0].Tensor.Device(), tensor.StepOptions{})
			defer step.Close()
			for _, examples := range [][]int{{4}, {7, 2, 0, 10}} {
				step.Begin(0)
				var rows []tune.Row
				for _, i := range examples {
					rows = append(rows, tt.head.Row(i))
				}
				var p nn.Pass
				tune.SetRows(step, &p, rows)
				got := tt.head.Loss(tt.m, &p, tt.m.Forward(&p), examples).Item()
				testkit.Close(t, fmt.Sprint("loss of examples ", examples), []float64{float64(got)}, []float64{mean(examples...)}, 1e-5, 0)
			}
			if tt.name == "tags" {
				return // a mean over batches of means over words
			}
			all := make([]int, tt.head.Len())
			for i := range all {
				all[i] = i
			}
			testkit.Close(t, "loss of all", []float64{tune.HeadEvaluate(tt.head, tt.m)}, []float64{mean(all...)}, 1e-5, 0)
		})
	}
}

// TestClassifyMeasure: labels that are said rightly, those that the commonest one would
// have got right, and of numbers the correlation of the ranks by its formula without ties.
func TestClassifyMeasure(t *testing.T) {
	tok, frame := pieces(t)
	var labelled, scored []corpus.Labelled
	for i := range 23 {
		labelled = append(labelled, corpus.Labelled{Text: numbered(i, i+2), Label: []string{"a", "b", "b", "c"}[i%4]})
		scored = append(scored, corpus.Labelled{Text: numbered(i, i+2), Pair: numbered(i+1, i+3), Score: math.Exp(float64(i * 7 % 23))})
	}
	c, err := tune.NewClassify(tok, frame, labelled, []string{"a", "b", "c"}, 32)
	if err != nil {
		t.Fatal(err)
	}
	m, right := encoder(t, bert.Sequences, "a", "b", "c"), 0
	for i := range labelled {
		read(m, c.Row(i), func(p *nn.Pass, x *tensor.Tensor) {
			scores := m.Classes(p, x).Floats()
			if c.Labels[slices.Index(scores, slices.Max(scores))] == labelled[i].Label {
				right++
			}
		})
	}
	if got := c.Measure(m, "b"); got.Examples != 23 || got.Right != right || got.Majority != 12 || right == 23 || right == 0 {
		t.Errorf("%+v, want %d right and 12 by the commonest label", got, right)
	}
	n, err := tune.NewClassify(tok, frame, scored, nil, 32)
	if err != nil {
		t.Fatal(err)
	}
	m = encoder(t, bert.Sequences)
	said := n.Scores(m)
	far := 0
	for i, x := range said {
		rank := 0
		for _, y := range said {
			if y[0] < x[0] {
				rank++
			}
		}
		far += (rank - i*7%23) * (rank - i*7%23)
	}
	if got, want := n.Measure(m, "").Spearman, 1-6*float64(far)/float64(23*(23*23-1)); math.Abs(got-want) > 1e-9 {
		t.Errorf("the ranks' correlation is %g, want %g", got, want)
	}
}

// A counting head has rows of one token, whose ids are the examples' numbers, and keeps
// those that each update asks for.
type counting struct {
	n    int
	seen [][]int
}

func (c *counting) Len() int { return c.n }
func (c *counting) Row(i int) tune.Row {
	return tune.Row{IDs: []int32{int32(i)}, Types: []int32{0}}
}
func (c *counting) Loss(_ *bert.BERT, p *nn.Pass, x *tensor.Tensor, examples []int) *tensor.Tensor {
	for k, id := range p.IDs.Ints() {
		if int(id) != examples[k] || len(examples) != x.Dim(0) {
			panic(fmt.Sprintf("examples %v, rows %v", examples, p.IDs.Ints()))
		}
	}
	c.seen = append(c.seen, examples)
	return x.Mean().Scale(0).Add(p.Floats([]float32{float32(len(c.seen))}, 1).Sum())
}

// TestTeachHeadOrder: every epoch has each example once, in an order of its own that seed
// and epoch decide, whatever was asked before; of an adversary's passes each has its share
// of the loss.
func TestTeachHeadOrder(t *testing.T) {
	m := encoder(t, bert.Encode)
	step := tensor.NewStep(nn.Params(m)[0].Tensor.Device(), tensor.StepOptions{Grad: true})
	defer step.Close()
	order := func(seed uint64, a train.Adversary, updates ...int) (flat []int, last float32) {
		h, stepper := &counting{n: 7}, &train.Stepper{}
		done, err := tune.TeachHead(stepper, h, m, 2, seed, a)
		if err != nil {
			t.Fatal(err)
		}
		defer done()
		for _, index := range updates {
			step.Begin(uint64(index))
			loss, err := stepper.Loss(step, index, 0)
			if err != nil {
				t.Fatal(err)
			}
			last = loss.Item()
			step.Backward(loss)
		}
		return slices.Concat(h.seen...), last
	}
	all, loss := order(1, train.Adversary{}, 0, 1, 2, 3, 4, 5, 6)
	if loss != 7 {
		t.Errorf("the loss of update 7 is %g", loss)
	}
	for epoch := range slices.Chunk(all, 7) {
		if got := slices.Sorted(slices.Values(epoch)); !slices.Equal(got, []int{0, 1, 2, 3, 4, 5, 6}) {
			t.Errorf("an epoch has the examples %v", epoch)
		}
	}
	if slices.Equal(all[:7], all[7:]) {
		t.Errorf("two epochs have one order, %v", all)
	}
	if got, _ := order(1, train.Adversary{}, 6, 3, 0); !slices.Equal(got, slices.Concat(all[12:], all[6:8], all[:2])) {
		t.Errorf("updates 6, 3 and 0 alone have the examples %v; in their order they were %v", got, all)
	}
	if other, _ := order(2, train.Adversary{}, 0, 1, 2, 3, 4, 5, 6); slices.Equal(other, all) {
		t.Errorf("two seeds, one order, %v", all)
	}
	if _, loss := order(1, train.Adversary{Method: "fgm", Epsilon: 1e-9}, 0); loss != 0.5 {
		t.Errorf("the first of two passes has a loss of %g, want half", loss)
	}
}

// TestTeachHeadLoss: whatever the adversary, the passes of an update have together the mean
// loss of its examples where the noise is too small to matter.
func TestTeachHeadLoss(t *testing.T) {
	tok, frame := pieces(t)
	var labelled []corpus.Labelled
	for i := range 8 {
		labelled = append(labelled, corpus.Labelled{Text: numbered(i, 2*i+1), Label: []string{"a", "b"}[i%2]})
	}
	c, err := tune.NewClassify(tok, frame, labelled, []string{"a", "b"}, 32)
	if err != nil {
		t.Fatal(err)
	}
	m := encoder(t, bert.Sequences, "a", "b")
	step := tensor.NewStep(nn.Params(m)[0].Tensor.Device(), tensor.StepOptions{Grad: true})
	defer step.Close()
	for _, method := range []string{"", "fgm", "free", "virtual"} {
		a, stepper := train.Adversary{Method: method}, &train.Stepper{}
		if method != "" {
			a.Epsilon = 1e-9
		}
		done, err := tune.TeachHead(stepper, c, m, 8, 1, a) // all of them
		if err != nil {
			t.Fatal(err)
		}
		sum := 0.0
		for micro := range max(1, stepper.Micro) {
			step.Begin(uint64(micro))
			loss, err := stepper.Loss(step, 0, micro)
			if err != nil {
				t.Fatal(err)
			}
			sum += float64(loss.Item())
			step.Backward(loss)
		}
		done()
		testkit.Close(t, fmt.Sprintf("loss against %q", method), []float64{sum}, []float64{tune.HeadEvaluate(c, m)}, 1e-5, 0)
	}
}

// TestHeadSteps: updates for so many epochs, no example left out.
func TestHeadSteps(t *testing.T) {
	for _, tt := range []struct {
		n, rows int
		epochs  float64
		want    int
	}{{7, 2, 1, 4}, {8, 2, 3, 12}, {7, 2, 0.1, 1}, {3, 16, 1, 1}, {7, 2, 0.5, 2}} {
		if got := tune.HeadSteps(&counting{n: tt.n}, tt.rows, tt.epochs); got != tt.want {
			t.Errorf("%d examples, %d at once, %g epochs: %d updates, want %d", tt.n, tt.rows, tt.epochs, got, tt.want)
		}
	}
}
