package eval

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"text/tabwriter"
)

// A Report is numbers under a title, and what must be said about them. It is the one
// form in which this module prints measurements.
type Report struct {
	Title string   `json:"title"`
	Rows  []Row    `json:"rows"`
	Notes []string `json:"notes,omitempty"`
}

// A Row is one number. A share has an interval and says of how many.
type Row struct {
	Name  string   `json:"name"`
	Value float64  `json:"value"`
	Unit  string   `json:"unit,omitempty"` // "%" for a share or a rate, which Value holds as 0 … 1
	Low   *float64 `json:"low,omitempty"`  // 95 % interval
	High  *float64 `json:"high,omitempty"`
	Of    int      `json:"of,omitempty"` // items
}

// Number adds a row.
func (r *Report) Number(name, unit string, value float64) {
	r.Rows = append(r.Rows, Row{Name: name, Value: value, Unit: unit})
}

// Share adds the share k of n with its 95 % interval.
func (r *Report) Share(name string, k, n int) {
	low, high := Wilson(k, n)
	r.Rows = append(r.Rows, Row{Name: name, Value: ratio(k, n), Unit: "%", Low: &low, High: &high, Of: n})
}

// Rate adds an error rate, which is 0 without errors and may exceed 1.
func (r *Report) Rate(name string, e ErrorRate) {
	r.Rows = append(r.Rows, Row{Name: name, Value: e.Rate(), Unit: "%", Of: e.Length})
}

// Note adds a sentence below the rows.
func (r *Report) Note(format string, args ...any) {
	r.Notes = append(r.Notes, fmt.Sprintf(format, args...))
}

// WriteText writes a table for people.
func (r Report) WriteText(w io.Writer) error {
	fmt.Fprintln(w, r.Title)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range r.Rows {
		fmt.Fprintf(t, "  %s\t%s\n", row.Name, row.text())
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, note := range r.Notes {
		if _, err := fmt.Fprintf(w, "  (%s)\n", note); err != nil {
			return err
		}
	}
	return nil
}

// WriteJSON writes one JSON object on a line. Numbers that JSON does not have, such
// as an infinite perplexity, are an error.
func (r Report) WriteJSON(w io.Writer) error {
	if err := json.NewEncoder(w).Encode(r); err != nil {
		return fmt.Errorf("eval: report: %w", err)
	}
	return nil
}

func (r Row) text() string {
	if r.Low != nil {
		return fmt.Sprintf("%.1f %% of %d (95 %% interval %.1f to %.1f)", 100*r.Value, r.Of, 100**r.Low, 100**r.High)
	}
	if r.Unit == "%" {
		return fmt.Sprintf("%.2f %% of %d", 100*r.Value, r.Of)
	}
	value := fmt.Sprintf("%.4f", r.Value)
	if r.Value == math.Trunc(r.Value) || math.Abs(r.Value) >= 1e4 {
		value = fmt.Sprintf("%.0f", r.Value)
	}
	if r.Unit != "" {
		value += " " + r.Unit
	}
	return value
}

// Wilson returns the 95 % interval of a share of which k of n were seen (Wilson
// 1927): unlike k/n ± 1.96σ it stays inside [0, 1] and has a width at 0 and at n.
// With n = 0 nothing is known: 0 to 1.
func Wilson(k, n int) (low, high float64) {
	if n == 0 {
		return 0, 1
	}
	const z = 1.959963984540054 // the normal distribution's 97.5 % point
	N, p := float64(n), ratio(k, n)
	middle := p + z*z/(2*N)
	spread := z * math.Sqrt(p*(1-p)/N+z*z/(4*N*N))
	low, high = (middle-spread)/(1+z*z/N), (middle+spread)/(1+z*z/N)
	if k == 0 {
		low = 0 // the formula's rounding would leave a trace
	}
	if k == n {
		high = 1
	}
	return low, high
}

func ratio(k, n int) float64 {
	if n == 0 {
		return math.NaN()
	}
	return float64(k) / float64(n)
}
