package main

import (
	"fmt"
	"strings"
)

// A row of a report has a label in both languages.
type row struct{ en, zh, value string }

// table prints labels and values in two columns. It counts columns of a
// terminal, of which a Chinese character takes two; text/tabwriter does not.
func (a *app) table(rows []row) error {
	width := 0
	for _, r := range rows {
		width = max(width, columns(a.t(r.en, r.zh)))
	}
	for _, r := range rows {
		label := a.t(r.en, r.zh)
		if _, err := fmt.Fprintf(a.out, "%s%s  %s\n", label, strings.Repeat(" ", width-columns(label)), r.value); err != nil {
			return err
		}
	}
	return nil
}

// columns is the width of a label of ours: letters, or Chinese characters and
// their punctuation.
func columns(s string) (n int) {
	for _, r := range s {
		n++
		if r >= 0x2e80 {
			n++
		}
	}
	return n
}
