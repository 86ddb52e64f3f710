package tensor_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/tensor"
)

// block is a transformer block of 4 heads, small but with every kind of
// operation: what training runs.
type block struct {
	d                                 *tensor.Device
	embed, norm, q, k, v, o, gate, up *T
	down, conv, norm2, bias, freqs    *T
	width, tokens                     int
	ids, targets, pos, starts         []int32
	weights                           []float32
	m1, m2                            []*T
	brief                             func(x *T) *T // what is done to each norm, gate and dropout
}

func newBlock(d *tensor.Device, width, tokens int) *block {
	b := &block{d: d, width: width, tokens: tokens, starts: []int32{0, int32(tokens / 2), int32(tokens)}, brief: asIs}
	F, V := 2*width, 50
	b.embed, b.norm, b.norm2 = tensor.New(d, V, width), tensor.New(d, width), tensor.New(d, width)
	b.q, b.k, b.v, b.o = tensor.New(d, width, width), tensor.New(d, width/2, width), tensor.New(d, width/2, width), tensor.New(d, width, width)
	b.gate, b.up, b.down = tensor.New(d, F, width), tensor.New(d, F, width), tensor.New(d, width, F)
	b.conv, b.bias = tensor.New(d, 3, width), tensor.New(d, width)
	for i, p := range b.params() {
		p.FillNormal(uint64(i), 0.2)
		p.SetTrainable(true)
		b.m1, b.m2 = append(b.m1, tensor.New(d, p.Shape()...)), append(b.m2, tensor.New(d, p.Shape()...))
	}
	b.freqs = tensor.FromFloats(d, grid(width/8, 0, 0.01, 1), width/8)
	for i := range tokens {
		b.ids = append(b.ids, int32(i*7%V))
		b.targets = append(b.targets, int32(i*11%V))
		b.pos = append(b.pos, int32(i%(tokens/2)))
		b.weights = append(b.weights, 1/float32(tokens))
	}
	return b
}

func (b *block) params() []*T {
	return []*T{b.embed, b.norm, b.q, b.k, b.v, b.o, b.gate, b.up, b.down, b.conv, b.norm2, b.bias}
}

func (b *block) forward(s *Step, x *T) *T {
	N, D := x.Dim(0), b.width/4
	segments, pos := s.Segments(b.starts), s.Ints(b.pos, N)
	h := b.brief(x.RMSNorm(b.norm, 1e-5))
	q := h.Linear(b.q, nil).Reshape(N, 4, D).Rotary(pos, b.freqs, false)
	k := h.Linear(b.k, nil).Reshape(N, 2, D).Rotary(pos, b.freqs, false)
	v := h.Linear(b.v, nil).Reshape(N, 2, D)
	y := q.Attention(k, v, segments, tensor.AttentionOptions{})
	x = x.Add(b.brief(y.Reshape(N, b.width).Linear(b.o, b.bias).Dropout(0.1)))
	x = x.Add(x.CausalConv(b.conv, segments))
	h = b.brief(x.LayerNorm(b.norm2, b.bias, 1e-5))
	y = b.brief(h.Linear(b.gate, nil).SiLUMul(h.Linear(b.up, nil)))
	return x.Add(b.brief(y.Linear(b.down, nil).Dropout(0.1)))
}

func (b *block) loss(s *Step, layer func(x *T) *T) *T {
	x := s.Use(b.embed).Rows(s.Ints(b.ids, b.tokens))
	loss, _ := layer(layer(x)).HeadLoss(b.embed, nil, s.Ints(b.targets, b.tokens),
		tensor.CEOptions{Weights: s.Floats(b.weights, b.tokens)})
	return loss
}

