package main

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/inkstone-ai/inkstone/tokenizer"
)

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
