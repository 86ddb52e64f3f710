package inkstone

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/eval"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/model/bert"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/tokenizer"
)

// A Masked is a loaded BERT with its tokenizer: it fills in hidden words, turns
// texts into vectors, and, tuned, labels them. Its methods are called by one
// goroutine at a time.
type Masked struct {
	dir    string
	device *tensor.Device
	opened *model.Opened[*bert.BERT]
	tok    tokenizer.Tokenizer
	frame  *tokenizer.Frame
	step   *tensor.Step
	pass   nn.Pass
}

// LoadMasked opens the folder of a BERT: one that [TrainMasked] or a tuning wrote,
// or a Hugging Face folder. Errors are those of [Load].
func LoadMasked(dir string, o *LoadOptions) (*Masked, error) {
	if o == nil {
		o = &LoadOptions{}
	}
	if err := tensor.CheckCPU(); err != nil {
		return nil, err
	}
	m := &Masked{dir: dir, device: tensor.CPU(o.Threads)}
	if err := m.open(); err != nil {
		return nil, errors.Join(err, m.Close())
	}
	return m, nil
}

func (m *Masked) open() (err error) {
	if m.opened, err = model.Open[*bert.BERT](m.dir, m.device); err != nil {
		return err
	}
	if m.tok, err = OpenTokenizer(m.dir); err != nil {
		return err
	}
	if v := m.opened.Model.Shape().Vocab; v < m.tok.Size() {
		return fmt.Errorf("model: %s: the tokenizer has %d ids, the model's vocabulary only %d", m.dir, m.tok.Size(), v)
	}
	if m.frame, err = tokenizer.FrameOf(m.tok); err != nil {
		return fmt.Errorf("%s: %w", m.dir, err)
	}
	m.opened.Pack()
	m.step = tensor.NewStep(m.device, tensor.StepOptions{})
	return nil
}

// Close gives the model's memory and threads back.
func (m *Masked) Close() (err error) {
	if m.step != nil {
		m.step.Close()
	}
	if m.opened != nil {
		err = m.opened.Close()
	}
	m.device.Close()
	return err
}

// Task says what the model's head is for.
func (m *Masked) Task() bert.Task { return m.opened.Model.Task() }

// Tokenizer returns the model's tokenizer.
func (m *Masked) Tokenizer() tokenizer.Tokenizer { return m.tok }

// Parameters returns the number of the model's weights.
func (m *Masked) Parameters() int { return model.Parameters(m.opened.Model) }

// need refuses what the model's head cannot do.
func (m *Masked) need(t bert.Task) error {
	if m.Task() == t {
		return nil
	}
	return fmt.Errorf("model: %s is a %s; this needs a %s", m.dir, m.Task(), t)
}

// forward runs the model over framed texts and returns the activations (N, C).
func (m *Masked) forward(rows, types [][]int32) *tensor.Tensor {
	m.step.Begin(0)
	setRows(&m.pass, m.step, rows, types)
	return m.opened.Model.Forward(&m.pass)
}

// setRows lays framed texts end to end, each a sequence of its own.
func setRows(p *nn.Pass, s *tensor.Step, rows, types [][]int32) {
	var ids, kinds []int32
	var spans []nn.Span
	for i, row := range rows {
		ids, kinds = append(ids, row...), append(kinds, types[i]...)
		spans = append(spans, nn.Span{Rows: len(row)})
	}
	p.Set(s, ids, spans...)
	p.Types = p.Ints(kinds)
}

// framed encodes a text and frames it; it refuses what the context does not hold.
func (m *Masked) framed(text string, special bool) (ids, types []int32, err error) {
	of := m.tok.Encode(text)
	if special {
		of = m.tok.EncodeSpecial(text)
	}
	ids, types = m.frame.Join(of, nil)
	if most := m.opened.Model.Shape().Context; len(ids) > most {
		return nil, nil, fmt.Errorf("model: a text of %d tokens, with those around it; %s reads at most %d", len(ids), m.dir, most)
	}
	return ids, types, nil
}

// A Filling is a token that may stand in the place of a mask.
type Filling struct {
	ID          int32   `json:"id"`
	Token       string  `json:"token"`
	Probability float32 `json:"probability"`
}

// Fill returns the n likeliest fillings of each [MASK] in a text, the likeliest
// first. Several masks are filled each for itself, as the model sees them. A text
// without a mask is an error.
func (m *Masked) Fill(text string, n int) ([][]Filling, error) {
	if err := m.need(bert.FillMask); err != nil {
		return nil, err
	}
	mask, ok := m.tok.ID(tokenizer.MaskToken)
	if !ok {
		return nil, fmt.Errorf("model: the tokenizer of %s has no %s", m.dir, tokenizer.MaskToken)
	}
	ids, types, err := m.framed(text, true)
	if err != nil {
		return nil, err
	}
	var places []int32
	for at, id := range ids {
		if id == mask {
			places = append(places, int32(at))
		}
	}
	if len(places) == 0 {
		return nil, fmt.Errorf("model: the text has no %s to fill", tokenizer.MaskToken)
	}
	x := m.forward([][]int32{ids}, [][]int32{types})
	probabilities := m.opened.Model.Logits(x.Rows(m.pass.Ints(places))).Softmax().Floats()
	V := len(probabilities) / len(places)
	all := make([][]Filling, len(places))
	for i := range all {
		all[i] = m.likeliest(probabilities[i*V:(i+1)*V], n)
	}
	return all, nil
}

