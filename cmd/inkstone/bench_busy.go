package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/inkstone-ai/inkstone/bench"
)

func (a *app) benchBusy() *cobra.Command {
	var o bench.BusyOptions
	var asJSON bool
	c := &cobra.Command{
		Use:   "busy",
		Short: a.t("what a busy process on one core costs a training", "某个核上有繁忙进程时训练慢多少"),
		Long: a.t(`Trains configuration A alone and beside a process that computes without end, in turn, and prints how many times
slower the neighbour makes it: the median of the pairs with its quartiles. The process is bound to no core.`,
			`轮流在独占和与一个不停计算的进程并存时训练配置 A，打印后者慢多少倍：各对的中位数和四分位数。
该进程不绑定到某个核。`),
		Example: `  inkstone bench busy
  inkstone bench busy --rounds 9 --json`,
		Args: cobra.NoArgs,
	}
	f := c.Flags()
	f.IntVar(&o.Threads, "threads", 0, a.t("`N` threads of the training, 0: one for each core", "训练的线程数 `N`，0 表示每核一个"))
	f.IntVar(&o.Rounds, "rounds", 5, a.t("measure `N` pairs", "测量 `N` 对"))
	f.Float64Var(&o.Seconds, "seconds", 3, a.t("train for `N` seconds each time", "每次训练 `N` 秒"))
	f.BoolVar(&asJSON, "json", false, a.t("print one JSON object, with every pair", "打印一个 JSON 对象，含每一对测量"))
	c.RunE = func(c *cobra.Command, _ []string) error {
		if o.Threads < 0 || o.Rounds < 1 || o.Seconds <= 0 {
			return usagef("bench busy: want --threads of 0 or more, --rounds of 1 or more and --seconds above 0")
		}
		return a.runBusy(c, o, asJSON)
	}
	return c
}

func (a *app) runBusy(c *cobra.Command, o bench.BusyOptions, asJSON bool) (err error) {
	if o.Program, err = os.Executable(); err != nil {
		return fmt.Errorf("bench: %w", err)
	}
	o.Loop = []string{"inkstone", "bench", loopVerb}
	p := a.startProgress(a.t("measuring", "测量"))
	o.Tell = func(done, total int, now string) { p.show(float64(done)/float64(total), now) }
	r, err := bench.Busy(c.Context(), o)
	if err != nil {
		return err
	}
	p.end("")
	if asJSON {
		return a.printJSON(r)
	}
	a.printMachine(r.Machine)
	a.printLoad(r.Load)
	return a.table([]row{
		{"tokens per second, alone", "每秒词元数，独占", fmt.Sprintf("%.5g", r.Alone.Median)},
		{"beside a busy process", "与繁忙进程并存", fmt.Sprintf("%.5g", r.Beside.Median)},
		{"times slower", "慢的倍数", fmt.Sprintf("%.2f", r.Times.Median)},
		{"quartiles", "四分位数", fmt.Sprintf("%.2f – %.2f", r.Times.Low, r.Times.High)},
		{"goal", "目标", fmt.Sprintf("≤ %.1f %s", r.Goal, reached(r.Times.Median <= r.Goal))},
	})
}

// loopVerb is the busy process: this program again, by a name that help does not list.
const loopVerb = "loop"

func (a *app) benchLoop() *cobra.Command {
	return &cobra.Command{
		Use: loopVerb, Hidden: true, Args: cobra.NoArgs,
		Short: a.t("compute until the standard input ends", "不停计算，直到标准输入结束"),
		RunE: func(*cobra.Command, []string) error {
			bench.Loop(a.in)
			return nil
		},
	}
}
