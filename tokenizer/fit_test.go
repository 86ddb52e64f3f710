package tokenizer_test

import (
	"slices"
	"testing"

	"github.com/inkstone-ai/inkstone/tokenizer"
)

// TestFit: added tokens beyond a model's rows are text like any other, and other tokens there do not go.
func TestFit(t *testing.T) {
	b := must(tokenizer.NewByte("<s>", "<image>"))
	want := slices.Concat(b.Encode("a<image>"), b.EncodeSpecial("<s>"))
	gone := tokenizer.Fit(b, 257)
	if len(gone) != 1 || gone[0].Content != "<image>" || gone[0].ID != 257 {
		t.Errorf("gone are %v, want <image>", gone)
	}
	if got := b.EncodeSpecial("a<image><s>"); !slices.Equal(got, want) {
		t.Errorf("ids %v, want %v", got, want)
	}
	if _, ok := b.ID("<image>"); ok || b.Size() != 257 || b.IsSpecial(257) || len(b.AddedTokens()) != 1 {
		t.Errorf("<image> is there still, of %d ids", b.Size())
	}
	if gone := tokenizer.Fit(b, 257); gone != nil {
		t.Errorf("gone are %v of what fits", gone)
	}
	if gone := tokenizer.Fit(b, 200); gone != nil || b.Size() != 257 {
		t.Errorf("gone are %v, and %d ids are left, though bytes are beyond", gone, b.Size())
	}
	framed := must(tokenizer.Parse(sentenceJSON("h e")))
	if gone := tokenizer.Fit(framed, 1); gone != nil {
		t.Errorf("gone are %v, though a text begins with <s>", gone)
	}
}
