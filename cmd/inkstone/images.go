package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/eval"
	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/internal/plot"
	"github.com/inkstone-ai/inkstone/train"
)

// classifiers is the family of models that tell classes of images apart.
func (a *app) classifiers() family {
	return family{
		name: "models of images", types: inkstone.ImageModels(), next: "eval --model %s --data IMAGES", train: a.trainImages, generate: a.classify, eval: a.evalImages,
		trainFlags: slices.Concat(networkFlags, []string{"adversarial", "epsilon", "norm", "attack-steps"}), generateFlags: []string{"prompt", "number", "json"},
		evalFlags: []string{"held-out", "attack", "epsilon", "plot", "norm", "attack-steps", "seed"},
	}
}

// addAttackFlags adds what train and eval share for attacks on pixels.
func (a *app) addAttackFlags(f *pflag.FlagSet) {
	f.String("norm", "linf", a.t("of an attack on images: `NORM` of a move, linf (each pixel) or l2 (the image)", "对图像的攻击：移动的范数 `NORM`，linf（逐像素）或 l2（整幅图）"))
	f.Int("attack-steps", 0, a.t("of the attack pgd: `N` steps (default 10)", "攻击 pgd 的步数 `N`（默认 10）"))
}

// attackFlags sets what flags of an attack were given.
func attackFlags(f *pflag.FlagSet, a *train.Attack) {
	norm, _ := f.GetString("norm")
	steps, _ := f.GetInt("attack-steps")
	override(f, "norm", &a.Norm, norm)
	override(f, "attack-steps", &a.Steps, steps)
}

func (a *app) trainImages(c *cobra.Command, r trainRequest) error {
	return runVerb[inkstone.ImageSettings]{
		data: "IMAGES",
		read: inkstone.ReadImageSettings, train: inkstone.TrainImages,
		dials: func(s *inkstone.ImageSettings) dials {
			return dials{&s.Model, &s.Precision, &s.Depth, &s.Steps, &s.EvalEvery, &s.CheckpointEvery, &s.Seed}
		},
		own: func(f *pflag.FlagSet, s *inkstone.ImageSettings) error {
			override(f, "adversarial", &s.Adversarial.Method, r.adversarial.Method)
			override(f, "epsilon", &s.Adversarial.Epsilon, r.adversarial.Epsilon)
			attackFlags(f, &s.Adversarial)
			if err := s.Adversarial.Check(); err != nil {
				return usagef("train: --adversarial: %v", err)
			}
			return nil
		},
	}.run(a, c, r)
}

// classify prints the likeliest classes of the images that the prompt names.
func (a *app) classify(c *cobra.Command, r generateRequest) error {
	if r.prompt == "" {
		return usagef("generate: this model tells images apart: want --prompt IMAGE")
	}
	m, err := inkstone.LoadClassifier(r.dir, &inkstone.LoadOptions{Threads: r.threads})
	if err != nil {
		return err
	}
	defer m.Close()
	images, err := m.Read(a.notice, strings.Split(strings.TrimRight(r.prompt, "\r\n"), "\n")...)
	if err != nil {
		return err
	}
	n := r.numberOr(c, 3)
	said, err := m.Classify(images, n)
	if err != nil {
		return err
	}
	for i, classes := range said {
		if r.asJSON {
			if err := a.printJSON(classified{images.Names[i], classes}); err != nil {
				return err
			}
			continue
		}
		fmt.Fprintln(a.out, images.Names[i])
		a.printClasses(classes)
	}
	return nil
}

// printClasses prints classes, a line each.
func (a *app) printClasses(classes []inkstone.Classification) {
	for _, k := range classes {
		fmt.Fprintf(a.out, "%6.1f %%  %s\n", 100*k.Probability, k.Class)
	}
}

// classified is what generate --json prints of an image.
type classified struct {
	Image   string                    `json:"image"`
	Classes []inkstone.Classification `json:"classes"`
}

