package eval

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/tokenizer"
)

// A Candidate is one of several models on one text.
type Candidate struct {
	Name        string  `json:"name"`
	Type        string  `json:"model_type,omitempty"` // "" of what is no model of ours, an n-gram model
	Parameters  int     `json:"parameters"`
	WeightBytes int64   `json:"weight_bytes"`
	PastBytes   int64   `json:"past_bytes"` // what writing keeps of one sequence: a state, or keys and values, and inputs of convolutions, of a full window
	Loss        float64 `json:"loss"`       // nats per token
	BitsPerByte float64 `json:"bits_per_byte"`
	// TokensPerSecond is the speed of reading; 0 where it was not measured.
	TokensPerSecond float64       `json:"tokens_per_second"`
	Training        time.Duration `json:"training_ns,omitempty"` // time of the training, where known
	Bands           []Band        `json:"bands,omitempty"`
}

// bandTokens of a text are enough for the loss by distance.
const bandTokens = 1 << 17

// Compare measures lm on tokens, which tok made, for a table of several models.
// A model with a window reads windows that overlap by half, so that it always sees as
// much as half of one; a recurrent one carries its state along. bands is the window for the loss by distance, 0: none.
func Compare(ctx context.Context, name string, lm model.LM, tok tokenizer.Tokenizer, tokens corpus.IDs, bands int) (Candidate, error) {
	s := lm.Shape()
	m, err := Language(ctx, lm, tok, tokens, Options{Stride: s.Context / 2})
	if err != nil {
		return Candidate{}, err
	}
	c := Candidate{Name: name, Parameters: model.Parameters(lm), WeightBytes: weightBytes(lm), PastBytes: pastBytes(lm), Loss: m.Loss, TokensPerSecond: m.TokensPerSecond}
	if m.BitsPerByte != nil {
		c.BitsPerByte = *m.BitsPerByte
	}
	if bands > 0 && len(tokens) > 1 {
		c.Bands, err = Bands(ctx, lm, tok, tokens[:min(len(tokens), bandTokens)], bands)
	}
	return c, err
}

func weightBytes(lm model.LM) (n int64) { return 4 * int64(model.Parameters(lm)) }

// pastBytes is the size of what the cache of a sequence holds at most.
func pastBytes(lm model.LM) (n int64) {
	r, ok := lm.(model.Recurrent)
	if !ok {
		s := lm.Shape()
		return 4 * int64(s.Context) * (2*int64(s.Layers)*int64(s.KVHeads)*int64(s.HeadDim) + int64(s.Inputs))
	}
	for _, w := range r.StateWidths() {
		n += 4 * int64(w)
	}
	return n
}

// Table is the candidates as lines of cells, the first line being the heads of the
// columns; "" stands for what is not known.
func Table(all []Candidate) [][]string {
	head := []string{"model", "parameters", "loss", "bits per byte", "tokens/s", "weights", "past"}
	trained := false
	var bands []Band
	for _, c := range all {
		trained = trained || c.Training > 0
		if len(c.Bands) > len(bands) {
			bands = c.Bands
		}
	}
	if trained {
		head = append(head, "training")
	}
	for _, b := range bands {
		head = append(head, fmt.Sprintf("loss at %d–%d", b.From, b.To))
	}
	lines := [][]string{head}
	for _, c := range all {
		lines = append(lines, c.line(trained, bands))
	}
	return lines
}

func (c *Candidate) line(trained bool, bands []Band) []string {
	cells := []string{c.Name, known(c.Parameters > 0, "%d", c.Parameters), fmt.Sprintf("%.4f", c.Loss),
		known(c.BitsPerByte > 0, "%.4f", c.BitsPerByte), known(c.TokensPerSecond > 0, "%.0f", c.TokensPerSecond),
		known(c.WeightBytes > 0, "%s", binary(c.WeightBytes)), known(c.PastBytes > 0, "%s", binary(c.PastBytes))}
	if trained {
		cells = append(cells, known(c.Training > 0, "%s", c.Training.Round(time.Second)))
	}
	for i := range bands {
		if i < len(c.Bands) {
			cells = append(cells, fmt.Sprintf("%.3f", c.Bands[i].Loss))
		} else {
			cells = append(cells, "")
		}
	}
	return cells
}

func known(is bool, format string, x any) string {
	if !is {
		return ""
	}
	return fmt.Sprintf(format, x)
}

// binary writes a size in KiB or MiB.
func binary(n int64) string {
	if n < 1<<20 {
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
}

// Markdown writes the table of [Table] for a page.
func Markdown(lines [][]string) string {
	var b strings.Builder
	for i, cells := range lines {
		fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | "))
		if i == 0 {
			fmt.Fprintf(&b, "|---%s|\n", strings.Repeat("|---:", len(cells)-1))
		}
	}
	return b.String()
}
