package model

import (
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// Loss returns Σ weights[i]·(−log p(targets[i])) over the rows of a pass, one
// number: with weights 1/N, the mean. targets is (N) int32, weights (N) or nil
// for ones.
//
// The head is fused with the loss (see [tensor.Tensor.HeadLoss]): the logits of
// a batch are never whole in memory, and Backward must start at this very
// tensor: scale the weights rather than the loss.
func Loss(lm LM, p *nn.Pass, targets, weights *tensor.Tensor) *tensor.Tensor {
	sum, _ := lm.Forward(p).HeadLoss(lm.HeadWeight(), nil, targets, tensor.CEOptions{Weights: weights})
	return sum
}
