package corpus

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A Labelled is a text, or a pair of texts, with a label or a score.
type Labelled struct {
	File  string
	Line  int     // from 1
	Text  string  //
	Pair  string  // "": there is one text alone
	Label string  // "" where there is a score
	Score float64 // of a pair's likeness, for example
}

// LabelledTexts reads files of labelled texts: JSON lines {"text": …, "pair": …,
// "label": …}, where pair may be absent and label is a string or a number; or, by
// the endings .csv and .tsv, the STS benchmark's seven columns with tabs between
// them: genre, file, year, number, score, two sentences. Names that end in .gz are
// decompressed. Blank lines are none.
//
// Malformed lines, those without a label among them, are an error that names file,
// line and reason of the first ten. Labels and scores in one corpus are an error.
func LabelledTexts(stdin io.Reader, paths ...string) ([]Labelled, error) {
	all, err := readLabelled(stdin, paths, func(file, line string) (Labelled, error) {
		if ext := filepath.Ext(strings.TrimSuffix(file, ".gz")); ext == ".csv" || ext == ".tsv" {
			return parseSTS(line)
		}
		return parseLabelled([]byte(line))
	})
	if err != nil {
		return nil, err
	}
	for _, x := range all {
		if (x.Label == "") != (all[0].Label == "") {
			return nil, fmt.Errorf("corpus: %s: line %d has a label and %s line %d a score, or the other way round: a corpus has one of them",
				x.File, x.Line, all[0].File, all[0].Line)
		}
	}
	return all, nil
}

// readLabelled reads the lines of files with parse and reports the first bad ones.
func readLabelled(stdin io.Reader, paths []string, parse func(file, line string) (Labelled, error)) (all []Labelled, err error) {
	files, _, err := Files(paths...)
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		data, err := readAll(file, stdin)
		if err != nil {
			return nil, fmt.Errorf("corpus: %w", err)
		}
		var wrong []error
		n := len(all)
		for number, line := range lines(string(data)) {
			x, err := parse(file, line)
			if err == nil {
				x.File, x.Line = file, number
				all = append(all, x)
			} else if wrong = append(wrong, fmt.Errorf("corpus: %s: line %d: %w", file, number, err)); len(wrong) == reported {
				break
			}
		}
		switch {
		case len(wrong) > 0:
			return nil, errors.Join(wrong...)
		case len(all) == n:
			return nil, fmt.Errorf("corpus: %s: no labelled text in it", file)
		}
	}
	return all, nil
}

func parseLabelled(line []byte) (Labelled, error) {
	var r struct {
		Text  string          `json:"text"`
		Pair  string          `json:"pair"`
		Label json.RawMessage `json:"label"`
	}
	if err := decodeObject(line, &r); err != nil {
		return Labelled{}, err
	}
	x := Labelled{Text: r.Text, Pair: r.Pair}
	switch {
	case strings.TrimSpace(r.Text) == "":
		return x, errors.New(`no "text" in it`)
	case len(r.Label) == 0 || string(r.Label) == "null" || string(r.Label) == `""`:
		return x, errors.New(`no "label" in it`)
	case json.Unmarshal(r.Label, &x.Label) == nil, json.Unmarshal(r.Label, &x.Score) == nil:
		return x, nil
	}
	return x, fmt.Errorf("the label %s is neither a string nor a number", r.Label)
}

func parseSTS(line string) (x Labelled, err error) {
	f := strings.Split(strings.TrimRight(line, "\r\n"), "\t")
	if len(f) != 7 {
		return x, fmt.Errorf("%d columns between tabs, the STS form has 7", len(f))
	}
	if err := checkText([]byte(line)); err != nil {
		return x, err
	}
	x.Text, x.Pair = f[5], f[6]
	if strings.TrimSpace(x.Text) == "" || strings.TrimSpace(x.Pair) == "" {
		return x, errors.New("a sentence is empty")
	}
	if strings.TrimSpace(f[4]) == "" {
		return x, errors.New("there is no score")
	}
	if x.Score, err = strconv.ParseFloat(f[4], 64); err != nil || math.IsNaN(x.Score) || math.IsInf(x.Score, 0) {
		return x, fmt.Errorf("the score %q is no number", f[4])
	}
	return x, nil
}

