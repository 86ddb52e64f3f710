package tokenizer_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/inkstone-ai/inkstone/tokenizer"
)

// A piece of a model as these tests make them.
type piece struct {
	text  string
	score float32
	kind  int // 0: normal
}

// message builds a protocol buffer.
type message []byte

func (m message) number(field int, v uint64) message {
	return binary.AppendUvarint(binary.AppendUvarint(m, uint64(field)<<3), v)
}

func (m message) data(field int, b []byte) message {
	m = binary.AppendUvarint(binary.AppendUvarint(m, uint64(field)<<3|2), uint64(len(b)))
	return append(m, b...)
}

func (m message) float(field int, f float32) message {
	m = binary.AppendUvarint(m, uint64(field)<<3|5)
	return binary.LittleEndian.AppendUint32(m, math.Float32bits(f))
}

// modelFile writes a tokenizer.model; normal are fields of its normalizer.
func modelFile(pieces []piece, kind int, fallback bool, normal message) []byte {
	var m message
	for _, p := range pieces {
		one := message{}.data(1, []byte(p.text)).float(2, p.score)
		if p.kind != 0 {
			one = one.number(3, uint64(p.kind))
		}
		m = m.data(1, one)
	}
	trainer := message{}.number(3, uint64(kind))
	if fallback {
		trainer = trainer.number(35, 1)
	}
	return m.data(2, trainer).data(3, normal)
}

// sentencePieces are a small vocabulary with the pieces of all bytes.
func sentencePieces() (pieces []piece) {
	pieces = []piece{{"<unk>", 0, 2}, {"<s>", 0, 3}, {"</s>", 0, 3}}
	for b := range 256 {
		pieces = append(pieces, piece{fmt.Sprintf("<0x%02X>", b), 0, 6})
	}
	for i, p := range strings.Fields("▁a ab aba ▁ab ba bab ▁▁ ▁b aa aaa abab ▁ a b c") {
		pieces = append(pieces, piece{p, -1 - float32(i*7%10)/2, 0})
	}
	return append(pieces, piece{"<x>", 0, 4}, piece{"bc", 0, 4})
}

// plain is a normalizer that writes blanks as ▁ and puts one before a text.
var plain = message{}.number(3, 1).number(4, 0).number(5, 1)

// symbols cuts a text into characters and pieces that the user defined.
func symbols(pieces []piece, s string) (list []string) {
	for s != "" {
		_, n := utf8.DecodeRuneInString(s)
		for _, p := range pieces {
			if p.kind == 4 && strings.HasPrefix(s, p.text) && len(p.text) > n {
				n = len(p.text)
			}
		}
		list, s = append(list, s[:n]), s[n:]
	}
	return list
}

// naiveMerges is SentencePiece's BPE as it is told: as long as two neighbours
// are a normal piece together, join those of the highest score, the leftmost.
func naiveMerges(pieces []piece, text string) []string {
	kinds := map[string]piece{}
	for _, p := range pieces {
		kinds[p.text] = p
	}
	normal := func(s string) bool { p, ok := kinds[s]; return ok && p.kind == 0 }
	list := symbols(pieces, "▁"+strings.ReplaceAll(text, " ", "▁"))
	for {
		best := -1
		for i := 0; i+1 < len(list); i++ {
			if both := list[i] + list[i+1]; normal(both) && normal(list[i]) && normal(list[i+1]) &&
				(best < 0 || kinds[both].score > kinds[list[best]+list[best+1]].score) {
				best = i
			}
		}
		if best < 0 {
			return list
		}
		list = slices.Replace(list, best, best+2, list[best]+list[best+1])
	}
}

// naiveBest tries all ways to cut a text and returns the highest score.
func naiveBest(pieces []piece, text string) float64 {
	low := math.Inf(1)
	for _, p := range pieces {
		if p.kind == 0 {
			low = min(low, float64(p.score))
		}
	}
	known := map[string]float64{}
	var best func(s string) float64
	best = func(s string) float64 {
		if s == "" {
			return 0
		}
		if v, ok := known[s]; ok {
			return v
		}
		_, w := utf8.DecodeRuneInString(s)
		v, single := math.Inf(-1), false
		for _, p := range pieces {
			if p.kind == 0 && strings.HasPrefix(s, p.text) {
				v = max(v, float64(p.score)+best(s[len(p.text):]))
				single = single || len(p.text) == w
			}
		}
		if !single {
			v = max(v, low-10+best(s[w:]))
		}
		known[s] = v
		return v
	}
	return best("▁" + strings.ReplaceAll(text, " ", "▁"))
}

