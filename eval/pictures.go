package eval

import (
	"context"
	"fmt"
	"math"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/tensor"
)

// A PicturesMeasurement is how near pictures that a model made are to those they should be.
type PicturesMeasurement struct {
	L1   float64 `json:"l1"`   // mean absolute error of pixels from 0 to 1
	PSNR float64 `json:"psnr"` // dB, see [PSNR]
	// Of the pixels of holes alone, where there are any: dB, and the mean squared error.
	Hole      float64 `json:"hole_psnr,omitempty"`
	HoleError float64 `json:"hole_error,omitempty"`
	// Right are the pictures whose class a judge names, Of all; without a judge both are 0.
	Right int `json:"right"`
	Of    int `json:"of"`
}

// Accuracy is the share of pictures whose class the judge names.
func (m *PicturesMeasurement) Accuracy() float64 { return ratio(m.Right, m.Of) }

// PSNR is the peak signal-to-noise ratio in dB, −10·log₁₀ of a mean squared error of pixels
// from 0 to 1. Errors below 10⁻¹⁰, none above all, count as that: 100 dB.
func PSNR(squared float64) float64 { return -10 * math.Log10(max(squared, 1e-10)) }

// Pictures measures made pictures against the real ones, whose labels they should be
// recognised by. The errors are means over the pixels of all pictures, not of their PSNRs.
// holes (N, H, W) are 1 where pixels were missing, nil: nowhere; judge may be nil.
//
// Errors: pictures of another number or shape, also of the judge; labels that it has not.
func Pictures(ctx context.Context, judge model.Classifier, d *tensor.Device, made, real *corpus.Images, holes []uint8) (*PicturesMeasurement, error) {
	if made.H != real.H || made.W != real.W || made.C != real.C || made.Len() != real.Len() || real.Len() == 0 {
		return nil, fmt.Errorf("eval: %d pictures of %d × %d × %d beside %d of %d × %d × %d", made.Len(), made.H, made.W, made.C, real.Len(), real.H, real.W, real.C)
	}
	m := &PicturesMeasurement{}
	m.errors(made, real, holes)
	if judge == nil {
		return m, nil
	}
	if s := judge.Images(); s.H != real.H || s.W != real.W || s.C != real.C {
		return nil, fmt.Errorf("eval: pictures of %d × %d × %d; the judge reads %d × %d × %d", real.H, real.W, real.C, s.H, s.W, s.C)
	}
	if real.Labels == nil {
		return nil, fmt.Errorf("eval: pictures without labels: a judge has nothing to recognise them by")
	}
	seen, err := Images(ctx, judge, d, Unit(nil, made.Pixels), real.Labels)
	if err != nil {
		return nil, err
	}
	m.Right, m.Of = seen.Right, seen.Of
	return m, nil
}

func (m *PicturesMeasurement) errors(made, real *corpus.Images, holes []uint8) {
	var absolute, squared, inHoles, missing float64
	for i, v := range real.Pixels {
		e := (float64(made.Pixels[i]) - float64(v)) / 255
		absolute += math.Abs(e)
		squared += e * e
		if holes != nil && holes[i/real.C] != 0 {
			inHoles += e * e
			missing++
		}
	}
	n := float64(len(real.Pixels))
	m.L1, m.PSNR = absolute/n, PSNR(squared/n)
	if missing > 0 {
		m.HoleError = inHoles / missing
		m.Hole = PSNR(m.HoleError)
	}
}
