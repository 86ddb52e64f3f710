package main

import (
	"errors"
	"io"
	"strings"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/format"
)

// prepare reads the shared data and writes what is learned and what is tested: no test
// text is in a file that an encoder or a head learns from. With -dev a part of what is
// learned takes the place of the test, which is then used nowhere.
func (e *experiment) prepare() error {
	questions, err := corpus.Questions(nil, e.shared("qa-xquad", "xquad.en.json.gz"))
	if err != nil {
		return err
	}
	pairs, err := corpus.LabelledTexts(nil, e.shared("grade-short-answer", "stsb-zh-dev.csv.gz"))
	if err != nil {
		return err
	}
	tagged, err := corpus.TaggedTexts(nil, e.shared("safety-bias", "presidio-generated_small.json.gz"))
	if err != nil {
		return err
	}
	joinRare(tagged)
	p := parts{
		spans:    divide(questions, func(q corpus.Question) []string { return []string{q.Article} }, 4, e.dev),
		classify: divide(pairs, func(x corpus.Labelled) []string { return []string{x.Text, x.Pair} }, 5, e.dev),
		tokens:   divide(tagged, func(x corpus.Tagged) []string { return []string{x.Group, x.Text} }, 3, e.dev),
	}
	if e.small {
		p.spans, p.classify, p.tokens = p.spans.few(), p.classify.few(), p.tokens.few()
	}
	return errors.Join(e.writeTexts(pairs), e.writeTasks(p))
}

// rare is the fewest stretches that a label has; those of rarer ones are called other,
// for a split can leave nothing of them to learn from.
const rare = 5

func joinRare(all []corpus.Tagged) {
	count := map[string]int{}
	for _, x := range all {
		for _, s := range x.Spans {
			count[s.Label]++
		}
	}
	for _, x := range all {
		for i := range x.Spans {
			if s := &x.Spans[i]; count[s.Label] < rare {
				s.Label = "OTHER"
			}
		}
	}
}

// parts are the examples of the three tasks.
type parts struct {
	spans    part[corpus.Question]
	classify part[corpus.Labelled]
	tokens   part[corpus.Tagged]
}

// A part is the examples of a task.
type part[T any] struct{ learn, test []T }

func (p part[T]) few() part[T] {
	return part[T]{p.learn[:min(len(p.learn), 90)], p.test[:min(len(p.test), 8)]}
}

// divide puts one of m groups of examples aside for the test. Examples that have a key in
// common, directly or through others, are of one group.
func divide[T any](all []T, keys func(T) []string, m int, dev bool) (p part[T]) {
	group := make([]int, len(all))
	first := map[string]int{}
	root := func(i int) int {
		for group[i] != i {
			i = group[i]
		}
		return i
	}
	for i, x := range all {
		group[i] = i
		for _, key := range keys(x) {
			if j, ok := first[key]; ok && key != "" {
				a, b := root(i), root(j)
				group[max(a, b)] = min(a, b)
			} else {
				first[key] = i
			}
		}
	}
	number := map[int]int{}
	for i, x := range all {
		g := root(i)
		if _, ok := number[g]; !ok {
			number[g] = len(number)
		}
		switch k := number[g] % m; {
		case k == m-1 && !dev, k == m-2 && dev:
			p.test = append(p.test, x)
		case k < m-1:
			p.learn = append(p.learn, x)
		}
	}
	return p
}

// writeTexts writes the texts that encoders and warm-ups learn from: encyclopedia articles,
// and the Chinese side of translations, of which a sentence of the tasks is left out.
func (e *experiment) writeTexts(pairs []corpus.Labelled) error {
	wiki, err := e.text("lm-wikitext2", "valid.txt.gz")
	if err != nil {
		return err
	}
	articles, err := e.text("lm-wiki-c4-sample", "wiki_demo.txt.gz")
	if err != nil {
		return err
	}
	translations, err := corpus.Pairs(nil, e.shared("mt-tatoeba-en-zh", "en-zh.tsv.gz"))
	if err != nil {
		return err
	}
	cut := len(wiki) * 9 / 10
	cut += strings.IndexByte(wiki[cut:], '\n') + 1
	of := map[string]bool{}
	for _, x := range pairs {
		of[x.Text], of[x.Pair] = true, true
	}
	var chinese []string
	for _, t := range translations {
		if !of[t.Target] {
			chinese = append(chinese, t.Target+"\n")
		}
	}
	english, held := wiki[:cut]+articles, wiki[cut:]
	if e.small {
		english, chinese, held = english[:30000], chinese[:1500], held[:4000]
	}
	return errors.Join(e.write("english.txt", english), e.write("english-held.txt", held), e.write("chinese.txt", chinese...))
}

func (e *experiment) text(names ...string) (string, error) {
	docs, _, err := corpus.Read(nil, e.shared(names...))
	if err != nil {
		return "", err
	}
	return docs[0].Text, nil
}

func (e *experiment) write(name string, texts ...string) error {
	return format.WriteFile(e.path(name), func(w io.Writer) error {
		_, err := io.WriteString(w, strings.Join(texts, ""))
		return err
	})
}

// writeTasks writes each task's files in the form that a tuning reads.
func (e *experiment) writeTasks(p parts) error {
	return errors.Join(
		writeLines(e.path("classify-learn.jsonl"), p.classify.learn, labelledLine),
		writeLines(e.path("classify-test.jsonl"), p.classify.test, labelledLine),
		writeLines(e.path("tokens-learn.jsonl"), p.tokens.learn, taggedLine),
		writeLines(e.path("tokens-test.jsonl"), p.tokens.test, taggedLine),
		writeQuestions(e.path("spans-learn.json"), p.spans.learn),
		writeQuestions(e.path("spans-test.json"), p.spans.test),
	)
}
