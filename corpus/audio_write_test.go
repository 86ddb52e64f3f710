package corpus_test

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/corpus"
)

// TestWriteWAV: what is written is what the test's own writer writes, and what is read.
func TestWriteWAV(t *testing.T) {
	var b bytes.Buffer
	if err := corpus.WriteWAV(&b, 8000, []float32{-1, 0, 0.5, 2, -3, 1. / 32768}); err != nil {
		t.Fatal(err)
	}
	want := pcm(8000, -32768, 0, 16384, 32767, -32768, 1)
	if !bytes.Equal(b.Bytes(), want) {
		t.Errorf("got %x, want %x", b.Bytes(), want)
	}
	got, err := corpus.ReadSounds(corpus.SoundOptions{}, soundFolder(t, map[string][]byte{"a/x.wav": b.Bytes()}))
	if err != nil || !slices.Equal(got.Samples[0], []float32{-1, 0, 0.5, 32767. / 32768, -1, 1. / 32768}) {
		t.Errorf("read again: %+v, %v", got, err)
	}
	for says, x := range map[string][]float32{"0 samples, 8000": nil, "sample 1 is not a number": {0, float32(math.NaN())}} {
		if err := corpus.WriteWAV(&b, 8000, x); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v: %v, want %q", x, err, says)
		}
	}
}
