package tokenizer_test

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/tokenizer"
)

// gpt2 loads GPT-2's vocabulary from the shared data, once.
var gpt2 = sync.OnceValues(func() (tokenizer.Tokenizer, error) {
	dir, err := os.MkdirTemp("", "gpt2")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	for name, data := range gpt2Files {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			return nil, err
		}
	}
	return tokenizer.Load(dir)
})

var gpt2Files = map[string][]byte{}

// loadGPT2 skips the test when the shared data are not there.
func loadGPT2(t testing.TB) *tokenizer.BPE {
	t.Helper()
	encoder, merges := testkit.Data(t, "tok-gpt2/encoder.json.gz"), testkit.Data(t, "tok-gpt2/vocab.bpe")
	if len(gpt2Files) == 0 {
		gpt2Files["encoder.json"] = testkit.ReadFile(t, encoder)
		gpt2Files["vocab.bpe"] = testkit.ReadFile(t, merges)
	}
	g, err := gpt2()
	if err != nil {
		t.Fatal(err)
	}
	return g.(*tokenizer.BPE)
}

// write puts bytes into a file of the test's own and returns its path.
func write(t testing.TB, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// text reads a text of the shared data.
func text(t testing.TB, name string) string {
	t.Helper()
	return string(testkit.ReadFile(t, testkit.Data(t, name)))
}

// ggufStrings reads the arrays of strings in the metadata of a GGUF file, as
// much of the format as a vocabulary needs. It trusts the file.
func ggufStrings(data []byte) map[string][]string {
	at := 24 // magic, version, number of tensors, number of keys
	u32 := func() int { at += 4; return int(binary.LittleEndian.Uint32(data[at-4:])) }
	u64 := func() int { at += 8; return int(binary.LittleEndian.Uint64(data[at-8:])) }
	str := func() string { n := u64(); at += n; return string(data[at-n : at]) }
	width := map[int]int{0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
	found := map[string][]string{}
	for range binary.LittleEndian.Uint64(data[16:]) {
		key, kind := str(), u32()
		switch kind {
		case 8:
			found[key] = []string{str()}
		case 9:
			kind, n := u32(), u64()
			for range n {
				if kind == 8 {
					found[key] = append(found[key], str())
				} else {
					at += width[kind]
				}
			}
		default:
			at += width[kind]
		}
	}
	return found
}

// samples are texts of all kinds, valid and not.
var samples = []string{
	"", " ", "a", "Hello, world!", "  two  blanks ", "\n\n\t x\r\n",
	"I'll, we've, DON'T, 'S 'ſ", "1234567 ½ ⅷ ٣٤", "camelCaseWord HTTPServer",
	"春眠不觉晓,处处闻啼鸟。", "한글 가나다", "e\u0301a\u0300 क्षत्रिय", "😀👩‍👩‍👧‍👦🇩🇪",
	"\xff\xfe a\x80b \xe4\xb8", "\u00a0\u3000\u2028x\u0085", "Ǆǅǆ ªº ʰ", "<|endoftext|>",
	strings.Repeat("a", 300), strings.Repeat(" ", 77) + "x", strings.Repeat("ab", 200),
	"func f(x []int) (err error) {\n\tfor i := range x {\n\t\tx[i]++ // 1\n\t}\n\treturn\n}\n",
}
