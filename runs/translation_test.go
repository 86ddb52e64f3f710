package runs_test

import (
	"path/filepath"
	"testing"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/runs"
)

// TestTranslation runs the whole pipeline on a few pairs, with a model too small to
// translate: every system has its scores, over all and by length.
func TestTranslation(t *testing.T) {
	pairs, err := corpus.Pairs(nil, testkit.Data(t, "mt-tatoeba-en-zh/en-zh.tsv.gz"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := runs.Translation{
		Pairs: pairs[:600], Out: filepath.Join(t.TempDir(), "out"), Seed: 1, Threads: 2, Minutes: 0.01,
		Settings: inkstone.TranslatorSettings{Width: 16, Layers: 1, Rows: 8, Vocab: 400},
	}.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Systems) != 3 || r.Train+r.Test != 600 || len(r.Samples) == 0 {
		t.Fatalf("%d systems, %d and %d pairs, %d samples", len(r.Systems), r.Train, r.Test, len(r.Samples))
	}
	for _, s := range r.Systems {
		if s.Scores.Pairs != r.Test || len(s.Scores.Lengths) != 4 {
			t.Errorf("%s: %d pairs, %d spans of lengths", s.Name, s.Scores.Pairs, len(s.Scores.Lengths))
		}
	}
}
