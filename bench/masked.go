package bench

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/model/bert"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/train"
)

// MaskedOptions say how the steps of a BERT are compared with PyTorch's. The zero
// value is the comparison of the project's goal.
type MaskedOptions struct {
	Python  string // with PyTorch; "": /usr/bin/python3
	Threads int    // 0: 2
	Rows    int    // 0: 16
	Context int    // 0: 128
	Steps   int    // of a side in a round; 0: 12
	Rounds  int    // 0: 3
}

// A MaskedReport is our side beside PyTorch's.
type MaskedReport struct {
	PyTorch string    `json:"pytorch"` // version
	Ours    []float64 `json:"ours"`    // seconds a step, the median of each round
	Theirs  []float64 `json:"theirs"`
	Ratio   []float64 `json:"ratio"` // theirs / ours, round by round: how many times faster we are
	Losses  []float64 `json:"losses"`
	Their   []float64 `json:"their_losses"`
	Apart   float64   `json:"apart"` // of the last ten losses' means, as a share of theirs
}

//go:embed peers/bert.py
var bertPy []byte

// maskedFile is what both sides train on.
type maskedFile struct {
	Config  bert.Config   `json:"config"`
	Context int           `json:"context"`
	LR      float64       `json:"lr"`
	Beta2   float64       `json:"beta2"`
	Decay   float64       `json:"decay"`
	Batches []maskedBatch `json:"batches"`
}

type maskedBatch struct {
	IDs     []int32 `json:"ids"`
	Rows    []int32 `json:"rows"`
	Targets []int32 `json:"targets"`
}

// Masked trains one BERT (256 wide, 4 layers, vocabulary 8,192, f32) here and in
// PyTorch, from the same weights on the same tokens with the same masks, in turn.
func Masked(ctx context.Context, o MaskedOptions) (*MaskedReport, error) {
	if o.Python == "" {
		o.Python = "/usr/bin/python3"
	}
	for _, f := range []struct {
		n      *int
		absent int
	}{{&o.Threads, 2}, {&o.Rows, 16}, {&o.Context, 128}, {&o.Steps, 12}, {&o.Rounds, 3}} {
		if *f.n == 0 {
			*f.n = f.absent
		}
	}
	dir, err := os.MkdirTemp("", "inkstone-masked")
	if err != nil {
		return nil, fmt.Errorf("bench: %w", err)
	}
	defer os.RemoveAll(dir)
	file := maskedBatches(o)
	if err := o.write(dir, file); err != nil {
		return nil, err
	}
	r := &MaskedReport{}
	for range o.Rounds {
		ours, losses, err := o.ours(ctx, dir, file)
		if err != nil {
			return nil, err
		}
		theirs, err := o.theirs(ctx, dir)
		if err != nil {
			return nil, err
		}
		r.PyTorch, r.Losses, r.Their = theirs.Version, losses, theirs.Losses
		r.Ours, r.Theirs = append(r.Ours, ours), append(r.Theirs, theirs.Seconds)
		r.Ratio = append(r.Ratio, theirs.Seconds/ours)
	}
	a, b := last(r.Losses), last(r.Their)
	r.Apart = (a - b) / b
	return r, nil
}

// last is the mean of the last ten.
func last(x []float64) (mean float64) {
	x = x[max(0, len(x)-10):]
	for _, v := range x {
		mean += v / float64(len(x))
	}
	return mean
}

// maskedBatches draws tokens in which a hidden one follows from its neighbour: of
// two that stand together the second is a function of the first.
func maskedBatches(o MaskedOptions) maskedFile {
	const vocab = 8192
	f := maskedFile{
		Config: bert.Config{Architectures: []string{string(bert.FillMask)}, Type: "bert", Vocab: vocab, Context: o.Context, Width: 256, Layers: 4,
			Heads: 4, Hidden: 1024, Types: 2, Eps: 1e-12},
		Context: o.Context, LR: 1e-3, Beta2: 0.98, Decay: 0.01,
	}
	masking := corpus.BERTMasking(1, 4, vocab, func(id int32) bool { return id < 5 })
	random := rand.New(rand.NewPCG(1, 2))
	for i := range o.Steps {
		ids := make([]int32, o.Rows*o.Context)
		for at := range ids {
			u := random.Float64()
			ids[at] = 5 + int32(u*u*u*(vocab-5)) // few tokens are common, as in text
			if at%2 == 1 {
				ids[at] = 5 + (ids[at-1]*7+3)%(vocab-5)
			}
		}
		rows, targets := masking.Hide(ids, int64(i))
		f.Batches = append(f.Batches, maskedBatch{ids, rows, targets})
	}
	return f
}

