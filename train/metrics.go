package train

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/inkstone-ai/inkstone/format"
)

// Metrics is one line of a run's log: one update of one stepper, or one
// evaluation (then Evaluation is present and the training fields are 0).
type Metrics struct {
	Step            int      `json:"step"`                   // updates behind the weights
	Stepper         string   `json:"stepper,omitempty"`      // its name, where it has one
	Loss            float64  `json:"loss,omitempty"`         // of the update's batch, before the update
	Norm            float64  `json:"norm,omitempty"`         // global norm of the gradient, before clipping
	LR              float64  `json:"lr,omitempty"`           // learning rate of the stepper's first group
	TokensPerSecond float64  `json:"tokens_per_s,omitempty"` // of this update alone
	Seconds         float64  `json:"seconds"`                // since the run began, pauses between resumes left out
	Evaluation      *float64 `json:"evaluation,omitempty"`   // held-out loss
}

// MetricsFile is the log's name in a run's folder, a JSON object a line.
const MetricsFile = "metrics.jsonl"

// metricsLog appends to the log; a nil one does nothing.
type metricsLog struct{ file *os.File }

// openMetrics opens the log in dir, cut back to the lines of the first steps steps
// and of the evaluations up to the one after step evaluated; nil where dir is "".
func openMetrics(dir string, steps, evaluated int) (*metricsLog, error) {
	if dir == "" {
		return nil, nil
	}
	path := filepath.Join(dir, MetricsFile)
	if err := cutMetrics(path, steps, evaluated); err != nil {
		return nil, fmt.Errorf("train: metrics: %w", err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return nil, fmt.Errorf("train: metrics: %w", err)
	}
	return &metricsLog{f}, nil
}

// cutMetrics drops what a resume does again: the lines after the first steps steps,
// an evaluation that the checkpoint does not know of, and with them a last line that
// a kill tore. A run from step 0 begins an empty log.
func cutMetrics(path string, steps, evaluated int) error {
	old, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	keep := 0
	for rest := old; steps > 0; keep = len(old) - len(rest) {
		line, after, whole := bytes.Cut(rest, []byte("\n"))
		var m Metrics
		if !whole || json.Unmarshal(line, &m) != nil || m.Step > steps || m.Evaluation != nil && m.Step > evaluated {
			break
		}
		rest = after
	}
	return format.WriteFile(path, func(w io.Writer) error {
		_, err := w.Write(old[:keep])
		return err
	})
}

func (l *metricsLog) write(m Metrics) error {
	if l == nil {
		return nil
	}
	line, err := json.Marshal(m)
	if err == nil {
		_, err = l.file.Write(append(line, '\n'))
	}
	if err != nil {
		return fmt.Errorf("train: metrics: %w", err)
	}
	return nil
}

// sync puts the log on the disk.
func (l *metricsLog) sync() error {
	if l == nil {
		return nil
	}
	if err := l.file.Sync(); err != nil {
		return fmt.Errorf("train: metrics: %w", err)
	}
	return nil
}

func (l *metricsLog) close() error {
	if l == nil {
		return nil
	}
	return errors.Join(l.sync(), l.file.Close())
}

// ReadMetrics reads the log of the run in dir. An error names the line.
func ReadMetrics(dir string) ([]Metrics, error) {
	f, err := os.Open(filepath.Join(dir, MetricsFile))
	if err != nil {
		return nil, fmt.Errorf("train: metrics: %w", err)
	}
	defer f.Close()
	var all []Metrics
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var m Metrics
		if err := json.Unmarshal(lines.Bytes(), &m); err != nil {
			return nil, fmt.Errorf("train: %s: line %d: %w", f.Name(), len(all)+1, err)
		}
		all = append(all, m)
	}
	return all, lines.Err()
}
