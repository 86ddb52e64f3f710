package corpus_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/internal/testkit"
)

func file(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLabelledTexts(t *testing.T) {
	path := file(t, "a.jsonl", "{\"text\":\"good\",\"label\":\"yes\"}\n\n{\"text\":\"bad\",\"pair\":\"worse\",\"label\":\"no\"}\n")
	got, err := corpus.LabelledTexts(nil, path)
	if err != nil {
		t.Fatal(err)
	}
	want := []corpus.Labelled{{File: path, Line: 1, Text: "good", Label: "yes"}, {File: path, Line: 3, Text: "bad", Pair: "worse", Label: "no"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got: %s", diff)
	}
	for _, tt := range []struct{ name, text, says string }{
		{"a.jsonl", "{\"text\":\"a\",\"label\":\"x\"}\n{\"text\":\"b\"}\n", `a.jsonl: line 2: no "label" in it`},
		{"a.jsonl", `{"text":"a","label":""}`, `line 1: no "label"`},
		{"a.jsonl", `{"label":"x"}`, `line 1: no "text"`},
		{"a.jsonl", `{"text":"a","label":[1]}`, "neither a string nor a number"},
		{"a.jsonl", "{\"text\":\"a\",\"label\":1}\n{\"text\":\"b\",\"label\":\"x\"}\n", "line 2 has a label"},
		{"a.jsonl", "\n", "no labelled text"},
		{"a.csv", "g\tf\ty\t1\t4.5\ta\tb\ng\tf\ty\t2\t\ta\tb\n", "a.csv: line 2: there is no score"},
		{"a.csv", "g\tf\ty\t1\tx\ta\tb\n", `the score "x" is no number`},
		{"a.csv", "g\tf\ty\t1\t1\ta\n", "6 columns"},
		{"a.csv", "g\tf\ty\t1\t1\ta\t \n", "a sentence is empty"},
		{"a.csv", "g\tf\ty\t1\t1\ta\xff\tb\n", "a.csv: line 1: not UTF-8 text"},
		{"a.csv", "g\tf\ty\t1\t1\ta\x00\tb\n", "a.csv: line 1: a binary file"},
	} {
		if _, err := corpus.LabelledTexts(nil, file(t, tt.name, tt.text)); err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%q: %v, want %q", tt.text, err, tt.says)
		}
	}
}

func TestTaggedTexts(t *testing.T) {
	path := file(t, "a.jsonl", `{"text":"Zoë met 李白.","spans":[{"start":8,"end":10,"label":"PERSON"},{"start":0,"end":3,"label":"PERSON"}]}`)
	got, err := corpus.TaggedTexts(nil, path)
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	for _, s := range got[0].Spans {
		said = append(said, got[0].Text[s.From:s.To])
	}
	if diff := cmp.Diff([]string{"李白", "Zoë"}, said); diff != "" {
		t.Errorf("stretches -want +got: %s", diff)
	}
	for text, says := range map[string]string{
		`{"text":"a"}`:           `line 1: no "spans" in it`,
		`{"text":"","spans":[]}`: "no text in it",
		`{"text":"ab","spans":[{"start":0,"end":3,"label":"X"}]}`:                                 "characters 0 to 3 of a text of 2",
		`{"text":"ab","spans":[{"start":0,"end":1}]}`:                                             "span 1 has no label",
		`{"text":"ab","spans":[{"start":0,"label":"X"}]}`:                                         "no start or no end",
		`{"text":"ab","spans":[{"start":0,"end":2,"label":"X"},{"start":1,"end":2,"label":"Y"}]}`: "span 2 overlaps",
		`[{"full_text":"ab","spans":[{"start_position":5,"end_position":6,"entity_type":"X"}]}]`:  "record 1: span 1 is characters 5 to 6",
	} {
		if _, err := corpus.TaggedTexts(nil, file(t, "a.jsonl", text)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, want %q", text, err, says)
		}
	}
}

func TestQuestions(t *testing.T) {
	squad := func(start, answer string) string {
		return `{"data":[{"title":"T","paragraphs":[{"context":"Où est 李白?","qas":[{"id":"q","question":"Who?","answers":[{"answer_start":` + start + `,"text":"` + answer + `"}]}]}]}]}`
	}
	got, err := corpus.Questions(nil, file(t, "a.json", squad("7", "李白")))
	if err != nil {
		t.Fatal(err)
	}
	if q := got[0]; q.Context[q.Answers[0].From:q.Answers[0].To] != "李白" || q.Article != "T" || q.Number != 1 {
		t.Errorf("%+v", q)
	}
	for _, bad := range []string{squad("6", "李白"), squad("99", "x"), squad("0", ""), `{"data":[]}`, `{`,
		`{"data":[{"paragraphs":[{"context":"a","qas":[{"question":"b?","answers":[]}]}]}]}`} {
		if _, err := corpus.Questions(nil, file(t, "a.json", bad)); err == nil || !strings.Contains(err.Error(), "a.json") {
			t.Errorf("%s: %v, want an error that names the file", bad, err)
		}
	}
}

// TestFilesOfOneValue: a byte order mark is none of the JSON; what is malformed is named
// by its line; bytes that are no text are not read as something else.
func TestFilesOfOneValue(t *testing.T) {
	squad := `{"data":[{"paragraphs":[{"context":"ab","qas":[{"question":"b?","answers":[{"answer_start":0,"text":"a"}]}]}]}]}`
	if got, err := corpus.Questions(nil, file(t, "q.json", "\ufeff"+squad)); err != nil || len(got) != 1 {
		t.Errorf("questions behind a byte order mark: %v, %v", got, err)
	}
	list := `[{"full_text":"ab","spans":[]}]`
	if got, err := corpus.TaggedTexts(nil, file(t, "t.json", "\ufeff"+list)); err != nil || len(got) != 1 {
		t.Errorf("texts behind a byte order mark: %v, %v", got, err)
	}
	for text, says := range map[string]string{
		"[\n{\"full_text\":\"a\",\n\"spans\":]}]":     "a.json: line 3: invalid character",
		"[\n{\"full_text\":3}]":                       "a.json: line 2: json: cannot unmarshal number",
		"[{\"full_text\":\"a\xff\",\"spans\":[]}]":    "a.json: not UTF-8 text: 0xff at byte 16",
		"[\n{\"full_text\":\"a\",\"spans\":[]},\n{\"": "a.json: line 3: unexpected end",
	} {
		if _, err := corpus.TaggedTexts(nil, file(t, "a.json", text)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, want %q", text, err, says)
		}
	}
	for text, says := range map[string]string{
		"{\n\"data\":\n[}":                       "a.json: line 3: invalid character",
		strings.Replace(squad, "b?", "b\xfe", 1): "a.json: not UTF-8 text: 0xfe at byte",
	} {
		if _, err := corpus.Questions(nil, file(t, "a.json", text)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, want %q", text, err, says)
		}
	}
}

func TestLines(t *testing.T) {
	got, err := corpus.Lines(nil, file(t, "a.txt", "\ufeffone\r\n\n  two \nthree"))
	want := []corpus.Line{{Number: 1, Text: "one"}, {Number: 3, Text: "two"}, {Number: 4, Text: "three"}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v, -want +got: %s", err, diff)
	}
	for text, says := range map[string]string{
		"": "no line of text in it", "\n \n": "no line of text in it",
		"a\n\nb\xff\n": "a.txt: line 3: not UTF-8 text", "a\nb\x00\n": "a.txt: line 2: a binary file",
	} {
		if _, err := corpus.Lines(nil, file(t, "a.txt", text)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, want %q", text, err, says)
		}
	}
}

// TestLabelledData reads the shared corpora whole.
func TestLabelledData(t *testing.T) {
	texts, err := corpus.LabelledTexts(nil, testkit.Data(t, "grade-short-answer/stsb-zh-dev.csv.gz"))
	if err != nil || len(texts) < 1400 {
		t.Errorf("%d pairs, %v", len(texts), err)
	}
	tags, err := corpus.TaggedTexts(nil, testkit.Data(t, "safety-bias/presidio-generated_small.json.gz"))
	if err != nil || len(tags) != 100 {
		t.Errorf("%d texts, %v, want 100", len(tags), err)
	}
	questions, err := corpus.Questions(nil, testkit.Data(t, "qa-xquad/xquad.en.json.gz"))
	if err != nil || len(questions) != 612 {
		t.Errorf("%d questions, %v, want 612", len(questions), err)
	}
}

func FuzzLabelled(f *testing.F) {
	f.Add(`{"text":"a","label":1}`)
	f.Add("g\tf\ty\t1\t4.5\ta\tb\n")
	f.Add(`{"text":"ab","spans":[{"start":0,"end":1,"label":"X"}]}`)
	f.Add(`{"data":[{"paragraphs":[{"context":"a","qas":[{"question":"b?","answers":[{"answer_start":0,"text":"a"}]}]}]}]}`)
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text string) {
		for _, name := range []string{"a.jsonl", "a.csv"} {
			path := filepath.Join(dir, name)
			if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
				t.Fatal(err)
			}
			corpus.LabelledTexts(nil, path)
			corpus.Questions(nil, path)
			tags, err := corpus.TaggedTexts(nil, path)
			for _, x := range tags {
				for _, s := range x.Spans {
					if err == nil && x.Text[s.From:s.To] == "" {
						t.Fatal("an empty stretch")
					}
				}
			}
		}
		for _, w := range corpus.WordSpans(text) {
			if w.From >= w.To || w.To > len(text) {
				t.Fatalf("word %v of %q", w, text)
			}
		}
	})
}

// TestWordSpans by hand: letters with their marks and numbers together, Han signs and
// punctuation each alone, bytes that are no text too.
func TestWordSpans(t *testing.T) {
	for text, want := range map[string]string{
		"the cat's 3rd": "the|cat|'|s|3rd", "e\u0301te\u0301 na\u00efve": "e\u0301te\u0301|na\u00efve", "李白a1诗。": "李|白|a1|诗|。",
		" \t\n": "", "a\xffb": "a|\xff|b", "x..y": "x|.|.|y", "привет,мир": "привет|,|мир",
	} {
		var got []string
		for _, s := range corpus.WordSpans(text) {
			got = append(got, text[s.From:s.To])
		}
		if strings.Join(got, "|") != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
