package tensor_test

import (
	"testing"

	"github.com/inkstone-ai/inkstone/tensor"
)

// BenchmarkSmallOp is what one operation on next to no data costs: header,
// arena, checks, the call of the device.
func BenchmarkSmallOp(b *testing.B) {
	for _, grad := range []bool{false, true} {
		b.Run(map[bool]string{false: "inference", true: "recorded"}[grad], func(b *testing.B) {
			d := tensor.CPU(1)
			defer d.Close()
			p := tensor.New(d, 16)
			p.SetTrainable(true)
			s := tensor.NewStep(d, tensor.StepOptions{Grad: grad})
			defer s.Close()
			for b.Loop() {
				s.Begin(0)
				x := s.Use(p)
				for range 1000 {
					x = x.AddScalar(1)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/op-in-step")
		})
	}
}

// BenchmarkStep trains nanoGPT's CPU recipe without its optimizer: 4 layers of
// 128 channels and 4 heads, 12 sequences of 64 tokens, 65 classes.
func BenchmarkStep(b *testing.B) {
	for _, threads := range []int{1, 2} {
		b.Run([]string{"", "1 thread", "2 threads"}[threads], func(b *testing.B) {
			d := tensor.CPU(threads)
			defer d.Close()
			n := newNet(d, 4, 128, 4, 65)
			s := tensor.NewStep(d, tensor.StepOptions{Grad: true})
			defer s.Close()
			const sequences, length = 12, 64
			ids, targets, pos := make([]int32, sequences*length), make([]int32, sequences*length), make([]int32, sequences*length)
			starts := []int32{0}
			for i := range ids {
				ids[i], targets[i], pos[i] = int32(i*7%65), int32(i*11%65), int32(i%length)
			}
			for i := range sequences {
				starts = append(starts, int32((i+1)*length))
			}
			for b.Loop() {
				s.Begin(0)
				s.Backward(n.loss(s, ids, targets, pos, starts))
			}
			b.ReportMetric(float64(len(ids))*float64(b.N)/b.Elapsed().Seconds(), "tokens/s")
			// 6 FLOPs a weight and token, forward and backward (Kaplan 2020), and attention's products.
			flops := float64(len(ids)) * (6*float64(n.weights) + 4*12*float64(length/2)*128)
			b.ReportMetric(flops*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
			_, peak := s.Bytes()
			b.ReportMetric(float64(peak)/(1<<20), "MiB")
		})
	}
}

// BenchmarkCrossAttention is attention of targets over sources, 128 pairs of 24 queries
// and 20 keys in 4 heads of 64, forward and backward: an encoder–decoder's batch. The rate
// counts 4·D operations for a query and a key forward and 10·D backward.
func BenchmarkCrossAttention(b *testing.B) {
	const pairs, T, S, H, D = 128, 24, 20, 4, 64
	each(b, func(b *testing.B, d *tensor.Device, s *Step) {
		q, k, v := trained(d, pairs*T, H, D), trained(d, pairs*S, H, D), trained(d, pairs*S, H, D)
		segments := make([]int32, 0, 4*pairs)
		for i := range int32(pairs) {
			segments = append(segments, i*T, T, i*S, S)
		}
		for b.Loop() {
			s.Begin(0)
			y := s.Use(q).Attention(k, v, s.Ints(segments, pairs, 4), tensor.AttentionOptions{Bidirectional: true})
			s.Backward(y.Sum())
		}
		b.ReportMetric(14*pairs*T*S*H*D*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
	})
}

// BenchmarkRows is the look-up of 4,096 tokens in a table of 16,384 rows of 256 channels
// and its gradient. The rate counts what must be read and written once: rows and result,
// the gradient of the result and, read and written, of the rows.
func BenchmarkRows(b *testing.B) {
	const V, N, C = 16384, 4096, 256
	each(b, func(b *testing.B, d *tensor.Device, s *Step) {
		table, ids := trained(d, V, C), make([]int32, N)
		for i := range ids {
			ids[i] = int32(i * 7919 % V)
		}
		for b.Loop() {
			s.Begin(0)
			s.Backward(table.Rows(s.Ints(ids, N)).Sum())
		}
		b.ReportMetric(5*4*N*C*float64(b.N)/b.Elapsed().Seconds()/1e9, "GB/s")
	})
}

// each runs f with one thread and with two.
func each(b *testing.B, f func(b *testing.B, d *tensor.Device, s *Step)) {
	for _, threads := range []int{1, 2} {
		b.Run([]string{"", "1 thread", "2 threads"}[threads], func(b *testing.B) {
			d := tensor.CPU(threads)
			defer d.Close()
			s := tensor.NewStep(d, tensor.StepOptions{Grad: true})
			defer s.Close()
			f(b, d, s)
		})
	}
}

// trained is a trainable tensor of normal numbers.
func trained(d *tensor.Device, shape ...int) *T {
	t := tensor.New(d, shape...)
	t.FillNormal(1, 1)
	t.SetTrainable(true)
	return t
}

// net is GPT-2 in small.
type net struct {
	wte, wpe     *T
	layers       []layer
	width, heads int
	weights      int
}

type layer struct{ ln1, ln2, qkv, proj, up, down *T }

func newNet(d *tensor.Device, layers, width, heads, classes int) *net {
	n := &net{width: width, heads: heads}
	w := func(shape ...int) *T {
		p := tensor.New(d, shape...)
		p.FillNormal(uint64(n.weights), 0.02)
		p.SetTrainable(true)
		n.weights += p.Len()
		return p
	}
	n.wte, n.wpe = w(classes, width), w(64, width)
	for range layers {
		n.layers = append(n.layers, layer{w(width), w(width), w(3*width, width), w(width, width), w(4*width, width), w(width, 4*width)})
	}
	return n
}

func (n *net) loss(s *Step, ids, targets, pos, starts []int32) *T {
	N, C, D := len(ids), n.width, n.width/n.heads
	segments := s.Segments(starts)
	x := n.wte.Rows(s.Ints(ids, N)).Add(n.wpe.Rows(s.Ints(pos, N)))
	for i := range n.layers {
		l := &n.layers[i]
		qkv := x.LayerNorm(l.ln1, nil, 1e-5).Linear(l.qkv, nil)
		part := func(i int) *T { return qkv.Slice(1, i*C, (i+1)*C).Reshape(N, n.heads, D) }
		y := part(0).Attention(part(1), part(2), segments, tensor.AttentionOptions{})
		x = x.Add(y.Reshape(N, C).Linear(l.proj, nil))
		x = x.Add(x.LayerNorm(l.ln2, nil, 1e-5).Linear(l.up, nil).GELU().Linear(l.down, nil))
	}
	sum, _ := x.HeadLoss(n.wte, nil, s.Ints(targets, N), tensor.CEOptions{})
	return sum
}
