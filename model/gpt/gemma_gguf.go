package gpt

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/model"
)

func init() {
	model.RegisterGGUF("gemma2", model.GGUF[Gemma2Config]{Arch: "gemma2", Read: readGemma2, Write: writeGemma2})
	model.RegisterGGUF("gemma3_text", model.GGUF[Gemma3Config]{Arch: "gemma3", Read: readGemma3, Write: writeGemma3})
}

var (
	_ model.GGUFImporter = (*Gemma2)(nil)
	_ model.GGUFExporter = (*Gemma2)(nil)
)

// Keys of Gemma alone.
const (
	scoreCap   = "attn_logit_softcapping"
	logitCap   = "final_logit_softcapping"
	localTheta = "rope.freq_base_swa"
)

// The largest models scale scores by the width of a head that their hidden_size would
// give, the others by head_dim: GGUF files do not say, and the number of layers tells.
const gemma2Largest, gemma3Largest = 46, 62

func readGemma2(file *format.GGUF, k *format.Keys) (Gemma2Config, error) {
	c, err := readGemma(file, k, "gemma2", gemma2Largest)
	if err != nil {
		return c, err
	}
	window := 4096 // what other programs take where a file does not say
	if c.Window, c.LayerTypes = readLayers(k, c.Layers, 2); c.Window == nil && !k.Has(slidingWindow) {
		c.Window, c.LayerTypes = &window, periodic(c.Layers, 2)
	}
	scores, logits := float32(k.FloatOr(scoreCap, 50)), float32(k.FloatOr(logitCap, 30))
	c.ScoreCap, c.LogitCap = &scores, &logits
	if r := readRopeKeys(k); !r.isDefault() {
		return c, fmt.Errorf("%s %q with factor %g and %s %g: a gemma2 has none", ropeType, r.kind, r.factor, ropeGain, r.gain)
	}
	return c, err
}

func readGemma3(file *format.GGUF, k *format.Keys) (c Gemma3Config, err error) {
	if c.Gemma2Config, err = readGemma(file, k, "gemma3_text", gemma3Largest); err != nil {
		return c, err
	}
	if c.Window, c.LayerTypes = readLayers(k, c.Layers, 6); c.Window == nil {
		c.LayerTypes = periodic(c.Layers, 0)
	}
	if logits := float32(k.FloatOr(logitCap, 0)); logits > 0 {
		c.LogitCap = &logits
	}
	c.LocalTheta = k.FloatOr(localTheta, 1e4)
	if gain := readRopeKeys(k).gain; gain != 1 {
		return c, fmt.Errorf("%s is %g: a gemma3 has none", ropeGain, gain) // which would be sliding layers' too
	}
	c.RopeScaling, err = readRope(file, k, c.HeadDim, c.Theta)
	return c, err
}

func readGemma(file *format.GGUF, k *format.Keys, kind string, largest int) (c Gemma2Config, err error) {
	c.Type = kind
	c.Context = k.Int("context_length")
	c.Width = k.Int("embedding_length")
	c.Layers = k.Int("block_count")
	c.Hidden = k.IntOfEach("feed_forward_length", c.Layers)
	c.Heads = k.IntOfEach("attention.head_count", c.Layers)
	c.KVHeads = k.IntOfEachOr("attention.head_count_kv", c.Layers, c.Heads)
	c.HeadDim = k.IntOr("attention.key_length", c.Width/max(c.Heads, 1))
	c.Eps = float32(k.Float("attention.layer_norm_rms_epsilon"))
	c.Theta = k.FloatOr("rope.freq_base", 10000)
	c.AttentionBias = ggufHas(file, "attn_output.bias")
	if err := errors.Join(causal(k), ggufLayers(k, c.Layers)); err != nil {
		return c, err
	}
	c.ScoreScale = c.scoreScale(largest)
	c.Vocab, c.Tied, err = ggufVocab(file)
	return c, err
}

// scoreScale is what other programs take query_pre_attn_scalar to be.
func (c *Gemma2Config) scoreScale(largest int) float64 {
	if c.Layers == largest {
		return float64(c.Width / max(c.Heads, 1))
	}
	return float64(c.HeadDim)
}

