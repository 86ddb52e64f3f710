package eval

import (
	"math"
	"strings"
)

// memoryOrder is the length of the longest character n-grams that a
// [TranslationMemory] compares.
const memoryOrder = 4

// A TranslationMemory answers a source with the target of the nearest source that
// it knows: what a translator must beat to have learned more than its examples.
// Sources are compared by the cosine of their character n-grams, n = 1 … 4, each
// weighed by its count and by log(pairs/pairs that have it).
type TranslationMemory struct {
	targets []string
	norms   []float64
	rarity  map[string]float64
	places  map[string][]place // of every n-gram, in the order of the pairs
}

type place struct {
	pair  int32
	count float64
}

// NewTranslationMemory remembers pairs: sources[i] and its targets[i].
func NewTranslationMemory(sources, targets []string) *TranslationMemory {
	m := &TranslationMemory{targets: targets, norms: make([]float64, len(sources)), rarity: map[string]float64{}, places: map[string][]place{}}
	for i, s := range sources {
		for gram, n := range allNgrams(s) {
			m.places[gram] = append(m.places[gram], place{int32(i), float64(n)})
		}
	}
	for gram, places := range m.places {
		m.rarity[gram] = math.Log(float64(len(sources)) / float64(len(places)))
	}
	for i, s := range sources {
		m.norms[i] = m.norm(allNgrams(s))
	}
	return m
}

// Translate returns the target of the nearest source, the first of equals.
func (m *TranslationMemory) Translate(source string) string {
	grams := allNgrams(source)
	products := make([]float64, len(m.targets))
	for _, gram := range sortedKeys(grams) { // one order of the sums, so that ties stay ties
		weight := float64(grams[gram]) * m.rarity[gram] * m.rarity[gram]
		for _, p := range m.places[gram] {
			products[p.pair] += weight * p.count
		}
	}
	best, nearest := math.Inf(-1), 0
	for i, x := range products {
		if m.norms[i] > 0 && x/m.norms[i] > best {
			best, nearest = x/m.norms[i], i
		}
	}
	return m.targets[nearest]
}

func (m *TranslationMemory) norm(grams map[string]int) float64 {
	sum := 0.0
	for _, gram := range sortedKeys(grams) {
		x := float64(grams[gram]) * m.rarity[gram]
		sum += x * x
	}
	return math.Sqrt(sum)
}

func allNgrams(s string) map[string]int {
	letters, counts := []rune(strings.TrimSpace(s)), map[string]int{}
	for n := 1; n <= memoryOrder; n++ {
		for gram, k := range characterNgrams(letters, n) {
			counts[gram] += k
		}
	}
	return counts
}
