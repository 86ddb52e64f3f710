package train

import "github.com/inkstone-ai/inkstone/nn"

// AdamWGroups returns a model's parameters in two groups: matrices, the head
// among them, decay; embeddings, norms, biases and convolution taps do not,
// because pulling them to zero takes scale from the model and no capacity.
func AdamWGroups(params []nn.Param, rule AdamW, lr, decay float64) []Group {
	g := []Group{
		{Name: "decayed", Rule: rule, LR: lr, Decay: decay},
		{Name: "plain", Rule: rule, LR: lr},
	}
	for _, p := range params {
		i := 1
		if p.Role == nn.Matrix || p.Role == nn.Head {
			i = 0
		}
		g[i].Params = append(g[i].Params, Param{p.Name, p.Tensor})
	}
	return g
}

// MuonGroups returns a model's matrices for Muon and all else for AdamW. The head
// and the embedding are matrices by shape alone: their rows are updated one by one,
// as tokens occur, and Jordan (2024) leaves them to Adam.
func MuonGroups(params []nn.Param, muon Muon, muonLR float64, rest AdamW, lr, decay float64) []Group {
	g := []Group{
		{Name: "matrices", Rule: muon, LR: muonLR, Decay: decay},
		{Name: "plain", Rule: rest, LR: lr},
	}
	for _, p := range params {
		i := 1
		if p.Role == nn.Matrix {
			i = 0
		}
		g[i].Params = append(g[i].Params, Param{p.Name, p.Tensor})
	}
	return g
}
