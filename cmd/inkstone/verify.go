package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/inkstone-ai/inkstone"
)

func (a *app) verify() *cobra.Command {
	var o inkstone.VerifyOptions
	var asJSON bool
	c := &cobra.Command{
		Use:   "verify A B [--adapter DIR]",
		Short: a.t("is model B what model A is: logits, perplexity, tokenizer, template", "模型 B 是否即模型 A：logits、困惑度、分词器、模板"),
		Long: a.t(`Compares model B with A, of which it ought to be a copy in another format, type or state, on a text: the largest
and mean difference of logits, KL divergence, agreement of the likeliest token, perplexity; ids of the text and
the text of the ids; what the chat templates write. A and B are folders, .gguf files or ORG/NAME of the hub's cache.
B may be the address of a running server with OpenAI's HTTP interface that tells log-probabilities, as llama.cpp's does: then those
of what it answers to pieces of the text and to a conversation are compared with A's. ?model=NAME chooses one of several, --server-type
says the type of its weights: without it that of A is taken, but F16 at least, in which servers keep keys and values unless they are told
otherwise (llama-server -ctk f32 -ctv f32); F32 is for those that keep all in F32. INKSTONE_API_KEY of the environment is its key.
It fails, with exit code 1, beyond the bounds of the lossiest type of weights of the two:
F32 |Δlogit| ≤ 1e-4 · F16, BF16 KL ≤ 1e-3 · Q8_0 KL ≤ 2e-3 and top 1 ≥ 98 % · Q4_K to Q6_K perplexity within 3 %,
of a server, whose own words are measured, KL ≤ 0.03 and top 1 ≥ 80 %.

--adapter adds a LoRA adapter, a folder that Hugging Face's PEFT library wrote, to A in memory, all of it in F32: B ought to be
the model into which it is merged, and the bounds are those of B's types.`,
			`在一段文本上比较模型 B 与模型 A，B 应是 A 的另一种格式、类型或状态的副本：logits 的最大与平均差、KL 散度、
最可能词元的一致率、困惑度；文本的词元编号与还原；对话模板的输出。A 和 B 为文件夹、.gguf 文件或模型库缓存中的 ORG/NAME。
B 也可以是正在运行、带 OpenAI HTTP 接口并给出对数概率的服务（如 llama.cpp 的）的地址：此时比较它对文本片段和一段对话的回答的对数概率。
服务有多个模型时用 ?model=NAME 选择，--server-type 说明其权重类型：不给则取 A 的类型，
但至少按 F16 计，因为服务默认以 F16 保存键和值（llama-server -ctk f32 -ctv f32 可改）；F32 用于全部为 F32 的服务。环境变量 INKSTONE_API_KEY 是它的密钥。
超出两者中损失最大的权重类型的界限时失败，退出码为 1：
F32 |Δlogit| ≤ 1e-4 · F16、BF16 KL ≤ 1e-3 · Q8_0 KL ≤ 2e-3 且首位一致 ≥ 98 % · Q4_K 至 Q6_K 困惑度相差 ≤ 3 %；
服务则在其自己的回答上比较：KL ≤ 0.03 且首位一致 ≥ 80 %。

--adapter 在内存中以 F32 把 LoRA 适配器（Hugging Face 的 PEFT 库写出的文件夹）加到 A 上：B 应是合并了它的模型，界限取 B 的类型。`),
		Example: `  inkstone verify model model.gguf
  inkstone verify model quantised.gguf --text held-out.txt --tokens 8192
  inkstone verify base merged --adapter lora
  inkstone verify HuggingFaceTB/SmolLM2-135M model --json
  inkstone verify model http://localhost:8080 --server-type Q8_0`,
		Args: cobra.ExactArgs(2),
	}
	f := c.Flags()
	a.addAdapterFlag(f, &o.Adapters)
	f.StringVar(&o.Text, "text", "", a.t("`FILE` of text; without it one of the program's own", "文本 `FILE`；不给则用程序自带的文本"))
	f.IntVar(&o.Tokens, "tokens", 2048, a.t("at most `N` tokens of the text", "最多取文本的 `N` 个词元"))
	f.IntVar(&o.Context, "context", 0, a.t("`N` tokens of a window, 0: 256, or what the models have", "窗口的词元数 `N`，0 表示 256 或模型的上下文"))
	f.StringVar(&o.ServerType, "server-type", "", a.t("`TYPE` of a server's weights, as Q8_0 or Q4_K_M; without it that of A, but F16 at least", "服务的权重类型 `TYPE`，如 Q8_0 或 Q4_K_M；不给则视为与 A 相同，但至少按 F16 计"))
	f.IntVar(&o.Threads, "threads", 0, a.t("`N` threads, 0: one for each core", "线程数 `N`，0 表示每核一个"))
	f.BoolVar(&asJSON, "json", false, a.t("print one JSON object", "打印一个 JSON 对象"))
	c.RunE = func(c *cobra.Command, args []string) error {
		if o.Tokens < 2 || o.Context < 0 || o.Threads < 0 {
			return usagef("verify: --tokens must be at least 2, --context and --threads not negative")
		}
		if o.ServerType != "" && !inkstone.IsServer(args[1]) {
			return usagef("verify: --server-type is of a server, and %s is none", args[1])
		}
		paths := slices.Clone(args)
		for i, arg := range args {
			var err error
			if inkstone.IsServer(arg) {
				continue
			}
			if paths[i], err = a.resolve(arg); err != nil {
				return err
			}
		}
		var err error
		if o.Adapters, err = adapters(o.Adapters); err != nil {
			return err
		}
		p := a.startProgress(a.t("verifying", "比较"))
		o.Progress = func(done, total int) {
			p.show(float64(done)/float64(total), fmt.Sprintf(a.t("%d of %d tokens", "%d / %d 个词元"), done, total))
		}
		v, err := inkstone.Verify(c.Context(), paths[0], paths[1], o)
		if err != nil {
			return err
		}
		p.end("")
		return a.printVerified(v, asJSON)
	}
	return c
}

