package train

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/tensor"
)

// A checkpoint is one safetensors file, so that it is complete or absent:
//
//	weights/NAME          a parameter
//	SLOT/NAME             an optimizer's state for it: momentum/NAME, v/NAME …
//	state/NAME            what a stepper carries from batch to batch
//	__metadata__          {"inkstone.train": the state below as JSON}
//
// With several steppers each name begins with its stepper's name and a slash.
const metadataKey = "inkstone.train"

// state is all of a run that is not a tensor. Batches and dropout are functions of
// the seed and the step, so these two are the random generator's state and the
// position in the data.
type state struct {
	Version   int      `json:"version"`
	Step      int      `json:"step"`      // updates done, and the number of the next batch
	Seed      uint64   `json:"seed"`      //
	Seconds   float64  `json:"seconds"`   // of training behind it
	Loss      float64  `json:"loss"`      // of the last step of the first stepper
	Evaluated int      `json:"evaluated"` // step of the last evaluation, -1 before the first
	Best      *float64 `json:"best"`      // lowest held-out loss, nil before the first
	BestStep  int      `json:"best_step"` //
	Stale     int      `json:"stale"`     // evaluations since the best one
	Device    string   `json:"device"`    // kernels and instruction set that made the bits
	Identity  facts    `json:"identity"`  //
}

const stateVersion = 1

// entry is a tensor of a checkpoint.
type entry struct {
	name   string
	tensor *tensor.Tensor
}

// entries lists every tensor that a checkpoint holds.
func (r *run) entries() []entry {
	var list []entry
	for _, s := range r.steppers {
		prefix := ""
		if s.Name != "" {
			prefix = s.Name + "/"
		}
		for i, g := range s.Groups {
			for j, p := range g.Params {
				list = append(list, entry{prefix + "weights/" + p.Name, p.Tensor})
				for k, slot := range g.Rule.Slots() {
					list = append(list, entry{prefix + slot + "/" + p.Name, r.slots[s][i][j][k]})
				}
			}
		}
		for _, p := range s.State {
			list = append(list, entry{prefix + "state/" + p.Name, p.Tensor})
		}
	}
	return list
}

// path is where the checkpoint after step lies. The digits are padded so that
// names sort as the steps do.
func (r *run) path(step int) string {
	return filepath.Join(r.config.Dir, fmt.Sprintf("step-%09d.safetensors", step))
}

// save writes the checkpoint of the current step and then forgets old ones. The
// log is on the disk before the checkpoint that a resume cuts it back to.
func (r *run) save() error {
	if r.config.Dir == "" || r.saved == r.state.Step {
		return nil
	}
	for _, e := range r.entries() {
		if err := r.finite(e.name, e.tensor); err != nil {
			return fmt.Errorf("%w; no checkpoint was written", err)
		}
	}
	if err := r.log.sync(); err != nil {
		return err
	}
	path := r.path(r.state.Step)
	r.hook(path, false)
	if err := writeCheckpoint(path, r.state, r.entries()); err != nil {
		return fmt.Errorf("train: checkpoint: %w", err)
	}
	r.hook(path, true)
	r.saved = r.state.Step
	return r.prune()
}

func (r *run) hook(path string, done bool) {
	if r.config.written != nil {
		r.config.written(path, done)
	}
}

func writeCheckpoint(path string, s state, entries []entry) error {
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	list := make([]format.Tensor, len(entries))
	byName := make(map[string]*tensor.Tensor, len(entries))
	for i, e := range entries {
		list[i] = format.Tensor{Name: e.name, DType: "F32", Shape: e.tensor.Shape()}
		byName[e.name] = e.tensor
	}
	var buffer []byte
	return format.StreamSafetensors(path, map[string]string{metadataKey: string(text)}, list, func(t format.Tensor) ([]byte, error) {
		from := byName[t.Name]
		buffer = slices.Grow(buffer[:0], from.Bytes())[:from.Bytes()]
		from.ReadBytes(buffer)
		return buffer, nil
	})
}

