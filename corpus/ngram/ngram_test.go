package ngram_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/corpus/ngram"
)

func TestTrainRefuses(t *testing.T) {
	tests := []struct {
		name string
		docs [][]int32
		want string
	}{
		{"no document", nil, "no token"},
		{"empty documents", [][]int32{{}, {}}, "no token"},
		{"beyond the vocabulary", [][]int32{{1}, {2, 5}}, "document 1: id 5"},
		{"negative", [][]int32{{-1}}, "document 0: id -1"},
	}
	for _, test := range tests {
		if _, err := ngram.Train(test.docs, 5, 3); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want %q", test.name, err, test.want)
		}
	}
}

// TestBytes compares with counts by substring search, and sums.
func TestBytes(t *testing.T) {
	texts := []string{"abracadabra", "", "a", "xyxyxy\xff", strings.Repeat("der die das ", 4)}
	m := ngram.TrainBytes(texts...)
	occurs := func(s string) (n float64) {
		for _, text := range texts {
			for i := range len(text) {
				if strings.HasPrefix(text[i:], s) {
					n++
				}
			}
		}
		return n
	}
	var want func(context string, b byte) float64
	want = func(context string, b byte) float64 {
		shorter := 1. / 256
		if context != "" {
			shorter = want(context[1:], b)
		}
		total, kinds := 0.0, 0.0
		for v := range 256 {
			if n := occurs(context + string([]byte{byte(v)})); n > 0 {
				total, kinds = total+n, kinds+1
			}
		}
		if total == 0 {
			return shorter
		}
		return (occurs(context+string([]byte{b})) + kinds*shorter) / (total + kinds)
	}
	for _, before := range []string{"", "a", "ab", "zab", "zz", "\xff", "er"} {
		sum := 0.0
		for b := range 256 {
			got := m.P(before, byte(b))
			if w := want(before[max(0, len(before)-2):], byte(b)); math.Abs(got-w) > 1e-14 {
				t.Errorf("P(%#x | %q) = %v, want %v", b, before, got, w)
			}
			sum += got
		}
		if math.Abs(sum-1) > 1e-12 {
			t.Errorf("after %q the probabilities sum to %v", before, sum)
		}
	}
	bits := -math.Log2(want("", 'd')) - math.Log2(want("d", 'i')) - math.Log2(want("di", 'e'))
	if got := m.Bits("die"); math.Abs(got-bits) > 1e-12 {
		t.Errorf("%v bits, want %v", got, bits)
	}
	if got := ngram.TrainBytes().Bits("ab"); got != 16 {
		t.Errorf("without training %v bits, want 16", got)
	}
}

// TestShakespeare: on real text, each longer context helps, and five bytes of
// Kneser-Ney come near what PPM compressors reach there.
func TestShakespeare(t *testing.T) {
	train, held := shakespeare(t)
	perByte := func(bits float64) float64 { return bits / float64(len(held)) }
	last := 8.0
	for order := 1; order <= 6; order++ {
		m, err := ngram.Train([][]int32{ids(train)}, 256, order)
		if err != nil {
			t.Fatal(err)
		}
		got := perByte(m.Bits(ids(held)))
		t.Logf("Kneser-Ney of order %d: %.3f bits per byte, %d n-grams", order, got, m.Size())
		if got >= last {
			t.Errorf("order %d needs %.3f bits per byte, order %d %.3f", order, got, order-1, last)
		}
		last = got
	}
	if last > 2.4 {
		t.Errorf("order 6 needs %.3f bits per byte, want below 2.4", last)
	}
	got := perByte(ngram.TrainBytes(train).Bits(held))
	t.Logf("two bytes of context: %.3f bits per byte", got)
	if got < 2.6 || got > 3.2 {
		t.Errorf("two bytes of context need %.3f bits per byte", got)
	}
}

func ids(text string) []int32 {
	ids := make([]int32, len(text))
	for i := range ids {
		ids[i] = int32(text[i])
	}
	return ids
}

func shakespeare(t testing.TB) (train, held string) {
	t.Helper()
	dir := os.Getenv("INKSTONE_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "data") // beside the module's root
	}
	text, err := os.ReadFile(filepath.Join(dir, "lm-tinyshakespeare", "input.txt"))
	if err != nil {
		if os.Getenv("INKSTONE_REQUIRE_DATA") == "1" {
			t.Fatalf("shared data not found, and INKSTONE_REQUIRE_DATA=1 requires it: %v", err)
		}
		t.Skipf("shared data not found: %v", err)
	}
	cut := len(text) * 9 / 10
	return string(text[:cut]), string(text[cut:])
}

func ExampleModel_Bits() {
	docs := [][]int32{{0, 1, 2, 0, 1, 2, 3}, {0, 1, 2, 0, 1, 2, 3}, {4, 0, 1, 2, 3}}
	m, err := ngram.Train(docs, 6, 5)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("familiar %.1f bits, strange %.1f bits\n", m.Bits([]int32{0, 1, 2, 3}), m.Bits([]int32{3, 2, 1, 5}))
	// Output: familiar 3.4 bits, strange 14.7 bits
}

func BenchmarkTrain(b *testing.B) {
	docs := benchmarkDocs(2_000_000)
	n := 0
	for b.Loop() {
		m, err := ngram.Train(docs, 8192, 5)
		if err != nil {
			b.Fatal(err)
		}
		n = m.Size()
	}
	b.ReportMetric(2*float64(b.N)/b.Elapsed().Seconds(), "Mtokens/s")
	b.ReportMetric(float64(n)/1e6, "Mgrams")
}

func BenchmarkBits(b *testing.B) {
	docs := benchmarkDocs(2_000_000)
	m, err := ngram.Train(docs, 8192, 5)
	if err != nil {
		b.Fatal(err)
	}
	held := benchmarkDocs(100_000)[0]
	for b.Loop() {
		m.Bits(held)
	}
	b.ReportMetric(0.1*float64(b.N)/b.Elapsed().Seconds(), "Mtokens/s")
}

// benchmarkDocs are one document whose ids are as unequally frequent as words.
func benchmarkDocs(n int) [][]int32 {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	zipf := rand.NewZipf(r, 1.2, 4, 8191)
	d := make([]int32, n)
	for i := range d {
		d[i] = int32(zipf.Uint64())
	}
	return [][]int32{d}
}
