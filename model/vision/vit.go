package vision

import (
	"encoding/json"
	"fmt"

	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

var (
	_ model.Classifier = (*ViT)(nil)
	_ model.Importer   = (*ViT)(nil)
	_ model.Exporter   = (*ViT)(nil)
)

// ViT is the model of Dosovitskiy et al. 2020, arXiv:2010.11929: an image is cut into
// patches, each mapped to a token; before them stands one more token, and the blocks of a
// Transformer, norms before their parts, read them all. What the first token has become
// is told apart. Folders are those of Hugging Face's ViTForImageClassification.
type ViT struct {
	Class     *tensor.Tensor `hf:"vit.embeddings.cls_token"`           // (1, 1, C)
	Positions *tensor.Tensor `hf:"vit.embeddings.position_embeddings"` // (1, 1+P, C)
	Patches   nn.Conv2D      `hf:"vit.embeddings.patch_embeddings.projection"`
	Layers    []vitLayer     `hf:"vit.encoder.layer"`
	Norm      nn.LayerNorm   `hf:"vit.layernorm"`
	Head      nn.Linear      `hf:"classifier"`

	config ViTConfig
}

type vitLayer struct {
	AttnNorm nn.LayerNorm `hf:"layernorm_before"`
	Q        nn.Linear    `hf:"attention.attention.query"`
	K        nn.Linear    `hf:"attention.attention.key"`
	V        nn.Linear    `hf:"attention.attention.value"`
	O        nn.Linear    `hf:"attention.output.dense"`
	Norm     nn.LayerNorm `hf:"layernorm_after"`
	Up       nn.Linear    `hf:"intermediate.dense"`
	Down     nn.Linear    `hf:"output.dense"`

	heads   int
	dropout float32
}

// Role is Table: neither the token nor the positions decay.
func (*ViT) Role(string) nn.Role { return nn.Table }

// Draw fills both from a normal distribution.
func (m *ViT) Draw(_ string, w *tensor.Tensor, key uint64) { w.FillNormal(key, m.config.Std) }

// ViTConfig is the config.json of Hugging Face's ViTForImageClassification.
type ViTConfig struct {
	Architectures []string  `json:"architectures"` // set by NewViT, as Type and DType are
	Type          string    `json:"model_type"`
	Size          imageSize `json:"image_size"`
	Patch         int       `json:"patch_size"`
	Channels      int       `json:"num_channels"`
	Width         int       `json:"hidden_size"`         // C
	Layers        int       `json:"num_hidden_layers"`   // blocks
	Heads         int       `json:"num_attention_heads"` //
	Hidden        int       `json:"intermediate_size"`   // 0: 4C
	Activation    string    `json:"hidden_act"`          // gelu, the exact one
	Eps           float32   `json:"layer_norm_eps"`
	Std           float32   `json:"initializer_range"`
	Dropout       float32   `json:"hidden_dropout_prob"`
	// AttentionDropout is kept for other programs; attention that never forms its
	// probabilities drops none of them.
	AttentionDropout float32 `json:"attention_probs_dropout_prob"`
	Bias             *bool   `json:"qkv_bias,omitempty"` // refused where false
	DType            string  `json:"torch_dtype"`
	Labels
}

// imageSize is height and width, which a file gives as one number where they are equal.
type imageSize [2]int

// UnmarshalJSON reads one number or two.
func (s *imageSize) UnmarshalJSON(b []byte) error {
	if err := json.Unmarshal(b, &s[0]); err == nil {
		s[1] = s[0]
		return nil
	}
	return json.Unmarshal(b, (*[2]int)(s))
}

// MarshalJSON writes one number for a square.
func (s imageSize) MarshalJSON() ([]byte, error) {
	if s[0] == s[1] {
		return json.Marshal(s[0])
	}
	return json.Marshal([2]int(s))
}

// NewViT returns a ViT whose weights have shapes but no values yet.
//
// Errors: a dimension that is absent or absurd; a size that patches do not divide; a
// width that heads do not divide; a variant that is not this one.
func NewViT(c ViTConfig) (*ViT, error) {
	if err := c.complete(); err != nil {
		return nil, err
	}
	C, patches := c.Width, c.Size[0]/c.Patch*(c.Size[1]/c.Patch)
	m := &ViT{
		Class: tensor.Declare(1, 1, C), Positions: tensor.Declare(1, 1+patches, C),
		Patches: nn.NewConv2D(c.Channels, C, c.Patch, tensor.Square(c.Patch, 0), true),
		Layers:  make([]vitLayer, c.Layers), Norm: nn.NewLayerNorm(C, c.Eps, true), Head: c.linear(C, len(c.Labels.Names)),
		config: c,
	}
	m.Patches.Std = c.Std
	for i := range m.Layers {
		m.Layers[i] = vitLayer{
			AttnNorm: nn.NewLayerNorm(C, c.Eps, true), Q: c.linear(C, C), K: c.linear(C, C), V: c.linear(C, C), O: c.linear(C, C),
			Norm: nn.NewLayerNorm(C, c.Eps, true), Up: c.linear(C, c.Hidden), Down: c.linear(c.Hidden, C),
			heads: c.Heads, dropout: c.Dropout,
		}
	}
	return m, nil
}

func (c *ViTConfig) linear(in, out int) nn.Linear {
	l := nn.NewLinear(in, out, true)
	l.Std = c.Std
	return l
}

func (c *ViTConfig) complete() error {
	c.Architectures, c.Type, c.DType = []string{"ViTForImageClassification"}, "vit", "float32"
	c.Hidden, c.Activation = or(c.Hidden, 4*c.Width), or(c.Activation, "gelu")
	c.Eps, c.Std = or(c.Eps, 1e-12), or(c.Std, 0.02)
	if err := checkImages("vit", c.Size, c.Channels, c.Dropout); err != nil {
		return err
	}
	for _, d := range []struct {
		key         string
		value, most int
	}{
		{"patch_size", c.Patch, mostPixels}, {"hidden_size", c.Width, mostWidth}, {"num_hidden_layers", c.Layers, mostLayers},
		{"num_attention_heads", c.Heads, mostWidth}, {"intermediate_size", c.Hidden, mostWidth},
	} {
		if d.value < 1 || d.value > d.most {
			return fmt.Errorf("vision: vit config: %s is %d, want 1 to %d", d.key, d.value, d.most)
		}
	}
	switch {
	case c.Size[0]%c.Patch != 0 || c.Size[1]%c.Patch != 0:
		return fmt.Errorf("vision: vit config: image_size %v is not a multiple of patch_size %d", c.Size, c.Patch)
	case c.Width%c.Heads != 0:
		return fmt.Errorf("vision: vit config: hidden_size %d is not a multiple of num_attention_heads %d", c.Width, c.Heads)
	case c.Activation != "gelu":
		return fmt.Errorf("vision: vit config: hidden_act %q is not supported, gelu is", c.Activation)
	case c.Bias != nil && !*c.Bias:
		return fmt.Errorf("vision: vit config: qkv_bias=false is not supported")
	case c.Eps < 0 || c.Std < 0:
		return fmt.Errorf("vision: vit config: layer_norm_eps %g and initializer_range %g must not be negative", c.Eps, c.Std)
	}
	return c.Labels.check("vit")
}

func or[T comparable](value, absent T) T {
	var zero T
	if value == zero {
		return absent
	}
	return value
}

// Features returns each image's first token, (B, C). Pixels from 0 to 1 are read as from
// −1 to 1, as the preprocessing of the published models has them.
func (m *ViT) Features(s *tensor.Step, x *tensor.Tensor, _ bool) *tensor.Tensor {
	B, C := x.Dim(0), m.config.Width
	patches := m.Patches.Forward(x.AddScalar(-0.5).Scale(2)) // (B, H/p, W/p, C)
	P := patches.Len() / B / C
	y := s.Use(m.Class).Expand(B, 1, C).Concat(1, patches.Reshape(B, P, C)).Add(m.Positions) // (B, 1+P, C)
	y = y.Reshape(B*(1+P), C).Dropout(m.config.Dropout)
	segments := segmentsOf(s, B, 1+P)
	for i := range m.Layers {
		y = m.Layers[i].forward(y, segments)
	}
	return m.Norm.Forward(y.Reshape(B, 1+P, C).Slice(1, 0, 1).Reshape(B, C))
}

// segmentsOf are n sequences of equal length.
func segmentsOf(s *tensor.Step, n, length int) *tensor.Tensor {
	starts := make([]int32, n+1)
	for i := range starts {
		starts[i] = int32(i * length)
	}
	return s.Segments(starts)
}

// forward is one block over the tokens (N, C) of all images.
func (l *vitLayer) forward(x, segments *tensor.Tensor) *tensor.Tensor {
	x = x.Add(l.attend(l.AttnNorm.Forward(x), segments).Dropout(l.dropout))
	return x.Add(l.Down.Forward(l.Up.Forward(l.Norm.Forward(x)).GELUErf()).Dropout(l.dropout))
}

func (l *vitLayer) attend(x, segments *tensor.Tensor) *tensor.Tensor {
	N, C, H := x.Dim(0), x.Dim(1), l.heads
	split := func(y *tensor.Tensor) *tensor.Tensor { return y.Reshape(N, H, C/H) }
	y := split(l.Q.Forward(x)).Attention(split(l.K.Forward(x)), split(l.V.Forward(x)), segments, nn.Attention{Bidirectional: true})
	return l.O.Forward(y.Reshape(N, C))
}

// Logits returns (B, K) of Features.
func (m *ViT) Logits(features *tensor.Tensor) *tensor.Tensor { return m.Head.Forward(features) }

// Images tells what the model reads.
func (m *ViT) Images() model.ImageShape {
	return model.ImageShape{H: m.config.Size[0], W: m.config.Size[1], C: m.config.Channels, Classes: m.config.Labels.names()}
}

// Config returns a [ViTConfig].
func (m *ViT) Config() any { return m.config }

// Import reads filters as PyTorch orders them.
func (*ViT) Import(t format.Tensor) (format.Tensor, error) { return model.ImportImages(t) }

// Export undoes Import.
func (*ViT) Export(t format.Tensor) (format.Tensor, error) { return model.ExportImages(t) }
