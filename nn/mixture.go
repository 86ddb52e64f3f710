package nn

import (
	"slices"

	"github.com/inkstone-ai/inkstone/tensor"
)

// A Mixture sends each token to a few of many like parts, its experts (Shazeer et al.
// 2017, arXiv:1701.06538, eq. 1–5, without noise), as Jiang et al. 2024 (Mixtral,
// arXiv:2401.04088, section 2.1) have it in the place of a feed-forward part:
//
//	y = Σ over the Top largest of p: p_e·expert_e(x),  p = softmax(router·x)
//
// It adds no loss that balances the experts' load.
type Mixture struct {
	Top       int  // experts of a token
	Normalise bool // the weights of those add up to 1
}

// Forward mixes the experts' results for x (N, C), whose router gave logits (N, E):
// (N, C). expert maps the rows (R, C) that chose expert e to (R, C).
func (m Mixture) Forward(p *Pass, x, logits *tensor.Tensor, expert func(e int, rows *tensor.Tensor) *tensor.Tensor) *tensor.Tensor {
	N, E := x.Dim(0), logits.Dim(1)
	probabilities := logits.Softmax() // (N, E)
	chosen := m.choose(probabilities.Floats(), E)
	rows, place, begin := m.sort(chosen, E)
	var parts []*tensor.Tensor // of the experts that were chosen
	for e := range E {
		if r := rows[begin[e]:begin[e+1]]; len(r) > 0 {
			parts = append(parts, expert(e, x.Rows(p.Ints(r)))) // (R, C)
		}
	}
	y := parts[0].Concat(0, parts[1:]...)       // (N·Top, C), expert after expert
	y = y.Rows(p.step.Ints(place, N, m.Top))    // (N, Top, C), token after token
	w := m.weights(p, probabilities, chosen)    // (N, Top)
	return y.Mul(w.Reshape(N, m.Top, 1)).Sum(1) // (N, C)
}

// sort lays the choices of all tokens out by their experts: expert e is asked for rows
// begin[e] … begin[e+1] of rows, tokens all, and choice i is row place[i].
func (m Mixture) sort(chosen []int32, E int) (rows, place, begin []int32) {
	rows, place, begin = make([]int32, len(chosen)), make([]int32, len(chosen)), make([]int32, E+1)
	for _, e := range chosen {
		begin[e+1]++
	}
	for e := range E {
		begin[e+1] += begin[e]
	}
	next := slices.Clone(begin)
	for i, e := range chosen {
		place[i] = next[e]
		rows[next[e]] = int32(i / m.Top)
		next[e]++
	}
	return rows, place, begin
}

// choose returns the experts of each token, the most probable first, of equals the first.
func (m Mixture) choose(p []float32, E int) []int32 {
	chosen := make([]int32, 0, len(p)/E*m.Top)
	for ; len(p) > 0; p = p[E:] {
		taken := make([]bool, E)
		for range m.Top {
			best := -1
			for e, v := range p[:E] {
				if !taken[e] && (best < 0 || v > p[best]) {
					best = e
				}
			}
			taken[best] = true
			chosen = append(chosen, int32(best))
		}
	}
	return chosen
}

// weights are those of the chosen experts, (N, Top).
func (m Mixture) weights(p *Pass, probabilities *tensor.Tensor, chosen []int32) *tensor.Tensor {
	N, E := probabilities.Dim(0), probabilities.Dim(1)
	ids := make([]int32, len(chosen))
	for i, e := range chosen {
		ids[i] = int32(i/m.Top*E) + e
	}
	w := probabilities.Reshape(N * E).Rows(p.step.Ints(ids, N, m.Top))
	if m.Normalise {
		w = w.Div(w.Sum(1).Reshape(N, 1))
	}
	return w
}
