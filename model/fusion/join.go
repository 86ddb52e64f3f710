package fusion

import (
	"fmt"

	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// presence is which modalities the examples of a batch have, of a model's M.
type presence struct {
	mask  []*tensor.Tensor // (B, 1) a modality: p
	share *tensor.Tensor   // (B, 1): 1/Σ p
	has   [][]bool         // (M, B)
}

// newPresence is that of B examples; present nil: they have everything.
func newPresence(s *tensor.Step, present []Set, have Set, B int) *presence {
	list := have.List()
	if B == 0 || present != nil && len(present) != B {
		panic(fmt.Sprintf("fusion: an Input of %d Names and %d Present", B, len(present)))
	}
	p := &presence{has: make([][]bool, len(list))}
	share := make([]float32, B)
	masks := make([][]float32, len(list))
	for b := range B {
		set := have
		if present != nil {
			set &= present[b]
		}
		if set == 0 {
			panic(fmt.Sprintf("fusion: example %d has none of the model's modalities, %s", b, have))
		}
		share[b] = 1 / float32(len(set.List()))
		for i, m := range list {
			v := float32(0)
			if set.Has(m) {
				v = 1
			}
			masks[i], p.has[i] = append(masks[i], v), append(p.has[i], set.Has(m))
		}
	}
	for _, mask := range masks {
		p.mask = append(p.mask, s.Floats(mask, B, 1))
	}
	p.share = s.Floats(share, B, 1)
	return p
}

// sum is Σ p·x, (B, C).
func (p *presence) sum(x []encoded) *tensor.Tensor {
	y := x[0].vector.Mul(p.mask[0])
	for i := 1; i < len(x); i++ {
		y = y.Add(x[i].vector.Mul(p.mask[i]))
	}
	return y
}

// beside is [p·x], (B, M·C).
func (p *presence) beside(x []encoded) *tensor.Tensor {
	all := make([]*tensor.Tensor, len(x))
	for i := range x {
		all[i] = x[i].vector.Mul(p.mask[i])
	}
	return all[0].Concat(1, all[1:]...)
}

// weighted is Σ p·e^a·x / Σ p·e^a.
func (p *presence) weighted(s *tensor.Step, x []encoded, a *scalars) *tensor.Tensor {
	all := s.Use(a.W)
	var y, sum *tensor.Tensor
	for i := range x {
		w := p.mask[i].Mul(all.Slice(0, i, i+1).Exp()) // (B, 1)
		if part := x[i].vector.Mul(w); i == 0 {
			y, sum = part, w
		} else {
			y, sum = y.Add(part), sum.Add(w)
		}
	}
	return y.Div(sum)
}

// A gate is a gated multimodal unit's part of one modality.
type gate struct {
	Value nn.Linear `hf:"value"` // H, C to C
	Gate  nn.Linear `hf:"gate"`  // Z, M·C to C
}

// gated is Σ p·σ(Z·[p·x])·tanh(H·x).
func (p *presence) gated(x []encoded, gates []gate) (y *tensor.Tensor) {
	all := p.beside(x)
	for i := range x {
		part := gates[i].Gate.Forward(all).SigmoidMul(gates[i].Value.Forward(x[i].vector).Tanh()).Mul(p.mask[i])
		if i == 0 {
			y = part
		} else {
			y = y.Add(part)
		}
	}
	return y
}

// crossAttend lets each modality's vector look at the parts of all.
type crossAttend struct {
	Q nn.Linear `hf:"q_proj"`
	K nn.Linear `hf:"k_proj"`
	V nn.Linear `hf:"v_proj"`
	O nn.Linear `hf:"out_proj"`

	heads int
}

// forward is Σ p·(x + answer) / Σ p, (B, C).
func (a *crossAttend) forward(s *tensor.Step, p *presence, x []encoded) *tensor.Tensor {
	M, B, C := len(x), x[0].vector.Dim(0), x[0].vector.Dim(1)
	parts, segments := p.parts(s, x)
	vectors := make([]*tensor.Tensor, M)
	for i := range x {
		vectors[i] = x[i].vector.Reshape(B, 1, C)
	}
	own := vectors[0].Concat(1, vectors[1:]...).Reshape(B*M, C) // an example's vectors side by side
	split := func(y *tensor.Tensor) *tensor.Tensor { return y.Reshape(y.Dim(0), a.heads, C/a.heads) }
	seen := split(a.Q.Forward(own)).Attention(split(a.K.Forward(parts)), split(a.V.Forward(parts)), segments, nn.Attention{Bidirectional: true})
	y := own.Add(a.O.Forward(seen.Reshape(B*M, C))).Reshape(B, M, C)
	masks := p.mask[0].Concat(1, p.mask[1:]...).Reshape(B, M, 1)
	return y.Mul(masks).Sum(1).Mul(p.share)
}

// parts are those of the modalities that are there, an example's one after another, (rows, C), and
// the segments of attention: the M vectors of an example look at its rows.
func (p *presence) parts(s *tensor.Step, x []encoded) (rows, segments *tensor.Tensor) {
	M, B := len(x), len(p.has[0])
	starts, all := make([]int, M), x[0].parts
	for i := 1; i < M; i++ {
		starts[i] = all.Dim(0)
		all = all.Concat(0, x[i].parts)
	}
	var ids, seg []int32
	for b := range B {
		first := len(ids)
		for i := range x {
			n := x[i].lengths[b]
			for k := range n {
				if p.has[i][b] {
					ids = append(ids, int32(starts[i]+k))
				}
			}
			starts[i] += n
		}
		seg = append(seg, int32(b*M), int32(M), int32(first), int32(len(ids)-first))
	}
	return all.Rows(s.Ints(ids, len(ids))), s.Ints(seg, B, 4)
}
