package main

import (
	"fmt"
	"math"
	"strings"

	"github.com/spf13/cobra"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/eval"
)

func (a *app) eval() *cobra.Command {
	var o inkstone.EvaluateOptions
	var dir, perturb string
	var added []string
	var seed uint64
	var threads int
	var asJSON, compare bool
	c := &cobra.Command{
		Use:   "eval --model DIR --data PATH...",
		Short: a.t("measure a model: loss, perplexity, bits per byte, exact match", "测量模型：损失、困惑度、每字节比特数、完全匹配率"),
		Long: a.t(`On text: loss, perplexity, bits per byte and per character, tokens per second, in windows that begin
--stride tokens apart; what begins a text by the tokenizer's file is read before it and not predicted. Of an encoder–decoder on pairs of sentences: BLEU and chrF as sacreBLEU has them.
Of a model of clips, on digits: the squared error of each frame beside a copy of the last one and linear motion.
Of a model of speech, on recordings of words: word error rate alone and in utterances, by length. On {"messages":[…]} lines: exact match of the assistant's turns, greedily.`,
			`文本：损失、困惑度、每字节与每字符比特数、每秒词元数，窗口每隔 --stride 个词元开始；
分词器文件规定的文本起始词元先读入，不作预测。
编码器–解码器，句对：与 sacreBLEU 相同的 BLEU 和 chrF。
视频模型，数字图像：每帧的平方误差，与复制最后一帧和线性运动并列。
语音模型，单词录音：单独录音与合成语句的词错误率，按长度列出。{"messages":[…]} 行：贪心生成，助手各轮的完全匹配率。`),
		Example: `  inkstone eval --model model --data held-out.txt
  inkstone eval --model model --data held-out.txt --stride 64 --json
  inkstone eval --model base --adapter lora --data held-out.txt
  inkstone eval --model translator --data pairs.tsv --beam 4
  inkstone eval --model tuned --data questions.jsonl
  inkstone eval --model tuned --data questions.jsonl --perturb chars:0.05
  inkstone eval --model clips --data digits-images-idx3-ubyte.gz --held-out --judge cnn
  inkstone eval --model gan --data images --judge judge
  inkstone eval --model inpaint --data images --judge judge
  inkstone eval --model fusion --data digits-images-idx3-ubyte.gz --data spoken.tar.gz --held-out
  inkstone eval --model speech --data recordings --held-out --beam 8
  inkstone eval --compare lstm gru gpt --data held-out.txt`,
	}
	f := c.Flags()
	f.StringVar(&dir, "model", "", a.t("`DIR` of the model (required)", "模型文件夹 `DIR`（必填）"))
	a.addAdapterFlag(f, &added)
	f.StringArrayVar(&o.Data, "data", nil, a.t("`PATH` of text, folder, glob, - or conversations; may be repeated (required)", "文本、文件夹、通配符、- 或对话的 `PATH`；可多次给出（必填）"))
	f.BoolVar(&compare, "compare", false, a.t("one table of several models, whose folders are the arguments", "用一张表比较多个模型，参数是它们的文件夹"))
	f.IntVar(&o.Context, "context", 0, a.t("`N` tokens of a window, 0: the model's", "窗口的词元数 `N`，0 表示模型的上下文"))
	f.IntVar(&o.Stride, "stride", 0, a.t("`N` tokens between windows, 0: as --context, they do not overlap", "窗口间隔的词元数 `N`，0 表示与 --context 相同，互不重叠"))
	f.StringVar(&perturb, "perturb", "", a.t("harm the questions of conversations: `KIND:RATE`, chars:0.05 or words:0.1", "扰动对话中的问题：`KIND:RATE`，如 chars:0.05 或 words:0.1"))
	f.Uint64Var(&seed, "seed", 0, a.t("with --perturb or --attack, or of a GAN's images, clips, holes and utterances: seed `N`", "与 --perturb 或 --attack 合用，或用于 GAN 的图像、片段、空洞和语句：种子 `N`"))
	f.StringArray("baseline", nil, a.t("`PATH` of text whose words the baselines of a masked language model count, its training text; may be repeated", "掩码语言模型的基线所统计的文本 `PATH`，即其训练文本；可多次给出"))
	f.IntVar(&threads, "threads", 0, a.t("`N` threads, 0: one for each core", "线程数 `N`，0 表示每核一个"))
	f.BoolVar(&asJSON, "json", false, a.t("print one JSON object", "打印一个 JSON 对象"))
	a.addBeamFlags(f)
	a.addImageEvalFlags(f)
	a.addVideoEvalFlags(f)
	a.addGANEvalFlags(f)
	a.addSpeechEvalFlags(f)
	a.addShared(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		if o.Stdin = a.in; compare {
			return a.compare(c, args, dir, threads, asJSON, o)
		}
		o.Data = append(o.Data, args...)
		switch {
		case dir == "":
			return usagef("eval: --model DIR is missing; see '%s --help'", c.CommandPath())
		case len(o.Data) == 0:
			return usagef("eval: --data PATH is missing; see '%s --help'", c.CommandPath())
		case o.Context < 0 || o.Stride < 0 || threads < 0:
			return usagef("eval: --context, --stride and --threads must not be negative")
		case o.Context > 0 && o.Stride > o.Context:
			return usagef("eval: --stride %d is more than --context %d: tokens would be skipped", o.Stride, o.Context)
		}
		if perturb != "" {
			var err error
			if o.Perturb, err = corpus.ParsePerturbation(perturb, seed); err != nil {
				return usageError{fmt.Errorf("eval: --perturb: %w", err)}
			}
		}
		kind := inkstone.Kind(dir)
		if own := a.familyOf(kind); kind != "" { // else there is no such folder, which is said below
			if err := refuseForeign(c, own.name, commonEval, own.evalFlags); err != nil {
				return err
			}
		}
		if f := a.family(kind); f != nil {
			return f.eval(c, dir, threads, asJSON, o)
		}
		load := &inkstone.LoadOptions{Threads: threads}
		var err error
		if load.Adapters, err = adapters(added); err != nil {
			return err
		}
		m, err := inkstone.Load(dir, load)
		if err != nil {
			return err
		}
		defer m.Close()
		r, err := m.Evaluate(c.Context(), o)
		if err != nil {
			return err
		}
		return a.printReport(r, asJSON)
	}
	return c
}

