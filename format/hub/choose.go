package hub

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/inkstone-ai/inkstone/format"
)

// ErrChoice is what Choose's error wraps when the user has to choose files.
var ErrChoice = errors.New("choose files with --include")

// companions are the small files that a model's programs look for beside its weights.
var companions = []string{
	"config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "tokenizer.model",
	"special_tokens_map.json", "added_tokens.json", "vocab.json", "vocab.txt", "merges.txt", "chat_template.jinja",
	"chat_template.json", "preprocessor_config.json", "adapter_config.json", "README.md",
}

// Choose selects the files to fetch. Without include and exclude these are what a
// model needs: its weights as safetensors or, where there are none, PyTorch's
// pytorch_model.bin, or an adapter_model.bin, or one GGUF; its configuration, tokenizer, templates, licence
// and card. With patterns they are the files that any of include matches (all,
// where there is none) and none of exclude does; in a pattern * stands for
// anything, slashes too, and ? for one character. Without include what exclude
// leaves must still have weights, or exclude must have taken all of them.
//
// Errors: nothing is left; no weights are, or several GGUF files, of which each is
// a whole model.
func Choose(files []File, include, exclude []string) ([]File, error) {
	allowed := slices.DeleteFunc(slices.Clone(files), func(f File) bool { return matches(f.Path, exclude) })
	var chosen []File
	if len(include) > 0 {
		chosen = slices.DeleteFunc(slices.Clone(allowed), func(f File) bool { return !matches(f.Path, include) })
	} else if chosen = needed(allowed); hasWeights(allowed) || !hasWeights(files) {
		if err := oneGGUF(allowed, chosen); err != nil {
			return nil, err
		}
	}
	if len(chosen) == 0 {
		return nil, fmt.Errorf("hub: no file is left to fetch: %w; the model has %s", ErrChoice, listed(files))
	}
	return chosen, nil
}

// needed is Choose without patterns; of several GGUF files it has none.
func needed(files []File) (chosen []File) {
	weights := weightsOf(files)
	for _, f := range files {
		base := path.Base(f.Path)
		top := base == f.Path
		switch {
		case slices.ContainsFunc(weights, func(w File) bool { return w.Path == f.Path }),
			top && slices.Contains(companions, base),
			top && strings.HasPrefix(strings.ToUpper(base), "LICEN"),
			path.Dir(f.Path) == "additional_chat_templates":
			chosen = append(chosen, f)
		}
	}
	return chosen
}

// weightForms are patterns of weights, the preferred ones first. Some models
// have other safetensors (a writer's own merged file) beside those of the first.
var weightForms = []*regexp.Regexp{
	regexp.MustCompile(`^model(-\d+-of-\d+)?\.safetensors(\.index\.json)?$`),
	regexp.MustCompile(`^[^/]*\.safetensors(\.index\.json)?$`),
	regexp.MustCompile(`^(pytorch|adapter)_model(-\d+-of-\d+)?\.bin(\.index\.json)?$`),
	regexp.MustCompile(`^[^/]*\.(?i:gguf)$`),
}

func weightsOf(files []File) []File {
	for _, form := range weightForms {
		found := slices.DeleteFunc(slices.Clone(files), func(f File) bool { return !form.MatchString(f.Path) || projector(f.Path) })
		if len(found) > 0 && len(wholeGGUFs(found)) <= 1 {
			return found
		}
	}
	return nil
}

// hasWeights says that one of the files is of a form of weights.
func hasWeights(files []File) bool {
	return slices.ContainsFunc(files, func(f File) bool {
		return slices.ContainsFunc(weightForms, func(form *regexp.Regexp) bool { return form.MatchString(f.Path) })
	})
}

// projector says that a GGUF file, by llama.cpp's way to name it, is no model: it has
// the part of one that turns pictures or sounds into its tokens.
func projector(file string) bool {
	return strings.HasPrefix(strings.ToLower(path.Base(file)), "mmproj")
}

// wholeGGUFs names the models among GGUF files: shards of one count once.
func wholeGGUFs(files []File) []string {
	var names []string
	for _, f := range files {
		if projector(f.Path) {
			continue
		}
		if stem, _, _, shard := format.ShardName(f.Path); shard {
			names = append(names, stem+"-*"+path.Ext(f.Path))
		} else if format.NamesGGUF(f.Path) {
			names = append(names, f.Path)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func oneGGUF(files, chosen []File) error {
	if weightsOf(chosen) != nil {
		return nil
	}
	if names := wholeGGUFs(files); len(names) > 1 {
		return fmt.Errorf("hub: each of these is the whole model: %s: %w, as in --include %q", few(names), ErrChoice, names[0])
	}
	return fmt.Errorf("hub: no weights that are known (safetensors, pytorch_model.bin, gguf) at the top of the model's files: %w; it has %s", ErrChoice, listed(files))
}

// matches says that a pattern of shells matches the whole path.
func matches(path string, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		if strings.HasSuffix(p, "/") { // a folder
			p += "*"
		}
		expr := regexp.QuoteMeta(p)
		expr = strings.ReplaceAll(strings.ReplaceAll(expr, `\*`, ".*"), `\?`, ".")
		return regexp.MustCompile("^(?s:" + expr + ")$").MatchString(path)
	})
}

func listed(files []File) string {
	names := make([]string, len(files))
	for i, f := range files {
		names[i] = f.Path
	}
	if len(names) == 0 {
		return "no files"
	}
	return few(names)
}

// few lists at most twenty names.
func few(names []string) string {
	if len(names) > 20 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:20], ", "), len(names)-20)
	}
	return strings.Join(names, ", ")
}