func (b *block) train(s *Step, i int, layer func(x *T) *T) float32 {
	s.Begin(uint64(i))
	for _, p := range b.params() {
		p.ZeroGrad()
	}
	loss := b.loss(s, layer)
	s.Backward(loss)
	norm := 0.0
	for j, p := range b.params() {
		norm += p.Grad().SumSquares()
		p.Update(tensor.AdamW, b.m1[j], b.m2[j], tensor.UpdateParams{
			LR: 1e-2, B1: 0.9, B2: 0.95, Eps: 1e-8, Decay: 0.1, Correct1: 0.1, Correct2: 0.05,
		})
	}
	return loss.Item() + 0*float32(norm)
}

// TestStepAllocatesNothing is the promise of the package: after the first, a
// whole training step allocates nothing on the heap.
func TestStepAllocatesNothing(t *testing.T) {
	for _, threads := range []int{1, 2} {
		d := tensor.CPU(threads)
		defer d.Close()
		b := newBlock(d, 32, 24)
		s := tensor.NewStep(d, tensor.StepOptions{Grad: true, Seed: 3})
		defer s.Close()
		layer := func(x *T) *T { return b.forward(s, x) }
		i := 0
		step := func() {
			b.train(s, i, layer)
			i++
		}
		step()
		if n := testing.AllocsPerRun(20, step); n != 0 {
			t.Errorf("%d threads: a training step allocates %v times, want 0", threads, n)
		}
	}
}

// TestCheckpoint compares gradients with and without it, bit for bit, nested
// too, and that it saves memory.
func TestCheckpoint(t *testing.T) {
	for name, d := range devices(t) {
		var grads [3][]float32
		var peaks [3]int
		var losses [3]float32
		for i := range grads {
			b := newBlock(d, 32, 24)
			s := tensor.NewStep(d, tensor.StepOptions{Grad: true, Seed: 3})
			plain := func(x *T) *T { return b.forward(s, x) }
			once := func(x *T) *T { return s.Checkpoint(x, plain) }
			layer := []func(x *T) *T{plain, once, func(x *T) *T {
				return s.Checkpoint(x, func(x *T) *T { return once(once(x)) })
			}}[i]
			if i < 2 {
				inner := layer
				layer = func(x *T) *T { return inner(inner(x)) }
			}
			s.Begin(7)
			loss := b.loss(s, layer)
			s.Backward(loss)
			losses[i] = loss.Item()
			for _, p := range b.params() {
				grads[i] = append(grads[i], p.Grad().Floats()...)
			}
			_, peaks[i] = s.Bytes()
			s.Close()
		}
		for i := 1; i < 3; i++ {
			testkit.SameBits(t, name+": gradients", grads[i], grads[0])
			testkit.SameBits(t, name+": losses", losses[i:i+1], losses[:1])
			if peaks[i] >= peaks[0] {
				t.Errorf("%s: peak of %d bytes with checkpoints, %d without", name, peaks[i], peaks[0])
			}
		}
	}
}

// TestSameBits trains with 1, 2 and 3 threads: weights are equal bit for bit.
func TestSameBits(t *testing.T) {
	for _, precision := range []tensor.DType{tensor.F32, tensor.BF16} {
		t.Run(precision.String(), func(t *testing.T) { testSameBits(t, precision) })
	}
}

func testSameBits(t *testing.T, precision tensor.DType) {
	var want []float32
	for _, threads := range []int{1, 2, 3} {
		d := tensor.CPU(threads)
		defer d.Close()
		b := newBlock(d, 64, 96)
		s := tensor.NewStep(d, tensor.StepOptions{Grad: true, Seed: 3, Precision: precision})
		defer s.Close()
		var got []float32
		for i := range 3 {
			got = append(got, b.train(s, i, func(x *T) *T { return b.forward(s, x) }))
		}
		for _, p := range b.params() {
			got = append(got, p.Floats()...)
		}
		if want == nil {
			want = got
		}
		testkit.SameBits(t, fmt.Sprint(threads, " threads"), got, want)
	}
}