// printReport prints a report as a table, or as JSON.
func (a *app) printReport(r eval.Report, asJSON bool) error {
	if asJSON {
		return r.WriteJSON(a.out)
	}
	return a.report(r)
}

// report prints an [eval.Report] in the chosen language.
func (a *app) report(r eval.Report) error {
	fmt.Fprintln(a.out, r.Title)
	rows := make([]row, len(r.Rows))
	for i, x := range r.Rows {
		rows[i] = row{x.Name, a.phrase(x.Name), a.reportValue(x)}
	}
	if err := a.table(rows); err != nil {
		return err
	}
	for _, note := range r.Notes {
		if _, err := fmt.Fprintf(a.out, "(%s)\n", a.phrase(note)); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) reportValue(x eval.Row) string {
	switch {
	case x.Low != nil:
		return fmt.Sprintf(a.t("%.1f %% of %s (95 %% interval %.1f to %.1f)", "%.1f %%，共 %s 个（95 %% 区间 %.1f 至 %.1f）"),
			100*x.Value, thousands(int64(x.Of)), 100**x.Low, 100**x.High)
	case x.Unit == "%":
		return fmt.Sprintf(a.t("%.2f %% of %s", "%.2f %%，共 %s 个"), 100*x.Value, thousands(int64(x.Of)))
	case x.Value == math.Trunc(x.Value):
		return thousands(int64(x.Value))
	case x.Name == "tokens per second":
		return rate(x.Value)
	case x.Unit == "nats per token":
		return fmt.Sprintf("%.4f %s", x.Value, a.t(x.Unit, "奈特/词元"))
	}
	return strings.TrimSpace(fmt.Sprintf("%.4f %s", x.Value, a.phrase(x.Unit)))
}
