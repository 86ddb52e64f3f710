package inkstone

import (
	"math/rand/v2"
	"sync"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/corpus/mel"
	"github.com/inkstone-ai/inkstone/model/speech"
)

// speechBatches makes the utterances of a step. A batch is a function of its number.
type speechBatches struct {
	spoken    []*corpus.Spoken // of at most 1, 2, … words
	listeners []*speech.Listener
	mels      int
	rows      int
	growth    float64 // steps in which utterances become longer by a word
	masks     mel.Masks
	colour    float64
	seed      uint64
}

// newSpeechBatches makes batches of recordings on so many threads, whose number changes nothing.
func newSpeechBatches(s SpeechSettings, sound speech.Sound, sounds *corpus.Sounds, threads int) (*speechBatches, error) {
	all, err := s.spoken(sounds, true, learnedUtterances)
	if err != nil {
		return nil, err
	}
	b := &speechBatches{
		mels: sound.Mels, rows: s.Rows, growth: max(0, s.Grow) * float64(s.Steps) / float64(all.Most),
		masks: s.Masks, colour: max(0, s.Colour), seed: s.Seed,
	}
	b.masks.Bands = max(0, b.masks.Bands)
	for n := range all.Most {
		b.spoken = append(b.spoken, all.Shorter(n+1))
	}
	for range max(1, min(threads, s.Rows)) {
		b.listeners = append(b.listeners, sound.Listener())
	}
	return b, nil
}

// longest is the most words of an utterance of step index.
func (b *speechBatches) longest(index int) int {
	if float64(index) >= b.growth*float64(len(b.spoken)) {
		return len(b.spoken)
	}
	return min(len(b.spoken), 1+int(float64(index)/b.growth)) // the quotient may be rounded up
}

// batch is the utterances of step index and their words.
func (b *speechBatches) batch(index int) (speech.Batch, [][]int32) {
	spoken := b.spoken[b.longest(index)-1]
	frames, words := make([][]float32, b.rows), make([][]int32, b.rows)
	var wait sync.WaitGroup
	for k, listener := range b.listeners {
		wait.Go(func() {
			for i := k; i < b.rows; i += len(b.listeners) {
				frames[i], words[i] = b.hear(listener, spoken, index*b.rows+i)
			}
		})
	}
	wait.Wait()
	return speech.Stack(frames, b.mels), words
}

// hear is utterance i, coloured and masked.
func (b *speechBatches) hear(l *speech.Listener, spoken *corpus.Spoken, i int) ([]float32, []int32) {
	u := spoken.Utterance(i)
	r := rand.New(rand.NewPCG(^b.seed, uint64(i)))
	x := l.Energies(u.Samples)
	mel.Colour(r, x, b.mels, b.colour)
	speech.Standardise(x, b.mels)
	b.masks.Apply(r, x, b.mels)
	return x, u.Labels
}