// TestPrecision: a step in BF16 gives the products of rounded numbers where the
// device has them, float32's elsewhere, and a step without a word float32's.
func TestPrecision(t *testing.T) {
	d := tensor.CPU(1)
	defer d.Close()
	x, w := []float32{1 + 1./512, 3}, []float32{1, 1 + 1./1024} // BF16 has 1 and 1
	for _, asked := range []tensor.DType{tensor.F32, tensor.BF16} {
		s := tensor.NewStep(d, tensor.StepOptions{Precision: asked})
		defer s.Close()
		s.Begin(0)
		want := x[0]*w[0] + x[1]*w[1]
		if d.Precision(asked) == tensor.BF16 {
			want = 1 + 3
		}
		if got := s.Floats(x, 1, 2).MatMulT(s.Floats(w, 1, 2)).Floats()[0]; got != want {
			t.Errorf("in %v the product is %v, want %v", asked, got, want)
		}
	}
	for name, want := range map[string]tensor.DType{"": tensor.F32, "f32": tensor.F32, "bf16": tensor.BF16} {
		if got, err := tensor.ParsePrecision(name); got != want || err != nil {
			t.Errorf("precision %q is %v, %v", name, got, err)
		}
	}
	if _, err := tensor.ParsePrecision("fp8"); err == nil {
		t.Error("there is a precision fp8")
	}
}

// TestLearns checks that the block memorises its batch: forward, backward and
// update fit together.
func TestLearns(t *testing.T) {
	d := tensor.CPU(2)
	defer d.Close()
	b := newBlock(d, 32, 24)
	s := tensor.NewStep(d, tensor.StepOptions{Grad: true, Seed: 3})
	defer s.Close()
	layer := func(x *T) *T { return b.forward(s, x) }
	first := b.train(s, 0, layer)
	var last float32
	for i := range 40 {
		last = b.train(s, i+1, layer)
	}
	if last > first/4 {
		t.Errorf("loss %v after 60 steps, %v at first", last, first)
	}
}

// mustPanic runs f and checks that it panics with words.
func mustPanic(t *testing.T, words string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if p := recover(); p == nil {
			t.Errorf("no panic, want one with %q", words)
		} else if !strings.Contains(fmt.Sprint(p), words) {
			t.Errorf("panic %q, want %q in it", p, words)
		}
	}()
	f()
}

func TestLifetimes(t *testing.T) {
	for _, d := range devices(t) {
		s := tensor.NewStep(d, tensor.StepOptions{Grad: true})
		s.Begin(0)
		p := tensor.FromFloats(d, []float32{1, 2, 3, 4}, 2, 2)
		p.SetTrainable(true)
		x := s.Use(p).Scale(2)
		y := x.Reshape(4)
		loss := y.Square().Sum()
		kept := y.Keep()
		s.Backward(loss)
		if got := loss.Item(); got != 120 {
			t.Errorf("loss %v, want 120", got)
		}
		mustPanic(t, "released by Backward", func() { x.Neg() })
		mustPanic(t, "released by Backward", func() { y.Floats() })
		mustPanic(t, "depends on no trainable", func() { s.Backward(loss) })
		input := s.Floats([]float32{1}, 1)
		input.Neg() // inputs live until the next Begin
		for range 3 {
			s.Begin(1)
			mustPanic(t, "has ended", func() { input.Neg() })
			mustPanic(t, "has ended", func() { loss.Item() })
		}
		testkit.Close(t, "kept", kept.Floats(), []float32{2, 4, 6, 8}, 0, 0)
		testkit.Close(t, "gradient", p.Grad().Floats(), []float32{8, 16, 24, 32}, 1e-6, 0)

		mustPanic(t, "nn.Init", func() { tensor.Declare(2).Fill(0) })
		mustPanic(t, "all operands are persistent", func() { p.Add(p) })
		other := tensor.NewStep(d, tensor.StepOptions{})
		other.Begin(0)
		mustPanic(t, "two steps", func() { other.Use(p).Add(s.Use(p)) })
		s.Close()
		mustPanic(t, "has ended", func() { input.Neg() })
		other.Close()
	}
}

