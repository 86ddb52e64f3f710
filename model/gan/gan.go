// Package gan holds a generative adversarial network of images: [GAN], and [Game], the
// losses by which its two halves train each other. Importing the package makes the model
// type known to package model.
//
// Dimensions, in comments throughout:
//
//	B images   H height   W width   C channels   K classes   Z numbers of noise
//	F features of an image   h, w height and width of the smallest layer
package gan

import (
	"fmt"

	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/tensor"
)

func init() { model.Register("gan", New) }

var (
	_ model.Importer = (*GAN)(nil)
	_ model.Exporter = (*GAN)(nil)
)

// GAN is a generator and the discriminator that it learns from (Goodfellow et al. 2014,
// arXiv:1406.2661), both of convolutions (Radford et al. 2015, arXiv:1511.06434), by class
// where there are classes.
type GAN struct {
	Generator     Generator     `hf:"generator"`
	Discriminator Discriminator `hf:"discriminator"`

	config Config
}

// Config is the config.json of a [GAN].
type Config struct {
	Type       string   `json:"model_type"` // set by New
	Size       [2]int   `json:"image_size"` // height and width; 2 divides them once for each width
	Channels   int      `json:"num_channels"`
	Widths     []int    `json:"hidden_sizes"`               // channels of the discriminator's layers; the generator has them in reverse
	Latent     int      `json:"latent_size"`                // Z
	ClassWidth int      `json:"class_embed_size,omitempty"` // of the generator, beside the noise
	Classes    []string `json:"class_names,omitempty"`      // none: images without classes
	Norm       bool     `json:"discriminator_norm"`         // batch normalisation there: not beside a penalty of its gradient
}

// The largest dimensions that a config may ask for; a file of a few bytes must not ask
// for gigabytes.
const (
	mostWidth  = 1 << 16
	mostPixels = 1 << 14 // of a side
	mostLayers = 12
)

// New returns a GAN whose weights have shapes but no values yet.
//
// Errors: a dimension that is absent or absurd; a side that 2 does not divide once for each
// layer.
func New(c Config) (*GAN, error) {
	if err := c.complete(); err != nil {
		return nil, err
	}
	return &GAN{newGenerator(c), newDiscriminator(c), c}, nil
}

func (c *Config) complete() error {
	c.Type = "gan"
	if len(c.Widths) == 0 || len(c.Widths) > mostLayers {
		return fmt.Errorf("gan: config: hidden_sizes has %d layers, want 1 to %d", len(c.Widths), mostLayers)
	}
	for _, w := range c.Widths {
		if w < 1 || w > mostWidth {
			return fmt.Errorf("gan: config: hidden_sizes has %d, want 1 to %d", w, mostWidth)
		}
	}
	for _, n := range c.Size {
		if by := 1 << len(c.Widths); n < 1 || n > mostPixels || n%by != 0 {
			return fmt.Errorf("gan: config: image_size is %v; each of %d layers halves a side, so want multiples of %d up to %d", c.Size, len(c.Widths), by, mostPixels)
		}
	}
	if c.Channels < 1 || c.Channels > 1<<10 {
		return fmt.Errorf("gan: config: num_channels is %d, want 1 to 1024", c.Channels)
	}
	if c.Latent < 1 || c.Latent > mostWidth {
		return fmt.Errorf("gan: config: latent_size is %d, want 1 to %d", c.Latent, mostWidth)
	}
	if len(c.Classes) > mostWidth || len(c.Classes) > 0 && (c.ClassWidth < 1 || c.ClassWidth > mostWidth) {
		return fmt.Errorf("gan: config: %d class_names with class_embed_size %d, want 1 to %d of both, or no class", len(c.Classes), c.ClassWidth, mostWidth)
	}
	return nil
}

// smallest is h and w.
func (c *Config) smallest() (h, w int) {
	return c.Size[0] >> len(c.Widths), c.Size[1] >> len(c.Widths)
}

// halving is the window of every convolution, 4 × 4, which halves or doubles both sides.
var halving = tensor.Square(2, 1)

// Images tells what images the model makes, and of what classes.
func (m *GAN) Images() model.ImageShape {
	return model.ImageShape{H: m.config.Size[0], W: m.config.Size[1], C: m.config.Channels, Classes: m.config.Classes}
}

// Latent is Z.
func (m *GAN) Latent() int { return m.config.Latent }

// Config returns a [Config].
func (m *GAN) Config() any { return m.config }

// Import reads filters as PyTorch orders them.
func (*GAN) Import(t format.Tensor) (format.Tensor, error) { return model.ImportImages(t) }

// Export undoes Import.
func (*GAN) Export(t format.Tensor) (format.Tensor, error) { return model.ExportImages(t) }
