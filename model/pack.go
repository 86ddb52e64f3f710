package model

import "github.com/inkstone-ai/inkstone/nn"

// Pack gives the device a copy of every matrix of lm in the layout that it
// multiplies fastest, for inference: products with one row a sequence are then
// as fast as the memory. Results are the same bits. A write to a weight drops
// its copy.
func Pack(lm LM) {
	nn.Walk(lm, func(p nn.Param) {
		if p.Role == nn.Matrix {
			p.Tensor.Pack()
		}
	})
	lm.HeadWeight().Pack() // also where it is the embedding
}

// Unpack frees the copies that [Pack] made.
func Unpack(lm LM) {
	nn.Walk(lm, func(p nn.Param) { p.Tensor.Unpack() })
}
