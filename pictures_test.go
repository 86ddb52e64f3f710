package inkstone_test

import (
	"bytes"
	"context"
	"errors"
	"image/png"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/train"
)

// planks are n pictures a class of 8 × 8, a bar that lies or stands, 2 or 3 pixels wide, as
// bright as another.
func planks(t *testing.T, n, C int) string {
	t.Helper()
	r := rand.New(rand.NewPCG(5, 6))
	m := &corpus.Images{H: 8, W: 8, C: C, Classes: []string{"lying", "standing"}}
	for i := range 2 * n {
		m.Labels = append(m.Labels, int32(i%2))
		from, ink := 1+r.IntN(4), 200+r.IntN(50)
		to := from + 2 + r.IntN(2)
		for p := range 64 {
			at := [2]int{p / 8, p % 8}[i%2]
			for range C {
				v := r.IntN(8)
				if at >= from && at < to {
					v = ink
				}
				m.Pixels = append(m.Pixels, uint8(v))
			}
		}
	}
	return zipped(t, m)
}

func zipped(t *testing.T, m *corpus.Images) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pictures.zip")
	if err := format.WriteFile(path, m.WriteZip); err != nil {
		t.Fatal(err)
	}
	return path
}

func pictureSettings(kind string) inkstone.PictureSettings {
	s := inkstone.PictureSettings{Model: kind, Width: 4, Depth: 2, Rows: 8, Steps: 6, SampleEvery: 2, CheckpointEvery: 2, Seed: 7}
	if kind == "pix2pix" {
		s.From, s.To = "outline", "neon"
	}
	return s
}

