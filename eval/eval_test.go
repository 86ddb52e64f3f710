package eval_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/eval"
	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/model/gpt"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/tokenizer"
)

const context16 = 16

// tiny is a Llama over bytes with large random weights, so that its guesses are
// far from uniform and depend on the past.
func tiny(t testing.TB) model.LM {
	t.Helper()
	m, err := gpt.NewLlama(gpt.LlamaConfig{Vocab: 257, Context: context16, Layers: 2, Width: 32, Hidden: 64, Heads: 2, Tied: false})
	if err != nil {
		t.Fatal(err)
	}
	d := tensor.CPU(2)
	t.Cleanup(d.Close)
	nn.Init(m, d, 1)
	nn.Walk(m, func(p nn.Param) {
		if p.Role == nn.Matrix || p.Role == nn.Head {
			p.Tensor.FillNormal(uint64(len(p.Name)), 0.4)
		}
	})
	return m
}

// bytes is a tokenizer with a token for each byte.
func bytes(t testing.TB) tokenizer.Tokenizer {
	t.Helper()
	b, err := tokenizer.NewByte()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

const poem = "静夜思:床前明月光,疑是地上霜。 Before my bed a pool of light; is it hoarfrost upon the ground?"

// alone is the loss of predicting ids[at] from ids[from:at], all by itself, its
// softmax in float64.
func alone(lm model.LM, ids []int32, from, at int) float64 {
	s := tensor.NewStep(lm.HeadWeight().Device(), tensor.StepOptions{})
	defer s.Close()
	s.Begin(0)
	var p nn.Pass
	p.SetRows(s, ids[from:at], at-from)
	x := lm.Forward(&p)
	logits := lm.Logits(x.Slice(0, at-from-1, at-from)).Floats()
	most, sum := math.Inf(-1), 0.0
	for _, l := range logits {
		most = max(most, float64(l))
	}
	for _, l := range logits {
		sum += math.Exp(float64(l) - most)
	}
	return math.Log(sum) + most - float64(logits[ids[at]])
}

// Strided windows equal a loop that predicts each token alone from its context.
func TestLanguageAgainstLoop(t *testing.T) {
	lm, tok := tiny(t), bytes(t)
	ids := tok.Encode(poem)
	for _, o := range []eval.Options{
		{}, {Stride: 1}, {Stride: 5}, {Stride: 16, Batch: 1}, {Context: 7, Stride: 3, Batch: 30}, {Context: 1},
	} {
		t.Run(fmt.Sprintf("%+v", o), func(t *testing.T) {
			T, stride := o.Context, o.Stride
			if T == 0 {
				T = context16
			}
			if stride == 0 {
				stride = T
			}
			want, from := 0.0, 0
			for at := 1; at < len(ids); at++ {
				for at-from > T { // the first window that reaches at
					from += stride
				}
				want += alone(lm, ids, from, at)
			}
			want /= float64(len(ids) - 1)
			got, err := eval.Text(context.Background(), lm, tok, poem, o)
			if err != nil {
				t.Fatal(err)
			}
			if math.Abs(got.Loss-want) > 1e-6 {
				t.Errorf("loss %.9f, the loop has %.9f", got.Loss, want)
			}
			n, chars := len(poem)-1, len([]rune(poem))-1 // the first byte is not predicted, and its character not either
			if got.Tokens != int64(n) || got.Bytes != int64(n) || got.Chars != int64(chars) || got.Stride != stride || got.Context != T {
				t.Errorf("%+v, want %d bytes and %d characters", got, n, chars)
			}
			testkit.Close(t, "perplexity, bits per byte and per character",
				[]float64{got.Perplexity, *got.BitsPerByte, *got.BitsPerChar},
				[]float64{math.Exp(got.Loss), got.Loss / math.Ln2, got.Loss / math.Ln2 * float64(n) / float64(chars)}, 1e-12, 0)
		})
	}
}

// Unknown words leave bits per byte undefined, and the report says so.
func TestLanguageUnknown(t *testing.T) {
	tok, err := tokenizer.NewWords(slices.Values([]string{"before my bed a pool of light"}), 1)
	if err != nil {
		t.Fatal(err)
	}
	got, err := eval.Text(context.Background(), tiny(t), tok, "before my cat a pool", eval.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got.Unknown == 0 || got.BitsPerByte != nil || got.BitsPerChar != nil {
		t.Errorf("%+v, want an unknown token and no bits per byte", got)
	}
	var text strings.Builder
	if err := got.Report("a title").WriteText(&text); err != nil || !strings.Contains(text.String(), "unknown words") {
		t.Errorf("report %v:\n%s", err, &text)
	}
}

func TestLanguageErrors(t *testing.T) {
	lm := tiny(t)
	over, end := context.WithCancel(context.Background())
	end()
	tests := []struct {
		name   string
		ctx    context.Context
		tokens corpus.IDs
		o      eval.Options
		says   string
	}{
		{"no text", context.Background(), nil, eval.Options{}, "nothing to predict"},
		{"one token", context.Background(), corpus.IDs{1}, eval.Options{}, "nothing to predict"},
		{"context", context.Background(), corpus.IDs{1, 2}, eval.Options{Context: 17}, "a context of 17 tokens, the model has 16"},
		{"stride", context.Background(), corpus.IDs{1, 2}, eval.Options{Stride: 17}, "a stride of 17"},
		{"negative stride", context.Background(), corpus.IDs{1, 2}, eval.Options{Stride: -1}, "a stride of -1"},
		{"vocabulary", context.Background(), corpus.IDs{1, 2, 257}, eval.Options{}, "token 257 beyond the model's vocabulary of 257"},
		{"negative id", context.Background(), corpus.IDs{1, -2, 2}, eval.Options{}, "beyond the model's vocabulary"},
		{"interrupted", over, corpus.IDs{1, 2, 3}, eval.Options{}, "canceled"},
	}
	for _, tt := range tests {
		_, err := eval.Language(tt.ctx, lm, nil, tt.tokens, tt.o)
		if err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.says)
		}
	}
	if _, err := eval.Language(over, lm, nil, corpus.IDs{1, 2, 3}, eval.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want one that wraps context.Canceled", err)
	}
}

