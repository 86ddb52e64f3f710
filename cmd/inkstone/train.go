package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/train"
)

// trainFlags are the flags that train and plan share.
type trainFlags struct {
	data                       []string
	config, precision          string
	depth, steps, threads      int
	evalEvery, checkpointEvery int
	seed                       uint64
	force, asJSON              bool
}

func (a *app) addTrainFlags(f *pflag.FlagSet, o *trainFlags) {
	f.StringArrayVar(&o.data, "data", nil, a.t("text file, folder, glob, - or token shard; may be repeated, further arguments are data too (required)", "文本文件、文件夹、通配符、- 或词元分片；可多次给出，其余参数也视为数据（必填）"))
	f.IntVar(&o.depth, "depth", 0, a.t("blocks; width, heads, batch, learning rates and horizon follow (default 4)", "层数；宽度、头数、批量、学习率与训练长度由它推出（默认 4）"))
	f.StringVar(&o.config, "config", "", a.t("JSON file that sets everything; flags win over it", "设置全部参数的 JSON 文件；命令行选项优先"))
	f.IntVar(&o.steps, "steps", 0, a.t("updates, 0: as depth and data say", "更新次数，0 表示由层数和数据决定"))
	f.Uint64Var(&o.seed, "seed", 0, a.t("seed of weights, batches and dropout", "权重、批次和 dropout 的随机种子"))
	f.IntVar(&o.threads, "threads", 0, a.t("threads, 0: one for each core; the result is the same", "线程数，0 表示每核一个；结果不变"))
	f.StringVar(&o.precision, "precision", "f32", a.t("f32", "f32"))
	f.IntVar(&o.evalEvery, "eval-every", 0, a.t("steps between evaluations, 0: a tenth of the run", "两次评估之间的步数，0 表示全程的十分之一"))
	f.IntVar(&o.checkpointEvery, "checkpoint-every", 0, a.t("steps between checkpoints, 0: as --eval-every", "两次存档之间的步数，0 表示与 --eval-every 相同"))
	f.BoolVar(&o.force, "force", false, a.t("start though the plan exceeds the memory", "即使预计内存不足也开始"))
	f.BoolVar(&o.asJSON, "json", false, a.t("print the result as one JSON object", "把结果打印为一个 JSON 对象"))
}

// options joins the config file and the flags that were given.
func (o *trainFlags) options(a *app, c *cobra.Command, args []string) (inkstone.TrainOptions, error) {
	t := inkstone.TrainOptions{Data: append(o.data, args...), Stdin: a.in, Threads: o.threads, Force: o.force, Notice: a.notice}
	switch o.precision {
	case "f32":
	case "bf16":
		return t, usagef("%s: --precision bf16 does not exist yet; f32 does", c.Name())
	default:
		return t, usagef("%s: --precision %q is unknown; f32 exists", c.Name(), o.precision)
	}
	if len(t.Data) == 0 {
		return t, usagef("%s: --data PATH is missing", c.Name())
	}
	if o.config != "" {
		var err error
		if t.Settings, err = inkstone.ReadSettings(o.config); err != nil {
			return t, err
		}
	}
	s, f := &t.Settings, c.Flags()
	override(f, "depth", &s.Depth, o.depth)
	override(f, "steps", &s.Steps, o.steps)
	override(f, "seed", &s.Seed, o.seed)
	override(f, "eval-every", &s.EvalEvery, o.evalEvery)
	override(f, "checkpoint-every", &s.CheckpointEvery, o.checkpointEvery)
	if o.depth < 0 || o.steps < 0 || o.threads < 0 || o.evalEvery < 0 || o.checkpointEvery < 0 {
		return t, usagef("%s: a negative number for --depth, --steps, --threads, --eval-every or --checkpoint-every", c.Name())
	}
	return t, nil
}

// override sets a setting to a flag's value if the flag was given.
func override[T any](f *pflag.FlagSet, name string, setting *T, value T) {
	if f.Changed(name) {
		*setting = value
	}
}

