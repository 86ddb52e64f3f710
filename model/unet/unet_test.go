package unet_test

import (
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/model/unet"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

func TestBadConfig(t *testing.T) {
	inpaint := func(c unet.Config) error { _, err := unet.NewInpaint(c); return err }
	pix2pix := func(c unet.Config) error { _, err := unet.NewPix2Pix(c); return err }
	tests := []struct {
		want   string
		build  func(unet.Config) error
		change func(*unet.Config)
	}{
		{"hidden_sizes has 0 levels", inpaint, func(c *unet.Config) { c.Widths = nil }},
		{"hidden_sizes has -1", inpaint, func(c *unet.Config) { c.Widths[1] = -1 }},
		{"so want multiples of 4", inpaint, func(c *unet.Config) { c.Size[1] = 6 }},
		{"so want multiples of 4", pix2pix, func(c *unet.Config) { c.Size[0] = 0 }},
		{"num_channels is 2", pix2pix, func(c *unet.Config) { c.Channels = 2 }},
		{"discriminator_hidden_sizes are of pix2pix alone", inpaint, func(c *unet.Config) { c.Judges = []int{2} }},
		{"discriminator_hidden_sizes has 0", pix2pix, func(c *unet.Config) { c.Judges = []int{0} }},
		{"leave nothing to score", pix2pix, func(c *unet.Config) { c.Judges = []int{2, 2, 2} }},
	}
	for _, tt := range tests {
		c := unet.Config{Size: [2]int{8, 12}, Channels: 1, Widths: []int{2, 3, 4}}
		if err := tt.build(c); err != nil {
			t.Fatal(err)
		}
		tt.change(&c)
		if err := tt.build(c); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("got the error %v, want one that says %q", err, tt.want)
		}
	}
}

// TestHolesAreNotSeen: what a picture has in its hole changes nothing; where the hole is
// does; and a picture does not depend on the one beside it where norms are at rest.
func TestHolesAreNotSeen(t *testing.T) {
	d := tensor.CPU(1)
	defer d.Close()
	m, err := unet.NewInpaint(unet.Config{Size: [2]int{4, 4}, Channels: 1, Widths: []int{3, 4}})
	if err != nil {
		t.Fatal(err)
	}
	nn.Init(m, d, 1)
	s := tensor.NewStep(d, tensor.StepOptions{})
	defer s.Close()
	s.Begin(0)
	pictures, holes := make([]float32, 48), make([]float32, 48)
	for i := range pictures {
		pictures[i] = float32(i%16) / 20
	}
	holes[5], holes[16+5], holes[32+6] = 1, 1, 1
	pictures[16+5] = 1
	y := m.Forward(s, s.Floats(pictures, 3, 4, 4, 1), s.Floats(holes, 3, 4, 4, 1), false).Floats()
	testkit.SameBits(t, "a picture with something in its hole", y[16:32], y[:16])
	if y[32] == y[0] && y[40] == y[8] {
		t.Error("another hole makes the same picture")
	}
	alone := m.Forward(s, s.Floats(pictures[32:], 1, 4, 4, 1), s.Floats(holes[32:], 1, 4, 4, 1), false).Floats()
	testkit.SameBits(t, "a picture alone", alone, y[32:])
}