// write puts the batches and the weights where the other side finds them.
func (o MaskedOptions) write(dir string, file maskedFile) error {
	d := tensor.CPU(1)
	defer d.Close()
	m, err := bert.New(file.Config)
	if err != nil {
		return fmt.Errorf("bench: %w", err)
	}
	nn.Init(m, d, 1)
	b, err := json.Marshal(file)
	if err != nil {
		return fmt.Errorf("bench: %w", err)
	}
	for name, data := range map[string][]byte{"batches.json": b, "bert.py": bertPy} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o666); err != nil {
			return fmt.Errorf("bench: %w", err)
		}
	}
	return model.SaveEncoder(dir, m)
}

// ours trains here and returns the median of a step's seconds, and the losses.
func (o MaskedOptions) ours(ctx context.Context, dir string, file maskedFile) (float64, []float64, error) {
	d := tensor.CPU(o.Threads)
	defer d.Close()
	opened, err := model.OpenForTraining[*bert.BERT](dir, d)
	if err != nil {
		return 0, nil, err
	}
	defer opened.Close()
	m := opened.Model
	for _, p := range nn.Params(m) {
		p.Tensor.SetTrainable(true)
	}
	var pass nn.Pass
	var losses, seconds []float64
	began := time.Now()
	_, err = train.Run(ctx, train.Config{Device: d, Steps: o.Steps, Progress: func(t train.Metrics) {
		now := time.Now()
		losses, seconds, began = append(losses, t.Loss), append(seconds, now.Sub(began).Seconds()), now
	}}, &train.Stepper{
		Groups: train.AdamWGroups(nn.Params(m), train.AdamW{Beta2: file.Beta2}, file.LR, file.Decay),
		Loss: func(s *tensor.Step, index, _ int) (*tensor.Tensor, error) {
			b := file.Batches[index]
			weights := make([]float32, len(b.Rows))
			for i := range weights {
				weights[i] = 1 / float32(len(b.Rows))
			}
			pass.SetRows(s, b.IDs, file.Context)
			return model.MaskedLoss(m, &pass, pass.Ints(b.Rows), pass.Ints(b.Targets), s.Floats(weights, len(weights))), nil
		},
	})
	if err != nil {
		return 0, nil, err
	}
	seconds = seconds[min(2, len(seconds)-1):]
	slices.Sort(seconds)
	return seconds[len(seconds)/2], losses, nil
}

// maskedPeer is what bert.py prints.
type maskedPeer struct {
	Version string    `json:"version"`
	Seconds float64   `json:"seconds"`
	Losses  []float64 `json:"losses"`
}

func (o MaskedOptions) theirs(ctx context.Context, dir string) (p maskedPeer, err error) {
	c := exec.CommandContext(ctx, o.Python, filepath.Join(dir, "bert.py"), "--weights", filepath.Join(dir, "model.safetensors"),
		"--batches", filepath.Join(dir, "batches.json"), "--steps", fmt.Sprint(o.Steps), "--threads", fmt.Sprint(o.Threads))
	var errs bytes.Buffer
	c.Stderr = &errs
	out, err := c.Output()
	if err != nil {
		return p, fmt.Errorf("bench: PyTorch: %w: %s", err, bytes.TrimSpace(errs.Bytes()))
	}
	if err := json.Unmarshal(out, &p); err != nil {
		return p, fmt.Errorf("bench: PyTorch: %w", err)
	}
	return p, nil
}