func (a *app) train() *cobra.Command {
	var o trainFlags
	var out string
	var resume bool
	c := &cobra.Command{
		Use:   "train --data PATH... --out DIR",
		Short: a.t("pretrain a GPT on text", "在文本上预训练 GPT"),
		Long: a.t(`Trains a tokenizer and a GPT on text and writes a Hugging Face folder: config.json,
model.safetensors, tokenizer.json, generation_config.json; beside it inkstone.json (the settings),
loss.svg and loss.png, and run/ with checkpoints and the metrics log.

--depth is the one dial. --config sets everything; inkstone.json of a run is such a file.
The first Ctrl-C writes a checkpoint and stops, the second stops at once; --resume goes on.`,
			`在文本上训练分词器和 GPT，写出 Hugging Face 文件夹：config.json、model.safetensors、
tokenizer.json、generation_config.json；旁边有 inkstone.json（全部设置）、loss.svg 与 loss.png，
以及含存档和指标日志的 run/。

--depth 是唯一的旋钮；--config 可设置一切，某次训练的 inkstone.json 就是这样的文件。
第一次 Ctrl-C 写存档后停止，第二次立即停止；--resume 继续。`),
		Example: `  inkstone train --data book.txt --out model
  inkstone train --data src/ --data notes.md --out model --depth 6 --seed 1
  inkstone train --data book.txt --out model --config settings.json --steps 2000
  inkstone train --data book.txt --out model --resume`,
	}
	a.addTrainFlags(c.Flags(), &o)
	c.Flags().StringVar(&out, "out", "", a.t("folder of the model (required)", "模型文件夹（必填）"))
	c.Flags().BoolVar(&resume, "resume", false, a.t("continue the run in --out", "继续 --out 中的训练"))
	c.RunE = func(c *cobra.Command, args []string) error {
		t, err := o.options(a, c, args)
		if err != nil {
			return err
		}
		if out == "" {
			return usagef("train: --out DIR is missing")
		}
		t.Out, t.Resume = out, resume
		fmt.Fprintln(a.errs, a.t("reading the text and learning the tokenizer …", "正在读取文本并训练分词器 …"))
		return a.watchRun(out, o.asJSON, func(progress func(train.Metrics)) (*inkstone.Trained, error) {
			t.Progress, t.Planned = progress, a.announce
			return inkstone.Train(c.Context(), t)
		})
	}
	return c
}

// announce prints what a run is about to be, before its first step.
func (a *app) announce(p inkstone.Announcement) {
	fmt.Fprintf(a.errs, a.t("%s · %s parameters · vocabulary %s · context %d · f32 on %s\n", "%s · %s 个参数 · 词表 %s · 上下文 %d · f32，%s\n"),
		p.Model, thousands(p.Parameters), thousands(int64(p.Vocabulary)), p.Context, p.Device)
	if p.Steps > 0 {
		fmt.Fprintf(a.errs, a.t("%s steps of %s tokens · %s tokens to train on, %s held out\n", "%s 步，每步 %s 个词元 · 训练 %s 个词元，留出 %s 个\n"),
			thousands(int64(p.Steps)), thousands(int64(p.TokensPerStep)), thousands(p.TrainTokens), thousands(p.HeldTokens))
	}
	a.steps = p.Steps
}

// watchRun shows a run's progress and prints what it made.
func (a *app) watchRun(out string, asJSON bool, run func(func(train.Metrics)) (*inkstone.Trained, error)) error {
	var p *progress
	var loss float64
	held := ""
	r, err := run(func(m train.Metrics) {
		if p == nil {
			p = a.startProgress(a.t("training", "训练"))
		}
		if m.Evaluation != nil {
			held = fmt.Sprintf(a.t(" · held-out %.4f", " · 留出损失 %.4f"), *m.Evaluation)
			return
		}
		if loss == 0 {
			loss = m.Loss
		}
		loss += 0.1 * (m.Loss - loss)
		p.show(float64(m.Step)/float64(a.steps), fmt.Sprintf(a.t("step %d/%d · loss %.4f%s · %s tokens/s", "第 %d/%d 步 · 损失 %.4f%s · %s 词元/秒"),
			m.Step, a.steps, loss, held, rate(m.TokensPerSecond)))
	})
	if p != nil {
		p.end(a.t("ended", "结束"))
	}
	if errors.Is(err, context.Canceled) {
		fmt.Fprintf(a.errs, a.t("a checkpoint is in %s; the same command with --resume goes on\n", "存档在 %s；同一命令加 --resume 可继续\n"), out)
	}
	if err != nil {
		return err
	}
	if asJSON {
		return a.printJSON(r)
	}
	fmt.Fprintf(a.out, a.t("%s: %d steps, held-out loss %.4f (the best, of step %d)\n", "%s：%d 步，留出损失 %.4f（最好，第 %d 步）\n"), r.Dir, r.Steps, r.Best, r.BestStep)
	fmt.Fprintf(a.errs, a.t("next:\n", "下一步：\n")+"  inkstone generate --model %s --prompt \"\" --max-tokens 200 --temperature 0.8\n", r.Dir)
	return nil
}

// notice prints what a user should know beside an error.
func (a *app) notice(text string) { fmt.Fprintln(a.errs, text) }
