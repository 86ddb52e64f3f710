package inkstone

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/eval"
	"github.com/inkstone-ai/inkstone/model/fusion"
	"github.com/inkstone-ai/inkstone/model/seq2seq"
	"github.com/inkstone-ai/inkstone/tensor"
)

// A Fused is a loaded model of several modalities: a fusion, pairs or a captioner. Its methods
// are called by one goroutine at a time.
type Fused struct{ inFolder[fusedModel] }

// A fusedModel is one that [TrainFusion] trains.
type fusedModel interface{ Config() any }

// LoadFusion opens a folder that [TrainFusion] wrote. Errors are those of [Load].
func LoadFusion(dir string, o *LoadOptions) (*Fused, error) {
	f, err := openFolder[fusedModel](dir, o)
	if err != nil {
		return nil, err
	}
	switch f.opened.Model.(type) {
	case *fusion.Fusion, *fusion.Pair, *seq2seq.Captioner:
		return &Fused{f}, nil
	}
	return nil, errors.Join(fmt.Errorf("model: %s: a %s is no model of several modalities: %v are", dir, f.opened.Type, FusionModels()), f.Close())
}

// Kind is the model's type: one of [FusionModels].
func (f *Fused) Kind() string { return f.opened.Type }

// Evaluate measures the model on data of its classes, with noise and without: accuracy of a fusion
// from every choice of its modalities; retrieval@k of pairs; the share of captions that are right.
// part is "" for all of it, or the one that [TrainFusion] took for "validation" or for the "test": the model has neither learned
// nor been chosen by the last.
func (f *Fused) Evaluate(ctx context.Context, part string, notice func(string), paths ...string) (r eval.Report, err error) {
	if notice == nil {
		notice = func(string) {}
	}
	s, err := f.settings()
	if err != nil {
		return r, err
	}
	c := f.reads()
	data, err := readFusion(notice, s, c.classes, c.size, c.rate, paths)
	if err != nil {
		return r, err
	}
	at := slices.Index([]string{"validation", "test"}, part)
	switch {
	case part != "" && at < 0:
		return r, fmt.Errorf("eval: part %q is neither validation nor test", part)
	case part != "":
		parts, err := data.split(s)
		if err != nil {
			return r, err
		}
		data = parts[validPart+at]
	}
	err = reportFusion(ctx, f.device, f.opened.Model, s, data, &r)
	return r, err
}

// settings are those of the training.
func (f *Fused) settings() (FusionSettings, error) {
	return settingsOf(f.dir, "from which noise it learned", ReadFusionSettings)
}

// A reading is what a model reads.
type reading struct {
	classes []string
	size    [2]int
	rate    int
	has     fusion.Set
}

func (f *Fused) reads() reading {
	switch m := f.opened.Model.(type) {
	case *fusion.Fusion:
		c := m.Shape()
		return reading{c.Classes, c.Size, c.Rate, m.Modalities()}
	case *fusion.Pair:
		c := m.Shape()
		return reading{c.Classes, c.Size, c.Rate, m.Modalities()}
	case *seq2seq.Captioner:
		return reading{size: m.Shape().Size, has: fusion.SetOf(fusion.Picture)}
	}
	return reading{}
}

// A Shown is what is known of one thing. What is "" is absent.
type Shown struct {
	Picture string `json:"picture,omitempty"` // a file
	Sound   string `json:"sound,omitempty"`   // a .wav file
	Name    string `json:"name,omitempty"`    // as somebody typed it
}

// has are the modalities that are there.
func (s Shown) has() (set fusion.Set) {
	for m, text := range []string{s.Picture, s.Sound, s.Name} {
		if text != "" {
			set |= fusion.SetOf(fusion.Modality(m))
		}
	}
	return set
}

// A FusedAnswer is what a model says of one thing.
type FusedAnswer struct {
	Shown
	Used     []string          `json:"used"`               // modalities that it is said from
	Unused   []string          `json:"unused,omitempty"`   // modalities that are there and that the model does not read
	Classes  []Classification  `json:"classes,omitempty"`  // of a fusion and of pairs, the likeliest first
	Captions map[string]string `json:"captions,omitempty"` // of a captioner, by language
}

// Say tells the n likeliest classes of each thing, or its captions. Pairs go by the names of the
// classes: a class is as likely as its names, in all languages, are close to what is shown.
//
// Errors: a file that cannot be read; a thing of which nothing is there that the model reads.
func (f *Fused) Say(things []Shown, n int) ([]FusedAnswer, error) {
	if len(things) == 0 {
		return nil, errors.New("model: nothing to tell: give a picture, a sound or a name")
	}
	in, err := f.input(things)
	if err != nil {
		return nil, err
	}
	answers, reads := make([]FusedAnswer, len(things)), f.reads()
	for i, t := range things {
		answers[i] = FusedAnswer{Shown: t, Used: (t.has() & reads.has).Names(), Unused: (t.has() &^ reads.has).Names()}
	}
	s := tensor.NewStep(f.device, tensor.StepOptions{})
	defer s.Close()
	s.Begin(0)
	var p []float32
	switch m := f.opened.Model.(type) {
	case *fusion.Fusion:
		p = m.Logits(s, in, false).Softmax().Floats()
	case *fusion.Pair:
		p = pairProbabilities(s, m, in)
	case *seq2seq.Captioner:
		return answers, caption(s, m, in.Pictures, answers)
	}
	K := len(reads.classes)
	for i := range answers {
		answers[i].Classes = likeliest(reads.classes, p[i*K:(i+1)*K], n)
	}
	return answers, nil
}

