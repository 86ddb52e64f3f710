package main

import (
	"bytes"
	"image/gif"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/inkstone-ai/inkstone/internal/testkit"
)

// TestRun trains for a few steps: the table has all its rows, the animations all their frames.
func TestRun(t *testing.T) {
	data := filepath.Dir(filepath.Dir(testkit.Data(t, "img-mnist/part-a-images-idx3-ubyte.gz")))
	dir := t.TempDir()
	config := filepath.Join(dir, "small.json")
	if err := os.WriteFile(config, []byte(`{"side": 40, "frames": 5, "width": 4, "hidden": 8, "rows": 2, "digit_rows": 4, "eval_clips": 2}`), 0o666); err != nil {
		t.Fatal(err)
	}
	var table bytes.Buffer
	args := []string{"-data", data, "-out", dir, "-config", config, "-steps", "2", "-judge-steps", "2", "-clips", "4", "-threads", "2"}
	if err := run(t.Context(), args, &table); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`(?m)^frame 5 +[0-9.]+ +[0-9.]+ +[0-9.]+$`, `(?m)^mean `, `digits a clip: 2`, `digits read, truth +[0-9.]+ % of 8\n`, `own clips, frame 2 +[0-9.]+ % of 4\n`} {
		if !regexp.MustCompile(want).Match(table.Bytes()) {
			t.Errorf("no %s in\n%s", want, &table)
		}
	}
	for name, frames := range map[string]int{"predicted.gif": 5, "made.gif": 2} {
		f, err := os.Open(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		g, err := gif.DecodeAll(f)
		if err != nil {
			t.Fatal(err)
		}
		if len(g.Image) != frames {
			t.Errorf("%s has %d frames, want %d", name, len(g.Image), frames)
		}
	}
}
