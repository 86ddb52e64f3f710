package nn

import "github.com/inkstone-ai/inkstone/tensor"

// Attention says which keys a query may see and how scores are formed. The zero
// value is what a GPT needs: causal, scores scaled by 1/√D.
type Attention = tensor.AttentionOptions

// Attend is attention over p's own tokens, or over p.Cache where there is one:
// q (N, H, D), k and v (N, G, D) of a layer give (N, H, D).
func (p *Pass) Attend(layer int, q, k, v *tensor.Tensor, a Attention) *tensor.Tensor {
	if p.Cache != nil {
		return p.Cache.Attend(layer, p, q, k, v, a)
	}
	return FlashAttention(p.Segments, q, k, v, a)
}

// FlashAttention returns softmax(scale·q·kᵀ)·v for each sequence and head,
// (N, H, D), from q (N, H, D), k and v (rows, G, D), where G divides H. Row s of
// segments (S, 4) names the first query row of a sequence, their number, the
// first key row and their number; the queries are the last positions of their
// keys. The N×N scores are never formed (Dao et al. 2022, arXiv:2205.14135).
func FlashAttention(segments, q, k, v *tensor.Tensor, a Attention) *tensor.Tensor {
	return q.Attention(k, v, segments, a)
}
