package speech

import (
	"fmt"

	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

var (
	_ model.Importer = (*CNN)(nil)
	_ model.Exporter = (*CNN)(nil)
)

// CNN says which word a recording is: a convolutional network over its energies as over a picture
// (Sainath & Parada 2015, "Convolutional neural networks for small-footprint keyword spotting"), the
// mean over the recording's frames, and a linear map to the words.
type CNN struct {
	Stages []stage   `hf:"stages"`
	Head   nn.Linear `hf:"classifier"`

	config CNNConfig
}

// CNNConfig is the config.json of a [CNN].
type CNNConfig struct {
	Type string `json:"model_type"` // set by NewCNN
	Sound
}

// NewCNN returns a CNN whose weights have shapes but no values yet. Errors are those of [NewCTC],
// and fewer than two words.
func NewCNN(c CNNConfig) (*CNN, error) {
	c.Type = "audio-cnn"
	if err := c.complete(c.Type); err != nil {
		return nil, err
	}
	if len(c.Classes) < 2 {
		return nil, fmt.Errorf("speech: audio-cnn config: classes has the word %q alone, there is nothing to tell apart", c.Classes[0])
	}
	m := &CNN{config: c}
	stages, in := newStages(&c.Sound)
	m.Stages, m.Head = stages, nn.NewLinear(in, len(c.Classes), true)
	return m, nil
}

// Features returns what words are told from, (B, F).
func (m *CNN) Features(s *tensor.Step, b Batch) *tensor.Tensor {
	x, lengths := through(s, m.Stages, b) // (B, T, F)
	share := make([]float32, len(lengths))
	for i, n := range lengths {
		share[i] = 1 / float32(n)
	}
	return x.Sum(1).Mul(s.Floats(share, len(share), 1)) // frames behind the end are 0
}

// Logits returns (B, K).
func (m *CNN) Logits(s *tensor.Step, b Batch) *tensor.Tensor {
	return m.Head.Forward(m.Features(s, b).Dropout(m.config.Dropout))
}

// Loss returns the mean of −log p of each recording's word, with smoothed classes (Szegedy et al.
// 2015, arXiv:1512.00567, section 7).
func (m *CNN) Loss(s *tensor.Step, b Batch, words []int32, smoothing float32) *tensor.Tensor {
	return m.Logits(s, b).CrossEntropy(s.Ints(words, len(words)), tensor.CEOptions{Smoothing: smoothing}).Mean()
}

// Sound tells what the model hears, and its words.
func (m *CNN) Sound() Sound { return m.config.Sound }

// Config returns a [CNNConfig].
func (m *CNN) Config() any { return m.config }

// Import reads filters as PyTorch orders them.
func (*CNN) Import(t format.Tensor) (format.Tensor, error) { return model.ImportImages(t) }

// Export undoes Import.
func (*CNN) Export(t format.Tensor) (format.Tensor, error) { return model.ExportImages(t) }
