package format_test

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/format"
)

func TestLockDir(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "out")
	unlock, err := format.LockDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := format.LockDir(dir); !errors.Is(err, format.ErrLocked) || !strings.Contains(err.Error(), dir) {
		t.Errorf("a second lock: %v", err)
	}
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	unlock, err = format.LockDir(dir)
	if err != nil {
		t.Fatalf("after unlock: %v", err)
	}
	if err := unlock(); err != nil {
		t.Error(err)
	}
}

func TestLockDirRefusesAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := format.LockDir(path); err == nil || errors.Is(err, format.ErrLocked) || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v", err)
	}
}

func TestLockDirRemovesWhatKilledRunsLeft(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{".model.safetensors.0123456789abcdef" + format.TempSuffix, ".hidden", "visible" + format.TempSuffix} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	unlock, err := format.LockDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	if got, want := files(t, dir), []string{".hidden", ".inkstone.lock", "visible" + format.TempSuffix}; !slices.Equal(got, want) {
		t.Errorf("the folder has %q, want %q", got, want)
	}
}

// TestLockEndsWithItsProcess kills a second process that holds the lock.
func TestLockEndsWithItsProcess(t *testing.T) {
	if dir := os.Getenv("FORMAT_TEST_LOCK"); dir != "" {
		if _, err := format.LockDir(dir); err != nil {
			t.Fatal(err)
		}
		fmt.Println("locked")
		select {}
	}
	dir := t.TempDir()
	child := exec.Command(os.Args[0], "-test.run=^TestLockEndsWithItsProcess$")
	child.Env = append(os.Environ(), "FORMAT_TEST_LOCK="+dir)
	out, err := child.StdoutPipe()
	if err == nil {
		err = child.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if line != "locked\n" {
		t.Errorf("the child said %q, %v", line, err)
	}
	if _, err := format.LockDir(dir); !errors.Is(err, format.ErrLocked) {
		t.Errorf("while the child lives: %v", err)
	}
	child.Process.Kill()
	child.Wait()
	unlock, err := format.LockDir(dir)
	if err != nil {
		t.Fatalf("after its death: %v", err)
	}
	unlock()
}
