package main

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/inkstone-ai/inkstone/train"
)

// check trains runs on texts that the study does not have and counts those that end
// where the law expects them.
func check(ctx context.Context, runs []run, o options) error {
	slices.SortStableFunc(runs, func(a, b run) int { return cmp.Compare(a.work(), b.work()) }) // what interrupts it leaves the long ones
	if err := losses(ctx, runs, o); err != nil {
		return err
	}
	all, err := results(o.out)
	if err != nil {
		return err
	}
	law, inside, known, knownInside := train.StudyLaw(), 0, 0, 0
	t := tabwriter.NewWriter(os.Stdout, 0, 0, 1, ' ', 0)
	fmt.Fprintln(t, "| run\t| tokenizer, vocabulary\t| depth\t| updates\t| tokens\t| expected, 80 %\t| loss\t| inside\t| note\t|")
	fmt.Fprintln(t, "|---\t|---\t|---\t|---\t|---\t|---\t|---\t|---\t|---\t|")
	for _, r := range all {
		e, word, note := law.Expect(r.Trial), "no", ""
		within := len(e.Outside) == 0
		if !within {
			note = "extrapolated: " + strings.Join(e.Outside, "; ")
		} else {
			known++
		}
		if e.Low <= r.Loss && r.Loss <= e.High {
			word = "yes"
			inside++
			if within {
				knownInside++
			}
		}
		fmt.Fprintf(t, "| %s\t| %s, %d\t| %d\t| %d\t| %d\t| %.2f (%.2f to %.2f)\t| %.3f\t| %s\t| %s\t|\n", r.ID, r.Tokenizer, r.Vocab, r.Depth, r.Updates, r.Tokens,
			e.Loss, e.Low, e.High, r.Loss, word, note)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Printf("\n%d of %d inside; of the runs that are no extrapolation %d of %d\n", inside, len(all), knownInside, known)
	return nil
}

// fit prints the law of the study, and for each text how the law of the others does
// on it.
func fit() error {
	trials, law := train.Study(), train.StudyLaw()
	misses, err := train.LeaveOut(trials)
	if err != nil {
		return err
	}
	fmt.Printf("factors %.4f\n", law.Factors)
	fmt.Printf("interval: a factor of %.3f, for %.0f %% of the runs\n\n", math.Exp(law.Interval), 100*train.Within)
	t := tabwriter.NewWriter(os.Stdout, 0, 0, 1, ' ', 0)
	fmt.Fprintln(t, "| text\t| runs\t| tokens of a run\t| loss over expected, mean\t| farthest\t| inside\t|")
	fmt.Fprintln(t, "|---\t|---\t|---\t|---\t|---\t|---\t|")
	for _, text := range slices.Concat(first, second, third) {
		runs, inside, sum, far, lo, hi := 0, 0, 0.0, 0.0, int64(math.MaxInt64), int64(0)
		for i, x := range trials {
			if x.Text != text.name {
				continue
			}
			runs++
			sum += misses[i]
			lo, hi = min(lo, x.Tokens), max(hi, x.Tokens)
			if math.Abs(misses[i]) > math.Abs(far) {
				far = misses[i]
			}
			if math.Abs(misses[i]) <= law.Interval {
				inside++
			}
		}
		if runs > 0 {
			fmt.Fprintf(t, "| %s\t| %d\t| %d to %d\t| %.3f\t| %.3f\t| %d\t|\n", text.name, runs, lo, hi, math.Exp(sum/float64(runs)), math.Exp(far), inside)
		}
	}
	return t.Flush()
}
