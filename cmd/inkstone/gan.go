package main

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/eval"
	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/train"
)

// gans is the family of models that make images of noise.
func (a *app) gans() family {
	return family{types: inkstone.GANModels(), next: "generate --model %s --out FILE.png", train: a.trainGAN, generate: a.generateImages, eval: a.evalGAN}
}

func (a *app) trainGAN(c *cobra.Command, r trainRequest) error {
	if err := refuse(c, "GANs", "checkpoint", "algorithm", "dimension", "epochs", "embeddings", "adversarial", "epsilon", "replays", "norm", "attack-steps", "eval-every", "force"); err != nil {
		return err
	}
	switch {
	case len(r.data) == 0 || r.out == "":
		return usagef("train: --data IMAGES and --out DIR are needed; see '%s --help'", c.CommandPath())
	case r.depth < 0 || r.steps < 0 || r.threads < 0 || r.checkpointEvery < 0:
		return usagef("train: a negative number for --depth, --steps, --threads or --checkpoint-every")
	}
	o := inkstone.GANOptions{Data: r.data, Out: r.out, Threads: r.threads, Resume: r.resume, Notice: a.notice}
	if r.config != "" {
		var err error
		if o.Settings, err = inkstone.ReadGANSettings(r.config); err != nil {
			return err
		}
	}
	s, f := &o.Settings, c.Flags()
	override(f, "depth", &s.Depth, r.depth)
	override(f, "steps", &s.Steps, r.steps)
	override(f, "seed", &s.Seed, r.seed)
	override(f, "precision", &s.Precision, r.precision)
	override(f, "checkpoint-every", &s.CheckpointEvery, r.checkpointEvery)
	var loss [2]float64
	trained, err := a.watch(r.out, func(w *runWatch) (*inkstone.Trained, error) {
		o.Planned, o.Progress = w.planned, func(m train.Metrics) {
			if m.Stepper == "discriminator" {
				loss[0] = m.Loss
				return
			}
			loss[1] = m.Loss
			w.step(m) // of the whole step, in time too
		}
		return inkstone.TrainGAN(c.Context(), o)
	})
	switch {
	case err != nil:
		return err
	case r.asJSON:
		return a.printJSON(trained)
	}
	fmt.Fprintf(a.out, a.t("%s: %d steps, loss of the discriminator %.4f, of the generator %.4f\n", "%s：%d 步，判别器损失 %.4f，生成器损失 %.4f\n"), trained.Dir, trained.Steps, loss[0], loss[1])
	a.printNext(c, trained)
	return nil
}

func (a *app) addGANGenerateFlags(f *pflag.FlagSet) {
	f.StringArray("class", nil, a.t("of a GAN: images of the class `NAME` alone; may be repeated (default the first ten)", "GAN：只生成类别 `NAME` 的图像；可多次给出（默认前十类）"))
}

// generateImages writes a grid of images or a walk.
func (a *app) generateImages(c *cobra.Command, r generateRequest) error {
	if err := refuse(c, "GANs", "prompt", "temperature", "top-k", "top-p", "min-p", "repetition-penalty", "max-tokens", "json"); err != nil {
		return err
	}
	if err := refuse(c, "GANs", append(append([]string{}, streamFlags...), beamFlags...)...); err != nil {
		return err
	}
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
	if err := refuse(c, "GANs", "stride", "perturb", "beam", "length-penalty", "context", "baseline"); err != nil {
		return err
	}
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
	if r.Title = dir; asJSON {
		return r.WriteJSON(a.out)
	}
	return a.report(r)
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
