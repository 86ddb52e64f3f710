package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"

	"golang.org/x/term"
)

// messages reads what a user says: from a terminal with line editing and a
// history, else line by line.
type messages struct {
	terminal *os.File               // nil where the input is no terminal
	cooked   *term.State            // of the terminal before it was changed
	ask      chan struct{}          // asks the reader for a message
	got      chan result            // and gets it
	line     func() (string, error) // the next line, without its end
}

type result struct {
	message string
	err     error
}

// openMessages begins to read. Lines are read by a goroutine of its own, for a
// read from a terminal or a pipe cannot be interrupted.
func (a *app) openMessages() *messages {
	m := &messages{ask: make(chan struct{}), got: make(chan result, 1)}
	if f, ok := a.in.(*os.File); ok && isTerminal(f) && isTerminal(a.errs) {
		signal.Reset(os.Interrupt)                           // ends an answer now, not the program,
		signal.Notify(make(chan os.Signal, 1), os.Interrupt) // and nothing between two answers
		m.terminal = f
		m.cooked, _ = term.GetState(int(f.Fd()))
		m.line = m.edit(term.NewTerminal(struct {
			io.Reader
			io.Writer
		}{f, a.errs}, "> "))
	} else {
		m.line = plainLines(a.in)
	}
	go func() {
		for range m.ask {
			text, err := m.read()
			m.got <- result{text, err}
		}
	}()
	return m
}

// next returns the next message, io.EOF after the last.
func (m *messages) next(ctx context.Context) (string, error) {
	m.ask <- struct{}{}
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case r := <-m.got:
		return r.message, r.err
	}
}

// close leaves the terminal as it was, also in the middle of a line.
func (m *messages) close() {
	close(m.ask)
	if m.cooked != nil {
		term.Restore(int(m.terminal.Fd()), m.cooked)
	}
}

// read returns a message: a line, or the lines between two of """.
func (m *messages) read() (string, error) {
	const fence = `"""`
	line, err := m.line()
	if err != nil || line != fence {
		return line, err
	}
	var block []string
	for {
		line, err := m.line()
		switch {
		case err == io.EOF:
			return "", fmt.Errorf("the input ends inside a message that %s began", fence)
		case err != nil:
			return "", err
		case line == fence:
			return strings.Join(block, "\n"), nil
		}
		block = append(block, line)
	}
}

// edit reads lines from a terminal that is raw only while somebody types: then
// arrow keys work, and during an answer Ctrl-C is a signal. Ctrl-C and Ctrl-D at
// the prompt end the input. The editor counts a column for each character, so
// that in wide ones the cursor is drawn too far left; what is read is right.
func (m *messages) edit(t *term.Terminal) func() (string, error) {
	fd := int(m.terminal.Fd())
	return func() (string, error) {
		if width, height, err := term.GetSize(fd); err == nil && width > 0 {
			t.SetSize(width, height)
		}
		before, err := term.MakeRaw(fd)
		if err != nil {
			return "", err
		}
		defer term.Restore(fd, before)
		return t.ReadLine()
	}
}

// plainLines reads lines of any length; the last may lack its end.
func plainLines(in io.Reader) func() (string, error) {
	r := bufio.NewReader(in)
	return func() (string, error) {
		line, err := r.ReadString('\n')
		if err == io.EOF && line != "" {
			err = nil
		}
		return strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r"), err
	}
}
