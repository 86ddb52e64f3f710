//go:build unix

package format_test

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/inkstone-ai/inkstone/format"
)

// TestWriteFileLeavesDevices: a pipe, as a device would be, stays what it is.
func TestWriteFileLeavesDevices(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o666); err != nil {
		t.Skipf("this file system has no pipes: %v", err)
	}
	err := format.WriteFile(pipe, writeNew)
	if err == nil || !strings.Contains(err.Error(), pipe+": it is a device or a pipe") {
		t.Errorf("got %v", err)
	}
	if got := files(t, dir); len(got) != 1 {
		t.Errorf("the folder has %q", got)
	}
}
