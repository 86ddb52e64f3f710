package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/inkstone-ai/inkstone/bench"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/train"
)

type benchFlags struct {
	threads, rounds    int
	seconds            float64
	precision, compare string
	checkpoint, asJSON bool
}

func (a *app) bench() *cobra.Command {
	var o benchFlags
	var names, list []string
	for _, c := range bench.Configurations {
		names = append(names, "train-"+c.Name)
		list = append(list, "  train-"+c.String())
	}
	c := &cobra.Command{
		Use:   "bench [" + strings.Join(names, "|") + "]",
		Short: a.t("measure this machine: roofs, hot paths, training", "测量本机：硬件上限、热点运算、训练"),
		Long: a.t(`Without an argument: what the processor and the memory can do at most, and every hot path as a share of
that; medians of rounds with quartiles. With one: training steps (batch, forward, backward, clipping, AdamW) of a
GPT-2 with a tied head, in tokens per second and as a share of the processor's roof. Nothing else should run.

`, `不带参数：处理器和内存的上限，以及每个热点运算达到上限的比例；取各轮的中位数和四分位数。
带参数：训练一个共享输出头的 GPT-2（取批次、前向、反向、裁剪、AdamW），报告每秒词元数及占处理器上限的比例。
测量时不要运行其他程序。

`) + strings.Join(list, "\n"),
		Example: `  inkstone bench
  inkstone bench --json
  inkstone bench --compare before.json
  inkstone bench train-A --json`,
		Args: cobra.MaximumNArgs(1),
	}
	f := c.Flags()
	f.IntVar(&o.threads, "threads", 0, a.t("`N` threads, 0: one for each core", "线程数 `N`，0 表示每核一个"))
	f.IntVar(&o.rounds, "rounds", 9, a.t("measure everything `N` times, in turn", "轮流测量 `N` 轮"))
	f.Float64Var(&o.seconds, "seconds", 10, a.t("train for `N` seconds, three steps at least, two of a minute", "训练 `N` 秒，至少三步，耗时超过一分钟则至少两步"))
	f.BoolVar(&o.checkpoint, "checkpoint", false, a.t("train with the inside of blocks computed again: less memory, more time", "训练时重新计算各层内部：省内存，多费时"))
	f.StringVar(&o.precision, "precision", "f32", a.t("`TYPE` of products: f32 or bf16", "乘积的数值类型 `TYPE`：f32 或 bf16"))
	f.StringVar(&o.compare, "compare", "", a.t("`FILE` of an earlier report: print how many times faster", "先前报告的文件 `FILE`：打印快了多少倍"))
	f.BoolVar(&o.asJSON, "json", false, a.t("print one JSON object", "打印一个 JSON 对象"))
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := o.check(c, args); err != nil {
			return err
		}
		if len(args) == 1 {
			return a.benchTraining(c, args[0], o)
		}
		return a.benchPaths(c, o)
	}
	c.AddCommand(stoppable(a.benchPeers()), stoppable(a.benchBusy()), stoppable(a.benchLoop()), stoppable(a.benchMasked()), stoppable(a.benchGenerate()))
	return c
}

func (o benchFlags) check(c *cobra.Command, args []string) error {
	if _, err := tensor.ParsePrecision(o.precision); err != nil {
		return usagef("bench: --%v", err)
	}
	switch {
	case o.threads < 0 || o.rounds < 1 || o.seconds < 0:
		return usagef("bench: want --threads and --seconds of 0 or more and --rounds of 1 or more")
	case len(args) == 1 && (o.compare != "" || c.Flags().Changed("rounds")):
		return usagef("bench: --compare and --rounds are of the hot paths; %s has --seconds", args[0])
	case len(args) == 0 && (c.Flags().Changed("seconds") || o.checkpoint):
		return usagef("bench: --seconds and --checkpoint are of training; the hot paths have --rounds")
	}
	return nil
}

