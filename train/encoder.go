package train

// encoderFLOPs is [Dimensions.FLOPs] of an encoder: each token looks at those on both
// sides, and the head, a layer and the vocabulary, is asked for a share of the tokens.
func (d Dimensions) encoderFLOPs(l Load) float64 {
	L, C, F, asked := float64(d.Layers), float64(d.Width), float64(d.Hidden), l.Asked
	if asked == 0 {
		asked = 1
	}
	return L*(6*(4*C*C+2*C*F)+12*C*float64(l.Context)) + asked*6*(C*C+C*float64(d.Vocab))
}
