package model

import (
	"fmt"
	"slices"
	"strings"

	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/nn"
)

// An enclosed file has the model's tensors with more in front of their names than
// the model has: "module." of DataParallel, "_orig_mod." of a compiled model, the
// key of the dictionary that is the state_dict in a training's checkpoint.
type enclosed struct {
	format.Weights
	names map[string]string // the file's name of each
}

func (e enclosed) Names() []string {
	names := make([]string, 0, len(e.names))
	for name := range e.names {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (e enclosed) Tensor(name string) (format.Tensor, bool) {
	t, ok := e.Weights.Tensor(e.names[name])
	t.Name = name
	return t, ok
}

// disclose returns file with the names that m's tensors have. What all of them have
// in front is taken away, where that makes all of the model's weights out of them.
func disclose(m any, file format.Weights) (format.Weights, error) {
	names, params := file.Names(), map[string]bool{}
	for _, p := range nn.Params(m) {
		params[p.Name] = true
	}
	var fits []string
	for _, prefix := range prefixes(names, len(params)) {
		inner := func(fit string) bool { return strings.HasPrefix(prefix, fit) } // "module.model." where "module." will do
		if !slices.ContainsFunc(fits, inner) && explains(m, params, names, prefix) {
			fits = append(fits, prefix)
		}
	}
	switch {
	case len(fits) == 0 || fits[0] == "":
		return file, nil
	case len(fits) > 1:
		return nil, fmt.Errorf("the file has the model more than once, under %s: save the one that is meant alone", few(fits))
	}
	short, err := without(fits[0], names, outermost(file, fits[0]))
	return enclosed{file, short}, err
}

// longestPrefix is far more than any program puts in front: each prefix is tried on all names.
const longestPrefix = 256

// prefixes are what at least n names begin with, up to a dot: the shorter ones first.
func prefixes(names []string, n int) (list []string) {
	count := map[string]int{}
	for _, name := range names {
		for i, c := range name[:min(len(name), longestPrefix)] {
			if c == '.' {
				count[name[:i+1]]++
			}
		}
	}
	for prefix, with := range count {
		if with >= n {
			list = append(list, prefix)
		}
	}
	slices.Sort(list) // a shorter one comes before those that it begins
	return append([]string{""}, list...)
}

// explains reports whether the names that begin with prefix are, without it, all of the
// model's weights. Import is asked about names alone: its errors are of shapes.
func explains(m any, params map[string]bool, names []string, prefix string) bool {
	found := map[string]bool{}
	for _, name := range names {
		if rest, ok := strings.CutPrefix(name, prefix); ok {
			if t, _ := imported(m, format.Tensor{Name: rest}); params[t.Name] {
				found[t.Name] = true
			}
		}
	}
	return len(found) == len(params)
}

// outermost is the part of prefix that is the way to a dictionary of the file: what lies
// beside that, as an optimizer's state, is not of the model.
func outermost(file format.Weights, prefix string) string {
	torch, ok := file.(*format.Torch)
	for end := len(prefix) - 1; ok && end > 0; end = strings.LastIndexByte(prefix[:end], '.') {
		if torch.Dictionary(prefix[:end]) {
			return prefix[:end+1]
		}
	}
	return ""
}

// without are names without prefix, those that begin with dictionary. One that has not all of the prefix stays as it
// is, so that it is found to be no weight of the model.
func without(prefix string, names []string, dictionary string) (map[string]string, error) {
	short := map[string]string{}
	for _, name := range names {
		if !strings.HasPrefix(name, dictionary) {
			continue
		}
		rest := strings.TrimPrefix(name, prefix)
		if other, ok := short[rest]; ok {
			return nil, fmt.Errorf("tensors %s and %s of the file are both %s without %q", other, name, rest, prefix)
		}
		short[rest] = name
	}
	return short, nil
}
