package tune

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/inkstone-ai/inkstone/tokenizer"
)

// DryRun prints the first n examples token by token: its place, its id, whether it is
// learned, and what it stands for. Tokens that are not learned are read only.
func (d *SFT) DryRun(w io.Writer, tok tokenizer.Tokenizer, n int) error {
	for i, e := range d.Examples[:min(n, len(d.Examples))] {
		fmt.Fprintf(w, "example %d of %d: %s line %d, %d tokens, %d learned\n", i+1, len(d.Examples), e.File, e.Line, len(e.IDs), e.learned())
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		for j, id := range e.IDs {
			what := "read"
			if j > 0 && e.Mask[j] { // nothing comes before the first
				what = "learn"
			}
			text, _ := tok.Token(id)
			fmt.Fprintf(t, "  %d\t%d\t%s\t%q\n", j, id, what, text)
		}
		if err := t.Flush(); err != nil {
			return fmt.Errorf("tune: dry run: %w", err)
		}
	}
	return nil
}
