package bert

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// all drops everything, within the precision of a float32.
const all = 1 - 1e-6

// drawn is a small model on d whose biases and norms are not those of the start.
func drawn(t *testing.T, d *tensor.Device, task Task, dropout float32) *BERT {
	t.Helper()
	c := Config{Architectures: []string{string(task)}, Vocab: 11, Context: 9, Width: 8, Layers: 2, Heads: 2, Std: 0.4, Dropout: dropout}
	c.SetLabels([]string{"a", "b", "c"})
	m, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	nn.Init(m, d, 5)
	for i, p := range nn.Params(m) {
		if p.Role != nn.Matrix && p.Role != nn.Table {
			w := p.Tensor.Floats()
			for k := range w {
				w[k] += float32((i*7+k*3)%11-5) / 10
			}
			p.Tensor.WriteFloats(w)
		}
		p.Tensor.SetTrainable(true)
	}
	return m
}

// sees runs see on a pass of two sequences, in training or in evaluation.
func sees(d *tensor.Device, training bool, see func(p *nn.Pass)) {
	s := tensor.NewStep(d, tensor.StepOptions{Grad: training})
	defer s.Close()
	s.Begin(1)
	var p nn.Pass
	p.Set(s, []int32{2, 5, 7, 3, 2, 9, 3}, nn.Span{Rows: 4}, nn.Span{Rows: 3})
	p.Types = p.Ints([]int32{0, 0, 1, 1, 0, 0, 0})
	see(&p)
}

// normed is LayerNorm of rows x by its formula.
func normed(n *nn.LayerNorm, eps float64, x []float32) (y []float32) {
	gain, bias := n.W.Floats(), n.B.Floats()
	for row := range slices.Chunk(x, len(gain)) {
		mean, square := 0.0, 0.0
		for _, v := range row {
			mean += float64(v) / float64(len(row))
		}
		for _, v := range row {
			square += (float64(v) - mean) * (float64(v) - mean) / float64(len(row))
		}
		for c, v := range row {
			y = append(y, float32((float64(v)-mean)/math.Sqrt(square+eps))*gain[c]+bias[c])
		}
	}
	return y
}

// TestDropoutPlaces: where everything is dropped, each place of the paper (5.4 of Vaswani
// et al. 2017: the sum of the embeddings after its norm here, and what each half of a
// block gives before it is added) leaves what a formula says of the rest.
func TestDropoutPlaces(t *testing.T) {
	d := tensor.Reference()
	defer d.Close()
	t.Run("embeddings", func(t *testing.T) {
		m := drawn(t, d, Encode, all)
		sees(d, true, func(p *nn.Pass) {
			testkit.Close(t, "embeddings", m.embed(p).Floats(), make([]float32, 7*8), 0, 0)
		})
	})
	t.Run("block", func(t *testing.T) {
		m := drawn(t, d, Encode, all)
		m.config.Dropout = 0 // of the embeddings
		sees(d, true, func(p *nn.Pass) {
			x := m.embed(p)
			l := &m.Layers[1]
			want := normed(&l.Norm, 1e-12, normed(&l.AttnNorm, 1e-12, x.Floats()))
			testkit.Close(t, "a block that adds nothing", l.Forward(p, x).Floats(), want, 1e-4, 1e-5)
		})
	})
	for _, task := range []Task{Sequences, Tokens} {
		t.Run(string(task), func(t *testing.T) {
			m := drawn(t, d, task, all)
			sees(d, true, func(p *nn.Pass) {
				x := p.Step().Full(1, 7, 8)
				for row := range slices.Chunk(m.Classes(p, x).Floats(), 3) {
					testkit.Close(t, "classes of nothing", row, m.Classifier.B.Floats(), 0, 0)
				}
			})
		})
	}
}

// TestDropoutInTraining: the same weights say something else at each step of training, and
// in evaluation what they say without dropout.
func TestDropoutInTraining(t *testing.T) {
	d := tensor.Reference()
	defer d.Close()
	for _, task := range []Task{FillMask, Sequences, Tokens, Answers} {
		said := map[string]string{}
		for name, dropout := range map[string]float32{"without": 0, "with": 0.3} {
			m := drawn(t, d, task, dropout)
			for _, training := range []bool{false, true} {
				sees(d, training, func(p *nn.Pass) {
					x := m.Forward(p)
					switch task {
					case FillMask:
						x = m.Logits(x)
					case Answers:
						x = m.Answer(x)
					default:
						x = m.Classes(p, x)
					}
					said[fmt.Sprint(name, training)] = fmt.Sprint(x.Floats())
				})
			}
		}
		if said["withouttrue"] != said["withoutfalse"] || said["withfalse"] != said["withoutfalse"] || said["withtrue"] == said["withfalse"] {
			t.Errorf("%s: dropout in evaluation or none in training", task)
		}
	}
}

