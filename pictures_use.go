package inkstone

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/eval"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/model/unet"
	"github.com/inkstone-ai/inkstone/tensor"
)

// An Inpainter is a loaded network that fills holes in pictures. Its methods are called by
// one goroutine at a time.
type Inpainter struct{ inFolder[*unet.Inpaint] }

// A Pix2Pix is a loaded network that turns pictures of one kind into those of another. Its
// methods are called by one goroutine at a time.
type Pix2Pix struct{ inFolder[*unet.Pix2Pix] }

// LoadInpainter opens a folder that [TrainPictures] wrote. Errors are those of [Load].
func LoadInpainter(dir string, o *LoadOptions) (*Inpainter, error) {
	f, err := openFolder[*unet.Inpaint](dir, o)
	if err != nil {
		return nil, err
	}
	return &Inpainter{f}, nil
}

// LoadPix2Pix opens a folder that [TrainPictures] wrote. Errors are those of [Load].
func LoadPix2Pix(dir string, o *LoadOptions) (*Pix2Pix, error) {
	f, err := openFolder[*unet.Pix2Pix](dir, o)
	if err != nil {
		return nil, err
	}
	return &Pix2Pix{f}, nil
}

// Images tells what pictures the model reads and makes.
func (m *Inpainter) Images() model.ImageShape { return m.opened.Model.Images() }

// Images tells what pictures the model reads and makes.
func (m *Pix2Pix) Images() model.ImageShape { return m.opened.Model.Images() }

// Read reads pictures of the model's size and colours.
func (m *Inpainter) Read(notice func(string), paths ...string) (*corpus.Images, error) {
	return readShape(m.Images(), notice, paths)
}

// Read reads pictures, of the first kind, of the model's size and colours.
func (m *Pix2Pix) Read(notice func(string), paths ...string) (*corpus.Images, error) {
	return readShape(m.Images(), notice, paths)
}

func readShape(s model.ImageShape, notice func(string), paths []string) (*corpus.Images, error) {
	return corpus.ReadImages(corpus.ImageOptions{H: s.H, W: s.W, Channels: s.C, Notice: notice}, paths...)
}

// ReadHoles reads holes for n pictures, (n, H, W), from a picture for each of them or one for
// all: 1, a missing pixel, where it is bright, of 128 and more. One that misses no pixel or
// all of them is an error.
func (m *Inpainter) ReadHoles(notice func(string), n int, paths ...string) ([]uint8, error) {
	s := m.Images()
	masks, err := corpus.ReadImages(corpus.ImageOptions{H: s.H, W: s.W, Channels: 1, Notice: notice}, paths...)
	if err != nil {
		return nil, err
	}
	if masks.Len() != n && masks.Len() != 1 {
		return nil, fmt.Errorf("%s: %d masks for %d pictures: want one for all or one for each", named(paths), masks.Len(), n)
	}
	holes := make([]uint8, 0, n*s.H*s.W)
	for i := range masks.Len() {
		missing := 0
		for _, v := range masks.Image(i) {
			missing += int(v / 128)
			holes = append(holes, v/128)
		}
		if missing == 0 || missing == s.H*s.W {
			return nil, fmt.Errorf("%s: %d of %d pixels are bright, which says that they are missing: want some and not all", masks.Names[i], missing, s.H*s.W)
		}
	}
	for len(holes) < n*s.H*s.W {
		holes = append(holes, holes[:s.H*s.W]...)
	}
	return holes, nil
}

// DrawHoles draws holes for n pictures, (n, H, W), as training had them. Hole i is a function
// of the seed and i.
func (m *Inpainter) DrawHoles(n int, seed uint64) ([]uint8, error) {
	s, err := picturesOf(m.dir)
	if err != nil {
		return nil, err
	}
	s.Seed = seed
	return s.holes(n, heldStream)
}

// Fill returns pictures whose holes (N, H, W), 1 where a pixel is missing, are filled. All
// other pixels are as they were.
func (m *Inpainter) Fill(ctx context.Context, pictures *corpus.Images, holes []uint8) (*corpus.Images, error) {
	if err := sameShape(m.dir, m.Images(), pictures); err != nil {
		return nil, err
	}
	if len(holes)*pictures.C != len(pictures.Pixels) {
		return nil, fmt.Errorf("model: holes of %d pixels in %d pictures of %d × %d", len(holes), pictures.Len(), pictures.H, pictures.W)
	}
	return fill(ctx, m.device, m.opened.Model, pictures, holes)
}

