package main

import (
	"context"
	"fmt"
	"time"

	"github.com/inkstone-ai/inkstone/runs"
)

// runFrom trains from the weights of a model and from random ones, and prints what the start
// was worth.
func (a *app) runFrom(ctx context.Context, o runs.From, q quickstartRun, end func(bool)) error {
	o.Model, o.Out, o.Seed, o.Threads = q.from, q.out, q.seed, q.threads
	o.Budget = time.Duration(q.minutes * float64(time.Minute))
	r, err := o.Run(ctx)
	if err != nil {
		return err
	}
	end(true)
	if q.asJSON {
		return a.printJSON(r)
	}
	fmt.Fprintf(a.out, a.t("\n%s bytes to train on, %s held out; %s parameters; %.3g minutes each\n", "\n训练 %s 字节，留出 %s 字节；%s 个参数；各 %.3g 分钟\n"),
		thousands(r.TrainBytes), thousands(r.HeldBytes), thousands(int64(r.Parameters)), q.minutes)
	fmt.Fprintln(a.out, a.t("\nbits per byte of the held-out files, less is better", "\n留出文件的每字节比特数（bits per byte），越小越好"))
	for _, row := range []struct {
		bits float64
		name string
	}{
		{r.Before, a.t("the weights, before any training on this text", "原权重，尚未在此文本上训练")},
		{r.Started, a.t("started from the weights", "从原权重开始训练")},
		{r.Random, a.t("started from random weights", "从随机权重开始训练")},
	} {
		fmt.Fprintf(a.out, "  %6.3f  %s\n", row.bits, row.name)
	}
	_, err = fmt.Fprintf(a.out, a.t("the start is worth %+.3f bits per byte\n", "好的起点值 %+.3f 比特/字节\n"), r.Gain)
	return err
}
