package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/inkstone-ai/inkstone/internal/testkit"
)

// TestFullDiskOfEachFamily lets a run of each family meet a full disk at its first
// checkpoint: exit code 1, an error that names the file, and, with room again, --resume
// ends with the weights of a run that always had room.
func TestFullDiskOfEachFamily(t *testing.T) {
	if !testkit.Alone(t) {
		return
	}
	short := map[string]string{"skip-gram": "--epochs,1,--checkpoint-every,1", "glove": "--epochs,2,--checkpoint-every,1"}
	for _, r := range stoppedRuns {
		dir := familyFolder(t, r.name, r.files)
		t.Chdir(dir)
		few := short[r.name]
		if few == "" {
			few = "--steps,3,--checkpoint-every,1"
		}
		args := append(slices.Clone(r.args), words(few)...)
		quiet := func(args ...string) (code int, errs string) {
			var b strings.Builder
			code = run(args, strings.NewReader(""), io.Discard, &b)
			return code, b.String()
		}
		if code, errs := quiet(append(args, "--out", "whole")...); code != 0 {
			t.Fatalf("%s: exit code %d\n%s", r.name, code, errs)
		}
		var code int
		var errs string
		testkit.FullDisk(t, 2048, func() { code, errs = quiet(append(args, "--out", "model")...) })
		if want := "write model/run/step-0000"; code != 1 || !strings.Contains(errs, want) || !strings.Contains(errs, "file too large") {
			t.Errorf("%s: exit code %d, want 1 and %q in\n%s", r.name, code, want, errs)
		}
		if code, errs := quiet(append(args, "--out", "model", "--resume")...); code != 0 {
			t.Fatalf("%s, with room again: exit code %d\n%s", r.name, code, errs)
		}
		if got, want := fingerprint(t, dir, "model"), fingerprint(t, dir, "whole"); got != want {
			t.Errorf("%s: weights %s, want %s", r.name, got, want)
		}
	}
}

// TestFullDiskSaysWhatToDo: where there is a checkpoint, the way on is told.
func TestFullDiskSaysWhatToDo(t *testing.T) {
	out := t.TempDir()
	checkpoint := filepath.Join(out, "run", "step-000000002.safetensors")
	if err := errors.Join(os.Mkdir(filepath.Dir(checkpoint), 0o777), os.WriteFile(checkpoint, nil, 0o666)); err != nil {
		t.Fatal(err)
	}
	for op, want := range map[string]bool{"write": true, "open": false} {
		var errs strings.Builder
		a := &app{errs: &errs, lang: english}
		a.explain(fmt.Errorf("train: checkpoint: %w", &fs.PathError{Op: op, Path: "x", Err: syscall.ENOSPC}), out)
		if got := strings.Contains(errs.String(), checkpoint) && strings.Contains(errs.String(), "the same command with --resume goes on"); got != want {
			t.Errorf("an error of %s: told is %q", op, errs.String())
		}
	}
}

// TestFullStandardOutput: what a verb prints is its result, in every family.
func TestFullStandardOutput(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skipf("this system has no /dev/full to write to: %v", err)
	}
	defer full.Close()
	t.Chdir(familyFolder(t, "head", nil))
	for _, args := range []string{
		"generate,--model,encoder,--prompt,the [MASK] sees", "embed,--model,encoder,--data,book.txt",
		"embed,--model,encoder,--data,book.txt,--nearest,a dog", "eval,--model,encoder,--data,book.txt",
		"plan,--data,book.txt,--config,run.json,--seconds,0", "--help",
	} {
		var errs strings.Builder
		if code := run(words(args), strings.NewReader(""), full, &errs); code != 1 || !strings.Contains(errs.String(), "no space left on device") {
			t.Errorf("%s: exit code %d, %s", args, code, errs.String())
		}
	}
}
