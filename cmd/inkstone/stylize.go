package main

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/style"
)

func (a *app) stylize() *cobra.Command {
	var o inkstone.StylizeOptions
	var out string
	var asJSON bool
	c := &cobra.Command{
		Use:   "stylize --model CNN --content FILE --style FILE --out FILE.png",
		Short: a.t("give a picture the style of another", "让一幅图像具有另一幅的风格"),
		Long: a.t(`Changes the pixels of the content until a CNN, trained by train --model-type cnn, sees the content
in one layer and the statistics of the style in all (Gatys et al. 2016). Pictures may be of any size, in
colour or grey; a CNN of grey pictures leaves the content's colours as they are. Prints both losses,
relative to the content and to the style, before and after.`,
			`改变内容图像的像素，直到 CNN（由 train --model-type cnn 训练）在一层看到原内容、在各层看到风格的统计量
（Gatys et al. 2016）。图像大小不限，彩色或灰度均可；灰度图像的 CNN 保留内容的颜色。
打印前后两项损失，分别相对于内容和风格。`),
		Example: `  inkstone stylize --model cnn --content photo.jpg --style waves.png --out styled.png
  inkstone stylize --model cnn --content photo.jpg --style waves.png --size 256 --style-weight 50 --out styled.png`,
		Args: cobra.NoArgs,
	}
	f := c.Flags()
	f.StringVar(&o.Model, "model", "", a.t("`DIR` of a CNN (required)", "CNN 的文件夹 `DIR`（必填）"))
	f.StringVar(&o.Content, "content", "", a.t("picture `FILE` whose content is kept (required)", "保留其内容的图像 `FILE`（必填）"))
	f.StringVar(&o.Style, "style", "", a.t("picture `FILE` whose style it gets (required)", "取其风格的图像 `FILE`（必填）"))
	f.StringVar(&out, "out", "", a.t("write the picture to `FILE`.png (required)", "把图像写入 `FILE`.png（必填）"))
	f.IntVar(&o.Size, "size", 0, a.t("resize both so that the longer side has `N` pixels, 0: as they are", "把两幅图的长边缩放到 `N` 像素，0 表示不变"))
	f.IntVar(&o.Steps, "steps", 300, a.t("`N` steps", "步数 `N`"))
	f.Float64Var(&o.LR, "lr", 0.02, a.t("change a pixel, a number from 0 to 1, by about `R` a step", "每步像素（0 到 1 的数）约改变 `R`"))
	f.Float64Var(&o.Options.Content, "content-weight", 1, a.t("`W` of the content loss, 0: none", "内容损失的权重 `W`，0 表示没有"))
	f.Float64Var(&o.Options.Style, "style-weight", 3, a.t("`W` of the style loss, 0: none", "风格损失的权重 `W`，0 表示没有"))
	f.IntVar(&o.Layer, "layer", 0, a.t("layer `N` of the CNN, from 1, whose content is kept, 0: the middle one", "保留内容的 CNN 层号 `N`，从 1 起，0 表示中间一层"))
	f.BoolVar(&o.Noise, "noise", false, a.t("start from noise instead of the content", "从噪声而不是内容开始"))
	f.Uint64Var(&o.Seed, "seed", 0, a.t("with --noise: seed `N`", "与 --noise 合用：种子 `N`"))
	f.IntVar(&o.Threads, "threads", 0, a.t("`N` threads, 0: one for each core; the result is the same", "线程数 `N`，0 表示每核一个；结果不变"))
	f.BoolVar(&asJSON, "json", false, a.t("print the losses as one JSON object", "把损失打印为一个 JSON 对象"))
	c.RunE = func(c *cobra.Command, _ []string) error {
		for _, name := range []string{"model", "content", "style", "out"} {
			if f.Lookup(name).Value.String() == "" {
				return usagef("stylize: --%s is missing; see '%s --help'", name, c.CommandPath())
			}
		}
		switch {
		case strings.ToLower(filepath.Ext(out)) != ".png":
			return usagef("stylize: --out %s: want FILE.png", out)
		case o.Size < 0 || o.Steps < 1 || o.Layer < 0 || o.Threads < 0 || !(o.LR > 0) || !(o.Options.Content >= 0) || !(o.Options.Style >= 0):
			return usagef("stylize: --steps and --lr must be positive; --size, --layer, --threads and the weights not negative")
		case f.Changed("seed") && !o.Noise:
			return usagef("stylize: --seed is of --noise alone; without it nothing is drawn")
		}
		if o.Options.Content == 0 && o.Options.Style == 0 {
			return usagef("stylize: --content-weight and --style-weight are both 0: there is nothing to do")
		}
		// 0 is none here, and a default below.
		for _, w := range []*float64{&o.Options.Content, &o.Options.Style} {
			if *w == 0 {
				*w = -1
			}
		}
		o.Notice = a.notice
		var bar *progress
		o.Progress = func(step int, l style.Losses) {
			if bar == nil {
				bar = a.startProgress(a.t("stylizing", "风格化"))
			}
			bar.show(float64(step)/float64(o.Steps), fmt.Sprintf(a.t("step %d/%d · content %.4f · style %.4f", "第 %d/%d 步 · 内容 %.4f · 风格 %.4f"), step+1, o.Steps, l.Content, l.Style))
		}
		made, err := inkstone.Stylize(c.Context(), o)
		if bar != nil {
			bar.end("")
		}
		if err != nil {
			return err
		}
		if err := format.WriteFile(out, func(w io.Writer) error { return made.Picture.WritePNG(w, 0) }); err != nil {
			return err
		}
		if asJSON {
			return a.printJSON(struct {
				Out   string       `json:"out"`
				Start style.Losses `json:"start"`
				End   style.Losses `json:"end"`
			}{out, made.Start, made.End})
		}
		fmt.Fprintf(a.out, a.t("%s: content loss %.4f, before %.4f; style loss %.4f, before %.4f\n", "%s：内容损失 %.4f，之前 %.4f；风格损失 %.4f，之前 %.4f\n"),
			out, made.End.Content, made.Start.Content, made.End.Style, made.Start.Style)
		return nil
	}
	return c
}
