package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/inkstone-ai/inkstone/bench"
)

func (a *app) benchPeers() *cobra.Command {
	var o bench.PeerOptions
	var asJSON bool
	c := &cobra.Command{
		Use:   "peers",
		Short: a.t("training beside PyTorch, products beside OpenBLAS", "与 PyTorch 比训练，与 OpenBLAS 比矩阵乘"),
		Long: a.t(`Trains the configurations of 'inkstone bench' in f32 and bf16, and the same models with PyTorch where a python
has it: both sides alternate in rounds, each in a process of its own. Prints the tokens per second of both, the
median of their ratios with its quartiles, and the peak of resident memory, beside the goals. Then products
of language models' shapes beside OpenBLAS, with one thread and with all. What is missing is named, and our side is
measured all the same. The whole takes about ten minutes on two cores; nothing else should run, for PyTorch's
threads suffer most from it. PyTorch has the environment in which it is fastest (--json lists it).

--only shapes measures transposed and narrow products, which no goal counts.`,
			`用 f32 和 bf16 训练 'inkstone bench' 的各个配置；如果某个 python 装有 PyTorch，也用它训练同样的模型：
双方逐轮交替，各在自己的进程中运行。打印双方每秒词元数、比值的中位数及四分位数、常驻内存峰值，并列出目标。
然后与 OpenBLAS 比较语言模型各形状的矩阵乘，单线程和全部线程各一次。缺少什么会写明，我方照常测量。
双核机器上共约十分钟；测量时不要运行其他程序，否则 PyTorch 的线程受影响最大。
PyTorch 使用对它最快的环境变量（见 --json）。

--only shapes 测量转置和窄形状的矩阵乘，它们不计入目标。`),
		Example: `  inkstone bench peers
  inkstone bench peers --only A,B --rounds 5
  inkstone bench peers --only products
  inkstone bench peers --python ./venv/bin/python3 --json`,
		Args: cobra.NoArgs,
	}
	f := c.Flags()
	f.StringVar(&o.Python, "python", "", a.t("`FILE` of the python that has PyTorch; python3 and /usr/bin/python3 are tried", "装有 PyTorch 的 python `FILE`；默认依次尝试 python3 和 /usr/bin/python3"))
	f.StringSliceVar(&o.Only, "only", nil, a.t("`PARTS` of ", "部分 `PARTS`：")+strings.Join(bench.PeerParts, ","))
	f.IntVar(&o.Threads, "threads", 0, a.t("`N` threads of each side, 0: one for each core", "双方的线程数 `N`，0 表示每核一个"))
	f.IntVar(&o.Rounds, "rounds", 3, a.t("measure everything `N` times, in turn", "轮流测量 `N` 轮"))
	f.Float64Var(&o.Seconds, "seconds", 3, a.t("train for `N` seconds in a round, three steps at least", "每轮训练 `N` 秒，至少三步"))
	f.BoolVar(&asJSON, "json", false, a.t("print one JSON object, with every pair", "打印一个 JSON 对象，含每一对测量"))
	c.RunE = func(c *cobra.Command, _ []string) error {
		if o.Threads < 0 || o.Rounds < 1 || o.Seconds <= 0 {
			return usagef("bench peers: want --threads of 0 or more, --rounds of 1 or more and --seconds above 0")
		}
		if err := o.Check(); err != nil {
			return usageError{err}
		}
		return a.runPeers(c, o, asJSON)
	}
	return c
}

func (a *app) runPeers(c *cobra.Command, o bench.PeerOptions, asJSON bool) (err error) {
	if o.Program, err = os.Executable(); err != nil {
		return fmt.Errorf("bench: %w", err)
	}
	p := a.startProgress(a.t("measuring", "测量"))
	o.Tell = func(done, total int, now string) { p.show(float64(done)/float64(total), now) }
	r, err := bench.Peers(c.Context(), o)
	if err != nil {
		return err
	}
	p.end("")
	if asJSON {
		return a.printJSON(r)
	}
	a.printMachine(r.Machine)
	a.printLoad(r.Load)
	a.printContests(r)
	if r.Products != nil {
		a.printProducts(*r.Products)
	}
	for _, what := range r.Missing {
		a.notice(what)
	}
	return nil
}