// caption writes captions in every language.
func caption(s *tensor.Step, m *seq2seq.Captioner, pixels []float32, answers []FusedAnswer) error {
	for l, language := range m.Shape().Languages {
		for i, text := range m.Write(s, pixels, slices.Repeat([]int{l}, len(answers))) {
			if answers[i].Captions == nil {
				answers[i].Captions = map[string]string{}
			}
			answers[i].Captions[language] = text
		}
	}
	return nil
}

// input reads what is there; what is not has zeros, or no name.
func (f *Fused) input(things []Shown) (*fusion.Input, error) {
	in, reads := &fusion.Input{}, f.reads()
	for _, t := range things {
		if t.has()&reads.has == 0 {
			return nil, fmt.Errorf("model: %s reads %s; of this there is %s", f.dir, reads.has, or(t.has().String(), "nothing"))
		}
		pixels, err := f.picture(t.Picture, reads)
		if err != nil {
			return nil, err
		}
		in.Pictures = append(in.Pictures, pixels...)
		if in.Sounds, err = f.sound(in.Sounds, t.Sound, reads); err != nil {
			return nil, err
		}
		in.Names, in.Present = append(in.Names, t.Name), append(in.Present, t.has())
	}
	return in, nil
}

// picture is a file's pixels from 0 to 1, (H, W).
func (f *Fused) picture(path string, r reading) ([]float32, error) {
	if path == "" || !r.has.Has(fusion.Picture) {
		return make([]float32, r.size[0]*r.size[1]), nil
	}
	p, err := corpus.ReadImages(corpus.ImageOptions{Channels: 1, H: r.size[0], W: r.size[1]}, path)
	if err != nil {
		return nil, err
	}
	if p.Len() != 1 {
		return nil, fmt.Errorf("%s: %d pictures, want one", path, p.Len())
	}
	return eval.Unit(nil, p.Pixels), nil
}

// sound appends a file's energies, (T, F).
func (f *Fused) sound(dst []float32, path string, r reading) ([]float32, error) {
	if !r.has.Has(fusion.Sound) {
		return dst, nil
	}
	ear := f.opened.Model.(interface{ Ear() *fusion.Ear }).Ear()
	if path == "" {
		return ear.Listen(dst, nil), nil
	}
	heard, err := corpus.ReadSounds(corpus.SoundOptions{Pattern: "{label}", Rate: r.rate}, path)
	if err != nil {
		return nil, err
	}
	if heard.Len() != 1 {
		return nil, fmt.Errorf("%s: %d recordings, want one", path, heard.Len())
	}
	return ear.Listen(dst, heard.Samples[0]), nil
}

// pairProbabilities are those of classes, (B, K): softmax of the scaled products of what is shown,
// the mean of its vectors, with each class, the mean of its names' vectors.
func pairProbabilities(s *tensor.Step, m *fusion.Pair, in *fusion.Input) []float32 {
	c := m.Shape()
	B, E, K := len(in.Names), c.Space, len(c.Classes)
	shown, classes := make([]float32, B*E), make([]float32, K*E)
	for _, at := range m.Modalities().List() {
		x := m.Vectors(s, at, in, false).Floats()
		for b := range B {
			if in.Present[b].Has(at) {
				add(shown[b*E:(b+1)*E], x[b*E:(b+1)*E])
			}
		}
	}
	for k, class := range c.Classes {
		names := m.Vectors(s, fusion.Name, &fusion.Input{Names: c.Names[class]}, false).Floats()
		for at := 0; at < len(names); at += E {
			add(classes[k*E:(k+1)*E], names[at:at+E])
		}
	}
	toUnit(shown, E)
	toUnit(classes, E)
	scale := s.Use(m.Scale.W).Exp()
	return s.Floats(shown, B, E).MatMulT(s.Floats(classes, K, E)).Mul(scale).Softmax().Floats()
}

func add(to, x []float32) {
	for i, v := range x {
		to[i] += v
	}
}

// toUnit scales rows of E to length 1.
func toUnit(x []float32, E int) {
	for at := 0; at < len(x); at += E {
		sum := 0.0
		for _, v := range x[at : at+E] {
			sum += float64(float64(v) * float64(v))
		}
		for i := range E {
			x[at+i] = float32(float64(x[at+i]) / math.Max(1e-12, math.Sqrt(sum)))
		}
	}
}
