package corpus

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
)

// Triples say one class in three ways: a picture of it, a recording of its name, and its name in
// writing, in one of several languages. Triple i is a function of the pictures, the sounds, the
// settings and i: nothing is stored.
//
// Letters: H rows, W columns of a picture.
type Triples struct {
	Pictures *Images // grey, with labels
	Sounds   *Sounds // of the same classes
	// Names are the written names of each class, one a language, all in the order of Languages.
	Names     map[string][]string
	Languages int // how many: set by NewTriples

	Noise TripleNoise
	// Mixed draws a share of the noise for every modality of every triple by itself: all of it
	// for one half of them, from none to all, evenly, for the other. A model that learns from
	// these meets clean and noisy ones.
	Mixed bool
	Seed  uint64

	pictures, sounds [][]int   // of each class of Pictures
	near             letterMap // what a mistyped letter becomes
}

// TripleNoise is what is done to each modality. The zero value does nothing.
type TripleNoise struct {
	Pixel  float64 `json:"pixel"`  // standard deviation of Gaussian noise in every pixel, which goes from 0 to 1
	Hidden float64 `json:"hidden"` // share of a picture that a black square hides, somewhere: 0 to 1
	Sound  float64 `json:"sound"`  // white noise, its root mean square over the recording's: the signal-to-noise ratio is −20·log10 of it, in dB
	Typing float64 `json:"typing"` // chance that a character is mistyped
}

// Check refuses what is no amount of noise.
func (n TripleNoise) Check() error {
	if !(n.Pixel >= 0 && n.Pixel <= 100 && n.Hidden >= 0 && n.Hidden <= 1 && n.Sound >= 0 && n.Sound <= 1000 && n.Typing >= 0 && n.Typing <= 1) {
		return fmt.Errorf("noise: pixel %g must be 0 to 100, hidden %g 0 to 1, sound %g 0 to 1000, typing %g 0 to 1", n.Pixel, n.Hidden, n.Sound, n.Typing)
	}
	return nil
}

// scaled is a share of each part.
func (n TripleNoise) scaled(picture, sound, typing float64) TripleNoise {
	return TripleNoise{n.Pixel * picture, n.Hidden * picture, n.Sound * sound, n.Typing * typing}
}

// A Triple is one.
type Triple struct {
	Class    int       // of Pictures.Classes
	Picture  []float32 // (H, W), from 0 to 1
	Sound    []float32 // one channel
	Names    []string  // one a language
	Language int       // one of them, drawn

	PictureAt, SoundAt int // what they were made of: numbers in Pictures and in Sounds
}

// NewTriples checks a Triples and prepares it.
//
// Errors: no pictures or sounds; colour; pictures without labels; a class that has pictures and no
// sounds, or sounds and no pictures, or no names, or names in fewer languages than another.
func NewTriples(t Triples) (*Triples, error) {
	switch {
	case t.Pictures == nil || t.Pictures.Len() == 0 || t.Sounds == nil || t.Sounds.Len() == 0:
		return nil, fmt.Errorf("corpus: triples: want pictures and sounds, at least one each")
	case t.Pictures.C != 1:
		return nil, fmt.Errorf("corpus: triples: pictures of %d channels; read them with Channels 1, grey", t.Pictures.C)
	case t.Pictures.Labels == nil:
		return nil, fmt.Errorf("corpus: triples: pictures without labels: want a folder for each class, or an IDX file of labels")
	}
	if err := t.Noise.Check(); err != nil {
		return nil, fmt.Errorf("corpus: triples: %w", err)
	}
	if err := t.match(); err != nil {
		return nil, fmt.Errorf("corpus: triples: %w", err)
	}
	t.near = newLetterMap()
	return &t, nil
}

// match joins the classes of the modalities.
func (t *Triples) match() error {
	classes := t.Pictures.Classes
	if len(classes) < 2 {
		return fmt.Errorf("there is one class, %q: nothing to tell apart", classes)
	}
	t.pictures, t.sounds = make([][]int, len(classes)), make([][]int, len(classes))
	for i, l := range t.Pictures.Labels {
		t.pictures[l] = append(t.pictures[l], i)
	}
	for i, l := range t.Sounds.Labels {
		if k := slices.Index(classes, t.Sounds.Classes[l]); k >= 0 {
			t.sounds[k] = append(t.sounds[k], i)
		} else {
			return t.apart("sounds", t.Sounds.Classes[l], "pictures")
		}
	}
	for k, class := range classes {
		switch has := [2]bool{len(t.pictures[k]) > 0, len(t.sounds[k]) > 0}; has {
		case [2]bool{true, false}:
			return t.apart("pictures", class, "sounds")
		case [2]bool{false, true}:
			return t.apart("sounds", class, "pictures")
		case [2]bool{}:
			return fmt.Errorf("there are neither pictures nor sounds of the class %q", class)
		}
	}
	return t.matchNames()
}