// randomText is of the letters of sentencePieces and some unknown ones.
func randomText(rng *rand.Rand) string {
	var b strings.Builder
	for range rng.IntN(14) {
		b.WriteString([]string{"a", "a", "b", "b", "c", " ", "é", "中", "<x>", "a"}[rng.IntN(10)])
	}
	return b.String()
}

// TestModelBPE compares with the naive loop, also where tokens go over the
// beginning of a word, which a text is not cut at then.
func TestModelBPE(t *testing.T) {
	testModelBPE(t, sentencePieces())
	testModelBPE(t, append(sentencePieces(), piece{"a▁", -1.25, 0}, piece{"a▁b", -1.75, 0}, piece{"b▁a", 0, 4}))
}

func testModelBPE(t *testing.T, pieces []piece) {
	tok := must(tokenizer.ParseModel(modelFile(pieces, 2, true, plain)))
	rng := rand.New(rand.NewPCG(3, 4))
	for range 3000 {
		s := randomText(rng)
		if s == "" {
			continue
		}
		var want []int32
		for _, symbol := range naiveMerges(pieces, s) {
			if id := slices.IndexFunc(pieces, func(p piece) bool { return p.text == symbol && (p.kind == 0 || p.kind == 4) }); id >= 0 {
				want = append(want, int32(id))
				continue
			}
			for i := range len(symbol) {
				want = append(want, 3+int32(symbol[i]))
			}
		}
		if got := tok.Encode(s); !slices.Equal(got, want) {
			t.Fatalf("%q: ids %v, want %v", s, got, want)
		}
		if got := tok.Decode(want); got != s {
			t.Fatalf("%q comes back as %q", s, got)
		}
	}
}

// TestModelUnigram compares scores with those of all ways to cut a text.
func TestModelUnigram(t *testing.T) {
	pieces := sentencePieces()
	pieces = pieces[:len(pieces)-2] // what the user defined has no score of its own
	tok := must(tokenizer.ParseModel(modelFile(pieces, 1, false, plain)))
	rng := rand.New(rand.NewPCG(5, 6))
	for range 2000 {
		s := randomText(rng)
		if s == "" {
			continue
		}
		got := 0.0
		for _, id := range tok.Encode(s) {
			if id == 0 {
				got = math.NaN() // several unknown characters may be one token
			}
			got += float64(pieces[id].score)
		}
		if want := naiveBest(pieces, s); !math.IsNaN(got) && math.Abs(got-want) > 1e-4 {
			t.Fatalf("%q: score %g, want %g", s, got, want)
		}
	}
	if got, want := tok.Encode("éé中a"), 3; len(got) != want || got[1] != 0 {
		t.Errorf("unknown characters side by side: %v, want ▁, one <unk>, a", got)
	}
}

// TestModelNormalizer: the fields of NormalizerSpec, and the pieces that the
// user defined.
func TestModelNormalizer(t *testing.T) {
	pieces := sentencePieces()
	id := func(s string) int32 {
		return int32(slices.IndexFunc(pieces, func(p piece) bool { return p.text == s }))
	}
	tests := []struct {
		name   string
		normal message
		text   string
		want   []string
	}{
		{"default", nil, "  a   a ", []string{"▁a", "▁a"}},
		{"no blank before", message{}.number(3, 0).number(4, 0), "a a", []string{"a", "▁a"}},
		{"blanks stay", plain, " a", []string{"▁", "▁a"}},
		{"no escape", message{}.number(3, 0).number(4, 0).number(5, 0), "a a", []string{"a", "<0x20>", "a"}},
		{"defined", plain, "a<x>a", []string{"▁a", "<x>", "a"}},
		{"defined inside", plain, "abc", []string{"▁a", "bc"}},
		{"a map of characters", message{}.data(2, charsMap(t, map[string]string{"é": "a", "éa": "b", "中": ""})), "é éa中", []string{"▁a", "▁b"}},
	}
	for _, tt := range tests {
		tok := must(tokenizer.ParseModel(modelFile(pieces, 2, true, tt.normal)))
		var want []int32
		for _, s := range tt.want {
			want = append(want, id(s))
		}
		if got := tok.Encode(tt.text); !slices.Equal(got, want) {
			t.Errorf("%s: %q has ids %v, want %v", tt.name, tt.text, got, want)
		}
	}
	uni := must(tokenizer.ParseModel(modelFile(pieces, 1, false, plain)))
	if got, want := uni.Encode("a<x>a"), []int32{id("▁a"), id("<x>"), id("a")}; !slices.Equal(got, want) {
		t.Errorf("a Unigram's defined piece: %v, want %v", got, want)
	}
	if got := uni.Encode("<s>"); slices.Contains(got, 1) {
		t.Errorf("a control piece is found in a text: %v", got)
	}
	if got, want := uni.EncodeSpecial("<s>a"), []int32{1, id("▁a")}; !slices.Equal(got, want) {
		t.Errorf("with special tokens: %v, want %v", got, want)
	}
}