func (m *Masked) likeliest(p []float32, n int) []Filling {
	ids := make([]int32, len(p))
	for i := range ids {
		ids[i] = int32(i)
	}
	slices.SortFunc(ids, func(a, b int32) int { return cmp.Or(cmp.Compare(p[b], p[a]), cmp.Compare(a, b)) })
	list := make([]Filling, 0, n)
	for _, id := range ids[:min(n, len(ids))] {
		b, _ := m.tok.Token(id)
		list = append(list, Filling{id, string(b), p[id]})
	}
	return list
}

// embedRows is how many tokens a pass of [Masked.Embed] holds at most, more where
// one text has more.
const embedRows = 4096

// A TextError is what is wrong with one text of several.
type TextError struct {
	Index int // of the text, from 0
	Err   error
}

func (e *TextError) Error() string { return fmt.Sprintf("text %d: %v", e.Index+1, e.Err) }

// Unwrap returns Err.
func (e *TextError) Unwrap() error { return e.Err }

// Embed returns a vector for each text: the mean of its tokens' last activations,
// those around the text among them, scaled to length 1 (mean pooling: Reimers &
// Gurevych 2019, arXiv:1908.10084). Cosines of texts are products of their vectors.
// A text that the context does not hold is a [TextError].
func (m *Masked) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	var rows, types [][]int32
	var all [][]float32
	tokens := 0
	for i, text := range texts {
		ids, kinds, err := m.framed(text, false)
		if err != nil {
			return nil, &TextError{i, err}
		}
		rows, types, tokens = append(rows, ids), append(types, kinds), tokens+len(ids)
		if tokens >= embedRows || i == len(texts)-1 {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			all = append(all, m.pooled(rows, types)...)
			rows, types, tokens = rows[:0], types[:0], 0
		}
	}
	return all, nil
}

// pooled are the means of a pass's sequences. They are summed in float64, in the order of
// the rows.
func (m *Masked) pooled(rows, types [][]int32) [][]float32 {
	x := m.forward(rows, types)
	C := x.Dim(1)
	all, at := make([][]float32, len(rows)), 0
	values := x.Floats()
	for i, row := range rows {
		sum := make([]float64, C)
		for range row {
			for c := range sum {
				sum[c] += float64(values[at+c])
			}
			at += C
		}
		all[i] = unit(sum)
	}
	return all
}

// unit scales x to length 1.
func unit(x []float64) []float32 {
	squares := 0.0
	for _, v := range x {
		squares += v * v
	}
	y := make([]float32, len(x))
	for i, v := range x {
		y[i] = float32(v / max(math.Sqrt(squares), 1e-30))
	}
	return y
}

// A Neighbour is a text that is like another one.
type Neighbour struct {
	Index  int     `json:"index"` // among the vectors, from 0
	Cosine float64 `json:"cosine"`
}

// Nearest returns the n vectors most like query by their cosine, which for vectors
// of [Masked.Embed] is the product.
func Nearest(query []float32, vectors [][]float32, n int) []Neighbour {
	all := make([]Neighbour, len(vectors))
	for i, v := range vectors {
		dot := 0.0
		for c, x := range v {
			dot += float64(x) * float64(query[c])
		}
		all[i] = Neighbour{i, dot}
	}
	slices.SortStableFunc(all, func(a, b Neighbour) int { return cmp.Compare(b.Cosine, a.Cosine) })
	return all[:min(n, len(all))]
}

// MaskedEvaluateOptions say what [Masked.Evaluate] measures.
type MaskedEvaluateOptions struct {
	EvaluateOptions
	// Counted is the text whose unigrams and bigrams the baselines know: the model's
	// training text. Without it they count the measured text itself.
	Counted []string
}

// Evaluate measures how well the model names hidden tokens of a text, beside
// what a unigram and the bigrams of both neighbours name.
func (m *Masked) Evaluate(ctx context.Context, o MaskedEvaluateOptions) (*eval.MaskedMeasurement, error) {
	if err := m.need(bert.FillMask); err != nil {
		return nil, err
	}
	tokens, err := m.read(o, o.Data)
	if err != nil {
		return nil, err
	}
	counted := tokens
	if len(o.Counted) > 0 {
		if counted, err = m.read(o, o.Counted); err != nil {
			return nil, err
		}
	}
	r, err := eval.Masked(ctx, m.opened.Model, m.tok, tokens, eval.MaskedOptions{Context: o.Context, Counted: counted})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", named(o.Data), err)
	}
	return r, nil
}

// Title names what was measured.
func (o MaskedEvaluateOptions) Title() string { return strings.Join(o.Data, " ") }

func (m *Masked) read(o MaskedEvaluateOptions, paths []string) (corpus.IDs, error) {
	docs, _, err := corpus.Read(o.Stdin, paths...)
	if err != nil {
		return nil, err
	}
	sep, ok := m.tok.ID(tokenizer.SepToken)
	if !ok {
		sep = corpus.NoEnd
	}
	return corpus.Encode(m.tok, docs, sep), nil
}