// printLoad warns where other processes ran just before.
func (a *app) printLoad(load *float64) {
	if load == nil {
		return
	}
	fmt.Fprintf(a.out, a.t("load %.2f before: other processes should be idle, below about 0.3\n\n", "测量前负载 %.2f：其他进程应空闲，低于约 0.3\n\n"), *load)
}

// printContests is a table of a line for each configuration and precision.
func (a *app) printContests(r bench.PeerReport) {
	if len(r.Training) == 0 {
		return
	}
	if t := r.PyTorch; t != nil {
		fmt.Fprintf(a.out, a.t("PyTorch %s, Python %s (%s), %d threads %s\n\n", "PyTorch %s，Python %s（%s），%d 线程 %s\n\n"), t.Version, t.PythonVersion, t.Python, t.Threads, t.BLAS)
	}
	fmt.Fprintln(a.out, a.t(
		"training    tokens/s   PyTorch   times   quartiles      goal      peak MiB   PyTorch   share   goal",
		"训练        词元/秒    PyTorch   倍数    四分位数       目标      峰值 MiB   PyTorch   占比    目标"))
	for _, t := range r.Training {
		speed, memory := t.Reached()
		fmt.Fprintf(a.out, "%s  %-6s  %8s  %8s   %-22s ≥ %-4.4g %s  %8s  %8s   %-5s   ≤ %-4.4g %s\n",
			t.Configuration, t.Precision, median("%.5g", t.Ours, 1), median("%.5g", t.Theirs, 1), ratio(t.Ratio), t.Goal, mark(t.Ratio, speed),
			median("%.0f", t.OurPeak, 1<<20), median("%.0f", t.TheirPeak, 1<<20), median("%.2f", t.Memory, 1), t.MemoryGoal, mark(t.Memory, memory))
	}
	fmt.Fprintln(a.out)
}

func (a *app) printProducts(p bench.Products) {
	fmt.Fprintf(a.out, "%s\n\n", p.Library)
	fmt.Fprintln(a.out, a.t(
		"product M×N×K                threads   GFLOP/s  OpenBLAS   times   quartiles",
		"矩阵乘 M×N×K                 线程      GFLOP/s  OpenBLAS   倍数    四分位数"))
	for _, r := range p.Rows {
		shape := fmt.Sprintf("%d×%d×%d", r.M, r.N, r.K)
		if r.TA {
			shape += " Aᵀ"
		}
		if r.TB {
			shape += " Bᵀ"
		}
		fmt.Fprintf(a.out, "%-28s %7d  %8.1f  %8.1f   %-22s %s\n", shape, r.Threads, r.Ours, r.Theirs, ratio(&r.Ratio), r.What)
	}
	for _, m := range p.Means {
		fmt.Fprintf(a.out, a.t("threads %d: geometric mean %.3f, goal ≥ %g %s; the lowest %.3f, goal ≥ %g %s\n", "%d 线程：几何平均 %.3f，目标 ≥ %g %s；最低 %.3f，目标 ≥ %g %s\n"),
			m.Threads, m.Ratio, m.Goal, reached(m.Ratio >= m.Goal), m.Lowest, m.LowestGoal, reached(m.Lowest >= m.LowestGoal))
	}
	fmt.Fprintln(a.out)
}

// ratio is a median with its quartiles.
func ratio(s *bench.Spread) string {
	if s == nil {
		return "–"
	}
	return fmt.Sprintf("%5.2f   %.2f – %.2f", s.Median, s.Low, s.High)
}

// median prints a median in units of unit, a dash where nothing was measured.
func median(format string, s *bench.Spread, unit float64) string {
	if s == nil || s.Median == 0 {
		return "–"
	}
	return fmt.Sprintf(format, s.Median/unit)
}

// mark says whether a goal is reached, of what was measured.
func mark(s *bench.Spread, yes bool) string {
	if s == nil {
		return " "
	}
	return reached(yes)
}

func reached(yes bool) string {
	if yes {
		return "✓"
	}
	return "✗"
}
