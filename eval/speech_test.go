package eval_test

import (
	"context"
	"math"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/eval"
	"github.com/inkstone-ai/inkstone/generate"
	"github.com/inkstone-ai/inkstone/model/speech"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// hums are n utterances of words 0, 1 and 2, of different lengths; what is said in them is what they claim.
func hums(n int) (all []*corpus.Utterance) {
	for i := range n {
		u := &corpus.Utterance{Samples: make([]float32, 900+700*(i%5))}
		for j := range u.Samples {
			u.Samples[j] = float32(math.Sin(float64(j*(i+3)) * 0.1))
		}
		for k := range i % 4 {
			u.Labels = append(u.Labels, int32(k%3))
		}
		all = append(all, u)
	}
	return all
}

// TestSpeech: what is measured in batches is what single utterances add up to, counted here.
func TestSpeech(t *testing.T) {
	d := tensor.CPU(1)
	defer d.Close()
	m, err := speech.NewCTC(speech.CTCConfig{Sound: speech.Sound{Rate: 8000, Mels: 10, Channels: []int{3, 4}, Classes: []string{"a", "b", "c"}}, Hidden: 8, Layers: 1})
	if err != nil {
		t.Fatal(err)
	}
	nn.Init(m, d, 1)
	m.Head.W.FillNormal(1, 3) // so that it says something
	all := hums(60)
	got, err := eval.Speech(context.Background(), m, d, all, 3)
	if err != nil {
		t.Fatal(err)
	}
	s, listener := tensor.NewStep(d, tensor.StepOptions{}), m.Sound().Listener()
	defer s.Close()
	var greedy, beam, want [][]int32
	loss, whole := 0.0, 0
	for _, u := range all {
		s.Begin(0)
		b := speech.Stack([][]float32{listener.Frames(u.Samples)}, 10)
		loss += float64(m.Loss(s, b, [][]int32{u.Labels}).Item()) / 60
		p := m.LogProbs(s, b)[0]
		greedy = append(greedy, speech.Words(generate.CTCGreedy(p, 4, 0)))
		beam = append(beam, speech.Words(generate.CTCBeam(p, 4, 0, 3)[0].Labels))
		want = append(want, u.Labels)
		one := eval.LabelErrors(beam[len(beam)-1:], want[len(want)-1:])
		if one.Edits() == 0 {
			whole++
		}
	}
	if got.Greedy != eval.LabelErrors(greedy, want) || got.Beam != eval.LabelErrors(beam, want) || got.Best() != got.Beam {
		t.Errorf("greedy %+v, beam %+v; want %+v, %+v", got.Greedy, got.Beam, eval.LabelErrors(greedy, want), eval.LabelErrors(beam, want))
	}
	sum := eval.ErrorRate{}
	for n, e := range got.ByLength {
		if e.Length != 15*n {
			t.Errorf("%d words in utterances of %d, want %d", e.Length, n, 15*n)
		}
		sum.Substitutions, sum.Deletions, sum.Insertions, sum.Length = sum.Substitutions+e.Substitutions, sum.Deletions+e.Deletions, sum.Insertions+e.Insertions, sum.Length+e.Length
	}
	if sum != got.Beam {
		t.Errorf("by length %+v, all %+v", got.ByLength, got.Beam)
	}
	if math.Abs(got.Loss-loss) > 1e-4*loss || got.Whole != whole || got.Utterances != 60 || got.Greedy.Edits() == got.Greedy.Length {
		t.Errorf("loss %g, %d whole of %d; want %g, %d", got.Loss, got.Whole, got.Utterances, loss, whole)
	}
	for says, u := range map[string][]*corpus.Utterance{"no utterances": nil, "utterance 0 has word 3; the model has 0 to 2": {{Samples: all[0].Samples, Labels: []int32{3}}}} {
		if _, err := eval.Speech(context.Background(), m, d, u, 0); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("error %v, want %q", err, says)
		}
	}
	ctx, stop := context.WithCancel(context.Background())
	stop()
	if _, err := eval.Speech(ctx, m, d, all, 0); err == nil {
		t.Error("goes on after the end of its context")
	}
}

// TestWords: by class and in sum.
func TestWords(t *testing.T) {
	d := tensor.CPU(1)
	defer d.Close()
	m, err := speech.NewCNN(speech.CNNConfig{Sound: speech.Sound{Rate: 8000, Mels: 10, Channels: []int{3, 4}, Classes: []string{"a", "b", "c"}}})
	if err != nil {
		t.Fatal(err)
	}
	nn.Init(m, d, 1)
	m.Head.W.FillNormal(1, 3)
	all := hums(40)
	for i, u := range all {
		u.Labels = []int32{int32(i % 3)}
	}
	got, err := eval.Words(context.Background(), m, d, all)
	if err != nil {
		t.Fatal(err)
	}
	right, of, loss := 0, [3]int{14, 13, 13}, 0.0
	s := tensor.NewStep(d, tensor.StepOptions{})
	defer s.Close()
	for i, u := range all {
		s.Begin(0)
		p := m.Logits(s, speech.Stack([][]float32{m.Sound().Listener().Frames(u.Samples)}, 10)).Softmax().Floats()
		if loss -= math.Log(float64(p[i%3])) / 40; p[got.Said[i]] < max(p[0], p[1], p[2]) {
			t.Errorf("recording %d: said %d of %v", i, got.Said[i], p)
		}
		if int(got.Said[i]) == i%3 {
			right++
		}
	}
	if got.Right != right || got.Of != 40 || math.Abs(got.Loss-loss) > 1e-4*loss || got.ByClass[0][0]+got.ByClass[1][0]+got.ByClass[2][0] != right {
		t.Errorf("%+v, want %d right, loss %g", got, right, loss)
	}
	for k, n := range of {
		if got.ByClass[k][1] != n {
			t.Errorf("%d recordings of word %d, want %d", got.ByClass[k][1], k, n)
		}
	}
	all[0].Labels = []int32{0, 1}
	if _, err := eval.Words(context.Background(), m, d, all); err == nil || !strings.Contains(err.Error(), "a recording of 2 words") {
		t.Errorf("two words: %v", err)
	}
}
