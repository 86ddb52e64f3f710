package main

import (
	"bytes"
	"fmt"
	"go/parser"
	"go/token"
	"os"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/generate"
)

// A completeRun is the flags of complete.
type completeRun struct {
	dir        string
	o          inkstone.GenerateOptions
	n, threads int
	asJSON     bool
	eol        string // what ends the file's lines
}

// A completed text is what complete --json prints.
type completed struct {
	File   string          `json:"file"`
	Line   int             `json:"line"`
	Text   string          `json:"text"`
	Finish generate.Finish `json:"finish_reason"`
	Parses *bool           `json:"parses"` // the file with it; null where the file is no Go
	Error  string          `json:"error,omitempty"`
	took

	brokenBefore bool // nor does the file parse without it
}

func (a *app) complete() *cobra.Command {
	var r completeRun
	var bias []string
	c := &cobra.Command{
		Use:   "complete FILE:LINE",
		Short: a.t("write what is missing in a file of source", "补全源文件中缺少的部分"),
		Long: a.t(`Fills in what belongs at the end of line LINE, between all that stands before and all that stands after it, by a model
that was trained to (fill-in-the-middle). The text alone goes to standard output; the file stays as it is. Of a Go file it says whether
the file parses with it.`,
			`在第 LINE 行末尾补全：依据其前后的全部内容，使用学过中间填充（fill-in-the-middle）的模型。
只有补全的文本写到标准输出；文件不变。对 Go 文件会说明补全后是否语法正确。`),
		Example: `  inkstone complete main.go:12
  inkstone complete main.go:12 --number 3 --temperature 0.6
  inkstone complete --model inkstone-go/inkstone-go.gguf main.go:12 --tokens 40 --json`,
		Args: cobra.ExactArgs(1),
	}
	f := c.Flags()
	f.StringVar(&r.dir, "model", "", a.t("`DIR` or GGUF file of the model (default: the one that this program carries)", "模型文件夹 `DIR` 或 GGUF 文件（默认：本程序自带的模型）"))
	f.IntVar(&r.o.MaxTokens, "tokens", 128, a.t("at most `N` tokens", "最多 `N` 个词元"))
	f.IntVarP(&r.n, "number", "n", 1, a.t("`N` completions; above 1 they are drawn, at --temperature 0.6 if none is given", "补全 `N` 份；多于 1 份时采样，未给出 --temperature 时为 0.6"))
	f.IntVar(&r.threads, "threads", 0, a.t("`N` threads, 0: one for each core", "线程数 `N`，0 表示每核一个"))
	f.BoolVar(&r.asJSON, "json", false, a.t("print one object a completion", "每份补全打印一个对象"))
	a.addSamplingFlags(f, &r.o.Sampling, &bias)
	c.RunE = func(c *cobra.Command, args []string) error {
		if r.n < 1 || r.o.MaxTokens < 1 || r.threads < 0 {
			return usagef("complete: --number and --tokens must be positive, --threads not negative")
		}
		if err := checkSampling(&r.o.Sampling, bias); err != nil {
			return err
		}
		if r.n > 1 && !c.Flags().Changed("temperature") {
			r.o.Sampling.Temperature = 0.6
		}
		return a.runComplete(c, r, args[0])
	}
	return c
}

func (a *app) runComplete(c *cobra.Command, r completeRun, place string) error {
	file, line, err := splitPlace(place)
	if err != nil {
		return err
	}
	prefix, suffix, eol, err := around(file, line)
	if err != nil {
		return err
	}
	r.eol = eol
	if r.dir, err = a.ownModel(c, r.dir); err != nil {
		return err
	}
	m, err := inkstone.Load(r.dir, &inkstone.LoadOptions{Threads: r.threads})
	if err != nil {
		return err
	}
	defer m.Close()
	for i := range r.n {
		r.o.Sampling.Stream = uint64(i)
		f, err := m.Infill(c.Context(), prefix, suffix, r.o)
		if err != nil {
			return err
		}
		if i == 0 && f.PrefixLeft+f.SuffixLeft > 0 {
			fmt.Fprintf(a.errs, a.t("the file is longer than the context: the first %d tokens and the last %d are not read\n", "文件超出上下文：最前 %d 个和最后 %d 个词元未读\n"), f.PrefixLeft, f.SuffixLeft)
		}
		if err := a.completion(f, r, completed{File: file, Line: line}, prefix, suffix); err != nil {
			return err
		}
	}
	return nil
}

