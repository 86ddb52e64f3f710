package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"iter"
	"os"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/tokenizer"
)

func (a *app) tokenizerEncode() *cobra.Command {
	var from, out string
	var special, framed, asJSON bool
	c := &cobra.Command{
		Use:   "encode --tokenizer FILE|DIR [--out DIR PATH...]",
		Short: a.t("text on standard input to ids on one line", "把标准输入的文本编码成一行编号"),
		Long: a.t("Reads standard input, exactly its bytes, and prints the ids on one line, separated by blanks.\nSpecial tokens written in the text are ordinary text without --special, and nothing is put around it\nwithout --frame; with both the ids are those of encode(text) of Hugging Face's library.\n\nWith --out it writes files, folders or globs as token shards, and the tokenizer beside them:\ntrain --data DIR reads them without encoding again.",
			"读取标准输入的全部字节，在一行内打印以空格分隔的编号。\n不加 --special 时，文本里写出的特殊符号按普通文本处理；不加 --frame 时，首尾不加词元。\n两者都加时，编号与 Hugging Face 库的 encode(text) 相同。\n\n加 --out 时把文件、文件夹或通配符写成词元分片，分词器放在旁边：\ntrain --data DIR 直接读取，无需再次编码。"),
		Example: `  printf 'Hello, world' | inkstone tokenizer encode --tokenizer model
  inkstone tokenizer encode --tokenizer gpt2 < book.txt > book.ids
  inkstone tokenizer encode --tokenizer tokenizer.json --out shards/ books/`,
	}
	c.Flags().StringVar(&from, "tokenizer", "", a.tokenizerUsage())
	c.Flags().BoolVar(&special, "special", false, a.t("special tokens written in the text become their ids", "文本中写出的特殊符号编码为其编号"))
	c.Flags().BoolVar(&framed, "frame", false, a.t("put the tokens around that the tokenizer's file asks for", "加上分词器文件要求的首尾词元"))
	c.Flags().BoolVar(&asJSON, "json", false, a.t(`print {"ids":[…],"tokens":[…]}`, `打印 {"ids":[…],"tokens":[…]}`))
	c.Flags().StringVar(&out, "out", "", a.t("write token shards to the folder `DIR`", "把词元分片写入文件夹 `DIR`"))
	c.RunE = func(c *cobra.Command, paths []string) error {
		switch {
		case out == "" && len(paths) > 0:
			return usagef("tokenizer encode: %s: it reads standard input; --out DIR writes files as token shards", paths[0])
		case out != "" && (special || framed || asJSON || len(paths) == 0):
			return usagef("tokenizer encode: --out DIR takes paths, and none of --special, --frame, --json")
		}
		t, err := openTokenizer(from)
		if err != nil {
			return err
		}
		if out != "" {
			return a.writeShards(c.Context(), t, out, paths)
		}
		text, err := io.ReadAll(a.in)
		if err != nil {
			return err
		}
		ids := t.Encode(string(text))
		if special {
			ids = t.EncodeSpecial(string(text))
		}
		if framed {
			ids = tokenizer.Framed(t, ids)
		}
		if asJSON {
			return a.printJSON(map[string]any{"ids": ids, "tokens": spelled(t, ids)})
		}
		return printIDs(a.out, ids)
	}
	return c
}

// shardIDs is the size of a shard, that of 200 to 400 MB on the disk.
const shardIDs = 100 << 20

func (a *app) writeShards(ctx context.Context, t tokenizer.Tokenizer, dir string, paths []string) error {
	files, skipped, err := corpus.Files(paths...)
	if err != nil {
		return err
	}
	a.reportSkipped(skipped)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	end, ok := t.ID(inkstone.EndOfText)
	if !ok {
		end = corpus.NoEnd
	}
	shards, err := corpus.WriteShards(dir, t, until(ctx, corpus.Documents(files, a.in)), end, shardIDs)
	if err == nil && len(shards) == 0 {
		err = fmt.Errorf("tokenizer encode: %s: no text in it", strings.Join(paths, ", "))
	}
	if err != nil {
		return err
	}
	if err := tokenizer.Save(t, dir); err != nil {
		return err
	}
	fmt.Fprintf(a.errs, a.t("wrote %d token shards of %d files to %s\n", "已把 %[2]d 个文件写成 %[1]d 个词元分片，位于 %[3]s\n"), len(shards), len(files), dir)
	return nil
}

// until passes documents on, and ctx's error when it ends.
func until(ctx context.Context, docs iter.Seq2[corpus.Document, error]) iter.Seq2[corpus.Document, error] {
	return func(yield func(corpus.Document, error) bool) {
		for d, err := range docs {
			if stopped := ctx.Err(); stopped != nil {
				yield(d, stopped)
				return
			}
			if !yield(d, err) {
				return
			}
		}
	}
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
		ids, err := parseIDs(args, t.Size())
		if err != nil {
			return usageError{err}
		}
		if len(args) == 0 {
			text, err := io.ReadAll(a.in)
			if err != nil {
				return err
			}
			if ids, err = parseIDs(strings.Fields(string(text)), t.Size()); err != nil {
				return err
			}
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
			return nil, fmt.Errorf("tokenizer decode: %q is no id", w)
		}
		if id < 0 || int(id) >= size {
			return nil, fmt.Errorf("tokenizer decode: id %d is not in the vocabulary of %d", id, size)
		}
		ids[i] = int32(id)
	}
	return ids, nil
}
