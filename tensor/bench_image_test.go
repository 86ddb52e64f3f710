package tensor_test

import (
	"testing"

	"github.com/inkstone-ai/inkstone/tensor"
)

// convShapes are layers of small image models: images, height = width, channels, output
// channels, taps, stride, padding; transposed or not.
var convShapes = []struct {
	name                string
	B, H, C, O, K, S, P int
	transposed          bool
}{
	{"first 28 1-32 3x3", 128, 28, 1, 32, 3, 1, 1, false},
	{"inner 14 32-64 3x3", 128, 14, 32, 64, 3, 1, 1, false},
	{"strided 28 1-64 4x4", 64, 28, 1, 64, 4, 2, 1, false},
	{"strided 14 64-128 4x4", 64, 14, 64, 128, 4, 2, 1, false},
	{"transposed 7 128-64 4x4", 64, 7, 128, 64, 4, 2, 1, true},
	{"transposed 14 64-1 4x4", 64, 14, 64, 1, 4, 2, 1, true},
	{"one 96 32-64 3x3", 1, 96, 32, 64, 3, 1, 1, false},
	{"frames 32 64-256 3x3", 8, 32, 64, 256, 3, 1, 1, false},
}

// BenchmarkConv2D is a convolution and its gradients.
func BenchmarkConv2D(b *testing.B) {
	for _, c := range convShapes {
		b.Run(c.name, func(b *testing.B) {
			d := tensor.CPU(2)
			defer d.Close()
			x, w := tensor.New(d, c.B, c.H, c.H, c.C), tensor.New(d, c.O, c.K, c.K, c.C)
			if c.transposed {
				w = tensor.New(d, c.C, c.K, c.K, c.O)
			}
			for i, p := range []*T{x, w} {
				p.FillNormal(uint64(i), 0.1)
				p.SetTrainable(true)
			}
			s := tensor.NewStep(d, tensor.StepOptions{Grad: true})
			defer s.Close()
			positions := 0
			for b.Loop() {
				s.Begin(0)
				var y *T
				if c.transposed {
					y = s.Use(x).ConvTranspose2D(w, nil, tensor.Square(c.S, c.P), [2]int{})
					positions = x.Len() / c.C
				} else {
					y = s.Use(x).Conv2D(w, nil, tensor.Square(c.S, c.P))
					positions = y.Len() / c.O
				}
				s.Backward(y.Sum())
			}
			flops := 3 * 2 * float64(positions) * float64(w.Len())
			b.ReportMetric(flops*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
		})
	}
}
