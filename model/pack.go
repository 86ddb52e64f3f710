package model

import (
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// Pack gives the device a copy of every matrix of m in the layout that it
// multiplies fastest, for inference: products with one row a sequence are then
// as fast as the memory. Results are the same bits. A write to a weight drops
// its copy.
func Pack(m interface{ HeadWeight() *tensor.Tensor }) {
	nn.Walk(m, func(p nn.Param) {
		if p.Role == nn.Matrix {
			p.Tensor.Pack()
		}
	})
	m.HeadWeight().Pack() // also where it is the embedding
}

// Unpack frees the copies that [Pack] made.
func Unpack(lm LM) {
	nn.Walk(lm, func(p nn.Param) { p.Tensor.Unpack() })
}
