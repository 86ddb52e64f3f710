package main

import (
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/inkstone-ai/inkstone/eval"
)

type reportRow = eval.Row

// A sentence has a label.
type sentence struct{ text, label string }

// readPairs reads CrowS-Pairs; every fifth pair is for testing.
func readPairs(path string) (learn, test []sentence, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, fmt.Errorf("the data are missing: %w", err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	rows, err := csv.NewReader(z).ReadAll()
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	const more, less, kind = 1, 2, 4
	for i, row := range rows[min(1, len(rows)):] {
		if len(row) <= kind || row[kind] == "" {
			return nil, nil, fmt.Errorf("%s: pair %d has no bias_type", path, i+1)
		}
		pair := []sentence{{row[more], row[kind]}, {row[less], row[kind]}}
		if i%5 == 4 {
			test = append(test, pair...)
		} else {
			learn = append(learn, pair...)
		}
	}
	if len(test) == 0 {
		return nil, nil, errors.New(path + ": no pairs")
	}
	return learn, test, nil
}

// mostFrequent is the accuracy on test, in per cent, of the most frequent label of learn.
func mostFrequent(learn, test []sentence) float64 {
	count := map[string]int{}
	best := ""
	for _, s := range learn {
		if count[s.label]++; count[s.label] > count[best] || count[s.label] == count[best] && s.label < best {
			best = s.label
		}
	}
	right := 0
	for _, s := range test {
		if s.label == best {
			right++
		}
	}
	return 100 * float64(right) / float64(len(test))
}

// conversations writes a question and its answer a line.
func conversations(w io.Writer, all []sentence) error {
	type message struct {
		Role    string `json:"role"`
		Content string `json:"content"`
	}
	e := json.NewEncoder(w)
	for _, s := range all {
		if err := e.Encode(map[string][]message{"messages": {{"user", s.text}, {"assistant", s.label}}}); err != nil {
			return err
		}
	}
	return nil
}

func sentences(w io.Writer, all []sentence) error {
	for _, s := range all {
		if _, err := fmt.Fprintln(w, s.text); err != nil {
			return err
		}
	}
	return nil
}
