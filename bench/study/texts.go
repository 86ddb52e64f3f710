package main

import (
	"archive/tar"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/inkstone-ai/inkstone/corpus"
)

// A text is one corpus of the study: documents, made from the shared data or
// from what every machine with Go has.
type text struct {
	name string
	read func(ctx context.Context, data string) ([]string, error) // data is the shared folder
}

// first are the texts of the first draw. Those of second and third served to check the
// law, found its interval too narrow, and then joined the study.
var first = []text{
	{"shakespeare", file("lm-tinyshakespeare/input.txt")},
	{"war-and-peace", file("lm-war-and-peace/war-and-peace.txt.gz")},
	{"wikitext2", file("lm-wikitext2/valid.txt.gz")},
	{"tang-poems", file("lm-tang-poems/tang.jsonl.gz")},
	{"gsm8k", field("qa-gsm8k/train.jsonl.gz", func(r record) string { return r.Question + "\n" + r.Answer })},
	{"scitldr", field("sum-scitldr/train.jsonl.gz", func(r record) string { return strings.Join(r.Source, " ") })},
	{"tatoeba", file("mt-tatoeba-en-zh/en-zh.tsv.gz")},
	{"go-net", goFiles(".go", "src/net", "src/encoding", "src/image")},
}

var second = []text{
	{"wiki-c4", file("lm-wiki-c4-sample/wiki_demo.txt.gz")},
	{"xquad-zh", xquad("qa-xquad/xquad.zh.json.gz")},
	{"latgalian-wiki", whole("wiki-xml-dump/ltgwiki-part1-pages-articles.xml.bz2")},
	{"go-assembly", goFiles(".s", "src/runtime", "src/crypto", "src/internal", "src/math")},
	{"go-types", goFiles(".go", "src/go", "src/testing", "src/text")},
	{"mmlu", tarball("qa-mmlu/mmlu-dev.tar.gz")},
	{"instructions", file("instruct-en-small/instruction-data.json.gz")},
}

var third = []text{
	{"xquad-en", xquad("qa-xquad/xquad.en.json.gz")},
	{"preferences", file("instruct-llamafactory/dpo_en_demo.json.gz")},
	{"short-answers-zh", whole("grade-short-answer/ADS-train.jsonl.gz")},
	{"crows-pairs", whole("safety-bias/crows_pairs_anonymized.csv.gz")},
	{"humaneval", whole("code-eval/HumanEval.jsonl.gz")},
	{"go-link", goFiles(".go", "src/cmd/link", "src/cmd/asm", "src/cmd/vet")},
	{"go-rules", goFiles(".rules", "src/cmd/compile")},
	{"opticks", goFiles(".txt", "src/testdata")},
}

// unseen are the texts of the check: none of them is in the study.
var unseen = []text{
	{"go-api", goFiles(".txt", "api")},
	{"go-html", goFiles(".html", "doc")},
	{"go-crypto", goFiles(".go", "src/crypto", "src/hash")},
	{"go-scripts", goFiles(".txt", "src/cmd/go/testdata/script")},
	{"stsb-zh", whole("grade-short-answer/stsb-zh-dev.csv.gz")},
	{"sr-answers", whole("grade-short-answer/SR-sentences-goldstandard.csv")},
	{"seed-tasks", whole("instruct-en-small/seed_tasks.jsonl.gz")},
	{"summaries", field("sum-scitldr/dev.jsonl.gz", func(r record) string { return r.Title + "\n" + strings.Join(r.Target, "\n") })},
}

// record is a line of the JSON-lines files, with the fields that are text.
type record struct {
	Question string   `json:"question"`
	Answer   string   `json:"answer"`
	Title    string   `json:"title"`
	Source   []string `json:"source"`
	Target   []string `json:"target"`
}

type reader = func(ctx context.Context, data string) ([]string, error)

// file is a corpus as corpus.Read reads it.
func file(name string) reader {
	return func(_ context.Context, data string) ([]string, error) {
		docs, _, err := corpus.Read(nil, filepath.Join(data, filepath.FromSlash(name)))
		return texts(docs), err
	}
}

