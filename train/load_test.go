package train_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/train"
)

// TestLoadWeightsWithWhatIsCarried: the best evaluation's running averages come with its weights.
func TestLoadWeightsWithWhatIsCarried(t *testing.T) {
	d, dir := cpu(t, 1), t.TempDir()
	m, average := newToy(d), tensor.New(d, 1)
	carried := train.Param{Name: "average", Tensor: average}
	s := m.stepper()
	s.State = []train.Param{carried}
	s.Loss = func(s *tensor.Step, index, micro int) (*tensor.Tensor, error) {
		average.Fill(float32(index + 1))
		return m.loss(s, toyB, index, micro, 0), nil
	}
	c := train.Config{Device: d, Steps: 4, Dir: dir, CheckpointEvery: 2, Keep: 2}
	if _, err := train.Run(context.Background(), c, s); err != nil {
		t.Fatal(err)
	}
	last := m.hash()
	if err := train.LoadWeights(filepath.Join(dir, "step-000000002.safetensors"), "", append(m.params(), carried)); err != nil {
		t.Fatal(err)
	}
	if got := average.Item(); got != 2 {
		t.Errorf("the average of step 2 is %g, want 2", got)
	}
	if m.hash() == last {
		t.Error("the weights of step 2 are those of step 4")
	}
}