// The interval against values of Newcombe 1998, table I.
func TestWilson(t *testing.T) {
	tests := []struct {
		k, n      int
		low, high float64
	}{
		{81, 263, 0.2553, 0.3662},
		{15, 148, 0.0624, 0.1605},
		{0, 20, 0, 0.1611},
		{1, 29, 0.0061, 0.1718},
		{20, 20, 1 - 0.1611, 1},
		{0, 0, 0, 1},
	}
	for _, tt := range tests {
		low, high := eval.Wilson(tt.k, tt.n)
		if math.Abs(low-tt.low) > 5e-5 || math.Abs(high-tt.high) > 5e-5 {
			t.Errorf("%d of %d: %.4f to %.4f, want %.4f to %.4f", tt.k, tt.n, low, high, tt.low, tt.high)
		}
	}
}

func TestReport(t *testing.T) {
	r := eval.Report{Title: "a model on a text"}
	r.Number("loss", "nats per token", 1.25)
	r.Number("tokens", "", 120000)
	r.Share("exact match", 15, 148)
	r.Note("of %d", 3)
	var text, line strings.Builder
	if err := errors.Join(r.WriteText(&text), r.WriteJSON(&line)); err != nil {
		t.Fatal(err)
	}
	want := `a model on a text
  loss         1.2500 nats per token
  tokens       120000
  exact match  10.1 % of 148 (95 % interval 6.2 to 16.0)
  (of 3)
`
	if text.String() != want {
		t.Errorf("got\n%swant\n%s", &text, want)
	}
	if !strings.HasPrefix(line.String(), `{"title":"a model on a text","rows":[{"name":"loss","value":1.25,"unit":"nats per token"},`) ||
		!strings.HasSuffix(line.String(), `"of":148}],"notes":["of 3"]}`+"\n") {
		t.Errorf("got %s", &line)
	}
	r.Number("perplexity", "", math.Inf(1))
	if err := r.WriteJSON(&line); err == nil {
		t.Error("an infinite number was written as JSON")
	}
}

