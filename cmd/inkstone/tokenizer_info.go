package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/tokenizer"
)

// An infoReport is what tokenizer info --json prints.
type infoReport struct {
	Vocabulary int              `json:"vocabulary"`
	Merges     *int             `json:"merges,omitempty"`
	Special    map[string]int32 `json:"special"`
	// What the file asks for and encoding does not do.
	NotDone map[string]string `json:"not_done,omitempty"`
	Bytes   int64             `json:"bytes,omitempty"`
	Against []density         `json:"density,omitempty"`
	NoGPT2  string            `json:"gpt2_not_compared,omitempty"` // why
}

// A density says how long a text is in the tokens of one tokenizer.
type density struct {
	Tokenizer     string  `json:"tokenizer"`
	Vocabulary    int     `json:"vocabulary"`
	Tokens        int     `json:"tokens"`
	BytesPerToken float64 `json:"bytes_per_token"`
	Lost          int64   `json:"bytes_lost"` // of the text: decoding does not give them back
}

func (a *app) tokenizerInfo() *cobra.Command {
	var from string
	var against []string
	var asJSON bool
	c := &cobra.Command{
		Use:   "info --tokenizer FILE|DIR [PATH...]",
		Short: a.t("vocabulary, merges, special tokens; bytes per token on a text, beside GPT-2's", "词表、合并、特殊符号；某文本上的每词元字节数，与 GPT-2 对照"),
		Example: `  inkstone tokenizer info --tokenizer model
  inkstone tokenizer info --tokenizer model --against other/tokenizer.json --against cl100k_base.tiktoken book.txt`,
	}
	c.Flags().StringVar(&from, "tokenizer", "", a.tokenizerUsage())
	c.Flags().StringArrayVar(&against, "against", nil, a.t("another tokenizer `FILE` to compare with, may be repeated", "用于对照的其他分词器 `FILE`，可多次给出"))
	c.Flags().BoolVar(&asJSON, "json", false, a.t("print one JSON object", "打印一个 JSON 对象"))
	c.RunE = func(_ *cobra.Command, paths []string) error {
		report, err := a.info(from, against, paths)
		if err != nil {
			return err
		}
		if asJSON {
			return a.printJSON(report)
		}
		return a.printInfo(report)
	}
	return c
}

func (a *app) info(from string, against, paths []string) (infoReport, error) {
	t, err := openTokenizer(from)
	if err != nil {
		return infoReport{}, err
	}
	r := infoReport{Vocabulary: t.Size(), Special: map[string]int32{}, NotDone: tokenizer.NotDone(t)}
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
	r.measure(from, t, docs)
	gpt2, err := openTokenizer("gpt2")
	switch {
	case errors.Is(err, errNoGPT2):
		r.NoGPT2 = err.Error()
	case err != nil:
		return r, err
	case from != "gpt2":
		r.measure("gpt2", gpt2, docs)
	}
	for _, name := range against {
		if name == from || name == "gpt2" && r.NoGPT2 == "" {
			continue // is there already
		}
		other, err := openTokenizer(name)
		if err != nil {
			return r, err
		}
		r.measure(name, other, docs)
	}
	return r, nil
}

// measure adds a row.
func (r *infoReport) measure(name string, t tokenizer.Tokenizer, docs []corpus.Document) {
	ids := corpus.Encode(t, docs, corpus.NoEnd)
	n := len(ids)
	d := density{Tokenizer: name, Vocabulary: t.Size(), Tokens: n, BytesPerToken: float64(r.Bytes) / float64(max(n, 1))}
	if words, ok := t.(*tokenizer.Words); ok {
		d.Lost = r.Bytes - known(words, ids)
	} else {
		d.Lost = lost(t, docs)
	}
	r.Against = append(r.Against, d)
}

// known counts the bytes of a text that are not of unknown words.
func known(t *tokenizer.Words, ids []int32) (n int64) {
	for _, id := range ids {
		if b, _ := t.Token(id); id != t.UnknownID() {
			n += int64(len(b))
		}
	}
	return n
}

// lost counts the bytes of a text whose characters an encoding does not keep: they
// have no token, are unknown, or are written as others.
func lost(t tokenizer.Tokenizer, docs []corpus.Document) (n int64) {
	times := map[rune]int{}
	for _, d := range docs {
		for _, r := range d.Text {
			times[r]++
		}
	}
	for r, k := range times {
		c := string(r)
		if !strings.Contains(t.Decode(t.Encode("a"+c+"a")), c) { // a space alone may be trimmed
			n += int64(k * len(c))
		}
	}
	return n
}

func (a *app) printInfo(r infoReport) error {
	rows := []row{{"vocabulary", "词表", thousands(int64(r.Vocabulary))}}
	if r.Merges != nil {
		rows = append(rows, row{"merges", "合并", thousands(int64(*r.Merges))})
	}
	names := slices.SortedFunc(maps.Keys(r.Special), func(x, y string) int { return int(r.Special[x] - r.Special[y]) })
	for _, name := range names {
		rows = append(rows, row{"special", "特殊", fmt.Sprintf("%s = %d", name, r.Special[name])})
	}
	for _, not := range slices.Sorted(maps.Keys(r.NotDone)) {
		rows = append(rows, row{"not done", "未执行", a.phrase(not) + ": " + r.NotDone[not]})
	}
	if err := a.table(rows); err != nil || len(r.Against) == 0 {
		return err
	}
	fmt.Fprintf(a.out, a.t("\nbytes per token on %s bytes of text\n", "\n%s 字节文本上的每词元字节数\n"), thousands(r.Bytes))
	for _, d := range r.Against {
		fmt.Fprintf(a.out, "%8.3f  %12s %s  %s\n", d.BytesPerToken, thousands(int64(d.Tokens)), a.t("tokens", "个词元"), d.Tokenizer)
		if d.Lost > 0 {
			fmt.Fprintf(a.out, a.t("          %s bytes of the text have no token in it: decoding does not give them back\n", "          文本中有 %s 个字节没有对应的词元：解码不能还原\n"), thousands(d.Lost))
		}
	}
	if r.NoGPT2 != "" {
		fmt.Fprintf(a.out, a.t("not compared with GPT-2: %s\n", "未与 GPT-2 对照：%s\n"), a.phrase(r.NoGPT2))
	}
	return nil
}
