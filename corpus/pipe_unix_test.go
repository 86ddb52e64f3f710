//go:build unix

package corpus_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/inkstone-ai/inkstone/corpus"
)

// TestSaveLeavesPipes: a pipe, as a device would be, stays what it is.
func TestSaveLeavesPipes(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o666); err != nil {
		t.Skipf("this file system has no pipes: %v", err)
	}
	err := corpus.WriteShard(pipe, randomIDs(40, 256), corpus.ShardInfo{Vocab: 256, End: corpus.NoEnd})
	if err == nil || !strings.Contains(err.Error(), pipe+": it is no file") {
		t.Errorf("got %v", err)
	}
	if info, err := os.Stat(pipe); err != nil || info.Mode().Type() != fs.ModeNamedPipe {
		t.Errorf("the pipe is %v, %v", info, err)
	}
}
