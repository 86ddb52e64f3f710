package ngram_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/inkstone-ai/inkstone/corpus/ngram"
)

// naive is modified Kneser-Ney written down from the paper with maps from
// n-grams (as text) to counts, sharing no idea with the package's sorted trie.
type naive struct {
	vocab, order int
	counts       []map[string]float64    // by length
	discounts    []func(float64) float64 // by length
}

const mark = -1 // before each document

func key(ids []int) string { return fmt.Sprint(ids) }

func newNaive(docs [][]int32, vocab, order int) *naive {
	n := &naive{vocab: vocab, order: order, counts: make([]map[string]float64, order+1)}
	before := make([]map[string]map[int]bool, order+1)
	plain := make([]map[string]float64, order+1)
	for k := 1; k <= order; k++ {
		n.counts[k], plain[k], before[k] = map[string]float64{}, map[string]float64{}, map[string]map[int]bool{}
	}
	words := make([][][]int, order+1)
	for _, d := range docs {
		text := []int{mark}
		for _, id := range d {
			text = append(text, int(id))
		}
		for k := 1; k <= order; k++ {
			for i := 0; i+k <= len(text); i++ {
				w := text[i : i+k]
				if plain[k][key(w)]++; plain[k][key(w)] == 1 {
					words[k] = append(words[k], w)
				}
				if before[k][key(w)] == nil {
					before[k][key(w)] = map[int]bool{}
				}
				if i > 0 {
					before[k][key(w)][text[i-1]] = true
				}
			}
		}
	}
	n.discounts = make([]func(float64) float64, order+1)
	for k := 1; k <= order; k++ {
		of := map[float64]float64{}
		for _, w := range words[k] {
			if k == 1 && w[0] == mark {
				continue
			}
			c := float64(len(before[k][key(w)]))
			if k == order || w[0] == mark {
				c = plain[k][key(w)]
			}
			n.counts[k][key(w)] = c
			of[c]++
		}
		n.discounts[k] = discount(of)
	}
	return n
}

func discount(n map[float64]float64) func(float64) float64 {
	y := n[1] / (n[1] + 2*n[2])
	d := []float64{0, 1 - 2*y*n[2]/n[1], 2 - 3*y*n[3]/n[2], 3 - 4*y*n[4]/n[3]}
	bad := n[1]*n[2]*n[3]*n[4] == 0
	for _, x := range d {
		bad = bad || math.IsNaN(x) || x < 0
	}
	if bad {
		d = []float64{0, 0.5, 1, 1.5}
	}
	return func(c float64) float64 { return d[int(min(c, 3))] }
}

func (n *naive) p(context []int, w int) float64 {
	shorter := 1 / float64(n.vocab)
	if len(context) > 0 {
		shorter = n.p(context[1:], w)
	}
	k := len(context) + 1
	total, left := 0.0, 0.0
	for v := range n.vocab {
		c := n.counts[k][key(append(context[:len(context):len(context)], v))]
		total += c
		left += n.discounts[k](c)
	}
	if total == 0 {
		return shorter
	}
	c := n.counts[k][key(append(context[:len(context):len(context)], w))]
	return (c-n.discounts[k](c))/total + left/total*shorter
}

func randomDocs(r *rand.Rand, n, length, vocab int) [][]int32 {
	docs := make([][]int32, n)
	for i := range docs {
		for range r.IntN(length) {
			// Small ids are frequent, and often repeat what was two before.
			id := int32(r.IntN(vocab) * r.IntN(vocab) / vocab)
			if k := len(docs[i]); k > 2 && r.IntN(2) == 0 {
				id = docs[i][k-2]
			}
			docs[i] = append(docs[i], id)
		}
	}
	return append(docs, []int32{0})
}

// TestAgainstNaive compares every probability of held-out documents, and
// their sums, for all orders on many small corpora.
func TestAgainstNaive(t *testing.T) {
	for seed := range uint64(24) {
		r := rand.New(rand.NewPCG(seed, 1))
		vocab, order := 2+r.IntN(8), 1+int(seed)%6
		docs := randomDocs(r, 1+r.IntN(20), 60, vocab)
		if seed%4 == 3 {
			vocab += 3 // ids that never occur
		}
		m, err := ngram.Train(docs, vocab, order)
		if err != nil {
			t.Fatal(err)
		}
		oracle := newNaive(docs, vocab, order)
		for _, d := range append(randomDocs(r, 3, 25, vocab), docs[0]) {
			compare(t, m, oracle, d)
			if t.Failed() {
				t.Fatalf("seed %d: vocabulary of %d, order %d", seed, vocab, order)
			}
		}
	}
}

func compare(t *testing.T, m *ngram.Model, oracle *naive, d []int32) {
	s, text, bits := m.Start(), []int{mark}, 0.0
	for _, id := range d {
		context := text[max(0, len(text)-oracle.order+1):]
		sum := 0.0
		for w := range oracle.vocab {
			got, want := m.Next(append(ngram.State(nil), s...), int32(w)), oracle.p(context, w)
			if math.Abs(got-want) > 1e-12 {
				t.Errorf("P(%d | %v) = %v, want %v", w, context, got, want)
				return
			}
			sum += got
		}
		if math.Abs(sum-1) > 1e-12 {
			t.Errorf("after %v the probabilities sum to %v", context, sum)
		}
		bits -= math.Log2(oracle.p(context, int(id)))
		m.Next(s, id)
		text = append(text, int(id))
	}
	if got := m.Bits(d); math.Abs(got-bits) > 1e-9*(1+bits) {
		t.Errorf("%v bits, want %v", got, bits)
	}
}