// charsMap compiles a map of characters: a double array whose nodes have 256
// places each.
func charsMap(t testing.TB, pairs map[string]string) []byte {
	t.Helper()
	units, texts, next := make([]uint32, 256), []byte{}, uint32(256)
	nodes := map[string]uint32{"": 0} // where the unit of a beginning is
	bases := map[string]uint32{}
	base := func(prefix string) uint32 { // gives a beginning places for what follows
		if b, ok := bases[prefix]; ok {
			return b
		}
		bases[prefix] = next
		units = append(units, make([]uint32, 256)...)
		units[nodes[prefix]] |= (nodes[prefix] ^ next) << 10
		next += 256
		return bases[prefix]
	}
	for _, from := range slices.Sorted(func(yield func(string) bool) {
		for k := range pairs {
			if !yield(k) {
				return
			}
		}
	}) {
		for i := range len(from) {
			at := base(from[:i]) ^ uint32(from[i])
			nodes[from[:i+1]] = at
			units[at] |= uint32(from[i])
		}
		value := base(from)
		units[nodes[from]] |= 1 << 8
		units[value] = 1<<31 | uint32(len(texts))
		texts = append(append(texts, pairs[from]...), 0)
	}
	out := binary.LittleEndian.AppendUint32(nil, uint32(4*len(units)))
	for _, u := range units {
		out = binary.LittleEndian.AppendUint32(out, u)
	}
	return append(out, texts...)
}

func TestModelRefuses(t *testing.T) {
	good := sentencePieces()
	with := func(p piece) []piece { return append(slices.Clone(good), p) }
	tests := []struct {
		name string
		data []byte
		want string
	}{
		{"empty", nil, "there are no pieces"},
		{"text", []byte("hello, world"), "this is no model"},
		{"cut off", modelFile(good, 2, true, plain)[:1000], "ends inside a field"},
		{"kind", modelFile(good, 3, true, plain), "of kind 3"},
		{"no text", modelFile(with(piece{"", 0, 0}), 2, true, plain), "no text"},
		{"twice", modelFile(with(piece{"ab", 0, 0}), 2, true, plain), "already"},
		{"NaN", modelFile(with(piece{"q", float32(math.NaN()), 0}), 2, true, plain), "score NaN"},
		{"infinite", modelFile(with(piece{"q", float32(math.Inf(-1)), 0}), 2, true, plain), "score -Inf"},
		{"type", modelFile(with(piece{"q", 0, 9}), 2, true, plain), "unknown type 9"},
		{"byte", modelFile(with(piece{"q", 0, 6}), 2, true, plain), "names none"},
		{"two unknown", modelFile(with(piece{"q", 0, 2}), 2, true, plain), "both the unknown one"},
		{"no unknown", modelFile(good[1:], 2, true, plain), "no piece is the unknown one"},
		{"unused", modelFile(with(piece{"q", 0, 5}), 2, true, plain), "is unused"},
		{"map", modelFile(good, 2, true, message{}.data(2, []byte{1})), "shorter than its length"},
		{"kind of field", message{}.number(1, 5), "field 1 is of the kind 0"},
	}
	for _, tt := range tests {
		if _, err := tokenizer.ParseModel(tt.data); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want one with %q", tt.name, err, tt.want)
		}
	}
}

