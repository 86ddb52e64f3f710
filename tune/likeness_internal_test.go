package tune

import (
	"slices"
	"testing"

	"github.com/inkstone-ai/inkstone/model/bert"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// TestLikenessAsksEveryToken: a token has the highest score where the other segment has it
// too, else the lowest.
func TestLikenessAsksEveryToken(t *testing.T) {
	l := &Likeness{low: -1, high: 4}
	got := l.appendShared([]float32{9}, Row{IDs: []int32{1, 7, 8, 2, 8, 6, 2}, Types: []int32{0, 0, 0, 0, 1, 1, 1}})
	if want := []float32{9, -1, -1, 4, 4, 4, -1, 4}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// TestStartKeepsTheHead: a classifier of the same labels goes on from where it is, one of
// others is drawn anew.
func TestStartKeepsTheHead(t *testing.T) {
	d := tensor.CPU(1)
	defer d.Close()
	start := func(labels []string) *bert.BERT {
		c := bert.Config{Architectures: []string{string(bert.Sequences)}, Vocab: 9, Context: 8, Width: 4, Layers: 1, Heads: 1}
		c.SetLabels(labels)
		m, err := bert.New(c)
		if err != nil {
			t.Fatal(err)
		}
		nn.Init(m, d, 1)
		return m
	}
	for _, tt := range []struct {
		before, after []string
		same          bool
	}{
		{nil, nil, true}, {[]string{"a", "b"}, []string{"a", "b"}, true}, {[]string{"a", "b"}, []string{"b", "a"}, false}, {nil, []string{"a", "b"}, false},
	} {
		from := start(tt.before)
		m, err := Start(from, d, bert.Sequences, tt.after, 0, 2)
		if err != nil {
			t.Fatal(err)
		}
		if got := slices.Equal(m.Classifier.W.Floats(), from.Classifier.W.Floats()); got != tt.same {
			t.Errorf("%v, then %v: the same classifier: %v", tt.before, tt.after, got)
		}
		if !slices.Equal(m.Pooler.W.Floats(), from.Pooler.W.Floats()) {
			t.Errorf("%v, then %v: another encoder", tt.before, tt.after)
		}
	}
}