func mustTrainPictures(t *testing.T, o inkstone.PictureOptions) *inkstone.Trained {
	t.Helper()
	if o.Out == "" {
		o.Out = filepath.Join(t.TempDir(), o.Settings.Model)
	}
	r, err := inkstone.TrainPictures(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func loadInpainter(t *testing.T, dir string) *inkstone.Inpainter {
	t.Helper()
	m, err := inkstone.LoadInpainter(dir, &inkstone.LoadOptions{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

func loadPix2Pix(t *testing.T, dir string) *inkstone.Pix2Pix {
	t.Helper()
	m, err := inkstone.LoadPix2Pix(dir, &inkstone.LoadOptions{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// judgeOf is a classifier that learned from what a training held out.
func judgeOf(t *testing.T, dir string, steps int) *inkstone.Classifier {
	t.Helper()
	o := inkstone.ImageOptions{
		Data: []string{filepath.Join(dir, inkstone.HeldOutImages)}, Out: filepath.Join(t.TempDir(), "judge"), Threads: 1,
		Settings: inkstone.ImageSettings{Depth: 2, Width: 8, Steps: steps, Rows: 8, Shift: -1, LR: 1e-2},
	}
	r, err := inkstone.TrainImages(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	c, err := inkstone.LoadClassifier(r.Dir, &inkstone.LoadOptions{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// TestPicturesSameBits: one thread, two, a run that was interrupted twice and an equal one
// make the same weights and the same samples; l1 and adversarial too.
func TestPicturesSameBits(t *testing.T) {
	data := planks(t, 20, 1)
	for _, kind := range []string{"inpaint", "pix2pix", "l1"} {
		s := pictureSettings(map[bool]string{true: "pix2pix", false: kind}[kind == "l1"])
		if kind == "l1" {
			s.Objective = "l1"
		}
		whole := mustTrainPictures(t, inkstone.PictureOptions{Data: []string{data}, Settings: s, Threads: 1})
		two := mustTrainPictures(t, inkstone.PictureOptions{Data: []string{data}, Settings: s, Threads: 2})
		out := filepath.Join(t.TempDir(), "interrupted")
		for _, stop := range []int{2, 5, 0} {
			ctx, cancel := context.WithCancel(t.Context())
			o := inkstone.PictureOptions{Data: []string{data}, Out: out, Settings: s, Threads: 1, Resume: stop != 2}
			o.Progress = func(m train.Metrics) {
				if m.Step == stop {
					cancel()
				}
			}
			if _, err := inkstone.TrainPictures(ctx, o); stop != 0 && !errors.Is(err, context.Canceled) || stop == 0 && err != nil {
				t.Fatalf("%s stopped at %d: %v", kind, stop, err)
			}
			cancel()
		}
		for _, file := range []string{"model.safetensors", "samples.png", "samples/000004.png", inkstone.HeldOutImages} {
			want, err := os.ReadFile(filepath.Join(whole.Dir, file))
			if err != nil {
				t.Fatal(err)
			}
			for name, dir := range map[string]string{"two threads": two.Dir, "an interrupted run": out} {
				if got, err := os.ReadFile(filepath.Join(dir, file)); err != nil || !bytes.Equal(got, want) {
					t.Errorf("%s: %s of %s is another one, error %v", kind, file, name, err)
				}
			}
		}
	}
}

// TestInpaintLearns: holes are filled better than by the mean, known pixels stay, and bits of
// a loaded model are those of another load. Of so few bars the nearest has them all.
func TestInpaintLearns(t *testing.T) {
	data := planks(t, 100, 3)
	s := pictureSettings("inpaint")
	s.Width, s.Steps, s.SampleEvery, s.CheckpointEvery, s.Holes, s.LR = 8, 150, 150, 150, "squares", 1e-2
	r := mustTrainPictures(t, inkstone.PictureOptions{Data: []string{data}, Settings: s, Threads: 1})
	m := loadInpainter(t, r.Dir)
	scores, err := m.Evaluate(t.Context(), judgeOf(t, r.Dir, 100), 3, nil, data)
	if err != nil {
		t.Fatal(err)
	}
	if scores[0].Hole < scores[1].Hole+8 || scores[2].Hole < 30 || scores[0].PSNR <= scores[0].Hole || scores[3].PSNR != 100 {
		t.Errorf("in dB: model %.2f, mean %.2f, nearest %.2f; truth %.2f of all", scores[0].Hole, scores[1].Hole, scores[2].Hole, scores[3].PSNR)
	}
	if of := scores[0].Of; of != 12 || scores[3].Right < of-1 || scores[0].Right < of-2 {
		t.Errorf("of %d the judge recognises %d as made and %d as they were", of, scores[0].Right, scores[3].Right)
	}
	pictures, err := m.Read(nil, data)
	if err != nil {
		t.Fatal(err)
	}
	holes, err := m.DrawHoles(pictures.Len(), 9)
	if err != nil {
		t.Fatal(err)
	}
	made, err := m.Fill(t.Context(), pictures, holes)
	if err != nil {
		t.Fatal(err)
	}
	changed := 0
	for i, v := range pictures.Pixels {
		if made.Pixels[i] != v {
			changed++
			if holes[i/3] == 0 {
				t.Fatalf("pixel %d is known and was changed", i)
			}
		}
	}
	if changed == 0 {
		t.Error("nothing was filled")
	}
	again, err := loadInpainter(t, r.Dir).Fill(t.Context(), pictures, holes)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(again.Pixels, made.Pixels) {
		t.Error("loaded once more it fills in another way")
	}
}

// TestPix2PixLearns: outlines are filled in colour better than by leaving them as they are.
func TestPix2PixLearns(t *testing.T) {
	data := planks(t, 60, 1)
	for _, objective := range []string{"adversarial", "l1"} {
		s := pictureSettings("pix2pix")
		s.Objective, s.Width, s.Steps, s.SampleEvery, s.CheckpointEvery, s.LR = objective, 8, 120, 120, 120, 1e-2
		r := mustTrainPictures(t, inkstone.PictureOptions{Data: []string{data}, Settings: s, Threads: 1})
		m := loadPix2Pix(t, r.Dir)
		scores, err := m.Evaluate(t.Context(), judgeOf(t, r.Dir, 100), nil, data)
		if err != nil {
			t.Fatal(err)
		}
		if scores[0].PSNR < scores[1].PSNR+5 || scores[0].L1 > scores[1].L1/2 || scores[2].L1 != 0 {
			t.Errorf("%s: in dB model %.2f, as given %.2f; errors %.3f, %.3f and %g", objective, scores[0].PSNR, scores[1].PSNR, scores[0].L1, scores[1].L1, scores[2].L1)
		}
		if of := scores[0].Of; of != 7 || scores[2].Right < of-1 || scores[0].Right < of-2 {
			t.Errorf("%s: of %d the judge recognises %d as made and %d as they are", objective, of, scores[0].Right, scores[2].Right)
		}
		inputs, err := m.Read(nil, filepath.Join(r.Dir, inkstone.HeldOutInputs))
		if err != nil {
			t.Fatal(err)
		}
		made, err := m.Redraw(t.Context(), inputs)
		if err != nil {
			t.Fatal(err)
		}
		alone, err := m.Redraw(t.Context(), &corpus.Images{H: 8, W: 8, C: 3, Pixels: inputs.Image(1)})
		if err != nil {
			t.Fatal(err)
		}
		again, err := inkstone.ReadPictureSettings(filepath.Join(r.Dir, inkstone.SettingsFile))
		if err != nil {
			t.Fatal(err)
		}
		again.Steps, again.SampleEvery, again.CheckpointEvery = 1, 1, 1
		mustTrainPictures(t, inkstone.PictureOptions{Data: []string{data}, Settings: again, Threads: 1}) // what a run stores is a config for another
		if inputs.Len() != 36 || !bytes.Equal(alone.Pixels, made.Image(1)) {
			t.Errorf("%s: %d inputs were kept, or a picture depends on the one before it", objective, inputs.Len())
		}
	}
}

// TestPairsSideBySide: pictures of the user's own, halves of other widths than heights.
func TestPairsSideBySide(t *testing.T) {
	pairs := &corpus.Images{H: 8, W: 24, C: 1}
	for i := range 30 {
		for p := range 8 * 24 {
			v := uint8(i * 8)
			if p%24 >= 12 {
				v = 255 - v
			}
			pairs.Pixels = append(pairs.Pixels, v)
		}
	}
	data := zipped(t, pairs)
	s := pictureSettings("pix2pix")
	s.From, s.To, s.Steps, s.SampleEvery = "", "", 30, 30
	r := mustTrainPictures(t, inkstone.PictureOptions{Data: []string{data}, Settings: s, Threads: 1})
	m := loadPix2Pix(t, r.Dir)
	if shape := m.Images(); shape.H != 8 || shape.W != 12 || shape.C != 1 {
		t.Errorf("it reads %v", shape)
	}
	scores, err := m.Evaluate(t.Context(), nil, nil, data)
	if err != nil {
		t.Fatal(err)
	}
	if len(scores) != 3 || scores[0].Of != 0 || scores[1].L1 < 0.3 {
		t.Errorf("measured %+v, as given %+v", scores[0].PicturesMeasurement, scores[1].PicturesMeasurement)
	}
	s.Size = [2]int{4, 8} // of a half
	if got := loadPix2Pix(t, mustTrainPictures(t, inkstone.PictureOptions{Data: []string{data}, Settings: s, Threads: 1}).Dir).Images(); got.H != 4 || got.W != 8 {
		t.Errorf("it reads %v, want halves of 4 × 8", got)
	}
}

// TestHolesOfTheUser: read from pictures, one for all or one for each; written alone as it is
// and several as a grid.
func TestHolesOfTheUser(t *testing.T) {
	data := planks(t, 20, 1)
	m := loadInpainter(t, mustTrainPictures(t, inkstone.PictureOptions{Data: []string{data}, Settings: pictureSettings("inpaint"), Threads: 1}).Dir)
	mask := func(n int, v uint8) string {
		p := &corpus.Images{H: 8, W: 8, C: 1, Pixels: make([]uint8, 64*n)}
		for i := range n {
			p.Pixels[i*64+5+i] = v
			p.Pixels[i*64+60] = 127
		}
		return zipped(t, p)
	}
	one, err := m.ReadHoles(nil, 3, mask(1, 128))
	if err != nil {
		t.Fatal(err)
	}
	each, err := m.ReadHoles(nil, 2, mask(2, 255))
	if err != nil {
		t.Fatal(err)
	}
	if len(one) != 192 || one[5] != 1 || one[69] != 1 || one[60] != 0 || each[5] != 1 || each[69] != 0 || each[70] != 1 {
		t.Errorf("holes are %v and %v", one, each)
	}
	for want, path := range map[string]string{"2 masks for 3 pictures": mask(2, 255), "0 of 64 pixels are bright": mask(1, 127)} {
		if _, err := m.ReadHoles(nil, 3, path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got the error %v, want one that says %q", err, want)
		}
	}
	pictures, err := m.Read(nil, data)
	if err != nil {
		t.Fatal(err)
	}
	first := &corpus.Images{H: 8, W: 8, C: 1, Pixels: pictures.Image(0)}
	var b bytes.Buffer
	if err := m.WriteFilled(t.Context(), &b, first, one[:64]); err != nil {
		t.Fatal(err)
	}
	alone, err := png.Decode(&b)
	if err != nil {
		t.Fatal(err)
	}
	holes, err := m.DrawHoles(pictures.Len(), 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.WriteFilled(t.Context(), &b, pictures, holes); err != nil {
		t.Fatal(err)
	}
	grid, err := png.Decode(&b)
	if err != nil {
		t.Fatal(err)
	}
	if alone.Bounds().Dx() != 8 || grid.Bounds().Dx() < 12*56 || grid.Bounds().Dy() < 8*56 {
		t.Errorf("one is written as %v, %d as %v", alone.Bounds(), pictures.Len(), grid.Bounds())
	}
	if _, err := m.Fill(t.Context(), first, holes); err == nil || !strings.Contains(err.Error(), "holes of 2560 pixels in 1 pictures") {
		t.Errorf("holes of other pictures: %v", err)
	}
	if _, err := m.Fill(t.Context(), &corpus.Images{H: 4, W: 16, C: 1, Pixels: make([]uint8, 64)}, one[:64]); err == nil || !strings.Contains(err.Error(), "4 × 16 × 1") {
		t.Errorf("a picture of another size: %v", err)
	}
	if drawn, _ := m.DrawHoles(2, 2); slices.Equal(drawn, holes[:128]) {
		t.Error("another seed draws the same holes")
	}
}

func TestPicturesRefused(t *testing.T) {
	square := planks(t, 20, 1)
	tests := []struct {
		want, data, kind string
		change           func(*inkstone.PictureSettings)
	}{
		{`model "paint" is none of inpaint, pix2pix`, square, "paint", nil},
		{"pictures of 8 × 8 are no pairs side by side", square, "pix2pix", func(s *inkstone.PictureSettings) { s.From, s.To = "", "" }},
		{`from or to "oil" is none of plain, bold`, square, "pix2pix", func(s *inkstone.PictureSettings) { s.To = "oil" }},
		{`from and to are both "neon"`, square, "pix2pix", func(s *inkstone.PictureSettings) { s.From = "neon" }},
		{`from and to are both "plain"`, square, "pix2pix", func(s *inkstone.PictureSettings) { s.From, s.To = "", "plain" }},
		{"channels follow from the drawings", square, "pix2pix", func(s *inkstone.PictureSettings) { s.Channels = 3 }},
		{`objective "hinge" is neither`, square, "pix2pix", func(s *inkstone.PictureSettings) { s.Objective = "hinge" }},
		{"are of the objective adversarial", square, "pix2pix", func(s *inkstone.PictureSettings) { s.Objective, s.Weight = "l1", 3 }},
		{"holes, eval_every and patience are of the model inpaint", square, "pix2pix", func(s *inkstone.PictureSettings) { s.Holes = "both" }},
		{"are of the model pix2pix", square, "inpaint", func(s *inkstone.PictureSettings) { s.From = "thin" }},
		{`holes "stars" are none of squares`, square, "inpaint", func(s *inkstone.PictureSettings) { s.Holes = "stars" }},
		{"levels halve a side 3 times, so want multiples of 8", square, "inpaint", func(s *inkstone.PictureSettings) { s.Size, s.Depth = [2]int{12, 12}, 4 }},
		{"rows 3: norms go by a batch", square, "inpaint", func(s *inkstone.PictureSettings) { s.Rows = 3 }},
		{"too few for a batch of 64", square, "inpaint", func(s *inkstone.PictureSettings) { s.Rows = 64 }},
		{"weight -1 must not be negative", square, "inpaint", func(s *inkstone.PictureSettings) { s.Weight = -1 }},
	}
	for _, tt := range tests {
		o := inkstone.PictureOptions{Data: []string{tt.data}, Out: filepath.Join(t.TempDir(), "out"), Settings: pictureSettings(tt.kind)}
		if tt.change != nil {
			tt.change(&o.Settings)
		}
		if _, err := inkstone.TrainPictures(t.Context(), o); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("got the error %v, want one that says %q", err, tt.want)
		}
		if _, err := os.Stat(o.Out); err == nil {
			t.Errorf("a run that was refused left a folder: %s", tt.want)
		}
	}
}
