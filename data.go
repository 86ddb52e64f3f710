package inkstone

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"iter"
	"path/filepath"
	"strings"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/tokenizer"
)

// Special tokens that [Train] gives to a tokenizer it learns: the end of a
// document, and the two of the ChatML template.
const (
	EndOfText = "<|endoftext|>"
	TurnStart = "<|im_start|>"
	TurnEnd   = "<|im_end|>"
)

// read gets the tokens to train on and those held out, from text or shards.
func (p *pretraining) read() error {
	shards, others := shardFiles(p.Data)
	read := p.readText
	switch {
	case len(shards) > 0 && len(others) > 0:
		return fmt.Errorf("train: %s are token shards, %s is not: train on one kind", named(shards), others[0])
	case len(shards) > 0:
		read = func() error { return p.readShards(shards) }
	}
	if err := read(); err != nil {
		return err
	}
	all := sha256.New()
	for _, tokens := range []corpus.Tokens{p.train, p.held} { // held-out tokens choose the best weights
		sum, err := corpus.Digest(tokens)
		if err != nil {
			return err
		}
		all.Write(sum[:])
	}
	p.digest = hex.EncodeToString(all.Sum(nil))
	return nil
}

// readText splits documents, learns or loads the tokenizer and encodes. The
// tokenizer is learned from the training part alone; of the same text and
// settings it is the same, so that a resume learns what the run had.
func (p *pretraining) readText() error {
	docs, skipped, err := corpus.Read(p.Stdin, p.Data...)
	if err != nil {
		return err
	}
	p.skipped = skipped
	train, held, err := corpus.Split(docs, p.settings.HeldOut, p.settings.Seed)
	if err != nil {
		return fmt.Errorf("%s: %w", named(p.Data), err)
	}
	if p.tokenizer, err = p.makeTokenizer(train); err != nil {
		return err
	}
	end, ok := p.tokenizer.ID(EndOfText)
	if !ok {
		end = corpus.NoEnd
	}
	p.train, p.held = corpus.Encode(p.tokenizer, train, end), corpus.Encode(p.tokenizer, held, end)
	return nil
}

// makeTokenizer learns a tokenizer from the training part, or loads one.
func (p *pretraining) makeTokenizer(docs []corpus.Document) (tokenizer.Tokenizer, error) {
	s := &p.settings
	special := []string{EndOfText, TurnStart, TurnEnd}
	switch s.Tokenizer = or(s.Tokenizer, "bpe"); s.Tokenizer {
	case "byte":
		return tokenizer.NewByte(special...)
	case "char":
		return tokenizer.NewChars(texts(docs))
	case "word":
		return tokenizer.NewWords(texts(docs), 2)
	case "bpe":
	default:
		return OpenTokenizer(s.Tokenizer)
	}
	s.Vocab, s.Split = or(s.Vocab, vocabFor(corpus.Bytes(docs))), or(s.Split, "gpt2")
	split, ok := map[string]tokenizer.Split{
		"gpt2": tokenizer.GPT2, "cl100k": tokenizer.CL100K, "qwen2": tokenizer.Qwen2, "o200k": tokenizer.O200K,
	}[s.Split]
	if !ok {
		return nil, s.errorf("split %q is none of gpt2, cl100k, qwen2, o200k", s.Split)
	}
	return tokenizer.TrainBPE(texts(docs), tokenizer.TrainOptions{Vocab: s.Vocab, Split: split, Special: special, Threads: p.Threads})
}

func texts(docs []corpus.Document) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, d := range docs {
			if !yield(d.Text) {
				return
			}
		}
	}
}

// shardFiles are the token shards among paths: a shard itself, or the *.ids files
// of a folder that has some.
func shardFiles(paths []string) (shards, others []string) {
	for _, path := range paths {
		inside, _ := filepath.Glob(filepath.Join(path, "*.ids"))
		switch {
		case corpus.IsShard(path):
			shards = append(shards, path)
		case len(inside) > 0 && corpus.IsShard(inside[0]):
			shards = append(shards, inside...)
		default:
			others = append(others, path)
		}
	}
	return shards, others
}

// readShards opens token shards; the last tokens are held out. Their tokenizer is
// the one of the settings, or the one beside the first shard.
func (p *pretraining) readShards(paths []string) (err error) {
	if beside := filepath.Join(filepath.Dir(paths[0]), "tokenizer.json"); p.settings.Tokenizer == "" && exists(beside) {
		p.settings.Tokenizer = beside
	}
	if p.settings.Tokenizer == "" {
		return fmt.Errorf("train: %s: token shards need the tokenizer that made them, as tokenizer.json beside them or as tokenizer in the config", paths[0])
	}
	if p.tokenizer, err = OpenTokenizer(p.settings.Tokenizer); err != nil {
		return err
	}
	if p.shards, err = corpus.OpenShards(paths...); err != nil {
		return err
	}
	if p.shards.Info.Tokenizer != corpus.Fingerprint(p.tokenizer) {
		return fmt.Errorf("train: %s was not made with the tokenizer %s", named(paths), p.settings.Tokenizer)
	}
	n := p.shards.Len()
	cut := n - int64(float64(n)*p.settings.HeldOut)
	p.train, p.held = part{p.shards, 0, cut}, part{p.shards, cut, n}
	return nil
}

// A part is a stretch of tokens.
type part struct {
	of       corpus.Tokens
	from, to int64
}

func (p part) Len() int64 { return p.to - p.from }

func (p part) ReadIDs(dst []int32, at int64) error {
	if at < 0 || at+int64(len(dst)) > p.Len() {
		return fmt.Errorf("tokens %d to %d asked for, there are %d", at, at+int64(len(dst)), p.Len())
	}
	return p.of.ReadIDs(dst, p.from+at)
}

// named lists a few paths, for errors.
func named(paths []string) string {
	if len(paths) > 3 {
		return strings.Join(paths[:3], ", ") + ", …"
	}
	return strings.Join(paths, ", ")
}
