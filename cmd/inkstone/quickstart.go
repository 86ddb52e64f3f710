package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/runs"
)

// A quickstartRun is the flags of quickstart.
type quickstartRun struct {
	corpus, out   string
	text          []string
	architectures []string
	config        string
	from          string
	minutes       float64
	seed          uint64
	threads       int
	asJSON        bool
}

func (a *app) quickstart() *cobra.Command {
	var q quickstartRun
	c := &cobra.Command{
		Use:   "quickstart",
		Short: a.t("text in, a trained GPT out, in three minutes", "三分钟：输入文本，得到训练好的 GPT"),
		Long: a.t(`Does the whole job on this machine, with no download and no file of yours.

--corpus world  a program writes English and Chinese about a little world; a GPT is trained and
                fine-tuned on it and asked held-out questions
--corpus go     the Go standard library's own source; bits per byte beside compressors and n-gram
                models, and completed functions that are parsed and type-checked
--corpus pairs  encoder–decoders on --text, pairs of sentences (a source, a TAB and a target a line),
                beside a translation memory and IBM model 1; --minutes for each of --architectures
--corpus numbers, dates  an encoder–decoder learns to write numbers in words, or dates in one form
--text PATH     the same as go on your own text`,
			`在本机完成全部工作，不下载任何东西，也不需要你的文件。

--corpus world  程序用中英文写一个小世界的故事；训练并微调 GPT，再用留出的问题提问
--corpus go     Go 标准库的源码；每字节比特数与压缩器、n 元模型对照，补全函数并做语法与类型检查
--corpus pairs  用 --text 的句对（每行：源句、制表符、目标句）训练编码器–解码器，与翻译记忆和
                IBM 模型 1 对照；--architectures 的每一种各用 --minutes 分钟
--corpus numbers、dates  编码器–解码器学习把数字写成单词，或把日期写成统一格式
--text PATH     用你自己的文本做与 go 同样的事`),
		Example: `  inkstone quickstart
  inkstone quickstart --corpus go --minutes 5
  inkstone quickstart --corpus pairs --text en-zh.tsv --minutes 30
  inkstone quickstart --text book.txt --text notes/
  inkstone quickstart --from embedded --text notes/`,
		Args: cobra.NoArgs,
	}
	f := c.Flags()
	f.StringVar(&q.corpus, "corpus", "world", a.t("world, go, pairs, numbers or dates", "world、go、pairs、numbers 或 dates"))
	f.StringArrayVar(&q.text, "text", nil, a.t("your own text: file, folder or glob, may be repeated", "你自己的文本：文件、文件夹或通配符，可多次给出"))
	f.Float64Var(&q.minutes, "minutes", 2, a.t("minutes of training", "训练的分钟数"))
	f.StringSliceVar(&q.architectures, "architectures", nil, a.t("of pairs: transformer, attention, fixed (default transformer)", "用于 pairs：transformer、attention、fixed（默认 transformer）"))
	f.StringVar(&q.config, "config", "", a.t("of pairs: JSON `FILE` with settings of a seq2seq model", "用于 pairs：含 seq2seq 模型设置的 JSON 文件 `FILE`"))
	f.StringVar(&q.from, "from", "", a.t("of go and --text: start from the weights of `MODEL` (embedded: the one that this program carries), and from random ones for as long", "用于 go 和 --text：从 `MODEL` 的权重开始（embedded 为本程序自带的模型），并以同样时间从随机权重训练作对照"))
	f.Uint64Var(&q.seed, "seed", 0, a.t("seed; 0: drawn, and printed", "随机种子；0 表示抽取并打印"))
	f.StringVar(&q.out, "out", "", a.t("folder of the model (default quickstart-CORPUS)", "模型文件夹（默认 quickstart-语料名）"))
	f.IntVar(&q.threads, "threads", 0, a.t("threads, 0: one for each core", "线程数，0 表示每核一个"))
	f.BoolVar(&q.asJSON, "json", false, a.t("print the report as one JSON object", "把报告打印为一个 JSON 对象"))
	c.RunE = func(c *cobra.Command, _ []string) error {
		if !(q.minutes > 0) || q.threads < 0 {
			return usagef("quickstart: --minutes must be positive and --threads not negative")
		}
		if q.from != "" && !c.Flags().Changed("corpus") {
			q.corpus = "go"
		}
		if err := q.check(c); err != nil {
			return err
		}
		if q.seed == 0 {
			q.seed = rand.Uint64N(1e6) + 1
		}
		return a.runQuickstart(c.Context(), q)
	}
	return c
}

