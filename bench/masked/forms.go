package main

import (
	"encoding/json"
	"io"
	"unicode/utf8"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/format"
)

// writeLines writes examples as JSON lines.
func writeLines[T any](path string, all []T, line func(T) any) error {
	return format.WriteFile(path, func(w io.Writer) error {
		j := json.NewEncoder(w)
		for _, x := range all {
			if err := j.Encode(line(x)); err != nil {
				return err
			}
		}
		return nil
	})
}

func labelledLine(x corpus.Labelled) any {
	return map[string]any{"text": x.Text, "pair": x.Pair, "label": x.Score}
}

// taggedLine counts positions in characters.
func taggedLine(x corpus.Tagged) any {
	spans := []map[string]any{}
	for _, s := range x.Spans {
		spans = append(spans, map[string]any{
			"start": utf8.RuneCountInString(x.Text[:s.From]), "end": utf8.RuneCountInString(x.Text[:s.To]), "label": s.Label,
		})
	}
	return map[string]any{"text": x.Text, "spans": spans, "template_id": x.Group}
}

// writeQuestions writes SQuAD's form, a paragraph for each question.
func writeQuestions(path string, all []corpus.Question) error {
	type list []map[string]any
	var data list
	for _, q := range all {
		var answers list
		for _, a := range q.Answers {
			answers = append(answers, map[string]any{"answer_start": utf8.RuneCountInString(q.Context[:a.From]), "text": a.Label})
		}
		data = append(data, map[string]any{"title": q.Article, "paragraphs": list{{
			"context": q.Context, "qas": list{{"question": q.Text, "answers": answers}},
		}}})
	}
	return format.WriteFile(path, func(w io.Writer) error {
		return json.NewEncoder(w).Encode(map[string]any{"data": data})
	})
}
