package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestScreen: progress fits into a terminal's line, and what is written after it
// takes its place.
func TestScreen(t *testing.T) {
	shown, tty := openConsole(t)
	defer tty.Close()
	if err := unix.IoctlSetWinsize(int(tty.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 40}); err != nil {
		t.Fatal(err)
	}
	a := &app{errs: &screen{File: tty}}
	p := a.startProgress("training")
	p.last = time.Time{}
	p.show(0.5, "step 500/1000 · loss 2.3456 · held-out 2.4567 · 13,600 tokens/s")
	fmt.Fprintln(a.errs, "an error")
	p.end("loss 2.3456")
	shown.expect("loss 2.3456 · ", 1)
	shown.mu.Lock()
	defer shown.mu.Unlock()
	lines := strings.Split(shown.shown.String(), "\r\x1b[K")
	want := []string{"", bar(0) + " training   0%", "training  50% · step 500/1000 · loss 2.", "an error\r\ntraining · loss 2.3456 · "}
	for i, w := range want {
		if i >= len(lines) || !strings.HasPrefix(lines[i], w) || columns(strings.SplitAfter(lines[i], "\r")[0]) >= 40 {
			t.Errorf("line %d: want %q; the terminal has\n%q", i, w, lines)
		}
	}
}
