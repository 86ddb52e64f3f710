package tokenizer_test

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/tokenizer"
)

var ggufTexts = []string{
	"", "Hello, world! It's 2024; we've 12345 things.", "  two  blanks\n\n\tand 中文字符 — naïve café 🙂", "CamelCaseWord don't I'LL", "<s> [PAD3] </s> <|endoftext|>",
	"func main() {\n\tfmt.Println(\"x\")\n}\n",
}

// sameIDs compares two tokenizers on a few texts.
func sameIDs(t *testing.T, got, want tokenizer.Tokenizer) {
	t.Helper()
	for _, text := range ggufTexts {
		if g, w := got.EncodeSpecial(text), want.EncodeSpecial(text); !slices.Equal(g, w) {
			t.Errorf("%q: got %v, want %v", text, g, w)
		}
		ids := want.Encode(text)
		if g, w := got.Decode(ids), want.Decode(ids); g != w {
			t.Errorf("%q decodes to %q, want %q", text, g, w)
		}
	}
}

// TestSaveGGUFSplits: a BPE with any of the published splits is read back with the same ids, and its
// ids beyond those of the tokenizer have no text.
func TestSaveGGUFSplits(t *testing.T) {
	splits := map[string]tokenizer.Split{"gpt-2": tokenizer.GPT2, "dbrx": tokenizer.CL100K, "qwen2": tokenizer.Qwen2, "gpt-4o": tokenizer.O200K,
		"smollm": tokenizer.Sequence(tokenizer.Digits(true), tokenizer.GPT2)}
	for pre, split := range splits {
		t.Run(pre, func(t *testing.T) {
			b := small(t, split)
			m, err := tokenizer.GGUF(b, b.Size()+3)
			if err != nil {
				t.Fatal(err)
			}
			if m["tokenizer.ggml.pre"] != pre {
				t.Errorf("pre %v, want %s", m["tokenizer.ggml.pre"], pre)
			}
			if n := len(m["tokenizer.ggml.tokens"].([]string)); n != b.Size()+3 {
				t.Errorf("%d tokens, want %d", n, b.Size()+3)
			}
			again, err := tokenizer.ParseGGUF(m)
			if err != nil {
				t.Fatal(err)
			}
			sameIDs(t, again, b)
		})
	}
}

// TestSaveGGUFBytes: a tokenizer of single bytes, with special tokens.
func TestSaveGGUFBytes(t *testing.T) {
	b, err := tokenizer.NewByte("<|endoftext|>")
	if err != nil {
		t.Fatal(err)
	}
	m, err := tokenizer.GGUF(b, 257)
	if err != nil {
		t.Fatal(err)
	}
	again, err := tokenizer.ParseGGUF(m)
	if err != nil {
		t.Fatal(err)
	}
	sameIDs(t, again, b)
}

// TestSaveGGUFOfGPT2: what is written of GPT-2's vocab.json and merges.txt are the tokens, the merges and the
// split that llama.cpp's converter wrote of them.
func TestSaveGGUFOfGPT2(t *testing.T) {
	file := testkit.ReadFile(t, filepath.Join(testkit.Data(t, "tok-gguf-vocab"), "ggml-vocab-gpt-2.gguf.gz"))
	g, err := format.ReadGGUF("gpt-2", file)
	if err != nil {
		t.Fatal(err)
	}
	want := g.Meta()
	b, err := tokenizer.ParseGGUF(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := tokenizer.GGUF(b, b.Size())
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"model", "pre", "tokens", "merges", "token_type"} {
		key = "tokenizer.ggml." + key
		if diff := cmp.Diff(want[key], got[key]); diff != "" {
			t.Errorf("%s (-want +got):\n%.500s", key, diff)
		}
	}
}

