package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/format/hub"
)

// A listedJSON is a model of list --json.
type listedJSON struct {
	Name     string    `json:"name"` // of the cache, or a path
	Commit   string    `json:"commit,omitempty"`
	Refs     []string  `json:"refs,omitempty"`
	Dir      string    `json:"dir"`
	Files    int       `json:"files"`
	Bytes    int64     `json:"bytes"`
	LastUsed time.Time `json:"last_used"`

	Unfinished bool `json:"unfinished,omitempty"` // parts of files of a pull that did not end
}

func (a *app) list() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "list [DIR...]",
		Short: a.t("list the models of the hub's cache, or of folders", "列出模型库缓存或文件夹中的模型"),
		Long: a.t(`Without arguments: every revision of every model in the hub's cache. With folders: the models below them.
Size, number of files, revision (the first letters of its commit) and when a file of it was last used.
What a pull did not finish is unfinished: the next pull of the model goes on with it.`,
			`不带参数：模型库缓存中每个模型的每个修订。带文件夹：其中的模型。
列出大小、文件数、修订（提交的前几个字母）和最近一次使用的时间。
未下载完的部分标为“未完成”：再次下载该模型时从断处继续。`),
		Example: `  inkstone list
  inkstone list runs models
  inkstone list --json`,
	}
	c.Flags().BoolVar(&asJSON, "json", false, a.t("print one JSON object", "打印一个 JSON 对象"))
	c.RunE = func(_ *cobra.Command, args []string) error {
		found, err := listed(args)
		if err != nil {
			return err
		}
		if asJSON {
			out := make([]listedJSON, len(found))
			for i, m := range found {
				out[i] = listedJSON{m.Name.String(), m.Commit, m.Refs, m.Dir, m.Files, m.Bytes, m.LastUsed.UTC(), m.Unfinished}
			}
			return a.printJSON(map[string]any{"models": out})
		}
		return a.printModels(found)
	}
	return c
}

// listed are the models of the cache, or those below folders.
func listed(dirs []string) (found []hub.Cached, err error) {
	if len(dirs) == 0 {
		config, err := hub.FromEnvironment(os.Getenv)
		if err != nil {
			return nil, err
		}
		return config.List()
	}
	for _, dir := range dirs {
		models, err := inkstone.FindModels(dir)
		if err != nil {
			return nil, err
		}
		found = append(found, models...)
	}
	return found, nil
}

func (a *app) printModels(found []hub.Cached) error {
	if len(found) == 0 {
		_, err := fmt.Fprintln(a.errs, a.t("no models; inkstone pull ORG/NAME fetches one", "没有模型；用 inkstone pull ORG/NAME 下载"))
		return err
	}
	lines := [][]string{{a.t("MODEL", "模型"), a.t("SIZE", "大小"), a.t("FILES", "文件"), a.t("REVISION", "修订"), a.t("LAST USED", "最近使用")}}
	for _, m := range found {
		revision := m.Commit[:min(8, len(m.Commit))]
		if m.Unfinished {
			revision = a.t("unfinished", "未完成")
		}
		lines = append(lines, []string{m.Name.String(), size(m.Bytes), fmt.Sprint(m.Files), revision, m.LastUsed.Local().Format("2006-01-02 15:04")})
	}
	return a.columns(lines)
}

// columns prints lines of cells one below the other.
func (a *app) columns(lines [][]string) error {
	widths := make([]int, len(lines[0]))
	for _, line := range lines {
		for i, cell := range line {
			widths[i] = max(widths[i], columns(cell))
		}
	}
	for _, line := range lines {
		var b strings.Builder
		for i, cell := range line {
			b.WriteString(cell + strings.Repeat(" ", widths[i]-columns(cell)+2))
		}
		if _, err := fmt.Fprintln(a.out, strings.TrimRight(b.String(), " ")); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) rm() *cobra.Command {
	var yes bool
	c := &cobra.Command{
		Use:   "rm ORG/NAME[@REVISION]",
		Short: a.t("remove a model from the hub's cache", "从模型库缓存中删除模型"),
		Long: a.t(`Removes a model, or one revision of it, from the hub's cache, with the files that no other revision has. Where a
branch or tag is one of several names of its commit, that name alone goes.
It asks first; --yes does not. Folders outside of the cache are not touched.`,
			`从模型库缓存中删除一个模型或其一个修订，以及其他修订不用的文件。若同一提交还有其他分支或标签，只删除该名称。先询问；--yes 则不问。缓存以外的文件夹不受影响。`),
		Example: `  inkstone rm HuggingFaceTB/SmolLM2-135M-Instruct
  inkstone rm Qwen/Qwen3-0.6B@main --yes`,
		Args: cobra.ExactArgs(1),
	}
	c.Flags().BoolVarP(&yes, "yes", "y", false, a.t("do not ask", "不询问"))
	c.RunE = func(c *cobra.Command, args []string) error {
		n, err := hub.ParseName(args[0])
		if err != nil {
			return usageError{err}
		}
		config, err := hub.FromEnvironment(os.Getenv)
		if err != nil {
			return err
		}
		r, err := config.Removal(n, !strings.Contains(args[0], "@"))
		if err != nil {
			return err
		}
		text := a.removal(n, r)
		if !yes {
			if err := a.confirm(c.Context(), fmt.Sprintf(a.t("remove %s?", "删除 %s？"), text)); err != nil {
				return err
			}
		}
		if err := r.Do(); err != nil {
			return err
		}
		a.notice(fmt.Sprintf(a.t("removed %s", "已删除 %s"), text))
		return nil
	}
	return c
}

// removal says what a removal takes away.
func (a *app) removal(n hub.Name, r *hub.Removal) string {
	if r.Ref != "" {
		return fmt.Sprintf(a.t("the name %s of %s alone; its files stay for %s", "只删除 %[2]s 的名称 %[1]s；文件仍由 %[3]s 使用"), r.Ref, n.Repo, strings.Join(r.Others, ", "))
	}
	return fmt.Sprintf(a.t("%s: %s, %s, %s", "%s：%s，%s，%s"), n, a.counted(len(r.Revisions), "revision", "个修订"), a.counted(r.Blobs, "file", "个文件"), size(r.Bytes))
}

// counted is a number of things: an English word, or a Chinese one with its measure.
func (a *app) counted(n int, en, zh string) string {
	if n != 1 {
		en += "s"
	}
	return fmt.Sprintf("%d %s", n, a.t(en, zh))
}

// confirm asks a question on the terminal. Without one nobody can answer, so it
// is refused: a script says --yes. No context ends a read from a terminal: ctx's end is not waited for there.
func (a *app) confirm(ctx context.Context, question string) error {
	in, ok := a.in.(*os.File)
	if !ok || !isTerminal(in) {
		return usagef(a.t("rm: %s Say --yes where nobody can be asked", "rm：%s无人可问时请加 --yes"), question)
	}
	fmt.Fprintf(a.errs, a.t("%s [y/N] ", "%s [y/N] "), question)
	answers := make(chan string, 1)
	go func() {
		var answer string
		_, _ = fmt.Fscanln(in, &answer) // an empty line is no
		answers <- answer
	}()
	select {
	case <-ctx.Done():
		fmt.Fprintln(a.errs)
		return ctx.Err()
	case answer := <-answers:
		if strings.EqualFold(answer, "y") || strings.EqualFold(answer, "yes") {
			return nil
		}
	}
	return errors.New(a.t("rm: nothing is removed", "rm：未删除任何内容"))
}
