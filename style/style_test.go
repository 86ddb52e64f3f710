package style_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/model/vision"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/style"
	"github.com/inkstone-ai/inkstone/tensor"
)

type floats = testkit.Floats

// golden is the file of testdata/golden.py.
type golden struct {
	Config  json.RawMessage   `json:"config"`
	Shapes  map[string][]int  `json:"shapes"`
	Weights map[string]floats `json:"weights"`
	Content floats            `json:"content"`
	Style   floats            `json:"style"`
	Picture floats            `json:"picture"`
	Losses  []float64         `json:"losses"`
	Grad    floats            `json:"grad"`
	Steps   [][]float64       `json:"steps"`
	Last    floats            `json:"last"`
}

func (g *golden) pictures() (content, look, picture style.Picture) {
	return style.Picture{H: 6, W: 10, C: 2, Pixels: g.Content}, style.Picture{H: 7, W: 5, C: 2, Pixels: g.Style}, style.Picture{H: 6, W: 10, C: 2, Pixels: g.Picture}
}

// each runs a test with the golden network on every device.
func each(t *testing.T, run func(t *testing.T, g *golden, d *tensor.Device, net *vision.CNN)) {
	for device, open := range map[string]func() *tensor.Device{
		"ref": tensor.Reference, "cpu": func() *tensor.Device { return tensor.CPU(2) },
	} {
		t.Run(device, func(t *testing.T) {
			d := open()
			defer d.Close()
			g := &golden{}
			testkit.Golden(t, filepath.Join("testdata", "style.json"), g)
			var tensors []format.Tensor
			for name, w := range g.Weights {
				tensors = append(tensors, format.FromF32(name, w, g.Shapes[name]...))
			}
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "config.json"), g.Config, 0o666); err != nil {
				t.Fatal(err)
			}
			if err := format.WriteSafetensors(filepath.Join(dir, "model.safetensors"), nil, tensors); err != nil {
				t.Fatal(err)
			}
			o, err := model.Open[*vision.CNN](dir, d)
			if err != nil {
				t.Fatal(err)
			}
			defer o.Close()
			run(t, g, d, o.Model)
		})
	}
}

func TestLossesAndGradientEqualPyTorch(t *testing.T) {
	each(t, func(t *testing.T, g *golden, d *tensor.Device, net *vision.CNN) {
		content, look, picture := g.pictures()
		grad, l, err := style.Gradient(d, net, picture, content, look, style.Options{Style: 10})
		if err != nil {
			t.Fatal(err)
		}
		testkit.Close(t, "losses", []float64{l.Content, l.Style}, g.Losses, 1e-5, 1e-7)
		testkit.Close(t, "gradient", grad, g.Grad, 1e-4, 1e-5)
		measured, err := style.Measure(d, net, picture, content, look, style.Options{Style: 10})
		if err != nil {
			t.Fatal(err)
		}
		if measured != l {
			t.Errorf("measured %v, and %v on the tape", measured, l)
		}
	})
}

func TestStepsEqualPyTorch(t *testing.T) {
	each(t, func(t *testing.T, g *golden, d *tensor.Device, net *vision.CNN) {
		content, look, _ := g.pictures()
		var got, want []float64
		o := style.Options{Style: 10, Steps: len(g.Steps), Progress: func(step int, l style.Losses) { got = append(got, l.Content, l.Style) }}
		made, end, err := style.Transfer(t.Context(), d, net, content, look, o)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range g.Steps {
			want = append(want, l...)
		}
		testkit.Close(t, "losses", got, want, 1e-3, 1e-5)
		testkit.Close(t, "the picture", made.Pixels, g.Last, 0, 1e-3)
		if after, err := style.Measure(d, net, made, content, look, o); err != nil || after != end {
			t.Errorf("the picture's losses are %v, said to be %v, error %v", after, end, err)
		}
	})
}

