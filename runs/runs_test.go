package runs_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/runs"
	"github.com/inkstone-ai/inkstone/tokenizer"
)

// TestWorld runs the whole pipeline for seconds: what it reports must be
// complete, and the folder one that converses.
func TestWorld(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "model")
	var stages []string
	r, err := runs.World{Out: dir, Budget: 2 * time.Second, Seed: 3, HeldOut: 2, Watch: func(stage string, done float64, _ string) {
		if len(stages) == 0 || stages[len(stages)-1] != stage {
			stages = append(stages, stage)
		}
	}}.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Join(stages, " "), "tokenizer pretrain finetune evaluate"; got != want {
		t.Errorf("stages %q, want %q", got, want)
	}
	if len(r.Tasks) != 17 || len(r.Exchanges) != 2 || len(r.Trained) != 2 || r.Trained[0].Steps == 0 {
		t.Errorf("%d tasks, %d exchanges, phases %+v", len(r.Tasks), len(r.Exchanges), r.Trained)
	}
	for _, name := range []string{"config.json", "model.safetensors", "tokenizer.json", "generation_config.json", "chat_template.jinja"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	if _, err := tokenizer.LoadTemplate(dir); err != nil {
		t.Error(err)
	}
}

// TestText trains on a pattern that every coder but a good one finds long.
func TestText(t *testing.T) {
	docs := []corpus.Document{{Name: "a", Text: strings.Repeat("one two three four five six seven. ", 3000)}}
	train, held, err := corpus.Split(docs, 0.1, 1)
	if err != nil {
		t.Fatal(err)
	}
	r, err := runs.Text{Train: train, Held: held, Out: t.TempDir(), Budget: 2 * time.Second, Seed: 1}.Run(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Bits) != 5 || len(r.Samples) != 3 {
		t.Fatalf("%d ways to code, %d samples", len(r.Bits), len(r.Samples))
	}
	for _, b := range r.Bits {
		if b.BitsPerByte <= 0 || b.BitsPerByte > 8 {
			t.Errorf("%s: %g bits per byte", b.Name, b.BitsPerByte)
		}
	}
	if r.Overlap != 0 && r.Overlap != 1 {
		t.Logf("overlap %g of one line", r.Overlap)
	}
}
