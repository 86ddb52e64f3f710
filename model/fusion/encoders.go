package fusion

import (
	"fmt"
	"strings"

	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// Encoders make a vector (C) of each modality: a convolutional network of pictures (H, W), one
// of sounds, whose energies (T, F) it reads as a picture, and a recurrent network of names
// that reads them character by character. Those of modalities that a model has not are nil.
type Encoders struct {
	Picture *gridEncoder `hf:"picture"`
	Sound   *gridEncoder `hf:"sound"`
	Name    *nameEncoder `hf:"name"`

	present Set // what the model reads, its modalities
	list    []Modality
	ids     map[rune]int32
	size    [2]int
	frames  [2]int
	ear     EarConfig
	heard   *Ear
}

// An EncoderConfig says what the encoders read, and how large they are.
type EncoderConfig struct {
	Modalities []string `json:"modalities"` // some of "picture", "sound", "name"; none: all
	Size       [2]int   `json:"image_size"` // H, W
	EarConfig
	Characters string `json:"characters"`   // that names, in small letters, are known to have; any other is read as one more
	Letters    int    `json:"letter_size"`  // channels of a character
	Widths     []int  `json:"hidden_sizes"` // channels of each stage of a convolutional network
	Width      int    `json:"hidden_size"`  // C
}

// The largest dimensions that a config may ask for; a file of a few bytes must not ask for
// gigabytes.
const (
	mostWidth = 1 << 16
	mostSide  = 1 << 12
)

func (c *EncoderConfig) check() error {
	set, err := ParseSet(c.Modalities)
	if err != nil {
		return err
	}
	c.Modalities = set.Names()
	for _, d := range []struct {
		key   string
		value int
		most  int
		need  bool
	}{
		{"image_size", c.Size[0], mostSide, set.Has(Picture)}, {"image_size", c.Size[1], mostSide, set.Has(Picture)},
		{"hidden_size", c.Width, mostWidth, true}, {"letter_size", c.Letters, mostWidth, set.Has(Name)},
		{"characters", len([]rune(c.Characters)), 1 << 20, set.Has(Name)},
	} {
		if d.value < 1 && d.need || d.value < 0 || d.value > d.most {
			return fmt.Errorf("%s is %d, want 1 to %d", d.key, d.value, d.most)
		}
	}
	if len(c.Widths) == 0 || len(c.Widths) > 16 {
		return fmt.Errorf("hidden_sizes has %d stages, want 1 to 16", len(c.Widths))
	}
	for _, w := range c.Widths {
		if w < 1 || w > mostWidth {
			return fmt.Errorf("hidden_sizes has %d, want 1 to %d", w, mostWidth)
		}
	}
	if set.Has(Sound) {
		return c.EarConfig.check()
	}
	return nil
}

// newEncoders declares the encoders of a config that was checked. With tokens they also show the
// parts that their vectors are made of.
func newEncoders(c EncoderConfig, tokens bool) Encoders {
	set, _ := ParseSet(c.Modalities)
	e := Encoders{present: set, list: set.List(), size: c.Size, frames: [2]int{c.Frames, c.Mels}, ear: c.EarConfig}
	if set.Has(Picture) {
		e.Picture = newGridEncoder(c.Size, c.Widths, c.Width, tokens)
	}
	if set.Has(Sound) {
		e.Sound = newGridEncoder(e.frames, c.Widths, c.Width, tokens)
	}
	if set.Has(Name) {
		e.ids = map[rune]int32{}
		for _, r := range strings.ToLower(c.Characters) {
			if _, ok := e.ids[r]; !ok {
				e.ids[r] = int32(len(e.ids)) + 1
			}
		}
		e.Name = &nameEncoder{Embed: nn.NewEmbedding(1+len(e.ids), c.Letters), Read: nn.NewRecurrent(nn.GRU, c.Letters, c.Width), Out: linear(c.Width, c.Width, 2)}
		e.Name.Embed.Std = 0.3
	}
	return e
}

// Modalities are those that the model reads.
func (e *Encoders) Modalities() Set { return e.present }

// An encoded modality is a vector for each example, (B, C), and the parts it is made of, (rows, C),
// those of an example one after another; lengths are their numbers. Without parts there are none.
type encoded struct {
	vector, parts *tensor.Tensor
	lengths       []int
}

// encode encodes all modalities of the model, in their order.
func (e *Encoders) encode(s *tensor.Step, in *Input, training bool) (all []encoded) {
	for _, m := range e.list {
		switch m {
		case Picture:
			all = append(all, e.Picture.forward(s, in.Pictures, e.size, training))
		case Sound:
			all = append(all, e.Sound.forward(s, in.Sounds, e.frames, training))
		case Name:
			all = append(all, e.Name.forward(s, e.characters(in.Names)))
		}
	}
	return all
}

// A gridEncoder reads pictures of one size, (B, H, W).
type gridEncoder struct {
	Stages []nn.ConvStage `hf:"stages"`
	Out    nn.Linear      `hf:"out"`   // of all cells to C
	Part   *nn.Linear     `hf:"part"`  // of a cell to C
	Places *nn.Embedding  `hf:"place"` // (cells, C), added to parts

	cells int
}

func newGridEncoder(size [2]int, widths []int, C int, parts bool) *gridEncoder {
	stages, h, w := nn.NewConvStages(1, size[0], size[1], widths)
	last := widths[len(widths)-1]
	g := &gridEncoder{Stages: stages, cells: h * w, Out: linear(h*w*last, C, 2)}
	if parts {
		part, places := linear(last, C, 1), nn.NewEmbedding(h*w, C)
		g.Part, g.Places = &part, &places
	}
	return g
}

func (g *gridEncoder) forward(s *tensor.Step, pixels []float32, size [2]int, training bool) encoded {
	one := size[0] * size[1]
	if len(pixels) == 0 || len(pixels)%one != 0 {
		panic(fmt.Sprintf("fusion: %d numbers of examples of %d × %d", len(pixels), size[0], size[1]))
	}
	B := len(pixels) / one
	x := s.Floats(pixels, B, size[0], size[1], 1)
	for i := range g.Stages {
		x = g.Stages[i].Forward(s, x, training)
	}
	last := x.Dim(3)
	e := encoded{vector: g.Out.Forward(x.Reshape(B, g.cells*last)).ReLU()} // (B, C)
	if g.Part == nil {
		return e
	}
	parts := g.Part.Forward(x.Reshape(B*g.cells, last))
	C := parts.Dim(1)
	e.parts = parts.Reshape(B, g.cells, C).Add(g.Places.W).Reshape(B*g.cells, C)
	for range B {
		e.lengths = append(e.lengths, g.cells)
	}
	return e
}

// A nameEncoder reads names of any length.
type nameEncoder struct {
	Embed nn.Embedding `hf:"characters"`
	Read  nn.Recurrent `hf:"rnn"`
	Out   nn.Linear    `hf:"out"`
}

// characters are ids of names, capitals as small letters: of a character that is not known, and of none
// at all, 0.
func (e *Encoders) characters(names []string) [][]int32 {
	all := make([][]int32, len(names))
	for b, name := range names {
		for _, r := range strings.ToLower(name) {
			all[b] = append(all[b], e.ids[r])
		}
		if len(all[b]) == 0 {
			all[b] = []int32{0}
		}
	}
	return all
}

// forward reads each from its first to its last character; parts are what it knows after each.
func (n *nameEncoder) forward(s *tensor.Step, names [][]int32) (e encoded) {
	var ids []int32
	var spans []nn.Span
	for _, name := range names {
		ids, spans = append(ids, name...), append(spans, nn.Span{Rows: len(name)})
		e.lengths = append(e.lengths, len(name))
	}
	var p nn.Pass // not kept: a step may read names twice, and the tape has the first order
	p.Set(s, ids, spans...)
	y, end := n.Read.Forward(p.TimeOrder(), p.EmbedInTime(&n.Embed), s.Zeros(len(names), n.Read.StateWidth()))
	e.vector, e.parts = n.Out.Forward(end).ReLU(), y.Rows(p.TimeOrder().Back)
	return e
}
