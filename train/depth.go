package train

import (
	"fmt"
	"math"
	"math/bits"
)

// A Recipe is a pretraining run that follows from one number, the depth. Change
// fields freely: the methods that derive use them as they are.
type Recipe struct {
	Depth   int     `json:"depth"`    // L
	Width   int     `json:"width"`    // C
	Hidden  int     `json:"hidden"`   // F, of SwiGLU
	Heads   int     `json:"heads"`    // H
	HeadDim int     `json:"head_dim"` // D
	Context int     `json:"context"`  // T
	Rows    int     `json:"rows"`     // B, of a micro batch
	Micro   int     `json:"micro"`    // micro batches of an update
	Tokens  int64   `json:"tokens"`   // of the whole run
	MuonLR  float64 `json:"muon_lr"`  // peak, of the matrices
	LR      float64 `json:"lr"`       // peak, of all else, by AdamW
	Decay   float64 `json:"decay"`    // of the matrices
	Clip    float64 `json:"clip"`

	Schedule Schedule `json:"schedule"`
}

// Numbers of [Depth]'s rule and where they come from.
const (
	// aspect is width over depth, nanochat's; Kaplan et al. 2020 (arXiv:2001.08361,
	// figure 5) find the loss flat within a factor of two around it.
	aspect = 64
	// headDim is GPT-2's.
	headDim = 64
	// tokensPerParameter is Hoffmann et al. 2022 (arXiv:2203.15556, table 3).
	tokensPerParameter = 20
	// The batch that still pays grows with the tokens of the run as D^0.47 (Zhang et
	// al. 2024, arXiv:2410.21676); GPT-3 Small fixes the constant: 0.5M tokens a batch
	// for 300 × 10⁹ (Brown et al. 2020, table 2.1).
	batchGrowth, batchAnchor, tokensAnchor = 0.47, 1 << 19, 300e9
	// microTokens bounds the activations of a micro batch.
	microTokens = 8192
	// epochs of the data that are about as good as new data (Muennighoff et al. 2023,
	// arXiv:2305.16264).
	epochs = 4
)

// Depth returns the recipe of a Llama of n layers over a vocabulary of V with a
// tied head. The rule, as nanochat's dial:
//
//	width          64·n; heads of 64 channels
//	hidden         8/3 of the width, rounded up to a multiple of 64 (Shazeer 2020,
//	               arXiv:2002.05202: as many weights as 4·width without a gate)
//	context        256 up to depth 4, 512 up to 8, then 1024
//	tokens         20 for each parameter
//	batch          2¹⁹·(tokens / 300·10⁹)^0.47, as a power of two
//	Muon's rate    0.02 at every width: its updates have the same effect on
//	               activations whatever the shape (Jordan 2024)
//	AdamW's rate   3e-3·√(128/width): nanochat's exponent, and a constant that was
//	               measured at width 128
//	schedule       3 % warm-up, constant, linear to zero over the last half
//
// It returns an error where n is not in 1 … 96 or V is not positive.
func Depth(n, V int) (Recipe, error) {
	if n < 1 || n > 96 || V < 1 {
		return Recipe{}, fmt.Errorf("train: depth %d with a vocabulary of %d: want a depth of 1 to 96 and a vocabulary", n, V)
	}
	r := Recipe{
		Depth: n, Width: aspect * n, HeadDim: headDim, Heads: aspect * n / headDim,
		Hidden: roundUp(8*aspect*n/3, 64), Context: 1024,
		MuonLR: 0.02, LR: 3e-3 * math.Sqrt(128/float64(aspect*n)), Decay: 0.1, Clip: 1,
		Schedule: Schedule{Shape: WSD, Warmup: 0.03, Decay: 0.5},
	}
	switch {
	case n <= 4:
		r.Context = 256
	case n <= 8:
		r.Context = 512
	}
	return r.Horizon(tokensPerParameter * r.Parameters(V)), nil
}

// Parameters returns the weights of the recipe's Llama with a tied head.
func (r Recipe) Parameters(V int) int64 {
	C, F, L := int64(r.Width), int64(r.Hidden), int64(r.Depth)
	q := int64(r.Heads * r.HeadDim)
	return L*(4*q*C+3*C*F+2*C) + C + int64(V)*C
}

// Horizon returns the recipe for a run of tokens, with the batch that fits.
func (r Recipe) Horizon(tokens int64) Recipe {
	batch := batchAnchor * math.Pow(float64(tokens)/tokensAnchor, batchGrowth)
	rows := max(1, powerOfTwo(batch)/r.Context)
	r.Tokens = tokens
	r.Rows = min(rows, max(1, microTokens/r.Context))
	r.Micro = rows / r.Rows
	return r
}

// For returns the recipe for a corpus of tokens: where the horizon would read it
// more than four times, it is shortened to that, and shortened is true.
func (r Recipe) For(tokens int64) (_ Recipe, shortened bool) {
	if r.Tokens <= epochs*tokens {
		return r, false
	}
	return r.Horizon(epochs * tokens), true
}

// Steps returns the number of updates that the horizon takes.
func (r Recipe) Steps() int {
	batch := int64(r.Rows) * int64(r.Micro) * int64(r.Context)
	return int(max(1, (r.Tokens+batch-1)/batch))
}

func roundUp(n, to int) int { return (n + to - 1) / to * to }

// powerOfTwo is the power of two nearest to x on a logarithmic scale.
func powerOfTwo(x float64) int {
	n := 1 << max(0, bits.Len(uint(x))-1)
	if x > float64(n)*math.Sqrt2 {
		n *= 2
	}
	return n
}