// TestModelSaved: what has a form in tokenizer.json keeps its ids, the rest is
// refused by name.
func TestModelSaved(t *testing.T) {
	pieces := sentencePieces()
	bpe := must(tokenizer.ParseModel(modelFile(pieces[:len(pieces)-2], 2, true, plain)))
	path := t.TempDir() + "/tokenizer.json"
	if err := tokenizer.Save(bpe, path); err != nil {
		t.Fatal(err)
	}
	again := must(tokenizer.Load(path))
	rng := rand.New(rand.NewPCG(7, 8))
	for range 2000 {
		s := randomText(rng)
		if got, want := again.EncodeSpecial(s+"<s>"+s), bpe.EncodeSpecial(s+"<s>"+s); !slices.Equal(got, want) {
			t.Fatalf("%q: ids %v after saving, were %v", s, got, want)
		}
		if ids := bpe.Encode(s); again.Decode(ids) != bpe.Decode(ids) {
			t.Fatalf("%q: decoded %q after saving, was %q", s, again.Decode(ids), bpe.Decode(ids))
		}
	}
	for _, data := range [][]byte{modelFile(pieces, 2, true, plain), modelFile(pieces, 1, true, plain), modelFile(pieces, 2, true, nil)} {
		if err := tokenizer.Save(must(tokenizer.ParseModel(data)), path); err == nil || !strings.Contains(err.Error(), "keep its tokenizer.model") {
			t.Errorf("save: %v, want a refusal", err)
		}
	}
}

// FuzzModel: whatever the bytes are, there is an error or a tokenizer that
// encodes and decodes, with no more ids than the file has room for.
func FuzzModel(f *testing.F) {
	pieces := sentencePieces()
	f.Add(modelFile(pieces, 1, true, message{}.data(2, charsMap(f, map[string]string{"é": "a", "中": ""}))))
	f.Add(modelFile(pieces, 2, true, plain))
	f.Add(modelFile(pieces[:4], 1, false, nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		tok, err := tokenizer.ParseModel(data)
		if err != nil {
			return
		}
		if tok.Size() > len(data) {
			t.Fatalf("%d bytes give %d ids", len(data), tok.Size())
		}
		for _, s := range []string{"abab <s> é中\xff\x00", "", "  a"} {
			for _, id := range tok.EncodeSpecial(s) {
				if _, ok := tok.Token(id); !ok {
					t.Fatalf("%q has the id %d, which no token has", s, id)
				}
			}
			tok.Decode(tok.Encode(s))
		}
	})
}

// FuzzCharsMap: a normalizer Precompiled of any bytes is refused or changes
// texts without harm.
func FuzzCharsMap(f *testing.F) {
	f.Add(charsMap(f, map[string]string{"é": "a", "éa": "b", "中": ""}), "é éa中")
	f.Add([]byte{4, 0, 0, 0, 255, 255, 255, 255}, "a")
	f.Add([]byte{4, 0, 0, 0, 0, 0, 0, 0}, "é\xff")
	f.Fuzz(func(t *testing.T, table []byte, text string) {
		tok, err := tokenizer.Parse(mustJSON(t, map[string]any{
			"normalizer":    map[string]any{"type": "Precompiled", "precompiled_charsmap": table},
			"pre_tokenizer": map[string]any{"type": "ByteLevel", "add_prefix_space": false},
			"model":         map[string]any{"type": "BPE", "vocab": map[string]int{"a": 0}, "merges": []string{}},
		}))
		if err == nil {
			tok.Encode(text)
		}
	})
}

// TestModelTies compares with the ids of SentencePiece 0.1.97 where ways to cut
// a text are as good as others but for what is rounded, and in what order.
func TestModelTies(t *testing.T) {
	pieces := []piece{{"<unk>", 0, 2}, {"<s>", 0, 3}, {"</s>", 0, 3}, {"▁", -2.0122928619384766, 0}, {"-", -5.666868209838867, 0},
		{"---", -9.043234825134277, 0}, {"a", -3.1, 0}, {"ab", -7.7, 0}, {"<x>", 0, 4}}
	tok := must(tokenizer.ParseModel(modelFile(pieces, 1, false, nil)))
	for text, want := range map[string][]int32{
		"----":                      {3, 5, 4},
		"----------":                {3, 5, 5, 4, 5},
		"-------------":             {3, 5, 5, 4, 5, 5},
		"--------------------":      {3, 5, 5, 4, 5, 4, 5, 5, 5},
		"-------------------------": {3, 5, 5, 4, 5, 5, 5, 5, 5, 5},
		"é-----------":              {3, 0, 5, 5, 5, 4, 4},
		"▁":                         {},
		"a▁ ▁":                      {3, 6},
		"▁ a  ▁▁":                   {3, 3, 3, 6},
		" ":                         {},
		"<x>":                       {3, 8},
		"a<x>b -a":                  {3, 6, 8, 0, 3, 4, 6},
		"中-------a":                 {3, 0, 5, 5, 4, 6},
		"-- é----------------":      {3, 4, 4, 3, 0, 5, 5, 5, 5, 5, 4},
	} {
		if got := tok.Encode(text); !slices.Equal(got, want) {
			t.Errorf("%q: ids %v, want %v", text, got, want)
		}
	}
}
