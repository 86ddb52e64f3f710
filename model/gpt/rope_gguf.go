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
// channels: how GGUF files have the rope_type llama3, and what has no name.
const ropeFactors = "rope_freqs.weight"

// Keys of the change of frequencies. The last two are ours: other programs need the tensor
// alone, and a config.json the numbers that it was made of. Those of yarn_log_multiplier, yarn_ext_factor
// and alpha are none of these architectures', for llama.cpp either.
const (
	ropeType    = "rope.scaling.type"
	ropeFactor  = "rope.scaling.factor"
	ropeLinear  = "rope.scale_linear" // the factor in files of 2023
	ropeGain    = "rope.scaling.attn_factor"
	ropeContext = "rope.scaling.original_context_length"
	ropeFast    = "rope.scaling.yarn_beta_fast"
	ropeSlow    = "rope.scaling.yarn_beta_slow"
	ropeLow     = "rope.scaling.low_freq_factor"
	ropeHigh    = "rope.scaling.high_freq_factor"
)

// A ropeKeys is what the keys say, with the defaults of llama.cpp.
type ropeKeys struct {
	kind   string  // none, linear, yarn, …
	factor float64 // positions shrink by it; 1: they do not
	gain   float64 // of queries and keys, times what the kind makes it
}

// readRopeKeys reads them as llama.cpp does: a factor without a type is linear, the old key
// stands where the newer is not, and none and 0 are no factor at all.
func readRopeKeys(k *format.Keys) ropeKeys {
	r := ropeKeys{kind: k.StringOr(ropeType, "linear"), factor: k.FloatOr(ropeFactor, 0), gain: k.FloatOr(ropeGain, 1)}
	if !k.Has(ropeFactor) {
		r.factor = k.FloatOr(ropeLinear, 0)
	}
	if r.kind == "none" || r.factor == 0 {
		r.factor = 1
	}
	return r
}

// isDefault says that nothing changes.
func (r ropeKeys) isDefault() bool {
	return (r.kind == "none" || r.kind == "linear") && r.factor == 1 && r.gain == 1
}

// check refuses what no model has.
func (r ropeKeys) check() error {
	above0 := func(x float64) bool { return x > 0 && !math.IsInf(x, 1) }
	switch {
	case !above0(r.factor) || !above0(r.gain):
		return fmt.Errorf("%s is %g and %s %g, want more than 0", ropeFactor, r.factor, ropeGain, r.gain)
	case r.kind != "none" && r.kind != "linear" && r.kind != "yarn":
		return fmt.Errorf("%s is %q; none, linear and yarn are supported, and llama3 by the tensor %s", ropeType, r.kind, ropeFactors)
	}
	return nil
}

// readRope is the change of frequencies of heads of so many channels, nil for none.
func readRope(file *format.GGUF, k *format.Keys, channels int, theta float64) (*Rope, error) {
	r := readRopeKeys(k)
	if err := errors.Join(k.Err(), r.check(), inRange("GGUF", dim{"attention.key_length", channels, mostWidth})); err != nil {
		return nil, err
	}
	t, ok := file.Tensor(ropeFactors)
	switch {
	case ok && (r.kind == "yarn" || r.factor != 1):
		return nil, fmt.Errorf("%s %q with factor %g beside the tensor %s: one of the two is supported", ropeType, r.kind, r.factor, ropeFactors)
	case ok:
		return readFactors(t, k, channels, theta, r.gain)
	case r.isDefault():
		return nil, nil
	case r.kind == "yarn":
		return readYarn(k, r), nil
	case r.gain == 1:
		return &Rope{Type: "linear", Factor: r.factor}, nil
	}
	return eachBy(slices.Repeat([]float64{r.factor}, channels/2), r.gain, k), nil
}

func readYarn(k *format.Keys, r ropeKeys) *Rope {
	yarn := &Rope{Type: "yarn", Factor: r.factor, Fast: k.FloatOr(ropeFast, 0), Slow: k.FloatOr(ropeSlow, 0)}
	yarn.Context = orDefault(k.IntOr(ropeContext, 0), k.Int("context_length"))
	if r.gain != 1 {
		yarn.Gain = r.gain * yarn.yarnGain()
	}
	return yarn
}

