package corpus

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// Spoken makes utterances of recordings of single words: some words of one speaker, one after the
// other, with pauses and overlaps between them. Utterance i is a function of the recordings, the
// settings and i: nothing is stored.
//
// Speed, Gain and Noise change each utterance at random, so that few voices teach more: all of it
// is played faster or slower, which moves pitch and formants too (Ko et al. 2015, "Audio
// augmentation for speech recognition"), louder or quieter, under white noise. Zero leaves it alone.
type Spoken struct {
	Sounds *Sounds
	Least  int        // words of an utterance (1)
	Most   int        // (7)
	Gap    [2]float64 // seconds of silence between two words, least and most; negative: they overlap
	Edge   float64    // most seconds of silence before the first word and after the last
	Speed  float64    // most change of speed, 0.1: 10 % slower to 10 % faster
	Gain   float64    // most change of loudness, decibels
	Noise  float64    // least ratio of the utterance's power to the noise's, decibels; utterances have up to 30 more. 0: no noise
	Seed   uint64

	speakers []spokenVoice
}

// A spokenVoice is a speaker's recordings, by class.
type spokenVoice struct {
	name  string
	words [][]int // without classes of which there is no recording
}

// NewSpoken checks a Spoken and fills what is zero, where a number stands in brackets above.
//
// Errors: no recordings; a number that makes no sense; an overlap of more than half of the shortest
// recording.
func NewSpoken(p Spoken) (*Spoken, error) {
	if p.Sounds == nil || p.Sounds.Len() == 0 {
		return nil, fmt.Errorf("corpus: utterances: no recordings")
	}
	p.Least, p.Most = cmp.Or(p.Least, 1), cmp.Or(p.Most, max(7, p.Least))
	shortest := math.Inf(1)
	for _, x := range p.Sounds.Samples {
		shortest = min(shortest, float64(len(x))/float64(p.Sounds.Rate))
	}
	switch {
	case p.Least < 1 || p.Most < p.Least || p.Most > 1000:
		return nil, fmt.Errorf("corpus: utterances of %d to %d words, want 1 or more, at most 1000", p.Least, p.Most)
	case !(p.Gap[0] <= p.Gap[1] && p.Gap[1] <= 60 && p.Edge >= 0 && p.Edge <= 60):
		return nil, fmt.Errorf("corpus: utterances with %g to %g seconds between words and %g around them, want the lesser first, at most a minute", p.Gap[0], p.Gap[1], p.Edge)
	case -p.Gap[0] > shortest/2:
		return nil, fmt.Errorf("corpus: utterances whose words overlap by %g seconds: the shortest recording lasts %.3f, and half of it is the most", -p.Gap[0], shortest)
	case !(p.Speed >= 0 && p.Speed <= 0.5 && p.Gain >= 0 && p.Gain <= 60 && p.Noise >= 0 && p.Noise <= 100):
		return nil, fmt.Errorf("corpus: utterances at a speed of 1 ± %g, with a gain of ± %g decibels and noise %g decibels below: want 0 to 0.5, 0 to 60 and 0 to 100", p.Speed, p.Gain, p.Noise)
	}
	p.speakers = p.Sounds.voices()
	return &p, nil
}

// voices are the recordings by speaker and class, in the order of names.
func (s *Sounds) voices() (all []spokenVoice) {
	at := map[string]map[int32][]int{}
	for i, name := range s.Speakers {
		if at[name] == nil {
			at[name] = map[int32][]int{}
		}
		at[name][s.Labels[i]] = append(at[name][s.Labels[i]], i)
	}
	for name, classes := range at {
		v := spokenVoice{name: name}
		for k := range s.Classes {
			if words := classes[int32(k)]; words != nil {
				v.words = append(v.words, words)
			}
		}
		all = append(all, v)
	}
	slices.SortFunc(all, func(a, b spokenVoice) int { return cmp.Compare(a.name, b.name) })
	return all
}

// An Utterance is sound, and what is said in it.
type Utterance struct {
	Samples []float32
	Speaker string
	Labels  []int32 // of the words, one after the other
	Words   []SpokenWord
}

// A SpokenWord is a word of an utterance: the recording, and its samples there.
type SpokenWord struct{ Recording, From, To int }

// Utterance makes utterance i: a speaker and a number of words are drawn evenly, then for each word
// a class and one of the speaker's recordings of it. Where words overlap, their samples add up.
func (p *Spoken) Utterance(i int) *Utterance {
	r := rand.New(rand.NewPCG(p.Seed, uint64(i)))
	voice := p.speakers[r.IntN(len(p.speakers))]
	u := &Utterance{Speaker: voice.name}
	speed := p.percent(r)
	at := p.samples(r.Float64()*p.Edge, speed)
	for range p.Least + r.IntN(p.Most-p.Least+1) {
		class := voice.words[r.IntN(len(voice.words))]
		which := class[r.IntN(len(class))]
		u.say(at, which, p.Sounds.Labels[which], Resample(p.Sounds.Samples[which], speed, 100))
		at = max(0, len(u.Samples)+p.samples(p.Gap[0]+r.Float64()*(p.Gap[1]-p.Gap[0]), speed))
	}
	u.Samples = append(u.Samples, make([]float32, p.samples(r.Float64()*p.Edge, speed))...)
	p.disturb(r, u.Samples)
	return u
}

// percent is a speed: whole percents, so that few filters resample.
func (p *Spoken) percent(r *rand.Rand) int {
	most := int(math.Round(100 * p.Speed))
	return 100 - most + r.IntN(2*most+1)
}

// samples are those of some seconds at a speed.
func (p *Spoken) samples(seconds float64, percent int) int {
	return int(math.Round(seconds * float64(p.Sounds.Rate) * 100 / float64(percent)))
}

// say adds a word that begins at a sample.
func (u *Utterance) say(at, which int, label int32, x []float32) {
	if end := at + len(x); end > len(u.Samples) {
		u.Samples = append(u.Samples, make([]float32, end-len(u.Samples))...)
	}
	for j, v := range x {
		u.Samples[at+j] += v
	}
	u.Labels, u.Words = append(u.Labels, label), append(u.Words, SpokenWord{which, at, at + len(x)})
}

// disturb changes the loudness and adds noise.
func (p *Spoken) disturb(r *rand.Rand, x []float32) {
	gain := float32(math.Pow(10, p.Gain*(2*r.Float64()-1)/20))
	power := 0.0
	for j := range x {
		x[j] *= gain
		power += float64(x[j]) * float64(x[j])
	}
	if p.Noise == 0 {
		return
	}
	below := math.Pow(10, (p.Noise+30*r.Float64())/10)
	height := math.Sqrt(power / float64(len(x)) / below)
	for j := range x {
		x[j] += float32(float64(height * r.NormFloat64()))
	}
}

// Shorter is p with at most so many words in an utterance, at least p.Least.
func (p *Spoken) Shorter(most int) *Spoken {
	q := *p
	q.Most = min(max(most, q.Least), q.Most)
	return &q
}

// Utterances are the first n of them.
func (p *Spoken) Utterances(n int) (all []*Utterance) {
	for i := range n {
		all = append(all, p.Utterance(i))
	}
	return all
}

// Alone are the recordings themselves, each an utterance of one word.
func (s *Sounds) Alone() (all []*Utterance) {
	for i, x := range s.Samples {
		all = append(all, &Utterance{Samples: x, Speaker: s.Speakers[i], Labels: s.Labels[i : i+1], Words: []SpokenWord{{i, 0, len(x)}}})
	}
	return all
}
