package model

import (
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// A SoftCapped is an LM whose logits are c·tanh(z/c) of the head's products z: whoever
// goes by [LM.HeadWeight] instead of [LM.Logits] must cap them, too.
type SoftCapped interface {
	LM
	LogitSoftCap() float32 // c; 0: no cap
}

// LogitSoftCap is that of lm, 0 where its logits have no cap.
func LogitSoftCap(lm LM) float32 {
	if c, ok := lm.(SoftCapped); ok {
		return c.LogitSoftCap()
	}
	return 0
}

// Loss returns Σ weights[i]·(−log p(targets[i])) over the rows of a pass, one
// number: with weights 1/N, the mean. targets is (N) int32, weights (N) or nil
// for ones.
//
// The head is fused with the loss (see [tensor.Tensor.HeadLoss]): the logits of
// a batch are never whole in memory, and Backward must start at this very
// tensor: scale the weights rather than the loss.
func Loss(lm LM, p *nn.Pass, targets, weights *tensor.Tensor) *tensor.Tensor {
	o := tensor.CEOptions{Weights: weights, SoftCap: LogitSoftCap(lm)}
	sum, _ := lm.Forward(p).HeadLoss(lm.HeadWeight(), nil, targets, o)
	return sum
}
