package generate_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/generate"
	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/model/seq2seq"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// translators are tiny encoder–decoders with weights that make them decided.
func translators(t *testing.T, d *tensor.Device, vocab int, run func(t *testing.T, m model.EncoderDecoder)) {
	for _, architecture := range seq2seq.Architectures() {
		t.Run(architecture, func(t *testing.T) {
			c := seq2seq.Config{Architecture: architecture, Vocab: vocab, Context: 12, Width: 8, EncoderLayers: 1, DecoderLayers: 1}
			if architecture == seq2seq.TransformerArchitecture {
				c.Heads, c.DecoderLayers = 2, 2
			}
			m, err := seq2seq.New(c)
			if err != nil {
				t.Fatal(err)
			}
			nn.Init(m, d, 7)
			for _, p := range nn.Params(m) { // far from even odds
				if p.Role == nn.Table || p.Role == nn.Head {
					p.Tensor.WriteFloats(scaled(p.Tensor.Floats(), 3))
				}
			}
			run(t, m)
		})
	}
}

func scaled(x []float32, by float32) []float32 {
	for i := range x {
		x[i] *= by
	}
	return x
}

// logProbs are those of the token after each of a target's, computed at once without a cache.
func logProbs(m model.EncoderDecoder, source, target []int32) [][]float32 {
	s := tensor.NewStep(m.HeadWeight().Device(), tensor.StepOptions{})
	defer s.Close()
	s.Begin(0)
	var from, to nn.Pass
	from.Set(s, source, nn.Span{Rows: len(source)})
	to.Set(s, target, nn.Span{Rows: len(target)})
	y := m.Logits(m.Decode(&to, m.Encode(&from))).LogSoftmax()
	var rows [][]float32
	for x := range slices.Chunk(y.Floats(), y.Dim(1)) {
		rows = append(rows, x)
	}
	return rows
}

func translator(t *testing.T, m model.EncoderDecoder, slots int) *generate.Translator {
	tr := generate.NewTranslator(m, slots)
	t.Cleanup(tr.Close)
	return tr
}

const end = int32(0)

func request(source []int32, beam int, penalty float64) generate.SourceRequest {
	return generate.SourceRequest{Source: source, Begin: end, End: []int32{end}, Beam: beam, LengthPenalty: penalty}
}

func cpu(t *testing.T, threads int) *tensor.Device {
	d := tensor.CPU(threads)
	t.Cleanup(d.Close)
	return d
}

// TestBeamFindsTheBest: a beam that loses nothing finds the target that has the best
// score of all there are.
func TestBeamFindsTheBest(t *testing.T) {
	const most = 4
	translators(t, cpu(t, 1), 5, func(t *testing.T, m model.EncoderDecoder) {
		for _, penalty := range []float64{0, 2} {
			source := []int32{1, 4, 2, 0}
			var all []generate.Hypothesis
			var visit func(ids []int32, logProb float64)
			visit = func(ids []int32, logProb float64) {
				rows := logProbs(m, source, append([]int32{end}, ids...))
				row := rows[len(rows)-1]
				p := logProb + float64(row[end])
				all = append(all, generate.Hypothesis{IDs: ids, LogProb: p, Score: p / math.Pow(float64(5+len(ids)+1)/6, penalty)})
				for id := int32(1); id < 5 && len(ids)+1 < most; id++ {
					visit(append(slices.Clone(ids), id), logProb+float64(row[id]))
				}
			}
			visit(nil, 0)
			best := slices.MaxFunc(all, func(a, b generate.Hypothesis) int { return cmp.Compare(a.Score, b.Score) })
			r := request(source, 400, penalty)
			r.MaxTokens = most
			got, err := translator(t, m, 0).Run(t.Context(), []generate.SourceRequest{r})
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got[0][0].IDs, best.IDs) || math.Abs(got[0][0].Score-best.Score) > 1e-5 {
				t.Errorf("penalty %g: %v with %g, the best of %d is %v with %g", penalty, got[0][0].IDs, got[0][0].Score, len(all), best.IDs, best.Score)
			}
		}
	})
}

