package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/inkstone-ai/inkstone"
)

// budgeted is what plan --minutes --json prints.
type budgeted struct {
	Minutes float64           `json:"minutes"`
	Best    int               `json:"best"` // depth
	Depths  []inkstone.Choice `json:"depths"`
}

// planMinutes proposes the depth for a budget of time.
func (a *app) planMinutes(c *cobra.Command, o *trainFlags, args []string, minutes, seconds float64) error {
	for _, name := range []string{"depth", "steps", "preset"} {
		if c.Flags().Changed(name) {
			return usagef("plan: --minutes chooses depth and steps: leave --%s away", name)
		}
	}
	switch {
	case a.family(o.kind) != nil:
		return usagef("plan: --minutes proposes a depth of language models, not of %s", o.kind)
	case minutes <= 0 || minutes > 1e6:
		return usagef("plan: --minutes %g: want more than 0, and at most a million", minutes)
	case seconds <= 0:
		return usagef("plan: --minutes needs the speed: want --seconds above 0, it is %g", seconds)
	}
	t, err := o.options(a, c, args)
	if err != nil {
		return err
	}
	fmt.Fprintln(a.errs, a.t("reading the text, then measuring each depth's speed …", "正在读取文本，然后逐个测量各层数的速度 …"))
	budget, measure := time.Duration(minutes*float64(time.Minute)), time.Duration(seconds/3*float64(time.Second))
	choices, best, err := inkstone.PlanMinutes(c.Context(), t, budget, measure)
	if err != nil {
		return err
	}
	if o.asJSON {
		return a.printJSON(budgeted{minutes, choices[best].Depth, choices})
	}
	a.printChoices(choices, best)
	a.printProposal(t, o, choices[best])
	return nil
}

func (a *app) printChoices(choices []inkstone.Choice, best int) {
	fmt.Fprintln(a.out, a.t(
		"  depth   parameters  tokens/s  updates      tokens     time  held-out loss (8 in 10)  bits per byte (8 in 10)",
		"  层数         参数量   词元/秒   更新数      词元数     时间  留出损失（八成区间）    每字节比特（八成区间）"))
	for i, c := range choices {
		mark, e := " ", c.Expected
		if i == best {
			mark = "*"
		}
		speed := rate(c.TokensPerSecond)
		if !c.Measured {
			speed = "~" + speed
		}
		note := ""
		if len(e.Outside) > 0 {
			note = a.t("  extrapolated", "  外推")
		}
		line := fmt.Sprintf("%s %5d %12s %9s %8s %11s %8s  %-20s   %-20s%s", mark, c.Depth, thousands(c.Parameters), speed, thousands(int64(c.Steps)),
			thousands(c.Tokens), round(time.Duration(c.Seconds*float64(time.Second))), between(e.Loss, e.Low, e.High),
			between(e.BitsPerByte[0], e.BitsPerByte[1], e.BitsPerByte[2]), note)
		fmt.Fprintln(a.out, strings.TrimRight(line, " "))
	}
}

// printProposal is the command of the best choice, and what to know about it.
func (a *app) printProposal(t inkstone.TrainOptions, o *trainFlags, c inkstone.Choice) {
	line := []string{invocation(), "train"}
	for _, path := range t.Data {
		line = append(line, "--data", quoted(path))
	}
	if o.config != "" {
		line = append(line, "--config", quoted(o.config))
	}
	line = append(line, "--depth", fmt.Sprint(c.Depth), "--steps", fmt.Sprint(c.Steps), "--out", "model")
	fmt.Fprintf(a.out, "\n%s\n", strings.Join(line, " "))
	a.sayOutside(c.Expected.Outside)
	if c.Whole {
		a.notice(fmt.Sprintf("depth %d ends in %s: its recipe stops at 20 tokens for each parameter or four times the text",
			c.Depth, round(time.Duration(c.Seconds*float64(time.Second)))))
	}
}

// sayOutside tells that an expectation is an extrapolation, and why.
func (a *app) sayOutside(why []string) {
	if len(why) > 0 {
		a.notice("the expected loss is an extrapolation, for the study has no such run: " + strings.Join(why, "; "))
	}
}

// between is an expectation and its interval.
func between(x, low, high float64) string { return fmt.Sprintf("%.2f (%.2f – %.2f)", x, low, high) }
