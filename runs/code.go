package runs

import (
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"math/rand/v2"
	"time"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/eval"
	"github.com/inkstone-ai/inkstone/generate"
)

// Code is [Text] on the Go standard library's own source, with completions of
// function heads that are parsed and type-checked.
type Code struct {
	Out     string
	Budget  time.Duration
	Seed    uint64
	Threads int
	Heads   int // function heads to complete; 0: 200
	Watch   Watch
}

const (
	codeTrain   = 12 << 20 // bytes of training text: more than minutes can read
	codeHeld    = 1 << 19  // bytes held out, about
	codeTokens  = 160      // most tokens of a completed body
	codeContext = 96       // tokens of the file up to a head's brace
)

// A Completion says how completed function heads fared.
type Completion struct {
	Heads    int       `json:"heads"`
	Parse    Share     `json:"parse"`
	Check    Share     `json:"type_check"`
	Examples []Example `json:"examples"` // drawn by the seed, not by success
}

// A Share is a part of the whole with its 95 % interval (Wilson 1927).
type Share struct {
	Share float64 `json:"share"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
}

func share(k, n int) Share {
	low, high := eval.Wilson(k, n)
	return Share{float64(k) / float64(max(n, 1)), low, high}
}

// An Example is one completed function.
type Example struct {
	File  string `json:"file"`
	Code  string `json:"code"`
	Parse bool   `json:"parses"`
	Check bool   `json:"type_checks"`
	Error string `json:"error,omitempty"`
}

// Run trains on Go source and measures.
func (o Code) Run(ctx context.Context) (*TextReport, error) {
	o.Watch.tell("read", 0, "the Go standard library")
	root, err := corpus.GoRoot(ctx)
	if err != nil {
		return nil, err
	}
	docs, err := corpus.GoSource(root)
	if err != nil {
		return nil, err
	}
	train, held := corpus.SplitGo(docs, codeHeld/float64(corpus.Bytes(docs)), o.Seed)
	text := Text{
		Train: sample(train, codeTrain, o.Seed), Held: held,
		Out: o.Out, Budget: o.Budget, Seed: o.Seed, Threads: o.Threads, Watch: o.Watch,
	}
	return text.Run(ctx, func(ctx context.Context, m *textModel) error { return o.complete(ctx, m, root, held) })
}

// sample draws files until they have so many bytes, and keeps their order.
func sample(docs []corpus.Document, bytes int64, seed uint64) []corpus.Document {
	take, left := make([]bool, len(docs)), bytes
	for _, i := range rand.New(rand.NewPCG(seed, 11)).Perm(len(docs)) {
		if n := int64(len(docs[i].Text)); n <= left {
			take[i], left = true, left-n
		}
	}
	var some []corpus.Document
	for i, d := range docs {
		if take[i] {
			some = append(some, d)
		}
	}
	return some
}

// A head is a function of a held-out file up to its opening brace.
type head struct {
	doc         corpus.Document
	from, brace int // offsets of the declaration and of its brace in the file
	end         int // and after its closing brace
}

// heads lists the functions with a body that is not empty, in the files that
// are compiled on this machine; tests are left out.
func heads(docs []corpus.Document, c *checker) []head {
	var all []head
	for _, d := range docs {
		if !c.compiled[d.Name] {
			continue
		}
		files := token.NewFileSet()
		f, err := parser.ParseFile(files, d.Name, d.Text, parser.SkipObjectResolution|parser.ParseComments)
		if err != nil {
			continue // not Go of this version: its functions are not asked for
		}
		for _, decl := range f.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && fn.Body != nil && len(fn.Body.List) > 0 {
				at := func(p token.Pos) int { return files.Position(p).Offset }
				all = append(all, head{d, at(fn.Pos()), at(fn.Body.Lbrace), at(fn.Body.End())})
			}
		}
	}
	return all
}

// complete asks the model for the bodies of function heads and checks them.
func (o Code) complete(ctx context.Context, m *textModel, root string, held []corpus.Document) error {
	c, err := newChecker(ctx, root)
	if err != nil {
		return err
	}
	all := heads(held, c)
	n := o.Heads
	if n == 0 {
		n = 200
	}
	if len(all) < n {
		return fmt.Errorf("quickstart: %d functions are held out, %d are asked for", len(all), n)
	}
	r := rand.New(rand.NewPCG(o.Seed, 13))
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	all = all[:n]
	o.Watch.tell("complete", 0, "%d function heads", n)
	bodies, err := o.bodies(ctx, m, all)
	if err != nil {
		return err
	}
	o.Watch.tell("complete", 0.5, "type-checking")
	checked := c.all(all, bodies)
	m.report.Functions = summary(all, bodies, checked, r)
	return nil
}

// bodies completes heads greedily, from the text of the file before them.
func (o Code) bodies(ctx context.Context, m *textModel, all []head) ([]string, error) {
	e, err := generate.NewEngine(m.lm, generate.Options{Slots: 32, Rows: 2048, CacheType: generate.CacheType(m.lm)})
	if err != nil {
		return nil, err
	}
	defer e.Close()
	requests := make([]generate.Request, len(all))
	for i, h := range all {
		ids := m.tok.Encode(h.doc.Text[:h.brace+1])
		ids = ids[max(0, len(ids)-codeContext):]
		requests[i] = generate.Request{Prompt: ids, MaxTokens: codeTokens, End: []int32{m.end}}
	}
	results, err := e.Run(ctx, requests)
	if err != nil {
		return nil, err
	}
	bodies := make([]string, len(all))
	for i := range results {
		bodies[i] = closed(m.tok.Decode(results[i].IDs()))
	}
	return bodies, nil
}

// closed cuts a body after the brace that closes it; what never closes is
// returned whole, and fails to parse.
func closed(body string) string {
	files := token.NewFileSet()
	file := files.AddFile("", -1, len(body))
	var s scanner.Scanner
	s.Init(file, []byte(body), nil, 0)
	for depth := 1; ; {
		pos, tok, _ := s.Scan()
		switch tok {
		case token.EOF:
			return body
		case token.LBRACE:
			depth++
		case token.RBRACE:
			if depth--; depth == 0 {
				return body[:file.Offset(pos)+1]
			}
		}
	}
}

// summary counts and draws five examples.
func summary(all []head, bodies []string, checked []verdict, r *rand.Rand) *Completion {
	parse, check := 0, 0
	for _, v := range checked {
		if v.parses {
			parse++
		}
		if v.checks {
			check++
		}
	}
	n := len(all)
	c := &Completion{Heads: n, Parse: share(parse, n), Check: share(check, n)}
	for _, i := range r.Perm(n)[:min(5, n)] {
		h := all[i]
		c.Examples = append(c.Examples, Example{
			File: h.doc.Name, Code: h.doc.Text[h.from:h.brace+1] + bodies[i],
			Parse: checked[i].parses, Check: checked[i].checks, Error: checked[i].reason,
		})
	}
	return c
}
