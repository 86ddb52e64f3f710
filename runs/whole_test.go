package runs

import (
	"testing"

	"github.com/inkstone-ai/inkstone/tokenizer"
)

// TestWhole cuts Chinese text between bytes: a token is a byte here.
func TestWhole(t *testing.T) {
	tok, err := tokenizer.TrainBPE(func(yield func(string) bool) { yield("a") }, tokenizer.TrainOptions{Vocab: 256})
	if err != nil {
		t.Fatal(err)
	}
	m := &textModel{tok: tok}
	ids := tok.Encode("床前明月光")
	if len(ids) != 15 {
		t.Fatalf("%d tokens, want one for each byte", len(ids))
	}
	for _, tt := range []struct {
		from, to int
		want     string
	}{{0, 15, "床前明月光"}, {1, 15, "前明月光"}, {2, 14, "前明月"}, {3, 13, "前明月"}, {1, 2, tok.Decode(ids[1:2])}} {
		if got := tok.Decode(m.whole(ids[tt.from:tt.to])); got != tt.want {
			t.Errorf("bytes %d to %d: %q, want %q", tt.from, tt.to, got, tt.want)
		}
	}
}