// prune removes checkpoints but the newest Keep and the best.
func (r *run) prune() error {
	paths, err := Checkpoints(r.config.Dir)
	if err != nil {
		return err
	}
	keep := r.config.Keep
	if keep == 0 {
		keep = 2
	}
	for _, path := range paths[:max(0, len(paths)-keep)] {
		if r.state.Best != nil && path == r.path(r.state.BestStep) {
			continue
		}
		if err := os.Remove(path); err != nil {
			return fmt.Errorf("train: remove an old checkpoint: %w", err)
		}
	}
	return nil
}

// Checkpoints returns the paths of the complete checkpoints in dir, oldest first;
// none where dir does not exist.
func Checkpoints(dir string) ([]string, error) {
	files, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("train: checkpoints: %w", err)
	}
	var paths []string
	for _, f := range files {
		if ok, _ := filepath.Match("step-?????????*.safetensors", f.Name()); ok {
			paths = append(paths, filepath.Join(dir, f.Name()))
		}
	}
	return paths, nil
}

// openCheckpoint maps a checkpoint and reads its state; the caller closes it.
func openCheckpoint(path string) (*format.Safetensors, state, error) {
	var s state
	file, err := format.OpenSafetensors(path)
	if err != nil {
		return nil, s, fmt.Errorf("train: checkpoint: %w", err)
	}
	if err := s.parse(file.Metadata()[metadataKey]); err != nil {
		return nil, s, errors.Join(fmt.Errorf("train: %s: %w", path, err), file.Close())
	}
	return file, s, nil
}

func (s *state) parse(text string) error {
	if text == "" {
		return fmt.Errorf("not a checkpoint: no metadata %q", metadataKey)
	}
	if err := json.Unmarshal([]byte(text), s); err != nil {
		return fmt.Errorf("metadata %q: %w", metadataKey, err)
	}
	if s.Version != stateVersion {
		return fmt.Errorf("checkpoint version %d, this program reads %d", s.Version, stateVersion)
	}
	if s.Step < 0 || s.BestStep < 0 || s.BestStep > s.Step || s.Evaluated > s.Step {
		return fmt.Errorf("steps out of order: step %d, best %d, evaluated %d", s.Step, s.BestStep, s.Evaluated)
	}
	return nil
}

// fill copies a file's tensors into entries: all of the entries, and nothing else
// may be in the file when whole is true.
func fill(file format.Weights, entries []entry, whole bool) error {
	if n := len(file.Names()); whole && n != len(entries) {
		return fmt.Errorf("it holds %d tensors, this run has %d", n, len(entries))
	}
	for _, e := range entries {
		t, ok := file.Tensor(e.name)
		if !ok {
			return fmt.Errorf("no tensor %q", e.name)
		}
		if !slices.Equal(t.Shape, e.tensor.Shape()) || t.DType != "F32" {
			return fmt.Errorf("tensor %q is %s %v, this run's is F32 %v", e.name, t.DType, t.Shape, e.tensor.Shape())
		}
		e.tensor.WriteBytes(t.Data)
		t.Release()
	}
	return nil
}

// LoadWeights sets params to their values in the checkpoint at path, the best one
// for example: those that were trained and those that a stepper carried, as running averages
// are. stepper is the [Stepper.Name] they were trained under.
func LoadWeights(path, stepper string, params []Param) error {
	file, _, err := openCheckpoint(path)
	if err != nil {
		return err
	}
	if stepper != "" {
		stepper += "/"
	}
	var entries []entry
	for _, p := range params {
		name := stepper + "weights/" + p.Name
		carried := stepper + "state/" + p.Name
		if _, ok := file.Tensor(carried); ok {
			name = carried
		}
		entries = append(entries, entry{name, p.Tensor})
	}
	if err := fill(file, entries, false); err != nil {
		return errors.Join(fmt.Errorf("train: %s: %w", path, err), file.Close())
	}
	return file.Close()
}
