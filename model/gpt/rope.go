package gpt

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/inkstone-ai/inkstone/nn"
)

// Rope is how a config.json sets the rotary frequencies, and changes them for longer
// contexts. Keys are those of Hugging Face's files.
type Rope struct {
	Type    string  `json:"rope_type,omitempty"` // default, linear, dynamic, llama3, yarn or longrope
	OldType string  `json:"type,omitempty"`      // where older files have it
	Theta   float64 `json:"rope_theta,omitempty"`
	Partial float64 `json:"partial_rotary_factor,omitempty"` // share of a head's channels that turn; 0 means 1
	Factor  float64 `json:"factor,omitempty"`
	Context int     `json:"original_max_position_embeddings,omitempty"` // of training before the stretch; 0 means max_position_embeddings

	Low  float64 `json:"low_freq_factor,omitempty"` // llama3
	High float64 `json:"high_freq_factor,omitempty"`

	Fast     float64 `json:"beta_fast,omitempty"` // yarn; 0 means 32
	Slow     float64 `json:"beta_slow,omitempty"` // 0 means 1
	Scale    float64 `json:"mscale,omitempty"`
	ScaleAll float64 `json:"mscale_all_dim,omitempty"`
	Truncate *bool   `json:"truncate,omitempty"` // nil means true

	Short []float64 `json:"short_factor,omitempty"` // longrope: of each pair, up to Context
	Long  []float64 `json:"long_factor,omitempty"`  // and beyond

	Gain float64 `json:"attention_factor,omitempty"` // yarn, longrope; 0: from the factor

	// What is refused: settings of each type of layer, which Gemma 3 alone has.
	Full    json.RawMessage `json:"full_attention,omitempty"`
	Sliding json.RawMessage `json:"sliding_attention,omitempty"`
}

// either is the setting of a config.json that has it under one of two keys, complete but for what
// the model's own default of theta is.
func either(old, new *Rope, theta float64, context int) Rope {
	var r Rope
	if old != nil {
		r = *old
	}
	if new != nil {
		r = *new
	}
	r.Type = orDefault(orDefault(r.Type, r.OldType), "default")
	if r.Type == "su" { // the first name of longrope
		r.Type = "longrope"
	}
	r.Theta = orDefault(r.Theta, theta)
	r.Partial = orDefault(r.Partial, 1)
	r.Context = orDefault(r.Context, context)
	return r
}

// turned is the number of a head's channels that turn.
func (r Rope) turned(headDim int) int { return int(float64(headDim) * r.Partial) }

// check refuses what is unknown or does not fit a head.
func (r Rope) check(headDim int) error {
	pairs := r.turned(headDim) / 2
	switch {
	case r.Full != nil || r.Sliding != nil:
		return errors.New("rope settings of full_attention and sliding_attention, where one setting of all layers is wanted")
	case r.Context < 1 || r.Context > mostVocab:
		return fmt.Errorf("original_max_position_embeddings is %d, want 1 to %d", r.Context, mostVocab)
	case r.Theta <= 0 || math.IsInf(r.Theta, 0):
		return fmt.Errorf("rope_theta is %g, want more than 0", r.Theta)
	case r.Partial < 0 || r.Partial > 1 || pairs == 0 || r.turned(headDim)%2 != 0:
		return fmt.Errorf("partial_rotary_factor %g of head_dim %d turns %d channels, want pairs", r.Partial, headDim, r.turned(headDim))
	}
	switch r.Type {
	case "default":
		return nil
	case "linear", "dynamic":
		if r.Type == "dynamic" && pairs < 2 {
			return errors.New("rope_type dynamic needs more than one pair of channels")
		}
		return r.stretches()
	case "llama3":
		if r.Factor <= 0 || r.Low <= 0 || r.High <= r.Low {
			return errors.New("rope_type llama3 needs factor, low_freq_factor < high_freq_factor and original_max_position_embeddings")
		}
		return nil
	case "yarn":
		if r.Fast < 0 || r.Slow < 0 || orDefault(r.Fast, 32) < orDefault(r.Slow, 1) {
			return fmt.Errorf("rope_type yarn: beta_fast %g and beta_slow %g, want 0 < beta_slow ≤ beta_fast", r.Fast, r.Slow)
		}
		return r.stretches()
	case "longrope":
		return r.checkLong(pairs)
	}
	return fmt.Errorf("rope_type %q is not supported; default, linear, dynamic, llama3, yarn and longrope are", r.Type)
}

