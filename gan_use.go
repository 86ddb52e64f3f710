package inkstone

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/eval"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/model/gan"
	"github.com/inkstone-ai/inkstone/tensor"
)

// A GAN is a loaded generator of images. Its methods are called by one goroutine at a time.
type GAN struct{ inFolder[*gan.GAN] }

// LoadGAN opens a folder that [TrainGAN] wrote. Errors are those of [Load].
func LoadGAN(dir string, o *LoadOptions) (*GAN, error) {
	f, err := openFolder[*gan.GAN](dir, o)
	if err != nil {
		return nil, err
	}
	return &GAN{f}, nil
}

// Dir is the model's folder.
func (g *GAN) Dir() string { return g.dir }

// Images tells what images the model makes, and of what classes, nil where it knows none.
func (g *GAN) Images() model.ImageShape { return g.opened.Model.Images() }

// Class is the number of the class of a name.
func (g *GAN) Class(name string) (int32, error) {
	known := g.Images().Classes
	k := slices.Index(known, name)
	switch {
	case len(known) == 0:
		return 0, fmt.Errorf("model: %s makes images without classes, so none of the class %q", g.dir, name)
	case k < 0:
		return 0, fmt.Errorf("model: class %q is none of those that %s makes: %s", name, g.dir, strings.Join(known, ", "))
	}
	return int32(k), nil
}

// Sample makes an image of each of classes, numbers of those in Images; without classes in
// the model the numbers say nothing but how many. Image i is a function of the seed, i and
// its class.
func (g *GAN) Sample(classes []int32, seed uint64) (*corpus.Images, error) {
	shape := g.Images()
	for i, k := range classes {
		if len(shape.Classes) > 0 && (k < 0 || int(k) >= len(shape.Classes)) {
			return nil, fmt.Errorf("model: image %d is to be of class %d; %s makes %d classes", i+1, k, g.dir, len(shape.Classes))
		}
	}
	return sample(g.device, g.opened.Model, classes, noiseOf(g.opened.Model, len(classes), seed)), nil
}

// noiseOf is noise for n images (n, Z), a stream for each.
func noiseOf(m *gan.GAN, n int, seed uint64) (noise []float32) {
	for i := range n {
		noise = append(noise, normals(rand.New(rand.NewPCG(seed, uint64(i))), m.Latent())...)
	}
	return noise
}

// sample makes an image of each row of noise (n, Z), as bytes.
func sample(d *tensor.Device, m *gan.GAN, classes []int32, noise []float32) *corpus.Images {
	shape, z := m.Images(), m.Latent()
	made := &corpus.Images{H: shape.H, W: shape.W, C: shape.C, Classes: shape.Classes}
	if len(shape.Classes) > 0 {
		made.Labels = slices.Clone(classes)
	}
	s := tensor.NewStep(d, tensor.StepOptions{})
	defer s.Close()
	const rows = 256
	for at := 0; at < len(classes); at += rows {
		s.Begin(0)
		n := min(rows, len(classes)-at)
		var of *tensor.Tensor
		if made.Labels != nil {
			of = s.Ints(classes[at:at+n], n)
		}
		for _, v := range m.Generator.Forward(s, s.Floats(noise[at*z:(at+n)*z], n, z), of, false).Floats() {
			made.Pixels = append(made.Pixels, uint8(math.Round(255*float64(v))))
		}
	}
	return made
}

// HeldOut splits a training's images, all of them given here, as it did: into those that
// the model learned from and those that it has never seen.
func (g *GAN) HeldOut(images *corpus.Images) (learned, held *corpus.Images, err error) {
	s, err := settingsOf(g.dir, "which images were held out", ReadGANSettings)
	if err != nil {
		return nil, nil, err
	}
	return images.Split(s.HeldOut, s.Seed)
}

// Read reads images as the model makes them: of its size, its colours and its classes.
func (g *GAN) Read(notice func(string), paths ...string) (*corpus.Images, error) {
	s := g.Images()
	return corpus.ReadImages(corpus.ImageOptions{H: s.H, W: s.W, Channels: s.C, Classes: s.Classes, Notice: notice}, paths...)
}

// Evaluate measures n images of each class, or n in all where the model has none, on a
// judge: a classifier that learned from [HeldOutImages]. images are all of the training's.
func (g *GAN) Evaluate(ctx context.Context, judge *Classifier, images *corpus.Images, n int, seed uint64) (*eval.GeneratedMeasurement, error) {
	shape, reads := g.Images(), judge.Images()
	if reads.H != shape.H || reads.W != shape.W || reads.C != shape.C {
		return nil, fmt.Errorf("eval: the judge %s reads images of %d × %d × %d, %s makes %d × %d × %d", judge.dir, reads.H, reads.W, reads.C, g.dir, shape.H, shape.W, shape.C)
	}
	if shape.Classes != nil && !slices.Equal(shape.Classes, reads.Classes) {
		return nil, fmt.Errorf("eval: the judge %s tells apart %s; %s makes %s", judge.dir, strings.Join(reads.Classes, ", "), g.dir, strings.Join(shape.Classes, ", "))
	}
	learned, held, err := g.HeldOut(images)
	if err != nil {
		return nil, err
	}
	of := make([]int32, n*max(1, len(shape.Classes)))
	for i := range of {
		of[i] = int32(i / n)
	}
	made, err := g.Sample(of, seed)
	if err != nil {
		return nil, err
	}
	return judge.Judge(ctx, made, held, learned)
}

// Judge measures made images, whose labels, if they have any, are the classes they should
// be of, against real ones and those that their maker learned from.
func (c *Classifier) Judge(ctx context.Context, made, real, learned *corpus.Images) (*eval.GeneratedMeasurement, error) {
	return eval.Generated(ctx, c.opened.Model, c.device, made, real, learned)
}