func TestNoGradAndScope(t *testing.T) {
	for _, d := range devices(t) {
		s := tensor.NewStep(d, tensor.StepOptions{Grad: true})
		s.Begin(0)
		p := tensor.FromFloats(d, []float32{1, 2, 3}, 3)
		p.SetTrainable(true)
		var c *T
		s.NoGrad(func() { c = s.Use(p).Square() })
		loss := c.Mul(p).Sum() // c counts as constant
		s.Backward(loss)
		testkit.Close(t, "gradient", p.Grad().Floats(), []float32{1, 4, 9}, 1e-6, 0)

		s.Begin(1)
		var inside *T
		before, _ := s.Bytes()
		s.NoGrad(func() {
			y := s.Scope(func() *T {
				inside = s.Use(p).Square()
				return inside.Exp().AddScalar(1).Reshape(1, 3)
			})
			testkit.Close(t, "scope", y.Floats(), []float32{3.7182817, 55.59815, 8104.084}, 1e-5, 0)
		})
		mustPanic(t, "released", func() { inside.Neg() })
		if now, _ := s.Bytes(); now-before > 256 {
			t.Errorf("a scope left %d bytes, want one result", now-before)
		}
		s.Close()
	}
}

// TestLeaf checks gradients with respect to an input of the step.
func TestLeaf(t *testing.T) {
	for _, d := range devices(t) {
		s := tensor.NewStep(d, tensor.StepOptions{Grad: true})
		s.Begin(0)
		x := s.Floats([]float32{1, -2, 3}, 3)
		x.SetTrainable(true)
		s.Backward(x.Square().Mul(x).Sum())
		testkit.Close(t, "gradient", x.Grad().Floats(), []float32{3, 12, 27}, 1e-6, 0)
		mustPanic(t, "result of an operation", func() { x.Neg().SetTrainable(true) })
		s.Close()
	}
}

// TestPartLoss takes one element of several losses.
func TestPartLoss(t *testing.T) {
	for name, d := range devices(t) {
		s := tensor.NewStep(d, tensor.StepOptions{Grad: true})
		s.Begin(0)
		x := s.Floats([]float32{1, -2, 3}, 3)
		x.SetTrainable(true)
		loss := x.Square().Slice(0, 1, 2)
		s.Backward(loss)
		testkit.Close(t, name, x.Grad().Floats(), []float32{0, -4, 0}, 0, 0)
		if got := loss.Item(); got != 4 {
			t.Errorf("%s: loss %v after Backward, want 4", name, got)
		}
		s.Close()
	}
}

// TestAccumulation checks that two passes of half a batch add to what one pass
// of the whole gives.
func TestAccumulation(t *testing.T) {
	for _, d := range devices(t) {
		w := tensor.FromFloats(d, grid(6, 0, -1, 1), 2, 3)
		w.SetTrainable(true)
		s := tensor.NewStep(d, tensor.StepOptions{Grad: true})
		x := grid(12, 1, -1, 1)
		pass := func(x []float32) {
			s.Begin(0)
			s.Backward(s.Floats(x, len(x)/3, 3).Linear(w, nil).Square().Sum().Scale(0.25))
		}
		pass(x)
		whole := w.Grad().Floats()
		w.ZeroGrad()
		pass(x[:6])
		pass(x[6:])
		testkit.Close(t, "gradient", w.Grad().Floats(), whole, 1e-6, 1e-7)
		s.Close()
	}
}

// TestTrim runs passes of ever other lengths: what the step holds is bounded.
// Without trimming, one buffer of each size class would come to 180 MB.
func TestTrim(t *testing.T) {
	d := tensor.CPU(1)
	defer d.Close()
	s := tensor.NewStep(d, tensor.StepOptions{})
	defer s.Close()
	most := 0
	for i := range 40 {
		s.Begin(uint64(i))
		s.Zeros(1 + i*7_919_017%5_000_000) // at most 20 MB
		most = max(most, s.Held())
	}
	if _, peak := s.Bytes(); peak > 22<<20 {
		t.Errorf("peak %d bytes, want at most 20 MB and an eighth", peak)
	}
	if most > 130<<20 {
		t.Errorf("held %d bytes, want at most twice the longest pass and 64 MiB", most)
	}
}