// Redraw returns the pictures as the model makes them of the other kind, with their labels.
func (m *Pix2Pix) Redraw(ctx context.Context, pictures *corpus.Images) (*corpus.Images, error) {
	if err := sameShape(m.dir, m.Images(), pictures); err != nil {
		return nil, err
	}
	return redraw(ctx, m.device, m.opened.Model, pictures)
}

func sameShape(dir string, s model.ImageShape, m *corpus.Images) error {
	if m.H != s.H || m.W != s.W || m.C != s.C {
		return fmt.Errorf("model: pictures of %d × %d × %d; %s reads %d × %d × %d", m.H, m.W, m.C, dir, s.H, s.W, s.C)
	}
	return nil
}

// fill fills holes, some pictures at a time.
func fill(ctx context.Context, d *tensor.Device, m *unet.Inpaint, pictures *corpus.Images, holes []uint8) (*corpus.Images, error) {
	H, W := pictures.H, pictures.W
	made, err := remake(ctx, d, pictures, func(s *tensor.Step, x *tensor.Tensor, at int) *tensor.Tensor {
		n := x.Dim(0)
		hole := make([]float32, n*H*W)
		for i := range hole {
			hole[i] = float32(holes[at*H*W+i])
		}
		return m.Forward(s, x, s.Floats(hole, n, H, W, 1), false)
	})
	if err != nil {
		return nil, err
	}
	for i, v := range pictures.Pixels {
		if holes[i/pictures.C] == 0 {
			made.Pixels[i] = v
		}
	}
	return made, nil
}

func redraw(ctx context.Context, d *tensor.Device, m *unet.Pix2Pix, pictures *corpus.Images) (*corpus.Images, error) {
	return remake(ctx, d, pictures, func(s *tensor.Step, x *tensor.Tensor, _ int) *tensor.Tensor { return m.Forward(s, x, false) })
}

// remake makes a picture of each, of x (B, H, W, C) which begins with picture at.
func remake(ctx context.Context, d *tensor.Device, pictures *corpus.Images, forward func(s *tensor.Step, x *tensor.Tensor, at int) *tensor.Tensor) (*corpus.Images, error) {
	made := *pictures
	made.Pixels = make([]uint8, 0, len(pictures.Pixels))
	s := tensor.NewStep(d, tensor.StepOptions{})
	defer s.Close()
	rows := max(1, min(64, 1<<20/(pictures.H*pictures.W))) // a large picture alone
	one := pictures.H * pictures.W * pictures.C
	for at := 0; at < pictures.Len(); at += rows {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("model: %w", err)
		}
		s.Begin(0)
		n := min(rows, pictures.Len()-at)
		x := s.Floats(eval.Unit(nil, pictures.Pixels[at*one:(at+n)*one]), n, pictures.H, pictures.W, pictures.C)
		for _, v := range forward(s, x, at).Floats() {
			made.Pixels = append(made.Pixels, uint8(math.Round(255*float64(v))))
		}
	}
	return &made, nil
}

// picturesOf are the settings of a folder's training.
func picturesOf(dir string) (s PictureSettings, err error) {
	return settingsOf(dir, "how it was trained", ReadPictureSettings)
}

// A PictureScore is a way to make pictures and how near they come.
type PictureScore struct {
	Name string `json:"name"`
	*eval.PicturesMeasurement
}

// Evaluate measures the model on the pictures that its training held out, of data, which are
// all of the training's: beside holes filled with the mean of the learned pictures and from
// the nearest of them, and what the judge says of the pictures as they were. seed is of the
// holes. The judge may be nil; of one that was trained here, only pictures that it held out
// as well are measured.
func (m *Inpainter) Evaluate(ctx context.Context, judge *Classifier, seed uint64, notice func(string), data ...string) ([]PictureScore, error) {
	s, learned, real, err := m.heldOut(judge, notice, data)
	if err != nil {
		return nil, err
	}
	s.Seed = seed
	holes, err := s.holes(real.Len(), heldStream)
	if err != nil {
		return nil, err
	}
	e := scorer{ctx: ctx, judge: judge, device: m.device, real: real, holes: holes}
	e.add("model", func() (*corpus.Images, error) { return m.Fill(ctx, real, holes) })
	e.add("mean of the learned pictures", func() (*corpus.Images, error) { return eval.FillMean(real, holes, learned) })
	e.add("nearest learned picture", func() (*corpus.Images, error) { return eval.FillNearest(ctx, real, holes, learned) })
	e.add("truth", func() (*corpus.Images, error) { return real, nil })
	return e.scores, e.err
}

