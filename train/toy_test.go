package train_test

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/train"
)

// toy is a net of two layers that learns a fixed net's answers, with dropout, so
// that a run of it needs everything that a resume must restore.
type toy struct {
	up, down, bias, teacher *tensor.Tensor
}

// The toy's batch is B rows of C numbers; its hidden layer has F.
const toyB, toyC, toyF = 8, 16, 32

func newToy(d *tensor.Device) *toy {
	m := &toy{tensor.New(d, toyF, toyC), tensor.New(d, 1, toyF), tensor.New(d, toyF), tensor.New(d, 1, toyC)}
	m.up.FillNormal(1, 0.2)
	m.down.FillNormal(2, 0.2)
	m.teacher.FillNormal(3, 1)
	for _, p := range m.params() {
		p.Tensor.SetName(p.Name)
		p.Tensor.SetTrainable(true)
	}
	return m
}

func (m *toy) params() []train.Param {
	return []train.Param{{Name: "up", Tensor: m.up}, {Name: "down", Tensor: m.down}, {Name: "bias", Tensor: m.bias}}
}

// loss is the mean squared error on a batch that index and micro determine.
func (m *toy) loss(s *tensor.Step, rows int, index, micro int, dropout float32) *tensor.Tensor {
	x := s.Floats(noise(index, micro, rows*toyC), rows, toyC)
	h := x.Linear(m.up, m.bias).ReLU().Dropout(dropout)
	e := h.Linear(m.down, nil).Sub(x.Linear(m.teacher, nil))
	return e.Square().Mean()
}

// noise is n numbers in [-1, 1) that depend on the arguments alone.
func noise(index, micro, n int) []float32 {
	x := make([]float32, n)
	state := uint64(index)*0x9e3779b97f4a7c15 + uint64(micro)*0xd1342543de82ef95 + 1
	for i := range x {
		state ^= state << 13
		state ^= state >> 7
		state ^= state << 17
		x[i] = float32(int32(state>>32)) / (1 << 31)
	}
	return x
}

// stepper trains the toy with two groups: Muon and AdamW.
func (m *toy) stepper() *train.Stepper {
	p := m.params()
	return &train.Stepper{
		Groups: []train.Group{
			{Name: "matrices", Params: p[:2], Rule: train.Muon{}, LR: 0.02, Decay: 0.1},
			{Name: "plain", Params: p[2:], Rule: train.AdamW{}, LR: 0.01},
		},
		Schedule: train.Schedule{Shape: train.Cosine, Warmup: 0.1, Floor: 0.1},
		Clip:     1,
		Tokens:   toyB,
		Loss: func(s *tensor.Step, index, micro int) (*tensor.Tensor, error) {
			return m.loss(s, toyB, index, micro, 0.1), nil
		},
	}
}

// hash is the weights' fingerprint.
func (m *toy) hash() string {
	h := sha256.New()
	for _, p := range m.params() {
		b := make([]byte, p.Tensor.Bytes())
		p.Tensor.ReadBytes(b)
		h.Write(b)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// cpu is a device that the test closes.
func cpu(t testing.TB, threads int) *tensor.Device {
	d := tensor.CPU(threads)
	t.Cleanup(d.Close)
	return d
}
