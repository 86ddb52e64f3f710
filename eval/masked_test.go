package eval_test

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/eval"
	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/model/bert"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/tokenizer"
)

// letters is a tokenizer of 24 words, whose ids come behind those of BERT's five tokens.
func letters(t *testing.T) *tokenizer.WordPiece {
	t.Helper()
	path := filepath.Join(t.TempDir(), "vocab.txt")
	lines := append([]string{"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"}, strings.Split("abcdefghijklmnopqrstuvwx", "")...)
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")), 0o666); err != nil {
		t.Fatal(err)
	}
	tok, err := tokenizer.LoadVocab(path, true)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// TestMaskedAgainstLoop: the score of a model is that of rows, [CLS] text [SEP], read one
// by one with 15 % of each pass's tokens behind the mask token, and the unigram's is by
// the counts.
func TestMaskedAgainstLoop(t *testing.T) {
	d := tensor.CPU(1)
	defer d.Close()
	const V, context, rows = 29, 12, 5
	m, err := bert.New(bert.Config{Architectures: []string{string(bert.FillMask)}, Vocab: V, Context: 20, Width: 8, Layers: 1, Heads: 2, Std: 0.7})
	if err != nil {
		t.Fatal(err)
	}
	nn.Init(m, d, 2)
	text := make(corpus.IDs, 1234) // 123 rows of ten and one of four
	for i := range text {
		text[i] = int32(5 + (i*i*31+i/7)%24)
	}
	counted := text[:500]
	counts := [V]float64{}
	for _, id := range counted {
		counts[id]++
	}
	masking := corpus.BERTMasking(1, 4, V, func(id int32) bool { return id < 5 })
	masking.Mask, masking.Random = 1, 0
	var want, unigram eval.MaskedScore
	hidden := 0
	add := func(s *eval.MaskedScore, log []float64, was int32) {
		s.Loss -= log[was]
		order := make([]int32, V)
		for id := range order {
			order[id] = int32(id)
		}
		slices.SortStableFunc(order, func(a, b int32) int { // the likeliest first, the lower id of equals
			return map[bool]int{true: -1, false: 1}[log[a] > log[b] || log[a] == log[b] && a < b]
		})
		if order[0] == was {
			s.Top1++
		}
		if slices.Contains(order[:5], was) {
			s.Top5++
		}
	}
	for pass := 0; pass*rows*(context-2) < len(text); pass++ {
		var ids []int32
		var lengths []int
		for at := pass * rows * (context - 2); at < min(len(text), (pass+1)*rows*(context-2)); at += context - 2 {
			row := text[at:min(at+context-2, len(text))]
			ids, lengths = append(append(append(ids, 2), row...), 3), append(lengths, len(row)+2)
		}
		places, were := masking.Hide(ids, int64(pass))
		hidden += len(places)
		first := 0
		for _, n := range lengths {
			s := tensor.NewStep(d, tensor.StepOptions{})
			s.Begin(0)
			var p nn.Pass
			p.Set(s, ids[first:first+n], nn.Span{Rows: n})
			logits := m.Logits(m.Forward(&p)).Floats()
			s.Close()
			for k, at := range places {
				if int(at) < first || int(at) >= first+n {
					continue
				}
				row := logits[(int(at)-first)*V : (int(at)-first+1)*V]
				sum, log, frequency := 0.0, make([]float64, V), make([]float64, V)
				for _, x := range row {
					sum += math.Exp(float64(x))
				}
				for id, x := range row {
					log[id], frequency[id] = float64(x)-math.Log(sum), math.Log((counts[id]+1)/(500+V))
				}
				add(&want, log, were[k])
				add(&unigram, frequency, were[k])
			}
			first += n
		}
	}
	got, err := eval.Masked(t.Context(), m, letters(t), text, eval.MaskedOptions{Context: context, Rows: rows, Counted: counted})
	if err != nil {
		t.Fatal(err)
	}
	if got.Hidden != hidden || got.Tokens != len(text) || got.Context != context {
		t.Errorf("%d of %d tokens hidden, want %d of %d", got.Hidden, got.Tokens, hidden, len(text))
	}
	for i, want := range []eval.MaskedScore{want, unigram} {
		s := got.Scores[i]
		testkit.Close(t, s.Name+": loss", []float64{s.Loss}, []float64{want.Loss / float64(hidden)}, 1e-5, 0)
		if s.Top1 != want.Top1 || s.Top5 != want.Top5 {
			t.Errorf("%s: %d are the first and %d of the first five, want %d and %d", s.Name, s.Top1, s.Top5, want.Top1, want.Top5)
		}
	}
}

// TestMaskedNeighbours: where a word's neighbours tell it, the baseline of both bigrams knows
// it, unless they are hidden too.
func TestMaskedNeighbours(t *testing.T) {
	d := tensor.CPU(1)
	defer d.Close()
	m, err := bert.New(bert.Config{Architectures: []string{string(bert.FillMask)}, Vocab: 29, Context: 20, Width: 8, Layers: 1, Heads: 2})
	if err != nil {
		t.Fatal(err)
	}
	nn.Init(m, d, 2)
	text := make(corpus.IDs, 2400) // a b c … x, again and again
	for i := range text {
		text[i] = int32(5 + i%24)
	}
	got, err := eval.Masked(t.Context(), m, letters(t), text, eval.MaskedOptions{Context: 20, Counted: text})
	if err != nil {
		t.Fatal(err)
	}
	// Both neighbours are unknown for 0.15² of the hidden tokens, and for some more at the borders of rows.
	for _, s := range got.Scores[2:] {
		if share := float64(s.Top1) / float64(got.Hidden); share < 0.93 || share > 0.995 {
			t.Errorf("%s: %d of %d", s.Name, s.Top1, got.Hidden)
		}
	}
}
