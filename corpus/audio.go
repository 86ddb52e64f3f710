package corpus

import (
	"fmt"
	"slices"
	"strings"
)

// Sounds are recordings, each with a label. Element i of the slices below belongs to
// recording i; recordings stand in the order of their names.
type Sounds struct {
	Rate     int         // samples a second, of all
	Samples  [][]float32 // one channel, −1 … 1
	Labels   []int32     // places in Classes
	Speakers []string    // "" where the names do not say
	Numbers  []int       // {number} of the pattern; −1 without one
	Names    []string    // path; in an archive archive:path

	Classes []string // sorted
}

// SoundOptions say how recordings are read.
type SoundOptions struct {
	// Pattern says how names are made, for example "{label}_{speaker}_{number}.wav" or
	// "{speaker}/{label}/{any}.wav": it is held against as many parts of the path as it has,
	// from the end. A placeholder stands for one character at least and no slash, {number} for
	// digits. "" takes the name of the folder that holds a file as its label.
	Pattern string
	// Rate is what all recordings are resampled to. 0 takes the first one's; another
	// rate is then an error.
	Rate int
	// Notice is told what was left out or changed; nil: nobody.
	Notice func(string)
}

// ReadSounds reads the WAV files that paths name: files, folders, globs, and archives that
// end in .tar, .tar.gz, .tgz or .zip. Samples are integers of 8, 16, 24 or 32 bits. Several
// channels are mixed to one, their mean; files in folders and archives that do not end in
// .wav are left out; o.Notice is told of both.
//
// Errors name the file: one that is cut off, is no WAV file or has samples of another kind; a
// name without a label; another rate than the first one's; no recording at all.
func ReadSounds(o SoundOptions, paths ...string) (*Sounds, error) {
	if o.Notice == nil {
		o.Notice = func(string) {}
	}
	pattern, err := parsePattern(o.Pattern)
	if err != nil {
		return nil, fmt.Errorf("corpus: %w", err)
	}
	r := soundReader{SoundOptions: o, pattern: pattern, sounds: &Sounds{Rate: o.Rate}}
	for _, path := range paths {
		if err := r.path(path); err != nil {
			return nil, fmt.Errorf("corpus: %w", err)
		}
	}
	r.report()
	if len(r.found) == 0 {
		return nil, fmt.Errorf("corpus: %s: no .wav file in it", strings.Join(paths, ", "))
	}
	return r.sounds, r.finish()
}

// A soundReader gathers recordings.
type soundReader struct {
	SoundOptions
	pattern *pattern
	sounds  *Sounds
	found   []labelledSound
	first   string // the file whose rate the others must have
	skipped []string
	mixed   []string
	moved   map[int]int // files by the rate they had before
}

type labelledSound struct {
	name    string
	tag     soundTag
	samples []float32
}

// add reads one recording. label is what its folder says.
func (r *soundReader) add(name, path, label string, data []byte) error {
	w, err := decodeWAV(data)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	tag, err := r.pattern.tag(path, label)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if w.channels > 1 {
		r.mixed = append(r.mixed, name)
	}
	switch {
	case r.sounds.Rate == 0:
		r.sounds.Rate, r.first = w.rate, name
	case w.rate != r.sounds.Rate && r.Rate == 0:
		return fmt.Errorf("%s has %d samples a second and %s has %d: ask for one rate to have them resampled", name, w.rate, r.first, r.sounds.Rate)
	case w.rate != r.sounds.Rate:
		w.samples = Resample(w.samples, w.rate, r.sounds.Rate)
		if r.moved == nil {
			r.moved = map[int]int{}
		}
		r.moved[w.rate]++
	}
	r.found = append(r.found, labelledSound{name, tag, w.samples})
	return nil
}

// report tells what was left out and what was changed.
func (r *soundReader) report() {
	if n := len(r.skipped); n > 0 {
		r.Notice(fmt.Sprintf("%d files do not end in .wav and are left out: %s", n, some(r.skipped, 3)))
	}
	if n := len(r.mixed); n > 0 {
		r.Notice(fmt.Sprintf("%d recordings of several channels are mixed to one: %s", n, some(r.mixed, 3)))
	}
	var rates []int
	for rate := range r.moved {
		rates = append(rates, rate)
	}
	slices.Sort(rates)
	for _, rate := range rates {
		r.Notice(fmt.Sprintf("%d recordings of %d samples a second are resampled to %d", r.moved[rate], rate, r.sounds.Rate))
	}
}

// finish puts the recordings in order and numbers their labels.
func (r *soundReader) finish() error {
	slices.SortStableFunc(r.found, func(a, b labelledSound) int { return strings.Compare(a.name, b.name) })
	s := r.sounds
	for i, f := range r.found {
		if i > 0 && f.name == r.found[i-1].name {
			return fmt.Errorf("corpus: %s is there twice", f.name)
		}
		s.Classes = append(s.Classes, f.tag.label)
	}
	slices.Sort(s.Classes)
	s.Classes = slices.Compact(s.Classes)
	for _, f := range r.found {
		label, _ := slices.BinarySearch(s.Classes, f.tag.label)
		s.Samples, s.Names = append(s.Samples, f.samples), append(s.Names, f.name)
		s.Labels, s.Speakers, s.Numbers = append(s.Labels, int32(label)), append(s.Speakers, f.tag.speaker), append(s.Numbers, f.tag.number)
	}
	return nil
}

// Len is the number of recordings.
func (s *Sounds) Len() int { return len(s.Samples) }

// Seconds is the length of all recordings together.
func (s *Sounds) Seconds() float64 {
	n := 0
	for _, x := range s.Samples {
		n += len(x)
	}
	return float64(n) / float64(s.Rate)
}

// Where returns the recordings for which keep(i) is true, with the same classes. They
// share the samples.
func (s *Sounds) Where(keep func(i int) bool) *Sounds {
	part := &Sounds{Rate: s.Rate, Classes: s.Classes}
	for i := range s.Samples {
		if keep(i) {
			part.Samples, part.Labels, part.Speakers = append(part.Samples, s.Samples[i]), append(part.Labels, s.Labels[i]), append(part.Speakers, s.Speakers[i])
			part.Numbers, part.Names = append(part.Numbers, s.Numbers[i]), append(part.Names, s.Names[i])
		}
	}
	return part
}

// SplitSpeakers holds out all recordings of some speakers: what is measured on them is not
// how well voices were learned by heart. A speaker that there is not, and a split
// without recordings on one side, are errors.
func (s *Sounds) SplitSpeakers(speakers ...string) (train, held *Sounds, err error) {
	for _, name := range speakers {
		if name == "" || !slices.Contains(s.Speakers, name) {
			return nil, nil, fmt.Errorf("corpus: no recording by the speaker %q; there are %q", name, s.Voices())
		}
	}
	train = s.Where(func(i int) bool { return !slices.Contains(speakers, s.Speakers[i]) })
	held = s.Where(func(i int) bool { return slices.Contains(speakers, s.Speakers[i]) })
	if train.Len() == 0 || held.Len() == 0 {
		return nil, nil, fmt.Errorf("corpus: holding out the speakers %q leaves %d recordings to train on and %d held out: each side needs some", speakers, train.Len(), held.Len())
	}
	return train, held, nil
}
