package inkstone

import (
	"io"
	"math"
	"slices"

	"github.com/inkstone-ai/inkstone/internal/plot"
)

// WriteScore draws what a model hears over time: a recording's energies, high tones above, and below them
// how sure it is of each word and of none (Graves et al. 2006, figure 1). A frame is three pixels
// wide.
func (s *Speech) WriteScore(w io.Writer, p *Posteriors) error {
	c := s.Sound()
	M, V := c.Mels, len(c.Classes)+1
	T := len(p.Energies) / M
	low, high := slices.Min(p.Energies), slices.Max(p.Energies)
	energies := make([]float32, 0, len(p.Energies))
	for m := M - 1; m >= 0; m-- {
		for t := range T {
			energies = append(energies, (p.Energies[t*M+m]-low)/max(high-low, 1e-6))
		}
	}
	picture, err := plot.Floats(M, T, 1, energies)
	if err != nil {
		return err
	}
	score := &plot.Score{Pictures: []plot.Picture{picture}, Beside: []string{"energy"}, Scale: 3, Margin: 3}
	for k := range V {
		const rows = 6
		var strip []float32
		for i := range rows * T {
			strip = append(strip, float32(math.Exp(float64(p.LogProbs[i%T/p.Stride*V+k]))))
		}
		if picture, err = plot.Floats(rows, T, 1, strip); err != nil {
			return err
		}
		name := "–"
		if k > 0 {
			name = c.Classes[k-1]
		}
		score.Pictures, score.Beside = append(score.Pictures, picture), append(score.Beside, name)
	}
	return score.WritePNG(w)
}
