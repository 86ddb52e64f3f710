package corpus_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/inkstone-ai/inkstone/corpus"
)

// spokenWords are recordings of two speakers, of 100 samples a second: those of ann lie between 0.1 and
// 0.3, those of bob at twice that; bob never says "c".
func spokenWords() *corpus.Sounds {
	s := &corpus.Sounds{Rate: 100, Classes: []string{"a", "b", "c"}}
	add := func(speaker string, label int32, height float32, n int) {
		s.Samples = append(s.Samples, slices.Repeat([]float32{height}, n))
		s.Labels, s.Speakers, s.Names = append(s.Labels, label), append(s.Speakers, speaker), append(s.Names, fmt.Sprint(len(s.Names)))
	}
	for k := range int32(3) {
		add("ann", k, 0.1*float32(k+1), 40+int(k))
		add("ann", k, 0.1*float32(k+1), 50)
		if k < 2 {
			add("bob", k, 0.2*float32(k+1), 60)
		}
	}
	return s
}

func spoken(t testing.TB, p corpus.Spoken) *corpus.Spoken {
	t.Helper()
	if p.Sounds == nil {
		p.Sounds = spokenWords()
	}
	made, err := corpus.NewSpoken(p)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// TestUtterances: an utterance is its words at their places and nothing else; all lengths, words and
// speakers come, no speaker says what there is no recording of; pauses and overlaps are as asked for.
func TestUtterances(t *testing.T) {
	s := spokenWords()
	p := spoken(t, corpus.Spoken{Sounds: s, Least: 2, Most: 4, Gap: [2]float64{-0.1, 0.2}, Edge: 0.3, Seed: 1})
	lengths, gaps, edges, said := map[int]int{}, map[int]int{}, map[int]int{}, map[string]int{}
	for i := range 2000 {
		u := p.Utterance(i)
		lengths[len(u.Words)]++
		want := make([]float32, len(u.Samples))
		for j, w := range u.Words {
			if s.Speakers[w.Recording] != u.Speaker || s.Labels[w.Recording] != u.Labels[j] || w.To-w.From != len(s.Samples[w.Recording]) {
				t.Fatalf("utterance %d by %s: word %d %+v of label %d", i, u.Speaker, j, w, u.Labels[j])
			}
			for k, v := range s.Samples[w.Recording] {
				want[w.From+k] += v
			}
			said[u.Speaker+s.Classes[u.Labels[j]]]++
			if j > 0 {
				gaps[w.From-u.Words[j-1].To]++
			}
		}
		edges[u.Words[0].From]++
		edges[len(u.Samples)-u.Words[len(u.Words)-1].To]++
		if !slices.Equal(want, u.Samples) {
			t.Fatalf("utterance %d is not its words", i)
		}
	}
	even(t, "words", lengths, 2, 4)
	if len(gaps) != 31 || gaps[-10] == 0 || gaps[20] == 0 {
		t.Errorf("pauses %v, want every number of samples from -10 to 20", gaps)
	}
	if len(edges) != 31 || edges[0] == 0 || edges[30] == 0 {
		t.Errorf("silence %v around, want every number of samples from 0 to 30", edges)
	}
	if len(said) != 5 || said["bobc"] != 0 {
		t.Errorf("said: %v", said)
	}
	if ann, bob := said["anna"]+said["annb"]+said["annc"], said["boba"]+said["bobb"]; ann < 2700 || bob < 2700 {
		t.Errorf("%d words by ann and %d by bob, want about 3000 each", ann, bob)
	}
}

// even fails where numbers from least to most do not come about as often as each other.
func even(t *testing.T, what string, counts map[int]int, least, most int) {
	t.Helper()
	all := 0
	for _, n := range counts {
		all += n
	}
	each := all / (most - least + 1)
	for n := least; n <= most; n++ {
		if d := counts[n] - each; d < -each/3 || d > each/3 {
			t.Errorf("%s: %d come %d times, want about %d", what, n, counts[n], each)
		}
	}
	if len(counts) != most-least+1 {
		t.Errorf("%s: %v, want %d to %d", what, counts, least, most)
	}
}

// TestUtteranceIsAFunctionOfItsNumber: whatever was asked for before.
func TestUtteranceIsAFunctionOfItsNumber(t *testing.T) {
	o := corpus.Spoken{Gap: [2]float64{0, 0.2}, Speed: 0.2, Gain: 3, Noise: 20, Seed: 7}
	p := spoken(t, o)
	first := p.Utterance(5)
	p.Utterance(3)
	if diff := cmp.Diff(first, p.Utterance(5)); diff != "" {
		t.Errorf("utterance 5 is another the second time: %s", diff)
	}
	o.Seed++
	for name, u := range map[string]*corpus.Utterance{"utterance 6": p.Utterance(6), "another seed": spoken(t, o).Utterance(5)} {
		if slices.Equal(u.Samples, first.Samples) {
			t.Errorf("%s is the same", name)
		}
	}
}

// TestUtterancesDisturbed: speed, loudness and noise go as far as they may, evenly.
func TestUtterancesDisturbed(t *testing.T) {
	one := &corpus.Sounds{Rate: 1000, Samples: [][]float32{slices.Repeat([]float32{0.5}, 400)}, Labels: []int32{0}, Speakers: []string{""}, Classes: []string{"a"}}
	p := spoken(t, corpus.Spoken{Sounds: one, Most: 1, Speed: 0.1})
	speeds := map[int]int{}
	for i := range 1050 {
		speeds[int(math.Round(40000/float64(len(p.Utterance(i).Samples))))]++
	}
	even(t, "percent of speed", speeds, 90, 110)
	p = spoken(t, corpus.Spoken{Sounds: one, Most: 1, Gain: 6})
	low, high := math.Inf(1), 0.0
	for i := range 500 {
		v := float64(p.Utterance(i).Samples[0])
		low, high = min(low, v), max(high, v)
	}
	if low < 0.2505 || low > 0.255 || high < 0.985 || high > 0.998 { // 10^(±6/20)/2
		t.Errorf("0.5 becomes %g to %g at a gain of ± 6 dB", low, high)
	}
	p = spoken(t, corpus.Spoken{Sounds: one, Most: 1, Noise: 10})
	low, high = math.Inf(1), math.Inf(-1)
	for i := range 500 {
		noise := 0.0
		for _, v := range p.Utterance(i).Samples {
			noise += (float64(v) - 0.5) * (float64(v) - 0.5) / 400
		}
		db := 10 * math.Log10(0.25/noise)
		low, high = min(low, db), max(high, db)
	}
	if math.Abs(low-10) > 0.6 || math.Abs(high-40) > 0.6 {
		t.Errorf("noise lies %g to %g dB below the words, want 10 to 40", low, high)
	}
}

func TestSpokenRefuses(t *testing.T) {
	s := spokenWords()
	tests := []struct {
		p    corpus.Spoken
		want string
	}{
		{corpus.Spoken{}, "no recordings"},
		{corpus.Spoken{Sounds: s, Least: -1}, "-1 to 7 words"},
		{corpus.Spoken{Sounds: s, Least: 3, Most: 2}, "3 to 2 words"},
		{corpus.Spoken{Sounds: s, Most: 2000}, "at most 1000"},
		{corpus.Spoken{Sounds: s, Gap: [2]float64{0.2, 0.1}}, "the lesser first"},
		{corpus.Spoken{Sounds: s, Gap: [2]float64{0, math.Inf(1)}}, "at most a minute"},
		{corpus.Spoken{Sounds: s, Edge: math.NaN()}, "NaN around them"},
		{corpus.Spoken{Sounds: s, Gap: [2]float64{-0.21, 0}}, "the shortest recording lasts 0.400"},
		{corpus.Spoken{Sounds: s, Speed: 0.6}, "a speed of 1 ± 0.6"},
		{corpus.Spoken{Sounds: s, Gain: -1}, "a gain of ± -1"},
		{corpus.Spoken{Sounds: s, Noise: math.NaN()}, "noise NaN"},
	}
	for _, tt := range tests {
		if _, err := corpus.NewSpoken(tt.p); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: error %v, want %q", tt.p, err, tt.want)
		}
	}
}

// Utterances are a function of recordings, seed and number.
func ExampleSpoken_Utterance() {
	tone := &corpus.Sounds{Rate: 100, Samples: [][]float32{make([]float32, 30)}, Labels: []int32{0}, Speakers: []string{"ann"}, Classes: []string{"one"}}
	p, err := corpus.NewSpoken(corpus.Spoken{Sounds: tone, Least: 3, Most: 3, Gap: [2]float64{0.1, 0.1}})
	if err != nil {
		panic(err)
	}
	for _, w := range p.Utterance(0).Words {
		fmt.Println(tone.Classes[tone.Labels[w.Recording]], w.From, w.To)
	}
	// Output:
	// one 0 30
	// one 40 70
	// one 80 110
}