// TestBeamIsThatOfTheModel: a beam too narrow to keep all finds what a search finds that
// has no cache and reads each target from its beginning, and with the same score.
func TestBeamIsThatOfTheModel(t *testing.T) {
	translators(t, cpu(t, 1), 23, func(t *testing.T, m model.EncoderDecoder) {
		for _, p := range nn.Params(m) { // near even odds again: hypotheses of one beam branch and end at different lengths
			if p.Role == nn.Table || p.Role == nn.Head {
				p.Tensor.WriteFloats(scaled(p.Tensor.Floats(), 0.15))
			}
		}
		lengths := map[int]bool{}
		for _, last := range []int32{4, 7, 20} { // the token that each model likes
			for source := range sources(5) {
				r := generate.SourceRequest{Source: source, Begin: 22, End: []int32{last}, Beam: 2 + int(last)%3, LengthPenalty: 1, MaxTokens: 7}
				got, err := translator(t, m, 0).Run(t.Context(), []generate.SourceRequest{r})
				if err != nil {
					t.Fatal(err)
				}
				want := searched(m, r)
				if best := got[0][0]; !slices.Equal(best.IDs, want.IDs) || math.Abs(best.LogProb-want.LogProb) > 1e-4 {
					t.Errorf("beam %d, source %v: %v with %g, want %v with %g", r.Beam, source, best.IDs, best.LogProb, want.IDs, want.LogProb)
				}
				if len(got[0]) > r.Beam {
					t.Errorf("%d targets of a beam of %d", len(got[0]), r.Beam)
				}
				for _, h := range got[0] {
					lengths[len(h.IDs)] = true
					if p := logProb(m, r, h); math.Abs(p-h.LogProb) > 1e-4 {
						t.Errorf("beam %d, source %v: %v has the log-probability %g, said is %g", r.Beam, source, h.IDs, p, h.LogProb)
					}
				}
			}
		}
		if len(lengths) < 3 {
			t.Errorf("targets of lengths %v alone test little", lengths)
		}
	})
}

// logProb is that of a hypothesis, read from its beginning.
func logProb(m model.EncoderDecoder, r generate.SourceRequest, h generate.Hypothesis) (sum float64) {
	ids := h.IDs
	if h.Finish == generate.Ended {
		ids = append(slices.Clone(ids), r.End[0])
	}
	rows := logProbs(m, r.Source, append([]int32{r.Begin}, ids...))
	for i, id := range ids {
		sum += float64(rows[i][id])
	}
	return sum
}

// searched is the best target of a beam search, length penalty 1, which goes on until
// every place of the beam has ended; a target that is cut comes behind a whole one.
func searched(m model.EncoderDecoder, r generate.SourceRequest) (best generate.Hypothesis) {
	best.Score = math.Inf(-1)
	live := []generate.Hypothesis{{}}
	for done := 0; len(live) > 0; {
		var next []generate.Hypothesis
		for _, h := range live {
			rows := logProbs(m, r.Source, append([]int32{r.Begin}, h.IDs...))
			for id, p := range rows[len(rows)-1] {
				next = append(next, generate.Hypothesis{IDs: append(slices.Clone(h.IDs), int32(id)), LogProb: h.LogProb + float64(p)})
			}
		}
		slices.SortStableFunc(next, func(a, b generate.Hypothesis) int { return cmp.Compare(b.LogProb, a.LogProb) })
		live = nil
		for _, h := range next[:r.Beam-done] {
			n := len(h.IDs)
			ended := h.IDs[n-1] == r.End[0]
			if !ended && n < r.MaxTokens {
				live = append(live, h)
				continue
			}
			done++
			h.Score = h.LogProb / (float64(5+n) / 6)
			if ended {
				h.IDs, h.Finish = h.IDs[:n-1], generate.Ended
			}
			if whole, had := ended, best.Finish == generate.Ended; whole && !had || whole == had && h.Score > best.Score {
				best = h
			}
		}
	}
	return best
}

// TestBeamOfOneIsGreedy: it takes the likeliest token each time, as a loop without a
// cache does.
func TestBeamOfOneIsGreedy(t *testing.T) {
	translators(t, cpu(t, 1), 23, func(t *testing.T, m model.EncoderDecoder) {
		for source := range sources(8) {
			var want []int32
			for len(want) < 12 {
				rows := logProbs(m, source, append([]int32{end}, want...))
				row := rows[len(rows)-1]
				id := int32(slices.Index(row, slices.Max(row)))
				if id == end {
					break
				}
				want = append(want, id)
			}
			got, err := translator(t, m, 0).Run(t.Context(), []generate.SourceRequest{request(source, 1, 0.6)})
			if err != nil {
				t.Fatal(err)
			}
			if want = want[:min(len(want), 4*len(source)+40, 12)]; !slices.Equal(got[0][0].IDs, want) {
				t.Errorf("source %v: %v, greedy is %v", source, got[0][0].IDs, want)
			}
		}
	})
}

// sources yields n sources of different lengths.
func sources(n int) func(yield func([]int32) bool) {
	return func(yield func([]int32) bool) {
		for i := range n {
			source := make([]int32, 1+i%7)
			for j := range source {
				source[j] = int32((5*i+3*j)%22 + 1)
			}
			if !yield(append(source, end)) {
				return
			}
		}
	}
}

