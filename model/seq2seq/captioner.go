package seq2seq

import (
	"fmt"
	"slices"
	"strings"

	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

func init() { model.Register(CaptionType, NewCaptioner) }

// CaptionType is the model_type of a [Captioner].
const CaptionType = "caption"

var (
	_ model.Importer = (*Captioner)(nil)
	_ model.Exporter = (*Captioner)(nil)
)

// Captioner says in a sentence what a picture shows: the encoder is a convolutional network, whose
// map is to the [Transformer]'s decoder what the tokens of a source are in translation (Xu et
// al. 2015, arXiv:1502.03044, has the idea with a recurrent decoder). The first token that the
// decoder reads is a language, and that is the one it writes in (Johnson et al. 2017, arXiv:1611.04558).
type Captioner struct {
	Stages []nn.ConvStage `hf:"picture.stages"`
	Bridge nn.Linear      `hf:"picture.bridge"` // of a cell of the map to C
	Places nn.Embedding   `hf:"picture.places"` // (cells, C), added to them
	Text   *Transformer   `hf:"text"`           // without an encoder

	cells  int
	ids    map[rune]int32
	config CaptionConfig
}

// CaptionConfig is the config.json of a [Captioner].
type CaptionConfig struct {
	Type       string   `json:"model_type"`   // set by NewCaptioner
	Size       [2]int   `json:"image_size"`   // H, W of grey pictures
	Widths     []int    `json:"hidden_sizes"` // channels of each stage
	Languages  []string `json:"languages"`    // "en", "zh": tokens 1 to so many; 0 ends a caption
	Characters string   `json:"characters"`   // of captions, in the order of their tokens
	Context    int      `json:"max_position_embeddings"`
	Width      int      `json:"d_model"` // C
	Layers     int      `json:"decoder_layers"`
	Heads      int      `json:"attention_heads"`
	Dropout    float32  `json:"dropout"`
}

// NewCaptioner returns a Captioner whose weights have shapes but no values yet.
//
// Errors: a dimension that is absent or absurd, those of [New] of the decoder; no language; a
// character that stands there twice.
func NewCaptioner(c CaptionConfig) (*Captioner, error) {
	c.Type = CaptionType
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("seq2seq: caption config: %w", err)
	}
	m := &Captioner{config: c, ids: map[rune]int32{}}
	first := 1 + len(c.Languages)
	for i, r := range []rune(c.Characters) {
		m.ids[r] = int32(first + i)
	}
	if len(m.ids) != len([]rune(c.Characters)) {
		return nil, fmt.Errorf("seq2seq: caption config: a character stands twice in %q", c.Characters)
	}
	var err error
	m.Text, err = NewTransformer(Config{Vocab: first + len(m.ids), Context: c.Context, Width: c.Width, EncoderLayers: 1, DecoderLayers: c.Layers, Heads: c.Heads, Dropout: c.Dropout})
	if err != nil {
		return nil, err
	}
	m.Text.Encoder, m.Text.EncoderNorm = nil, nil // pictures come from the stages
	stages, h, w := nn.NewConvStages(1, c.Size[0], c.Size[1], c.Widths)
	m.Stages, m.cells = stages, h*w
	m.Bridge, m.Places = xavier(c.Widths[len(c.Widths)-1], c.Width, 1), nn.NewEmbedding(h*w, c.Width)
	return m, nil
}

func (c *CaptionConfig) check() error {
	if c.Size[0] < 1 || c.Size[1] < 1 || c.Size[0] > 1<<12 || c.Size[1] > 1<<12 {
		return fmt.Errorf("image_size is %v, want 1 to %d for each side", c.Size, 1<<12)
	}
	if len(c.Widths) == 0 || len(c.Widths) > 16 || slices.Min(c.Widths) < 1 || slices.Max(c.Widths) > mostWidth {
		return fmt.Errorf("hidden_sizes are %v, want 1 to 16 stages of 1 to %d channels", c.Widths, mostWidth)
	}
	if len(c.Languages) == 0 || c.Characters == "" {
		return fmt.Errorf("%d languages and %d characters, want one at least", len(c.Languages), len([]rune(c.Characters)))
	}
	return nil
}

// A Caption is what is said of a picture, in one of the model's languages.
type Caption struct {
	Language int
	Text     string
}

// look returns what each layer of the decoder knows of pictures (B, H, W), of numbers from 0 to 1.
func (m *Captioner) look(s *tensor.Step, pixels []float32, training bool) *model.Memory {
	H, W, C := m.config.Size[0], m.config.Size[1], m.config.Width
	if len(pixels) == 0 || len(pixels)%(H*W) != 0 {
		panic(fmt.Sprintf("seq2seq: %d numbers of pictures of %d × %d", len(pixels), H, W))
	}
	B := len(pixels) / (H * W)
	x := s.Floats(pixels, B, H, W, 1)
	for i := range m.Stages {
		x = m.Stages[i].Forward(s, x, training)
	}
	x = m.Bridge.Forward(x.Reshape(B*m.cells, x.Dim(3))).Reshape(B, m.cells, C).Add(m.Places.W).Reshape(B*m.cells, C)
	memory := &model.Memory{}
	for range B {
		memory.Lengths = append(memory.Lengths, m.cells)
	}
	for i := range m.Text.Decoder {
		k, v := m.Text.Decoder[i].Cross.look(x)
		memory.Tokens = append(memory.Tokens, k, v)
	}
	return memory
}