// A Span is a stretch of a text, in bytes, with a label.
type Span struct {
	From, To int
	Label    string
}

// A Tagged is a text in which some stretches have labels.
type Tagged struct {
	File  string
	Line  int // of the record, or its number in a list, from 1
	Text  string
	Spans []Span
	Group string // texts of one group are alike; "": of none
}

// TaggedTexts reads texts with labelled stretches: JSON lines {"text": …,
// "spans": [{"start": …, "end": …, "label": …}]}, or one JSON list of objects with
// full_text, spans of start_position, end_position and entity_type, and
// template_id. Positions count characters.
//
// A record that is malformed, or whose stretch lies outside the text, overlaps
// another or has no label, is an error that names file and record.
func TaggedTexts(stdin io.Reader, paths ...string) (all []Tagged, err error) {
	files, _, err := Files(paths...)
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		data, err := readAll(file, stdin)
		if err != nil {
			return nil, fmt.Errorf("corpus: %w", err)
		}
		found, err := tagged(file, string(data))
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			return nil, fmt.Errorf("corpus: %s: no text in it", file)
		}
		all = append(all, found...)
	}
	return all, nil
}

// taggedRecord has the fields of both forms.
type taggedRecord struct {
	Text     *string         `json:"text"`
	FullText *string         `json:"full_text"`
	Template json.RawMessage `json:"template_id"`
	Spans    []struct {
		Start  *int    `json:"start"`
		End    *int    `json:"end"`
		Label  *string `json:"label"`
		Start2 *int    `json:"start_position"`
		End2   *int    `json:"end_position"`
		Label2 *string `json:"entity_type"`
	} `json:"spans"`
}

func tagged(file, text string) (all []Tagged, err error) {
	if strings.HasPrefix(strings.TrimSpace(strings.TrimPrefix(text, "\ufeff")), "[") {
		var list []taggedRecord
		if err := decodeFile([]byte(text), &list); err != nil {
			return nil, fmt.Errorf("corpus: %s: %w", file, err)
		}
		for i, r := range list {
			t, err := r.tagged()
			if err != nil {
				return nil, fmt.Errorf("corpus: %s: record %d: %w", file, i+1, err)
			}
			t.File, t.Line = file, i+1
			all = append(all, t)
		}
		return all, nil
	}
	for number, line := range lines(text) {
		var r taggedRecord
		err := decodeObject([]byte(line), &r)
		var t Tagged
		if err == nil {
			t, err = r.tagged()
		}
		if err != nil {
			return nil, fmt.Errorf("corpus: %s: line %d: %w", file, number, err)
		}
		t.File, t.Line = file, number
		all = append(all, t)
	}
	return all, nil
}

func (r *taggedRecord) tagged() (t Tagged, err error) {
	switch {
	case r.Text != nil:
		t.Text = *r.Text
	case r.FullText != nil:
		t.Text = *r.FullText
	}
	if t.Group = string(r.Template); t.Group == "null" {
		t.Group = ""
	}
	if strings.TrimSpace(t.Text) == "" {
		return t, errors.New("no text in it")
	}
	if r.Spans == nil {
		return t, errors.New(`no "spans" in it, which may be an empty list`)
	}
	at := offsets(t.Text)
	taken := make([]bool, len(t.Text))
	for i, s := range r.Spans {
		from, to, label := first(s.Start, s.Start2), first(s.End, s.End2), first(s.Label, s.Label2)
		switch {
		case from == nil || to == nil:
			return t, fmt.Errorf("span %d has no start or no end", i+1)
		case label == nil || *label == "":
			return t, fmt.Errorf("span %d has no label", i+1)
		case *from < 0 || *to >= len(at) || *from >= *to:
			return t, fmt.Errorf("span %d is characters %d to %d of a text of %d", i+1, *from, *to, len(at)-1)
		}
		span := Span{at[*from], at[*to], *label}
		for b := span.From; b < span.To; b++ {
			if taken[b] {
				return t, fmt.Errorf("span %d overlaps another", i+1)
			}
			taken[b] = true
		}
		t.Spans = append(t.Spans, span)
	}
	return t, nil
}

