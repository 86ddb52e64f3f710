package train

import (
	"fmt"
	"io"
	"path/filepath"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/vg"

	"github.com/inkstone-ai/inkstone/format"
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
	p, err := curve(log)
	if err != nil {
		return fmt.Errorf("train: loss curve: %w", err)
	}
	for name, form := range map[string]string{CurveSVG: "svg", CurvePNG: "png"} {
		drawing, err := p.WriterTo(8*vg.Inch, 5*vg.Inch, form)
		if err != nil {
			return fmt.Errorf("train: loss curve: %w", err)
		}
		err = format.WriteFile(filepath.Join(dir, name), func(w io.Writer) error {
			_, err := drawing.WriteTo(w)
			return err
		})
		if err != nil {
			return fmt.Errorf("train: loss curve: %w", err)
		}
	}
	return nil
}

// curve plots one line for each stepper and one for the evaluations.
func curve(log []Metrics) (*plot.Plot, error) {
	lines, order := map[string]plotter.XYs{}, []string{}
	for _, m := range log {
		name, loss := m.label()
		if lines[name] == nil {
			order = append(order, name)
		}
		lines[name] = append(lines[name], plotter.XY{X: float64(m.Step), Y: loss})
	}
	p := plot.New()
	p.X.Label.Text, p.Y.Label.Text = "step", "loss"
	p.X.Padding, p.Legend.Top, p.Legend.Padding = vg.Points(5), true, vg.Points(3)
	p.Legend.XOffs = -vg.Points(5)
	p.Add(plotter.NewGrid())
	for i, name := range order {
		points, n := thin(lines[name])
		if n > 1 {
			name = fmt.Sprintf("%s (means of %d)", name, n)
		}
		line, err := plotter.NewLine(points)
		if err != nil {
			return nil, err
		}
		line.Color, line.Width = plotutil.Color(i), vg.Points(1.5)
		p.Add(line)
		p.Legend.Add(name, line)
	}
	return p, nil
}

// mostPoints of a line are drawn: more are only ink, and megabytes of SVG.
const mostPoints = 400

// thin returns the means of every n points, and the n that leaves few enough.
func thin(all plotter.XYs) (means plotter.XYs, n int) {
	n = (len(all) + mostPoints - 1) / mostPoints
	for len(all) > 0 {
		part := all[:min(n, len(all))]
		var sum plotter.XY
		for _, p := range part {
			sum.X, sum.Y = sum.X+p.X, sum.Y+p.Y
		}
		k := float64(len(part))
		means, all = append(means, plotter.XY{X: sum.X / k, Y: sum.Y / k}), all[len(part):]
	}
	return means, n
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
