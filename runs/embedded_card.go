package runs

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/inkstone-ai/inkstone/eval"
	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/runs/embedded"
	"github.com/inkstone-ai/inkstone/train"
)

// An EmbeddedCard says what the model is, what it was made of and how good it is.
type EmbeddedCard struct {
	Name       string           `json:"name"`
	Purpose    string           `json:"purpose"`
	Data       string           `json:"data"`
	Licence    string           `json:"licence"`
	Limits     []string         `json:"limits"`
	Command    string           `json:"command"`
	Go         string           `json:"go"` // version of the source
	Settings   EmbeddedSettings `json:"settings"`
	Counts     embeddedCounts   `json:"counts"`
	Parameters int              `json:"parameters"`
	Bytes      int64            `json:"bytes"` // of the file
	Steps      int              `json:"steps"`
	Tokens     int              `json:"tokens_read"`
	Loss       float64          `json:"loss"`          // nats a token on the packages that chose the weights, the lowest
	Seconds    float64          `json:"train_seconds"` // pauses left out

	BitsPerByte float64     `json:"bits_per_byte"` // on the held-out packages, of the quantised file
	TwoMinutes  TwoMinutes  `json:"two_minutes"`
	Functions   Completion  `json:"functions"`
	Memorised   Share       `json:"memorised"` // of spans of 50 tokens of training text, from the 50 before
	Quantised   eval.Parity `json:"quantised"` // the file beside the trained weights
}

// describe fills the card with what is known without measuring.
func (j *embeddedJob) describe(l *model.Loaded) error {
	info, err := os.Stat(j.path(embedded.ModelFile))
	if err != nil {
		return err
	}
	log, err := train.ReadMetrics(j.path("train", "run"))
	if err != nil {
		return err
	}
	c, s := &j.card, j.Settings
	c.Name, c.Bytes, c.Parameters = "inkstone-go", info.Size(), model.Parameters(l.LM)
	c.Purpose = "To try the program without a download: it goes on with Go source, fills in its middle, writes short functions from comments, and speaks about a little world of 12 people in English and Chinese."
	c.Data = fmt.Sprintf("The source of the standard library of %s, tests included, without vendored packages, test data, generated files, cgo and assembly; and conversations that a program wrote.", j.start.Go)
	c.Licence = "BSD-3-Clause, as the source that it was trained on: Copyright The Go Authors, https://go.dev/LICENSE"
	c.Limits = []string{
		"It is very small: most of what it writes beyond a few lines is wrong, and code that parses seldom does what was asked.",
		"It knows nothing of the world, follows no instructions but those it was trained on, and knows no Go outside of the standard library.",
		"It can repeat its training text word for word; the share that was measured is above.",
	}
	c.Command, c.Go, c.Settings, c.Counts = fmt.Sprintf("inkstone embedded build --out DIR --minutes %.4g --seed %d", s.Minutes, s.Seed), j.start.Go, s, j.source.counts
	for _, m := range log {
		if m.Evaluation == nil {
			c.Steps, c.Seconds = max(c.Steps, m.Step), max(c.Seconds, m.Seconds)
		} else if c.Loss == 0 || *m.Evaluation < c.Loss {
			c.Loss = *m.Evaluation
		}
	}
	c.Tokens = c.Steps * s.Rows * s.Context
	return nil
}

// write puts the card beside the model.
func (c *EmbeddedCard) write(dir string) error {
	if err := writeJSON(filepath.Join(dir, embedded.CardFile), c); err != nil {
		return err
	}
	return format.WriteFile(filepath.Join(dir, embedded.CardMarkdown), func(w io.Writer) error {
		_, err := io.WriteString(w, c.Markdown())
		return err
	})
}

// Markdown is the card to read.
func (c *EmbeddedCard) Markdown() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("# %s\n\n%s\n", c.Name, c.Purpose)
	line("- Parameters: %d; one file of %.2f MB, %s", c.Parameters, float64(c.Bytes)/1e6, c.Settings.Type)
	line("- Data: %s %d files, %d bytes; %d tokens with all cuts and pairs.", c.Data, c.Counts.Files, c.Counts.Bytes, c.Counts.Tokens)
	line("- Held out, whole packages: %s (%d bytes; %.1f %% of them stand in 4-line runs that were seen). The weights were chosen on %s.",
		strings.Join(c.Settings.Held, ", "), c.Counts.HeldBytes, 100*c.Counts.Overlap, strings.Join(c.Settings.Choosing, ", "))
	line("- Licence: %s", c.Licence)
	line("- Made by `%s` (seed %d) in %.0f minutes of training: %d steps, %d tokens, loss %.4f nats a token", c.Command, c.Settings.Seed, c.Seconds/60, c.Steps, c.Tokens, c.Loss)
	line("\n| held-out packages | this model | %.3g minutes |\n|---|---|---|", c.TwoMinutes.Minutes)
	line("| bits per byte | %.3f | %.3f |", c.BitsPerByte, c.TwoMinutes.BitsPerByte)
	line("| of %d functions completed, parse | %s | %s |", c.Functions.Heads, c.Functions.Parse, c.TwoMinutes.Parse)
	line("| and type-check | %s | %s |", c.Functions.Check, c.TwoMinutes.Check)
	line("\nOf %d spans of 50 tokens of training text, given the 50 before, it goes on with %s word for word.", c.Settings.Spans, c.Memorised)
	line("\n## Limits\n")
	for _, l := range c.Limits {
		line("- %s", l)
	}
	line("\n这是一个很小的模型，用 Go 标准库源码（BSD-3）和程序生成的中英文对话训练，供无需下载即可试用：续写和补全 Go 代码、谈论一个虚构的小世界。它写的代码大多不正确。")
	return b.String()
}

// String is the share with its interval, in per cent.
func (s Share) String() string {
	return fmt.Sprintf("%.1f %% (%.1f–%.1f)", 100*s.Share, 100*s.Low, 100*s.High)
}