func (a *app) benchTraining(c *cobra.Command, name string, o benchFlags) error {
	letter, ok := strings.CutPrefix(name, "train-")
	configuration, known := bench.Find(letter)
	if !ok || !known {
		return usagef("bench: %q is no configuration; see '%s --help'", name, c.CommandPath())
	}
	configuration.Checkpoint = o.checkpoint
	during := time.Duration(o.seconds * float64(time.Second))
	p, began := a.startProgress(configuration.String()), time.Time{}
	precision, _ := tensor.ParsePrecision(o.precision) // check has done it
	r, err := bench.Train(c.Context(), configuration, precision, o.threads, during, func(m train.Metrics) {
		if began.IsZero() {
			began = time.Now()
		}
		p.show(time.Since(began).Seconds()/max(o.seconds, 0.1), fmt.Sprintf("%.0f %s", m.TokensPerSecond, a.t("tokens/s", "词元/秒")))
	})
	if err != nil {
		return err
	}
	p.end("")
	if r.Precision != precision.String() {
		a.notice(fmt.Sprintf(a.t("%v was asked for, and this processor has no instruction for it: products ran in %s", "要求 %v，但处理器没有相应指令：乘积以 %s 计算"), precision, r.Precision))
	}
	if o.asJSON {
		return a.printJSON(r)
	}
	a.printMachine(r.Machine)
	return a.table([]row{
		{"configuration", "配置", configuration.String()},
		{"precision of products", "乘积精度", r.Precision},
		{"parameters", "参数量", fmt.Sprint(r.Parameters)},
		{"tokens per second, median", "每秒词元数，中位数", fmt.Sprintf("%.5g", r.TokensPerSecond)},
		{"quartiles", "四分位数", fmt.Sprintf("%.5g – %.5g", r.Low, r.High)},
		{"best step", "最快一步", fmt.Sprintf("%.5g", r.Best)},
		{"steps measured", "测量步数", fmt.Sprint(r.Steps)},
		{"share of the roof", "占上限的比例", fmt.Sprintf("%.0f %% / %.0f GFLOP/s", 100*r.RoofShare, r.Roof)},
		{"peak memory", "内存峰值", train.Bytes(r.PeakBytes)},
		{"of it before the model", "其中模型之前", train.Bytes(r.StartBytes)},
		{"planned for the model", "计划用于模型", train.Bytes(r.PlannedBytes)},
	})
}

func (a *app) benchPaths(c *cobra.Command, o benchFlags) error {
	var old *bench.Report
	if o.compare != "" {
		r, err := bench.Read(o.compare)
		if err != nil {
			return err
		}
		old = &r
	}
	p := a.startProgress(a.t("measuring", "测量"))
	r, err := bench.Run(c.Context(), bench.Options{Threads: o.threads, Rounds: o.rounds, Tell: func(done, total int, now string) {
		p.show(float64(done)/float64(total), now)
	}})
	if err != nil {
		return err
	}
	p.end("")
	if o.asJSON {
		return a.printJSON(r)
	}
	a.printMachine(r.Machine)
	a.printPaths(r, old)
	for _, what := range r.Absent {
		a.notice(what)
	}
	return nil
}

func (a *app) printMachine(m bench.Machine) {
	device, cores := m.Device, ""
	if m.Forced {
		device += a.t(" (forced by INKSTONE_CPU)", "（由 INKSTONE_CPU 指定）")
	}
	if m.Usable < m.Cores {
		cores = fmt.Sprintf(a.t(" (%d usable by this process)", "（本进程可用 %d 个）"), m.Usable)
	}
	fmt.Fprintf(a.out, a.t("%s, %d of %d cores%s, %s, %s\n\n", "%s，%d / %d 核%s，%s，%s\n\n"), device, m.Threads, m.Cores, cores, m.System, m.GoVersion)
}

// printPaths is a table of medians, quartiles and shares, and with old how many
// times faster each row has become.
func (a *app) printPaths(r bench.Report, old *bench.Report) {
	width := 0
	for _, row := range r.Rows {
		width = max(width, columns(row.Name))
	}
	head := a.t("    median   quartiles               share of its roof", "    中位数   四分位数                占上限的比例")
	if old != nil {
		head += a.t("   times faster", "   加速倍数")
	}
	fmt.Fprintf(a.out, "%*s%s\n", width, "", head)
	for _, row := range r.Rows {
		line := fmt.Sprintf("%-*s  %8.4g   %8.4g – %-8.4g  %-9s", width, row.Name, row.Median, row.Low, row.High, row.Unit)
		if row.Share != nil {
			line += fmt.Sprintf(" %3.0f %%", 100**row.Share)
		}
		if old != nil {
			if times, ok := row.Speedup(*old); ok {
				line += fmt.Sprintf("   %.2f", times)
			}
		}
		fmt.Fprintln(a.out, strings.TrimRight(line, " "))
	}
}
