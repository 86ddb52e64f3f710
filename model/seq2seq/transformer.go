package seq2seq

import (
	"math"

	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

var (
	_ model.EncoderDecoder = (*Transformer)(nil)
	_ model.Aligner        = (*Transformer)(nil)
)

// Transformer is the model of Vaswani et al. 2017, "Attention Is All You Need"
// (arXiv:1706.03762): self-attention in the encoder, self-attention and attention
// over the encoder's output in the decoder, sinusoidal positions, one matrix for
// the embeddings of both sides and the head (section 3.4).
//
// Unless the config asks for PostNorm, a layer's norms stand before its parts and
// one more behind the stack (Xiong et al. 2020, arXiv:2002.04745): the gradient
// then reaches the first layer undivided, so that a high rate needs no long
// warm-up, which a run of minutes cannot pay for. Attention drops none of its
// weights, for it never holds them; embeddings and parts drop their results.
type Transformer struct {
	Embed       nn.Embedding   `hf:"shared"`
	Encoder     []encoderLayer `hf:"encoder.layers"`
	EncoderNorm *nn.LayerNorm  `hf:"encoder.norm"` // nil with PostNorm, as the decoder's
	Decoder     []decoderLayer `hf:"decoder.layers"`
	DecoderNorm *nn.LayerNorm  `hf:"decoder.norm"`

	positions sinusoids
	config    Config
}

type encoderLayer struct {
	Self     selfAttention `hf:"self_attn"`
	SelfNorm residual      `hf:"self_attn_norm"`
	Feed     feedForward   `hf:"feed_forward"`
	FeedNorm residual      `hf:"feed_forward_norm"`
}

type decoderLayer struct {
	Self      selfAttention  `hf:"self_attn"`
	SelfNorm  residual       `hf:"self_attn_norm"`
	Cross     crossAttention `hf:"cross_attn"`
	CrossNorm residual       `hf:"cross_attn_norm"`
	Feed      feedForward    `hf:"feed_forward"`
	FeedNorm  residual       `hf:"feed_forward_norm"`
}

// NewTransformer returns a Transformer whose weights have shapes but no values
// yet. Errors: those of [New].
func NewTransformer(c Config) (*Transformer, error) {
	c.Architecture = TransformerArchitecture
	if c.Hidden == 0 {
		c.Hidden = 4 * c.Width
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	if c.Heads < 1 || c.Width%c.Heads != 0 || c.Hidden < 1 || c.Hidden > mostWidth {
		return nil, c.errorf("attention_heads %d must divide d_model %d, and ffn_dim %d be 1 to %d", c.Heads, c.Width, c.Hidden, mostWidth)
	}
	if c.Width%2 != 0 {
		return nil, c.errorf("d_model %d is odd: a position is pairs of a sine and a cosine", c.Width)
	}
	m := &Transformer{
		Embed:     nn.NewEmbedding(c.Vocab, c.Width),
		Encoder:   make([]encoderLayer, c.EncoderLayers),
		Decoder:   make([]decoderLayer, c.DecoderLayers),
		positions: newSinusoids(c.Context, c.Width),
		config:    c,
	}
	m.Embed.Std = float32(1 / math.Sqrt(float64(c.Width))) // times √C it has variance 1; as the head it gives scores of variance 1
	for i := range m.Encoder {
		m.Encoder[i] = encoderLayer{
			Self: newSelfAttention(&c, i), SelfNorm: newResidual(&c),
			Feed: newFeedForward(&c), FeedNorm: newResidual(&c),
		}
	}
	for i := range m.Decoder {
		m.Decoder[i] = decoderLayer{
			Self: newSelfAttention(&c, i), SelfNorm: newResidual(&c),
			Cross: newCrossAttention(&c), CrossNorm: newResidual(&c),
			Feed: newFeedForward(&c), FeedNorm: newResidual(&c),
		}
	}
	if !c.PostNorm {
		first, second := nn.NewLayerNorm(c.Width, normEps, true), nn.NewLayerNorm(c.Width, normEps, true)
		m.EncoderNorm, m.DecoderNorm = &first, &second
	}
	return m, nil
}

// normEps is PyTorch's; the paper names none.
const normEps = 1e-5

// Encode returns the keys and values that each layer of the decoder has for the
// sources' tokens, (N, H, D).
func (m *Transformer) Encode(p *nn.Pass) *model.Memory {
	x := m.embed(p)
	for i := range m.Encoder {
		x = p.Through(&m.Encoder[i], x)
	}
	if m.EncoderNorm != nil {
		x = m.EncoderNorm.Forward(x)
	}
	memory := &model.Memory{Lengths: lengths(p)}
	for i := range m.Decoder {
		k, v := m.Decoder[i].Cross.look(x)
		memory.Tokens = append(memory.Tokens, k, v)
	}
	return memory
}

// Decode returns the activations after the last norm, (N, C).
func (m *Transformer) Decode(p *nn.Pass, memory *model.Memory) *tensor.Tensor {
	x, segments := m.embed(p), memory.Segments(p)
	for i := range m.Decoder {
		x = p.Through(decoding{&m.Decoder[i], memory.Tokens[2*i], memory.Tokens[2*i+1], segments}, x)
	}
	if m.DecoderNorm != nil {
		x = m.DecoderNorm.Forward(x)
	}
	return x
}

// Align returns the cross-attention of the last layer, the mean over its heads,
// (T, S) for one pair.
func (m *Transformer) Align(source, target *nn.Pass) *tensor.Tensor {
	memory := m.Encode(source)
	x, segments := m.embed(target), memory.Segments(target)
	last := len(m.Decoder) - 1
	for i := range last {
		x = decoding{&m.Decoder[i], memory.Tokens[2*i], memory.Tokens[2*i+1], segments}.Forward(target, x)
	}
	l := &m.Decoder[last]
	x = l.SelfNorm.around(x, func(x *tensor.Tensor) *tensor.Tensor { return l.Self.past(target, x) })
	if !l.CrossNorm.post {
		x = l.CrossNorm.LayerNorm.Forward(x)
	}
	return l.Cross.weights(x, memory.Tokens[2*last])
}

// embed returns √C·E[ids] + PE(pos), (N, C): sections 3.4 and 3.5.
func (m *Transformer) embed(p *nn.Pass) *tensor.Tensor {
	x := p.Embed(&m.Embed).Scale(float32(math.Sqrt(float64(m.config.Width)))) // (N, C)
	return x.Add(m.positions.at(p.Pos)).Dropout(m.config.Dropout)
}

func (l *encoderLayer) Forward(p *nn.Pass, x *tensor.Tensor) *tensor.Tensor {
	x = l.SelfNorm.around(x, func(x *tensor.Tensor) *tensor.Tensor { return l.Self.both(p, x) })
	return l.FeedNorm.around(x, l.Feed.forward)
}

// A decoding is a layer with what it sees of the sources.
type decoding struct {
	*decoderLayer
	keys, values, segments *tensor.Tensor
}

func (l decoding) Forward(p *nn.Pass, x *tensor.Tensor) *tensor.Tensor {
	x = l.SelfNorm.around(x, func(x *tensor.Tensor) *tensor.Tensor { return l.Self.past(p, x) })
	x = l.CrossNorm.around(x, func(x *tensor.Tensor) *tensor.Tensor { return l.Cross.forward(x, l.keys, l.values, l.segments) })
	return l.FeedNorm.around(x, l.Feed.forward)
}

// A residual joins a part of a layer to what it was given, and holds the norm.
type residual struct {
	nn.LayerNorm

	post    bool
	dropout float32
}

func newResidual(c *Config) residual {
	return residual{nn.NewLayerNorm(c.Width, normEps, true), c.PostNorm, c.Dropout}
}

// around returns x + f(LN(x)), or LN(x + f(x)) with PostNorm (section 3.1).
func (r *residual) around(x *tensor.Tensor, f func(*tensor.Tensor) *tensor.Tensor) *tensor.Tensor {
	if r.post {
		return r.LayerNorm.Forward(x.Add(f(x).Dropout(r.dropout)))
	}
	return x.Add(f(r.LayerNorm.Forward(x)).Dropout(r.dropout))
}

// selfAttention is section 3.2.2 with queries, keys and values of one sequence.
type selfAttention struct {
	QKV nn.Linear `hf:"qkv_proj"` // (3C, C): queries, keys, values
	O   nn.Linear `hf:"out_proj"`

	layer, heads int
}

func newSelfAttention(c *Config, layer int) selfAttention {
	return selfAttention{QKV: xavier(c.Width, c.Width, 3), O: xavier(c.Width, c.Width, 1), layer: layer, heads: c.Heads}
}

// both sees the whole sequence: the encoder.
func (a *selfAttention) both(p *nn.Pass, x *tensor.Tensor) *tensor.Tensor {
	q, k, v := a.split(x)
	return a.join(nn.FlashAttention(p.Segments, q, k, v, nn.Attention{Bidirectional: true}))
}

// past sees what was written so far: the decoder.
func (a *selfAttention) past(p *nn.Pass, x *tensor.Tensor) *tensor.Tensor {
	q, k, v := a.split(x)
	return a.join(p.Attend(a.layer, q, k, v, nn.Attention{}))
}

func (a *selfAttention) split(x *tensor.Tensor) (q, k, v *tensor.Tensor) {
	N, C, H := x.Dim(0), x.Dim(1), a.heads
	qkv := a.QKV.Forward(x).Reshape(N, 3*H, C/H) // three times H heads
	return qkv.Slice(1, 0, H), qkv.Slice(1, H, 2*H), qkv.Slice(1, 2*H, 3*H)
}

func (a *selfAttention) join(y *tensor.Tensor) *tensor.Tensor {
	return a.O.Forward(y.Reshape(y.Dim(0), -1)) // (N, C)
}

// crossAttention is section 3.2.2 with queries of the targets, and keys and
// values of the sources.
type crossAttention struct {
	Q  nn.Linear `hf:"q_proj"`
	KV nn.Linear `hf:"kv_proj"` // (2C, C): keys, values
	O  nn.Linear `hf:"out_proj"`

	heads int
}

func newCrossAttention(c *Config) crossAttention {
	return crossAttention{
		Q: xavier(c.Width, c.Width, 1), KV: xavier(c.Width, c.Width, 2), O: xavier(c.Width, c.Width, 1), heads: c.Heads,
	}
}

// look returns the keys and values of the encoder's output x, (N, H, D) each.
func (a *crossAttention) look(x *tensor.Tensor) (k, v *tensor.Tensor) {
	N, C, H := x.Dim(0), x.Dim(1), a.heads
	kv := a.KV.Forward(x).Reshape(N, 2*H, C/H)
	return kv.Slice(1, 0, H), kv.Slice(1, H, 2*H)
}

func (a *crossAttention) forward(x, k, v, segments *tensor.Tensor) *tensor.Tensor {
	N, C, H := x.Dim(0), x.Dim(1), a.heads
	q := a.Q.Forward(x).Reshape(N, H, C/H)
	y := nn.FlashAttention(segments, q, k, v, nn.Attention{Bidirectional: true}) // (N, H, D)
	return a.O.Forward(y.Reshape(N, C))
}

// weights are softmax(q·kᵀ/√D), the mean over the heads, (T, S) for one pair.
func (a *crossAttention) weights(x, k *tensor.Tensor) *tensor.Tensor {
	N, C, H := x.Dim(0), x.Dim(1), a.heads
	q := a.Q.Forward(x).Reshape(N, H, C/H).Permute(1, 0, 2)                             // (H, T, D)
	scores := q.MatMulT(k.Permute(1, 0, 2)).Scale(float32(1 / math.Sqrt(float64(C/H)))) // (H, T, S)
	return scores.Softmax().Mean(0)
}

// feedForward is equation 2.
type feedForward struct {
	Up   nn.Linear `hf:"up_proj"`
	Down nn.Linear `hf:"down_proj"`
}

func newFeedForward(c *Config) feedForward {
	return feedForward{xavier(c.Width, c.Hidden, 1), xavier(c.Hidden, c.Width, 1)}
}

func (f *feedForward) forward(x *tensor.Tensor) *tensor.Tensor {
	return f.Down.Forward(f.Up.Forward(x).ReLU())
}

// xavier declares several maps from in to out channels as one, each to be drawn
// with the variance of Glorot & Bengio 2010, 2/(in+out): with a small constant
// one, signals would fade through two stacks.
func xavier(in, out, several int) nn.Linear {
	l := nn.NewLinear(in, several*out, true)
	l.Std = float32(math.Sqrt(2 / float64(in+out)))
	return l
}

// Logits returns (R, V) for rows (R, C) of Decode's result.
func (m *Transformer) Logits(rows *tensor.Tensor) *tensor.Tensor {
	return rows.Linear(m.Embed.W, nil)
}

// HeadWeight is the embedding, (V, C).
func (m *Transformer) HeadWeight() *tensor.Tensor { return m.Embed.W }

// Shape tells the decoder's dimensions.
func (m *Transformer) Shape() model.Shape {
	c := &m.config
	return model.Shape{Vocab: c.Vocab, Context: c.Context, Layers: c.DecoderLayers, Width: c.Width, Hidden: c.Hidden,
		Heads: c.Heads, KVHeads: c.Heads, HeadDim: c.Width / c.Heads}
}

// Config returns a [Config].
func (m *Transformer) Config() any { return m.config }

// lengths are the rows of p's sequences.
func lengths(p *nn.Pass) []int {
	n := make([]int, len(p.Spans))
	for i, span := range p.Spans {
		n[i] = span.Rows
	}
	return n
}
