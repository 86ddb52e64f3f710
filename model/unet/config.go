package unet

import (
	"fmt"

	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/model"
)

func init() {
	model.Register("inpaint", NewInpaint)
	model.Register("pix2pix", NewPix2Pix)
}

var (
	_ model.Importer = (*Inpaint)(nil)
	_ model.Exporter = (*Inpaint)(nil)
	_ model.Importer = (*Pix2Pix)(nil)
	_ model.Exporter = (*Pix2Pix)(nil)
)

// Config is the config.json of an [Inpaint] or a [Pix2Pix].
type Config struct {
	Type     string `json:"model_type"`   // set by NewInpaint and NewPix2Pix
	Size     [2]int `json:"image_size"`   // height and width; 2 divides them once less than there are levels
	Channels int    `json:"num_channels"` // of a picture, 1 or 3
	Widths   []int  `json:"hidden_sizes"` // channels of each level, from full size down
	// Judges are the channels of the discriminator's layers, of a Pix2Pix alone; none: no
	// discriminator.
	Judges []int `json:"discriminator_hidden_sizes,omitempty"`
}

// The largest dimensions that a config may ask for; a file of a few bytes must not ask
// for gigabytes.
const (
	mostWidth  = 1 << 14
	mostPixels = 1 << 14 // of a side
	mostLevels = 10
)

func (c *Config) check(kind string) error {
	c.Type = kind
	fail := func(format string, args ...any) error {
		return fmt.Errorf("unet: %s config: %w", kind, fmt.Errorf(format, args...))
	}
	if len(c.Widths) < 1 || len(c.Widths) > mostLevels {
		return fail("hidden_sizes has %d levels, want 1 to %d", len(c.Widths), mostLevels)
	}
	if c.Channels != 1 && c.Channels != 3 {
		return fail("num_channels is %d, want 1, grey, or 3, colour", c.Channels)
	}
	for _, n := range c.Size {
		if by := 1 << (len(c.Widths) - 1); n < 1 || n > mostPixels || n%by != 0 {
			return fail("image_size is %v; %d levels halve a side %d times, so want multiples of %d up to %d", c.Size, len(c.Widths), len(c.Widths)-1, by, mostPixels)
		}
	}
	for _, list := range []struct {
		key    string
		widths []int
	}{{"hidden_sizes", c.Widths}, {"discriminator_hidden_sizes", c.Judges}} {
		for _, w := range list.widths {
			if w < 1 || w > mostWidth {
				return fail("%s has %d, want 1 to %d", list.key, w, mostWidth)
			}
		}
	}
	return c.checkJudges(fail)
}

// checkJudges asks whether scores are left of a picture.
func (c *Config) checkJudges(fail func(string, ...any) error) error {
	if len(c.Judges) == 0 {
		return nil
	}
	if c.Type != "pix2pix" {
		return fail("discriminator_hidden_sizes are of pix2pix alone")
	}
	for _, n := range c.Size {
		for range c.Judges {
			n /= 2
		}
		if n < 2 {
			return fail("image_size is %v: %d layers of the discriminator, each of which halves it, leave nothing to score", c.Size, len(c.Judges))
		}
	}
	return nil
}

func (c *Config) shape() model.ImageShape {
	return model.ImageShape{H: c.Size[0], W: c.Size[1], C: c.Channels}
}

// Images tells what pictures the model reads and makes.
func (m *Inpaint) Images() model.ImageShape { return m.config.shape() }

// Config returns a [Config].
func (m *Inpaint) Config() any { return m.config }

// Import reads filters as PyTorch orders them.
func (*Inpaint) Import(t format.Tensor) (format.Tensor, error) { return model.ImportImages(t) }

// Export undoes Import.
func (*Inpaint) Export(t format.Tensor) (format.Tensor, error) { return model.ExportImages(t) }

// Images tells what pictures the model reads and makes.
func (m *Pix2Pix) Images() model.ImageShape { return m.config.shape() }

// Config returns a [Config].
func (m *Pix2Pix) Config() any { return m.config }

// Import reads filters as PyTorch orders them.
func (*Pix2Pix) Import(t format.Tensor) (format.Tensor, error) { return model.ImportImages(t) }

// Export undoes Import.
func (*Pix2Pix) Export(t format.Tensor) (format.Tensor, error) { return model.ExportImages(t) }
