package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/eval"
)

// compare prints one table of several models.
func (a *app) compare(c *cobra.Command, dirs []string, dir string, threads int, asJSON bool, o inkstone.EvaluateOptions) error {
	switch {
	case dir != "":
		return usagef("eval: --compare takes its models as arguments, not by --model")
	case len(dirs) < 2:
		return usagef("eval: --compare needs the folders of two models or more; see '%s --help'", c.CommandPath())
	case len(o.Data) == 0:
		return usagef("eval: --data PATH is missing; see '%s --help'", c.CommandPath())
	case o.Context != 0 || o.Stride != 0 || threads < 0:
		return usagef("eval: --compare has no --context and no --stride, and --threads must not be negative")
	}
	if err := refuse(c, "a comparison", "adapter", "perturb", "seed", "baseline", "beam", "length-penalty"); err != nil {
		return err
	}
	paths := slices.Clone(dirs)
	for i, name := range dirs {
		var err error
		if paths[i], err = a.resolve(name); err != nil {
			return err
		}
	}
	all, err := inkstone.Compare(c.Context(), paths, o, &inkstone.LoadOptions{Threads: threads})
	if err != nil {
		return err
	}
	for i, name := range dirs {
		if paths[i] != name {
			all[i].Name = name
		}
	}
	if asJSON {
		return json.NewEncoder(a.out).Encode(all)
	}
	return a.grid(eval.Table(all))
}

// grid prints lines of cells, the first of which are heads: names to the left, numbers
// to the right.
func (a *app) grid(lines [][]string) error {
	widths := make([]int, len(lines[0]))
	for i := range lines[0] {
		lines[0][i] = a.phrase(lines[0][i])
	}
	for _, cells := range lines {
		for i, cell := range cells {
			widths[i] = max(widths[i], columns(cell))
		}
	}
	for _, cells := range lines {
		var b strings.Builder
		for i, cell := range cells {
			pad := strings.Repeat(" ", widths[i]-columns(cell))
			if i == 0 {
				b.WriteString(cell + pad)
			} else {
				b.WriteString("  " + pad + cell)
			}
		}
		if _, err := fmt.Fprintln(a.out, strings.TrimRight(b.String(), " ")); err != nil {
			return err
		}
	}
	return nil
}
