package inkstone

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/eval"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/train"
)

// A Classifier is a loaded model that tells classes of images apart. Its methods are
// called by one goroutine at a time.
type Classifier struct{ inFolder[model.Classifier] }

// LoadClassifier opens the folder of a CNN or a ViT: one that [TrainImages] wrote, or of
// Hugging Face's ViTForImageClassification. Errors are those of [Load].
func LoadClassifier(dir string, o *LoadOptions) (*Classifier, error) {
	f, err := openFolder[model.Classifier](dir, o)
	if err != nil {
		return nil, err
	}
	return &Classifier{f}, nil
}

// Images tells what the model reads, and its classes.
func (c *Classifier) Images() model.ImageShape { return c.opened.Model.Images() }

// Read reads images as the model takes them: of its size and its colours.
func (c *Classifier) Read(notice func(string), paths ...string) (*corpus.Images, error) {
	s := c.Images()
	return corpus.ReadImages(corpus.ImageOptions{H: s.H, W: s.W, Channels: s.C, Notice: notice}, paths...)
}

// ReadLabelled is Read of images with labels, which must be classes of the model.
func (c *Classifier) ReadLabelled(notice func(string), paths ...string) (*corpus.Images, error) {
	s := c.Images()
	return corpus.ReadImages(corpus.ImageOptions{H: s.H, W: s.W, Channels: s.C, Classes: s.Classes, Notice: notice}, paths...)
}

// HeldOut is the part of a training's images, all of them given here, that it held out:
// the model has not learned them. A model whose folder has no settings of a training is an
// error.
func (c *Classifier) HeldOut(images *corpus.Images) (*corpus.Images, error) {
	s, err := settingsOf(c.dir, "which images were held out", ReadImageSettings)
	if err != nil {
		return nil, err
	}
	_, held, err := images.Split(s.HeldOut, s.Seed)
	return held, err
}

// A Classification is a class that an image may have.
type Classification struct {
	Class       string  `json:"class"`
	Probability float32 `json:"probability"`
}

// Classify returns the n likeliest classes of each image, the likeliest first.
func (c *Classifier) Classify(images *corpus.Images, n int) ([][]Classification, error) {
	s, shape := tensor.NewStep(c.device, tensor.StepOptions{}), c.Images()
	defer s.Close()
	if images.H != shape.H || images.W != shape.W || images.C != shape.C {
		return nil, fmt.Errorf("model: images of %d × %d × %d; %s reads %d × %d × %d", images.H, images.W, images.C, c.dir, shape.H, shape.W, shape.C)
	}
	var all [][]Classification
	const rows = 256
	for at := 0; at < images.Len(); at += rows {
		s.Begin(0)
		var x []float32
		for i := at; i < min(at+rows, images.Len()); i++ {
			x = eval.Unit(x, images.Image(i))
		}
		B, m := min(rows, images.Len()-at), c.opened.Model
		p := m.Logits(m.Features(s, s.Floats(x, B, shape.H, shape.W, shape.C), false)).Softmax().Floats()
		for b := range B {
			all = append(all, likeliest(shape.Classes, p[b*len(shape.Classes):(b+1)*len(shape.Classes)], n))
		}
	}
	return all, nil
}

// likeliest are the n classes of the largest probabilities.
func likeliest(classes []string, p []float32, n int) (best []Classification) {
	for k, name := range classes {
		best = append(best, Classification{name, p[k]})
	}
	slices.SortStableFunc(best, func(a, b Classification) int {
		switch {
		case a.Probability > b.Probability:
			return -1
		case a.Probability < b.Probability:
			return 1
		}
		return 0
	})
	return best[:min(n, len(best))]
}

// An AttackedAccuracy is how many images are told apart when each is moved by ε at most.
type AttackedAccuracy struct {
	Epsilon  float64 `json:"epsilon"` // 0: as they are
	Right    int     `json:"right"`
	Of       int     `json:"of"`
	Accuracy float64 `json:"accuracy"`
}

// errNoLabels is of images that are to be measured.
var errNoLabels = errors.New("eval: images without labels: want a folder for each class, or an IDX file of labels")

// Evaluate measures the model on labelled images.
func (c *Classifier) Evaluate(ctx context.Context, images *corpus.Images) (*eval.ImagesMeasurement, error) {
	if images.Labels == nil {
		return nil, errNoLabels
	}
	return c.EvaluatePixels(ctx, eval.Unit(nil, images.Pixels), images.Labels)
}

// EvaluatePixels measures the model on images that are given as numbers from 0 to 1, one
// after the other, (H, W, C) each.
func (c *Classifier) EvaluatePixels(ctx context.Context, images []float32, labels []int32) (*eval.ImagesMeasurement, error) {
	return eval.Images(ctx, c.opened.Model, c.device, images, labels)
}

// Attacked returns labelled images, as numbers from 0 to 1, that an attack has moved to where
// this model's loss is larger.
func (c *Classifier) Attacked(ctx context.Context, images *corpus.Images, a train.Attack, seed uint64) ([]float32, error) {
	if images.Labels == nil {
		return nil, errNoLabels
	}
	if err := a.Check(); err != nil {
		return nil, fmt.Errorf("eval: %w", err)
	}
	return eval.Attacked(ctx, c.opened.Model, c.device, eval.Unit(nil, images.Pixels), images.Labels, a, seed)
}

// EvaluateAttacked measures the model on labelled images that an attack has moved, for each
// ε in turn; a is the attack, its Epsilon aside. progress, where present, is told how many
// of all ε are done.
func (c *Classifier) EvaluateAttacked(ctx context.Context, images *corpus.Images, a train.Attack, epsilons []float64, seed uint64, progress func(done int)) ([]AttackedAccuracy, error) {
	var all []AttackedAccuracy
	for i, epsilon := range epsilons {
		attack := a
		if attack.Epsilon = epsilon; epsilon == 0 {
			attack = train.Attack{}
		}
		x, err := c.Attacked(ctx, images, attack, seed)
		if err != nil {
			return nil, err
		}
		m, err := c.EvaluatePixels(ctx, x, images.Labels)
		if err != nil {
			return nil, err
		}
		all = append(all, AttackedAccuracy{epsilon, m.Right, m.Of, m.Accuracy()})
		if progress != nil {
			progress(i + 1)
		}
	}
	return all, nil
}
