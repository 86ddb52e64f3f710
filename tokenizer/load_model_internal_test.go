package tokenizer

import (
	"slices"
	"strings"
	"testing"
)

// TestLongPieces: a piece is cut only where both parts have the length of a piece, and one that is
// absurdly long is refused.
func TestLongPieces(t *testing.T) {
	long := strings.Repeat("a", longestPiece)
	pieces := []scored{{text: "<unk>", kind: pieceUnknown}, {text: "a", kind: pieceNormal}, {text: long[:7], kind: pieceNormal}, {text: long, kind: pieceNormal}, {text: long[:8], kind: pieceNormal}, {text: long[:longestPiece-1], kind: pieceUnused}}
	if got := lengthsOf(pieces).cuts(longestPiece); len(got) > 0 {
		t.Errorf("cuts of the longest piece at %v, no piece has the length of the other part", got)
	}
	b, err := newSentenceBPE(pieces, &sentence{}, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	if want := []merge{{2, 1, 0, 4}, {1, 2, 0, 4}}; !slices.Equal(b.merges, want) {
		t.Errorf("merges %v, want %v", b.merges, want)
	}
	pieces[3].text += "a"
	if _, err := newSentenceBPE(pieces, &sentence{}, false, nil); err == nil || !strings.Contains(err.Error(), "has 65537 bytes; at most 65536") {
		t.Errorf("a piece of 65537 bytes: error %v", err)
	}
}