func texts(docs []corpus.Document) (all []string) {
	for _, d := range docs {
		all = append(all, d.Text)
	}
	return all
}

// open reads name, decompressed by its ending.
func open(data, name string) ([]byte, error) {
	b, err := os.ReadFile(filepath.Join(data, filepath.FromSlash(name)))
	if err != nil {
		return nil, err
	}
	switch filepath.Ext(name) {
	case ".gz":
		r, err := gzip.NewReader(bytes.NewReader(b))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		return io.ReadAll(r)
	case ".bz2":
		return io.ReadAll(bzip2.NewReader(bytes.NewReader(b)))
	}
	return b, nil
}

// field takes the text out of each line.
func field(name string, of func(record) string) reader {
	return func(_ context.Context, data string) (all []string, err error) {
		b, err := open(data, name)
		if err != nil {
			return nil, err
		}
		for line := range bytes.Lines(b) {
			var r record
			if err := json.Unmarshal(line, &r); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			all = append(all, of(r))
		}
		return all, nil
	}
}

// xquad is the paragraphs of a file in SQuAD's form.
func xquad(name string) reader {
	return func(_ context.Context, data string) (all []string, err error) {
		b, err := open(data, name)
		if err != nil {
			return nil, err
		}
		var file struct {
			Data []struct{ Paragraphs []struct{ Context string } }
		}
		if err := json.Unmarshal(b, &file); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		for _, article := range file.Data {
			for _, p := range article.Paragraphs {
				all = append(all, p.Context)
			}
		}
		return all, nil
	}
}

// whole is one document: the file as it is, markup and all.
func whole(name string) reader {
	return func(_ context.Context, data string) ([]string, error) {
		b, err := open(data, name)
		return []string{string(b)}, err
	}
}

// tarball is a document for each file of an archive.
func tarball(name string) reader {
	return func(_ context.Context, data string) (all []string, err error) {
		b, err := open(data, name)
		if err != nil {
			return nil, err
		}
		for t := tar.NewReader(bytes.NewReader(b)); ; {
			h, err := t.Next()
			if err == io.EOF {
				return all, nil
			}
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			text, err := io.ReadAll(t)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			if h.Typeflag == tar.TypeReg && len(text) > 0 {
				all = append(all, string(text))
			}
		}
	}
}

// goFiles are files of some folders of what every machine with Go has: its root.
func goFiles(ext string, folders ...string) reader {
	return func(ctx context.Context, _ string) (all []string, err error) {
		root, err := corpus.GoRoot(ctx)
		if err != nil {
			return nil, err
		}
		for _, folder := range folders {
			err := filepath.WalkDir(filepath.Join(root, filepath.FromSlash(folder)), func(path string, d fs.DirEntry, err error) error {
				if err != nil || d.IsDir() || filepath.Ext(path) != ext || strings.Contains(filepath.ToSlash(path[len(root):]), "/testdata/") && ext == ".go" {
					return err
				}
				b, err := os.ReadFile(path)
				if err == nil && len(b) > 0 && !corpus.Generated(b) {
					all = append(all, string(b))
				}
				return err
			})
			if err != nil {
				return nil, err
			}
		}
		return all, nil
	}
}

// share keeps every n-th document, or the first n-th of a single one: a smaller
// text of the same kind.
func share(docs []string, n int) []string {
	if n <= 1 {
		return docs
	}
	if len(docs) < 4*n {
		var some []string
		for _, d := range docs {
			some = append(some, strings.ToValidUTF8(d[:len(d)/n], ""))
		}
		return some
	}
	var some []string
	for i := 0; i < len(docs); i += n {
		some = append(some, docs[i])
	}
	return some
}

// save writes documents as JSON lines, which every verb reads.
func save(path string, docs []string) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	for _, d := range docs {
		if err := e.Encode(map[string]string{"text": d}); err != nil {
			return err
		}
	}
	return os.WriteFile(path, b.Bytes(), 0o666)
}