// addImageEvalFlags adds what eval has for models of images.
func (a *app) addImageEvalFlags(f *pflag.FlagSet) {
	f.Bool("held-out", false, a.t("of models of images, clips, speech and several modalities: measure those of --data alone that the training on them held out", "图像、视频、语音与多模态模型：只测量 --data 中训练时留出的那部分"))
	f.String("attack", "", a.t("of models of images: move each image to where the loss is larger, by `METHOD` fgsm or pgd", "图像模型：把每幅图移到损失更大处，方法 `METHOD` 为 fgsm 或 pgd"))
	f.Float64Slice("epsilon", nil, a.t("of an attack: `E`, how far an image is moved; several with commas (default 0.05, 0.1, 0.2, 0.3)", "攻击：一幅图移动多远 `E`；多个值用逗号分开（默认 0.05, 0.1, 0.2, 0.3）"))
	f.String("plot", "", a.t("of an attack: draw accuracy over ε to `FILE`.png or .svg", "攻击：把准确率随 ε 的曲线画到 `FILE`.png 或 .svg"))
	a.addAttackFlags(f)
}

func (a *app) evalImages(c *cobra.Command, dir string, threads int, asJSON bool, o inkstone.EvaluateOptions) error {
	f := c.Flags()
	method, _ := f.GetString("attack")
	if method == "" {
		if err := refuse(c, "an evaluation without --attack", "epsilon", "plot", "norm", "attack-steps", "seed"); err != nil {
			return err
		}
	}
	m, err := inkstone.LoadClassifier(dir, &inkstone.LoadOptions{Threads: threads})
	if err != nil {
		return err
	}
	defer m.Close()
	images, err := m.ReadLabelled(a.notice, o.Data...)
	if err != nil {
		return err
	}
	if held, _ := f.GetBool("held-out"); held {
		if images, err = m.HeldOut(images); err != nil {
			return err
		}
	}
	r := eval.Report{Title: strings.Join(o.Data, " ")}
	if method != "" {
		err = a.attack(c, m, images, train.Attack{Method: method}, &r)
	} else {
		var measured *eval.ImagesMeasurement
		if measured, err = m.Evaluate(c.Context(), images); err == nil {
			r.Number("loss", "nats", measured.Loss)
			r.Share("accuracy", measured.Right, measured.Of)
			for k, n := range measured.ByClass {
				if n[1] > 0 {
					r.Share("accuracy of class "+m.Images().Classes[k], n[0], n[1])
				}
			}
		}
	}
	if err != nil {
		return err
	}
	return a.printReport(r, asJSON)
}

// attack measures a model whose images are moved, for each ε, and draws the curve.
func (a *app) attack(c *cobra.Command, m *inkstone.Classifier, images *corpus.Images, k train.Attack, r *eval.Report) error {
	f := c.Flags()
	attackFlags(f, &k)
	epsilons, _ := f.GetFloat64Slice("epsilon")
	path, _ := f.GetString("plot")
	if ext := strings.ToLower(filepath.Ext(path)); path != "" && ext != ".png" && ext != ".svg" {
		return usagef("eval: --plot %s: want a .png or an .svg", path)
	}
	if len(epsilons) == 0 {
		epsilons = []float64{0.05, 0.1, 0.2, 0.3}
	}
	seed, _ := f.GetUint64("seed")
	all := append([]float64{0}, epsilons...)
	bar := a.startProgress(a.t("attacking", "攻击"))
	measured, err := m.EvaluateAttacked(c.Context(), images, k, all, seed, func(done int) {
		bar.show(float64(done)/float64(len(all)), fmt.Sprintf("ε %g", all[done-1]))
	})
	bar.end("")
	if err != nil {
		return err
	}
	line := plot.Line{Name: k.Method}
	for _, x := range measured {
		name := "accuracy"
		if x.Epsilon > 0 {
			name = fmt.Sprintf("accuracy at ε = %g", x.Epsilon)
		}
		r.Share(name, x.Right, x.Of)
		line.X, line.Y = append(line.X, x.Epsilon), append(line.Y, 100*x.Accuracy)
	}
	if path == "" {
		return nil
	}
	chart := plot.Chart{X: plot.Scale{Name: "ε"}, Y: plot.Scale{Name: "accuracy, %"}, Lines: []plot.Line{line}}
	if strings.EqualFold(filepath.Ext(path), ".png") {
		return format.WriteFile(path, chart.WritePNG)
	}
	return format.WriteFile(path, chart.WriteSVG)
}
