package eval

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/tensor"
)

// A GeneratedMeasurement is how good images are that a model made, seen by a judge: a
// classifier of real images.
type GeneratedMeasurement struct {
	Of      int      `json:"of"`                 // images
	Right   int      `json:"right"`              // images that the judge takes for the class they should be of; of images without labels 0
	ByClass [][2]int `json:"by_class,omitempty"` // right and all, of each class; nil without labels
	Named   []int    `json:"named"`              // images that the judge takes for each class

	// InceptionScore is exp of the mean divergence of the judge's classes for an image from
	// those for all (Salimans et al. 2016, arXiv:1606.03498), 1 to the number of classes, higher
	// is better. It is of this judge, not of the network Inception.
	InceptionScore float64 `json:"inception_score"`
	// Frechet is the distance of normal distributions of the judge's features of these and
	// of real images (Heusel et al. 2017, arXiv:1706.08500), 0 is best. Another judge has
	// another unit.
	Frechet float64 `json:"frechet"`
	// Coverage is the share of real images that have a made one as near as their fifth
	// nearest real one, by the judge's features (Naeem et al. 2020, arXiv:2002.09797).
	Coverage float64 `json:"coverage"`
	// Nearest is the mean distance of an image to the nearest one that its maker learned from,
	// the root of the sum of squares of pixels from 0 to 1. Copies have 0.
	Nearest float64 `json:"nearest"`
	// Diversity is the mean distance of two made images of a class over that of two that their
	// maker learned from, 1 is best: 0 where all made ones are the same, nil where no class has two of
	// both.
	Diversity *float64 `json:"diversity,omitempty"`
}

// Accuracy is the share of images that the judge takes for the class they should be of.
func (m *GeneratedMeasurement) Accuracy() float64 { return ratio(m.Right, m.Of) }

// Modes is the number of classes that the judge names.
func (m *GeneratedMeasurement) Modes() (n int) {
	for _, of := range m.Named {
		if of > 0 {
			n++
		}
	}
	return n
}

// Generated measures made images on a judge, against real ones that neither their maker
// nor, best, the judge learned from, and against those that their maker learned from.
// Images of other shapes, and fewer than 6 of a kind, are errors.
func Generated(ctx context.Context, judge model.Classifier, d *tensor.Device, made, real, learned *corpus.Images) (*GeneratedMeasurement, error) {
	shape := judge.Images()
	for _, x := range []*corpus.Images{made, real, learned} {
		if x.H != shape.H || x.W != shape.W || x.C != shape.C {
			return nil, fmt.Errorf("eval: images of %d × %d × %d; the judge reads %d × %d × %d", x.H, x.W, x.C, shape.H, shape.W, shape.C)
		}
		if x.Len() <= neighbours {
			return nil, fmt.Errorf("eval: %d images are too few to measure; want more than %d", x.Len(), neighbours)
		}
	}
	seen, err := judged(ctx, judge, d, made)
	if err != nil {
		return nil, err
	}
	of, err := judged(ctx, judge, d, real)
	if err != nil {
		return nil, err
	}
	m := &GeneratedMeasurement{Of: made.Len()}
	m.name(seen, made.Labels)
	m.InceptionScore = inceptionScore(seen.p, len(shape.Classes))
	m.Frechet = frechet(seen.features, of.features)
	m.Coverage = coverage(seen.features, of.features)
	if m.Diversity, err = diversity(ctx, made, learned); err != nil {
		return nil, err
	}
	m.Nearest, err = nearest(ctx, made, learned)
	return m, err
}

// A judgement is what the judge sees of images.
type judgement struct {
	features [][]float64 // of each image (F)
	p        []float32   // (N, K)
}

func judged(ctx context.Context, judge model.Classifier, d *tensor.Device, m *corpus.Images) (j judgement, err error) {
	s := tensor.NewStep(d, tensor.StepOptions{})
	defer s.Close()
	const rows = 256
	for at := 0; at < m.Len(); at += rows {
		if err := ctx.Err(); err != nil {
			return j, fmt.Errorf("eval: %w", err)
		}
		s.Begin(0)
		n := min(rows, m.Len()-at)
		one := m.H * m.W * m.C
		f := judge.Features(s, s.Floats(Unit(nil, m.Pixels[at*one:(at+n)*one]), n, m.H, m.W, m.C), false) // (n, F)
		for row := range slices.Chunk(f.Floats(), f.Dim(1)) {
			wide := make([]float64, len(row))
			for i, v := range row {
				if wide[i] = float64(v); math.IsNaN(wide[i]) || math.IsInf(wide[i], 0) {
					return j, fmt.Errorf("eval: what the judge sees in image %d is no number: its weights are damaged, or grew without bound in training", len(j.features))
				}
			}
			j.features = append(j.features, wide)
		}
		j.p = append(j.p, judge.Logits(f).Softmax().Floats()...)
	}
	return j, nil
}

// name counts the classes that the judge names.
func (m *GeneratedMeasurement) name(j judgement, labels []int32) {
	K := len(j.p) / len(j.features)
	m.Named = make([]int, K)
	if labels != nil {
		m.ByClass = make([][2]int, K)
	}
	for i := range j.features {
		p := j.p[i*K : (i+1)*K]
		said := slices.Index(p, slices.Max(p))
		m.Named[said]++
		if labels == nil {
			continue
		}
		m.ByClass[labels[i]][1]++
		if said == int(labels[i]) {
			m.ByClass[labels[i]][0]++
			m.Right++
		}
	}
}

// inceptionScore is exp of the mean of Σ p·log(p/mean p) over p (N, K).
func inceptionScore(p []float32, K int) float64 {
	N := len(p) / K
	mean, sum := make([]float64, K), 0.0
	for i, v := range p {
		mean[i%K] += float64(v) / float64(N)
	}
	for i, v := range p {
		if v > 0 {
			sum += float64(v) * math.Log(float64(v)/mean[i%K])
		}
	}
	return math.Exp(sum / float64(N))
}

// neighbours is k of Naeem et al. 2020.
const neighbours = 5

// coverage is the share of real features with one of made within the distance of the fifth
// nearest real one.
func coverage(made, real [][]float64) float64 {
	covered := 0
	for i, x := range real {
		var near []float64
		for j, y := range real {
			if j != i {
				near = append(near, squares(x, y))
			}
		}
		slices.Sort(near)
		reach := near[neighbours-1]
		if slices.ContainsFunc(made, func(y []float64) bool { return squares(x, y) <= reach }) {
			covered++
		}
	}
	return ratio(covered, len(real))
}

func squares(a, b []float64) (sum float64) {
	for i, v := range a {
		sum += (v - b[i]) * (v - b[i])
	}
	return sum
}

// nearest is the mean distance of made images to the nearest of learned.
func nearest(ctx context.Context, made, learned *corpus.Images) (float64, error) {
	mean := 0.0
	for i := range made.Len() {
		if err := ctx.Err(); err != nil {
			return 0, fmt.Errorf("eval: %w", err)
		}
		x, best := made.Image(i), math.MaxInt
		for j := range learned.Len() {
			sum, y := 0, learned.Image(j)
			for k := 0; k < len(x) && sum < best; k++ {
				v := int(x[k]) - int(y[k])
				sum += v * v
			}
			best = min(best, sum)
		}
		mean += math.Sqrt(float64(best)) / 255 / float64(made.Len())
	}
	return mean, nil
}
