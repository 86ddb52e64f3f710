package inkstone

import (
	"context"
	"fmt"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/eval"
	"github.com/inkstone-ai/inkstone/internal/plot"
	"github.com/inkstone-ai/inkstone/model/vision"
	"github.com/inkstone-ai/inkstone/style"
)

// StylizeOptions say which picture gets the style of which.
type StylizeOptions struct {
	Model   string // folder of a CNN, see [TrainImages], by whose features they are compared
	Content string // a picture
	Style   string // a picture
	// Size is the longer side, in pixels, that both pictures are resized to. 0: as each is.
	Size    int
	Threads int // 0: one for each core; does not change the result
	style.Options

	Notice func(string) // what was resized or converted
}

// Stylized is a picture of the content in the style of the other.
type Stylized struct {
	Picture *corpus.Images // one, without a label
	Start   style.Losses   // of the content as it is
	End     style.Losses   // of Picture
}

// mostStyled is how many pixels a picture may have: each takes about a kilobyte of memory on
// the way.
const mostStyled = 4 << 20

// Stylize gives one picture the style of another by optimisation of its pixels, see package
// style. Where the CNN reads grey pictures and the content is in colour, its luma is what
// changes and its colours stay (Gatys et al. 2016b, arXiv:1606.05897, section 4.1).
//
// Errors: a folder that holds no CNN, a picture that can not be read, is more than one or has
// more than 4 Mpx, and those of [style.Transfer].
func Stylize(ctx context.Context, o StylizeOptions) (*Stylized, error) {
	f, err := openFolder[*vision.CNN](o.Model, &LoadOptions{Threads: o.Threads})
	if err != nil {
		return nil, err
	}
	defer f.Close()
	net := f.opened.Model
	C := net.Images().C
	content, err := o.read(o.Content, 0)
	if err != nil {
		return nil, err
	}
	look, err := o.read(o.Style, C)
	if err != nil {
		return nil, err
	}
	seen := canvasOf(content, C)
	start, err := style.Measure(f.device, net, seen, seen, canvasOf(look, C), o.Options)
	if err != nil {
		return nil, err
	}
	made, end, err := style.Transfer(ctx, f.device, net, seen, canvasOf(look, C), o.Options)
	if err != nil {
		return nil, err
	}
	p, err := plot.Floats(made.H, made.W, max(made.C, content.C), coloured(content, seen, made))
	if err != nil {
		return nil, err
	}
	return &Stylized{&corpus.Images{H: p.H, W: p.W, C: p.C, Pixels: p.Pixels}, start, end}, nil
}

// read reads one picture of so many channels, 0: its own.
func (o *StylizeOptions) read(path string, channels int) (*corpus.Images, error) {
	read := corpus.ImageOptions{Channels: channels, Notice: o.Notice}
	if o.Size > 0 {
		read.Notice = nil
	}
	m, err := corpus.ReadImages(read, path)
	if err != nil {
		return nil, err
	}
	if m.Len() != 1 {
		return nil, fmt.Errorf("%s: %d pictures: want one", path, m.Len())
	}
	if side := max(m.H, m.W); o.Size > 0 && side != o.Size {
		scale := func(n int) int { return max(1, (n*o.Size+side/2)/side) }
		read.H, read.W, read.Notice = scale(m.H), scale(m.W), o.Notice
		if m, err = corpus.ReadImages(read, path); err != nil {
			return nil, err
		}
	}
	if m.H > mostStyled/m.W {
		return nil, fmt.Errorf("%s: %d × %d pixels are more than %d: give a smaller size", path, m.H, m.W, mostStyled)
	}
	return m, nil
}

// canvasOf is a picture of so many channels: grey as three equal ones, colour as its luma.
func canvasOf(m *corpus.Images, C int) style.Picture {
	pixels := eval.Unit(nil, m.Pixels)
	p := style.Picture{H: m.H, W: m.W, C: C}
	switch {
	case m.C == C:
		p.Pixels = pixels
	case m.C == 1:
		for _, v := range pixels {
			p.Pixels = append(p.Pixels, v, v, v)
		}
	default:
		for i := 0; i < len(pixels); i += 3 {
			p.Pixels = append(p.Pixels, luma(pixels[i:]))
		}
	}
	return p
}

// luma is that of ITU-R BT.601.
func luma(rgb []float32) float32 { return 0.299*rgb[0] + 0.587*rgb[1] + 0.114*rgb[2] }

// coloured are the pixels made; where they are the luma of a content in colour, its colours
// moved by as much as the luma is.
func coloured(content *corpus.Images, seen, made style.Picture) []float32 {
	if content.C <= made.C {
		return made.Pixels
	}
	pixels := eval.Unit(nil, content.Pixels)
	for i := range pixels {
		pixels[i] += made.Pixels[i/3] - seen.Pixels[i/3]
	}
	return pixels
}
