package nn_test

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// toy has everything that a walk meets.
type toy struct {
	Embed  nn.Embedding `hf:"embed"`
	Blocks []toyBlock   `hf:"blocks"`
	Norm   *nn.RMSNorm  `hf:"norm"`
	Head   *nn.Linear   `hf:"head" role:"head"`
	Absent *nn.Linear   `hf:"absent"`
	Again  *nn.Linear   `hf:"again"`

	scratch *tensor.Tensor
}

type toyBlock struct {
	inner
	Conv nn.CausalConv `hf:"conv"`
}

type inner struct {
	Up   nn.Linear    `hf:"up"`
	Norm nn.LayerNorm `hf:"norm"`
}

func newToy() *toy {
	norm, head := nn.NewRMSNorm(4, 1e-5), nn.NewLinear(4, 7, false)
	m := &toy{Embed: nn.NewEmbedding(7, 4), Norm: &norm, Head: &head, Again: &head, scratch: tensor.Declare(2)}
	for range 2 {
		m.Blocks = append(m.Blocks, toyBlock{
			inner: inner{Up: nn.NewLinear(4, 6, true), Norm: nn.NewLayerNorm(4, 1e-5, true)},
			Conv:  nn.NewCausalConv(0, 3, 4),
		})
	}
	return m
}