// heldOut are the settings, the learned pictures, and those to measure.
func (m *Inpainter) heldOut(judge *Classifier, notice func(string), data []string) (s PictureSettings, learned, held *corpus.Images, err error) {
	if s, err = picturesOf(m.dir); err != nil {
		return s, nil, nil, err
	}
	all, err := s.read(corpus.ImageOptions{H: s.Size[0], W: s.Size[1], Channels: s.Channels, Notice: notice}, data)
	if err != nil {
		return s, nil, nil, err
	}
	all, _ = all.WithoutEmpty()
	if learned, held, err = all.Split(s.HeldOut, s.Seed); err != nil {
		return s, nil, nil, fmt.Errorf("%s: %w", named(data), err)
	}
	at, err := judge.unseen(held)
	if err != nil {
		return s, nil, nil, err
	}
	return s, learned, chosen(held, at), nil
}

// Evaluate measures the model on the pairs that its training held out, of data, which are all
// of the training's: beside the first pictures as they are, and what the judge says of the
// second ones. The judge may be nil; of one that was trained here, only pictures that it held
// out as well are measured.
func (m *Pix2Pix) Evaluate(ctx context.Context, judge *Classifier, notice func(string), data ...string) ([]PictureScore, error) {
	s, err := picturesOf(m.dir)
	if err != nil {
		return nil, err
	}
	channels := s.Channels
	if s.drawn() {
		channels = 1
	}
	all, err := s.read(corpus.ImageOptions{H: s.Size[0], W: s.Size[1], Channels: channels, Notice: notice}, data)
	if err != nil {
		return nil, err
	}
	all, _ = all.WithoutEmpty()
	_, held, err := all.Split(s.HeldOut, s.Seed)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", named(data), err)
	}
	a, b, err := held.Halves()
	if err != nil {
		return nil, err
	}
	at, err := judge.unseen(b)
	if err != nil {
		return nil, err
	}
	given, real := chosen(a, at), chosen(b, at)
	e := scorer{ctx: ctx, judge: judge, device: m.device, real: real}
	e.add("model", func() (*corpus.Images, error) { return m.Redraw(ctx, given) })
	e.add("the given picture", func() (*corpus.Images, error) { return given, nil })
	e.add("truth", func() (*corpus.Images, error) { return real, nil })
	return e.scores, e.err
}

// A scorer measures ways to make pictures, up to the first error.
type scorer struct {
	ctx    context.Context
	judge  *Classifier
	device *tensor.Device
	real   *corpus.Images
	holes  []uint8
	scores []PictureScore
	err    error
}

func (e *scorer) add(name string, make func() (*corpus.Images, error)) {
	if e.err != nil {
		return
	}
	made, err := make()
	if err != nil {
		e.err = err
		return
	}
	var c model.Classifier
	d := e.device
	if e.judge != nil {
		c, d = e.judge.opened.Model, e.judge.device
	}
	m, err := eval.Pictures(e.ctx, c, d, made, e.real, e.holes)
	e.scores, e.err = append(e.scores, PictureScore{name, m}), err
}

// unseen are the numbers of pictures that a judge has not learned: all without a judge, or
// where it is not known which. Classes other than the judge's are an error.
func (c *Classifier) unseen(m *corpus.Images) (at []int, err error) {
	numbered := *m
	numbered.Names = nil
	for i := range m.Len() {
		at = append(at, i)
		numbered.Names = append(numbered.Names, strconv.Itoa(i))
	}
	if c == nil {
		return at, nil
	}
	if m.Labels == nil {
		return nil, errNoLabels
	}
	if known := c.Images().Classes; !slices.Equal(known, m.Classes) {
		return nil, fmt.Errorf("eval: the judge %s tells apart %s; the pictures are of %s", c.dir, strings.Join(known, ", "), strings.Join(m.Classes, ", "))
	}
	if !exists(filepath.Join(c.dir, SettingsFile)) {
		return at, nil
	}
	held, err := c.HeldOut(&numbered)
	if err != nil {
		return nil, err
	}
	at = at[:0]
	for _, name := range held.Names {
		i, err := strconv.Atoi(name)
		if err != nil {
			return nil, err
		}
		at = append(at, i)
	}
	return at, nil
}

// chosen are pictures by number.
func chosen(m *corpus.Images, at []int) *corpus.Images {
	part := &corpus.Images{H: m.H, W: m.W, C: m.C, Classes: m.Classes}
	for _, i := range at {
		part.Pixels = append(part.Pixels, m.Image(i)...)
		if m.Labels != nil {
			part.Labels = append(part.Labels, m.Labels[i])
		}
		if m.Names != nil {
			part.Names = append(part.Names, m.Names[i])
		}
	}
	return part
}
