package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/tokenizer"
)

func (a *app) tokenizer() *cobra.Command {
	c := &cobra.Command{
		Use:   "tokenizer",
		Short: a.t("train a tokenizer, encode and decode with it, look into it", "训练分词器，用它编码、解码，查看其内容"),
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(a.tokenizerTrain(), a.tokenizerEncode(), a.tokenizerDecode(), a.tokenizerInfo())
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
	f.IntVar(&o.vocab, "vocab", 8192, a.t("ids of a BPE: 256 bytes, merges, special tokens", "BPE 的编号总数：256 个字节、合并、特殊符号"))
	f.StringVar(&o.out, "out", "", a.t("file or folder to write (required)", "写入的文件或文件夹（必填）"))
	f.StringVar(&o.kind, "kind", "bpe", "bpe, byte, char, word")
	f.StringVar(&o.split, "split", "gpt2", a.t("how a BPE cuts text first: gpt2, cl100k, qwen2, o200k, none", "BPE 的预切分：gpt2、cl100k、qwen2、o200k、none"))
	f.IntVar(&o.minCount, "min-count", 2, a.t("times a pair (bpe) or a word (word) must occur", "词对（bpe）或词（word）至少出现的次数"))
	f.StringSliceVar(&o.special, "special", []string{"<|endoftext|>", "<|im_start|>", "<|im_end|>"}, a.t("special tokens, the last ids", "特殊符号，排在最后"))
	f.IntVar(&o.threads, "threads", 0, a.t("threads that count, 0: one for each core", "计数线程数，0 表示每核一个"))
	c.RunE = func(c *cobra.Command, paths []string) error {
		if o.out == "" {
			return usagef("tokenizer train: --out FILE is missing")
		}
		docs, skipped, err := corpus.Read(a.in, paths...)
		if err != nil {
			return err
		}
		a.reportSkipped(skipped)
		t, err := a.learn(o.kind, docs, tokenizer.TrainOptions{Vocab: o.vocab, MinCount: o.minCount, Special: o.special, Threads: o.threads}, o.split)
		if err != nil {
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

func (a *app) tokenizerEncode() *cobra.Command {
	var from string
	var special, asJSON bool
	c := &cobra.Command{
		Use:   "encode --tokenizer FILE|DIR",
		Short: a.t("text on standard input to ids on one line", "把标准输入的文本编码成一行编号"),
		Long: a.t("Reads standard input, exactly its bytes, and prints the ids on one line, separated by blanks.\nSpecial tokens written in the text are ordinary text without --special.",
			"读取标准输入的全部字节，在一行内打印以空格分隔的编号。\n不加 --special 时，文本里写出的特殊符号按普通文本处理。"),
		Example: `  printf 'Hello, world' | inkstone tokenizer encode --tokenizer model
  inkstone tokenizer encode --tokenizer gpt2 < book.txt > book.ids`,
		Args: cobra.NoArgs,
	}
	c.Flags().StringVar(&from, "tokenizer", "", a.tokenizerUsage())
	c.Flags().BoolVar(&special, "special", false, a.t("special tokens written in the text become their ids", "文本中写出的特殊符号编码为其编号"))
	c.Flags().BoolVar(&asJSON, "json", false, a.t(`print {"ids":[…],"tokens":[…]}`, `打印 {"ids":[…],"tokens":[…]}`))
	c.RunE = func(*cobra.Command, []string) error {
		t, err := openTokenizer(from)
		if err != nil {
			return err
		}
		text, err := io.ReadAll(a.in)
		if err != nil {
			return err
		}
		ids := t.Encode(string(text))
		if special {
			ids = t.EncodeSpecial(string(text))
		}
		if asJSON {
			return a.printJSON(map[string]any{"ids": ids, "tokens": spelled(t, ids)})
		}
		return printIDs(a.out, ids)
	}
	return c
}

func printIDs(out io.Writer, ids []int32) error {
	w := bufio.NewWriter(out)
	for i, id := range ids {
		if i > 0 {
			w.WriteByte(' ')
		}
		w.WriteString(strconv.Itoa(int(id)))
	}
	w.WriteByte('\n')
	return w.Flush()
}

// spelled are the tokens of ids as readable text, stray bytes as \x escapes.
func spelled(t tokenizer.Tokenizer, ids []int32) []string {
	words := make([]string, len(ids))
	for i, id := range ids {
		b, _ := t.Token(id)
		words[i] = readable(b)
	}
	return words
}

func readable(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	q := strconv.Quote(string(b))
	return q[1 : len(q)-1]
}

func (a *app) tokenizerDecode() *cobra.Command {
	var from string
	var asJSON bool
	c := &cobra.Command{
		Use:     "decode --tokenizer FILE|DIR [ID...]",
		Short:   a.t("ids, as arguments or on standard input, to text", "把参数或标准输入中的编号解码成文本"),
		Example: "  inkstone tokenizer decode --tokenizer model 15496 11 995\n  inkstone tokenizer decode --tokenizer model < book.ids > book.txt",
	}
	c.Flags().StringVar(&from, "tokenizer", "", a.tokenizerUsage())
	c.Flags().BoolVar(&asJSON, "json", false, a.t(`print {"text":"…"}`, `打印 {"text":"…"}`))
	c.RunE = func(_ *cobra.Command, args []string) error {
		t, err := openTokenizer(from)
		if err != nil {
			return err
		}
		if len(args) == 0 {
			text, err := io.ReadAll(a.in)
			if err != nil {
				return err
			}
			args = strings.Fields(string(text))
		}
		ids, err := parseIDs(args, t.Size())
		if err != nil {
			return err
		}
		if asJSON {
			return a.printJSON(map[string]any{"text": t.Decode(ids)})
		}
		_, err = io.WriteString(a.out, t.Decode(ids))
		return err
	}
	return c
}

func parseIDs(words []string, size int) ([]int32, error) {
	ids := make([]int32, len(words))
	for i, w := range words {
		id, err := strconv.ParseInt(w, 10, 32)
		if err != nil {
			return nil, usagef("tokenizer decode: %q is no id", w)
		}
		if id < 0 || int(id) >= size {
			return nil, usagef("tokenizer decode: id %d is not in the vocabulary of %d", id, size)
		}
		ids[i] = int32(id)
	}
	return ids, nil
}

// An infoReport is what tokenizer info --json prints.
type infoReport struct {
	Vocabulary int              `json:"vocabulary"`
	Merges     *int             `json:"merges,omitempty"`
	Special    map[string]int32 `json:"special"`
	Bytes      int64            `json:"bytes,omitempty"`
	Against    []density        `json:"density,omitempty"`
}

// A density says how long a text is in the tokens of one tokenizer.
type density struct {
	Tokenizer     string  `json:"tokenizer"`
	Vocabulary    int     `json:"vocabulary"`
	Tokens        int     `json:"tokens"`
	BytesPerToken float64 `json:"bytes_per_token"`
}

func (a *app) tokenizerInfo() *cobra.Command {
	var from string
	var against []string
	var asJSON bool
	c := &cobra.Command{
		Use:   "info --tokenizer FILE|DIR [PATH...]",
		Short: a.t("vocabulary, merges, special tokens; bytes per token on a text, beside GPT-2's", "词表、合并、特殊符号；某文本上的每词元字节数，与 GPT-2 对照"),
		Example: `  inkstone tokenizer info --tokenizer model
  inkstone tokenizer info --tokenizer model --against cl100k --against other/tokenizer.json book.txt`,
	}
	c.Flags().StringVar(&from, "tokenizer", "", a.tokenizerUsage())
	c.Flags().StringArrayVar(&against, "against", nil, a.t("another tokenizer to compare with, may be repeated", "用于对照的其他分词器，可多次给出"))
	c.Flags().BoolVar(&asJSON, "json", false, a.t("print one JSON object", "打印一个 JSON 对象"))
	c.RunE = func(_ *cobra.Command, paths []string) error {
		report, err := a.info(from, against, paths)
		if err != nil {
			return err
		}
		if asJSON {
			return a.printJSON(report)
		}
		a.printInfo(report)
		return nil
	}
	return c
}

func (a *app) info(from string, against, paths []string) (infoReport, error) {
	t, err := openTokenizer(from)
	if err != nil {
		return infoReport{}, err
	}
	r := infoReport{Vocabulary: t.Size(), Special: map[string]int32{}}
	for id := range int32(t.Size()) {
		if b, ok := t.Token(id); ok && t.IsSpecial(id) {
			r.Special[string(b)] = id
		}
	}
	if b, ok := t.(*tokenizer.BPE); ok {
		n := b.Merges()
		r.Merges = &n
	}
	if len(paths) == 0 {
		return r, nil
	}
	docs, skipped, err := corpus.Read(a.in, paths...)
	if err != nil {
		return r, err
	}
	a.reportSkipped(skipped)
	r.Bytes = corpus.Bytes(docs)
	for _, name := range append([]string{from, "gpt2"}, against...) {
		other, err := openTokenizer(name)
		if err != nil {
			return r, err
		}
		n := len(corpus.Encode(other, docs, corpus.NoEnd))
		r.Against = append(r.Against, density{name, other.Size(), n, float64(r.Bytes) / float64(n)})
	}
	return r, nil
}

func (a *app) printInfo(r infoReport) {
	fmt.Fprintf(a.out, a.t("vocabulary  %s\n", "词表  %s\n"), thousands(int64(r.Vocabulary)))
	if r.Merges != nil {
		fmt.Fprintf(a.out, a.t("merges      %s\n", "合并  %s\n"), thousands(int64(*r.Merges)))
	}
	names := slices.SortedFunc(maps.Keys(r.Special), func(x, y string) int { return int(r.Special[x] - r.Special[y]) })
	for _, name := range names {
		fmt.Fprintf(a.out, a.t("special     %s = %d\n", "特殊  %s = %d\n"), name, r.Special[name])
	}
	if len(r.Against) == 0 {
		return
	}
	fmt.Fprintf(a.out, a.t("\nbytes per token on %s bytes of text\n", "\n%s 字节文本上的每词元字节数\n"), thousands(r.Bytes))
	for _, d := range r.Against {
		fmt.Fprintf(a.out, "%8.3f  %12s %s  %s\n", d.BytesPerToken, thousands(int64(d.Tokens)), a.t("tokens", "个词元"), d.Tokenizer)
	}
}

func (a *app) tokenizerUsage() string {
	return a.t("tokenizer.json, a folder that has one, or gpt2, cl100k, o200k (required)", "tokenizer.json、含有它的文件夹，或 gpt2、cl100k、o200k（必填）")
}

// printJSON writes one object as one line, letters beyond ASCII as they are.
func (a *app) printJSON(v any) error {
	e := json.NewEncoder(a.out)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