func BenchmarkText(b *testing.B) {
	lm, tok := tiny(b), bytes(b)
	text := strings.Repeat(poem, 20)
	for _, stride := range []int{context16, 4} {
		b.Run(fmt.Sprintf("stride %d", stride), func(b *testing.B) {
			for b.Loop() {
				if _, err := eval.Text(context.Background(), lm, tok, text, eval.Options{Stride: stride}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(text)*b.N)/b.Elapsed().Seconds(), "tokens/s")
		})
	}
}

// TestTextBegins: what begins a text by the tokenizer's file is read, in front of the first token, and where a
// text begins within the tokens it is not predicted.
func TestTextBegins(t *testing.T) {
	tok, err := tokenizer.Parse([]byte(`{"model":{"type":"WordLevel","vocab":{"<s>":0,"a":1,"b":2,"<unk>":3},"unk_token":"<unk>"},
		"pre_tokenizer":{"type":"Whitespace"},"added_tokens":[{"id":0,"content":"<s>","special":true}],
		"post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],
		"pair":[{"Sequence":{"id":"A","type_id":0}},{"Sequence":{"id":"B","type_id":0}}],"special_tokens":{"<s>":{"id":"<s>","ids":[0],"tokens":["<s>"]}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	lm := tiny(t)
	got, err := eval.Text(t.Context(), lm, tok, "a b b", eval.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ids := []int32{0, 1, 2, 2}
	want := (alone(lm, ids, 0, 1) + alone(lm, ids, 0, 2) + alone(lm, ids, 0, 3)) / 3
	if got.Tokens != 3 || got.Bytes != 3 || math.Abs(got.Loss-want) > 1e-6 {
		t.Errorf("%+v, want 3 tokens with the loss %g", got, want)
	}
	both := corpus.EncodeBegun(tok, []corpus.Document{{Text: "a b"}, {Text: "b"}}, 3)
	if !slices.Equal(both, corpus.IDs{0, 1, 2, 3, 0, 2, 3}) {
		t.Fatalf("ids %v", both)
	}
	if got, err = eval.Language(t.Context(), lm, tok, both, eval.Options{}); err != nil || got.Tokens != 5 {
		t.Errorf("%+v, %v; want 5 tokens of 7 predicted", got, err)
	}
	want = 0
	for _, at := range []int{1, 2, 3, 5, 6} {
		want += alone(lm, both, 0, at) / 5
	}
	if math.Abs(got.Loss-want) > 1e-6 {
		t.Errorf("loss %g, want %g", got.Loss, want)
	}
	bands, err := eval.Bands(t.Context(), lm, tok, both, 16)
	if err != nil || bands[0].Tokens+bands[1].Tokens != 5 {
		t.Errorf("bands %+v, %v; want 5 tokens", bands, err)
	}
	// Nothing but beginnings.
	if _, err := eval.Language(t.Context(), lm, tok, corpus.IDs{0, 0, 0}, eval.Options{}); err == nil || !strings.Contains(err.Error(), "no token to predict") {
		t.Errorf("error %v of a text that begins and ends there", err)
	}
	// What ends a text begins the next as it is.
	if ids := corpus.EncodeBegun(tok, []corpus.Document{{Text: "a"}, {Text: "b"}}, 0); !slices.Equal(ids, corpus.IDs{0, 1, 0, 2, 0}) {
		t.Errorf("ids %v", ids)
	}
}