// printVerified prints what was found. What is beyond the bounds is an error.
func (a *app) printVerified(v *inkstone.Verified, asJSON bool) error {
	if asJSON {
		if err := a.printJSON(v); err != nil {
			return err
		}
	} else if err := a.verifiedTable(v); err != nil {
		return err
	}
	if !v.OK {
		return fmt.Errorf("verify: %s is not %s: %s", v.B, strings.Join(append([]string{v.A}, v.Adapters...), " + "), strings.Join(v.Failures, "; "))
	}
	return nil
}

func (a *app) verifiedTable(v *inkstone.Verified) error {
	largest, mean := row{"largest logit difference", "logits 最大差", fmt.Sprintf("%.3g", v.Parity.MaxDiff)}, row{"mean logit difference", "logits 平均差", fmt.Sprintf("%.3g", v.Parity.MeanDiff)}
	var served []row
	if v.Server != "" {
		largest.en, largest.zh = "largest log-probability difference", "对数概率最大差"
		mean.en, mean.zh = "mean log-probability difference", "对数概率平均差"
		served = append(served, row{"served model", "服务的模型", v.Server})
	}
	if v.Unknown > 0 {
		served = append(served, row{"answers cut at a token without id", "因词元无编号而截断的回答", fmt.Sprint(v.Unknown)})
	}
	rows := append(served,
		row{"types", "类型", strings.Join(v.TypesA, ", ") + " → " + cmp.Or(strings.Join(v.TypesB, ", "), "?")},
		row{"text", "文本", fmt.Sprintf(a.t("%s, %d tokens", "%s，%d 个词元"), a.phrase(v.Text), v.Tokens)},
		largest, mean,
		row{"KL divergence", "KL 散度", fmt.Sprintf(a.t("%.3g nats", "%.3g 奈特"), v.Parity.KL)},
		row{"top 1 agrees", "首位一致", fmt.Sprintf("%.2f %%", 100*v.Top1)},
		row{"perplexity", "困惑度", fmt.Sprintf("%.4f → %.4f (%+.3f %%)", v.PerplexA, v.PerplexB, 100*v.Change)},
		row{"tokenizer", "分词器", a.phrase(v.Tokenizer)},
		row{"round trip", "编码往返", a.phrase(v.RoundTrip)},
		row{"chat template", "对话模板", a.phrase(v.Template)},
		row{"verdict", "结论", a.verdict(v)},
	)
	if len(v.Adapters) > 0 {
		rows = slices.Insert(rows, 0, row{"adapters", "适配器", strings.Join(v.Adapters, ", ")})
	}
	return a.table(rows)
}

func (a *app) verdict(v *inkstone.Verified) string {
	switch {
	case !v.OK:
		return a.t("not the same", "不一致")
	case v.Bound.None():
		return fmt.Sprintf(a.t("measured; there is no bound for %s", "已测量；%s 没有界限"), v.Bound.Type)
	}
	return fmt.Sprintf(a.t("within the bounds of %s", "在 %s 的界限内"), v.Bound.Type)
}
