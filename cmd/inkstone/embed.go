package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/corpus"
)

// embed turns lines into vectors, or finds those that are most like a text.
func (a *app) embed() *cobra.Command {
	var dir, data, query string
	var n, threads int
	var asJSON bool
	c := &cobra.Command{
		Use:   "embed --model DIR --data FILE",
		Short: a.t("vectors of lines of text, and the lines most like one", "文本各行的向量，以及与某句最相近的行"),
		Long: a.t(`Prints a vector for each line of a file: the mean of the last activations of a masked language model,
scaled to length 1, so that the product of two is their cosine. With --nearest it prints the lines
most like that text instead, each with the cosine.`,
			`为文件的每一行打印一个向量：掩码语言模型最后一层激活的平均，长度归一，两个向量的内积即余弦。
给出 --nearest 时改为打印与该文本最相近的行及其余弦。`),
		Example: `  inkstone embed --model model --data lines.txt --json
  inkstone embed --model model --data lines.txt --nearest "a river in France" -n 5`,
		Args: cobra.NoArgs,
	}
	f := c.Flags()
	f.StringVar(&dir, "model", "", a.t("`DIR` of the model (required)", "模型文件夹 `DIR`（必填）"))
	f.StringVar(&data, "data", "", a.t("`FILE` of lines, - reads them from standard input (required)", "逐行文本的文件 `FILE`，- 表示从标准输入读取（必填）"))
	f.StringVar(&query, "nearest", "", a.t("print the lines most like `TEXT`", "打印与 `TEXT` 最相近的行"))
	f.IntVarP(&n, "number", "n", 10, a.t("`N` lines", "行数 `N`"))
	f.IntVar(&threads, "threads", 0, a.t("`N` threads, 0: one for each core", "线程数 `N`，0 表示每核一个"))
	f.BoolVar(&asJSON, "json", false, a.t("print one JSON object a line", "每行打印一个 JSON 对象"))
	c.RunE = func(c *cobra.Command, _ []string) error {
		switch {
		case dir == "" || data == "":
			return usagef("embed: --model DIR and --data FILE are needed; see '%s --help'", c.CommandPath())
		case n < 1 || threads < 0:
			return usagef("embed: -n must be positive, --threads not negative")
		}
		lines, err := corpus.Lines(a.in, data)
		if err != nil {
			return err
		}
		m, err := inkstone.LoadMasked(dir, &inkstone.LoadOptions{Threads: threads})
		if err != nil {
			return err
		}
		defer m.Close()
		vectors, err := embedLines(c.Context(), m, data, lines)
		if err != nil {
			return err
		}
		if query == "" {
			return a.printVectors(lines, vectors, asJSON)
		}
		of, err := m.Embed(c.Context(), []string{query})
		if err != nil {
			return fmt.Errorf("--nearest: %w", err)
		}
		return a.printNearest(lines, inkstone.Nearest(of[0], vectors, n), asJSON)
	}
	return c
}

// embedLines are the vectors of a file's lines; a line that the model can not read is
// an error that names it.
func embedLines(ctx context.Context, m *inkstone.Masked, file string, lines []corpus.Line) ([][]float32, error) {
	texts := make([]string, len(lines))
	for i, line := range lines {
		texts[i] = line.Text
	}
	vectors, err := m.Embed(ctx, texts)
	var wrong *inkstone.TextError
	if errors.As(err, &wrong) {
		return nil, fmt.Errorf("%s: line %d: %w", file, lines[wrong.Index].Number, wrong.Err)
	}
	return vectors, err
}

// A lineVector is what embed --json prints.
type lineVector struct {
	Text   string    `json:"text"`
	Vector []float32 `json:"vector"`
}

func (a *app) printVectors(lines []corpus.Line, vectors [][]float32, asJSON bool) error {
	for i, line := range lines {
		if asJSON {
			if err := a.printJSON(lineVector{line.Text, vectors[i]}); err != nil {
				return err
			}
			continue
		}
		fmt.Fprintln(a.out, strings.Trim(fmt.Sprint(vectors[i]), "[]"))
	}
	return nil
}

// A lineCosine is what embed --nearest --json prints.
type lineCosine struct {
	Line   int     `json:"line"` // of the file, from 1
	Cosine float64 `json:"cosine"`
	Text   string  `json:"text"`
}

func (a *app) printNearest(lines []corpus.Line, near []inkstone.Neighbour, asJSON bool) error {
	for _, x := range near {
		if asJSON {
			if err := a.printJSON(lineCosine{lines[x.Index].Number, x.Cosine, lines[x.Index].Text}); err != nil {
				return err
			}
			continue
		}
		fmt.Fprintf(a.out, "%6.3f  %s\n", x.Cosine, lines[x.Index].Text)
	}
	return nil
}
