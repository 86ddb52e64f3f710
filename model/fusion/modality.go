package fusion

import (
	"fmt"
	"slices"
	"strings"

	"github.com/inkstone-ai/inkstone/corpus"
)

// A Modality is a way in which a thing shows itself.
type Modality uint8

// The modalities, in the order of everything that has one entry for each.
const (
	Picture Modality = iota
	Sound
	Name
	modalities
)

func (m Modality) String() string { return [...]string{"picture", "sound", "name"}[m] }

// A Set is some of the modalities.
type Set uint8

// All has every modality.
const All = Set(1<<modalities - 1)

// SetOf has the modalities given.
func SetOf(list ...Modality) (s Set) {
	for _, m := range list {
		s |= 1 << m
	}
	return s
}

// Has says whether m is in it.
func (s Set) Has(m Modality) bool { return s>>m&1 == 1 }

// List is what is in it.
func (s Set) List() (list []Modality) {
	for m := range modalities {
		if s.Has(m) {
			list = append(list, m)
		}
	}
	return list
}

// Names are the names of what is in it.
func (s Set) Names() []string {
	names := make([]string, 0, modalities)
	for _, m := range s.List() {
		names = append(names, m.String())
	}
	return names
}

func (s Set) String() string { return strings.Join(s.Names(), "+") }

// ParseSet reads names of modalities. None are all.
func ParseSet(names []string) (s Set, err error) {
	if len(names) == 0 {
		return All, nil
	}
	for _, name := range names {
		at := slices.Index(All.Names(), name)
		if at < 0 {
			return 0, fmt.Errorf("modality %q is none of %s", name, strings.Join(All.Names(), ", "))
		}
		if s.Has(Modality(at)) {
			return 0, fmt.Errorf("modality %q stands there twice", name)
		}
		s |= 1 << at
	}
	return s, nil
}

// An Input is B examples, as many as it has Names. Other parts of modalities that a model has not may be absent altogether; of a
// modality that an example has not, its part has any values (zeros, "").
type Input struct {
	Pictures []float32 // (B, H, W), from 0 to 1
	Sounds   []float32 // (B, T, F), see [Ear.Listen]
	Names    []string  // (B), "" where a model reads none
	Present  []Set     // (B), what each example has; nil: everything
}

// InputOf lays out triples, each with its name in the language drawn, and returns their
// classes too. An ear that is nil hears nothing.
func InputOf(ear *Ear, triples []*corpus.Triple) (in *Input, classes []int32) {
	in = &Input{}
	for _, t := range triples {
		in.Pictures = append(in.Pictures, t.Picture...)
		if ear != nil {
			in.Sounds = ear.Listen(in.Sounds, t.Sound)
		}
		in.Names, classes = append(in.Names, t.Name()), append(classes, int32(t.Class))
	}
	return in, classes
}
