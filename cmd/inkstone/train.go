package main

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/train"
)

// trainFlags are the flags that train and plan share.
type trainFlags struct {
	data                       []string
	config, precision, kind    string
	depth, steps, threads      int
	evalEvery, checkpointEvery int
	seed                       uint64
	force, asJSON, checkpoint  bool
	adversarial                train.Adversary

	algorithm, embeddings string // of train alone, as the next line
	dimension, epochs     int
}

// overrideAdversary sets what flags of adversarial training were given.
func (o *trainFlags) overrideAdversary(f *pflag.FlagSet, a *train.Adversary) {
	override(f, "adversarial", &a.Method, o.adversarial.Method)
	override(f, "epsilon", &a.Epsilon, o.adversarial.Epsilon)
	override(f, "replays", &a.Replays, o.adversarial.Replays)
}

// addAdversary adds the flags of adversarial training.
func (a *app) addAdversary(f *pflag.FlagSet, o *train.Adversary) {
	f.StringVar(&o.Method, "adversarial", "", a.t("train against small changes by `METHOD`: of embeddings fgm, two passes over each batch, free, more, or virtual, against a change of the answers; of images fgsm or pgd", "以 `METHOD` 对抗小扰动：嵌入用 fgm（每批两遍）、free（更多遍）或 virtual（针对回答的变化）；图像用 fgsm 或 pgd"))
	f.Float64Var(&o.Epsilon, "epsilon", 0, a.t("with --adversarial: move a sequence's embeddings, or an image of numbers from 0 to 1, by `E` at most", "与 --adversarial 合用：一个序列的嵌入（或数值为 0 到 1 的图像）至多移动 `E`"))
	f.IntVar(&o.Replays, "replays", 0, a.t("with --adversarial free: `N` passes over each batch (default 3)", "与 --adversarial free 合用：每批 `N` 遍（默认 3）"))
}

func (a *app) addTrainFlags(f *pflag.FlagSet, o *trainFlags) {
	f.StringArrayVar(&o.data, "data", nil, a.t("`PATH` of a text file, folder, glob, - or token shard; may be repeated, further arguments are data too (required)", "文本文件、文件夹、通配符、- 或词元分片的 `PATH`；可多次给出，其余参数也视为数据（必填）"))
	f.IntVar(&o.depth, "depth", 0, a.t("`N` blocks; width, heads, batch, learning rates and horizon follow (default 4)", "层数 `N`；宽度、头数、批量、学习率与训练长度由它推出（默认 4）"))
	f.StringVar(&o.config, "config", "", a.t("JSON `FILE` that sets everything; flags win over it", "设置全部参数的 JSON 文件 `FILE`；命令行选项优先"))
	f.StringVar(&o.kind, "model-type", "", fmt.Sprintf(a.t("`TYPE` of model: %s (default llama)", "模型类型 `TYPE`：%s（默认 llama）"), a.modelTypes()))
	f.IntVar(&o.steps, "steps", 0, a.t("`N` updates, 0: as depth and data say", "更新次数 `N`，0 表示由层数和数据决定"))
	f.Uint64Var(&o.seed, "seed", 0, a.t("seed `N` of weights, batches and dropout", "权重、批次和 dropout 的随机种子 `N`"))
	f.IntVar(&o.threads, "threads", 0, a.t("`N` threads, 0: one for each core; the result is the same", "线程数 `N`，0 表示每核一个；结果不变"))
	f.StringVar(&o.precision, "precision", "f32", a.t("`TYPE` of products: f32, or bf16, twice as fast where the processor has it", "乘积的数值类型 `TYPE`：f32，或 bf16（处理器支持时快一倍）"))
	f.IntVar(&o.evalEvery, "eval-every", 0, a.t("`N` steps between evaluations, 0: a tenth of the run, more where that would cost too much", "两次评估之间的步数 `N`，0 表示全程的十分之一，评估过慢时更多"))
	f.IntVar(&o.checkpointEvery, "checkpoint-every", 0, a.t("`N` steps between checkpoints, 0: a tenth of the run", "两次存档之间的步数 `N`，0 表示全程的十分之一"))
	f.BoolVar(&o.checkpoint, "checkpoint", false, a.t("compute the inside of blocks again in the backward: less memory, a third more time, the same weights; turned on where the memory asks for it", "反向时重新计算各层内部：省内存，多用三分之一时间，权重不变；内存不足时自动启用"))
	f.BoolVar(&o.force, "force", false, a.t("start though the plan exceeds the memory", "即使预计内存不足也开始"))
	f.BoolVar(&o.asJSON, "json", false, a.t("print the result as one JSON object", "把结果打印为一个 JSON 对象"))
}

