package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/train"
)

// A runWatch shows a training or a tuning while it goes on.
type runWatch struct {
	*app
	steps int
	unit  string    // of what a step counts
	bar   *progress // nil before the first step
	loss  float64   // smoothed; of several steppers the last one's
	held  string    // the last evaluation, as it is shown

	names  []string  // of steppers, where there are several
	losses []float64 // their last ones
}

// watchRun shows a run's progress and prints what it made.
func (a *app) watchRun(c *cobra.Command, out string, asJSON bool, run func(*runWatch) (*inkstone.Trained, error)) error {
	r, err := a.watch(out, run)
	switch {
	case err != nil:
		return err
	case asJSON:
		return a.printJSON(r)
	}
	a.ended(c, r)
	return nil
}

// watch shows a run's progress, and what is left of one that does not reach its end.
func (a *app) watch(out string, run func(*runWatch) (*inkstone.Trained, error)) (*inkstone.Trained, error) {
	w := &runWatch{app: a}
	r, err := run(w)
	if w.bar != nil {
		w.bar.end(fmt.Sprintf(a.t("loss %.4f%s", "损失 %.4f%s"), w.loss, w.held))
	}
	if err != nil {
		a.explain(err, out)
	}
	return r, err
}

// ended prints what a run made and what to do with it.
func (a *app) ended(c *cobra.Command, r *inkstone.Trained) {
	a.printTrained(r)
	a.printNext(c, r)
}

// printNext prints what to do with what a run made.
func (a *app) printNext(c *cobra.Command, r *inkstone.Trained) {
	next := "generate --model %s --prompt \"\" --max-tokens 200 --temperature 0.8"
	if c.Name() == "tune" {
		next = "chat --model %s"
	}
	if f := a.family(inkstone.Kind(r.Dir)); f != nil {
		next = cmp.Or(f.next, "eval --model %s --data FILE")
	}
	fmt.Fprintf(a.errs, a.t("next:", "下一步：")+"\n  %s "+next+"\n", invocation(), quoted(r.Dir))
}

// explain says what is left of a run that did not reach its end.
func (a *app) explain(err error, out string) {
	kept, _ := train.Checkpoints(filepath.Join(out, "run"))
	newest := a.t("none", "无")
	if len(kept) > 0 {
		newest = kept[len(kept)-1]
	}
	var wild *train.NonFiniteError
	var file *fs.PathError
	switch {
	case errors.Is(err, context.Canceled) && len(kept) > 0:
		fmt.Fprintf(a.errs, a.t("the checkpoint is %s; the same command with --resume goes on\n", "存档为 %s；同一命令加 --resume 可继续\n"), newest)
	case errors.As(err, &wild):
		fmt.Fprintf(a.errs, a.t("the last good checkpoint: %s; a smaller learning rate may help\n", "最后一个完好的存档：%s；调低学习率或可解决\n"), newest)
	case errors.As(err, &file) && file.Op == "write" && len(kept) > 0: // a full disk, most often
		fmt.Fprintf(a.errs, a.t("the checkpoint is %s; when the folder can be written again, the same command with --resume goes on\n", "存档为 %s；文件夹恢复可写后，同一命令加 --resume 可继续\n"), newest)
	}
}

func (a *app) printTrained(r *inkstone.Trained) {
	if r.Best == nil {
		fmt.Fprintf(a.out, a.t("%s: %d steps, loss %.4f; nothing was held out\n", "%s：%d 步，损失 %.4f；没有留出数据\n"), r.Dir, r.Steps, r.Loss)
		return
	}
	fmt.Fprintf(a.out, a.t("%s: %d steps, held-out loss %.4f (the best, of step %d)\n", "%s：%d 步，留出损失 %.4f（最好，第 %d 步）\n"), r.Dir, r.Steps, *r.Best, r.BestStep)
}

// planned prints what a run is about to be, before its first step.
func (w *runWatch) planned(p inkstone.Announcement) {
	if w.bar != nil { // of a run before this one
		w.bar.end(fmt.Sprintf(w.t("loss %.4f%s", "损失 %.4f%s"), w.loss, w.held))
		w.bar, w.loss, w.held = nil, 0, ""
	}
	w.steps, w.unit = p.Steps, w.t("tokens/s", "词元/秒")
	if p.Unit != "" {
		w.unit = w.t(p.Unit+"/s", w.phrase(p.Unit)+"/秒")
	}
	w.announce(p)
}