// sentenceJSON is a BPE of SentencePiece as transformers writes it: pieces that are made of
// characters, and a token for each byte.
func sentenceJSON(merges ...string) []byte {
	vocab := []string{`"<unk>":0`, `"<s>":1`, `"</s>":2`}
	for b := range 256 {
		vocab = append(vocab, fmt.Sprintf(`"<0x%02X>":%d`, b, 3+b))
	}
	seen := map[string]bool{}
	add := func(piece string) {
		if !seen[piece] {
			seen[piece] = true
			vocab = append(vocab, fmt.Sprintf("%q:%d", piece, len(vocab)))
		}
	}
	for _, c := range "▁helowrdt" {
		add(string(c))
	}
	for _, m := range merges {
		add(strings.ReplaceAll(m, " ", ""))
	}
	quoted := make([]string, len(merges))
	for i, m := range merges {
		quoted[i] = fmt.Sprintf("%q", m)
	}
	return []byte(`{"version":"1.0","added_tokens":[
		{"id":0,"content":"<unk>","special":true},{"id":1,"content":"<s>","special":true},{"id":2,"content":"</s>","special":true}],
		"normalizer":{"type":"Sequence","normalizers":[{"type":"Prepend","prepend":"▁"},{"type":"Replace","pattern":{"String":" "},"content":"▁"}]},
		"decoder":{"type":"Sequence","decoders":[{"type":"Replace","pattern":{"String":"▁"},"content":" "},{"type":"ByteFallback"},{"type":"Fuse"},{"type":"Strip","content":" ","start":1,"stop":0}]},
		"post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],
			"pair":[{"Sequence":{"id":"A","type_id":0}},{"Sequence":{"id":"B","type_id":0}}],"special_tokens":{"<s>":{"id":"<s>","ids":[1],"tokens":["<s>"]}}},
		"model":{"type":"BPE","unk_token":"<unk>","fuse_unk":true,"byte_fallback":true,"vocab":{` + strings.Join(vocab, ",") + `},"merges":[` + strings.Join(quoted, ",") + `]}}`)
}

// TestSaveGGUFOfSentencePiece: merges become scores, and lead to the same ids.
func TestSaveGGUFOfSentencePiece(t *testing.T) {
	b, err := tokenizer.Parse(sentenceJSON("h e", "l o", "▁ w", "he l", "hel lo", "▁ hello", "▁w o"))
	if err != nil {
		t.Fatal(err)
	}
	m, err := tokenizer.GGUF(b, b.Size()+4)
	if err != nil {
		t.Fatal(err)
	}
	if m["tokenizer.ggml.model"] != "llama" || m["tokenizer.ggml.add_bos_token"] != true || m["tokenizer.ggml.bos_token_id"] != uint32(1) || m["tokenizer.ggml.add_space_prefix"] != true {
		t.Errorf("got %v, %v, %v, %v", m["tokenizer.ggml.model"], m["tokenizer.ggml.add_bos_token"], m["tokenizer.ggml.bos_token_id"], m["tokenizer.ggml.add_space_prefix"])
	}
	again, err := tokenizer.ParseGGUF(m)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"hello world", "lo hello the worldé", "hhello  lolo"} {
		if g, w := again.Encode(text), b.Encode(text); !slices.Equal(g, w) {
			t.Errorf("%q: got %v, want %v", text, g, w)
		}
	}
	sameIDs(t, again, b)
}

// TestSaveGGUFOfDeadMerges: merges that never happen may stand anywhere, or not at all: it is the pieces that join.
func TestSaveGGUFOfDeadMerges(t *testing.T) {
	for _, merges := range [][]string{{"h e", "e l", "he l"}, {"h e", "l o", "he l", "e l", "h el"}, {"e l", "h e", "h el", "l o", "hel o", "he lo"}} {
		if differ, refused := joinsOtherwise(t, merges); refused != nil || differ != "" {
			t.Errorf("%q: refused: %v, %q has other ids", merges, refused, differ)
		}
	}
}

