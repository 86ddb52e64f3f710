package train

import (
	"fmt"
	"path/filepath"

	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/internal/plot"
)

// Names of the files that [WriteCurve] leaves in a run's folder.
const (
	CurveSVG = "loss.svg"
	CurvePNG = "loss.png"
)

// WriteCurve draws the losses in the log of the run in dir, each stepper's and the
// evaluations', over steps, as [CurveSVG] and [CurvePNG] beside the log.
func WriteCurve(dir string) error {
	log, err := ReadMetrics(dir)
	if err != nil {
		return err
	}
	if len(log) == 0 {
		return fmt.Errorf("train: loss curve: the log in %s is empty", dir)
	}
	chart := plot.Chart{X: plot.Scale{Name: "step"}, Y: plot.Scale{Name: "loss"}, Lines: curve(log)}
	if err := format.WriteFile(filepath.Join(dir, CurveSVG), chart.WriteSVG); err != nil {
		return fmt.Errorf("train: loss curve: %w", err)
	}
	if err := format.WriteFile(filepath.Join(dir, CurvePNG), chart.WritePNG); err != nil {
		return fmt.Errorf("train: loss curve: %w", err)
	}
	return nil
}

// curve makes one line for each stepper and one for the evaluations.
func curve(log []Metrics) []plot.Line {
	at, lines := map[string]int{}, []plot.Line(nil)
	for _, m := range log {
		name, loss := m.label()
		i, ok := at[name]
		if !ok {
			i = len(lines)
			at[name], lines = i, append(lines, plot.Line{Name: name})
		}
		lines[i].X, lines[i].Y = append(lines[i].X, float64(m.Step)), append(lines[i].Y, loss)
	}
	for i, l := range lines {
		lines[i] = thin(l)
	}
	return lines
}

// mostPoints of a line are drawn: more are only ink, and megabytes of SVG.
const mostPoints = 400

// thin takes the means of every n points, with the n that leaves few enough, and
// says so in the line's name.
func thin(l plot.Line) plot.Line {
	n := (len(l.X) + mostPoints - 1) / mostPoints
	if n <= 1 {
		return l
	}
	means := plot.Line{Name: fmt.Sprintf("%s (means of %d)", l.Name, n)}
	for i := 0; i < len(l.X); i += n {
		end := min(i+n, len(l.X))
		means.X, means.Y = append(means.X, mean(l.X[i:end])), append(means.Y, mean(l.Y[i:end]))
	}
	return means
}

func mean(v []float64) float64 {
	var sum float64
	for _, x := range v {
		sum += x
	}
	return sum / float64(len(v))
}

// label names the line that m is a point of.
func (m Metrics) label() (string, float64) {
	switch {
	case m.Evaluation != nil:
		return "held-out", *m.Evaluation
	case m.Stepper != "":
		return m.Stepper, m.Loss
	}
	return "training", m.Loss
}