func (a *app) announce(p inkstone.Announcement) {
	a.reportSkipped(p.Skipped)
	if p.Unit != "" {
		unit := a.phrase(p.Unit)
		fmt.Fprintf(a.errs, a.t("%s · %s parameters · %s · %s on %s\n", "%s · %s 个参数 · %s · %s，%s\n"), p.Model, thousands(p.Parameters), a.phrase(p.Input), p.Precision, p.Device)
		fmt.Fprintf(a.errs, a.t("%s steps of %s %s · %s %s to train on, %s held out\n", "%s 步，每步 %s %s · 训练 %s %s，留出 %s\n"),
			thousands(int64(p.Steps)), thousands(int64(p.TokensPerStep)), unit, thousands(p.TrainTokens), unit, thousands(p.HeldTokens))
		return
	}
	fmt.Fprintf(a.errs, a.t("%s · %s parameters · vocabulary %s · context %s · %s on %s\n", "%s · %s 个参数 · 词表 %s · 上下文 %s · %s，%s\n"),
		p.Model, thousands(p.Parameters), thousands(int64(p.Vocabulary)), thousands(int64(p.Context)), p.Precision, p.Device)
	fmt.Fprintf(a.errs, a.t("%s steps of %s tokens · %s tokens to train on, %s held out\n", "%s 步，每步 %s 个词元 · 训练 %s 个词元，留出 %s 个\n"),
		thousands(int64(p.Steps)), thousands(int64(p.TokensPerStep)), thousands(p.TrainTokens), thousands(p.HeldTokens))
	if p.Wanted > 0 {
		fmt.Fprintf(a.errs, a.t("the depth asks for %s tokens; these are read 4 times instead (--steps sets another number)\n", "此层数需要 %s 个词元；现有文本改为读 4 遍（可用 --steps 另设）\n"), thousands(p.Wanted))
	}
	if p.EvalTokens < p.HeldTokens {
		fmt.Fprintf(a.errs, a.t("evaluations during training read the first %s held-out tokens (eval_tokens in the config)\n", "训练中的评估只读前 %s 个留出词元（配置项 eval_tokens）\n"), thousands(p.EvalTokens))
	}
	if p.HeldTokens == 0 {
		fmt.Fprintln(a.errs, a.t("one conversation alone: none is held out", "只有一段对话：没有留出"))
	}
	if p.Dropped > 0 {
		fmt.Fprintf(a.errs, a.t("%s conversations do not fit the context and are left out\n", "%s 段对话超出上下文，已略去\n"), thousands(int64(p.Dropped)))
	}
}

// step shows the metrics of a step or of an evaluation.
func (w *runWatch) step(m train.Metrics) {
	if m.Stepper != "" && w.keep(m) == 0 && len(w.names) > 1 {
		return // what is shown is of the whole step, in time too
	}
	if w.bar == nil {
		w.bar = w.startProgress(w.t("training", "训练"))
		w.bar.from = float64(m.Step-1) / float64(w.steps) // what a resumed run has behind it
	}
	if m.Evaluation != nil {
		w.held = fmt.Sprintf(w.t(" · held-out %.4f", " · 留出损失 %.4f"), *m.Evaluation)
		return
	}
	if w.loss == 0 {
		w.loss = m.Loss
	}
	w.loss += 0.1 * (m.Loss - w.loss)
	w.bar.show(float64(m.Step)/float64(w.steps), fmt.Sprintf(w.t("step %d/%d · loss %.4f%s · %s %s", "第 %d/%d 步 · 损失 %.4f%s · %s %s"),
		m.Step, w.steps, w.loss, w.held, rate(m.TokensPerSecond), w.unit))
}

// keep keeps the last loss of one of several steppers and says which one it is.
func (w *runWatch) keep(m train.Metrics) int {
	i := slices.Index(w.names, m.Stepper)
	if i < 0 {
		i, w.names, w.losses = len(w.names), append(w.names, m.Stepper), append(w.losses, 0)
		w.loss = 0 // of the last one alone
	}
	w.losses[i] = m.Loss
	return i
}

// printLosses prints what a run of several steppers made: none of their losses is on what was held out.
func (w *runWatch) printLosses(r *inkstone.Trained) {
	var losses []string
	for i, name := range w.names {
		losses = append(losses, fmt.Sprintf(w.t("of the %s %.4f", "%s %.4f"), w.phrase(name), w.losses[i]))
	}
	fmt.Fprintf(w.out, w.t("%s: %d steps, loss %s\n", "%s：%d 步，损失：%s\n"), r.Dir, r.Steps, strings.Join(losses, w.t(", ", "，")))
}
