package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/inkstone-ai/inkstone/bench"
)

func (a *app) benchMasked() *cobra.Command {
	var o bench.MaskedOptions
	var asJSON bool
	c := &cobra.Command{
		Use:   "masked",
		Short: a.t("the training step of a BERT beside PyTorch's", "BERT 的训练步，与 PyTorch 对照"),
		Long: a.t("A BERT of 256 channels and 4 layers, 16 rows of 128 tokens, f32, AdamW: the same weights, tokens and masks on both sides, in turn. Nothing else should run.",
			"256 通道、4 层的 BERT，每批 16 行、每行 128 个词元，f32，AdamW：两边的权重、词元与掩码相同，轮流测量。测量时不要运行其他程序。"),
		Example: "  inkstone bench masked\n  inkstone bench masked --steps 200 --rounds 1 --json",
		Args:    cobra.NoArgs,
	}
	f := c.Flags()
	f.StringVar(&o.Python, "python", "", a.t("`PROGRAM` that has PyTorch (default /usr/bin/python3)", "装有 PyTorch 的 `PROGRAM`（默认 /usr/bin/python3）"))
	f.IntVar(&o.Threads, "threads", 2, a.t("`N` threads of each side", "每边的线程数 `N`"))
	f.IntVar(&o.Rows, "rows", 16, a.t("`N` rows of a batch", "每批行数 `N`"))
	f.IntVar(&o.Steps, "steps", 12, a.t("`N` steps of each side in a round", "每轮每边的步数 `N`"))
	f.IntVar(&o.Rounds, "rounds", 3, a.t("`N` rounds", "轮数 `N`"))
	f.BoolVar(&asJSON, "json", false, a.t("print one JSON object", "打印一个 JSON 对象"))
	c.RunE = func(c *cobra.Command, _ []string) error {
		if o.Threads < 1 || o.Rows < 1 || o.Steps < 1 || o.Rounds < 1 {
			return usagef("bench: --threads, --rows, --steps and --rounds must be positive")
		}
		r, err := bench.Masked(c.Context(), o)
		if err != nil {
			return err
		}
		if asJSON {
			return a.printJSON(r)
		}
		rows := []row{{"PyTorch", "PyTorch", r.PyTorch}}
		for i := range r.Ours {
			rows = append(rows, row{fmt.Sprintf("round %d", i+1), fmt.Sprintf("第 %d 轮", i+1),
				fmt.Sprintf(a.t("%.4f s a step, PyTorch %.4f s: %.2f ×", "每步 %.4f 秒，PyTorch %.4f 秒：%.2f 倍"), r.Ours[i], r.Theirs[i], r.Ratio[i])})
		}
		last := func(x []float64) float64 { return x[len(x)-1] }
		rows = append(rows, row{"last loss", "最后的损失", fmt.Sprintf(a.t("%.4f, PyTorch %.4f", "%.4f，PyTorch %.4f"), last(r.Losses), last(r.Their))},
			row{"apart, last ten", "相差，最后十步", fmt.Sprintf("%+.3f %%", 100*r.Apart)})
		return a.table(rows)
	}
	return c
}
