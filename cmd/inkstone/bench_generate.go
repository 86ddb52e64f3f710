package main

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/inkstone-ai/inkstone/bench"
	"github.com/inkstone-ai/inkstone/train"
)

func (a *app) benchGenerate() *cobra.Command {
	var o bench.GenerateOptions
	var asJSON bool
	c := &cobra.Command{
		Use:   "generate MODEL",
		Short: a.t("how fast a model reads and writes, as a share of the memory's speed", "模型读写的速度，以及占内存带宽的比例"),
		Long: a.t(`Loads a model (a folder or a .gguf file) and measures, in turn: reading a prompt, writing tokens of one sequence, of many
sequences at once, how long many prompts that come at once wait for their first tokens, and how fast the memory is read. Writing a token of one sequence reads every weight once: the share
says how much of the memory's speed that uses. Where llama-bench is on PATH and the model is a .gguf file, it is measured in turn.
Nothing else should run.`,
			`载入模型（文件夹或 .gguf 文件），轮流测量：读取提示、单个序列的生成、多个序列同时生成、多个提示同时到达时首个词元的等待，以及内存读取速度。
单个序列每写一个词元都要把全部权重读一遍：比例表示用到了内存带宽的多少。若 PATH 中有 llama-bench 且模型为 .gguf 文件，则轮流对照测量。
测量时不要运行其他程序。`),
		Example: `  inkstone bench generate model.gguf
  inkstone bench generate model.gguf --depth 2000 --batch 1
  inkstone bench generate runs/quickstart/model --tokens 64 --json`,
		Args: cobra.ExactArgs(1),
	}
	f := c.Flags()
	f.IntVar(&o.Threads, "threads", 0, a.t("`N` threads, 0: one for each core", "线程数 `N`，0 表示每核一个"))
	f.IntVar(&o.Prompt, "prompt", 512, a.t("read `N` tokens; unset, fewer where the context is shorter", "读取 `N` 个词元；未给出时不超过模型的上下文"))
	f.IntVar(&o.Tokens, "tokens", 128, a.t("write `N` tokens; unset, fewer where the context is shorter", "写 `N` 个词元；未给出时不超过模型的上下文"))
	f.IntVar(&o.Depth, "depth", 0, a.t("`N` tokens that are there before one sequence reads and writes", "单个序列读写之前已有的词元数 `N`"))
	f.IntVar(&o.Batch, "batch", 8, a.t("`N` sequences at once", "同时 `N` 个序列"))
	f.IntVar(&o.Rounds, "rounds", 3, a.t("`N` rounds", "轮数 `N`"))
	f.BoolVar(&asJSON, "json", false, a.t("print one JSON object", "打印一个 JSON 对象"))
	c.RunE = func(c *cobra.Command, args []string) error {
		if o.Threads < 0 || o.Prompt < 1 || o.Tokens < 1 || o.Batch < 1 || o.Rounds < 1 || o.Depth < 0 {
			return usagef("bench generate: --prompt, --tokens, --batch and --rounds must be positive, --threads and --depth not negative")
		}
		for name, n := range map[string]*int{"prompt": &o.Prompt, "tokens": &o.Tokens} {
			if !c.Flags().Changed(name) {
				*n = 0 // what the model's context holds of the default
			}
		}
		var err error
		if o.Model, err = a.resolve(args[0]); err != nil {
			return err
		}
		return a.runBenchGenerate(c, o, asJSON)
	}
	return c
}

func (a *app) runBenchGenerate(c *cobra.Command, o bench.GenerateOptions, asJSON bool) error {
	p := a.startProgress(a.t("measuring", "测量"))
	o.Tell = func(done, total int, now string) { p.show(float64(done)/float64(total), now) }
	r, err := bench.Generate(c.Context(), o)
	if err != nil {
		return err
	}
	p.end("")
	if r.Prompt < 512 && o.Prompt == 0 || r.Tokens < 128 && o.Tokens == 0 {
		a.notice(fmt.Sprintf(a.t("the model's context is short: it read %d tokens and wrote %d", "模型的上下文较短：读取 %d 个词元，写 %d 个"), r.Prompt, r.Tokens))
	}
	if r.PeerFailed != "" {
		a.notice(fmt.Sprintf(a.t("llama-bench failed, its numbers are left out: %s", "llama-bench 失败，不列其数据：%s"), r.PeerFailed))
	}
	if asJSON {
		return a.printJSON(r)
	}
	a.printMachine(r.Machine)
	a.printLoad(r.Load)
	rate := func(s bench.Spread) string { return fmt.Sprintf("%.4g   %.4g – %.4g", s.Median, s.Low, s.High) }
	rows := []row{
		{"parameters", "参数量", fmt.Sprint(r.Parameters)},
		{"keys and values", "键值缓存", r.CacheType},
		{"read to write a token", "每写一个词元读取", train.Bytes(r.WeightBytes)},
		{"from loading to the first token", "从载入到首个词元", fmt.Sprintf("%.3f s", r.LoadSeconds)},
		{"prompt, tokens per second", "提示，每秒词元数", rate(r.Prefill)},
		{"one sequence, tokens per second", "单个序列，每秒词元数", rate(r.Decode)},
		{fmt.Sprintf("%d sequences, tokens per second", o.Batch), fmt.Sprintf("%d 个序列，每秒词元数", o.Batch), rate(r.Batch)},
		{fmt.Sprintf("%d prompts at once, first token of the median, s", o.Batch), fmt.Sprintf("%d 个提示同时到达，首个词元的中位等待（秒）", o.Batch), rate(r.First)},
		{"memory, GB/s read", "内存读取 GB/s", rate(r.Bandwidth)},
		{"of it one sequence's weights, %", "其中单个序列的权重占 %", rate(percent(r.Share))},
		{"peak memory", "内存峰值", train.Bytes(r.PeakBytes)},
	}
	if r.Depth > 0 {
		rows = slices.Insert(rows, 4, row{"tokens that are there before", "此前已有的词元", fmt.Sprint(r.Depth)})
	}
	if q := r.Peer; q != nil {
		rows = append(rows,
			row{"llama-bench, prompt", "llama-bench，提示", rate(q.Prefill)}, row{"times faster", "倍数", rate(q.PrefillTimes)},
			row{"llama-bench, one sequence", "llama-bench，单个序列", rate(q.Decode)}, row{"times faster", "倍数", rate(q.DecodeTimes)})
	}
	return a.table(rows)
}

func percent(s bench.Spread) bench.Spread {
	return bench.Spread{Median: 100 * s.Median, Low: 100 * s.Low, High: 100 * s.High}
}
