package gpt

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/nn"
)

// ropeFactors is the tensor by which the frequencies are divided, a number for each pair of
// channels: how GGUF files have the rope_type llama3.
const ropeFactors = "rope_freqs.weight"

// Keys of the change of frequencies. The last two are ours: other programs need the tensor
// alone, and a config.json the numbers that it was made of.
const (
	ropeType    = "rope.scaling.type"
	ropeFactor  = "rope.scaling.factor"
	ropeContext = "rope.scaling.original_context_length"
	ropeFast    = "rope.scaling.yarn_beta_fast"
	ropeSlow    = "rope.scaling.yarn_beta_slow"
	ropeLow     = "rope.scaling.low_freq_factor"
	ropeHigh    = "rope.scaling.high_freq_factor"
)

// readRope is the change of frequencies, nil for none.
func readRope(file *format.GGUF, k *format.Keys, dim int, theta float64) (*Rope, error) {
	kind := k.StringOr(ropeType, "none")
	if t, ok := file.Tensor(ropeFactors); ok {
		factors, err := format.F32s(t)
		if err != nil || len(factors) == 0 || len(factors) != dim/2 {
			return nil, errors.Join(err, fmt.Errorf("%s has %d numbers, %d channels per head have %d pairs", ropeFactors, len(factors), dim, dim/2))
		}
		r := Rope{Type: "llama3", Factor: float64(slices.Max(factors)), Low: k.FloatOr(ropeLow, 1), High: k.FloatOr(ropeHigh, 4), Context: k.IntOr(ropeContext, 8192)}
		return &r, r.explains(factors, theta)
	}
	switch kind {
	case "none":
		return nil, nil
	case "linear":
		return &Rope{Type: "linear", Factor: k.Float(ropeFactor)}, nil
	case "yarn":
		return &Rope{Type: "yarn", Factor: k.Float(ropeFactor), Context: k.Int(ropeContext), Fast: k.FloatOr(ropeFast, 0), Slow: k.FloatOr(ropeSlow, 0)}, nil
	}
	return nil, fmt.Errorf("%s is %q; none, linear and yarn are supported, and llama3 by the tensor %s", ropeType, kind, ropeFactors)
}

// explains sees that the numbers of a file are those of r.
func (r *Rope) explains(factors []float32, theta float64) error {
	whole := either(r, nil, theta, r.Context)
	if err := whole.check(2 * len(factors)); err != nil {
		return err
	}
	for i, want := range r.factors(2*len(factors), theta) {
		if !(math.Abs(float64(factors[i]/want-1)) <= 1e-4) { // also of NaN
			return fmt.Errorf("%s is not Llama 3's change of frequencies with factor %g, low %g, high %g and context %d: number %d is %g, not %g",
				ropeFactors, r.Factor, r.Low, r.High, r.Context, i, factors[i], want)
		}
	}
	return nil
}

// factors are what the frequencies of dim channels are divided by.
func (r *Rope) factors(dim int, theta float64) []float32 {
	scale := nn.ScaleLlama3(r.Factor, r.Low, r.High, r.Context)
	x := make([]float32, dim/2)
	for i := range x {
		f := math.Pow(theta, -2*float64(i)/float64(dim))
		x[i] = float32(f / scale(i, f))
	}
	return x
}

// writeRope tells how r changes the frequencies. A dynamic one changes none up to the
// model's context.
func writeRope(r Rope, set func(key string, value any)) error {
	switch r.Type {
	case "linear":
		set(ropeType, "linear")
		set(ropeFactor, r.Factor)
	case "llama3":
		set(ropeContext, r.Context)
		set(ropeLow, r.Low)
		set(ropeHigh, r.High)
	case "yarn":
		if r.Gain != 0 || r.Scale != 0 || r.ScaleAll != 0 || r.Truncate != nil && !*r.Truncate {
			return errors.New("rope_type yarn with attention_factor, mscale or truncate has no form in GGUF files")
		}
		set(ropeType, "yarn")
		set(ropeFactor, r.Factor)
		set(ropeContext, r.Context)
		set(ropeFast, orDefault(r.Fast, 32))
		set(ropeSlow, orDefault(r.Slow, 1))
	case "longrope":
		return errors.New("rope_type longrope of this architecture has no form in GGUF files")
	}
	return nil
}

// ropeExtra is the tensor of the rope_type llama3.
func ropeExtra(c *LlamaConfig) []format.Tensor {
	r := c.rope()
	if r.Type != "llama3" {
		return nil
	}
	factors := r.factors(c.HeadDim, c.Theta)
	return []format.Tensor{format.FromF32(ropeFactors, factors, len(factors))}
}

func llamaExtra(c any) []format.Tensor {
	llama := c.(LlamaConfig)
	return ropeExtra(&llama)
}
