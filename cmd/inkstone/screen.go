package main

import (
	"io"
	"os"
	"sync"

	"golang.org/x/term"
)

// eraseLine goes to the beginning of a terminal's line and empties it.
const eraseLine = "\r\x1b[K"

// A screen is standard error where that is a terminal. Whatever is written takes the
// place of a line of progress that stands there: an error would begin at its end.
type screen struct {
	*os.File
	mu   sync.Mutex
	line bool // the last line is one of progress
}

func (s *screen) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.line {
		s.line = false
		if _, err := io.WriteString(s.File, eraseLine); err != nil {
			return 0, err
		}
	}
	return s.File.Write(b)
}

// redraw puts a line of progress in the place of the one before. The terminal may
// have another width each time.
func (s *screen) redraw(bar, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.line = true
	width, _, err := term.GetSize(int(s.Fd()))
	if err != nil {
		width = 0
	}
	_, _ = io.WriteString(s.File, eraseLine+fitted(bar, text, width))
}

// fitted is a line that a terminal does not break, for of a broken one only the
// last part can be redrawn: where it is too narrow the bar goes, then the text's
// end. A terminal that does not tell its width has 0.
func fitted(bar, text string, width int) string {
	whole := bar + " " + text
	switch {
	case width <= 0 || columns(whole) < width:
		return whole
	case columns(text) < width:
		return text
	}
	used := 0
	for i, r := range text {
		if used += columns(string(r)); used >= width {
			return text[:i]
		}
	}
	return text
}
