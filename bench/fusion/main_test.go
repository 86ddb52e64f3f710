package main

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/internal/testkit"
)

// TestTable trains everything for a step: the table has a row each, and the picture is drawn.
func TestTable(t *testing.T) {
	pictures := testkit.Data(t, "img-mnist/part-a-images-idx3-ubyte.gz")
	t.Setenv("INKSTONE_DATA", filepath.Dir(filepath.Dir(pictures)))
	plot := filepath.Join(t.TempDir(), "fusion.png")
	var out bytes.Buffer
	if testing.Short() {
		t.Skip("trains eleven models")
	}
	if err := command(t.Context(), []string{"-steps", "1", "-seeds", "1", "-plot", plot}, &out); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"picture alone", "sound alone", "name alone", "sum", "mean", "weighted", "concat", "gated", "attention"} {
		if n := len(regexp.MustCompile(`(?m)^\| ` + name + ` \| [0-9.]+ ± 0.00 \|`).FindAllString(out.String(), -1)); n != 1 {
			t.Errorf("%d rows of %s in\n%s", n, name, &out)
		}
	}
	for _, want := range []string{"noisy, retrieval@5, sound to zh ", "clean, retrieval@1, chance ", `captions right, zh, always "手写的数字`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, &out)
		}
	}
	if info, err := os.Stat(plot); err != nil || info.Size() < 1000 {
		t.Errorf("picture: %v", err)
	}
}

func TestMoments(t *testing.T) {
	if mean, deviation := moments([]float64{1, 2, 6}); mean != 3 || math.Abs(deviation-math.Sqrt(7)) > 1e-12 {
		t.Errorf("%g ± %g, want 3 ± √7", mean, deviation)
	}
	if mean, deviation := moments([]float64{4}); mean != 4 || deviation != 0 {
		t.Errorf("%g ± %g of one number", mean, deviation)
	}
}

func TestRefused(t *testing.T) {
	if err := command(t.Context(), []string{"tables"}, &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), `"tables" is none of levels, table, pairs, captions`) {
		t.Error(err)
	}
}
