// Package fusion holds models that know one thing from several modalities: a picture of it, the
// sound of its name, and its name in writing. [Fusion] tells classes apart from whichever of them are
// there; [Pair] brings them into one space, where what belongs together is close. Importing
// the package makes their model types known to package model.
//
// It knows no files: package corpus reads them and makes examples ([corpus.Triples]).
//
// Dimensions, in comments throughout:
//
//	B examples   M modalities   C channels of a modality's vector   K classes
//	H rows, W columns of a picture   T frames, F filters of a sound   L characters of a name
package fusion

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

func init() { model.Register("fusion", New) }

var (
	_ model.Importer = (*Fusion)(nil)
	_ model.Exporter = (*Fusion)(nil)
)

// Fusion encodes each modality that is there to a vector x_m (C), fuses the vectors to one and maps
// it to classes. p_m is 1 where modality m is there and else 0; see [Config.Fusion] for the ways.
type Fusion struct {
	Encoders
	Weights *scalars     `hf:"weights"` // of "weighted"
	Gated   []gate       `hf:"gated"`   // of "gated", one a modality
	Cross   *crossAttend `hf:"cross"`   // of "attention"
	Head    nn.Linear    `hf:"classifier"`

	config Config
}

// Config is the config.json of a [Fusion].
type Config struct {
	Type string `json:"model_type"` // set by New
	// Fusion is the way that vectors are fused, over the modalities that are there:
	//
	//	sum        Σ p·x
	//	mean       Σ p·x / Σ p
	//	weighted   Σ p·e^a·x / Σ p·e^a, with a learned number a for each modality
	//	concat     [p·x] side by side, (M·C)
	//	gated      Σ p·σ(Z·[p·x])·tanh(H·x): gated multimodal units, Arevalo et al. 2017, arXiv:1702.01992, section 3.1
	//	attention  each x asks the cells, frames and characters of all modalities that are there
	//	           (scaled dot products of several heads), as in Tsai et al. 2019, arXiv:1906.00295; Σ p·(x + answer) / Σ p
	Fusion  string   `json:"fusion"`
	Heads   int      `json:"num_attention_heads,omitempty"` // of "attention"
	Dropout float32  `json:"hidden_dropout_prob"`           // of the fused vector
	Classes []string `json:"classes"`
	EncoderConfig
}

// Ways are the values of [Config.Fusion].
func Ways() []string { return []string{"sum", "mean", "weighted", "concat", "gated", "attention"} }

// New returns a Fusion whose weights have shapes but no values yet.
//
// Errors: a dimension that is absent or absurd; a way or a modality that there is not.
func New(c Config) (*Fusion, error) {
	c.Type = "fusion"
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("fusion: config: %w", err)
	}
	m := &Fusion{config: c, Encoders: newEncoders(c.EncoderConfig, c.Fusion == "attention")}
	M, C, in := len(m.list), c.Width, c.Width
	switch c.Fusion {
	case "weighted":
		m.Weights = &scalars{W: tensor.Declare(M)}
	case "concat":
		in = M * C
	case "gated":
		for range M {
			m.Gated = append(m.Gated, gate{Value: linear(C, C, 1), Gate: linear(M*C, C, 1)})
		}
	case "attention":
		m.Cross = &crossAttend{Q: linear(C, C, 1), K: linear(C, C, 1), V: linear(C, C, 1), O: linear(C, C, 1), heads: c.Heads}
	}
	m.Head = linear(in, len(c.Classes), 1)
	return m, nil
}

func (c *Config) check() error {
	if err := c.EncoderConfig.check(); err != nil {
		return err
	}
	switch {
	case !slices.Contains(Ways(), c.Fusion):
		return fmt.Errorf("fusion %q is none of %s", c.Fusion, strings.Join(Ways(), ", "))
	case c.Fusion == "attention" && (c.Heads < 1 || c.Width%c.Heads != 0):
		return fmt.Errorf("num_attention_heads %d must divide hidden_size %d", c.Heads, c.Width)
	case c.Fusion != "attention" && c.Heads != 0:
		return fmt.Errorf("num_attention_heads is of the fusion attention, not of %s", c.Fusion)
	case !(c.Dropout >= 0 && c.Dropout < 1):
		return fmt.Errorf("hidden_dropout_prob %g is not in [0, 1)", c.Dropout)
	}
	return checkClasses(c.Classes)
}

func checkClasses(classes []string) error {
	sorted := slices.Sorted(slices.Values(classes))
	switch {
	case len(classes) < 2 || len(classes) > mostWidth:
		return fmt.Errorf("there are %d classes, want 2 to %d", len(classes), mostWidth)
	case len(slices.Compact(sorted)) != len(classes):
		return fmt.Errorf("a class stands twice in %q", classes)
	}
	return nil
}

// linear declares a map from in to out channels whose products have the variance given times
// that of their input: 2 before a ReLU (He et al. 2015, arXiv:1502.01852).
func linear(in, out int, variance float64) nn.Linear {
	l := nn.NewLinear(in, out, true)
	l.Std = float32(math.Sqrt(variance / float64(in)))
	return l
}

// Logits returns the scores of classes, (B, K). training says that norms go by the batch. It
// panics where an example has none of the model's modalities.
func (m *Fusion) Logits(s *tensor.Step, in *Input, training bool) *tensor.Tensor {
	return m.told(s, m.encode(s, in, training), in.Present, len(in.Names))
}

// Each returns the scores, (B, K), that examples have when each of them has the modalities of
// sets[0], when it has those of sets[1], and so on. They are encoded once.
func (m *Fusion) Each(s *tensor.Step, in *Input, sets []Set) (all []*tensor.Tensor) {
	x, B := m.encode(s, in, false), len(in.Names)
	for _, set := range sets {
		all = append(all, m.told(s, x, slices.Repeat([]Set{set}, B), B))
	}
	return all
}

func (m *Fusion) told(s *tensor.Step, x []encoded, present []Set, B int) *tensor.Tensor {
	y := m.fuse(s, x, newPresence(s, present, m.present, B))
	return m.Head.Forward(y.Dropout(m.config.Dropout))
}

// fuse returns the fused vectors, (B, C), of "concat" (B, M·C).
func (m *Fusion) fuse(s *tensor.Step, x []encoded, p *presence) *tensor.Tensor {
	switch m.config.Fusion {
	case "mean":
		return p.sum(x).Mul(p.share)
	case "weighted":
		return p.weighted(s, x, m.Weights)
	case "concat":
		return p.beside(x)
	case "gated":
		return p.gated(x, m.Gated)
	case "attention":
		return m.Cross.forward(s, p, x)
	}
	return p.sum(x)
}

// Classes are the names of the K classes.
func (m *Fusion) Classes() []string { return m.config.Classes }

// Shape tells what the model reads.
func (m *Fusion) Shape() Config { return m.config }

// Config returns a [Config].
func (m *Fusion) Config() any { return m.config }

// Import reads filters as PyTorch orders them.
func (*Fusion) Import(t format.Tensor) (format.Tensor, error) { return model.ImportImages(t) }

// Export undoes Import.
func (*Fusion) Export(t format.Tensor) (format.Tensor, error) { return model.ExportImages(t) }

// scalars are a few numbers that are learned, all alike at the start.
type scalars struct {
	W *tensor.Tensor `hf:"weight"`

	start float32
}

// Role is Bias: they do not decay.
func (*scalars) Role(string) nn.Role { return nn.Bias }

// Draw fills them with one number.
func (n *scalars) Draw(_ string, w *tensor.Tensor, _ uint64) { w.Fill(n.start) }