// check refuses flags that are of another corpus.
func (q quickstartRun) check(c *cobra.Command) error {
	pairs := q.corpus == "pairs" || q.corpus == "numbers" || q.corpus == "dates"
	switch {
	case len(q.text) > 0 && c.Flags().Changed("corpus") && q.corpus != "pairs":
		return usagef("quickstart: --text stands in the place of --corpus %s: give one of them", q.corpus)
	case q.from != "" && (pairs || q.corpus == "world"):
		return usagef("quickstart: --from is of --corpus go and of --text, not of --corpus %s", q.corpus)
	case !pairs:
		return refuse(c, "--corpus "+q.corpus, "architectures", "config")
	}
	return nil
}

func (a *app) runQuickstart(ctx context.Context, q quickstartRun) (err error) {
	name := q.corpus
	if len(q.text) > 0 && name != "pairs" {
		name = "text"
	}
	if q.from != "" {
		if q.from, err = a.resolve(q.from); err != nil {
			return err
		}
	}
	if q.out == "" {
		q.out = freeName("quickstart-" + name)
	}
	if err := vacant(q.out); err != nil {
		return fmt.Errorf("quickstart: %w", err)
	}
	fmt.Fprintf(a.errs, a.t("seed %d · %.3g minutes of training · the model goes to %s\n", "种子 %d · 训练 %.3g 分钟 · 模型写入 %s\n"), q.seed, q.minutes, q.out)
	budget := time.Duration(q.minutes * float64(time.Minute))
	watch, end := a.watchStages()
	defer func() {
		end(err == nil)
		a.sweep(q.out)
	}()
	switch name {
	case "pairs", "numbers", "dates":
		return a.runTranslation(ctx, q, watch, end)
	case "world":
		r, err := runs.World{Out: q.out, Budget: budget, Seed: q.seed, Threads: q.threads, Watch: watch}.Run(ctx)
		if err != nil {
			return err
		}
		end(true)
		return a.reportWorld(r, q)
	case "go":
		if q.from != "" {
			train, held, err := runs.GoWithout(ctx)
			if err != nil {
				return err
			}
			return a.runFrom(ctx, runs.From{Train: train, Held: held, Watch: watch}, q, end)
		}
		r, err := runs.Code{Out: q.out, Budget: budget, Seed: q.seed, Threads: q.threads, Watch: watch}.Run(ctx)
		if err != nil {
			return err
		}
		end(true)
		return a.reportText(r, q)
	case "text":
		docs, skipped, err := corpus.Read(a.in, q.text...)
		if err != nil {
			return err
		}
		a.reportSkipped(skipped)
		train, held, err := corpus.Split(docs, 0.1, q.seed)
		if err != nil {
			return err
		}
		if q.from != "" {
			return a.runFrom(ctx, runs.From{Train: train, Held: held, Watch: watch}, q, end)
		}
		r, err := runs.Text{Train: train, Held: held, Out: q.out, Budget: budget, Seed: q.seed, Threads: q.threads, Watch: watch}.Run(ctx, nil)
		if err != nil {
			return err
		}
		end(true)
		return a.reportText(r, q)
	}
	return usagef("quickstart: --corpus %q is none of world, go, pairs, numbers, dates", q.corpus)
}

// sweep removes what a run that did not come to its model has left in its folder,
// which was empty before it. Nothing can go on from there: the plan of a quickstart
// depends on the clock.
func (a *app) sweep(dir string) {
	below, _ := filepath.Glob(filepath.Join(dir, "*", "config.json")) // of pairs: a folder for each architecture
	if exists(dir) && len(below) == 0 && !exists(filepath.Join(dir, "config.json")) {
		if err := os.RemoveAll(dir); err != nil {
			a.notice(err.Error())
		}
	}
}

// vacant refuses, before the work, a folder that holds something or cannot be
// written. It makes nothing.
func vacant(dir string) error {
	if inside, err := os.ReadDir(dir); err == nil && len(inside) == 0 {
		return prepareOutput(dir)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is there and not empty: choose another --out", dir)
	}
	for !exists(filepath.Dir(dir)) {
		dir = filepath.Dir(dir)
	}
	return prepareOutput(dir)
}

