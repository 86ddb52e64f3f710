package runs

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"math/rand/v2"
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/corpus/world"
	"github.com/inkstone-ai/inkstone/tokenizer"
)

const (
	tokensFile  = "tokens.ids"
	countsFile  = "data.json" // written last: with it the data are whole
	fimRate     = 0.5         // share of the files that are cut up to fill in their middle
	pieceLeast  = 200         // bytes of what a middle is cut out of
	pieceMost   = 1600        // which the context holds
	pairMost    = 1500        // bytes of a function and its comment
	askForCode  = "Write a Go function.\n"
	askForDoc   = "Comment this Go function.\n"
	worldStream = 17 // of random numbers, so that conversations and cuts do not share any
)

// embeddedCounts say what the training text is.
type embeddedCounts struct {
	Files          int     `json:"files"`
	Bytes          int64   `json:"bytes"`
	HeldFiles      int     `json:"held_files"`
	HeldBytes      int64   `json:"held_bytes"`
	Alike          int     `json:"left_out_as_alike"` // files of other packages that are near-identical to held-out ones
	CgoFiles       int     `json:"left_out_as_cgo"`
	Overlap        float64 `json:"overlap"` // share of held-out bytes in 4-line runs seen in training
	Functions      int     `json:"documented_functions"`
	Unparsed       int     `json:"files_without_pairs"` // which the parser of this program's Go does not know
	Tokens         int64   `json:"tokens"`              // of all passes, with those that choose the weights
	ChoosingTokens int64   `json:"choosing_tokens"`
}

// An embeddedSource is the standard library in three parts.
type embeddedSource struct {
	root, version        string
	learn, choose, tests []corpus.Document
	counts               embeddedCounts
}

// readEmbeddedSource divides the source by packages. A file without a package among those of the
// settings is left out, and so is what is near-identical to held-out text.
func readEmbeddedSource(ctx context.Context, s EmbeddedSettings) (*embeddedSource, error) {
	root, err := corpus.GoRoot(ctx)
	if err != nil {
		return nil, err
	}
	version, err := exec.CommandContext(ctx, "go", "env", "GOVERSION").Output()
	if err != nil {
		return nil, fmt.Errorf("embedded: go env GOVERSION: %w", err)
	}
	docs, err := corpus.GoSource(root)
	if err != nil {
		return nil, err
	}
	e := &embeddedSource{root: root, version: strings.TrimSpace(string(version))}
	e.divide(docs, s)
	for _, p := range append(append([]string{}, s.Held...), s.Choosing...) {
		if !anyWithin(docs, p) {
			return nil, fmt.Errorf("embedded: there is no package %s in %s to hold out", p, root)
		}
	}
	if len(e.learn) == 0 || len(e.choose) == 0 || len(e.tests) == 0 {
		return nil, errors.New("embedded: the packages leave no source to learn from, to choose by or to measure on")
	}
	e.counts.Files, e.counts.Bytes = len(e.learn), corpus.Bytes(e.learn)
	e.counts.HeldFiles, e.counts.HeldBytes = len(e.tests), corpus.Bytes(e.tests)
	return e, nil
}

func (e *embeddedSource) divide(docs []corpus.Document, s EmbeddedSettings) {
	if len(s.Packages) > 0 {
		docs = slices.DeleteFunc(slices.Clone(docs), func(d corpus.Document) bool {
			return !within(d, s.Packages) && !within(d, s.Held) && !within(d, s.Choosing)
		})
	}
	group, held := corpus.Groups(docs), map[int]bool{}
	for i, d := range docs {
		if within(d, s.Held) || within(d, s.Choosing) {
			held[group[i]] = true
		}
	}
	for i, d := range docs {
		switch {
		case corpus.ImportsC(d.Text):
			e.counts.CgoFiles++
		case within(d, s.Held):
			e.tests = append(e.tests, d)
		case within(d, s.Choosing):
			e.choose = append(e.choose, d)
		case held[group[i]]:
			e.counts.Alike++
		default:
			e.learn = append(e.learn, d)
		}
	}
}

// within tells whether a file is of one of the packages or of one below it.
func within(d corpus.Document, packages []string) bool {
	folder := path.Dir(d.Name)
	for _, p := range packages {
		if folder == p || strings.HasPrefix(folder, p+"/") {
			return true
		}
	}
	return false
}

func anyWithin(docs []corpus.Document, p string) bool {
	for _, d := range docs {
		if within(d, []string{p}) {
			return true
		}
	}
	return false
}

