package tokenizer_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/dlclark/regexp2/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/inkstone-ai/inkstone/tokenizer"
)

// published pairs the scanners with the patterns as their authors wrote them.
var published = []struct {
	name    string
	split   tokenizer.Split
	pattern *regexp2.Regexp
}{
	{"GPT2", tokenizer.GPT2, regexp2.MustCompile(`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`)},
	{"CL100K", tokenizer.CL100K, regexp2.MustCompile(`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`)},
	{"Qwen2", tokenizer.Qwen2, regexp2.MustCompile(`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`)},
	{"Qwen3.5", must(tokenizer.Regexp(qwen35)), regexp2.MustCompile(qwen35)},
	{"O200K", tokenizer.O200K, regexp2.MustCompile(strings.Join([]string{
		`[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?`,
		`[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?`,
		`\p{N}{1,3}`, ` ?[^\s\p{L}\p{N}]+[\r\n/]*`, `\s*[\r\n]+`, `\s+(?!\S)`, `\s+`}, "|"))},
	{"Tekken", tokenizer.Tekken, regexp2.MustCompile(strings.Join([]string{
		`[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+`,
		`[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*`,
		`\p{N}`, ` ?[^\s\p{L}\p{N}]+[\r\n/]*`, `\s*[\r\n]+`, `\s+(?!\S)`, `\s+`}, "|"))},
	{"DeepSeek V3", must(tokenizer.Regexp(deepSeek3)), regexp2.MustCompile(deepSeek3)},
	{"three digits of DeepSeek V3", must(tokenizer.Regexp(`\p{N}{1,3}`)), regexp2.MustCompile(`\p{N}{1,3}`)},
	{"Chinese and Japanese of DeepSeek V3", must(tokenizer.Regexp(`[一-龥぀-ゟ゠-ヿ]+`)), regexp2.MustCompile(`[一-龥぀-ゟ゠-ヿ]+`)},
	{"signs of Falcon", must(tokenizer.Regexp(falcon)), regexp2.MustCompile(falcon)},
	{"three digits of Falcon", must(tokenizer.Regexp(`[0-9][0-9][0-9]`)), regexp2.MustCompile(`[0-9][0-9][0-9]`)},
}

// qwen35 has a scanner, but no name of its own.
const qwen35 = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`

// Those of DeepSeek V3 and Falcon have none either, and do not cover a text.
const (
	deepSeek3 = "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+"
	falcon    = "[\\p{P}\\$\\+<=>\\^~\\|`]+"
)

func pieces(s tokenizer.Split, text string) []string {
	list := []string{}
	s.Pieces(text, func(p string) { list = append(list, p) })
	return list
}

// oracle cuts text with the regular expression engine: at its matches.
func oracle(t testing.TB, re *regexp2.Regexp, text string) []string {
	found, err := re.FindAllStringIndex(text, -1)
	if err != nil {
		t.Fatal(err)
	}
	list, at := []string{}, 0
	for _, f := range append(found, []int{len(text), len(text)}) {
		for _, piece := range []string{text[at:f[0]], text[f[0]:f[1]]} {
			if piece != "" {
				list = append(list, piece)
			}
		}
		at = f[1]
	}
	return list
}

// checkSplits compares every scanner with its pattern on one text. The long s
// is taken out: the engine here folds case by lower-casing and does not know
// it as another form of s; the engines of the published tokenizers do.
func checkSplits(t testing.TB, text string) {
	t.Helper()
	text = strings.ReplaceAll(text, "ſ", "s")
	for _, p := range published {
		if diff := cmp.Diff(oracle(t, p.pattern, text), pieces(p.split, text)); diff != "" {
			t.Fatalf("%s cuts %q otherwise than its pattern (-want +got): %s", p.name, text, diff)
		}
	}
}

func FuzzSplits(f *testing.F) {
	for _, s := range samples {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) { checkSplits(t, text) })
}

// TestSplitsAtRandom puts characters of all classes side by side: a fuzzer
// that only mutates bytes rarely builds such a text.
func TestSplitsAtRandom(t *testing.T) {
	alphabet := []string{"a", "z", "B", "Q", "s", "t", "r", "e", "v", "l", "m", "D", "'", "'", "1", "2", "½", "٣", " ", " ", "\n", "\r", "\t",
		"\u00a0", "\u3000", "\u0085", "\x1c", "\v", ".", "/", "!", "_", "ǅ", "ʰ", "ª", "中", "か", "\u0301", "\u0903", "\u20dd", "é", "É", "😀", "\u200d", "\x01", "$", "`", "。", "€", "\u0378", "龥", "龦", "\xff", "\xe4\xb8", "�", "𝐀", "𐐀", "𐐨"}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 10_000 {
		var b strings.Builder
		for range 1 + rng.IntN(12) {
			b.WriteString(alphabet[rng.IntN(len(alphabet))])
		}
		checkSplits(t, b.String())
	}
}

// TestLongS: ſ is a small s to who folds case by Unicode's rules.
func TestLongS(t *testing.T) {
	want := []string{"it", "'ſ"}
	if got := pieces(tokenizer.CL100K, "it'ſ"); !cmp.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestSplitForms(t *testing.T) {
	must := func(s tokenizer.Split, err error) tokenizer.Split {
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	tests := []struct {
		name  string
		split tokenizer.Split
		text  string
		want  []string
	}{
		{"whole", tokenizer.Whole, "a b", []string{"a b"}},
		{"empty", tokenizer.Whole, "", []string{}},
		{"digits", tokenizer.Digits(false), "ab12c3", []string{"ab", "12", "c", "3"}},
		{"each digit", tokenizer.Digits(true), "ab12c", []string{"ab", "1", "2", "c"}},
		{"regexp", must(tokenizer.Regexp(`厨房|花园`)), "在厨房里厨房花园", []string{"在", "厨房", "里", "厨房", "花园"}},
		{"empty matches", must(tokenizer.Regexp(`x*`)), "axxb", []string{"a", "xx", "b"}},
		{"invalid text", must(tokenizer.Regexp(`b`)), "\xffa\xe4\xb8b\x80", []string{"\xffa\xe4\xb8", "b", "\x80"}},
		{"sequence", tokenizer.Sequence(must(tokenizer.Regexp(`厨房`)), tokenizer.GPT2), "他在厨房里. ok", []string{"他在", "厨房", "里", ".", " ok"}},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, pieces(tt.split, tt.text)); diff != "" {
			t.Errorf("%s (-want +got): %s", tt.name, diff)
		}
	}
	if _, err := tokenizer.Regexp(`(`); err == nil {
		t.Error("a broken pattern is no error")
	}
}