// TestStartPositions: sines and cosines of Vaswani et al. 2017, 3.5, with the spread of the
// other weights; the product of two positions is one of their distance.
func TestStartPositions(t *testing.T) {
	d := tensor.Reference()
	defer d.Close()
	m, err := New(Config{Vocab: 3, Context: 50, Width: 6, Layers: 1, Heads: 1, Std: 0.05})
	if err != nil {
		t.Fatal(err)
	}
	nn.Init(m, d, 1)
	m.StartPositions()
	table := m.Embed.Positions.W.Floats()
	const high = 0.05 * math.Sqrt2
	square := 0.0
	for pos := range 50 {
		want := make([]float32, 6)
		for k, wavelength := range []float64{1, 21.544346900318843, 464.1588833612779} { // 10000^(0, ⅓, ⅔), over 2π
			want[2*k], want[2*k+1] = float32(high*math.Sin(float64(pos)/wavelength)), float32(high*math.Cos(float64(pos)/wavelength))
		}
		testkit.Close(t, fmt.Sprint("position ", pos), table[6*pos:6*pos+6], want, 1e-5, 1e-8)
		for _, x := range table[6*pos : 6*pos+6] {
			square += float64(x) * float64(x) / float64(len(table))
		}
	}
	testkit.Close(t, "spread", []float64{math.Sqrt(square)}, []float64{0.05}, 1e-5, 0)
}

// TestPositionsBegin: positions of every sequence of a pass begin at 0, and without
// segments every token is of the first.
func TestPositionsBegin(t *testing.T) {
	d := tensor.Reference()
	defer d.Close()
	m := drawn(t, d, Encode, 0)
	sees(d, false, func(p *nn.Pass) {
		p.Types = nil
		words, positions, types := m.Embed.Words.W.Floats(), m.Embed.Positions.W.Floats(), m.Embed.Types.W.Floats()
		var sum []float32
		for i, id := range []int{2, 5, 7, 3, 2, 9, 3} {
			for c := range 8 {
				sum = append(sum, words[8*id+c]+positions[8*[]int{0, 1, 2, 3, 0, 1, 2}[i]+c]+types[c])
			}
		}
		testkit.Close(t, "embeddings", m.embed(p).Floats(), normed(&m.Embed.Norm, 1e-12, sum), 1e-4, 1e-5)
	})
}

// TestStartSpread: every matrix and table, those of the heads among them, starts with the
// deviation that the config asks for, biases at 0 and gains at 1.
func TestStartSpread(t *testing.T) {
	d := tensor.Reference()
	defer d.Close()
	for _, task := range []Task{FillMask, Sequences, Tokens, Answers} {
		c := Config{Architectures: []string{string(task)}, Vocab: 70, Context: 60, Width: 64, Types: 50, Layers: 1, Heads: 2, Std: 0.07}
		c.SetLabels(strings.Split("abcdefghijklmnopqrstuvwxyz", ""))
		m, err := New(c)
		if err != nil {
			t.Fatal(err)
		}
		nn.Init(m, d, 5)
		for _, p := range nn.Params(m) {
			w := p.Tensor.Floats()
			low, high, square := slices.Min(w), slices.Max(w), 0.0
			for _, x := range w {
				square += float64(x) * float64(x) / float64(len(w))
			}
			switch spread := math.Sqrt(square); {
			case p.Tensor.Dims() == 2 && math.Abs(spread/0.07-1) > 0.2:
				t.Errorf("%s: %s has a deviation of %.3f, want 0.07", task, p.Name, spread)
			case p.Tensor.Dims() == 1 && (low != high || low != 0 && (low != 1 || !strings.Contains(p.Name, "LayerNorm.weight"))):
				t.Errorf("%s: %s is %g to %g", task, p.Name, low, high)
			}
		}
	}
}
