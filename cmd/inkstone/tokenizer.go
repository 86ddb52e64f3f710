package main

import (
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/tokenizer"
)

func (a *app) tokenizer() *cobra.Command {
	c := &cobra.Command{
		Use:   "tokenizer",
		Short: a.t("train a tokenizer, encode and decode with it, look into it", "训练分词器，用它编码、解码，查看其内容"),
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(stoppable(a.tokenizerTrain()), stoppable(a.tokenizerEncode()), stoppable(a.tokenizerDecode()), stoppable(a.tokenizerInfo()))
	return c
}

func (a *app) tokenizerTrain() *cobra.Command {
	var o struct {
		out, kind, split string
		vocab, minCount  int
		threads          int
		special          []string
	}
	c := &cobra.Command{
		Use:   "train --vocab N --out FILE PATH...",
		Short: a.t("learn a byte-level BPE (or another vocabulary) from text", "从文本学习字节级 BPE（或其他词表）"),
		Long: a.t("Learns a vocabulary from files, folders, globs or standard input (-) and writes a tokenizer.json\nthat Hugging Face's library reads. The same text gives the same merges for any number of threads.",
			"从文件、文件夹、通配符或标准输入（-）学习词表，写成 Hugging Face 可读的 tokenizer.json。\n同样的文本，不论线程数，得到同样的合并规则。"),
		Example: `  inkstone tokenizer train --vocab 8192 --out tokenizer.json "$(go env GOROOT)/src/**/*.go"
  inkstone tokenizer train --vocab 4096 --out model/ book.txt notes/
  inkstone tokenizer train --kind char --out chars.json input.txt
  cat *.txt | inkstone tokenizer train --vocab 1000 --out tokenizer.json -`,
		Args: cobra.MinimumNArgs(1),
	}
	f := c.Flags()
	f.IntVar(&o.vocab, "vocab", 8192, a.t("`N` ids of a BPE: 256 bytes, merges, special tokens", "BPE 的编号总数 `N`：256 个字节、合并、特殊符号"))
	f.StringVar(&o.out, "out", "", a.t("`FILE` or folder to write (required)", "写入的文件 `FILE` 或文件夹（必填）"))
	f.StringVar(&o.kind, "kind", "bpe", a.t("`KIND`: bpe, byte, char, word", "种类 `KIND`：bpe、byte、char、word"))
	f.StringVar(&o.split, "split", "gpt2", a.t("`NAME` of how a BPE cuts text first: gpt2, cl100k, qwen2, o200k, none", "BPE 的预切分 `NAME`：gpt2、cl100k、qwen2、o200k、none"))
	f.IntVar(&o.minCount, "min-count", 2, a.t("`N` times a pair (bpe) or a word (word) must occur", "词对（bpe）或词（word）至少出现 `N` 次"))
	f.StringSliceVar(&o.special, "special", []string{"<|endoftext|>", "<|im_start|>", "<|im_end|>"}, a.t("special `TOKENS`, the last ids", "特殊符号 `TOKENS`，排在最后"))
	f.IntVar(&o.threads, "threads", 0, a.t("`N` threads that count, 0: one for each core", "计数线程数 `N`，0 表示每核一个"))
	c.RunE = func(c *cobra.Command, paths []string) error {
		if o.out == "" {
			return usagef("tokenizer train: --out FILE is missing; see '%s --help'", c.CommandPath())
		}
		if need := 256 + len(o.special); o.kind == "bpe" && o.vocab < need {
			return usagef("tokenizer train: --vocab %d has no room for 256 bytes and %d special tokens", o.vocab, len(o.special))
		}
		if o.minCount < 1 || o.threads < 0 {
			return usagef("tokenizer train: --min-count must be positive, --threads not negative")
		}
		if err := prepareOutput(o.out); err != nil {
			return fmt.Errorf("tokenizer train: %w", err)
		}
		docs, skipped, err := corpus.Read(a.in, paths...)
		if err != nil {
			return err
		}
		a.reportSkipped(skipped)
		if err := sparesTexts(o.out, paths, docs); err != nil {
			return err
		}
		t, err := a.learn(o.kind, docs, tokenizer.TrainOptions{Vocab: o.vocab, MinCount: o.minCount, Special: o.special, Threads: o.threads}, o.split)
		if err != nil {
			return err
		}
		if err := c.Context().Err(); err != nil {
			return err
		}
		if err := tokenizer.Save(t, o.out); err != nil {
			return err
		}
		fmt.Fprintf(a.errs, a.t("wrote %s: %s ids\n", "已写入 %s：%s 个编号\n"), o.out, thousands(int64(t.Size())))
		return nil
	}
	return c
}

// sparesTexts refuses an output that would take the place of a text that it is made of.
func sparesTexts(out string, paths []string, docs []corpus.Document) error {
	there, err := os.Stat(out)
	if err != nil || there.IsDir() {
		return nil
	}
	for _, d := range docs {
		paths = append(paths, d.Name)
	}
	for _, path := range paths {
		if text, err := os.Stat(path); err == nil && os.SameFile(there, text) {
			return fmt.Errorf("tokenizer train: %s would replace the text %s; give another name", out, path)
		}
	}
	return nil
}

// prepareOutput finds out before the work whether its result can be written. A
// path that ends in a separator is a folder, and made.
func prepareOutput(out string) error {
	dir := filepath.Dir(out)
	if os.IsPathSeparator(out[len(out)-1]) {
		return os.MkdirAll(out, 0o777)
	}
	if info, err := os.Stat(out); err == nil && info.IsDir() {
		dir = out
	}
	f, err := os.CreateTemp(dir, ".inkstone-*")
	if err != nil {
		return fmt.Errorf("%s can not be written: %w", out, err)
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// learn makes the tokenizer of a kind from documents, with progress.
func (a *app) learn(kind string, docs []corpus.Document, o tokenizer.TrainOptions, split string) (tokenizer.Tokenizer, error) {
	switch kind {
	case "byte":
		return tokenizer.NewByte(o.Special...)
	case "char":
		return tokenizer.NewChars(texts(docs), o.Special...)
	case "word":
		return tokenizer.NewWords(texts(docs), o.MinCount, o.Special...)
	case "bpe":
	default:
		return nil, usagef("tokenizer train: --kind %q is none of bpe, byte, char, word", kind)
	}
	splits := map[string]tokenizer.Split{
		"gpt2": tokenizer.GPT2, "cl100k": tokenizer.CL100K, "qwen2": tokenizer.Qwen2, "o200k": tokenizer.O200K, "none": tokenizer.Whole,
	}
	s, ok := splits[split]
	if !ok {
		return nil, usagef("tokenizer train: --split %q is none of gpt2, cl100k, qwen2, o200k, none", split)
	}
	o.Split = s
	p := a.startProgress(a.t("learning merges", "学习合并规则"))
	o.Progress = func(done, total int) {
		p.show(float64(done)/float64(total), fmt.Sprintf("%s/%s", thousands(int64(done)), thousands(int64(total))))
	}
	t, err := tokenizer.TrainBPE(texts(docs), o)
	if err != nil {
		p.end(a.t("failed", "失败"))
		return nil, err
	}
	p.end(fmt.Sprintf(a.t("%s merges from %s bytes", "%s 条合并，来自 %s 字节"), thousands(int64(t.Merges())), thousands(corpus.Bytes(docs))))
	if t.Size() < o.Vocab {
		fmt.Fprintf(a.errs, a.t("the text has no more pairs that occur %d times: %d ids instead of %d\n", "文本中再没有出现 %d 次的词对：得到 %d 个编号，而非 %d\n"),
			o.MinCount, t.Size(), o.Vocab)
	}
	return t, nil
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

// reportSkipped names what folders held but was not read.
func (a *app) reportSkipped(skipped []string) {
	const most = 5
	if len(skipped) == 0 {
		return
	}
	fmt.Fprintf(a.errs, a.t("not read (hidden, a link to a folder, or no file): %d\n", "未读取（隐藏文件、指向文件夹的链接或非文件）：%d 个\n"), len(skipped))
	for _, name := range skipped[:min(most, len(skipped))] {
		fmt.Fprintln(a.errs, "  "+name)
	}
	if len(skipped) > most {
		fmt.Fprintln(a.errs, "  …")
	}
}

func (a *app) tokenizerUsage() string {
	return a.t("`FILE`: a folder, a tokenizer.json, a .model, .gguf or .tiktoken file, or gpt2 (required)", "`FILE`：文件夹、tokenizer.json、.model、.gguf 或 .tiktoken 文件，或 gpt2（必填）")
}
