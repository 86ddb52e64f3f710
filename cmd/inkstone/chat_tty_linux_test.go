package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A console is a pseudo terminal with a program on its other side.
type console struct {
	t      *testing.T
	master *os.File
	mu     sync.Mutex
	shown  bytes.Buffer // all that was displayed
}

func openConsole(t *testing.T) (c *console, tty *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no pseudo terminal here: %v", err)
	}
	t.Cleanup(func() { master.Close() })
	fd := int(master.Fd())
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	if tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0); err != nil {
		t.Fatal(err)
	}
	c = &console{t: t, master: master}
	go io.Copy(c, master)
	return c, tty
}

func (c *console) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.shown.Write(b)
}

// expect waits until the text was displayed n times.
func (c *console) expect(text string, n int) {
	c.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
		c.mu.Lock()
		shown := c.shown.String()
		c.mu.Unlock()
		if strings.Count(shown, text) >= n {
			return
		}
		if time.Now().After(deadline) {
			c.t.Fatalf("%q was not shown %d times within 30 seconds; the terminal has\n%q", text, n, shown)
		}
	}
}

// expectMore waits until n more bytes were displayed.
func (c *console) expectMore(n int) {
	c.t.Helper()
	size := func() int {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.shown.Len()
	}
	for begin, deadline := size(), time.Now().Add(30*time.Second); size() < begin+n; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			c.t.Fatalf("%d bytes were not shown within 30 seconds", n)
		}
	}
}

func (c *console) press(keys string) {
	c.t.Helper()
	if _, err := io.WriteString(c.master, keys); err != nil {
		c.t.Fatal(err)
	}
}

// TestChatOnTerminal edits a line with the arrow keys, stops an answer by Ctrl-C
// and leaves by Ctrl-C at the prompt.
func TestChatOnTerminal(t *testing.T) {
	dir := longContext(t)
	template := "{% for m in messages %}{{ m.content }}{% endfor %}"
	if err := os.WriteFile(filepath.Join(dir, "model", "chat_template.jinja"), []byte(template), 0o666); err != nil {
		t.Fatal(err)
	}
	screen, tty := openConsole(t)
	c, _, _ := command(t, dir, "chat", "--model", "model")
	c.Stdin, c.Stdout, c.Stderr = tty, tty, tty
	c.Env = append(c.Env, "TERM=xterm")
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	tty.Close()
	screen.expect("> ", 1)
	screen.press("hllo\x1b[D\x1b[D\x1b[De\r") // three to the left, then the letter that is missing
	screen.expect("\n", 1)
	screen.expectMore(20) // of the answer
	screen.press("\x03")
	screen.expect("(stopped)", 1)
	screen.press("/reset\r")
	screen.expect("a new conversation", 1)
	screen.press("\x03") // at the prompt: the end
	if err := c.Wait(); err != nil {
		t.Fatalf("%v; the terminal has\n%q", err, screen.shown.String())
	}
}

// TestRemoveOnTerminal: Ctrl-C at the question whether to remove a model is no, at once.
func TestRemoveOnTerminal(t *testing.T) {
	dir := t.TempDir()
	commit := strings.Repeat("a", 40)
	for name, text := range map[string]string{"refs/main": commit, "blobs/b": "{}", "snapshots/" + commit + "/config.json": "{}"} {
		path := filepath.Join(dir, "models--org--name", name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o777), os.WriteFile(path, []byte(text), 0o666)); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		keys string
		code int
	}{{"\x03", 130}, {"\r", 1}, {"y\r", 0}} {
		screen, tty := openConsole(t)
		c, _, _ := command(t, dir, "rm", "org/name")
		c.Stdin, c.Stdout, c.Stderr = tty, tty, tty
		c.Env = append(c.Env, "TERM=xterm", "HF_HUB_CACHE="+dir)
		c.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		tty.Close()
		screen.expect("[y/N]", 1)
		screen.press(tt.keys)
		_ = c.Wait() // the exit code says what it does
		if _, err := os.Stat(filepath.Join(dir, "models--org--name", "refs")); c.ProcessState.ExitCode() != tt.code || (err == nil) == (tt.code == 0) {
			t.Errorf("%q: exit code %d, %v; the terminal has\n%q", tt.keys, c.ProcessState.ExitCode(), err, screen.shown.String())
		}
	}
}
