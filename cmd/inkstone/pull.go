package main

import (
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/inkstone-ai/inkstone/format/hub"
)

// A pulledJSON is what pull --json prints.
type pulledJSON struct {
	Name    string     `json:"name"`
	Commit  string     `json:"commit"`
	Dir     string     `json:"dir,omitempty"` // none of a dry run
	Files   []fileJSON `json:"files"`
	Bytes   int64      `json:"bytes"`
	Fetched int64      `json:"fetched"` // bytes over the network
}

type fileJSON struct {
	Path  string `json:"path"`
	Bytes int64  `json:"bytes"`
}

func (a *app) pull() *cobra.Command {
	var o hub.PullOptions
	var dry, asJSON bool
	c := &cobra.Command{
		Use:   "pull ORG/NAME[@REVISION]",
		Short: a.t("fetch a model from a Hugging Face hub", "从 Hugging Face 模型库下载模型"),
		Long: a.t(`Fetches a model into the cache that the hub's own programs share, and prints its folder. Every --model
takes ORG/NAME then, or ORG/NAME/FILE of one of several GGUF files, or of a folder. Without --include it fetches what a model needs: weights as safetensors (else
pytorch_model.bin, else one GGUF), configuration, tokenizer, templates, licence, card. A pull that was
interrupted goes on where it ended; bytes are checked against the hashes of the commit.
HF_HOME, HF_HUB_CACHE, HF_ENDPOINT, HF_TOKEN, HF_TOKEN_PATH, HF_HUB_OFFLINE, HF_HUB_DISABLE_PROGRESS_BARS and
HF_HUB_DISABLE_SYMLINKS mean what they mean to the hub's own programs.`,
			`把模型下载到与模型库自家程序共用的缓存，并打印其文件夹；此后各处 --model 都接受 ORG/NAME；
有多个 GGUF 文件或子文件夹时接受 ORG/NAME/文件。
不带 --include 时下载模型所需：safetensors 权重（否则 pytorch_model.bin，再否则唯一的 GGUF）、配置、分词器、
模板、许可证、说明。中断的下载从断处继续；内容按提交中的散列校验。
HF_HOME、HF_HUB_CACHE、HF_ENDPOINT、HF_TOKEN、HF_TOKEN_PATH、HF_HUB_OFFLINE、HF_HUB_DISABLE_PROGRESS_BARS 和
HF_HUB_DISABLE_SYMLINKS 的含义与模型库自家程序相同。`),
		Example: `  inkstone pull HuggingFaceTB/SmolLM2-135M-Instruct
  inkstone pull Qwen/Qwen3-0.6B@main --exclude "*.md"
  inkstone pull Qwen/Qwen3-0.6B-GGUF --include "*Q8_0.gguf"
  inkstone pull openai-community/gpt2 --dry-run`,
		Args: cobra.ExactArgs(1),
	}
	f := c.Flags()
	f.StringArrayVar(&o.Include, "include", nil, a.t("fetch files that match `PATTERN`; may be repeated", "下载匹配 `PATTERN` 的文件；可多次给出"))
	f.StringArrayVar(&o.Exclude, "exclude", nil, a.t("leave out files that match `PATTERN`; may be repeated", "略去匹配 `PATTERN` 的文件；可多次给出"))
	f.IntVar(&o.Parallel, "parallel", 4, a.t("`N` files at once", "同时下载 `N` 个文件"))
	f.BoolVarP(&dry, "dry-run", "n", false, a.t("print what would be fetched", "只打印将要下载的内容"))
	f.BoolVar(&asJSON, "json", false, a.t("print one JSON object", "打印一个 JSON 对象"))
	c.RunE = func(c *cobra.Command, args []string) error {
		n, err := hub.ParseName(args[0])
		if err != nil {
			return usageError{err}
		}
		if o.Parallel < 1 {
			return usagef("pull: --parallel %d: at least one file is fetched at a time", o.Parallel)
		}
		config, err := hub.FromEnvironment(os.Getenv)
		if err != nil {
			return err
		}
		client := hub.NewClient(config, "inkstone/"+version())
		if dry {
			return a.pullPlan(c, client, n, o, asJSON)
		}
		return a.pullModel(c, client, n, o, asJSON)
	}
	return c
}

// errPlanned ends a pull that is a dry run.
var errPlanned = fmt.Errorf("planned")

// pullPlan prints what a pull would fetch.
func (a *app) pullPlan(c *cobra.Command, client *hub.Client, n hub.Name, o hub.PullOptions, asJSON bool) error {
	p := pulledJSON{Name: n.String()}
	o.Planned = func(commit string, files []hub.File) error {
		p.Commit = commit
		p.add(files)
		return errPlanned
	}
	if _, err := client.Pull(c.Context(), n, o); err != errPlanned {
		return err
	}
	if asJSON {
		return a.printJSON(p)
	}
	for _, f := range p.Files {
		if _, err := fmt.Fprintf(a.out, "%10s  %s\n", size(f.Bytes), f.Path); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(a.out, a.t("%10s  in %s\n", "%10s  共 %s\n"), size(p.Bytes), a.counted(len(p.Files), "file", "个文件"))
	return err
}

func (p *pulledJSON) add(files []hub.File) {
	for _, f := range files {
		p.Files = append(p.Files, fileJSON{f.Path, f.Size})
		p.Bytes += f.Size
	}
}

// pullModel fetches a model and prints its folder.
func (a *app) pullModel(c *cobra.Command, client *hub.Client, n hub.Name, o hub.PullOptions, asJSON bool) error {
	began := time.Now()
	o.Notice = a.notice
	var p *progress
	if !client.Quiet {
		p = a.startProgress(fmt.Sprintf(a.t("pulling %s", "下载 %s"), n))
		o.Progress = func(done, total, before int64) { a.showPull(p, began, done, total, before) }
	}
	got, err := client.Pull(c.Context(), n, o)
	if err != nil {
		return err
	}
	if p != nil {
		p.end(fmt.Sprintf(a.t("%s in %s, %s fetched", "%s，%s，下载了 %s"), size(total(got.Files)), a.counted(len(got.Files), "file", "个文件"), size(got.Bytes)))
	}
	if !asJSON {
		_, err := fmt.Fprintln(a.out, got.Dir)
		return err
	}
	out := pulledJSON{Name: n.String(), Commit: got.Commit, Dir: got.Dir, Fetched: got.Bytes}
	out.add(got.Files)
	return a.printJSON(out)
}

// showPull shows what is there, and the rate of what comes now.
func (a *app) showPull(p *progress, began time.Time, done, total, before int64) {
	if total == 0 {
		return
	}
	p.from = float64(before) / float64(total)
	text := fmt.Sprintf(a.t("%s of %s", "%s / %s"), size(done), size(total))
	if spent := time.Since(began); spent > time.Second && done > before {
		text += fmt.Sprintf(a.t(" · %s/s", " · %s/秒"), size(int64(float64(done-before)/spent.Seconds())))
	}
	p.show(float64(done)/float64(total), text)
}

func total(files []hub.File) (n int64) {
	for _, f := range files {
		n += f.Size
	}
	return n
}

// size writes bytes with three significant digits: 1.23 GB.
func size(n int64) string {
	units := []string{"B", "kB", "MB", "GB", "TB"}
	x, unit := float64(n), 0
	for x >= 999.5 && unit < len(units)-1 {
		x, unit = x/1000, unit+1
	}
	digits := 2
	switch {
	case unit == 0 || x >= 99.95:
		digits = 0
	case x >= 9.995:
		digits = 1
	}
	return fmt.Sprintf("%.*f %s", digits, x, units[unit])
}
