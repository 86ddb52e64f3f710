package model

import (
	"cmp"
	"slices"

	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// Pack gives the device a copy of every matrix of m in the layout that it
// multiplies fastest, for inference: products with one row a sequence are then
// as fast as the memory. Results are the same bits. A write to a weight drops
// its copy.
func Pack(m interface{ HeadWeight() *tensor.Tensor }) {
	for _, p := range matrices(m) {
		p.Tensor.Pack()
	}
}

// matrices are the weights that are multiplied, the head too where it is the embedding, the largest first.
func matrices(m interface{ HeadWeight() *tensor.Tensor }) []nn.Param {
	head := m.HeadWeight()
	return largestFirst(m, func(p nn.Param) bool { return p.Role == nn.Matrix || p.Tensor == head })
}

func largestFirst(m any, want func(nn.Param) bool) (list []nn.Param) {
	nn.Walk(m, func(p nn.Param) {
		if want(p) {
			list = append(list, p)
		}
	})
	slices.SortStableFunc(list, func(a, b nn.Param) int { return cmp.Compare(b.Tensor.Bytes(), a.Tensor.Bytes()) })
	return list
}

// Unpack frees the copies that [Pack] made.
func Unpack(lm LM) {
	nn.Walk(lm, func(p nn.Param) { p.Tensor.Unpack() })
}
