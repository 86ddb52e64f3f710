package inkstone

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"
	"unicode"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/eval"
	"github.com/inkstone-ai/inkstone/generate"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/tokenizer"
)

// A Translator is a loaded encoder–decoder with its tokenizer. Its methods are
// called by one goroutine at a time.
type Translator struct {
	dir      string
	device   *tensor.Device
	loaded   *model.LoadedAs[model.EncoderDecoder]
	tok      tokenizer.Tokenizer
	end      int32
	reverse  bool
	searcher *generate.Translator
}

// LoadTranslator opens the folder of an encoder–decoder that [TrainTranslator]
// wrote. Errors: as of [Load].
func LoadTranslator(dir string, o *LoadOptions) (*Translator, error) {
	if o == nil {
		o = &LoadOptions{}
	}
	if err := tensor.CheckCPU(); err != nil {
		return nil, err
	}
	t := &Translator{dir: dir, device: tensor.CPU(o.Threads)}
	if err := t.open(); err != nil {
		return nil, errors.Join(err, t.Close())
	}
	return t, nil
}

func (t *Translator) open() (err error) {
	if t.loaded, err = model.LoadAs[model.EncoderDecoder](t.dir, t.device); err != nil {
		return err
	}
	if t.tok, err = OpenTokenizer(t.dir); err != nil {
		return err
	}
	if have, want := t.loaded.Model.Shape().Vocab, t.tok.Size(); have < want {
		return fmt.Errorf("%s: the tokenizer has %d ids, the model's vocabulary only %d", t.dir, want, have)
	}
	if len(t.loaded.Generation.EOS) == 0 {
		return fmt.Errorf("%s: generation_config.json names no end token, by which a sentence ends", t.dir)
	}
	t.end = t.loaded.Generation.EOS[0]
	if path := filepath.Join(t.dir, SettingsFile); exists(path) {
		s, err := ReadTranslatorSettings(path)
		if err != nil {
			return err
		}
		t.reverse = s.Reverse
	}
	model.Pack(t.loaded.Model)
	t.searcher = generate.NewTranslator(t.loaded.Model, 0)
	return nil
}

// Close gives the model's memory and threads back.
func (t *Translator) Close() error {
	var err error
	if t.searcher != nil {
		t.searcher.Close()
	}
	if t.loaded != nil {
		err = t.loaded.Close()
	}
	t.device.Close()
	return err
}

// Model returns the model, for whoever looks inside.
func (t *Translator) Model() model.EncoderDecoder { return t.loaded.Model }

// Tokenizer returns the model's tokenizer.
func (t *Translator) Tokenizer() tokenizer.Tokenizer { return t.tok }

// TranslateOptions say how a target is searched. The zero value is greedy.
type TranslateOptions struct {
	Beam          int     // hypotheses that are followed at once; 0: 1
	LengthPenalty float64 // α of Wu et al. 2016: above 0 longer targets are favoured; see [generate.SourceRequest]
	MaxTokens     int     // of a target; 0: four times the source's and forty more
	Sampling      generate.Sampling
}

// A Translation is the targets that a search came to, the best first.
type Translation struct {
	Source     string       `json:"source"`
	Hypotheses []Hypothesis `json:"hypotheses"`
}

// A Hypothesis is one target.
type Hypothesis struct {
	Text    string          `json:"text"`
	IDs     []int32         `json:"ids"`     // of Text, without the end token
	LogProb float64         `json:"logprob"` // natural logarithm of its probability
	Score   float64         `json:"score"`   // with the length penalty
	Finish  generate.Finish `json:"finish_reason"`
}

// Translate writes the targets of sources, many at once. The targets of a source
// do not depend on the others.
//
// Errors: an empty source; one that is longer than the model's context, by its number.
func (t *Translator) Translate(ctx context.Context, sources []string, o TranslateOptions) ([]Translation, error) {
	requests := make([]generate.SourceRequest, len(sources))
	for i, source := range sources {
		ids := t.tok.Encode(strings.TrimSpace(source))
		if len(ids) == 0 {
			return nil, fmt.Errorf("source %d: %w", i+1, errNoSource)
		}
		if ids = append(ids, t.end); len(ids) > t.loaded.Model.Shape().Context {
			return nil, fmt.Errorf("translate: source %d has %d tokens with its end, the model reads %d: cut it into sentences",
				i+1, len(ids), t.loaded.Model.Shape().Context)
		}
		requests[i] = generate.SourceRequest{
			Source: ids, Begin: t.end, End: []int32{t.end},
			Beam: o.Beam, LengthPenalty: o.LengthPenalty, MaxTokens: o.MaxTokens, Sampling: o.Sampling,
		}
	}
	found, err := t.searcher.Run(ctx, requests)
	if err != nil {
		return nil, err
	}
	all := make([]Translation, len(sources))
	for i, hypotheses := range found {
		all[i].Source = sources[i]
		for _, h := range hypotheses {
			all[i].Hypotheses = append(all[i].Hypotheses, Hypothesis{t.tok.Decode(h.IDs), h.IDs, h.LogProb, h.Score, h.Finish})
		}
	}
	return all, nil
}

