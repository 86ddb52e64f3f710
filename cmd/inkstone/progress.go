package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"time"

	"golang.org/x/term"
)

// The pace of progress: often enough for someone who waits; on a terminal the
// line is redrawn, elsewhere (a log) a line now and then.
const (
	redrawEvery = 100 * time.Millisecond
	lineEvery   = 5 * time.Second
)

// A progress shows how far long work has come: a bar, the share done, a text and
// when it will end. It is one line, redrawn by whoever works, which needs no
// goroutine that draws beside the one that computes.
type progress struct {
	out   io.Writer
	name  string
	began time.Time
	from  float64 // the fraction that was done when it began
	last  time.Time
}

// startProgress says name at once.
func (a *app) startProgress(name string) *progress {
	p := &progress{out: a.errs, name: name, began: time.Now()}
	p.show(0, "")
	return p
}

// show sets the fraction done, in [0, 1], and the text. It may be called often.
func (p *progress) show(done float64, text string) {
	now, every := time.Now(), lineEvery
	if _, ok := p.out.(*screen); ok {
		every = redrawEvery
	}
	if now.Sub(p.last) < every {
		return
	}
	p.last = now
	done = min(max(done, 0), 1)
	line := fmt.Sprintf("%s %3.0f%%", p.name, 100*done)
	if left := eta(now.Sub(p.began), p.from, done); left != "" {
		line += " · ETA " + left
	}
	if text != "" {
		line += " · " + text
	}
	if s, ok := p.out.(*screen); ok {
		s.redraw(bar(done), line)
	} else {
		fmt.Fprintln(p.out, line)
	}
}

// end leaves a last line.
func (p *progress) end(text string) {
	if text != "" {
		text = " · " + text
	}
	fmt.Fprintf(p.out, "%s%s · %s\n", p.name, text, round(time.Since(p.began)))
}

func bar(done float64) string {
	const width = 20
	full := int(done * width)
	return strings.Repeat("█", full) + strings.Repeat("░", width-full)
}

// eta is what a steady pace leaves to do.
func eta(spent time.Duration, from, done float64) string {
	if done <= from || spent < time.Second {
		return ""
	}
	return round(time.Duration(float64(spent) * (1 - done) / (done - from))).String()
}

func round(d time.Duration) time.Duration {
	if d < time.Second {
		return d.Round(time.Millisecond)
	}
	if d < time.Minute {
		return d.Round(100 * time.Millisecond)
	}
	return d.Round(time.Second)
}

// isTerminal reports whether w is a terminal that can redraw a line.
func isTerminal(w io.Writer) bool {
	switch o := w.(type) {
	case *output:
		w = o.Writer
	case *screen:
		w = o.File
	}
	f, ok := w.(*os.File)
	return ok && os.Getenv("TERM") != "dumb" && term.IsTerminal(int(f.Fd()))
}

// rate writes a number of things per second with three significant digits.
func rate(x float64) string {
	if x <= 0 || math.IsInf(x, 0) || math.IsNaN(x) {
		return "–"
	}
	digits := math.Pow(10, math.Floor(math.Log10(x))-2)
	return thousands(int64(math.Round(x/digits) * digits))
}

// thousands writes n with commas.
func thousands(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
