package main

import (
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/eval"
	"github.com/inkstone-ai/inkstone/format"
)

// gans is the family of models that make images of noise.
func (a *app) gans() family {
	return family{
		name: "GANs", types: inkstone.GANModels(), next: "generate --model %s --out FILE.png", train: a.trainGAN, generate: a.generateImages, eval: a.evalGAN,
		trainFlags: []string{"depth", "steps", "precision"}, generateFlags: []string{"class", "number", "out", "seed"}, evalFlags: []string{"judge", "number", "seed"},
	}
}

func (a *app) trainGAN(c *cobra.Command, r trainRequest) error {
	return runVerb[inkstone.GANSettings]{
		data: "IMAGES", read: inkstone.ReadGANSettings, train: inkstone.TrainGAN,
		dials: func(s *inkstone.GANSettings) dials {
			return dials{&s.Model, &s.Precision, &s.Depth, &s.Steps, nil, &s.CheckpointEvery, &s.Seed}
		},
	}.run(a, c, r)
}

func (a *app) addGANGenerateFlags(f *pflag.FlagSet) {
	f.StringArray("class", nil, a.t("of a GAN: images of the class `NAME` alone; may be repeated (default the first ten)", "GAN：只生成类别 `NAME` 的图像；可多次给出（默认前十类）"))
}

// generateImages writes a grid of images or a walk.
func (a *app) generateImages(c *cobra.Command, r generateRequest) error {
	f := c.Flags()
	path, _ := f.GetString("out")
	names, _ := f.GetStringArray("class")
	ending := strings.ToLower(filepath.Ext(path))
	if ending != ".png" && ending != ".gif" {
		return usagef("generate: a GAN makes images: want --out FILE.png, or FILE.gif for a walk from one to the next")
	}
	g, err := inkstone.LoadGAN(r.dir, &inkstone.LoadOptions{Threads: r.threads})
	if err != nil {
		return err
	}
	defer g.Close()
	var classes []int32
	for _, name := range names {
		k, err := g.Class(name)
		if err != nil {
			return usageError{err}
		}
		classes = append(classes, k)
	}
	n := 0
	override(f, "number", &n, r.n)
	write := g.WriteGrid
	if ending == ".gif" {
		write = g.WriteWalk
	}
	return format.WriteFile(path, func(w io.Writer) error { return write(w, classes, n, r.options.Sampling.Seed) })
}

func (a *app) addGANEvalFlags(f *pflag.FlagSet) {
	f.IntP("number", "n", 100, a.t("of a GAN: measure `N` images of each class", "GAN：每个类别测量 `N` 幅图像"))
}

// evalGAN measures what a GAN makes on a judge.
func (a *app) evalGAN(c *cobra.Command, dir string, threads int, asJSON bool, o inkstone.EvaluateOptions) error {
	f := c.Flags()
	judged, _ := f.GetString("judge")
	n, _ := f.GetInt("number")
	seed, _ := f.GetUint64("seed")
	if judged == "" || n < 1 {
		return usagef("eval: what a GAN makes is measured by a classifier: want --judge DIR, trained on %s, and a positive --number", filepath.Join(dir, inkstone.HeldOutImages))
	}
	g, err := inkstone.LoadGAN(dir, &inkstone.LoadOptions{Threads: threads})
	if err != nil {
		return err
	}
	defer g.Close()
	judge, err := inkstone.LoadClassifier(judged, &inkstone.LoadOptions{Threads: threads})
	if err != nil {
		return err
	}
	defer judge.Close()
	images, err := g.Read(a.notice, o.Data...)
	if err != nil {
		return err
	}
	m, err := g.Evaluate(c.Context(), judge, images, n, seed)
	if err != nil {
		return err
	}
	r := ganReport(m, judge.Images().Classes)
	r.Title = dir
	return a.printReport(r, asJSON)
}

func ganReport(m *eval.GeneratedMeasurement, classes []string) (r eval.Report) {
	if m.ByClass != nil {
		r.Share("recognised as asked for", m.Right, m.Of)
	}
	for k, n := range m.ByClass {
		r.Share("recognised of class "+classes[k], n[0], n[1])
	}
	r.Share("classes that appear", m.Modes(), len(classes))
	r.Number("inception score of the judge", "", m.InceptionScore)
	r.Number("Fréchet distance of the judge's features", "", m.Frechet)
	r.Number("coverage of real images", "", m.Coverage)
	r.Number("distance to the nearest learned image", "", m.Nearest)
	if m.Diversity != nil {
		r.Number("diversity within a class over that of learned images", "", *m.Diversity)
	}
	return r
}
