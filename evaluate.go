package inkstone

import (
	"context"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/eval"
	"github.com/inkstone-ai/inkstone/generate"
	"github.com/inkstone-ai/inkstone/tokenizer"
)

// EvaluateOptions say what to measure a model on. The zero value of all but
// Data works.
type EvaluateOptions struct {
	Data    []string  // text, or JSON lines of conversations
	Stdin   io.Reader // what "-" reads
	Context int       // tokens of a window; 0: the model's, or a state carried along of a recurrent one
	Stride  int       // tokens between windows; 0: Context, they do not overlap

	// Perturb harms the users' messages of conversations; the zero value does not.
	Perturb corpus.Perturbation
}

// Evaluate measures the model: on text its loss, perplexity, bits per byte and
// per character, and speed; on conversations ({"messages": […]} lines) the exact
// match of the assistant's turns, each asked with the true messages before it.
func (m *Model) Evaluate(ctx context.Context, o EvaluateOptions) (eval.Report, error) {
	conversations, err := o.conversations()
	if err != nil {
		return eval.Report{}, err
	}
	if conversations {
		return m.exactMatch(ctx, o)
	}
	if o.Perturb.Kind != "" {
		return eval.Report{}, fmt.Errorf("eval: %s is text: questions are perturbed, in conversations alone", named(o.Data))
	}
	docs, skipped, err := corpus.Read(o.Stdin, o.Data...)
	if err != nil {
		return eval.Report{}, err
	}
	m.pack()
	measured, err := eval.Language(ctx, m.loaded.LM, m.tok, m.encode(docs), eval.Options{Context: o.Context, Stride: o.Stride})
	if err != nil {
		return eval.Report{}, fmt.Errorf("%s: %w", named(o.Data), err)
	}
	if math.IsNaN(measured.Loss) || math.IsInf(measured.Loss, 0) {
		return eval.Report{}, fmt.Errorf("eval: %s on %s: the loss is %v, which is no number: the weights have such, or some are far too large", m.dir, named(o.Data), measured.Loss)
	}
	r := measured.Report(strings.Join(o.Data, " "))
	if begin := tokenizer.Begin(m.tok); len(begin) > 0 {
		r.Note("each text begins with %s, as the tokenizer's file says; that is not predicted", m.tok.Decode(begin))
	}
	if len(skipped) > 0 {
		r.Note("not read (hidden, a link to a folder, or no file): %d, the first is %s", len(skipped), skipped[0])
	}
	return r, nil
}

// encode joins documents, each with what begins a text by the tokenizer's file, and with its end; one text has
// no end.
func (m *Model) encode(docs []corpus.Document) corpus.IDs {
	end, ok := m.tok.ID(EndOfText)
	if !ok {
		end = corpus.NoEnd
	}
	tokens := corpus.EncodeBegun(m.tok, docs, end)
	if len(docs) == 1 && end != corpus.NoEnd {
		tokens = tokens[:len(tokens)-1]
	}
	return tokens
}

// conversations reports whether the data are {"messages": […]} lines, by the
// first record of each JSON-lines file and of standard input; mixed data are an error.
func (o *EvaluateOptions) conversations() (bool, error) {
	files, _, err := corpus.Files(o.Data...)
	if err != nil {
		return false, err
	}
	n, text := 0, ""
	for _, f := range files {
		is, err := corpus.IsConversations(f)
		if f == "-" && o.Stdin != nil {
			is, o.Stdin, err = corpus.Sniff(o.Stdin)
		}
		if err != nil {
			return false, err
		}
		if is {
			n++
		} else {
			text = f
		}
	}
	if n > 0 && text != "" {
		return false, fmt.Errorf("eval: %d of %d files are conversations, %s is not: evaluate them apart", n, len(files), text)
	}
	return n > 0, nil
}

func (m *Model) exactMatch(ctx context.Context, o EvaluateOptions) (eval.Report, error) {
	if err := m.converses(); err != nil {
		return eval.Report{}, err
	}
	conversations, err := corpus.Conversations(o.Stdin, o.Data...)
	if err != nil {
		return eval.Report{}, err
	}
	m.pack()
	cache, err := m.cacheType() // that answers have
	if err != nil {
		return eval.Report{}, err
	}
	e, err := generate.NewEngine(m.loaded.LM, generate.Options{Slots: 32, Context: o.Context, Rows: 2048, CacheType: cache})
	if err != nil {
		return eval.Report{}, err
	}
	defer e.Close()
	asker := &eval.Asker{Engine: e, Tokenizer: m.tok, Template: m.template, End: m.ends()}
	questions := eval.Questions(conversations)
	if o.Perturb.Kind != "" {
		questions = eval.Perturbed(questions, o.Perturb)
	}
	answers, err := asker.Answer(ctx, questions)
	if err != nil {
		return eval.Report{}, err
	}
	r := eval.ExactMatch(strings.Join(o.Data, " "), answers)
	if o.Perturb.Kind != "" {
		r.Note("questions perturbed: %s, rate %g, seed %d", o.Perturb.Kind, o.Perturb.Rate, o.Perturb.Seed)
	}
	return r, nil
}

// ends are the tokens that end a text or a turn, as the folder says.
func (m *Model) ends() []int32 { return m.loaded.Generation.EOS }

func errNoTemplate(dir string) error {
	return fmt.Errorf("model: %s has no chat template, so it was not trained to converse; a tuning makes one that is", dir)
}