// freeName is base, or base-2, base-3 … when an earlier run has it.
func freeName(base string) string {
	name := base
	for i := 2; exists(name); i++ {
		name = fmt.Sprintf("%s-%d", base, i)
	}
	return name
}

// watchStages shows one progress after another; end closes the last.
func (a *app) watchStages() (watch runs.Watch, end func(ok bool)) {
	var p *progress
	var stage, last string
	names := map[string]string{
		"tokenizer": a.t("tokenizer", "分词器"), "pretrain": a.t("pretraining", "预训练"), "finetune": a.t("fine-tuning", "微调"),
		"evaluate": a.t("evaluating", "评估"), "read": a.t("reading", "读取"), "encode": a.t("encoding", "编码"), "complete": a.t("completing", "补全"),
		"quantise": a.t("quantising", "量化"), "verify": a.t("verifying", "核对"), "memory": a.t("asking for training text", "检查是否背诵训练文本"),
	}
	end = func(ok bool) {
		if p == nil {
			return
		}
		if !ok {
			last = a.t("stopped", "停止")
		}
		p.end(last)
		p = nil
	}
	return func(s string, done float64, text string) {
		if s != stage {
			end(true)
			stage, p = s, a.startProgress(names[s])
		}
		last = a.phrase(text)
		p.show(done, last)
	}, end
}

func (a *app) reportWorld(r *runs.WorldReport, q quickstartRun) error {
	if q.asJSON {
		return a.printJSON(r)
	}
	fmt.Fprintln(a.out, a.t("\nThe text is synthetic: a program wrote it about 12 people, 10 places, 8 objects and 8 foods.\nWhat follows says how well the model learnt that little world, and nothing about natural language.\n",
		"\n文本是合成的：由程序写成，只涉及 12 个人、10 个地点、8 件物品和 8 种食物。\n以下数字说明模型把这个小世界学得多好，与自然语言无关。\n"))
	tokens, seconds := 0, 0.0
	for _, p := range r.Trained {
		tokens, seconds = tokens+p.Tokens, seconds+p.Seconds
	}
	fmt.Fprintf(a.out, a.t("%s parameters read %s tokens in %.0f s, products in %s\n\n", "%s 个参数，%.0[3]f 秒读了 %[2]s 个词元，乘积以 %[4]s 计算\n\n"), thousands(int64(r.Parameters)), thousands(int64(tokens)), seconds, r.Precision)
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, a.t("exact match, %\tmodel\tmost frequent answer\tnearest training item\tfitting fact guessed\t", "完全匹配 exact match，%\t模型\t最常见答案\t最近训练样本\t猜一个合适的事实\t"))
	for _, s := range r.Tasks {
		fmt.Fprintf(w, "%s %s\t%.1f\t%.1f\t%.1f\t%.1f\t\n", s.Task, s.Lang, s.Exact, s.MostFrequent, s.Nearest, s.Guess)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(a.out, a.t("\nmean exact match %.1f %% over where, what-has, colour, likes, translation and Go: %d held-out items each, seed %d\n",
		"\n平均完全匹配 exact match %.1f %%（where、what-has、colour、likes、翻译与 Go）：每项 %d 个留出样本，种子 %d\n"), r.Mean, r.Tasks[0].Items, r.Seed)
	for _, e := range r.Exchanges {
		fmt.Fprintf(a.out, a.t("\n%s\n→ %s\n  (correct: %s)\n", "\n%s\n→ %s\n  （正确：%s）\n"), e.Prompt, e.Answer, e.Correct)
	}
	fmt.Fprintln(a.out, a.t("\nThe two questions were drawn by the seed. Next:", "\n这两个问题由种子抽取。下一步："))
	me := invocation()
	fmt.Fprintf(a.out, "  %s chat --model %s\n", me, q.out)
	fmt.Fprintf(a.out, "  printf '\"\"\"\\nTom is in the garden. Lily has a red ball.\\nWhere is Tom?\\n\"\"\"\\n' | %s chat --model %s\n", me, q.out)
	fmt.Fprintf(a.out, "  %s generate --model %s --prompt \"Tom is in the\" --max-tokens 40 --temperature 0.8\n", me, q.out)
	return nil
}

