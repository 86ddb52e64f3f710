package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/train"
)

func (a *app) plan() *cobra.Command {
	var o trainFlags
	var preset string
	var seconds float64
	c := &cobra.Command{
		Use:   "plan --data PATH... [train's flags]",
		Short: a.t("what a training needs: memory, time, energy", "训练需要什么：内存、时间、能量"),
		Long: a.t(`Takes train's arguments and prints parameters, operations per token, bytes of weights, gradients,
optimizer state and activations, and, from a few real steps, tokens per second, time and energy.
--preset prints a published model's.`,
			`接受 train 的参数，打印参数量、每词元运算量，权重、梯度、优化器状态和激活的字节数，
并用几步真实训练测出每秒词元数、总时间和能量。--preset 打印已发表模型的数字。`),
		Example: `  inkstone plan --data book.txt --depth 6
  inkstone plan --preset gpt2-xl --json`,
	}
	a.addTrainFlags(c.Flags(), &o)
	c.Flags().StringVar(&preset, "preset", "", strings.Join(inkstone.Presets(), ", "))
	c.Flags().Float64Var(&seconds, "seconds", 5, a.t("how long to measure, 0: not at all", "测量秒数，0 表示不测"))
	c.RunE = func(c *cobra.Command, args []string) error {
		p, err := a.makePlan(c, &o, args, preset, seconds)
		if err != nil {
			return err
		}
		if o.asJSON {
			return a.printJSON(p)
		}
		if err := p.Write(a.out); err != nil {
			return err
		}
		if free, ok := train.Available(); ok {
			fmt.Fprintf(a.out, a.t("free memory        %s\n", "可用内存           %s\n"), train.Bytes(free))
			if err := p.Fit(free); err != nil {
				fmt.Fprintln(a.errs, err)
			}
		}
		return nil
	}
	return c
}

func (a *app) makePlan(c *cobra.Command, o *trainFlags, args []string, preset string, seconds float64) (train.Plan, error) {
	if preset == "" {
		t, err := o.options(a, c, args)
		if err != nil {
			return train.Plan{}, err
		}
		return inkstone.Plan(c.Context(), t, time.Duration(seconds*float64(time.Second)))
	}
	p, err := inkstone.PlanPreset(preset)
	if err != nil {
		return p, usageError{err}
	}
	return p, nil
}
