package fusion

import (
	"fmt"
	"math"

	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

func init() { model.Register("contrastive", NewPair) }

var (
	_ model.Importer = (*Pair)(nil)
	_ model.Exporter = (*Pair)(nil)
)

// Pair maps what the modalities show to unit vectors of one space, (E), where those of one thing
// are close to each other and far from those of others: the loss is InfoNCE (van den Oord et
// al. 2018, arXiv:1807.03748, equation 4) in both directions of each pair of modalities, with a
// learned scale, as CLIP has it (Radford et al. 2021, arXiv:2103.00020, section 2.3).
type Pair struct {
	Encoders
	ToPicture *nn.Linear `hf:"to_picture"` // C to E, as the next two
	ToSound   *nn.Linear `hf:"to_sound"`
	ToName    *nn.Linear `hf:"to_name"`
	Scale     *scalars   `hf:"scale"` // the logarithm of what products are multiplied by

	config PairConfig
}

// PairConfig is the config.json of a [Pair].
type PairConfig struct {
	Type    string              `json:"model_type"`      // set by NewPair
	Space   int                 `json:"projection_size"` // E
	Classes []string            `json:"classes"`
	Names   map[string][]string `json:"names,omitempty"` // of each class, one a language: what a class is called when it is asked for
	EncoderConfig
}

// NewPair returns a Pair whose weights have shapes but no values yet.
//
// Errors: a dimension that is absent or absurd; fewer than two modalities.
func NewPair(c PairConfig) (*Pair, error) {
	c.Type = "contrastive"
	err := c.EncoderConfig.check()
	if err == nil {
		err = checkClasses(c.Classes)
	}
	set, _ := ParseSet(c.Modalities)
	if err == nil && len(set.List()) < 2 {
		err = fmt.Errorf("modalities are %s: two or more can be compared", set)
	}
	if err == nil && (c.Space < 1 || c.Space > mostWidth) {
		err = fmt.Errorf("projection_size is %d, want 1 to %d", c.Space, mostWidth)
	}
	if err != nil {
		return nil, fmt.Errorf("fusion: contrastive config: %w", err)
	}
	m := &Pair{config: c, Encoders: newEncoders(c.EncoderConfig, false), Scale: &scalars{W: tensor.Declare(1), start: float32(math.Log(1 / 0.07))}}
	for _, at := range set.List() {
		to := nn.NewLinear(c.Width, c.Space, false)
		to.Std = float32(1 / math.Sqrt(float64(c.Width)))
		*[]**nn.Linear{&m.ToPicture, &m.ToSound, &m.ToName}[at] = &to
	}
	return m, nil
}

// Vectors returns the unit vectors of one modality's part of an input, (B, E).
func (m *Pair) Vectors(s *tensor.Step, at Modality, in *Input, training bool) *tensor.Tensor {
	var x encoded
	switch at {
	case Picture:
		x = m.Picture.forward(s, in.Pictures, m.size, training)
	case Sound:
		x = m.Sound.forward(s, in.Sounds, m.frames, training)
	default:
		x = m.Name.forward(s, m.characters(in.Names))
	}
	y := []*nn.Linear{m.ToPicture, m.ToSound, m.ToName}[at].Forward(x.vector) // (B, E)
	B := y.Dim(0)
	return y.Mul(y.Square().Sum(1).AddScalar(1e-12).Rsqrt().Reshape(B, 1))
}

// Loss is the mean, over the ordered pairs of views, of −log p that a view of a thing picks the other
// view of it among those of all things of its block. views are (B, E) each, B things in blocks
// of n; a block should have no class twice, for two of a class are no strangers.
func (m *Pair) Loss(s *tensor.Step, views []*tensor.Tensor, n int) *tensor.Tensor {
	B, E := views[0].Dim(0), views[0].Dim(1)
	own := make([]int32, B)
	for i := range own {
		own[i] = int32(i % n)
	}
	targets, scale := s.Ints(own, B), s.Use(m.Scale.W).Exp()
	var sum *tensor.Tensor
	pairs := 0
	for a, x := range views {
		for b, y := range views {
			if a == b {
				continue
			}
			scores := x.Reshape(B/n, n, E).MatMulT(y.Reshape(B/n, n, E)).Mul(scale).Reshape(B, n)
			part := scores.CrossEntropy(targets, tensor.CEOptions{}).Mean()
			if pairs++; sum == nil {
				sum = part
			} else {
				sum = sum.Add(part)
			}
		}
	}
	return sum.Scale(1 / float32(pairs))
}

// Shape tells what the model reads.
func (m *Pair) Shape() PairConfig { return m.config }

// Config returns a [PairConfig].
func (m *Pair) Config() any { return m.config }

// Import reads filters as PyTorch orders them.
func (*Pair) Import(t format.Tensor) (format.Tensor, error) { return model.ImportImages(t) }

// Export undoes Import.
func (*Pair) Export(t format.Tensor) (format.Tensor, error) { return model.ExportImages(t) }
