package wordvec_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/model/wordvec"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/train"
)

// golden is a file of testdata/golden.py.
type golden struct {
	Vocab, Width, Window int
	LR                   float64
	Tables, Grads, After map[string][]float32
	Loss                 float64
	Losses               []float64

	Words, Negatives []int32 // of word2vec
	Near             [][]int
	Noise, Pairs     int

	I, J []int32 // of glove
	X    []float32
}

func readGolden(t *testing.T, name string) *golden {
	t.Helper()
	g := &golden{}
	testkit.Golden(t, filepath.Join("testdata", name+".json"), g)
	return g
}

// batch builds the golden block's batch as a [wordvec.Batch] is described, apart
// from the sampler.
func (g *golden) batch(cbow bool) *wordvec.Batch {
	const B = wordvec.BlockWords
	W, K := g.Window, len(g.Negatives)
	around := make([]int32, B+2*W)
	copy(around[W:], g.Words)
	outputs := append([]int32{}, around...)
	if cbow {
		outputs = append(append([]int32{}, g.Words...), make([]int32, B-len(g.Words))...)
	}
	first := len(outputs) // column of the first negative
	b := &wordvec.Batch{Blocks: 1, Pairs: g.Pairs, Out: append(outputs, g.Negatives...)}
	M := len(b.Out)
	b.Positive, b.Weights, b.Mean = make([]float32, B*M), make([]float32, B*M), make([]float32, B*len(around))
	pair := func(i, column int) {
		b.Positive[i*M+column]++
		b.Weights[i*M+column]++
		for n, id := range g.Negatives {
			if id != b.Out[column] {
				b.Weights[i*M+first+n] += float32(g.Noise) / float32(K)
			}
		}
	}
	for i, near := range g.Near {
		for _, j := range near {
			if cbow {
				b.Mean[i*len(around)+W+j] = 1 / float32(len(near))
			} else {
				pair(i, W+j)
			}
		}
		if cbow {
			pair(i, i)
		}
	}
	if b.In = around; !cbow {
		b.In = append(append([]int32{}, g.Words...), make([]int32, B-len(g.Words))...)
	}
	return b
}

func TestWord2VecAgainstPyTorch(t *testing.T) {
	for _, name := range []string{wordvec.SkipGram, wordvec.CBOW} {
		t.Run(name, func(t *testing.T) {
			g := readGolden(t, name)
			m, err := wordvec.NewWord2Vec(wordvec.Word2VecConfig{Architecture: name, Vocab: g.Vocab, Width: g.Width, Window: g.Window, Negatives: g.Noise})
			if err != nil {
				t.Fatal(err)
			}
			b := g.batch(name == wordvec.CBOW)
			tables := []named{{"in", m.In.W}, {"out", m.Out.W}}
			g.check(t, m, tables, train.SGD{}, func(s *tensor.Step) *tensor.Tensor { return m.Loss(m.In.W, m.Out.W, s, b) },
				func(s *tensor.Step, rows []*train.Rows) *tensor.Tensor {
					part := *b
					part.In, part.Out = append([]int32{}, b.In...), append([]int32{}, b.Out...)
					in, out := wordvec.NewRenumbering(g.Vocab), wordvec.NewRenumbering(g.Vocab)
					in.Apply(part.In)
					out.Apply(part.Out)
					return m.Loss(rows[0].Take(s, in.Rows), rows[1].Take(s, out.Rows), s, &part)
				})
		})
	}
}

func TestGloVeAgainstPyTorch(t *testing.T) {
	g := readGolden(t, "glove")
	m, err := wordvec.NewGloVe(wordvec.GloVeConfig{Vocab: g.Vocab, Width: g.Width, Window: 1})
	if err != nil {
		t.Fatal(err)
	}
	tables := []named{{"in", m.In.W}, {"out", m.Out.W}, {"in_bias", m.InBias.W}, {"out_bias", m.OutBias.W}}
	g.check(t, m, tables, train.AdaGrad{}, func(s *tensor.Step) *tensor.Tensor { return m.Loss(m.Tables(), s, g.I, g.J, g.X) },
		func(s *tensor.Step, rows []*train.Rows) *tensor.Tensor {
			i, j := append([]int32{}, g.I...), append([]int32{}, g.J...)
			is, js := wordvec.NewRenumbering(g.Vocab), wordvec.NewRenumbering(g.Vocab)
			is.Apply(i)
			js.Apply(j)
			part := wordvec.Tables{
				In: rows[0].Take(s, is.Rows), Out: rows[1].Take(s, js.Rows),
				InBias: rows[2].Take(s, is.Rows), OutBias: rows[3].Take(s, js.Rows),
			}
			return m.Loss(part, s, i, j, g.X)
		})
}

// named is a table of the model and its name in the golden file.
type named struct {
	name  string
	table *tensor.Tensor
}

// check compares the loss and every gradient on whole tables, and the losses and
// the tables of some steps that train.Run makes on their rows alone.
func (g *golden) check(t *testing.T, m any, tables []named, rule train.Rule, whole func(*tensor.Step) *tensor.Tensor, rows func(*tensor.Step, []*train.Rows) *tensor.Tensor) {
	for _, d := range []*tensor.Device{tensor.Reference(), tensor.CPU(2)} {
		t.Run(d.Name(), func(t *testing.T) {
			defer d.Close()
			nn.Walk(m, func(p nn.Param) { p.Tensor.Free() })
			nn.Init(m, d, 1)
			reset := func() {
				for _, x := range tables {
					x.table.WriteFloats(g.Tables[x.name])
				}
			}
			reset()
			for _, x := range tables {
				x.table.SetTrainable(true)
			}
			s := tensor.NewStep(d, tensor.StepOptions{Grad: true})
			s.Begin(0)
			loss := whole(s)
			testkit.Close(t, "loss", []float64{float64(loss.Item())}, []float64{g.Loss}, 1e-5, 0)
			s.Backward(loss)
			for _, x := range tables {
				testkit.Close(t, "gradient of "+x.name, x.table.Grad().Floats(), g.Grads[x.name], 1e-4, 1e-6)
				x.table.SetTrainable(false)
			}
			s.Close()

			reset()
			var params []train.Param
			var parts []*train.Rows
			for _, x := range tables {
				parts = append(parts, &train.Rows{Most: g.Vocab})
				params = append(params, train.Param{Name: x.name, Tensor: x.table, Rows: parts[len(parts)-1]})
			}
			var losses []float64
			_, err := train.Run(context.Background(), train.Config{
				Device: d, Steps: len(g.Losses), Progress: func(m train.Metrics) { losses = append(losses, m.Loss) },
			}, &train.Stepper{
				Groups: []train.Group{{Rule: rule, LR: g.LR, Params: params}},
				Loss:   func(s *tensor.Step, _, _ int) (*tensor.Tensor, error) { return rows(s, parts), nil },
			})
			if err != nil {
				t.Fatal(err)
			}
			testkit.Close(t, "losses of training", losses, g.Losses, 1e-4, 1e-6)
			for _, x := range tables {
				testkit.Close(t, x.name+" after training", x.table.Floats(), g.After[x.name], 1e-3, 1e-5)
			}
		})
	}
}
