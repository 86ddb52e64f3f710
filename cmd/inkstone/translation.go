package main

import (
	"context"
	"fmt"
	"text/tabwriter"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/runs"
)

// runTranslation is quickstart for pairs: those of a file, or what a program writes.
func (a *app) runTranslation(ctx context.Context, q quickstartRun, watch runs.Watch, end func(bool)) error {
	t := runs.Translation{Out: q.out, Architectures: q.architectures, Minutes: q.minutes, Seed: q.seed, Threads: q.threads, Watch: watch}
	if q.config != "" {
		var err error
		if t.Settings, err = inkstone.ReadTranslatorSettings(q.config); err != nil {
			return err
		}
	}
	switch {
	case q.corpus == "pairs" && len(q.text) == 0:
		return usagef("quickstart: --corpus pairs needs --text PATH, the pairs")
	case q.corpus == "pairs":
		var err error
		if t.Pairs, err = corpus.Pairs(a.in, q.text...); err != nil {
			return err
		}
	default:
		t = runs.Lesson(t, q.corpus)
	}
	r, err := t.Run(ctx)
	if err != nil {
		return err
	}
	end(true)
	return a.reportTranslation(r, q)
}

func (a *app) reportTranslation(r *runs.TranslationReport, q quickstartRun) error {
	if q.asJSON {
		return a.printJSON(r)
	}
	fmt.Fprintf(a.out, a.t("\n%s pairs to learn from, %s to translate; no sentence of either side stands in both; seed %d\n\n",
		"\n%s 对用于学习，%s 对用于翻译；两侧都没有句子同时出现在两部分；种子 %d\n\n"), thousands(int64(r.Train)), thousands(int64(r.Test)), r.Seed)
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(w, a.t("\tBLEU\tchrF2\texact, %\tparameters\tsteps\tseconds\t", "\tBLEU\tchrF2\t完全匹配 exact，%\t参数 parameters\t步数 steps\t秒 seconds\t"))
	for _, l := range r.Systems[0].Scores.Lengths {
		fmt.Fprintf(w, a.t("BLEU %d–%d\t", "BLEU %d–%d\t"), l.From, l.To)
	}
	fmt.Fprintln(w)
	for _, s := range r.Systems {
		fmt.Fprintf(w, "%s\t%.2f\t%.2f\t%.1f\t%s\t%s\t%.0f\t", s.Name, s.Scores.BLEU.Score, s.Scores.ChrF.Score,
			100*float64(s.Scores.Exact)/float64(s.Scores.Pairs), thousands(int64(s.Parameters)), thousands(int64(s.Steps)), s.Train)
		for _, l := range s.Scores.Lengths {
			fmt.Fprintf(w, "%.2f\t", l.BLEU)
		}
		fmt.Fprintln(w)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	scores := r.Systems[0].Scores
	fmt.Fprintf(a.out, a.t("\nBLEU a–b: sources of a to b characters\nBLEU|%s\nchrF2|%s\n", "\nBLEU a–b：源句为 a 至 b 个字符\nBLEU|%s\nchrF2|%s\n"), scores.BLEU.Signature, scores.ChrF.Signature)
	for _, s := range r.Samples {
		fmt.Fprintf(a.out, "\n%s\n  = %s\n", s.Source, s.Target)
		for i, o := range s.Outputs {
			fmt.Fprintf(a.out, "  %s: %s\n", r.Systems[i].Name, o)
		}
	}
	_, err := fmt.Fprintf(a.out, a.t("\nNext:\n", "\n下一步：\n")+"  %s generate --model %s --prompt %s\n", invocation(), quoted(q.out+"/"+r.Systems[len(r.Systems)-1].Name), quoted(r.Samples[0].Source))
	return err
}
