package inkstone

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/corpus/world"
	"github.com/inkstone-ai/inkstone/eval"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tokenizer"
)

// VerifyOptions say on what two models are compared. The zero value works.
type VerifyOptions struct {
	Text    string // a file; "": a text of the program's own, in English and Chinese and in Go
	Tokens  int    // at most so many of it; 0: 2,048
	Context int    // tokens of a window; 0: 256, or what the models have
	Threads int    // 0: one for each core

	// ServerType is the type of a server's weights, which servers do not tell: the bounds go
	// by it and by the model's. "": by the model's, but by F16 at least, in which servers keep keys and
	// values unless they are told otherwise. F32 says that this one keeps all in F32.
	ServerType string

	// Adapters are folders of LoRA adapters that are added to model a, in this order and in F32, all of whose weights are in
	// memory then: b ought to be the model into which they are merged.
	Adapters []string

	Progress func(done, total int) // tokens; nil: nobody is told
}

// A Verified says how far two models are apart, and whether that is within the bounds.
type Verified struct {
	A         string      `json:"a"`                  // the model that B ought to be
	Adapters  []string    `json:"adapters,omitempty"` // that were added to A
	B         string      `json:"b"`
	TypesA    []string    `json:"types_a"` // of their matrices
	TypesB    []string    `json:"types_b"`
	Server    string      `json:"server,omitempty"`          // the model's name where B is a running server: then log-probabilities are compared, not logits
	Broken    int         `json:"failed_requests,omitempty"` // to which a server answered that it broke down
	Unknown   int         `json:"unknown,omitempty"`         // answers of a server that were cut where it does not say which token it drew
	Text      string      `json:"text"`
	Tokens    int         `json:"tokens"`
	Parity    eval.Parity `json:"parity"`
	Top1      float64     `json:"top1"`       // share
	PerplexA  float64     `json:"perplexity"` // of A
	PerplexB  float64     `json:"perplexity_b"`
	Change    float64     `json:"perplexity_change"` // of B's over A's
	Bound     eval.Bound  `json:"bound"`
	Tokenizer string      `json:"tokenizer"`     // "same", or what differs
	RoundTrip string      `json:"round_trip"`    // "exact", or what differs
	Template  string      `json:"chat_template"` // "same", "none", or what differs
	Failures  []string    `json:"failures"`      // none: B is A within the bounds
	OK        bool        `json:"ok"`
}

// MarshalJSON writes null for what is not a finite number, as where a model's logits
// are none: the failures say so.
func (v Verified) MarshalJSON() ([]byte, error) {
	type plain Verified
	return json.Marshal(struct {
		plain
		PerplexA *float64 `json:"perplexity"`
		PerplexB *float64 `json:"perplexity_b"`
		Change   *float64 `json:"perplexity_change"`
	}{plain(v), eval.Finite(v.PerplexA), eval.Finite(v.PerplexB), eval.Finite(v.Change)})
}

const (
	verifyTokens = 2048
	verifyWindow = 256
)

// Verify compares model b with model a, of which it ought to be a copy: in another
// format, quantised, merged. It compares logits, likeliest tokens and perplexity on a
// text, whether both tokenizers give the same ids and the text back, and whether
// both chat templates write the same. The bounds go by the lossiest type of
// weights of the two, see [eval.BoundOf]; those of a model with adapters are F32.
//
// b may be the address of a running server with OpenAI's HTTP interface, such as
// http://localhost:8080: what it answers by itself, 32 tokens at a time, is compared
// with what model a holds of the same tokens. INKSTONE_API_KEY of the environment is
// the key it is asked with.
//
// Errors: a model or an adapter that can not be loaded; vocabularies of two sizes; a text of
// fewer than two tokens; a server that does not answer, or without log-probabilities;
// ctx's end. That b is not a is no error but in the result.
func Verify(ctx context.Context, a, b string, o VerifyOptions) (v *Verified, err error) {
	switch {
	case IsServer(a):
		return nil, fmt.Errorf("verify: %s is a server: give it as the second, behind the model it ought to be", a)
	case IsServer(b):
		return verifyServer(ctx, a, b, o)
	}
	text, name, err := verifyText(o.Text)
	if err != nil {
		return nil, err
	}
	left, err := Load(a, &LoadOptions{Threads: o.Threads, Adapters: o.Adapters, exact: true})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, left.Close()) }()
	right, err := Load(b, &LoadOptions{Threads: o.Threads})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, right.Close()) }()
	if err := errors.Join(left.templateErr, right.templateErr); err != nil {
		return nil, err
	}
	v = &Verified{A: a, Adapters: o.Adapters, B: b, Text: name, TypesA: left.types(), TypesB: right.types(), Failures: []string{}}
	all := left.tok.Encode(text)
	ids := all[:min(len(all), o.tokens())]
	begin := tokenizer.Begin(left.tok)
	if v.Tokens = len(ids); len(ids) < 2 {
		return nil, fmt.Errorf("verify: %s has %d tokens: at least two are needed", name, len(ids))
	}
	v.texts(left, right, text, all)
	if err := v.logits(ctx, left, right, slices.Concat(begin, ids), o); err != nil {
		return nil, fmt.Errorf("verify: %s and %s: %w", a, b, err)
	}
	v.OK = len(v.Failures) == 0
	return v, nil
}

func (o VerifyOptions) tokens() int {
	if o.Tokens == 0 {
		return verifyTokens
	}
	return o.Tokens
}

// window is what both models can read at once; more than that is not asked for in silence.
func (o VerifyOptions) window(models ...*Model) (int, error) {
	T := o.Context
	if T == 0 {
		T = verifyWindow
	}
	for _, m := range models {
		most := m.Context()
		if most > 0 && o.Context > most {
			return 0, fmt.Errorf("a context of %d tokens, %s has %d", o.Context, m.dir, most)
		}
		if most > 0 {
			T = min(T, most)
		}
	}
	return T, nil
}

