package tokenizer_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/tokenizer"
)

// goSource returns the Go files of this machine's standard library, up to
// limit bytes; 0 is all of them, about 90 MB.
func goSource(b *testing.B, limit int) (files []string) {
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		b.Skipf("no go command: %v", err)
	}
	root, err := filepath.EvalSymlinks(filepath.Join(strings.TrimSpace(string(out)), "src"))
	if err != nil {
		b.Skipf("no Go sources: %v", err)
	}
	size := 0
	filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && strings.HasSuffix(path, ".go") && (limit == 0 || size < limit) {
			data, _ := os.ReadFile(path)
			size += len(data)
			files = append(files, string(data))
		}
		return nil
	})
	return files
}

// BenchmarkEncode reports what the process's own processor time gives, which
// other processes disturb less than the time of day.
func BenchmarkEncode(b *testing.B) {
	texts := []struct{ name, text string }{
		{"English", text(b, "lm-war-and-peace/war-and-peace.txt.gz")},
		{"Go", strings.Join(goSource(b, 4<<20), "\n")},
		{"Chinese", text(b, "lm-tang-poems/tang.jsonl.gz")},
	}
	ranks := testkit.ReadFile(b, testkit.Data(b, "tok-gpt2/cl100k_base.tiktoken.gz"))
	end := map[string]int32{"<|endoftext|>": 100257}
	for _, v := range []struct {
		name string
		tok  *tokenizer.BPE
	}{
		{"GPT2", loadGPT2(b)},
		{"CL100K", must(tokenizer.ParseTiktoken(ranks, tokenizer.CL100K, end))},
		{"CL100K-Qwen2", must(tokenizer.ParseTiktoken(ranks, tokenizer.Qwen2, end))},
	} {
		for _, s := range texts {
			b.Run(v.name+"/"+s.name, func(b *testing.B) {
				b.SetBytes(int64(len(s.text)))
				var ids []int32
				start := cpuTime(b)
				for b.Loop() {
					ids = v.tok.Append(ids[:0], s.text, false)
				}
				b.ReportMetric(float64(len(s.text))*float64(b.N)/(cpuTime(b)-start)/1e6, "cpu-MB/s")
				b.ReportMetric(float64(len(s.text))/float64(len(ids)), "bytes/token")
			})
		}
	}
}

// BenchmarkEncodeSentence encodes with GPT-2's tokens as a tokenizer.model,
// which does not cut a text into words.
func BenchmarkEncodeSentence(b *testing.B) {
	gpt2 := loadGPT2(b)
	pieces := []piece{{"<unk>", 0, 2}}
	for id := range int32(gpt2.Size()) {
		token, _ := gpt2.Token(id)
		if s := strings.ReplaceAll(string(token), " ", "▁"); utf8.ValidString(s) {
			pieces = append(pieces, piece{s, -float32(id), 0})
		}
	}
	tok := must(tokenizer.ParseModel(modelFile(pieces, 2, false, plain))).(*tokenizer.BPE)
	s := text(b, "lm-war-and-peace/war-and-peace.txt.gz")
	b.SetBytes(int64(len(s)))
	var ids []int32
	start := cpuTime(b)
	for b.Loop() {
		ids = tok.Append(ids[:0], s, false)
	}
	b.ReportMetric(float64(len(s))*float64(b.N)/(cpuTime(b)-start)/1e6, "cpu-MB/s")
}

// BenchmarkEncodeCold loads anew each time: no piece is in the cache.
func BenchmarkEncodeCold(b *testing.B) {
	s := text(b, "lm-war-and-peace/war-and-peace.txt.gz")
	dir := b.TempDir()
	if err := tokenizer.Save(loadGPT2(b), dir); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(s)))
	for b.Loop() {
		b.StopTimer()
		g, err := tokenizer.Load(dir)
		if err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		g.Encode(s)
	}
}

func BenchmarkSplit(b *testing.B) {
	s := text(b, "lm-war-and-peace/war-and-peace.txt.gz")
	for _, p := range published {
		b.Run(p.name, func(b *testing.B) {
			b.SetBytes(int64(len(s)))
			for b.Loop() {
				p.split.Pieces(s, func(string) {})
			}
		})
	}
}

// BenchmarkLongPiece: the second must take at most 15 times the first's time.
func BenchmarkLongPiece(b *testing.B) {
	g := loadGPT2(b)
	for _, size := range []struct {
		name string
		n    int
	}{{"100KB", 100_000}, {"1MB", 1_000_000}} {
		s := strings.Repeat("a", size.n)
		b.Run(size.name, func(b *testing.B) {
			b.SetBytes(int64(size.n))
			for b.Loop() {
				g.Encode(s)
			}
		})
	}
}

func BenchmarkLoad(b *testing.B) {
	dir := b.TempDir()
	if err := tokenizer.Save(loadGPT2(b), dir); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := tokenizer.Load(dir); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkTrain learns 8,192 merges from the standard library's 90 MB.
func BenchmarkTrain(b *testing.B) {
	files := goSource(b, 0)
	size := 0
	for _, f := range files {
		size += len(f)
	}
	b.SetBytes(int64(size))
	for b.Loop() {
		if _, err := tokenizer.TrainBPE(slices.Values(files), tokenizer.TrainOptions{Vocab: 256 + 8192}); err != nil {
			b.Fatal(err)
		}
	}
}
