package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/train"
)

// A family is models that continue no text: the verbs hand over to it, train by
// --model-type, the others by the model_type of the folder.
type family struct {
	name     string   // for errors, in the plural
	types    []string // of config.json
	next     string   // what to do with a trained model, %s its folder, where that is not to continue a text
	train    func(c *cobra.Command, r trainRequest) error
	plan     func(c *cobra.Command, r trainRequest, seconds float64) (train.Plan, error) // nil: there is none
	generate func(c *cobra.Command, r generateRequest) error
	eval     func(c *cobra.Command, dir string, threads int, asJSON bool, o inkstone.EvaluateOptions) error

	trainFlags, generateFlags, evalFlags []string // that it has beyond those of all families
}

// numberOr is what -n says, or else another number than the flag's default.
func (r generateRequest) numberOr(c *cobra.Command, otherwise int) int {
	if c.Flags().Changed("number") {
		return r.n
	}
	return otherwise
}

// Flags that all families have.
var (
	commonTrain    = []string{"data", "config", "model-type", "out", "seed", "threads", "checkpoint-every", "resume", "json"}
	commonGenerate = []string{"model", "threads"}
	commonEval     = []string{"model", "data", "threads", "json"}
)

// networkFlags are train's of models that are trained step by step and measured on the way.
var networkFlags = []string{"depth", "steps", "precision", "eval-every"}

// languageModels is what has no other family; its verbs are in train.go, generate.go and eval.go.
func (a *app) languageModels() family {
	return family{
		name: "language models", types: inkstone.LanguageModels(),
		trainFlags:    slices.Concat(networkFlags, []string{"checkpoint", "force", "embeddings", "adversarial", "epsilon", "replays"}),
		generateFlags: slices.Concat(samplingFlags, streamFlags, pastFlags, []string{"prompt", "number", "json"}),
		evalFlags:     []string{"adapter", "context", "stride", "perturb", "seed"},
	}
}

// A trainRequest is a command line of train.
type trainRequest struct {
	*trainFlags
	data   []string
	out    string
	resume bool
}

// A generateRequest is a command line of generate.
type generateRequest struct {
	dir, prompt string
	n, threads  int
	asJSON      bool
	options     inkstone.GenerateOptions
}

// families are all of them.
func (a *app) families() []family {
	return []family{
		a.wordVectors(),
		a.masked(),
		a.translators(),
		a.classifiers(),
		a.videos(),
		a.gans(),
		a.pictures(),
		a.fusions(),
		a.speeches(),
	}
}

// family is the one of a model_type, nil for language models.
func (a *app) family(kind string) *family {
	for _, f := range a.families() {
		if slices.Contains(f.types, kind) {
			return &f
		}
	}
	return nil
}

// refuse is a usage error where a flag was given that is of other models: what a user
// asks for is done or refused, never passed over.
func refuse(c *cobra.Command, kind string, names ...string) error {
	for _, name := range names {
		if c.Flags().Changed(name) {
			return usagef("%s: --%s is not of %s; see '%s --help'", c.Name(), name, kind, c.CommandPath())
		}
	}
	return nil
}

// refuseForeign is a usage error where a flag was given that is neither of all families nor
// of this one.
func refuseForeign(c *cobra.Command, name string, common, own []string) error {
	var foreign []string
	c.Flags().Visit(func(f *pflag.Flag) {
		if !slices.Contains(common, f.Name) && !slices.Contains(own, f.Name) && c.InheritedFlags().Lookup(f.Name) == nil {
			foreign = append(foreign, f.Name)
		}
	})
	return refuse(c, name, foreign...)
}

// familyOf is the one of a kind, that of language models where there is no other.
func (a *app) familyOf(kind string) family {
	if f := a.family(kind); f != nil {
		return *f
	}
	return a.languageModels()
}

// modelTypes are the values of train's --model-type.
func (a *app) modelTypes() string {
	types := inkstone.LanguageModels()
	for _, f := range a.families() {
		types = append(types, f.types...)
	}
	return strings.Join(types, ", ")
}

// addShared adds flags that several families have.
func (a *app) addShared(c *cobra.Command) {
	f := c.Flags()
	if c.Name() == "eval" {
		f.String("judge", "", a.t("of a GAN, a model of clips or of pictures from pictures: `DIR` of a classifier that says what is on the images", "GAN、视频模型或由图像生成图像的模型：辨认图像内容的分类器文件夹 `DIR`"))
		return
	}
	f.String("out", "", a.t("of a GAN: write images to `FILE`.png, or a walk from one to the next to .gif; of a model of clips: the clip to .gif; of a model of pictures from pictures: what it makes to .png", "GAN：把图像写入 `FILE`.png，或把从一幅走到下一幅的动画写入 .gif；视频模型：把片段写入 .gif；由图像生成图像的模型：把结果写入 .png"))
}