func (a *app) reportText(r *runs.TextReport, q quickstartRun) error {
	if q.asJSON {
		return a.printJSON(r)
	}
	fmt.Fprintf(a.out, a.t("\n%s bytes to train on, %s held out; %.1f %% of the held-out bytes stand in 4-line runs seen in training\n",
		"\n训练 %s 字节，留出 %s 字节；留出字节中 %.1f %% 出现在训练文本的 4 行片段里\n"), thousands(r.TrainBytes), thousands(r.HeldBytes), 100*r.Overlap)
	t := r.Trained[0]
	fmt.Fprintf(a.out, a.t("%s parameters read %s tokens in %.0f s, products in %s\n", "%s 个参数，%.0[3]f 秒读了 %[2]s 个词元，乘积以 %[4]s 计算\n"), thousands(int64(r.Parameters)), thousands(int64(t.Tokens)), t.Seconds, r.Precision)
	fmt.Fprintln(a.out, a.t("\nbits per byte of the held-out files, less is better", "\n留出文件的每字节比特数（bits per byte），越小越好"))
	for _, b := range r.Bits {
		fmt.Fprintf(a.out, "  %6.3f  %s\n", b.BitsPerByte, a.phrase(b.Name))
	}
	a.reportLosses(a.out, r)
	if r.Functions != nil {
		a.reportFunctions(r)
	}
	for _, s := range r.Samples {
		fmt.Fprintf(a.out, "\n%s\n→ %s\n", s.Prompt, s.Text)
	}
	prompt := "func main() {"
	if r.Functions == nil {
		prompt = beginning(r.Samples[0].Prompt)
	}
	fmt.Fprintf(a.out, a.t("\nNext:\n", "\n下一步：\n")+"  %s generate --model %s --prompt %s --max-tokens 100 --temperature 0.8 --echo\n", invocation(), quoted(q.out), quoted(prompt))
	return nil
}

// beginning is the first words of a text's longest line, to begin another text with.
func beginning(text string) string {
	longest := ""
	for line := range strings.Lines(strings.ToValidUTF8(text, "")) {
		if line = strings.Trim(line, " \t\r\n\uFFFD"); len(line) > len(longest) {
			longest = line
		}
	}
	runes := []rune(longest)
	return strings.TrimSpace(string(runes[:min(len(runes), 16)]))
}

// reportLosses says plainly where the model loses.
func (a *app) reportLosses(out io.Writer, r *runs.TextReport) {
	var better []string
	for _, b := range r.Bits[1:] {
		if b.BitsPerByte < r.Bits[0].BitsPerByte {
			better = append(better, a.phrase(b.Name))
		}
	}
	if len(better) == 0 {
		fmt.Fprintln(out, a.t("The model is the best of them.", "模型是其中最好的。"))
		return
	}
	fmt.Fprintf(out, a.t("The model loses to: %s. More minutes help it; they have counted all of the training text.\n", "模型不如：%s。更长的训练会有帮助；它们统计了全部训练文本。\n"), strings.Join(better, a.t("; ", "；")))
}

func (a *app) reportFunctions(r *runs.TextReport) {
	f := r.Functions
	fmt.Fprintf(a.out, a.t("\n%d held-out function heads, completed greedily (an empty body, or one that never closes, is a failure)\n", "\n%d 个留出的函数头，贪心补全（函数体为空或不闭合算失败）\n"), f.Heads)
	line := func(name string, s runs.Share) {
		fmt.Fprintf(a.out, a.t("  %s: %.1f %% (95 %% interval %.1f to %.1f)\n", "  %s：%.1f %%（95 %% 区间 %.1f 至 %.1f）\n"), name, 100*s.Share, 100*s.Low, 100*s.High)
	}
	line(a.t("parse", "语法正确"), f.Parse)
	line(a.t("type-check in their package", "在其包中通过类型检查"), f.Check)
	fmt.Fprintf(a.out, a.t("five of them, drawn by seed %d and not by success:\n", "其中五个，由种子 %d 抽取，与成败无关：\n"), r.Seed)
	for _, e := range f.Examples {
		verdict := a.t("type-checks", "通过类型检查")
		if !e.Check {
			verdict = e.Error
		}
		fmt.Fprintf(a.out, "\n// %s: %s\n%s\n", e.File, verdict, e.Code)
	}
}