// Loss is the cross-entropy of captions of pictures, mean over their characters and ends, with label
// smoothing ε. training says that norms go by the batch. Captions must be of the model's characters
// and fit into its context, see [Captioner.Fits].
func (m *Captioner) Loss(s *tensor.Step, pixels []float32, captions []Caption, smoothing float32, training bool) *tensor.Tensor {
	x, targets := m.read(s, pixels, captions, training)
	n := len(targets)
	sum, _ := x.HeadLoss(m.Text.HeadWeight(), nil, s.Ints(targets, n), tensor.CEOptions{Weights: s.Full(1/float32(n), n), Smoothing: smoothing})
	return sum
}

// Logits are the scores of what comes after the language and after each character, (N, V), and
// what should come.
func (m *Captioner) Logits(s *tensor.Step, pixels []float32, captions []Caption, training bool) (*tensor.Tensor, []int32) {
	x, targets := m.read(s, pixels, captions, training)
	return m.Text.Logits(x), targets
}

func (m *Captioner) read(s *tensor.Step, pixels []float32, captions []Caption, training bool) (x *tensor.Tensor, targets []int32) {
	var ids []int32
	var spans []nn.Span
	for _, c := range captions {
		text := m.encode(c.Text)
		ids, targets = append(append(ids, 1+int32(c.Language)), text...), append(append(targets, text...), 0)
		spans = append(spans, nn.Span{Rows: 1 + len(text)})
	}
	var p nn.Pass
	p.Set(s, ids, spans...)
	return m.Text.Decode(&p, m.look(s, pixels, training)), targets
}

func (m *Captioner) encode(text string) (ids []int32) {
	for _, r := range text {
		ids = append(ids, m.ids[r])
	}
	return ids
}

// Fits refuses a text with a character that the model has not, or too long for its context.
func (m *Captioner) Fits(text string) error {
	n := 1
	for _, r := range text {
		if n++; m.ids[r] == 0 {
			return fmt.Errorf("seq2seq: the caption %q has the character %q, which is none of the model's", text, r)
		}
	}
	if n > m.config.Context {
		return fmt.Errorf("seq2seq: the caption %q has %d characters, the context has room for %d", text, n-1, m.config.Context-1)
	}
	return nil
}

// Write captions pictures (B, H, W), each in the language given, character by character, each the
// likeliest; what has not ended fills the context. It begins s for each character.
func (m *Captioner) Write(s *tensor.Step, pixels []float32, languages []int) []string {
	s.Begin(0)
	memory := m.look(s, pixels, false).Keep()
	defer memory.Free()
	B := len(languages)
	said, ended := make([][]int32, B), make([]bool, B)
	for b, language := range languages {
		said[b] = []int32{1 + int32(language)}
	}
	for n := 1; n < m.config.Context && slices.Contains(ended, false); n++ {
		s.Begin(0)
		for b, id := range m.next(s, said, memory) {
			ended[b] = ended[b] || id == 0
			said[b] = append(said[b], id) // what follows an end is left out below
		}
	}
	texts := make([]string, B)
	for b := range said {
		texts[b] = m.text(said[b][1:])
	}
	return texts
}

// next is the likeliest token after each of texts of one length.
func (m *Captioner) next(s *tensor.Step, said [][]int32, memory *model.Memory) []int32 {
	n := len(said[0])
	last := make([]int32, len(said))
	for b := range last {
		last[b] = int32((b+1)*n - 1)
	}
	var p nn.Pass
	p.SetRows(s, slices.Concat(said...), n)
	return m.Text.Logits(m.Text.Decode(&p, memory).Rows(p.Ints(last))).ArgMax(1).Ints()
}

// text is what tokens stand for, up to the end. A language in the middle is left as it is called.
func (m *Captioner) text(ids []int32) string {
	var b strings.Builder
	characters := []rune(m.config.Characters)
	for _, id := range ids {
		at := int(id) - 1 - len(m.config.Languages)
		switch {
		case id == 0:
			return b.String()
		case at < 0:
			fmt.Fprintf(&b, "<%s>", m.config.Languages[id-1])
		default:
			b.WriteRune(characters[at])
		}
	}
	return b.String()
}

// Shape tells what the model reads and writes.
func (m *Captioner) Shape() CaptionConfig { return m.config }

// Config returns a [CaptionConfig].
func (m *Captioner) Config() any { return m.config }

// Import reads filters as PyTorch orders them.
func (*Captioner) Import(t format.Tensor) (format.Tensor, error) { return model.ImportImages(t) }

// Export undoes Import.
func (*Captioner) Export(t format.Tensor) (format.Tensor, error) { return model.ExportImages(t) }