// tiny is a network with drawn weights.
func tiny(t *testing.T, d *tensor.Device) *vision.CNN {
	t.Helper()
	m, err := vision.NewCNN(vision.CNNConfig{Size: [2]int{16, 16}, Channels: 1, Widths: []int{8, 8, 8}, Mean: 0.5, Std: 0.5, Labels: vision.NewLabels([]string{"a", "b"})})
	if err != nil {
		t.Fatal(err)
	}
	nn.Init(m, d, 1)
	return m
}

// stripes are of a side, a period and a direction.
func stripes(side, period int, down bool) style.Picture {
	p := style.Picture{H: side, W: side, C: 1}
	for i := range side * side {
		at := i % side
		if down {
			at = i / side
		}
		p.Pixels = append(p.Pixels, float32(at%period/(period/2)))
	}
	return p
}

// TestExtremes: with content alone noise becomes the content, with style alone the style loss
// falls further than with both, and any number of threads makes the same bits.
func TestExtremes(t *testing.T) {
	d, two := tensor.CPU(1), tensor.CPU(2)
	defer d.Close()
	defer two.Close()
	net := tiny(t, d)
	content, look := stripes(16, 8, false), stripes(24, 4, true)
	end := func(d *tensor.Device, net *vision.CNN, o style.Options) (style.Picture, style.Losses) {
		o.Steps, o.Seed, o.LR = 60, 3, 0.05
		p, l, err := style.Transfer(t.Context(), d, net, content, look, o)
		if err != nil {
			t.Fatal(err)
		}
		return p, l
	}
	start, err := style.Measure(d, net, content, content, look, style.Options{})
	if err != nil {
		t.Fatal(err)
	}
	made, both := end(d, net, style.Options{})
	_, only := end(d, net, style.Options{Noise: true, Style: -1})
	_, without := end(d, net, style.Options{Noise: true, Content: -1})
	if start.Content != 0 || both.Style > start.Style/2 || both.Content > 0.7 {
		t.Errorf("the content measures %v, the picture %v", start, both)
	}
	if only.Content > 0.05 || only.Content >= both.Content {
		t.Errorf("content alone ends with %v, both with %v", only, both)
	}
	if without.Style >= both.Style || without.Content <= both.Content {
		t.Errorf("style alone ends with %v, both with %v", without, both)
	}
	again, _ := end(two, tiny(t, two), style.Options{})
	testkit.SameBits(t, "two threads", again.Pixels, made.Pixels)
	for i, v := range made.Pixels {
		if v < 0 || v > 1 {
			t.Fatalf("pixel %d is %g", i, v)
		}
	}
}

func TestRefused(t *testing.T) {
	d := tensor.CPU(1)
	defer d.Close()
	net := tiny(t, d)
	good := stripes(16, 8, false)
	blind := tiny(t, d)
	blind.Stages[0].Norm.W.Fill(0)
	tests := []struct {
		want          string
		net           *vision.CNN
		content, look style.Picture
		o             style.Options
	}{
		{"the content has 4 × 4 pixels; the network looks at 8 × 8 at least", net, stripes(4, 2, true), good, style.Options{}},
		{"the style has 4 × 4 pixels", net, good, stripes(4, 2, true), style.Options{}},
		{"want 1 channels", net, good, style.Picture{H: 16, W: 16, C: 3, Pixels: make([]float32, 768)}, style.Options{}},
		{"layer 4; the network has 1 to 3", net, good, good, style.Options{Layer: 4}},
		{"sees nothing", blind, good, good, style.Options{}},
	}
	for _, tt := range tests {
		if _, _, err := style.Transfer(t.Context(), d, tt.net, tt.content, tt.look, tt.o); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("got the error %v, want one that says %q", err, tt.want)
		}
	}
	if _, err := style.Measure(d, net, stripes(24, 4, true), good, good, style.Options{}); err == nil || !strings.Contains(err.Error(), "24 × 24 × 1 is measured by a content of 16 × 16") {
		t.Errorf("a picture of another size is measured with the error %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := style.Transfer(ctx, d, net, good, good, style.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}
