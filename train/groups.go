package train

import (
	"slices"

	"github.com/inkstone-ai/inkstone/nn"
)

// AdamWGroups returns a model's parameters in two groups: matrices, the head
// and filters among them, decay; embeddings, norms, biases and convolution taps do not,
// because pulling them to zero takes scale from the model and no capacity.
func AdamWGroups(params []nn.Param, rule AdamW, lr, decay float64) []Group {
	return divide(params, Group{Name: "decayed", Rule: rule, LR: lr, Decay: decay},
		Group{Name: "plain", Rule: rule, LR: lr}, nn.Matrix, nn.Head, nn.Filter)
}

// Running returns what a model averages in training, for [Stepper.State].
func Running(params []nn.Param) (state []Param) {
	for _, p := range params {
		if p.Role == nn.Running {
			state = append(state, Param{Name: p.Name, Tensor: p.Tensor})
		}
	}
	return state
}

// MuonGroups returns a model's matrices for Muon and all else for AdamW. The head
// and the embedding are matrices by shape alone: their rows are updated one by one,
// as tokens occur, and Jordan (2024) leaves them to Adam.
func MuonGroups(params []nn.Param, muon Muon, muonLR float64, rest AdamW, lr, decay float64) []Group {
	return divide(params, Group{Name: "matrices", Rule: muon, LR: muonLR, Decay: decay},
		Group{Name: "plain", Rule: rest, LR: lr}, nn.Matrix)
}

// divide puts the parameters of the roles given into the group first and all others
// into rest.
func divide(params []nn.Param, first, rest Group, roles ...nn.Role) []Group {
	for _, p := range params {
		if p.Role == nn.Running {
			continue
		}
		g := &rest
		if slices.Contains(roles, p.Role) {
			g = &first
		}
		g.Params = append(g.Params, Param{Name: p.Name, Tensor: p.Tensor})
	}
	return []Group{first, rest}
}