// TranslationOptions say what to measure an encoder–decoder on.
type TranslationOptions struct {
	Data  []string  // pairs, as [TranslatorOptions] has them, in the columns that the model was trained on
	Stdin io.Reader // what "-" reads
	TranslateOptions
}

// A TranslationReport is how near a model's targets come to the pairs'.
type TranslationReport struct {
	Title   string         `json:"title"`
	Pairs   int            `json:"pairs"`
	BLEU    eval.BLEUScore `json:"bleu"`
	ChrF    eval.ChrFScore `json:"chrf"`
	Exact   int            `json:"exact"` // targets that are the pair's, letter by letter
	Cut     int            `json:"cut"`   // the model's targets that did not end by themselves
	Lengths []LengthScore  `json:"by_source_length"`
	Seconds float64        `json:"seconds"`
	Targets []string       `json:"-"` // the model's, in the pairs' order
}

// A LengthScore is the score of the pairs whose sources have From to To characters.
type LengthScore struct {
	From  int     `json:"from"`
	To    int     `json:"to"`
	Pairs int     `json:"pairs"`
	BLEU  float64 `json:"bleu"`
	ChrF  float64 `json:"chrf"`
}

// Evaluate translates the sources of pairs and compares with their targets: BLEU
// and chrF as sacreBLEU computes them, over all and by the length of the source.
func (t *Translator) Evaluate(ctx context.Context, o TranslationOptions) (*TranslationReport, error) {
	pairs, err := readPairs(o.Stdin, t.reverse, o.Data)
	if err != nil {
		return nil, err
	}
	sources := make([]string, len(pairs))
	for i, p := range pairs {
		sources[i] = p.Source
		if n := len(t.tok.Encode(p.Source)) + 1; n > t.loaded.Model.Shape().Context {
			return nil, fmt.Errorf("eval: %s: line %d: the source has %d tokens, the model reads %d", p.File, p.Line, n, t.loaded.Model.Shape().Context)
		}
	}
	began := time.Now()
	found, err := t.Translate(ctx, sources, o.TranslateOptions)
	if err != nil {
		return nil, err
	}
	targets, cut := make([]string, len(found)), 0
	for i, f := range found {
		targets[i] = f.Hypotheses[0].Text
		if f.Hypotheses[0].Finish != generate.Ended {
			cut++
		}
	}
	r := ScoreTranslations(pairs, targets)
	r.Title, r.Cut, r.Seconds = strings.Join(o.Data, " "), cut, time.Since(began).Seconds()
	return r, nil
}

// ScoreTranslations compares targets, whoever wrote them, with those of pairs. BLEU
// cuts Chinese signs apart where most letters of the pairs' targets are Chinese.
func ScoreTranslations(pairs []corpus.Pair, targets []string) *TranslationReport {
	r := &TranslationReport{Pairs: len(pairs), Targets: targets}
	references := make([]string, len(pairs))
	for i, p := range pairs {
		references[i] = p.Target
		if targets[i] == p.Target {
			r.Exact++
		}
	}
	cut := tokenization(references)
	r.BLEU, r.ChrF = eval.BLEU(targets, references, cut), eval.ChrF(targets, references)
	for _, span := range lengthSpans(pairs) {
		var got, want []string
		for i, p := range pairs {
			if n := len([]rune(p.Source)); n >= span[0] && n <= span[1] {
				got, want = append(got, targets[i]), append(want, references[i])
			}
		}
		r.Lengths = append(r.Lengths, LengthScore{span[0], span[1], len(got), eval.BLEU(got, want, cut).Score, eval.ChrF(got, want).Score})
	}
	return r
}

// tokenization is zh for sentences most of whose letters are Chinese.
func tokenization(sentences []string) eval.Tokenization {
	han, letters := 0, 0
	for _, s := range sentences {
		for _, r := range s {
			if unicode.Is(unicode.Han, r) {
				han++
			}
			if unicode.IsLetter(r) {
				letters++
			}
		}
	}
	if 2*han > letters {
		return eval.TokensZh
	}
	return eval.Tokens13a
}

// lengthSpans divides the sources' lengths in characters into four spans of about
// as many pairs.
func lengthSpans(pairs []corpus.Pair) (spans [][2]int) {
	counts, longest := map[int]int{}, 0
	for _, p := range pairs {
		n := len([]rune(p.Source))
		counts[n]++
		longest = max(longest, n)
	}
	from, have := 1, 0
	for n := 1; n <= longest; n++ {
		if have += counts[n]; n == longest || len(spans) < 3 && 4*have >= len(pairs)*(len(spans)+1) {
			spans = append(spans, [2]int{from, n})
			from = n + 1
		}
	}
	return spans
}