func writeGemma2(c Gemma2Config, set func(key string, value any)) error {
	switch {
	case !c.Tied:
		return errors.New("tie_word_embeddings false: a gemma2 of a GGUF file has no head of its own")
	case c.ScoreCap == nil || c.LogitCap == nil:
		return errors.New("attn_logit_softcapping or final_logit_softcapping null: a gemma2 of a GGUF file has both")
	}
	if r := either(c.RopeScaling, c.Rope, c.Theta, c.Context); r.Type != "default" {
		return fmt.Errorf("rope_type %s: a gemma2 of a GGUF file has none", r.Type)
	}
	set(scoreCap, *c.ScoreCap)
	if err := setPeriod(c.Window, c.LayerTypes, set); err != nil {
		return err
	}
	return writeGemma(c, set, gemma2Largest)
}

func writeGemma3(c Gemma3Config, set func(key string, value any)) error {
	global, local := c.RopeScaling, (*Rope)(nil)
	if c.Ropes != nil {
		global, local = c.Ropes.Full, c.Ropes.Sliding
	}
	sliding := either(local, nil, c.LocalTheta, c.Context)
	if sliding.Type != "default" {
		return fmt.Errorf("rope_type %s of sliding layers: a gemma3 of a GGUF file has none", sliding.Type)
	}
	set(localTheta, sliding.Theta)
	full := either(global, nil, c.Theta, c.Context)
	if full.Type == "llama3" || full.Type == "yarn" && full.beyondYarn() != 1 {
		return fmt.Errorf("rope_type %s: a gemma3 of a GGUF file has linear, and yarn without attention_factor or mscale, at most", full.Type)
	}
	c.Theta = full.Theta
	if c.Window != nil {
		if err := setPeriod(c.Window, c.LayerTypes, set); err != nil {
			return err
		}
	}
	return errors.Join(writeGemma(c.Gemma2Config, set, gemma3Largest), writeRope(full, c.Context, set))
}

// setPeriod tells the layers by one number, the form that other programs read.
func setPeriod(window *int, types []string, set func(key string, value any)) error {
	period := periodOf(types)
	if period == 0 || window == nil {
		return fmt.Errorf("layer_types %v have no period: a GGUF file has every so many layers one that sees all", types)
	}
	set(slidingWindow, *window)
	set(slidingPattern, period)
	return nil
}

func writeGemma(c Gemma2Config, set func(key string, value any), largest int) error {
	if want := c.scoreScale(largest); math.Abs(c.ScoreScale-want) > 1e-6*want {
		return fmt.Errorf("query_pre_attn_scalar is %g: other programs take it to be %g with %d layers, as GGUF files do not tell", c.ScoreScale, want, c.Layers)
	}
	set("vocab_size", c.Vocab)
	set("context_length", c.Context)
	set("embedding_length", c.Width)
	set("block_count", c.Layers)
	set("feed_forward_length", c.Hidden)
	set("attention.head_count", c.Heads)
	set("attention.head_count_kv", c.KVHeads)
	set("attention.key_length", c.HeadDim)
	set("attention.value_length", c.HeadDim)
	set("attention.layer_norm_rms_epsilon", c.Eps)
	set("rope.freq_base", c.Theta)
	if c.LogitCap != nil {
		set(logitCap, *c.LogitCap)
	}
	return nil
}

// ImportGGUF undoes ExportGGUF.
func (m *Gemma2) ImportGGUF(t format.Tensor) (format.Tensor, error) { return shifted(t, -1) }

// ExportGGUF writes gains as they multiply, 1+w, where Hugging Face's files have w.
func (m *Gemma2) ExportGGUF(t format.Tensor) (format.Tensor, error) { return shifted(t, 1) }

// shifted adds a number to a norm's gains.
func shifted(t format.Tensor, by float32) (format.Tensor, error) {
	if !strings.HasSuffix(t.Name, "norm.weight") {
		return t, nil
	}
	if t.Data == nil {
		t.DType = format.F32
		return t, nil
	}
	x, err := format.F32s(t)
	if err != nil {
		return t, err
	}
	y := make([]float32, len(x))
	for i, v := range x {
		y[i] = v + by
	}
	return format.FromF32(t.Name, y, t.Shape...), nil
}
