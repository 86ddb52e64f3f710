package inkstone

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"

	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tokenizer"
	"github.com/inkstone-ai/inkstone/train"
)

// runDir is the folder inside a model's where a run keeps checkpoints and its log.
const runDir = "run"

// vacant refuses, before anything is read or computed, a folder that the run
// could not write in the end, or would write over. It leaves no trace.
func vacant(dir string, resume bool) error {
	if dir == "" {
		return errors.New("no output folder")
	}
	if info, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return writable(filepath.Dir(filepath.Clean(dir)))
	} else if err != nil {
		return err
	} else if !info.IsDir() {
		return fmt.Errorf("%s is a file; the output is a folder", dir)
	}
	checkpoints, err := train.Checkpoints(filepath.Join(dir, runDir))
	if err != nil {
		return err
	}
	if !resume && len(checkpoints) > 0 {
		return fmt.Errorf("%s holds an earlier run: resume it, or choose another folder", dir)
	}
	if len(checkpoints) == 0 && exists(filepath.Join(dir, "config.json")) {
		return fmt.Errorf("%s holds a model already: choose another folder", dir)
	}
	return writable(dir)
}

// writable tries to make a file in dir, or in the nearest folder above it that
// is there.
func writable(dir string) error {
	for !exists(dir) && filepath.Dir(dir) != dir {
		dir = filepath.Dir(dir)
	}
	f, err := os.CreateTemp(dir, ".inkstone-*")
	if err != nil {
		var file *fs.PathError
		if errors.As(err, &file) { // its path is that of the attempt, which nobody asked for
			err = file.Err
		}
		return fmt.Errorf("the folder %s can not be written: %w", dir, err)
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// loadBest puts the weights of the best evaluation into lm.
func loadBest(lm any, r train.Result) error {
	if r.BestPath == "" || r.BestPath == r.Checkpoint {
		return nil
	}
	var params []train.Param
	for _, q := range nn.Params(lm) {
		params = append(params, train.Param{Name: q.Name, Tensor: q.Tensor})
	}
	return train.LoadWeights(r.BestPath, "", params)
}

// save writes a model's folder and sums the run up. The model itself, with
// config.json at the end, comes last: a new folder that has it is whole. template
// may be nil.
func save(dir string, lm interface{ Config() any }, tok tokenizer.Tokenizer, template *tokenizer.ChatTemplate, g model.Generation, r train.Result) (*Trained, error) {
	if err := tokenizer.Save(tok, dir); err != nil {
		return nil, err
	}
	c := tokenizer.Config{Template: template}
	if g.BOS != nil {
		c.BOS = spelled(tok, *g.BOS)
	}
	if len(g.EOS) > 0 {
		c.EOS = spelled(tok, g.EOS[0])
	}
	if err := tokenizer.SaveConfig(dir, c); err != nil {
		return nil, err
	}
	if err := curve(dir); err != nil {
		return nil, err
	}
	if err := model.Save(dir, lm, g); err != nil {
		return nil, err
	}
	return summary(dir, lm, r)
}

// summary sums a run up whose folder is written.
func summary(dir string, m any, r train.Result) (*Trained, error) {
	sum, err := train.Fingerprint(filepath.Join(dir, "model.safetensors"))
	if err != nil {
		return nil, err
	}
	t := &Trained{
		Dir: dir, Parameters: model.Parameters(m), Steps: r.Steps, Loss: r.Loss, BestStep: r.Steps,
		Stopped: r.Stopped, Seconds: r.Elapsed.Seconds(), WeightsSHA: sum,
	}
	if !math.IsNaN(r.Best) {
		t.Best, t.BestStep = &r.Best, r.BestStep
	}
	return t, nil
}

// spelled is a special token as a template would write it.
func spelled(tok tokenizer.Tokenizer, id int32) string {
	b, _ := tok.Token(id)
	return string(b)
}

// curve draws the run's losses and puts the pictures beside the model.
func curve(dir string) error {
	run := filepath.Join(dir, runDir)
	if err := train.WriteCurve(run); err != nil {
		return err
	}
	for _, name := range []string{train.CurveSVG, train.CurvePNG} {
		if err := os.Rename(filepath.Join(run, name), filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("train: %w", err)
		}
	}
	return nil
}

func writeJSON(path string, v any) error {
	return format.WriteFile(path, func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		return e.Encode(v)
	})
}
