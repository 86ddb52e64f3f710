package gpt

import (
	"encoding/json"
	"fmt"
	"math"

	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

func init() { model.Register("gemma2", NewGemma2) }

var (
	_ model.LM         = (*Gemma2)(nil)
	_ model.SoftCapped = (*Gemma2)(nil)
)

// Gemma2 is the model of the Gemma team 2024, arXiv:2408.00118. It differs from [Llama]
// in norms behind both halves of a block as before them, whose gains are 1+w; GELU in
// the gate; embeddings times √C; layers that see a window and layers that see all, in
// turn; and soft caps on scores and logits.
type Gemma2 struct {
	trunk[gemmaBlock, *gemmaBlock]

	config Gemma2Config
}

type gemmaBlock struct {
	AttnNorm nn.RMSNorm     `hf:"input_layernorm" gguf:"attn_norm"`
	Attn     llamaAttention `hf:"self_attn"`
	AttnPost nn.RMSNorm     `hf:"post_attention_layernorm" gguf:"post_attention_norm"`
	MLPNorm  nn.RMSNorm     `hf:"pre_feedforward_layernorm" gguf:"ffn_norm"`
	MLP      geGLU          `hf:"mlp"`
	MLPPost  nn.RMSNorm     `hf:"post_feedforward_layernorm" gguf:"post_ffw_norm"`
}

// geGLU is the gated feed-forward of Shazeer 2020, arXiv:2002.05202, eq. 6, with GELU in
// its tanh form.
type geGLU struct {
	Gate nn.Linear `hf:"gate_proj" gguf:"ffn_gate"`
	Up   nn.Linear `hf:"up_proj" gguf:"ffn_up"`
	Down nn.Linear `hf:"down_proj" gguf:"ffn_down"`
}

// Gemma2Config is the config.json of Hugging Face's Gemma2ForCausalLM.
type Gemma2Config struct {
	Architectures []string `json:"architectures"` // set by NewGemma2, as Type and DType are
	Type          string   `json:"model_type"`

	Vocab      int     `json:"vocab_size"`
	Context    int     `json:"max_position_embeddings"`
	Layers     int     `json:"num_hidden_layers"`
	Width      int     `json:"hidden_size"`
	Hidden     int     `json:"intermediate_size"`
	Heads      int     `json:"num_attention_heads"`
	KVHeads    int     `json:"num_key_value_heads"` // 0 means Heads
	HeadDim    int     `json:"head_dim"`            // 0 means Width/Heads
	Activation string  `json:"hidden_activation"`   // "gelu_pytorch_tanh"; the empty string means it
	Eps        float32 `json:"rms_norm_eps"`        // 0 means 1e-6
	Tied       bool    `json:"tie_word_embeddings"` // a config.json that lacks the key means true

	ScoreScale    float64  `json:"query_pre_attn_scalar"` // scores are scaled by 1/√ of it; 0 means 256
	AttentionBias bool     `json:"attention_bias"`
	Window        *int     `json:"sliding_window"`          // tokens that a token of a sliding layer sees
	LayerTypes    []string `json:"layer_types"`             // nil: layers 0, 2, … slide
	ScoreCap      *float32 `json:"attn_logit_softcapping"`  // nil: none
	LogitCap      *float32 `json:"final_logit_softcapping"` // nil: none

	Theta       float64 `json:"rope_theta,omitempty"` // 0 means 10,000
	RopeScaling *Rope   `json:"rope_scaling,omitempty"`
	Rope        *Rope   `json:"rope_parameters,omitempty"` // the two above in newer files

	BOS   *int32    `json:"bos_token_id"`
	EOS   model.IDs `json:"eos_token_id"`
	Pad   *int32    `json:"pad_token_id,omitempty"`
	DType string    `json:"torch_dtype"`

	// A variant that is refused.
	Bidirectional bool `json:"use_bidirectional_attention,omitempty"`
}

// gemma2Absent is what absent keys of a Gemma 2's config.json mean in transformers.
func gemma2Absent() Gemma2Config {
	window, scores, logits := 4096, float32(50), float32(30)
	return Gemma2Config{Vocab: 256000, Context: 8192, Layers: 26, Width: 2304, Hidden: 9216, Heads: 8, KVHeads: 4, HeadDim: 256,
		Tied: true, ScoreScale: 256, Window: &window, ScoreCap: &scores, LogitCap: &logits}
}

// UnmarshalJSON reads a config.json; an absent key means what it means in
// transformers, for the soft caps 50 and 30, and null none.
func (c *Gemma2Config) UnmarshalJSON(b []byte) error {
	type plain Gemma2Config
	p := plain(gemma2Absent())
	err := json.Unmarshal(b, &p)
	*c = Gemma2Config(p)
	return err
}

// NewGemma2 returns a Gemma 2 whose weights have shapes but no values yet: nn.Init
// draws them for training, model.Load binds them to a file's pages.
//
// Errors: a dimension that is absurd; heads that do not divide; a variant of Gemma 2
// that is not this one.
func NewGemma2(c Gemma2Config) (*Gemma2, error) {
	const name = "gemma2"
	if err := c.complete(name, "Gemma2ForCausalLM", func(i int) bool { return i%2 == 0 }); err != nil {
		return nil, err
	}
	llama := c.llama()
	llama.RopeScaling, llama.Rope, llama.Theta = c.RopeScaling, c.Rope, orDefault(c.Theta, 10000)
	rope := llama.rope()
	if err := llama.checkRope(name, rope); err != nil {
		return nil, err
	}
	c.Theta = rope.Theta
	all := rope.rotary(c.HeadDim, c.Context)
	m := &Gemma2{}
	return m, m.declare(name, c, func(int) *nn.Rotary { return all })
}

// complete fills in what an absent key means and refuses what does not fit.
func (c *Gemma2Config) complete(name, architecture string, sliding func(i int) bool) error {
	llama := c.llama()
	if err := llama.dimensions(name, architecture); err != nil {
		return err
	}
	c.Architectures, c.Type, c.DType = llama.Architectures, llama.Type, llama.DType
	c.Context, c.KVHeads, c.HeadDim, c.Eps = llama.Context, llama.KVHeads, llama.HeadDim, llama.Eps
	c.Activation, c.ScoreScale = orDefault(c.Activation, "gelu_pytorch_tanh"), orDefault(c.ScoreScale, 256)
	if c.LayerTypes == nil {
		c.LayerTypes = layerTypes(c.Layers, sliding)
	}
	switch {
	case c.Activation != "gelu_pytorch_tanh":
		return fmt.Errorf("gpt: %s config: hidden_activation %q is not supported, only gelu_pytorch_tanh", name, c.Activation)
	case c.ScoreScale < 0:
		return fmt.Errorf("gpt: %s config: query_pre_attn_scalar is %g, want more than 0", name, c.ScoreScale)
	case c.Bidirectional:
		return fmt.Errorf("gpt: %s config: use_bidirectional_attention is not supported", name)
	}
	for key, limit := range map[string]*float32{"attn_logit_softcapping": c.ScoreCap, "final_logit_softcapping": c.LogitCap} {
		if limit != nil && !(*limit > 0) {
			return fmt.Errorf("gpt: %s config: %s is %g, want more than 0, or null for none", name, key, *limit)
		}
	}
	return nil
}

// llama is the Llama of c's dimensions.
func (c *Gemma2Config) llama() LlamaConfig {
	return LlamaConfig{Vocab: c.Vocab, Context: c.Context, Layers: c.Layers, Width: c.Width, Hidden: c.Hidden, Heads: c.Heads,
		KVHeads: c.KVHeads, HeadDim: c.HeadDim, Eps: c.Eps, Tied: c.Tied, AttentionBias: c.AttentionBias}
}

// declare makes the weights of a complete c; rotary is that of each layer.
func (m *Gemma2) declare(name string, c Gemma2Config, rotary func(i int) *nn.Rotary) error {
	window, err := windows(name, c.LayerTypes, c.Layers, c.Window)
	if err != nil {
		return err
	}
	llama := c.llama()
	shape := llama.shape()
	shape.PostNorms = true
	m.config = c
	m.grow(shape, c.Eps, c.Tied)
	m.Norm.Plus = true
	for i := range m.Blocks {
		m.Blocks[i] = gemmaBlock{
			AttnNorm: c.norm(c.Width),
			Attn:     llama.attention(i, rotary(i)),
			AttnPost: c.norm(c.Width),
			MLPNorm:  c.norm(c.Width),
			MLP:      geGLU(llama.swiGLU(c.Hidden)),
			MLPPost:  c.norm(c.Width),
		}
		m.Blocks[i].Attn.options = nn.Attention{
			Scale: float32(1 / math.Sqrt(c.ScoreScale)), SoftCap: orNone(c.ScoreCap), Window: window[i],
		}
	}
	return nil
}

// norm declares a norm whose gains are 1+w.
func (c *Gemma2Config) norm(channels int) nn.RMSNorm {
	return nn.RMSNorm{W: tensor.Declare(channels), Eps: c.Eps, Plus: true}
}

func orNone(limit *float32) float32 {
	if limit == nil {
		return 0
	}
	return *limit
}

// Forward returns the activations after the last norm, (N, C).
func (m *Gemma2) Forward(p *nn.Pass) *tensor.Tensor {
	return m.layers(p, p.Embed(&m.Embed).Scale(float32(math.Sqrt(float64(m.shape.Width)))))
}

func (b *gemmaBlock) Forward(p *nn.Pass, x *tensor.Tensor) *tensor.Tensor {
	x = x.Add(b.AttnPost.Forward(b.Attn.forward(p, b.AttnNorm.Forward(x))))
	return x.Add(b.MLPPost.Forward(b.MLP.forward(b.MLPNorm.Forward(x))))
}

func (f *geGLU) forward(x *tensor.Tensor) *tensor.Tensor {
	both := nn.Linears(x, &f.Gate, &f.Up)
	return f.Down.Forward(both[0].GELUMul(both[1]))
}

// Logits returns (R, V) for rows (R, C) of Forward's result, capped.
func (m *Gemma2) Logits(rows *tensor.Tensor) *tensor.Tensor {
	return m.trunk.Logits(rows).SoftCap(m.LogitSoftCap())
}

// LogitSoftCap is c of the logits c·tanh(z/c), 0 where there is none.
func (m *Gemma2) LogitSoftCap() float32 { return orNone(m.config.LogitCap) }

// Config returns a [Gemma2Config].
func (m *Gemma2) Config() any { return m.config }