func first[T any](a, b *T) *T {
	if a != nil {
		return a
	}
	return b
}

// offsets are the bytes at which a text's characters begin, and its length.
func offsets(text string) (at []int) {
	for i := range text {
		at = append(at, i)
	}
	return append(at, len(text))
}

// A Question is one about a passage that holds its answer.
type Question struct {
	File    string
	Number  int    // in its file, from 1
	Article string // title
	Context string // the passage
	Text    string // the question
	Answers []Span // where the passage holds it; the labels are the answers
}

// Questions reads files in SQuAD's form (Rajpurkar et al. 2016, arXiv:1606.05250).
// A question without an answer, or whose answer does not stand in the passage at
// its place, is an error that names file and question.
func Questions(stdin io.Reader, paths ...string) (all []Question, err error) {
	files, _, err := Files(paths...)
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		data, err := readAll(file, stdin)
		if err != nil {
			return nil, fmt.Errorf("corpus: %w", err)
		}
		found, err := questions(file, data)
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			return nil, fmt.Errorf("corpus: %s: no question in it", file)
		}
		all = append(all, found...)
	}
	return all, nil
}

func questions(file string, data []byte) (all []Question, err error) {
	var squad struct {
		Data []struct {
			Title      string `json:"title"`
			Paragraphs []struct {
				Context string `json:"context"`
				QAs     []struct {
					ID       string `json:"id"`
					Question string `json:"question"`
					Answers  []struct {
						Start int    `json:"answer_start"`
						Text  string `json:"text"`
					} `json:"answers"`
				} `json:"qas"`
			} `json:"paragraphs"`
		} `json:"data"`
	}
	if err := decodeFile(data, &squad); err != nil {
		return nil, fmt.Errorf("corpus: %s: %w", file, err)
	}
	for _, article := range squad.Data {
		for _, p := range article.Paragraphs {
			at := offsets(p.Context)
			for _, q := range p.QAs {
				x := Question{File: file, Number: len(all) + 1, Article: article.Title, Context: p.Context, Text: q.Question}
				if len(q.Answers) == 0 || strings.TrimSpace(q.Question) == "" {
					return nil, fmt.Errorf("corpus: %s: question %d (%s) has no text or no answer", file, x.Number, q.ID)
				}
				for _, a := range q.Answers {
					if a.Start < 0 || a.Start >= len(at) || a.Text == "" || !strings.HasPrefix(p.Context[at[a.Start]:], a.Text) {
						return nil, fmt.Errorf("corpus: %s: question %d (%s): the answer %q does not stand at character %d", file, x.Number, q.ID, a.Text, a.Start)
					}
					x.Answers = append(x.Answers, Span{at[a.Start], at[a.Start] + len(a.Text), a.Text})
				}
				all = append(all, x)
			}
		}
	}
	return all, nil
}

// WordSpans are the words of a text, in bytes: runs of letters, marks and numbers
// between blanks, every other character and every Han sign alone.
func WordSpans(text string) (words []Span) {
	open := false
	for i, r := range text {
		end := i + utf8.RuneLen(r)
		if r == utf8.RuneError {
			_, n := utf8.DecodeRuneInString(text[i:])
			end = i + n
		}
		switch {
		case unicode.IsSpace(r):
			open = false
		case !unicode.Is(unicode.Han, r) && (unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsMark(r)):
			if open {
				words[len(words)-1].To = end
				continue
			}
			words, open = append(words, Span{From: i, To: end}), true
		default:
			words, open = append(words, Span{From: i, To: end}), false
		}
	}
	return words
}
