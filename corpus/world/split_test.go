package world_test

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/dlclark/regexp2/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/inkstone-ai/inkstone/corpus/world"
)

func TestPieces(t *testing.T) {
	tests := []struct{ text, want string }{
		{"Tom is in the kitchen.", "Tom| is| in| the| kitchen|."},
		{"汤姆在厨房里。安娜有一个红色的球。", "汤姆|在|厨房|里|。|安娜|有|一个|红色|的|球|。"},
		{"func getPrice(a, b int64) int { return a + 1 }", "func| get|Price|(|a|,| b| int|6|4|)| int| {| return| a| +| |1| }"},
		{"HTTPServer parseURL", "HTTP|Server| parse|URL"},
		{"a  b\n\n c\n汤姆", "a| | b|\n\n| c|\n|汤姆"},
		{"中国 厨房", "中|国| |厨房"},
		{"…?! \t", "…?!| \t"},
		{"\xff\xfea", "\xff\xfe|a"},
	}
	for _, test := range tests {
		got := strings.Join(slices.Collect(world.Pieces(test.text)), "|")
		if got != test.want {
			t.Errorf("%q:\n got %s\nwant %s", test.text, got, test.want)
		}
	}
}

// oracle splits by the pattern itself.
func oracle(t testing.TB, pattern *regexp2.Regexp, text string) (pieces []string) {
	m, err := pattern.FindStringMatch(text)
	for ; err == nil && m != nil; m, err = pattern.FindNextMatch(m) {
		pieces = append(pieces, m.String())
	}
	if err != nil {
		t.Fatal(err)
	}
	return pieces
}

func FuzzPiece(f *testing.F) {
	pattern := regexp2.MustCompile(world.Pattern())
	w, r := world.New(1), rng(1)
	for range 40 {
		f.Add(w.Prose(r).Text())
	}
	for _, s := range []string{"", " ", "  x", "ABc aBC", "é\u0301 ñÑn", " 12 ½", "\u3000汤姆\r\n", "　 a", "ǅabc ʰx", "🙂 🙂a", " \n\n x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		pieces := slices.Collect(world.Pieces(text))
		if strings.Join(pieces, "") != text {
			t.Fatalf("pieces of %q join to %q", text, strings.Join(pieces, ""))
		}
		if !utf8.ValidString(text) || strings.ContainsFunc(text, newer) {
			return // regexp2 reads runes; what is newer than its tables may differ
		}
		if d := cmp.Diff(oracle(t, pattern, text), pieces); d != "" {
			t.Fatalf("%q, pattern (-) and Piece (+):\n%s", text, d)
		}
	})
}

// newer reports runes beyond the basic plane, whose classes depend on the
// Unicode version of the tables more than others.
func newer(r rune) bool { return r > 0xffff && r < 0x1f300 || r > 0x1f64f }

// TestSegmentsEndAtPieces: splitting a document's segments one by one gives
// the pieces of the whole.
func TestSegmentsEndAtPieces(t *testing.T) {
	w, r := world.New(4), rng(4)
	for range 5000 {
		d := w.Prose(r)
		var parts []string
		for _, s := range d.Segments {
			parts = slices.AppendSeq(parts, world.Pieces(s.Text))
		}
		if whole := slices.Collect(world.Pieces(d.Text())); !slices.Equal(parts, whole) {
			t.Fatalf("%q:\n%q\n%q", d.Text(), parts, whole)
		}
	}
}

func TestWords(t *testing.T) {
	list := world.Words()
	for i, w := range list {
		if n := utf8.RuneCountInString(w); n < 2 || i > 0 && n > utf8.RuneCountInString(list[i-1]) {
			t.Errorf("word %d, %q, out of order or too short", i, w)
		}
		if got := slices.Collect(world.Pieces(w)); len(got) != 1 {
			t.Errorf("%q splits to %q", w, got)
		}
	}
	list[0] = "changed"
	if world.Words()[0] == "changed" {
		t.Error("Words gives its own table away")
	}
}

func BenchmarkPieces(b *testing.B) {
	w, r := world.New(1), rng(1)
	var text strings.Builder
	for text.Len() < 1<<18 {
		text.WriteString(w.Prose(r).Text())
	}
	s := text.String()
	b.SetBytes(int64(len(s)))
	for b.Loop() {
		for range world.Pieces(s) {
		}
	}
}