func (r Rope) stretches() error {
	if r.Factor <= 0 {
		return fmt.Errorf("rope factor is %g, want more than 0", r.Factor)
	}
	return nil
}

func (r Rope) checkLong(pairs int) error {
	if len(r.Short) != pairs || len(r.Long) != pairs {
		return fmt.Errorf("rope_type longrope: %d short_factor and %d long_factor, want %d of each, one for each pair of channels", len(r.Short), len(r.Long), pairs)
	}
	for i := range pairs {
		if r.Short[i] <= 0 || r.Long[i] <= 0 {
			return errors.New("rope_type longrope: a factor is not more than 0")
		}
	}
	return nil
}

// rotary is the rotation of heads of headDim channels in a model of context positions.
func (r Rope) rotary(headDim, context int) *nn.Rotary {
	dim := r.turned(headDim)
	switch r.Type {
	case "linear":
		return nn.NewRotary(dim, r.Theta, nn.ScaleLinear(r.Factor))
	case "llama3":
		return nn.NewRotary(dim, r.Theta, nn.ScaleLlama3(r.Factor, r.Low, r.High, r.Context))
	case "yarn":
		y := nn.YaRN{Factor: r.Factor, Context: r.Context, Fast: orDefault(r.Fast, 32), Slow: orDefault(r.Slow, 1), Exact: r.Truncate != nil && !*r.Truncate}
		rotary := nn.NewRotary(dim, r.Theta, y.Scale(dim, r.Theta))
		rotary.Gain = float32(orDefault(r.Gain, r.yarnGain()))
		return rotary
	case "longrope":
		rotary := nn.NewRotary(dim, r.Theta, nn.ScaleEach(r.Short))
		rotary.Gain = float32(orDefault(r.Gain, r.longGain(context)))
		if slices.Equal(r.Short, r.Long) {
			return rotary
		}
		rotary.Reach = r.Context
		rotary.Beyond = func(int) *nn.Rotary {
			long := nn.NewRotary(dim, r.Theta, nn.ScaleEach(r.Long))
			long.Gain = rotary.Gain
			return long
		}
		return rotary
	}
	rotary := nn.NewRotary(dim, r.Theta, nil)
	if r.Type == "dynamic" {
		rotary.Reach = context
		rotary.Beyond = func(length int) *nn.Rotary { return nn.NewRotary(dim, r.stretched(dim, length, context), nil) }
	}
	return rotary
}

// stretched is the theta of a sequence that is longer than the context: dynamic NTK scaling
// (bloc97 and emozilla 2023; Peng et al. 2023, arXiv:2309.00071, section 3.3).
func (r Rope) stretched(dim, length, context int) float64 {
	n := r.Factor*float64(length)/float64(context) - (r.Factor - 1)
	return r.Theta * math.Pow(n, float64(dim)/float64(dim-2))
}

// yarnGain is eq. 22 of arXiv:2309.00071; with both scales given, as DeepSeek's files
// have them, the ratio of two such gains.
func (r Rope) yarnGain() float64 {
	gain := func(scale float64) float64 {
		if r.Factor <= 1 {
			return 1
		}
		return 0.1*scale*math.Log(r.Factor) + 1
	}
	if r.Scale != 0 && r.ScaleAll != 0 {
		return gain(r.Scale) / gain(r.ScaleAll)
	}
	return gain(1)
}

// longGain is that of Phi-3's authors: √(1 + ln s/ln n) for a stretch s of n positions.
func (r Rope) longGain(context int) float64 {
	s := orDefault(r.Factor, float64(context)/float64(r.Context))
	if s <= 1 {
		return 1
	}
	return math.Sqrt(1 + math.Log(s)/math.Log(float64(r.Context)))
}

// reach is the number of positions that a sequence may have. Two types choose other
// frequencies for longer sequences: dynamic beyond max_position_embeddings, longrope
// beyond the context of training, unless they are the same. Keys that a cache holds would have to be turned anew
// there, and what was read before would mean something else; the context that a model
// tells of ends at that point. A longer sequence in one pass without a past is what it is in
// transformers.
func (r Rope) reach(context int) int {
	if r.Type == "longrope" && !slices.Equal(r.Short, r.Long) {
		return min(context, r.Context)
	}
	return context
}
