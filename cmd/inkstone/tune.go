package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/tensor"
)

func (a *app) tune() *cobra.Command {
	var o inkstone.TuneOptions
	var dryRun, asJSON bool
	var task string
	var warm warmUp
	c := &cobra.Command{
		Use:   "tune --model DIR --data FILE.jsonl --out DIR",
		Short: a.t("fine-tune a model on conversations", "用对话微调模型"),
		Long: a.t(`Supervised fine-tuning on lines of {"messages":[{"role":"user","content":…},{"role":"assistant","content":…}]}.
The loss counts the assistant's tokens alone; --dry-run prints three examples token by token.
The chat template goes into the new folder, so that other programs converse in the same form.

--task tunes a BERT instead: classify reads {"text":…,"pair":…,"label":…} lines or the STS benchmark's
columns, tokens {"text":…,"spans":[{"start":…,"end":…,"label":…}]}, spans SQuAD's form.
--warm-up makes examples of plain text first, without a label: for spans and for scores.`,
			`在 {"messages":[{"role":"user","content":…},{"role":"assistant","content":…}]} 行上做监督微调。
损失只计算助手的词元；--dry-run 逐词元打印三个例子。
对话模板写入新文件夹，其他程序因此能以同样的形式对话。

--task 改为微调 BERT：classify 读取 {"text":…,"pair":…,"label":…} 行或 STS 基准的列，
tokens 读取 {"text":…,"spans":[{"start":…,"end":…,"label":…}]}，spans 读取 SQuAD 形式。--warm-up 先用纯文本造出无需标注的例子预热：用于 spans 和打分。`),
		Example: `  inkstone tune --model model --data chats.jsonl --out tuned --dry-run
  inkstone tune --model model --data chats.jsonl --out tuned --epochs 3
  inkstone tune --model model --data chats.jsonl --out tuned --template zephyr.jinja
  inkstone tune --task classify --model bert --data pairs.jsonl --out judge --epochs 5
  inkstone tune --task spans --model bert --data squad.json --out reader --warm-up book.txt`,
	}
	f := c.Flags()
	f.StringVar(&o.Model, "model", "", a.t("start from the model in the folder `DIR` (required)", "起始模型的文件夹 `DIR`（必填）"))
	f.StringArrayVar(&o.Data, "data", nil, a.t("`FILE` of JSON lines of conversations, may be repeated (required)", "对话的 JSON 行文件 `FILE`，可多次给出（必填）"))
	f.StringVar(&o.Out, "out", "", a.t("write the tuned model to the folder `DIR` (required)", "把微调后的模型写入文件夹 `DIR`（必填）"))
	f.StringVar(&task, "task", "chat", fmt.Sprintf(a.t("what to tune for: chat, or of a BERT %s", "微调的任务：chat，或 BERT 的 %s"), strings.Join(inkstone.HeadTasks(), ", ")))
	f.StringVar(&o.Template, "template", "", a.t("Jinja chat template in `FILE`; else the model's own, else ChatML", "Jinja 对话模板文件 `FILE`；否则用模型自带的，再否则 ChatML"))
	f.StringArrayVar(&warm.texts, "warm-up", nil, a.t("plain text in `FILE` to make a task's first examples of, may be repeated", "纯文本文件 `FILE`，用来造任务最初的例子，可多次给出"))
	f.IntVar(&warm.steps, "warm-up-steps", 2000, a.t("`N` updates of the warm-up", "预热的更新次数 `N`"))
	f.BoolVar(&dryRun, "dry-run", false, a.t("print three examples token by token with the mask; train nothing", "逐词元打印三个例子及掩码，不训练"))
	f.BoolVar(&o.DropLong, "drop-long", false, a.t("leave out conversations that the context does not hold, and say how many", "略去超出上下文的对话，并说明数量"))
	f.IntVar(&o.Epochs, "epochs", 3, a.t("`N` passes over the data", "遍历数据的次数 `N`"))
	f.IntVar(&o.Steps, "steps", 0, a.t("`N` updates, 0: as --epochs says", "更新次数 `N`，0 表示由 --epochs 决定"))
	f.IntVar(&o.Rows, "batch", 8, a.t("`N` conversations of an update", "每次更新的对话数 `N`"))
	f.Float64Var(&o.LR, "lr", 3e-4, a.t("peak learning `RATE` of AdamW", "AdamW 的峰值学习率 `RATE`"))
	f.Uint64Var(&o.Seed, "seed", 0, a.t("seed `N` of the order", "顺序的随机种子 `N`"))
	f.IntVar(&o.Threads, "threads", 0, a.t("`N` threads, 0: one for each core; the result is the same", "线程数 `N`，0 表示每核一个；结果不变"))
	f.StringVar(&o.Precision, "precision", "f32", a.t("`TYPE` of products: f32, or bf16, twice as fast where the processor has it", "乘积的数值类型 `TYPE`：f32，或 bf16（处理器支持时快一倍）"))
	a.addAdversary(f, &o.Adversarial)
	f.IntVar(&o.EvalEvery, "eval-every", 0, a.t("`N` steps between evaluations, 0: a tenth of the run", "两次评估之间的步数 `N`，0 表示全程的十分之一"))
	f.IntVar(&o.CheckpointEvery, "checkpoint-every", 0, a.t("`N` steps between checkpoints, 0: a tenth of the run", "两次存档之间的步数 `N`，0 表示全程的十分之一"))
	f.BoolVar(&o.Resume, "resume", false, a.t("continue the run in --out", "继续 --out 中的训练"))
	f.BoolVar(&o.Force, "force", false, a.t("start though the plan exceeds the memory", "即使预计内存不足也开始"))
	f.BoolVar(&asJSON, "json", false, a.t("print the result as one JSON object", "把结果打印为一个 JSON 对象"))
	c.RunE = func(c *cobra.Command, args []string) error {
		o.Data = append(o.Data, args...)
		if task != "chat" {
			return a.tuneHead(c, task, o, warm, asJSON)
		}
		switch {
		case c.Flags().Changed("warm-up") || c.Flags().Changed("warm-up-steps"):
			return usagef("tune: --warm-up is of a task of a BERT, not of conversations")
		case o.Model == "":
			return usagef("tune: --model DIR is missing")
		case len(o.Data) == 0:
			return usagef("tune: --data FILE.jsonl is missing")
		case o.Out == "" && !dryRun:
			return usagef("tune: --out DIR is missing")
		case o.Epochs < 1 || o.Steps < 0 || o.Rows < 1 || o.LR <= 0 || o.Threads < 0 || o.EvalEvery < 0 || o.CheckpointEvery < 0:
			return usagef("tune: --epochs, --batch and --lr must be positive, the other numbers not negative")
		}
		if _, err := tensor.ParsePrecision(o.Precision); err != nil {
			return usagef("tune: --%v", err)
		}
		o.Stdin, o.Notice = a.in, a.notice
		if dryRun {
			return inkstone.DryRun(o, a.out)
		}
		return a.watchRun(c, o.Out, asJSON, func(w *runWatch) (*inkstone.Trained, error) {
			o.Progress, o.Planned = w.step, w.planned
			return inkstone.Tune(c.Context(), o)
		})
	}
	return c
}