// verifyText is a file's, or one that every program of this version draws alike.
func verifyText(path string) (text, name string, err error) {
	if path != "" {
		b, err := os.ReadFile(path)
		if err != nil {
			return "", "", fmt.Errorf("verify: %w", err)
		}
		return string(b), path, nil
	}
	var all strings.Builder
	w := world.New(1)
	for step := uint64(0); all.Len() < 32<<10; step++ {
		all.WriteString(w.Prose(rand.New(rand.NewPCG(1, step))).Text())
	}
	return all.String(), "the program's own text", nil
}

// types are those of the model's matrices, by name.
func (m *Model) types() []string {
	var types []string
	nn.Walk(m.loaded.LM, func(p nn.Param) {
		if len(p.Tensor.Shape()) > 1 {
			types = append(types, typeName(p.Tensor.DType().String()))
		}
	})
	slices.Sort(types)
	return slices.Compact(types)
}

// typeName is a type of tensors as files call it.
func typeName(name string) string {
	return strings.ToUpper(name)
}

// logits compares the models' answers.
func (v *Verified) logits(ctx context.Context, a, b *Model, ids []int32, o VerifyOptions) (err error) {
	window, err := o.window(a, b)
	if err != nil {
		return err
	}
	v.Bound = eval.BoundOf(append(slices.Clone(v.TypesA), v.TypesB...))
	a.pack()
	b.pack()
	total := len(ids) - 1
	progress := func(done int) {
		if o.Progress != nil {
			o.Progress(done, total)
		}
	}
	v.Parity, err = eval.Compared(ctx, a.loaded.LM, b.loaded.LM, corpus.IDs(ids), window, progress)
	if err != nil {
		return err
	}
	v.measured()
	return nil
}

// measured derives what the parity says.
func (v *Verified) measured() {
	v.Top1, v.Change = v.Parity.Top1(), v.Parity.Perplexity()
	v.PerplexA, v.PerplexB = v.Parity.Perplexities()
	v.Failures = append(v.Failures, v.Bound.Failures(v.Parity)...)
}

// texts compares what is around the models: ids of the text, the text of the
// ids, and a conversation as their templates write it. x are a's ids of the text.
func (v *Verified) texts(a, b *Model, text string, x []int32) {
	y := b.tok.Encode(text)
	v.Tokenizer, v.RoundTrip = "same", "exact"
	if x, y := tokenizer.Begin(a.tok), tokenizer.Begin(b.tok); !slices.Equal(x, y) {
		v.Tokenizer = fmt.Sprintf("texts begin with %q and %q", a.tok.Decode(x), b.tok.Decode(y))
		v.Failures = append(v.Failures, "the tokenizers differ: "+v.Tokenizer)
	}
	if i := firstDifference(x, y); i >= 0 {
		v.Tokenizer = fmt.Sprintf("token %d of the text differs: %s and %s", i, tokenAt(a.tok, x, i), tokenAt(b.tok, y, i))
		v.Failures = append(v.Failures, "the tokenizers differ: "+v.Tokenizer)
	}
	for i, m := range []*Model{a, b} {
		if back := m.tok.Decode([][]int32{x, y}[i]); back != text {
			v.RoundTrip = fmt.Sprintf("%s does not give the text back: %s", m.dir, around(text, back))
			v.Failures = append(v.Failures, v.RoundTrip)
		}
	}
	v.Template = templates(a, b)
	if v.Template != "same" && v.Template != "none" {
		v.Failures = append(v.Failures, "the chat templates differ: "+v.Template)
	}
}

// verifyChat is a conversation with the roles that templates know.
var verifyChat = []tokenizer.Message{
	{Role: "system", Content: "Be brief."}, {Role: "user", Content: "What is 2 + 2?"},
	{Role: "assistant", Content: "4"}, {Role: "user", Content: "谢谢 <b>&\n"},
}

// templates compares what both write of a conversation, and of its beginning
// without a system's message, which some refuse.
func templates(a, b *Model) string {
	switch {
	case a.template == nil && b.template == nil:
		return "none"
	case a.template == nil || b.template == nil:
		has, hasNot := a.dir, b.dir
		if a.template == nil {
			has, hasNot = b.dir, a.dir
		}
		return fmt.Sprintf("%s has one, %s has none", has, hasNot)
	}
	for _, messages := range [][]tokenizer.Message{verifyChat, verifyChat[1:]} {
		for _, prompt := range []bool{false, true} {
			o := tokenizer.RenderOptions{AddGenerationPrompt: prompt}
			x, errX := a.template.Render(messages, o)
			y, errY := b.template.Render(messages, o)
			switch {
			case (errX == nil) != (errY == nil):
				return fmt.Sprintf("one refuses a conversation: %v", errors.Join(errX, errY))
			case x != y:
				return around(x, y)
			}
		}
	}
	return "same"
}

// firstDifference is the first index at which the lists differ, -1 where they do not.
func firstDifference[T comparable](a, b []T) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	if len(a) != len(b) {
		return min(len(a), len(b))
	}
	return -1
}

func tokenAt(tok tokenizer.Tokenizer, ids []int32, i int) string {
	if i >= len(ids) {
		return "the end"
	}
	b, _ := tok.Token(ids[i])
	return fmt.Sprintf("%d %q", ids[i], b)
}

// around quotes two texts where they begin to differ.
func around(a, b string) string {
	i := firstDifference([]byte(a), []byte(b))
	cut := func(s string) string { return s[max(0, min(i-10, len(s))):min(i+20, len(s))] }
	return fmt.Sprintf("from byte %d on %q and %q", i, cut(a), cut(b))
}
