package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/train"
)

// A family is models that continue no text: the verbs hand over to it, train by
// --model-type, the others by the model_type of the folder.
type family struct {
	types    []string // of config.json
	next     string   // what to do with a trained model, %s its folder, where that is not to continue a text
	train    func(c *cobra.Command, r trainRequest) error
	plan     func(c *cobra.Command, r trainRequest, seconds float64) (train.Plan, error) // nil: there is none
	generate func(c *cobra.Command, r generateRequest) error
	eval     func(c *cobra.Command, dir string, threads int, asJSON bool, o inkstone.EvaluateOptions) error
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

// modelTypes are the values of train's --model-type.
func (a *app) modelTypes() string {
	types := inkstone.LanguageModels()
	for _, f := range a.families() {
		types = append(types, f.types...)
	}
	return strings.Join(types, ", ")
}