// TestSaveGGUFOfAnyMerges: whatever a BPE merges, the scores lead to the same ids, or it is refused.
func TestSaveGGUFOfAnyMerges(t *testing.T) {
	r, held, rounds := rand.New(rand.NewPCG(1, 2)), 0, 300
	if testing.Short() {
		rounds = 30
	}
	for range rounds {
		pieces, merges := []string{"h", "e", "l", "o"}, []string{}
		for range 2 + r.IntN(9) {
			left, right := pieces[r.IntN(len(pieces))], pieces[r.IntN(len(pieces))]
			if m := left + " " + right; !slices.Contains(merges, m) && len(left+right) < 6 {
				pieces, merges = append(pieces, left+right), append(merges, m)
			}
		}
		for range r.IntN(4) { // and in another order
			i := r.IntN(len(merges))
			merges = append(slices.Delete(slices.Clone(merges), i, i+1), merges[i])
		}
		differ, refused := joinsOtherwise(t, merges)
		if differ != "" {
			t.Errorf("%q: %q has other ids", merges, differ)
		}
		if refused == nil {
			held++
		}
	}
	if held < rounds/5 {
		t.Errorf("%d of %d were written, want a fifth", held, rounds)
	}
}

// joinsOtherwise compares a BPE with what its GGUF form has of it on all texts of six letters.
func joinsOtherwise(t *testing.T, merges []string) (differ string, refused error) {
	t.Helper()
	b := must(tokenizer.Parse(sentenceJSON(merges...)))
	m, err := tokenizer.GGUF(b, b.Size())
	if err != nil {
		return "", err
	}
	again := must(tokenizer.ParseGGUF(m))
	for i := range 1 << 12 {
		text := ""
		for j := range 6 {
			text += string("helo"[i>>(2*j)&3])
		}
		if !slices.Equal(again.Encode(text), b.Encode(text)) {
			return text, nil
		}
	}
	return "", nil
}