// TestScopeFitsIn: what a scope computes lies in free buffers that are large enough,
// whatever their size; outside of one a buffer fits exactly.
func TestScopeFitsIn(t *testing.T) {
	for name, d := range devices(t) {
		s := tensor.NewStep(d, tensor.StepOptions{})
		defer s.Close()
		s.Begin(0)
		s.Zeros(256 << 10)
		s.Zeros(192 << 10)
		s.Begin(1)
		before := s.Held()
		for range 2 {
			y := s.Scope(func() *T { return s.Full(2, 160<<10).Scale(3) })
			testkit.Close(t, name, y.Slice(0, 0, 2).Floats(), []float32{6, 6}, 0, 0)
			s.Begin(2)
		}
		if s.Held() != before {
			t.Errorf("%s: a scope took %d bytes more", name, s.Held()-before)
		}
		if s.Zeros(160 << 10); s.Held() == before {
			t.Errorf("%s: a result outside of a scope lies in a buffer of another size", name)
		}
	}
}

func TestDropout(t *testing.T) {
	const n, rate = 100_000, 0.3
	for _, d := range devices(t) {
		draw := func(o tensor.StepOptions, index uint64, skip int) []float32 {
			s := tensor.NewStep(d, o)
			defer s.Close()
			s.Begin(index)
			for range skip {
				s.Full(1, 1).Dropout(rate)
			}
			return s.Full(1, n).Dropout(rate).Floats()
		}
		train := tensor.StepOptions{Grad: true, Seed: 4}
		x := draw(train, 2, 0)
		dropped := 0
		for _, v := range x {
			if v == 0 {
				dropped++
			} else if v != float32(1/(1-float32(rate))) {
				t.Fatalf("an element is %v, want 0 or %v", v, 1/(1-rate))
			}
		}
		// Five standard deviations of a binomial: √(n·0.3·0.7) = 145.
		if dropped < n*rate-725 || dropped > n*rate+725 {
			t.Errorf("dropped %d of %d, want about 30 %%", dropped, n)
		}
		testkit.SameBits(t, "again", draw(train, 2, 0), x)
		for what, y := range map[string][]float32{
			"another seed":  draw(tensor.StepOptions{Grad: true, Seed: 5}, 2, 0),
			"another index": draw(train, 3, 0),
			"second draw":   draw(train, 2, 1),
		} {
			same := 0
			for i := range x {
				if x[i] == y[i] {
					same++
				}
			}
			// 0.3² + 0.7² = 58 % agree by chance.
			if same > n*60/100 {
				t.Errorf("%s: %d of %d elements agree, want 58 %%", what, same, n)
			}
		}
		testkit.SameBits(t, "inference", draw(tensor.StepOptions{}, 2, 0)[:3], []float32{1, 1, 1})
	}
}

// TestStepWatch: a step tells the input and the weight of each Linear, in order.
func TestStepWatch(t *testing.T) {
	d := tensor.Reference()
	defer d.Close()
	v, w := tensor.FromFloats(d, []float32{1, 2, 3, 4}, 2, 2), tensor.FromFloats(d, []float32{5, 6}, 1, 2)
	var seen []*tensor.Tensor
	var inputs [][]float32
	s := tensor.NewStep(d, tensor.StepOptions{Watch: func(x, w *tensor.Tensor) {
		seen, inputs = append(seen, w), append(inputs, x.Floats())
	}})
	defer s.Close()
	s.Begin(0)
	s.Floats([]float32{1, 1}, 1, 2).Linear(v, nil).Linear(w, nil)
	if len(seen) != 2 || seen[0] != v || seen[1] != w {
		t.Fatalf("%d products seen, want that with v and that with w", len(seen))
	}
	testkit.SameBits(t, "first input", inputs[0], []float32{1, 1})
	testkit.SameBits(t, "second input", inputs[1], []float32{3, 7})
}