// completion prints one text and what the parser says of the file with it.
func (a *app) completion(f *inkstone.Infill, r completeRun, done completed, prefix, suffix string) error {
	watch := newStopwatch()
	for t, err := range watch.around(f.Tokens) {
		if err != nil {
			return err
		}
		done.Text += t.Text
		done.Finish, done.took = t.Finish, watch.took(t.Usage)
	}
	if strings.HasSuffix(done.File, ".go") {
		err := parses(done.File, prefix+done.Text+suffix)
		if done.Parses = new(err == nil); err != nil {
			done.Error, done.brokenBefore = err.Error(), parses(done.File, prefix+suffix) != nil
		}
	}
	done.Text = strings.ReplaceAll(done.Text, "\n", r.eol)
	if r.asJSON {
		return a.printJSON(done)
	}
	if _, err := fmt.Fprintln(a.out, done.Text); err != nil {
		return err
	}
	a.sayParse(done)
	return nil
}

// parses says what the parser finds wrong in a file.
func parses(file, text string) error {
	_, err := parser.ParseFile(token.NewFileSet(), file, text, parser.SkipObjectResolution)
	return err
}

// sayParse says what the parser found, and that the text was cut.
func (a *app) sayParse(done completed) {
	if done.Finish == generate.MaxReached {
		fmt.Fprintln(a.errs, a.t("(ended by --tokens)", "（因 --tokens 结束）"))
	}
	switch {
	case done.Parses == nil:
	case *done.Parses:
		fmt.Fprintf(a.errs, a.t("(%s parses with it)\n", "（补全后 %s 语法正确）\n"), done.File)
	case done.brokenBefore:
		fmt.Fprintf(a.errs, a.t("(%s does not parse with it, nor without it: %s)\n", "（补全前后 %s 语法都不正确：%s）\n"), done.File, done.Error)
	default:
		fmt.Fprintf(a.errs, a.t("(%s does not parse with it: %s)\n", "（补全后 %s 语法不正确：%s）\n"), done.File, done.Error)
	}
}

// splitPlace takes FILE:LINE apart.
func splitPlace(place string) (file string, line int, err error) {
	at := strings.LastIndexByte(place, ':')
	if at > 0 {
		line, err = strconv.Atoi(place[at+1:])
	}
	if at < 1 || err != nil || line < 1 {
		return "", 0, usagef("complete: %q is no FILE:LINE; the lines begin with 1", place)
	}
	return place[:at], line, nil
}

// around is the file's text up to the end of a line, and from there on, with lines that
// end in LF, as those have that models learn from; eol is what ends them in the file.
func around(file string, line int) (prefix, suffix, eol string, err error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return "", "", "", err
	}
	if !utf8.Valid(data) || bytes.IndexByte(data, 0) >= 0 {
		return "", "", "", fmt.Errorf("complete: %s is not UTF-8 text", file)
	}
	text, eol := string(data), "\n"
	if strings.Contains(text, "\r\n") {
		text, eol = strings.ReplaceAll(text, "\r\n", "\n"), "\r\n"
	}
	at, n := 0, 0
	for l := range strings.Lines(text) {
		if n++; n == line {
			at += len(strings.TrimRight(l, "\n"))
			return text[:at], text[at:], eol, nil
		}
		at += len(l)
	}
	return "", "", "", fmt.Errorf("complete: %s has %d lines, line %d is asked for", file, n, line)
}
