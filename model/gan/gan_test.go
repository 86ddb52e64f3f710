package gan_test

import (
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/model/gan"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

func config() gan.Config {
	return gan.Config{Size: [2]int{8, 4}, Channels: 3, Widths: []int{2, 3}, Latent: 5, ClassWidth: 2, Classes: []string{"a", "b"}, Norm: true}
}

func TestBadConfig(t *testing.T) {
	tests := []struct {
		want   string
		change func(*gan.Config)
	}{
		{"hidden_sizes has 0 layers", func(c *gan.Config) { c.Widths = nil }},
		{"hidden_sizes has -1", func(c *gan.Config) { c.Widths[1] = -1 }},
		{"multiples of 4", func(c *gan.Config) { c.Size[1] = 6 }},
		{"multiples of 4", func(c *gan.Config) { c.Size[0] = 0 }},
		{"num_channels is 0", func(c *gan.Config) { c.Channels = 0 }},
		{"latent_size is 0", func(c *gan.Config) { c.Latent = 0 }},
		{"2 class_names with class_embed_size 0", func(c *gan.Config) { c.ClassWidth = 0 }},
	}
	for _, tt := range tests {
		c := config()
		tt.change(&c)
		if _, err := gan.New(c); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("got the error %v, want one that says %q", err, tt.want)
		}
	}
}

// TestClassesMatter: other classes make other images of the same noise, and other scores of
// the same images; an image does not depend on those beside it where norms are at rest.
func TestClassesMatter(t *testing.T) {
	d := tensor.CPU(1)
	defer d.Close()
	m, err := gan.New(config())
	if err != nil {
		t.Fatal(err)
	}
	nn.Init(m, d, 1)
	s := tensor.NewStep(d, tensor.StepOptions{})
	defer s.Close()
	s.Begin(0)
	noise := []float32{1, -1, 0.5, 2, 0}
	made := m.Generator.Forward(s, s.Floats(append(noise, noise...), 2, 5), s.Ints([]int32{0, 1}, 2), false)
	if got := made.Shape(); got[0] != 2 || got[1] != 8 || got[2] != 4 || got[3] != 3 {
		t.Fatalf("images of the shape %v, want (2, 8, 4, 3)", got)
	}
	x := made.Floats()
	if one := len(x) / 2; equal(x[:one], x[one:]) {
		t.Error("two classes give the same image")
	}
	alone := m.Generator.Forward(s, s.Floats(noise, 1, 5), s.Ints([]int32{1}, 1), false).Floats()
	if !equal(alone, x[len(x)/2:]) {
		t.Error("an image depends on the one beside it")
	}
	score := func(class int32) float32 {
		return m.Discriminator.Forward(s, s.Floats(alone, 1, 8, 4, 3), s.Ints([]int32{class}, 1), true).Item()
	}
	if score(0) == score(1) {
		t.Error("two classes give the same score")
	}
}

func equal(a, b []float32) bool {
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return len(a) == len(b)
}
