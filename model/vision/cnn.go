// Package vision holds classifiers of images: [CNN] and [ViT]. Importing the package
// makes their model types known to package model.
//
// Dimensions, in comments throughout:
//
//	B images   H height   W width   C channels   K classes   P patches of an image
package vision

import (
	"fmt"

	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

func init() {
	model.Register("cnn", NewCNN)
	model.Register("vit", NewViT)
}

var (
	_ model.Classifier = (*CNN)(nil)
	_ model.Importer   = (*CNN)(nil)
	_ model.Exporter   = (*CNN)(nil)
)

// CNN is a convolutional network (LeCun et al. 1998) of the form that Simonyan &
// Zisserman 2014, arXiv:1409.1556, made usual: stages of a 3 × 3 convolution, batch
// normalisation, ReLU and a 2 × 2 maximum, each with more channels and half the rows and
// columns; the mean over what is left of the image (Lin et al. 2013, arXiv:1312.4400); a
// linear map to the classes.
type CNN struct {
	Stages []stage   `hf:"stages"`
	Head   nn.Linear `hf:"classifier"`

	config CNNConfig
}

type stage struct {
	Conv nn.Conv2D      `hf:"conv"`
	Norm nn.BatchNorm2D `hf:"norm"`

	pool bool
}

// CNNConfig is the config.json of a [CNN].
type CNNConfig struct {
	Type     string  `json:"model_type"` // set by NewCNN
	Size     [2]int  `json:"image_size"` // height and width
	Channels int     `json:"num_channels"`
	Widths   []int   `json:"hidden_sizes"` // channels of each stage
	Dropout  float32 `json:"hidden_dropout_prob"`
	Mean     float32 `json:"image_mean"` // what is subtracted from pixels …
	Std      float32 `json:"image_std"`  // … and what the rest is divided by
	Labels
}

// NewCNN returns a CNN whose weights have shapes but no values yet.
//
// Errors: a dimension that is absent or absurd; more stages than halvings of the image.
func NewCNN(c CNNConfig) (*CNN, error) {
	if err := c.complete(); err != nil {
		return nil, err
	}
	m := &CNN{config: c}
	in, h, w := c.Channels, c.Size[0], c.Size[1]
	for _, out := range c.Widths {
		s := stage{Conv: nn.NewConv2D(in, out, 3, tensor.Square(1, 1), false), Norm: nn.NewBatchNorm2D(out), pool: h > 1 && w > 1}
		if s.pool {
			h, w = h/2, w/2
		}
		in, m.Stages = out, append(m.Stages, s)
	}
	m.Head = nn.NewLinear(in, len(c.Labels.Names), true)
	return m, nil
}

func (c *CNNConfig) complete() error {
	c.Type = "cnn"
	if c.Std == 0 {
		c.Std = 1
	}
	if err := checkImages("cnn", c.Size, c.Channels, c.Dropout); err != nil {
		return err
	}
	if len(c.Widths) == 0 || len(c.Widths) > 64 {
		return fmt.Errorf("vision: cnn config: hidden_sizes has %d stages, want 1 to 64", len(c.Widths))
	}
	for _, w := range c.Widths {
		if w < 1 || w > mostWidth {
			return fmt.Errorf("vision: cnn config: hidden_sizes has %d, want 1 to %d", w, mostWidth)
		}
	}
	return c.Labels.check("cnn")
}

// Features returns the mean of the last stage, (B, C).
func (m *CNN) Features(s *tensor.Step, x *tensor.Tensor, training bool) *tensor.Tensor {
	x = m.standard(x)
	for i := range m.Stages {
		x = m.Stages[i].forward(s, x, training)
	}
	return x.Reshape(x.Dim(0), x.Dim(1)*x.Dim(2), x.Dim(3)).Mean(1)
}

// forward maps (B, H, W, C) to (B, H/2, W/2, C').
func (g *stage) forward(s *tensor.Step, x *tensor.Tensor, training bool) *tensor.Tensor {
	if g.pool {
		return g.Norm.ForwardReLUMax(s, g.Conv.Forward(x), training)
	}
	return g.activations(s, x, training)
}

// activations are those before the maximum, (B, H, W, C').
func (g *stage) activations(s *tensor.Step, x *tensor.Tensor, training bool) *tensor.Tensor {
	return g.Norm.ForwardReLU(s, g.Conv.Forward(x), training)
}

// Maps returns the activations of every stage before its maximum is taken, the first
// stage's first: what Gatys et al. 2016 compare pictures by.
func (m *CNN) Maps(s *tensor.Step, x *tensor.Tensor) (maps []*tensor.Tensor) {
	x = m.standard(x)
	for i := range m.Stages {
		g := &m.Stages[i]
		x = g.activations(s, x, false)
		if maps = append(maps, x); g.pool {
			x = x.MaxPool(2, 2, tensor.Square(2, 0))
		}
	}
	return maps
}

// Least is the smallest side of pictures that Maps takes, of whatever size the model was
// trained on.
func (m *CNN) Least() (side int) {
	side = 1
	for i := range m.Stages {
		if m.Stages[i].pool {
			side *= 2
		}
	}
	return side
}

// standard is pixels less their mean, over their deviation.
func (m *CNN) standard(x *tensor.Tensor) *tensor.Tensor {
	return x.AddScalar(-m.config.Mean).Scale(1 / m.config.Std)
}

// Logits returns (B, K) of Features.
func (m *CNN) Logits(features *tensor.Tensor) *tensor.Tensor {
	return m.Head.Forward(features.Dropout(m.config.Dropout))
}

// Images tells what the model reads.
func (m *CNN) Images() model.ImageShape {
	return model.ImageShape{H: m.config.Size[0], W: m.config.Size[1], C: m.config.Channels, Classes: m.config.Labels.names()}
}

// Config returns a [CNNConfig].
func (m *CNN) Config() any { return m.config }

// Import reads filters as PyTorch orders them.
func (*CNN) Import(t format.Tensor) (format.Tensor, error) { return model.ImportImages(t) }

// Export undoes Import.
func (*CNN) Export(t format.Tensor) (format.Tensor, error) { return model.ExportImages(t) }