// corpus learns the tokenizer and writes the tokens, unless that is done.
func (j *embeddedJob) corpus(ctx context.Context) error {
	err := readJSON(j.path("data", countsFile), &j.source.counts)
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	e, s := j.source, j.Settings
	tok, err := tokenizer.TrainBPE(embeddedSample(e.learn, s), tokenizer.TrainOptions{
		Vocab: s.Vocab, Split: tokenizer.Qwen2, Special: append(append([]string{}, tokenizer.ChatMLSpecial...), tokenizer.FIMSpecial...), Threads: j.Threads,
		Progress: func(done, total int) {
			j.Watch.tell("tokenizer", float64(done)/float64(total), "%d merges", done)
		},
	})
	if err != nil {
		return err
	}
	w, err := newEmbeddedWriter(tok, s)
	if err != nil {
		return err
	}
	for pass := range s.Passes {
		j.Watch.tell("encode", float64(pass)/float64(s.Passes), "")
		if err := errors.Join(w.pass(e.learn, uint64(pass)), ctx.Err()); err != nil {
			return err
		}
	}
	learned := len(w.ids)
	w.ids = append(w.ids, corpus.Encode(tok, e.choose, w.end)...)
	e.counts.Tokens, e.counts.ChoosingTokens = int64(len(w.ids)), int64(len(w.ids)-learned)
	e.counts.Functions, e.counts.Unparsed = w.functions/s.Passes, w.unparsed/s.Passes
	e.counts.Overlap = corpus.Overlap(e.learn, e.tests)
	if err := os.MkdirAll(j.path("data"), 0o777); err != nil {
		return err
	}
	if err := tokenizer.Save(tok, j.path("data")); err != nil {
		return err
	}
	info := corpus.ShardInfo{Tokenizer: corpus.Fingerprint(tok), Vocab: tok.Size(), End: w.end}
	if err := corpus.WriteShard(j.path("data", tokensFile), w.ids, info); err != nil {
		return err
	}
	return writeJSON(j.path("data", countsFile), e.counts)
}

// embeddedSample is what the tokenizer is learned from: the source and a few conversations.
func embeddedSample(docs []corpus.Document, s EmbeddedSettings) iter.Seq[string] {
	return func(yield func(string) bool) {
		for text := range texts(docs) {
			if !yield(text) {
				return
			}
		}
		w, r := world.New(s.Seed), rand.New(rand.NewPCG(s.Seed, worldStream))
		for range min(s.Dialogues, 4000) {
			for _, m := range w.Dialogue(r).Messages {
				if !yield(m.Role+"\n") || !yield(m.Content) {
					return
				}
			}
		}
	}
}

// An embeddedWriter writes documents as ids, in an order drawn for each pass.
type embeddedWriter struct {
	settings  EmbeddedSettings
	tok       tokenizer.Tokenizer
	fim       tokenizer.FIM
	template  *tokenizer.ChatTemplate
	end       int32
	ids       corpus.IDs
	functions int // documented ones
	unparsed  int // files
}

func newEmbeddedWriter(tok tokenizer.Tokenizer, s EmbeddedSettings) (*embeddedWriter, error) {
	template, err := tokenizer.ParseTemplate(tokenizer.ChatML)
	if err != nil {
		return nil, err
	}
	w := &embeddedWriter{settings: s, tok: tok, template: template}
	w.fim, _ = tokenizer.FIMOf(tok)
	w.end, _ = tok.ID(endOfText)
	return w, nil
}

// pass writes every file once, whole or cut up, and among them pairs and conversations.
func (w *embeddedWriter) pass(docs []corpus.Document, pass uint64) error {
	r := rand.New(rand.NewPCG(w.settings.Seed, pass))
	talks := rand.New(rand.NewPCG(w.settings.Seed, 1<<32|pass)) // other ones in each pass
	little, told := world.New(w.settings.Seed), 0
	for i, at := range r.Perm(len(docs)) {
		d := docs[at]
		if r.Float64() < fimRate {
			w.infills(d, r)
		} else {
			w.document(w.tok.Encode(d.Text))
		}
		if err := w.pairs(d, r); err != nil {
			return err
		}
		for ; told < w.settings.Dialogues*(i+1)/len(docs); told++ { // evenly among the files
			if err := w.talk(asChat(little.Dialogue(talks).Messages)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *embeddedWriter) document(ids []int32) { w.ids = append(append(w.ids, ids...), w.end) }

// infills cuts a file into pieces and each in three.
func (w *embeddedWriter) infills(d corpus.Document, r *rand.Rand) {
	for _, piece := range corpus.Pieces(d.Text, pieceLeast, pieceMost, r) {
		f := corpus.DrawInfill(piece, r)
		w.document(append(w.fim.Prompt(w.tok.Encode(f.Prefix), w.tok.Encode(f.Suffix)), w.tok.Encode(f.Middle)...))
	}
}

// pairs writes each documented function once, in a direction that is drawn.
func (w *embeddedWriter) pairs(d corpus.Document, r *rand.Rand) error {
	all, err := corpus.GoFunctions(d)
	if err != nil { // source of a newer Go than this program's: it was read as text
		w.unparsed++
		return nil
	}
	for _, f := range all {
		if len(f.Doc)+len(f.Code) > pairMost {
			continue
		}
		w.functions++
		question, answer := askForCode+f.Doc, f.Code
		if r.IntN(2) == 0 {
			question, answer = askForDoc+f.Code, f.Doc
		}
		if err := w.talk([]tokenizer.Message{{Role: "user", Content: question}, {Role: "assistant", Content: answer}}); err != nil {
			return err
		}
	}
	return nil
}

// talk writes a conversation in the chat template. One whose text has a special token in it, of
// which source about tokenizers might speak, is refused by the template.
func (w *embeddedWriter) talk(messages []tokenizer.Message) error {
	ids, _, err := w.template.RenderIDs(w.tok, messages)
	if err != nil {
		return fmt.Errorf("embedded: %w", err)
	}
	w.document(ids)
	return nil
}

func asChat(messages []world.Message) []tokenizer.Message {
	all := make([]tokenizer.Message, len(messages))
	for i, m := range messages {
		all[i] = tokenizer.Message{Role: m.Role, Content: m.Content}
	}
	return all
}

// decodeStrictly reads one JSON object; keys that there are not are errors.
func decodeStrictly(name string, data []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%s: more than one JSON object", name)
	}
	return nil
}