// apart is the error of a class that one modality has alone.
func (t *Triples) apart(have, class, lack string) error {
	return fmt.Errorf("there are %s of %q and no %s of it; pictures have the classes %s, sounds %s: they must be the same", have, class, lack, some(t.Pictures.Classes, 12), some(t.Sounds.Classes, 12))
}

func (t *Triples) matchNames() error {
	t.Languages = len(t.Names[t.Pictures.Classes[0]])
	for _, class := range t.Pictures.Classes {
		names := t.Names[class]
		if len(names) == 0 || slices.ContainsFunc(names, func(n string) bool { return strings.TrimSpace(n) == "" }) {
			return fmt.Errorf("the class %q has no written name, or an empty one: give names for every class", class)
		}
		if len(names) != t.Languages {
			return fmt.Errorf("the class %q has names in %d languages, %q in %d", class, len(names), t.Pictures.Classes[0], t.Languages)
		}
	}
	return nil
}

// DigitNames are the names of the classes "0" to "9" in English and in Chinese.
func DigitNames() map[string][]string {
	english := strings.Fields("zero one two three four five six seven eight nine")
	names := map[string][]string{}
	for k, chinese := range strings.Split("零一二三四五六七八九", "") {
		names[fmt.Sprint(k)] = []string{english[k], chinese}
	}
	return names
}

// Len is the number of pictures: after so many triples each has been in one.
func (t *Triples) Len() int { return t.Pictures.Len() }

// At is triple i. Pictures come in an order by the seed, each once in an epoch; the recording and the
// language are drawn.
func (t *Triples) At(i int) *Triple {
	at := Order{N: t.Len(), Seed: t.Seed}.At(i)
	return t.make(at, int(t.Pictures.Labels[at]), t.random(i))
}

// Of is triple i of a class, all of which is drawn.
func (t *Triples) Of(class, i int) *Triple {
	r := t.random(i)
	return t.make(t.pictures[class][r.IntN(len(t.pictures[class]))], class, r)
}

// random numbers of triple i.
func (t *Triples) random(i int) *rand.Rand { return rand.New(rand.NewPCG(scramble(t.Seed), uint64(i))) }

// make makes a triple of a picture.
func (t *Triples) make(at, class int, r *rand.Rand) *Triple {
	p := &Triple{Class: class, PictureAt: at}
	p.SoundAt = t.sounds[class][r.IntN(len(t.sounds[class]))]
	p.Language = r.IntN(t.Languages)
	noise := t.Noise
	if t.Mixed {
		noise = noise.scaled(mixed(r), mixed(r), mixed(r))
	}
	p.Picture = noise.picture(r, t.Pictures.Image(at), t.Pictures.H, t.Pictures.W)
	p.Sound = noise.sound(r, t.Sounds.Samples[p.SoundAt])
	for _, name := range t.Names[t.Pictures.Classes[class]] {
		p.Names = append(p.Names, noise.mistype(r, t.near, name))
	}
	return p
}

// Name is that of the language drawn.
func (p *Triple) Name() string { return p.Names[p.Language] }

// mixed is 1 for one half, and for the other anything from 0 on.
func mixed(r *rand.Rand) float64 {
	u := r.Float64()
	if r.IntN(2) == 0 {
		return 1
	}
	return u
}

// picture is a noisy (H, W) of pixels, from 0 to 1.
func (n TripleNoise) picture(r *rand.Rand, pixels []uint8, H, W int) []float32 {
	x := make([]float32, len(pixels))
	for i, v := range pixels {
		x[i] = float32(v) / 255
	}
	if n.Hidden > 0 {
		side := math.Sqrt(n.Hidden)
		h, w := int(math.Round(side*float64(H))), int(math.Round(side*float64(W)))
		top, left := r.IntN(H-h+1), r.IntN(W-w+1)
		for y := top; y < top+h; y++ {
			clear(x[y*W+left : y*W+left+w])
		}
	}
	if n.Pixel > 0 {
		for i := range x {
			x[i] = float32(min(max(float64(x[i])+float64(n.Pixel*r.NormFloat64()), 0), 1)) // float64: no fused multiply-add, equal everywhere
		}
	}
	return x
}

// sound is a recording with white noise.
func (n TripleNoise) sound(r *rand.Rand, samples []float32) []float32 {
	y := slices.Clone(samples)
	if n.Sound == 0 {
		return y
	}
	sum := 0.0
	for _, v := range samples {
		sum += float64(float64(v) * float64(v))
	}
	std := n.Sound * math.Sqrt(sum/float64(max(1, len(samples))))
	for i, v := range y {
		y[i] = float32(float64(v) + float64(std*r.NormFloat64()))
	}
	return y
}
