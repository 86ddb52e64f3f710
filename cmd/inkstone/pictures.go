package main

import (
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/eval"
	"github.com/inkstone-ai/inkstone/format"
)

// pictures is the family of models that make a picture of a picture.
func (a *app) pictures() family {
	return family{
		name: "models of pictures from pictures", types: inkstone.PictureModels(), next: "generate --model %s --prompt PICTURE --out FILE.png",
		train: a.trainPictures, generate: a.generatePictures, eval: a.evalPictures,
		trainFlags: []string{"depth", "steps", "precision", "eval-every", "from", "to"}, generateFlags: []string{"prompt", "mask", "out", "seed"}, evalFlags: []string{"judge", "seed"},
	}
}

// addPictureTrainFlags adds what train has for models of pictures from pictures.
func (a *app) addPictureTrainFlags(f *pflag.FlagSet) {
	styles := strings.Join(corpus.Drawings(), ", ")
	f.String("from", "", a.t("of pix2pix: draw the first picture of each pair in `STYLE`: ", "pix2pix：以风格 `STYLE` 画出每对的第一幅：")+styles)
	f.String("to", "", a.t("of pix2pix: draw the second picture of each pair in `STYLE`; without both flags the data are pairs side by side", "pix2pix：以风格 `STYLE` 画出每对的第二幅；两者都不给时，数据是左右并排的图像对"))
}

func (a *app) trainPictures(c *cobra.Command, r trainRequest) error {
	return runVerb[inkstone.PictureSettings]{
		data: "PICTURES", read: inkstone.ReadPictureSettings, train: inkstone.TrainPictures,
		dials: func(s *inkstone.PictureSettings) dials {
			return dials{&s.Model, &s.Precision, &s.Depth, &s.Steps, &s.EvalEvery, &s.CheckpointEvery, &s.Seed}
		},
		own: func(f *pflag.FlagSet, s *inkstone.PictureSettings) error {
			from, _ := f.GetString("from")
			to, _ := f.GetString("to")
			override(f, "from", &s.From, from)
			override(f, "to", &s.To, to)
			return nil
		},
	}.run(a, c, r)
}

// addPictureGenerateFlags adds what generate has for models of pictures from pictures.
func (a *app) addPictureGenerateFlags(f *pflag.FlagSet) {
	f.String("mask", "", a.t("of inpaint: the pixels that are bright in the picture `FILE` are missing, one for all pictures or a folder with one for each (default drawn by --seed)", "inpaint：图像 `FILE` 中亮的像素视为缺失；一幅用于全部图像，或给出每幅一个的文件夹（默认由 --seed 画出）"))
}

// generatePictures makes pictures of those that the prompt names.
func (a *app) generatePictures(c *cobra.Command, r generateRequest) error {
	path, _ := c.Flags().GetString("out")
	prompt := strings.TrimRight(r.prompt, "\r\n")
	if prompt == "" || strings.ToLower(filepath.Ext(path)) != ".png" {
		return usagef("generate: this model makes pictures of pictures: want --prompt PICTURE and --out FILE.png")
	}
	paths := strings.Split(prompt, "\n")
	if inkstone.Kind(r.dir) == "pix2pix" {
		if err := refuse(c, "pix2pix", "mask", "seed"); err != nil {
			return err
		}
		return a.redraw(c, r, paths, path)
	}
	return a.fill(c, r, paths, path)
}

func (a *app) redraw(c *cobra.Command, r generateRequest, paths []string, out string) error {
	m, err := inkstone.LoadPix2Pix(r.dir, &inkstone.LoadOptions{Threads: r.threads})
	if err != nil {
		return err
	}
	defer m.Close()
	pictures, err := m.Read(a.notice, paths...)
	if err != nil {
		return err
	}
	return format.WriteFile(out, func(w io.Writer) error { return m.WriteRedrawn(c.Context(), w, pictures) })
}

func (a *app) fill(c *cobra.Command, r generateRequest, paths []string, out string) error {
	m, err := inkstone.LoadInpainter(r.dir, &inkstone.LoadOptions{Threads: r.threads})
	if err != nil {
		return err
	}
	defer m.Close()
	pictures, err := m.Read(a.notice, paths...)
	if err != nil {
		return err
	}
	var holes []uint8
	if mask, _ := c.Flags().GetString("mask"); mask != "" {
		if err := refuse(c, "a run with --mask", "seed"); err != nil {
			return err
		}
		holes, err = m.ReadHoles(a.notice, pictures.Len(), mask)
	} else {
		holes, err = m.DrawHoles(pictures.Len(), r.options.Sampling.Seed)
	}
	if err != nil {
		return err
	}
	return format.WriteFile(out, func(w io.Writer) error { return m.WriteFilled(c.Context(), w, pictures, holes) })
}

// evalPictures measures what such a model makes of what its training held out.
func (a *app) evalPictures(c *cobra.Command, dir string, threads int, asJSON bool, o inkstone.EvaluateOptions) error {
	f := c.Flags()
	judge, err := a.judge(f, threads)
	if err != nil {
		return err
	}
	if judge != nil {
		defer judge.Close()
	}
	var scores []inkstone.PictureScore
	if inkstone.Kind(dir) == "pix2pix" {
		if err := refuse(c, "pix2pix", "seed"); err != nil {
			return err
		}
		m, err := inkstone.LoadPix2Pix(dir, &inkstone.LoadOptions{Threads: threads})
		if err != nil {
			return err
		}
		defer m.Close()
		if scores, err = m.Evaluate(c.Context(), judge, a.notice, o.Data...); err != nil {
			return err
		}
	} else {
		seed, _ := f.GetUint64("seed")
		m, err := inkstone.LoadInpainter(dir, &inkstone.LoadOptions{Threads: threads})
		if err != nil {
			return err
		}
		defer m.Close()
		if scores, err = m.Evaluate(c.Context(), judge, seed, a.notice, o.Data...); err != nil {
			return err
		}
	}
	r := picturesReport(scores)
	r.Title = dir
	return a.printReport(r, asJSON)
}

// picturesReport has a row for each number and way to make pictures.
func picturesReport(scores []inkstone.PictureScore) (r eval.Report) {
	for _, s := range scores {
		if s.Hole != 0 && s.Name != "truth" {
			r.Number("PSNR of holes, "+s.Name, "dB", s.Hole)
		}
	}
	for _, s := range scores {
		if s.Name != "truth" {
			r.Number("PSNR, "+s.Name, "dB", s.PSNR)
			r.Number("mean absolute error, "+s.Name, "", s.L1)
		}
	}
	for _, s := range scores {
		if s.Of > 0 {
			r.Share("recognised, "+s.Name, s.Right, s.Of)
		}
	}
	return r
}