func TestWalk(t *testing.T) {
	var got []string
	nn.Walk(newToy(), func(p nn.Param) { got = append(got, p.Name+" "+p.Role.String()) })
	want := []string{
		"embed.weight table",
		"blocks.0.up.weight matrix", "blocks.0.up.bias bias", "blocks.0.norm.weight gain", "blocks.0.norm.bias bias", "blocks.0.conv.weight taps",
		"blocks.1.up.weight matrix", "blocks.1.up.bias bias", "blocks.1.norm.weight gain", "blocks.1.norm.bias bias", "blocks.1.conv.weight taps",
		"norm.weight gain", "head.weight head",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestWalkGGUF: names by gguf tags, where structs without one add nothing, and slices without one share names.
func TestWalkGGUF(t *testing.T) {
	type experts struct {
		Up nn.Linear `hf:"up" gguf:"ffn_up_exps"`
	}
	type block struct {
		Inner struct {
			Up nn.Linear `hf:"up" gguf:"ffn_up"`
		} `hf:"mlp"`
		Experts []experts     `hf:"experts"`
		Conv    nn.CausalConv `hf:"conv" gguf:"conv"`
	}
	m := &struct {
		Embed  nn.Embedding `hf:"embed"`
		Blocks []block      `hf:"layers" gguf:"blk"`
		Norm   nn.RMSNorm   `hf:"norm" gguf:"output_norm"`
	}{Embed: nn.NewEmbedding(7, 4), Norm: nn.NewRMSNorm(4, 1e-5), Blocks: make([]block, 2)}
	for i := range m.Blocks {
		m.Blocks[i].Inner.Up, m.Blocks[i].Conv = nn.NewLinear(4, 6, true), nn.NewCausalConv(0, 3, 4)
		m.Blocks[i].Experts = []experts{{nn.NewLinear(4, 6, false)}, {nn.NewLinear(4, 6, false)}}
	}
	var got []string
	nn.Walk(m, func(p nn.Param) { got = append(got, p.Name+" "+p.GGUF) })
	want := []string{
		"embed.weight ",
		"layers.0.mlp.up.weight blk.0.ffn_up.weight", "layers.0.mlp.up.bias blk.0.ffn_up.bias",
		"layers.0.experts.0.up.weight blk.0.ffn_up_exps.weight", "layers.0.experts.1.up.weight blk.0.ffn_up_exps.weight", "layers.0.conv.weight blk.0.conv.weight",
		"layers.1.mlp.up.weight blk.1.ffn_up.weight", "layers.1.mlp.up.bias blk.1.ffn_up.bias",
		"layers.1.experts.0.up.weight blk.1.ffn_up_exps.weight", "layers.1.experts.1.up.weight blk.1.ffn_up_exps.weight", "layers.1.conv.weight blk.1.conv.weight",
		"norm.weight output_norm.weight",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestWalkPanics(t *testing.T) {
	tests := []struct {
		name  string
		model any
		says  string
	}{
		{"no pointer", toy{}, "want a pointer to a struct"},
		{"no tag", &struct{ W *tensor.Tensor }{tensor.Declare(1)}, "no hf tag"},
		{"no block", &struct {
			W *tensor.Tensor `hf:"w"`
		}{tensor.Declare(1)}, "is no Block"},
		{"no weights", &struct {
			N int `hf:"n"`
		}{}, "want a struct"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			defer func() {
				if got, _ := recover().(string); !strings.Contains(got, tt.says) {
					t.Errorf("panic %q, want %q", got, tt.says)
				}
			}()
			nn.Walk(tt.model, func(nn.Param) {})
		})
	}
}

// halfNormal fails unless x looks drawn with mean 0 and deviation 0.5.
func halfNormal(t *testing.T, what string, x []float32) {
	t.Helper()
	sum, squares := 0.0, 0.0
	for _, x := range x {
		sum, squares = sum+float64(x), squares+float64(x)*float64(x)
	}
	n := float64(len(x))
	if mean, std := sum/n, math.Sqrt(squares/n); math.Abs(mean) > 0.02 || math.Abs(std-0.5) > 0.02 {
		t.Errorf("%s: mean %.3f, deviation %.3f, want 0 and 0.5", what, mean, std)
	}
}

// TestInit checks the values that training starts from, and that they do not
// depend on what else is in the model.
func TestInit(t *testing.T) {
	d := tensor.Reference()
	big := &struct {
		Up   nn.Linear     `hf:"up"`
		Conv nn.CausalConv `hf:"conv"`
		Norm nn.LayerNorm  `hf:"norm"`
	}{nn.NewLinear(100, 200, true), nn.NewCausalConv(0, 4, 2000), nn.NewLayerNorm(3, 1e-5, true)}
	big.Up.Std = 0.5
	nn.Init(big, d, 1)
	w := big.Up.W.Floats()
	halfNormal(t, "weights", w)
	halfNormal(t, "taps", big.Conv.W.Floats()) // 1/√width
	testkit.SameBits(t, "bias", big.Up.B.Floats(), make([]float32, 200))
	testkit.SameBits(t, "gain", big.Norm.W.Floats(), []float32{1, 1, 1})

	small := &struct {
		Up nn.Linear `hf:"up"`
	}{nn.NewLinear(100, 200, false)}
	small.Up.Std = 0.5
	nn.Init(small, d, 1)
	testkit.SameBits(t, "weights of one name and seed", small.Up.W.Floats(), w)
	other := &struct {
		Up nn.Linear `hf:"up"`
	}{nn.NewLinear(100, 200, false)}
	nn.Init(other, d, 2)
	if other.Up.W.Floats()[0] == w[0]*nn.Std/0.5 {
		t.Error("two seeds, one value")
	}
}

func TestPass(t *testing.T) {
	s := tensor.NewStep(tensor.Reference(), tensor.StepOptions{})
	defer s.Close()
	s.Begin(0)
	var p nn.Pass
	p.Set(s, []int32{5, 6, 7, 8, 9}, nn.Span{Rows: 3}, nn.Span{Rows: 2})
	if diff := cmp.Diff([]int32{0, 1, 2, 0, 1}, p.Pos.Ints()); diff != "" {
		t.Errorf("positions -want +got:\n%s", diff)
	}
	if diff := cmp.Diff([]int32{0, 3, 0, 3, 3, 2, 3, 2}, p.Segments.Ints()); diff != "" {
		t.Errorf("segments -want +got:\n%s", diff)
	}
	p.SetRows(s, []int32{1, 2, 3, 4}, 2)
	if diff := cmp.Diff([]nn.Span{{Rows: 2}, {Rows: 2}}, p.Spans); diff != "" {
		t.Errorf("spans -want +got:\n%s", diff)
	}
	tests := []struct {
		name string
		set  func()
		says string
	}{
		{"too few rows", func() { p.Set(s, []int32{1, 2}, nn.Span{Rows: 1}) }, "2 ids in spans of 1 rows"},
		{"an empty sequence", func() { p.Set(s, []int32{1}, nn.Span{Rows: 1}, nn.Span{}) }, "Rows:0"},
		{"a past without cache", func() { p.Set(s, []int32{1}, nn.Span{Rows: 1, Past: 3}) }, "Past:3"},
		{"uneven rows", func() { p.SetRows(s, []int32{1, 2, 3}, 2) }, "3 ids in sequences of 2"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			defer func() {
				if got, _ := recover().(string); !strings.Contains(got, tt.says) {
					t.Errorf("panic %q, want %q", got, tt.says)
				}
			}()
			tt.set()
		})
	}
}

// TestPassAllocatesNothing: a training loop sets its pass anew in every step.
func TestPassAllocatesNothing(t *testing.T) {
	s := tensor.NewStep(tensor.Reference(), tensor.StepOptions{Grad: true})
	defer s.Close()
	var p nn.Pass
	ids, spans := make([]int32, 12), []nn.Span{{Rows: 5}, {Rows: 7}}
	if n := testing.AllocsPerRun(20, func() {
		s.Begin(0)
		p.Set(s, ids, spans...)
		p.SetRows(s, ids, 4)
	}); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

// TestRotaryDependsOnDistance: the score of a query and a key is the same
// wherever they stand, as long as their distance is (Su et al. 2021, eq. 16).
func TestRotaryDependsOnDistance(t *testing.T) {
	s := tensor.NewStep(tensor.Reference(), tensor.StepOptions{})
	defer s.Close()
	s.Begin(0)
	r := nn.NewRotary(4, 100, nil)
	q := s.Floats([]float32{1, -2, 0.5, 3, 1, -2, 0.5, 3}, 2, 1, 4)
	k := s.Floats([]float32{0.3, 1, -1, 2, 0.3, 1, -1, 2}, 2, 1, 4)
	q = r.Rotate(q, s.Ints([]int32{7, 20}, 2)).Reshape(2, 4)
	k = r.Rotate(k, s.Ints([]int32{4, 17}, 2)).Reshape(2, 4)
	dots := q.Mul(k).Sum(1).Floats()
	testkit.Close(t, "score 13 positions on", dots[1:], dots[:1], 1e-5, 0)
}

func TestScaleLlama3(t *testing.T) {
	// Llama 3.1: factor 8, low 1, high 4, context 8192.
	scale := nn.ScaleLlama3(8, 1, 4, 8192)
	turns := func(n float64) float64 { return n * 2 * math.Pi / 8192 } // the frequency that turns n times in the context
	var got []float64
	for _, n := range []float64{4.5, 4, 2.5, 1, 0.5} {
		got = append(got, scale(0, turns(n)))
	}
	want := []float64{turns(4.5), turns(4), turns(2.5) * (0.5 + 0.5/8), turns(1) / 8, turns(0.5) / 8}
	testkit.Close(t, "frequencies", got, want, 1e-12, 0)
}

// TestCausalConv computes the convolution of two sequences by hand.
func TestCausalConv(t *testing.T) {
	d := tensor.Reference()
	s := tensor.NewStep(d, tensor.StepOptions{})
	defer s.Close()
	s.Begin(0)
	c := nn.NewCausalConv(0, 2, 1)
	c.W.Bind(d)
	c.W.WriteFloats([]float32{10, 1})
	var p nn.Pass
	p.Set(s, make([]int32, 5), nn.Span{Rows: 3}, nn.Span{Rows: 2})
	x := s.Floats([]float32{1, 2, 3, 4, 5}, 5, 1)
	testkit.SameBits(t, "convolution", c.Forward(&p, x).Floats(), []float32{10, 21, 32, 40, 54})
}

// forgetful is a cache without room for convolutions.
type forgetful struct{}

func (forgetful) Attend(_ int, p *nn.Pass, q, k, v *tensor.Tensor, a nn.Attention) *tensor.Tensor {
	return nn.FlashAttention(p.Segments, q, k, v, a)
}

func TestCausalConvNeedsRecent(t *testing.T) {
	d := tensor.Reference()
	s := tensor.NewStep(d, tensor.StepOptions{})
	defer s.Close()
	s.Begin(0)
	c := nn.NewCausalConv(0, 2, 1)
	c.W.Bind(d)
	p := nn.Pass{Cache: forgetful{}}
	p.Set(s, []int32{0}, nn.Span{Rows: 1})
	defer func() {
		if got, _ := recover().(string); !strings.Contains(got, "forgetful") {
			t.Errorf("panic %q, want the cache's name", got)
		}
	}()
	c.Forward(&p, s.Zeros(1, 1))
}

// TestCarry: a stream goes on where it ended, one that begins has zeros, others stay as
// they are.
func TestCarry(t *testing.T) {
	d := tensor.Reference()
	s := tensor.NewStep(d, tensor.StepOptions{})
	defer s.Close()
	c := nn.NewCarry(d, 3, 2)
	defer c.Free()
	c.States[0].WriteFloats([]float32{1, 2, 3, 4, 5, 6})
	p := nn.Pass{Cache: c}
	c.Begin(1)
	s.Begin(0)
	p.Set(s, []int32{0, 0, 0}, nn.Span{Rows: 1}, nn.Span{Rows: 2, Past: 7})
	before := c.State(0, &p, 2)
	testkit.SameBits(t, "before", before.Floats(), []float32{0, 0, 5, 6})
	c.SetState(0, &p, s.Floats([]float32{7, 8, 9, 10}, 2, 2))
	testkit.SameBits(t, "after", c.States[0].Floats(), []float32{1, 2, 7, 8, 9, 10})
	testkit.SameBits(t, "what was handed out", before.Floats(), []float32{0, 0, 5, 6})
	p.Replay = true
	testkit.SameBits(t, "before the same tokens once more", c.State(0, &p, 2).Floats(), []float32{0, 0, 5, 6})
	c.SetState(0, &p, s.Floats([]float32{-1, -2, -3, -4}, 2, 2))
	testkit.SameBits(t, "after them", c.States[0].Floats(), []float32{1, 2, 7, 8, 9, 10})
}

// TestBackwards: each sequence from its last token to its first, noise with its token.
func TestBackwards(t *testing.T) {
	d := tensor.Reference()
	s := tensor.NewStep(d, tensor.StepOptions{})
	defer s.Close()
	s.Begin(0)
	e := nn.NewEmbedding(10, 1)
	e.W.Bind(d)
	e.W.WriteFloats([]float32{0, 10, 20, 30, 40, 50, 60, 70, 80, 90})
	p := nn.Pass{Noise: tensor.FromFloats(d, []float32{1, 2, 3, 4, 5}, 5, 1)}
	p.Set(s, []int32{7, 2, 9, 4, 1}, nn.Span{Rows: 2}, nn.Span{Rows: 3})
	q := p.Backwards()
	testkit.SameBits(t, "forth", p.Embed(&e).Floats(), []float32{71, 22, 93, 44, 15})
	testkit.SameBits(t, "back", q.Embed(&e).Floats(), []float32{22, 71, 15, 44, 93})
	testkit.SameBits(t, "forth in time", p.EmbedInTime(&e).Floats(), []float32{93, 71, 44, 22, 15})
	testkit.SameBits(t, "back in time", q.EmbedInTime(&e).Floats(), []float32{15, 22, 44, 71, 93})
	testkit.SameBits(t, "turned again", q.Embed(&e).Rows(s.Ints(p.Mirrored(), 5)).Floats(), []float32{71, 22, 93, 44, 15})
}

// TestTimeOrderAllocatesNothing once it has seen its largest pass.
func TestTimeOrderAllocatesNothing(t *testing.T) {
	s := tensor.NewStep(tensor.Reference(), tensor.StepOptions{})
	defer s.Close()
	var p nn.Pass
	ids, spans := make([]int32, 12), []nn.Span{{Rows: 5}, {Rows: 7}}
	if n := testing.AllocsPerRun(20, func() {
		s.Begin(0)
		p.Set(s, ids, spans...)
		p.TimeOrder()
	}); n > 1 { // the closure of the sort
		t.Errorf("%v allocations, want at most 1", n)
	}
}

func TestRecurrentNeedsStateful(t *testing.T) {
	d := tensor.Reference()
	s := tensor.NewStep(d, tensor.StepOptions{})
	defer s.Close()
	s.Begin(0)
	r := nn.NewRecurrent(nn.GRU, 1, 1)
	p := nn.Pass{Cache: forgetful{}}
	p.Set(s, []int32{0}, nn.Span{Rows: 1})
	defer func() {
		if got, _ := recover().(string); !strings.Contains(got, "forgetful") {
			t.Errorf("panic %q, want the cache's name", got)
		}
	}()
	p.Recur(0, &r, s.Zeros(1, 1))
}

// TestRecurrentStep: a step at a time gives the bits of the whole, as a decoder needs it.
func TestRecurrentStep(t *testing.T) {
	d := tensor.CPU(1)
	defer d.Close()
	s := tensor.NewStep(d, tensor.StepOptions{})
	defer s.Close()
	for _, cell := range []nn.Cell{nn.RNN, nn.LSTM, nn.GRU} {
		m := &struct {
			R nn.Recurrent `hf:"r"`
		}{nn.NewRecurrent(cell, 3, 5)}
		nn.Init(m, d, 1)
		s.Begin(0)
		var p nn.Pass
		p.SetRows(s, make([]int32, 8), 4) // two sequences of four
		numbers := make([]float32, 8*3)
		for i := range numbers {
			numbers[i] = float32(i%7) - 3
		}
		x, start := s.Floats(numbers, 8, 3), s.Zeros(2, m.R.StateWidth())
		y, end := m.R.Forward(p.TimeOrder(), x, start)
		state := start
		for i := range 4 {
			state = m.R.Step(x.Slice(0, 2*i, 2*i+2), state)
			testkit.SameBits(t, "a step", m.R.Output(state).Floats(), y.Slice(0, 2*i, 2*i+2).Floats())
		}
		testkit.SameBits(t, "the end", state.Floats(), end.Floats())
	}
}