func TestSaveGGUFRefuses(t *testing.T) {
	words, err := tokenizer.NewChars(slices.Values([]string{"abc"}))
	if err != nil {
		t.Fatal(err)
	}
	odd, err := tokenizer.Regexp(`[a-z]+|[^a-z]+`)
	if err != nil {
		t.Fatal(err)
	}
	parse := func(data []byte) tokenizer.Tokenizer {
		b, err := tokenizer.Parse(data)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	tests := []struct {
		name string
		t    tokenizer.Tokenizer
		size int
		want string
	}{
		{"characters", words, 1000, "only for a BPE"},
		{"too small", small(t, tokenizer.GPT2), 100, "do not fit a vocabulary of 100"},
		{"split", small(t, odd), 100000, "its split has no name"},
		{"another merge", parse(sentenceJSON("h e", "e l", "h el")), 1000, `would make "hel" of "he" and "l"`},
		{"a piece with no merge", parse([]byte(strings.Replace(string(sentenceJSON("h e")), `"he":`, `"lo":999,"he":`, 1))), 1000, `would make "lo" of "l" and "o"`},
		{"a character that is no piece", parse([]byte(strings.Replace(string(sentenceJSON("h e")), `"he":`, `"xy":999,"he":`, 1))), 1000, `"xy" has 'x'`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := tokenizer.GGUF(tt.t, tt.size); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// TestGGUFWholeTokenizer: a file may have a tokenizer.json as it is, by which its template's tokens
// are spelled, too.
func TestGGUFWholeTokenizer(t *testing.T) {
	b := small(t, tokenizer.GPT2)
	data, err := tokenizer.JSON(b)
	if err != nil {
		t.Fatal(err)
	}
	m := map[string]any{
		"tokenizer.ggml.model": "no_vocab", "tokenizer.huggingface.json": string(data),
		"tokenizer.chat_template": "{{ bos_token }}{{ messages[0].content }}", "tokenizer.ggml.bos_token_id": uint32(3),
	}
	again, err := tokenizer.ParseGGUF(m)
	if err != nil {
		t.Fatal(err)
	}
	sameIDs(t, again, b)
	template, err := tokenizer.TemplateOfGGUF(m)
	if err != nil {
		t.Fatal(err)
	}
	if want, _ := b.Token(3); template.BOS != string(want) || template.EOS != "" {
		t.Errorf("a text begins with %q and ends with %q, want %q and nothing", template.BOS, template.EOS, want)
	}
}

// TestSaveGGUFForms: what a tokenizer.json says in other words has the same name.
func TestSaveGGUFForms(t *testing.T) {
	b := small(t, tokenizer.O200K)
	data := string(must(tokenizer.JSON(b)))
	for from, to := range map[string]string{
		`"ignore_merges": false`: `"ignore_merges": true`,                                 // GPT-OSS: merging leads to every token
		`"normalizer": null`:     `"normalizer": {"type": "Sequence", "normalizers": []}`, // DeepSeek
		`[^\\r\\n`:               `[^\r\n`,                                                // ends of lines as they are
	} {
		if !strings.Contains(data, from) {
			t.Fatalf("the file has no %s", from)
		}
		tok := must(tokenizer.Parse([]byte(strings.ReplaceAll(data, from, to))))
		m, err := tokenizer.GGUF(tok, tok.Size())
		if err != nil {
			t.Errorf("%s: %v", to, err)
			continue
		}
		if m["tokenizer.ggml.pre"] != "gpt-4o" {
			t.Errorf("%s: pre %v", to, m["tokenizer.ggml.pre"])
		}
		sameIDs(t, must(tokenizer.ParseGGUF(m)), tok)
	}
}

// TestGGUFTellsWhatIsLost: of the tokenizers that Hugging Face's library was given a GGUF file has the same ids, or it
// is told what is lost, or there is none.
func TestGGUFTellsWhatIsLost(t *testing.T) {
	var golden struct {
		Texts []string
		Cases []struct {
			Name, Source string
			IDs, Framed  [][]int32
			Decoded      []string
		}
	}
	testkit.Golden(t, "testdata/hf.json", &golden)
	lost := map[string]string{
		"gemma with tokens of its user": `added tokens stand for blanks, not for ▁ that a text itself has: 3, the first is "▁▁"`,
		"mistral":                       "a blank is put before a text and behind added tokens, also where there is one, and not before the whole text alone",
		"NFC":                           "texts are not put into Unicode's form NFC: in another form they get other ids",
	}
	held := 0
	for _, c := range golden.Cases {
		tok := fromGolden(t, c.Name, c.Source)
		m, err := tokenizer.GGUF(tok, tok.Size())
		if err != nil {
			t.Logf("%s: %v", c.Name, err)
			continue
		}
		told, differ := tokenizer.GGUFLost(tok), 0
		if want, ok := lost[c.Name]; ok && !slices.Equal(told, []string{want}) {
			t.Errorf("%s: told %q, want %q", c.Name, told, want)
		}
		again := must(tokenizer.ParseGGUF(m))
		for i, text := range golden.Texts {
			if got := again.EncodeSpecial(text); !slices.Equal(got, c.IDs[i]) {
				if differ++; len(told) == 0 {
					t.Errorf("%s: %q has ids %v, want %v", c.Name, text, got, c.IDs[i])
				}
			}
		}
		held++
		t.Logf("%s: %d texts of %d differ, told %q", c.Name, differ, len(golden.Texts), told)
	}
	if held < 14 {
		t.Errorf("%d tokenizers have a GGUF form, want 14 at least", held)
	}
}

// TestSaveGGUFOfUserPieces: the pieces that the user of a tokenizer.model defined are found in a text as it is, those of blanks too.
func TestSaveGGUFOfUserPieces(t *testing.T) {
	var pieces []piece
	for _, p := range sentencePieces() {
		if p.text != "▁▁" {
			pieces = append(pieces, p)
		}
	}
	pieces = append(pieces, piece{"▁▁", 0, 4}, piece{"▁▁▁", 0, 4})
	normal := message{}.number(3, 0).number(4, 0) // Gemma's: no blank before a text
	tok := must(tokenizer.ParseModel(modelFile(pieces, 2, true, normal)))
	m := must(tokenizer.GGUF(tok, tok.Size()))
	again := must(tokenizer.ParseGGUF(m))
	for _, text := range []string{"a   b", "    ab  <x>abc", "   aba    a", "bcbc  bc"} {
		if got, want := again.Encode(text), tok.Encode(text); !slices.Equal(got, want) || again.Decode(got) != text {
			t.Errorf("%q: ids %v, want %v; %q", text, got, want, again.Decode(got))
		}
	}
	want := []string{`added tokens stand for blanks, not for ▁ that a text itself has: 2, the first is "▁▁"`}
	if diff := cmp.Diff(want, tokenizer.GGUFLost(tok)); diff != "" {
		t.Errorf("lost (-want +got):\n%s", diff)
	}
}