// options joins the config file and the flags that were given.
func (o *trainFlags) options(a *app, c *cobra.Command, args []string) (inkstone.TrainOptions, error) {
	t := inkstone.TrainOptions{Data: append(o.data, args...), Stdin: a.in, Threads: o.threads, Force: o.force, Notice: a.notice}
	if _, err := tensor.ParsePrecision(o.precision); err != nil {
		return t, usagef("%s: --%v", c.Name(), err)
	}
	if len(t.Data) == 0 {
		return t, usagef("%s: --data PATH is missing; see '%s --help'", c.Name(), c.CommandPath())
	}
	if o.config != "" {
		var err error
		if t.Settings, err = inkstone.ReadSettings(o.config); err != nil {
			return t, err
		}
	}
	s, f := &t.Settings, c.Flags()
	override(f, "depth", &s.Depth, o.depth)
	override(f, "model-type", &s.Model, o.kind)
	override(f, "steps", &s.Steps, o.steps)
	o.overrideAdversary(f, &s.Adversarial)
	override(f, "seed", &s.Seed, o.seed)
	override(f, "precision", &s.Precision, o.precision)
	override(f, "checkpoint", &s.Checkpoint, o.checkpoint)
	override(f, "eval-every", &s.EvalEvery, o.evalEvery)
	override(f, "checkpoint-every", &s.CheckpointEvery, o.checkpointEvery)
	if o.depth < 0 || o.steps < 0 || o.threads < 0 || o.evalEvery < 0 || o.checkpointEvery < 0 {
		return t, usagef("%s: a negative number for --depth, --steps, --threads, --eval-every or --checkpoint-every", c.Name())
	}
	for _, name := range []string{"depth", "steps"} {
		if f.Changed(name) && f.Lookup(name).Value.String() == "0" {
			return t, usagef("%s: --%s 0 is none; leave the flag away for the default", c.Name(), name)
		}
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
		Short: a.t("train a model: a GPT on text, or another by --model-type", "训练模型：在文本上训练 GPT，或由 --model-type 指定其他模型"),
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
  inkstone train --model-type seq2seq --data pairs.tsv --out translator
  inkstone train --model-type pix2pix --data digits --from thin --to neon --out neon
  inkstone train --model-type convlstm --data digits-images-idx3-ubyte.gz --out clips
  inkstone train --model-type ctc --data recordings --unheard theo --out speech
  inkstone train --data book.txt --out model --resume`,
	}
	a.addTrainFlags(c.Flags(), &o)
	a.addAdversary(c.Flags(), &o.adversarial)
	a.addAttackFlags(c.Flags())
	a.addPictureTrainFlags(c.Flags())
	a.addSpeechTrainFlags(c.Flags())
	a.addVectorFlags(c.Flags(), &o)
	c.Flags().StringVar(&o.embeddings, "embeddings", "", a.t("`FILE` or folder of word vectors with which a word-level model's embeddings start", "词级模型的嵌入从此词向量文件 `FILE`（或文件夹）开始"))
	c.Flags().StringVar(&out, "out", "", a.t("write the model to the folder `DIR` (required)", "把模型写入文件夹 `DIR`（必填）"))
	c.Flags().BoolVar(&resume, "resume", false, a.t("continue the run in --out", "继续 --out 中的训练"))
	c.RunE = func(c *cobra.Command, args []string) error {
		f := a.family(o.kind)
		if f == nil && o.kind != "" && !slices.Contains(inkstone.LanguageModels(), o.kind) {
			return usagef("train: --model-type %q is none of %s", o.kind, a.modelTypes())
		}
		if err := refuseForeign(c, a.familyOf(o.kind).name, commonTrain, a.familyOf(o.kind).trainFlags); err != nil {
			return err
		}
		if f != nil {
			return f.train(c, trainRequest{&o, append(o.data, args...), out, resume})
		}
		t, err := o.options(a, c, args)
		if err != nil {
			return err
		}
		if out == "" {
			return usagef("train: --out DIR is missing; see '%s --help'", c.CommandPath())
		}
		t.Out, t.Resume = out, resume
		override(c.Flags(), "embeddings", &t.Settings.Embeddings, o.embeddings)
		fmt.Fprintln(a.errs, a.t("reading the text and learning the tokenizer …", "正在读取文本并训练分词器 …"))
		return a.watchRun(c, out, o.asJSON, func(w *runWatch) (*inkstone.Trained, error) {
			t.Progress, t.Planned = w.step, w.planned
			return inkstone.Train(c.Context(), t)
		})
	}
	return c
}

// notice prints what a user should know beside an error.
func (a *app) notice(text string) { fmt.Fprintln(a.errs, a.phrase(text)) }
