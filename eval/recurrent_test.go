package eval_test

import (
	"math"
	"testing"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/eval"
	"github.com/inkstone-ai/inkstone/model"
	_ "github.com/inkstone-ai/inkstone/model/lstm"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

func lstm(t *testing.T) (model.LM, corpus.IDs) {
	t.Helper()
	d := tensor.CPU(2)
	t.Cleanup(d.Close)
	lm, err := model.BuildLM([]byte(`{"model_type":"lstm","vocab_size":19,"hidden_size":12,"num_hidden_layers":2,"tie_word_embeddings":true}`))
	if err != nil {
		t.Fatal(err)
	}
	nn.Init(lm, d, 1)
	for i, p := range nn.Params(lm) {
		p.Tensor.FillNormal(uint64(i), 0.7)
	}
	ids := make(corpus.IDs, 9001)
	for i := range ids {
		ids[i] = int32(i * i * 7919 % 19)
	}
	return lm, ids
}

// losses are the nats of each token, read in one pass from an empty state.
func losses(lm model.LM, ids []int32) []float32 {
	s := tensor.NewStep(lm.HeadWeight().Device(), tensor.StepOptions{})
	defer s.Close()
	s.Begin(0)
	var p nn.Pass
	n := len(ids) - 1
	p.Set(s, ids[:n], nn.Span{Rows: n})
	_, rows := lm.Forward(&p).HeadLoss(lm.HeadWeight(), nil, s.Ints(ids[1:], n), tensor.CEOptions{})
	return rows.Floats()
}

// TestLanguageCarriesState: the loss of a long text is that of its streams, each read in
// one pass.
func TestLanguageCarriesState(t *testing.T) {
	lm, ids := lstm(t)
	m, err := eval.Language(t.Context(), lm, nil, ids, eval.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if m.Streams != 2 || m.Tokens != 9000 || m.Context != 0 {
		t.Errorf("%+v: want 9000 tokens in 2 streams", m)
	}
	want := 0.0
	for _, stream := range [][]int32{ids[:4501], ids[4500:]} {
		for _, nats := range losses(lm, stream) {
			want += float64(nats)
		}
	}
	if want /= 9000; math.Abs(m.Loss-want) > 1e-6 {
		t.Errorf("loss %v, of the streams in one pass each %v", m.Loss, want)
	}
	short, err := eval.Language(t.Context(), lm, nil, ids[:300], eval.Options{})
	if err != nil || short.Streams != 1 || short.Tokens != 299 {
		t.Errorf("a short text: %+v, %v", short, err)
	}
	if _, err := eval.Language(t.Context(), lm, nil, ids[:1], eval.Options{}); err == nil {
		t.Error("one token has a loss")
	}
	if _, err := eval.Language(t.Context(), lm, nil, ids, eval.Options{Stride: 3}); err == nil {
		t.Error("a stride without windows")
	}
}

// TestBands: the bands are of windows from an empty state, and their mean is the loss of
// those windows.
func TestBands(t *testing.T) {
	lm, ids := lstm(t)
	const window = 40
	bands, err := eval.Bands(t.Context(), lm, nil, ids[:4*window+1], window)
	if err != nil {
		t.Fatal(err)
	}
	var sums, counts [3]float64
	for w := range 4 {
		for i, nats := range losses(lm, ids[w*window:(w+1)*window+1]) {
			b := 0
			for _, to := range []int{4, 16} {
				if i >= to {
					b++
				}
			}
			sums[b] += float64(nats)
			counts[b]++
		}
	}
	for i, to := range []int{4, 16, 40} {
		if b := bands[i]; b.To != to || float64(b.Tokens) != counts[i] || math.Abs(b.Loss-sums[i]/counts[i]) > 1e-6 {
			t.Errorf("band %+v, want %v tokens up to %d with %v", b, counts[i], to, sums[i]/counts[i])
		}
	}
}
