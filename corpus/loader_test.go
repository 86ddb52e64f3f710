package corpus_test

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/inkstone-ai/inkstone/corpus"
)

func counting(n int) corpus.IDs {
	ids := make(corpus.IDs, n)
	for i := range ids {
		ids[i] = int32(i)
	}
	return ids
}

// starts deals count rows and returns where each begins in counting tokens.
func starts(t *testing.T, l *corpus.Loader, T int, count int64) []int32 {
	t.Helper()
	ids, targets := make([]int32, T), make([]int32, T)
	var at []int32
	for i := range count {
		if err := l.Batch(i, ids, targets); err != nil {
			t.Fatal(err)
		}
		for j := range ids {
			if ids[j] != ids[0]+int32(j) || targets[j] != ids[j]+1 {
				t.Fatalf("row %d: ids %v, targets %v", i, ids, targets)
			}
		}
		at = append(at, ids[0])
	}
	return at
}

// TestEpoch: each epoch deals neighbouring windows that cover the data once,
// but for less than two contexts at its ends; epochs differ in order.
func TestEpoch(t *testing.T) {
	for _, test := range []struct{ n, T int }{{2, 1}, {3, 1}, {5, 4}, {9, 4}, {13, 4}, {100, 7}, {1000, 8}, {1025, 8}, {777, 1}} {
		l, err := corpus.NewLoader(counting(test.n), 1, test.T, 5)
		if err != nil {
			t.Fatal(err)
		}
		all := starts(t, l, test.T, 3*l.Windows())
		var epochs [][]int32
		for epoch := range slices.Chunk(all, int(l.Windows())) {
			epochs = append(epochs, slices.Clone(epoch))
			slices.Sort(epoch)
			for i := range epoch {
				if epoch[i] != epoch[0]+int32(i*test.T) {
					t.Fatalf("n %d, T %d: windows begin at %v", test.n, test.T, epoch)
				}
			}
			left := test.n - 1 - len(epoch)*test.T
			if len(epoch) > 1 && left >= 2*test.T || int(epoch[0]) > left {
				t.Errorf("n %d, T %d: %d targets left out, first window at %d", test.n, test.T, left, epoch[0])
			}
		}
		if l.Windows() > 50 && slices.Equal(epochs[0], epochs[1]) {
			t.Errorf("n %d, T %d: two epochs in the same order", test.n, test.T)
		}
	}
}

// TestBatchIsAFunction: number and seed alone say what a batch holds, in any
// order of asking and from any storage.
func TestBatchIsAFunction(t *testing.T) {
	const B, T = 3, 5
	ids := randomIDs(400, 300)
	a, b := filepath.Join(t.TempDir(), "a"), filepath.Join(t.TempDir(), "b")
	for path, part := range map[string]corpus.IDs{a: ids[:123], b: ids[123:]} {
		if err := corpus.WriteShard(path, part, corpus.ShardInfo{Vocab: 300}); err != nil {
			t.Fatal(err)
		}
	}
	shards, err := corpus.OpenShards(a, b)
	if err != nil {
		t.Fatal(err)
	}
	defer shards.Close()
	deal := func(tokens corpus.Tokens, seed uint64, numbers ...int64) map[int64][]int32 {
		l, err := corpus.NewLoader(tokens, B, T, seed)
		if err != nil {
			t.Fatal(err)
		}
		got := map[int64][]int32{}
		for _, i := range numbers {
			x, y := make([]int32, B*T), make([]int32, B*T)
			if err := l.Batch(i, x, y); err != nil {
				t.Fatal(err)
			}
			got[i] = append(x, y...)
		}
		return got
	}
	want := deal(ids, 1, 0, 1, 2, 50, 1000000)
	if d := cmp.Diff(want, deal(shards, 1, 1000000, 2, 50, 1, 0)); d != "" {
		t.Errorf("shards asked backwards differ:\n%s", d)
	}
	if cmp.Equal(want, deal(ids, 2, 0, 1, 2, 50, 1000000)) {
		t.Error("another seed deals the same")
	}
}

func TestLoaderRefuses(t *testing.T) {
	_, err := corpus.NewLoader(counting(8), 2, 8, 1)
	expect(t, "short", err, "8 tokens", "shorter than one context")
	_, err = corpus.NewLoader(corpus.IDs{}, 2, 8, 1)
	expect(t, "empty", err, "0 tokens")
	l, err := corpus.NewLoader(counting(9), 2, 8, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if recover() == nil {
			t.Error("a batch of the wrong length did not panic")
		}
	}()
	l.Batch(0, make([]int32, 16), make([]int32, 8))
}

// TestWindows: for every size, context and stride each target counts once,
// windows hold what they should, and context is as long as promised.
func TestWindows(t *testing.T) {
	for n := 2; n < 40; n++ {
		for T := 1; T < 12; T++ {
			for stride := 1; stride <= T; stride++ {
				next := int32(1) // the target that has to count next
				for w, err := range corpus.Windows(counting(n), T, stride) {
					if err != nil || len(w.IDs) > T || len(w.IDs) != len(w.Targets) || w.From >= len(w.Targets) {
						t.Fatalf("n %d, T %d, stride %d: %v, %v", n, T, stride, w, err)
					}
					for i, id := range w.Targets {
						if w.IDs[i] != id-1 {
							t.Fatalf("ids %v, targets %v", w.IDs, w.Targets)
						}
						if i < w.From {
							continue
						}
						if id != next || i < min(int(id)-1, T-stride) {
							t.Fatalf("n %d, T %d, stride %d: target %d with context %d, want target %d", n, T, stride, id, i, next)
						}
						next++
					}
				}
				if next != int32(n) {
					t.Fatalf("n %d, T %d, stride %d: %d targets counted", n, T, stride, next-1)
				}
			}
		}
	}
	for _, err := range corpus.Windows(counting(1), 4, 4) {
		expect(t, "one token", err, "nothing to predict")
	}
}

func BenchmarkBatch(b *testing.B) {
	const B, T = 12, 64
	ids := randomIDs(1_000_000, 300)
	path := filepath.Join(b.TempDir(), "s")
	if err := corpus.WriteShard(path, ids, corpus.ShardInfo{Vocab: 300}); err != nil {
		b.Fatal(err)
	}
	shards, err := corpus.OpenShards(path)
	if err != nil {
		b.Fatal(err)
	}
	defer shards.Close()
	for name, tokens := range map[string]corpus.Tokens{"memory": ids, "shards": shards} {
		b.Run(name, func(b *testing.B) {
			l, _ := corpus.NewLoader(tokens, B, T, 1)
			x, y := make([]int32, B*T), make([]int32, B*T)
			for i := int64(0); b.Loop(); i++ {
				if err := l.Batch(i, x, y); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)*B*T/b.Elapsed().Seconds()/1e6, "Mtokens/s")
		})
	}
}
