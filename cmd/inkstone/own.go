package main

import (
	"slices"

	"github.com/spf13/cobra"

	"github.com/inkstone-ai/inkstone"
)

// Flags of eval and generate that some families have alone.
type ownFlags struct {
	names []string
	kinds []string // of config.json
}

func ownEvalFlags() []ownFlags {
	images, gans, clips := inkstone.ImageModels(), inkstone.GANModels(), inkstone.VideoModels()
	return []ownFlags{
		{[]string{"held-out"}, slices.Concat(images, clips)},
		{[]string{"attack", "epsilon", "plot", "norm", "attack-steps"}, images},
		{[]string{"judge"}, slices.Concat(gans, clips)},
		{[]string{"number"}, gans},
		{[]string{"clips"}, clips},
	}
}

func ownGenerateFlags() []ownFlags {
	gans, clips := inkstone.GANModels(), inkstone.VideoModels()
	return []ownFlags{
		{[]string{"out"}, slices.Concat(gans, clips)},
		{[]string{"class"}, gans},
		{[]string{"direction", "frames"}, clips},
	}
}

// refuseForeign refuses what was given of flags that models of this kind do not have.
func refuseForeign(c *cobra.Command, kind string, own []ownFlags) error {
	for _, o := range own {
		if slices.Contains(o.kinds, kind) {
			continue
		}
		if err := refuse(c, familyName(kind), o.names...); err != nil {
			return err
		}
	}
	return nil
}

// familyName is how errors call the models of a kind.
func familyName(kind string) string {
	switch {
	case slices.Contains(inkstone.ImageModels(), kind):
		return "models of images"
	case slices.Contains(inkstone.GANModels(), kind):
		return "GANs"
	case slices.Contains(inkstone.VideoModels(), kind):
		return "models of clips"
	}
	return "models of text"
}

// addShared adds what GANs and models of clips share.
func (a *app) addShared(c *cobra.Command) {
	f := c.Flags()
	if c.Name() == "eval" {
		f.String("judge", "", a.t("of a GAN or a model of clips: `DIR` of a classifier that says what is on the images", "GAN 或视频模型：辨认图像内容的分类器文件夹 `DIR`"))
		return
	}
	f.String("out", "", a.t("of a GAN: write images to `FILE`.png, or a walk from one to the next to .gif; of a model of clips: the clip to .gif", "GAN：把图像写入 `FILE`.png，或把从一幅走到下一幅的动画写入 .gif；视频模型：把片段写入 .gif"))
}