// TestBatchDoesNotMatter: what a source gets, every bit of it, depends neither on the
// other sources nor on how many are worked on at once, nor on the threads.
func TestBatchDoesNotMatter(t *testing.T) {
	var before [][]generate.Hypothesis
	for _, threads := range []int{1, 2} {
		translators(t, cpu(t, threads), 23, func(t *testing.T, m model.EncoderDecoder) {
			model.Pack(m)
			var requests []generate.SourceRequest
			for source := range sources(12) {
				r := request(source, 1+len(requests)%4, 0.6)
				if len(requests)%6 == 0 {
					r.Beam, r.Sampling = 1, generate.Sampling{Temperature: 1, TopK: 9, Seed: 3, Stream: uint64(len(requests))}
				}
				requests = append(requests, r)
			}
			together, err := translator(t, m, 0).Run(t.Context(), requests)
			if err != nil {
				t.Fatal(err)
			}
			few, err := translator(t, m, 5).Run(t.Context(), requests)
			if err != nil {
				t.Fatal(err)
			}
			for i, r := range requests {
				alone, err := translator(t, m, 0).Run(t.Context(), []generate.SourceRequest{r})
				if err != nil {
					t.Fatal(err)
				}
				if a, b, c := fmt.Sprint(alone[0]), fmt.Sprint(together[i]), fmt.Sprint(few[i]); a != b || a != c {
					t.Errorf("source %d: alone %s, with all %s, with few %s", i, a, b, c)
				}
			}
			before = append(before, together...)
		})
	}
	half := len(before) / 2
	if a, b := fmt.Sprint(before[:half]), fmt.Sprint(before[half:]); a != b {
		t.Errorf("one thread %s, two threads %s", a, b)
	}
}

// TestDecodingGoesOn: a target read token by token from the cache has the bits of one
// read at once.
func TestDecodingGoesOn(t *testing.T) {
	translators(t, cpu(t, 1), 23, func(t *testing.T, m model.EncoderDecoder) {
		r := request([]int32{3, 1, 4, 1, 5, end}, 1, 0)
		got, err := translator(t, m, 0).Run(t.Context(), []generate.SourceRequest{r})
		if err != nil {
			t.Fatal(err)
		}
		h := got[0][0]
		rows := logProbs(m, r.Source, append([]int32{end}, h.IDs...))
		want := 0.0
		for i, id := range h.IDs {
			want += float64(rows[i][id])
		}
		if h.Finish == generate.Ended {
			want += float64(rows[len(h.IDs)][end])
		}
		testkit.SameBits(t, "log-probability", []float64{h.LogProb}, []float64{want})
	})
}

// TestSourcesAreSampled: at temperature 1 first tokens come as often as the model says.
func TestSourcesAreSampled(t *testing.T) {
	translators(t, cpu(t, 1), 5, func(t *testing.T, m model.EncoderDecoder) {
		const n = 600
		source := []int32{2, 3, end}
		requests := make([]generate.SourceRequest, n)
		for i := range requests {
			requests[i] = request(source, 0, 0)
			requests[i].MaxTokens, requests[i].Sampling = 1, generate.Sampling{Temperature: 1, Seed: 1, Stream: uint64(i)}
		}
		got, err := translator(t, m, 512).Run(t.Context(), requests)
		if err != nil {
			t.Fatal(err)
		}
		counts := make([]float64, 5)
		for _, h := range got {
			if len(h[0].IDs) == 0 {
				counts[end]++
			} else {
				counts[h[0].IDs[0]]++
			}
		}
		chi := 0.0
		for id, p := range logProbs(m, source, []int32{end})[0] {
			want := n * math.Exp(float64(p))
			chi += (counts[id] - want) * (counts[id] - want) / want
		}
		if chi > 18.5 { // 0.1 % of a chi-square with 4 degrees of freedom
			t.Errorf("chi-square %.1f, counts %v", chi, counts)
		}
	})
}

func TestSourceRequestErrors(t *testing.T) {
	translators(t, cpu(t, 1), 5, func(t *testing.T, m model.EncoderDecoder) {
		tests := []struct {
			name string
			r    generate.SourceRequest
			says string
		}{
			{"empty", request(nil, 1, 0), "empty source"},
			{"long", request(make([]int32, 13), 1, 0), "source of 13 tokens, context of 12"},
			{"unknown", request([]int32{5}, 1, 0), "token 5, the vocabulary has 5"},
			{"beam", request([]int32{1}, -1, 0), "beam -1"},
			{"penalty", request([]int32{1}, 1, math.NaN()), "length penalty NaN"},
		}
		for _, tt := range tests {
			if _, err := translator(t, m, 0).Run(t.Context(), []generate.SourceRequest{tt.r}); err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%s: %v, want %q", tt.name, err, tt.says)
			}
		}
		r := request([]int32{1}, 2, 0)
		r.Sampling.Temperature = 1
		if _, err := translator(t, m, 0).Run(t.Context(), []generate.SourceRequest{r}); err == nil {
			t.Error("a beam was sampled")
		}
		r.Sampling = generate.Sampling{RepetitionPenalty: 1.2}
		if _, err := translator(t, m, 0).Run(t.Context(), []generate.SourceRequest{r}); err == nil || !strings.Contains(err.Error(), "beam 2 with penalties or a bias") {
			t.Errorf("a beam with a repetition penalty: error %v", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := translator(t, m, 0).Run(ctx, []generate.SourceRequest{request([]int32{1}, 1, 0)}); !errors.Is(err, context.Canceled) {
			t.Errorf("after the end of its context: %v", err)
		}
	})
}
