package corpus_test

import (
	"archive/zip"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/corpus"
)

// hums are recordings of the classes given, two of each, by two speakers: sines.
func hums(classes ...string) *corpus.Sounds {
	s := &corpus.Sounds{Rate: 8000, Classes: classes}
	for k := range classes {
		for i := range 2 {
			x := make([]float32, 400+100*i)
			for n := range x {
				x[n] = float32(0.5 * math.Sin(float64(n*(k+1))/10))
			}
			s.Samples, s.Labels, s.Speakers = append(s.Samples, x), append(s.Labels, int32(k)), append(s.Speakers, []string{"ann", "bo"}[i])
			s.Numbers, s.Names = append(s.Numbers, i), append(s.Names, "")
		}
	}
	return s
}

func triples(t *testing.T, change func(*corpus.Triples)) *corpus.Triples {
	t.Helper()
	m := corpus.Triples{Pictures: dots(), Sounds: hums("0", "1", "2", "3"), Names: corpus.DigitNames(), Seed: 4}
	change(&m)
	made, err := corpus.NewTriples(m)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// TestTriplesClean: without noise a triple is what it was made of, all three of one class.
func TestTriplesClean(t *testing.T) {
	m := triples(t, func(*corpus.Triples) {})
	seen, languages := map[int]int{}, map[int]int{}
	for i := range 40 {
		p := m.At(i)
		if int(m.Pictures.Labels[p.PictureAt]) != p.Class || int(m.Sounds.Labels[p.SoundAt]) != p.Class {
			t.Fatalf("triple %d is of class %d, picture %d, sound %d", i, p.Class, p.PictureAt, p.SoundAt)
		}
		for k, v := range m.Pictures.Image(p.PictureAt) {
			if p.Picture[k] != float32(v)/255 {
				t.Fatalf("pixel %d is %v of %d", k, p.Picture[k], v)
			}
		}
		if !slices.Equal(p.Sound, m.Sounds.Samples[p.SoundAt]) {
			t.Fatal("the sound is another one")
		}
		if want := corpus.DigitNames()[m.Pictures.Classes[p.Class]]; !slices.Equal(p.Names, want) || p.Name() != want[p.Language] {
			t.Fatalf("names %q, want %q", p.Names, want)
		}
		seen[p.PictureAt]++
		languages[p.Language]++
	}
	for k, n := range seen {
		if n != 10 {
			t.Errorf("picture %d is in %d of 40 triples, want 10: each once in an epoch", k, n)
		}
	}
	if len(languages) != 2 || languages[0] < 10 || languages[1] < 10 {
		t.Errorf("languages %v", languages)
	}
}

// TestTriplesNoise: each part of the noise does what it says, and nothing to the others.
func TestTriplesNoise(t *testing.T) {
	t.Run("pixel", func(t *testing.T) {
		m := triples(t, func(m *corpus.Triples) {
			m.Pictures = &corpus.Images{H: 50, W: 50, C: 1, Classes: []string{"0", "1"}, Pixels: slices.Repeat([]uint8{128}, 5000), Labels: []int32{0, 1}}
			m.Sounds, m.Noise.Pixel = hums("0", "1"), 0.1
		})
		p := m.At(0)
		if d := deviation(p.Picture); math.Abs(d-0.1) > 0.01 {
			t.Errorf("deviation %.3f, want 0.1", d)
		}
		if !slices.Equal(p.Sound, m.Sounds.Samples[p.SoundAt]) || p.Name() != corpus.DigitNames()[m.Pictures.Classes[p.Class]][p.Language] {
			t.Error("noise of pixels changed the others")
		}
	})
	t.Run("hidden", func(t *testing.T) {
		m := triples(t, func(m *corpus.Triples) {
			m.Pictures = &corpus.Images{H: 10, W: 20, C: 1, Classes: []string{"0", "1"}, Pixels: slices.Repeat([]uint8{255}, 400), Labels: []int32{0, 1}}
			m.Sounds, m.Noise.Hidden = hums("0", "1"), 0.25
		})
		places := map[int]bool{}
		for i := range 20 {
			x := m.At(i).Picture
			black := 0
			for _, v := range x {
				if v == 0 {
					black++
				}
			}
			if black != 5*10 {
				t.Fatalf("%d pixels are hidden of 200, want 50", black)
			}
			places[slices.Index(x, 0)] = true
		}
		if len(places) < 5 {
			t.Errorf("the square has %d places in 20", len(places))
		}
	})
	t.Run("sound", func(t *testing.T) {
		m := triples(t, func(m *corpus.Triples) { m.Noise.Sound = 2 })
		p := m.At(0)
		clean, noise, power := m.Sounds.Samples[p.SoundAt], 0.0, 0.0
		for n, v := range p.Sound {
			noise += math.Pow(float64(v-clean[n]), 2)
			power += math.Pow(float64(clean[n]), 2)
		}
		if db := -10 * math.Log10(noise/power); math.Abs(db+6.02) > 0.7 {
			t.Errorf("%.2f dB, want -6", db)
		}
	})
	t.Run("typing", func(t *testing.T) {
		m := triples(t, func(m *corpus.Triples) { m.Noise.Typing = 0.5 })
		wrong, names := 0, map[string]bool{}
		for i := range 400 {
			p := m.At(i)
			for l, name := range p.Names {
				if name == "" {
					t.Fatal("an empty name")
				}
				if name != corpus.DigitNames()[m.Pictures.Classes[p.Class]][l] {
					wrong++
				}
				names[name] = true
			}
		}
		if wrong < 400 || wrong > 700 || len(names) < 100 {
			t.Errorf("%d of 800 names are wrong, %d different ones", wrong, len(names))
		}
	})
}

func deviation(x []float32) float64 {
	mean, sum := 0.0, 0.0
	for _, v := range x {
		mean += float64(v) / float64(len(x))
	}
	for _, v := range x {
		sum += math.Pow(float64(v)-mean, 2)
	}
	return math.Sqrt(sum / float64(len(x)))
}

// TestTriplesMixed: a half of the examples has all of the noise, the rest any share of it.
func TestTriplesMixed(t *testing.T) {
	m := triples(t, func(m *corpus.Triples) { m.Noise.Sound, m.Mixed = 1, true })
	full, little := 0, 0
	for i := range 400 {
		p := m.At(i)
		clean := m.Sounds.Samples[p.SoundAt]
		difference := make([]float32, len(clean))
		for n := range clean {
			difference[n] = p.Sound[n] - clean[n]
		}
		switch share := deviation(difference) / deviation(clean); {
		case share > 0.9:
			full++
		case share < 0.5:
			little++
		}
	}
	if full < 180 || full > 270 || little < 70 || little > 130 {
		t.Errorf("%d of 400 with nearly all of the noise, %d with less than half; want about 220 and 100", full, little)
	}
}

// TestTriplesAreFunctions: of the seed and the number alone; Of keeps to its class.
func TestTriplesAreFunctions(t *testing.T) {
	noisy := func(seed uint64) *corpus.Triples {
		return triples(t, func(m *corpus.Triples) {
			m.Noise, m.Seed, m.Mixed = corpus.TripleNoise{Pixel: 0.2, Hidden: 0.1, Sound: 1, Typing: 0.5}, seed, true
		})
	}
	a, b, other := noisy(1), noisy(1), noisy(2)
	b.At(7)
	same := func(p, q *corpus.Triple) bool {
		return slices.Equal(p.Picture, q.Picture) && slices.Equal(p.Sound, q.Sound) && slices.Equal(p.Names, q.Names)
	}
	if !same(a.At(3), b.At(3)) || same(a.At(3), a.At(4)) || same(a.At(3), other.At(3)) {
		t.Error("a triple is no function of seed and number")
	}
	for i := range 12 {
		if p := a.Of(i%4, i); p.Class != i%4 || int(a.Pictures.Labels[p.PictureAt]) != i%4 {
			t.Errorf("triple %d of class %d is of %d", i, i%4, p.Class)
		}
	}
}

func TestTriplesRefused(t *testing.T) {
	for says, change := range map[string]func(*corpus.Triples){
		"want pictures and sounds": func(m *corpus.Triples) { m.Sounds = nil },
		"pictures of 3 channels":   func(m *corpus.Triples) { m.Pictures.C = 3 },
		"pictures without labels":  func(m *corpus.Triples) { m.Pictures.Labels = nil },
		`pictures of "3" and no sounds of it; pictures have the classes 0, 1, 2, 3, sounds 0, 1, 2`: func(m *corpus.Triples) { m.Sounds = hums("0", "1", "2") },
		`sounds of "9" and no pictures of it`:                                                       func(m *corpus.Triples) { m.Sounds = hums("0", "1", "2", "3", "9") },
		`sounds of "0" and no pictures of it`:                                                       func(m *corpus.Triples) { m.Pictures.Labels[0] = 1 },
		`neither pictures nor sounds of the`:                                                        func(m *corpus.Triples) { m.Pictures.Classes = append(m.Pictures.Classes, "4") },
		`the class "2" has no written name`:                                                         func(m *corpus.Triples) { m.Names["2"] = nil },
		`the class "2" has names in 1 language`:                                                     func(m *corpus.Triples) { m.Names["2"] = []string{"two"} },
		`typing 2 0 to 1`:                                                                           func(m *corpus.Triples) { m.Noise.Typing = 2 },
	} {
		m := corpus.Triples{Pictures: dots(), Sounds: hums("0", "1", "2", "3"), Names: corpus.DigitNames()}
		change(&m)
		if _, err := corpus.NewTriples(m); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %q", err, says)
		}
	}
}

func TestSortPaths(t *testing.T) {
	dir := t.TempDir()
	write := func(name string) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, pcm(8000, 1, 2), 0o666); err != nil {
			t.Fatal(err)
		}
		return path
	}
	wav, picture := write("one.wav"), write("one.png")
	write("heard/0/a.wav")
	write("seen/0/a.png")
	archive := filepath.Join(dir, "heard.zip")
	f, err := os.Create(archive)
	if err != nil {
		t.Fatal(err)
	}
	z := zip.NewWriter(f)
	z.Create("0/a.wav")
	z.Close()
	f.Close()
	heard, seen := filepath.Join(dir, "heard"), filepath.Join(dir, "seen")
	pictures, sounds, err := corpus.SortPaths([]string{wav, picture, heard, seen, archive})
	if err != nil || !slices.Equal(pictures, []string{picture, seen}) || !slices.Equal(sounds, []string{wav, heard, archive}) {
		t.Errorf("pictures %q, sounds %q, %v", pictures, sounds, err)
	}
	if _, _, err := corpus.SortPaths([]string{filepath.Join(dir, "none")}); err == nil {
		t.Error("no error for what is not there")
	}
}
