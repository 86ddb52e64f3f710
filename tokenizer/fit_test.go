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

// TestFitReached: where the model itself makes such a token of a text, it does not go, and the model does not fit.
func TestFitReached(t *testing.T) {
	for _, tt := range []struct {
		model, gone string
		fits        bool
	}{
		{`{"type":"BPE","unk_token":"<unk>","vocab":{"<unk>":0,"a":1,"b":2,"ab":3},"merges":["a b"]}`, "ab", false},
		{`{"type":"BPE","unk_token":"<unk>","vocab":{"<unk>":0,"a":1,"b":2,"ab":3},"merges":[],"ignore_merges":true}`, "ab", false},
		{`{"type":"BPE","unk_token":"<unk>","vocab":{"<unk>":0,"a":1,"c":2,"b":3},"merges":[]}`, "b", false},
		{`{"type":"BPE","unk_token":"<unk>","vocab":{"a":0,"b":1,"c":2,"<unk>":3},"merges":[]}`, "<unk>", false},
		{`{"type":"BPE","unk_token":"<unk>","vocab":{"<unk>":0,"a":1,"b":2,"ab":3},"merges":[]}`, "ab", true},
		{`{"type":"Unigram","unk_id":0,"vocab":[["<unk>",-9],["a",-1],["b",-1],["ab",-0.5]]}`, "ab", false},
		{`{"type":"WordPiece","unk_token":"<unk>","vocab":{"<unk>":0,"a":1,"b":2,"##b":3}}`, "##b", false},
		{`{"type":"WordLevel","unk_token":"<unk>","vocab":{"<unk>":0,"a":1,"b":2,"ab":3}}`, "ab", false},
	} {
		b := must(tokenizer.Parse([]byte(`{"added_tokens":[{"id":3,"content":"` + tt.gone + `"}],"model":` + tt.model + `}`)))
		gone := tokenizer.Fit(b, 3)
		if fits := gone != nil; fits != tt.fits || fits != (b.Size() == 3) {
			t.Errorf("%s: gone are %v, of %d ids", tt.model, gone, b.Size())
		}
		if got := b.Encode("ab zb"); slices.Max(got) >= int32(b.Size()) {
			t.Errorf("%s: ids %v of %d", tt.model, got, b.Size())
		}
	}
}