// readFactors is the change by a tensor: Llama 3's where that makes these numbers.
func readFactors(t format.Tensor, k *format.Keys, channels int, theta, gain float64) (*Rope, error) {
	factors, err := format.F32s(t)
	if err != nil || len(factors) == 0 || len(factors) != channels/2 {
		return nil, errors.Join(err, fmt.Errorf("%s has %d numbers, %d channels per head have %d pairs", ropeFactors, len(factors), channels, channels/2))
	}
	for i, f := range factors {
		if !(f > 0) || math.IsInf(float64(f), 1) {
			return nil, fmt.Errorf("%s: number %d is %g, want more than 0", ropeFactors, i, f)
		}
	}
	r := Rope{Type: "llama3", Factor: float64(slices.Max(factors)), Low: k.FloatOr(ropeLow, 1), High: k.FloatOr(ropeHigh, 4), Context: k.IntOr(ropeContext, 8192)}
	if gain == 1 && r.explains(factors, theta) {
		return &r, nil
	}
	return eachBy(widened(factors), gain, k), nil
}

// eachBy is a longrope that is the same at every length: what no other type says. Other programs want
// a context of it.
func eachBy(factors []float64, gain float64, k *format.Keys) *Rope {
	return &Rope{Type: "longrope", Short: factors, Long: factors, Gain: gain, Context: k.Int("context_length")}
}

// explains reports whether the numbers of a file are those of r.
func (r *Rope) explains(factors []float32, theta float64) bool {
	whole := either(r, nil, theta, r.Context)
	if whole.check(2*len(factors)) != nil {
		return false
	}
	for i, want := range r.factors(2*len(factors), theta) {
		if !(math.Abs(float64(factors[i]/want-1)) <= 1e-4) { // also of NaN
			return false
		}
	}
	return true
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

// writeRope tells how r changes the frequencies of a model of context positions. A dynamic
// one changes none up to there.
func writeRope(r Rope, context int, set func(key string, value any)) error {
	switch r.Type {
	case "linear":
		set(ropeType, "linear")
		set(ropeFactor, r.Factor)
	case "llama3":
		set(ropeContext, r.Context)
		set(ropeLow, r.Low)
		set(ropeHigh, r.High)
	case "yarn":
		if r.Truncate != nil && !*r.Truncate {
			return errors.New("rope_type yarn with truncate false has no form in GGUF files")
		}
		set(ropeType, "yarn")
		set(ropeFactor, r.Factor)
		set(ropeContext, r.Context)
		set(ropeFast, orDefault(r.Fast, 32))
		set(ropeSlow, orDefault(r.Slow, 1))
		setGain(set, r.beyondYarn())
	case "longrope":
		if !slices.Equal(r.Short, r.Long) {
			return errors.New("rope_type longrope of this architecture has no form in GGUF files, but where short_factor is long_factor")
		}
		setGain(set, orDefault(r.Gain, r.longGain(context)))
	}
	return nil
}

// beyondYarn is the gain of a yarn, as a multiple of what its factor makes it.
func (r Rope) beyondYarn() float64 {
	plain := Rope{Factor: r.Factor}
	return orDefault(r.Gain, r.yarnGain()) / plain.yarnGain()
}

func setGain(set func(key string, value any), gain float64) {
	if gain != 1 {
		set(ropeGain, gain)
	}
}

// ropeExtra is the tensor of llama3, and of a longrope that is the same at every length.
func ropeExtra(c *LlamaConfig) []format.Tensor {
	var factors []float32
	switch r := c.rope(); r.Type {
	case "llama3":
		factors = r.factors(c.HeadDim, c.Theta)
	case "longrope":
		factors = narrowed(r.Long)
	default:
		return nil
	}
	return []format.Tensor{format.FromF32(ropeFactors, factors, len(factors))}
}

func llamaExtra(c any) []format.Tensor {
	llama := c.(LlamaConfig)
	return ropeExtra(&llama)
}
