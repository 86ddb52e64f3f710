package inkstone

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/eval"
	"github.com/inkstone-ai/inkstone/model/wordvec"
	"github.com/inkstone-ai/inkstone/tokenizer"
)

// Evaluate measures vectors: on a file of analogies or of pairs with scores (see
// [wordvec.ReadQuestions]) the share of analogies answered and the correlation with
// people's scores; on text the loss that training had. A file that is neither is
// text; vectors that come from a file have no loss.
func (v *Vectors) Evaluate(ctx context.Context, o EvaluateOptions) (eval.Report, error) {
	questions, err := questionFiles(o)
	if err != nil {
		return eval.Report{}, err
	}
	if questions == nil {
		return v.evaluateText(ctx, o)
	}
	r := eval.Report{Title: strings.Join(o.Data, " ")}
	if len(questions.Analogies) > 0 {
		if err := v.reportAnalogies(&r, questions.Analogies); err != nil {
			return r, err
		}
	}
	if n := len(questions.Pairs); n > 0 {
		rho, asked := v.Correlation(questions.Pairs)
		if asked < 3 {
			return r, fmt.Errorf("vectors: %s: the vectors have the words of %d of %d pairs, too few to compare", named(o.Data), asked, n)
		}
		r.Number("similarity, Spearman's correlation", "", rho)
		r.Number("pairs compared", "", float64(asked))
		if asked < n {
			r.Note("%d pairs have a word without a vector and were not compared", n-asked)
		}
	}
	return r, nil
}

func (v *Vectors) reportAnalogies(r *eval.Report, all []wordvec.Analogy) error {
	sections, err := v.AnswerAnalogies(all)
	if err != nil {
		return err
	}
	right, asked, unknown := 0, 0, 0
	for _, s := range sections {
		if s.Asked > 0 && len(sections) > 1 {
			r.Share(or(s.Name, "analogies"), s.Right, s.Asked)
		}
		right, asked, unknown = right+s.Right, asked+s.Asked, unknown+s.Unknown
	}
	if asked == 0 {
		return fmt.Errorf("vectors: none of the %d analogies has four words with a vector; capitals count", len(all))
	}
	r.Share("analogies answered", right, asked)
	if unknown > 0 {
		r.Note("%d analogies have a word without a vector and were not asked", unknown)
	}
	return nil
}

// questionFiles reads the files if the first of them is of questions, else nil.
func questionFiles(o EvaluateOptions) (*wordvec.Questions, error) {
	files, _, err := corpus.Files(o.Data...)
	if err != nil {
		return nil, err
	}
	all := &wordvec.Questions{}
	for i, path := range files {
		if path == "-" || strings.HasSuffix(path, ".gz") {
			if i == 0 {
				return nil, nil
			}
			return nil, fmt.Errorf("vectors: %s: questions are read from plain files", path)
		}
		q, err := readQuestions(path)
		if err != nil {
			return nil, err
		}
		switch {
		case q == nil && i == 0:
			return nil, nil
		case q == nil:
			return nil, fmt.Errorf("vectors: %s is text and %s questions: evaluate them apart", path, files[0])
		}
		all.Analogies, all.Pairs = append(all.Analogies, q.Analogies...), append(all.Pairs, q.Pairs...)
	}
	return all, nil
}

// readQuestions reads a file whose beginning looks like questions; nil if it does not.
func readQuestions(path string) (_ *wordvec.Questions, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("vectors: %w", err)
	}
	defer f.Close()
	head := make([]byte, 4096)
	n, err := io.ReadFull(f, head)
	if err != nil && err != io.ErrUnexpectedEOF && err != io.EOF {
		return nil, fmt.Errorf("vectors: %w", err)
	}
	if !wordvec.LooksLikeQuestions(string(head[:n])) {
		return nil, nil
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("vectors: %w", err)
	}
	return wordvec.ReadQuestions(f, path)
}

// evaluateText measures the model's own loss.
func (v *Vectors) evaluateText(ctx context.Context, o EvaluateOptions) (eval.Report, error) {
	r := eval.Report{Title: strings.Join(o.Data, " ")}
	if v.model == nil {
		return r, fmt.Errorf("vectors: %s is a file of vectors, which has no loss on text: evaluate it on analogies or pairs with scores", v.path)
	}
	docs, skipped, err := corpus.Read(o.Stdin, o.Data...)
	if err != nil {
		return r, err
	}
	end, ok := v.tok.ID(EndOfText)
	if !ok {
		return r, fmt.Errorf("vectors: %s: its tokenizer has no %s", v.path, EndOfText)
	}
	ids := runningWords(v.tok, docs, end)
	loss, err := v.loss(ctx, ids, end)
	if err != nil {
		return r, fmt.Errorf("%s: %w", named(o.Data), err)
	}
	r.Number("loss", "nats per pair", loss)
	if _, glove := v.model.(*wordvec.GloVe); glove {
		r.Rows[0].Unit = "squared, per pair"
	}
	r.Number("words", "", float64(len(ids)-len(docs)))
	if unknown, ok := v.tok.ID(tokenizer.Unknown); ok {
		n := 0
		for _, id := range ids {
			if id == unknown {
				n++
			}
		}
		r.Share("unknown words", n, len(ids)-len(docs))
	}
	if len(skipped) > 0 {
		r.Note("not read (hidden, a link to a folder, or no file): %d, the first is %s", len(skipped), skipped[0])
	}
	return r, nil
}

func (v *Vectors) loss(ctx context.Context, ids corpus.IDs, end int32) (float64, error) {
	switch m := v.model.(type) {
	case *wordvec.GloVe:
		return leastSquares(ctx, v.device, m, wordvec.CountCooccurrences(ids, m.Config().(wordvec.GloVeConfig).Window, end, 0))
	case *wordvec.Word2Vec:
		c := m.Config().(wordvec.Word2VecConfig)
		sampler, err := wordvec.NewSampler(c, m.Counts.W.Floats(), 0, end)
		if err != nil {
			return 0, fmt.Errorf("%s has no counts of words, as folders made by an import: it has no loss: %w", v.path, err)
		}
		return negativeLoss(ctx, v.device, m, sampler, ids, len(ids))
	}
	panic(fmt.Sprintf("inkstone: no loss for %T", v.model))
}
