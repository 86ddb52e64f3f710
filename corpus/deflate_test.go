package corpus_test

import (
	"math"
	"os/exec"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/corpus"
)

// TestGzip compares with the gzip program, whose deflate is another one.
func TestGzip(t *testing.T) {
	docs, _, err := corpus.Read(nil, moduleRoot(t)+"/corpus/*.go")
	if err != nil {
		t.Fatal(err)
	}
	program, err := exec.LookPath("gzip")
	if err != nil {
		t.Skip("no gzip here:", err)
	}
	size := 0
	for _, d := range docs {
		cmd := exec.Command(program, "-9", "-n", "-c")
		cmd.Stdin = strings.NewReader(d.Text)
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		size += len(out)
	}
	got, want := corpus.Gzip(docs), 8*float64(size)/float64(corpus.Bytes(docs))
	t.Logf("%.4f bits per byte, gzip -9 %.4f", got, want)
	if math.Abs(got-want) > 0.02*want {
		t.Errorf("%.4f bits per byte, gzip -9 needs %.4f", got, want)
	}
}

func TestGzipPrimed(t *testing.T) {
	train := []corpus.Document{doc("far", strings.Repeat("qwertz ", 9000)), doc("near", numbered(0, 300)), doc("nearer", "the end\n")}
	held := []corpus.Document{doc("h", numbered(100, 200)), doc("i", numbered(200, 300))}
	alone, primed := corpus.Gzip(held), corpus.GzipPrimed(train, held)
	if primed > alone/10 || primed <= 0 {
		t.Errorf("%.3f bits per byte primed with the same text, %.3f alone", primed, alone)
	}
	// What is further back than 32 KiB is out of sight.
	far := []corpus.Document{doc("same", numbered(100, 300)), doc("long", strings.Repeat("qwertz ", 5000))}
	if got := corpus.GzipPrimed(far, held); got < alone/2 {
		t.Errorf("%.3f bits per byte primed with text 35 kB back, %.3f alone", got, alone)
	}
	if got := corpus.GzipPrimed(nil, nil); got != 0 {
		t.Errorf("nothing needs %v", got)
	}
}
