package adapter

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// config is adapter_config.json.
type config struct {
	Type          string            `json:"peft_type"`
	Base          string            `json:"base_model_name_or_path"`
	Rank          int               `json:"r"`
	Alpha         *float64          `json:"lora_alpha"`
	Targets       selection         `json:"target_modules"`
	Excluded      selection         `json:"exclude_modules"`
	RankPattern   patterns          `json:"rank_pattern"`
	AlphaPattern  patterns          `json:"alpha_pattern"`
	Layers        oneOrMany[int]    `json:"layers_to_transform"`
	LayersPattern oneOrMany[string] `json:"layers_pattern"`
	Saved         []string          `json:"modules_to_save"`
	Bias          string            `json:"bias"` // none, all or lora_only: which biases the file has
	RSLoRA        bool              `json:"use_rslora"`
	DoRA          bool              `json:"use_dora"`
	Init          any               `json:"init_lora_weights"`
}

// immaterial are settings that change nothing of the merged weights: how the adapter was trained, and fan_in_fan_out,
// which tells the layout of the base's matrices, as their file does here.
var immaterial = []string{
	"auto_mapping", "corda_config", "ensure_weight_tying", "eva_config", "fan_in_fan_out", "inference_mode", "loftq_config", "lora_dropout",
	"lora_ga_config", "megatron_core", "peft_version", "qalora_group_size", "revision", "runtime_config", "task_type",
}

func parseConfig(b []byte) (c config, err error) {
	var all map[string]json.RawMessage
	if err := errors.Join(json.Unmarshal(b, &all), json.Unmarshal(b, &c)); err != nil {
		return c, err
	}
	if c.Type != "LORA" {
		return c, fmt.Errorf("peft_type is %q, only LORA is supported: merge the adapter with PEFT", c.Type)
	}
	if err := c.onlyKnown(all); err != nil {
		return c, err
	}
	return c, c.check()
}

// onlyKnown refuses a setting that is not known here, unless it says that something is not there.
func (c config) onlyKnown(all map[string]json.RawMessage) error {
	known := slices.Clone(immaterial)
	for _, f := range reflect.VisibleFields(reflect.TypeOf(c)) {
		known = append(known, f.Tag.Get("json"))
	}
	var set []string
	for key, value := range all {
		nothing := slices.Contains([]string{"null", "false", "0", `""`, "[]", "{}"}, string(bytes.TrimSpace(value)))
		if !nothing && !slices.Contains(known, key) {
			set = append(set, key)
		}
	}
	if len(set) > 0 {
		slices.Sort(set)
		return fmt.Errorf("%s is set, which is not supported: merge the adapter with PEFT", strings.Join(set, ", "))
	}
	return nil
}

func (c *config) check() error {
	if c.Bias == "" {
		c.Bias = "none"
	}
	switch {
	case c.Rank < 1:
		return fmt.Errorf("r is %d, want at least 1", c.Rank)
	case c.Alpha == nil:
		return errors.New("lora_alpha is missing")
	case !slices.Contains([]string{"none", "all", "lora_only"}, c.Bias):
		return fmt.Errorf("bias is %q, want none, all or lora_only", c.Bias)
	case !c.Targets.given():
		return errors.New("target_modules is missing")
	}
	for _, p := range c.RankPattern {
		if p.value < 1 || p.value != math.Trunc(p.value) || p.value > math.MaxInt32 {
			return fmt.Errorf("rank_pattern %q is %g, want a whole number of at least 1", p.text, p.value)
		}
	}
	// Others change the base's own weights when a training begins: such an adapter is none of the base as it is published.
	if how, ok := c.Init.(string); ok && !slices.Contains([]string{"gaussian", "eva", "orthogonal"}, strings.ToLower(how)) {
		return fmt.Errorf("init_lora_weights is %q, which may have changed the base's weights: save the adapter with PEFT's path_initial_model_for_weight_conversion", how)
	}
	return nil
}

// rank is r of a module.
func (c *config) rank(module string) int { return int(c.RankPattern.of(module, float64(c.Rank))) }

// alpha is α of a module.
func (c *config) alpha(module string) float64 { return c.AlphaPattern.of(module, *c.Alpha) }

// targeted says whether the settings ask for an update of a module.
func (c *config) targeted(module string) bool {
	if c.Excluded.exact() && c.Excluded.has(module) || !c.Targets.has(module) {
		return false
	}
	return len(c.Layers) == 0 || c.inLayers(module)
}

// anyLayer finds the number of a layer as PEFT does, the first one where a path has several.
var anyLayer = regexp.MustCompile(`^.*?\.[^.]*\.(\d+)\.`)

func (c *config) inLayers(module string) bool {
	rules := []*regexp.Regexp{anyLayer}
	if len(c.LayersPattern) > 0 {
		rules = nil
	}
	for _, p := range c.LayersPattern {
		rules = append(rules, regexp.MustCompile(`^.*?\.`+regexp.QuoteMeta(p)+`\.(\d+)\.`))
	}
	for _, rule := range rules {
		if m := rule.FindStringSubmatch(module); m != nil {
			return slices.ContainsFunc(c.Layers, func(i int) bool { return fmt.Sprint(i) == m[1] })
		}
	}
	return false
}

// saved says whether modules_to_save names a module or one that it is a part of: by the end of its name, be that a whole
// word or not, as PEFT takes it ("norm" saves every input_layernorm too).
func (c *config) saved(module string) bool {
	for ; module != ""; module, _ = cutLast(module) {
		if slices.ContainsFunc(c.Saved, func(s string) bool { return s != "" && strings.HasSuffix(module, s) }) {
			return true
		}
	}
	return false
}

// A selection is modules by the ends of their names, by a regular expression, or all linear ones.
type selection struct {
	names []string
	rule  *regexp.Regexp
	all   bool
}

// UnmarshalJSON reads a list, a string or null. An expression that Python has and Go has not (one that looks ahead)
// stands, as all-linear does, for whatever the file has tensors of.
func (s *selection) UnmarshalJSON(b []byte) error {
	var list oneOrMany[string]
	if err := json.Unmarshal(b, &list); err != nil {
		return err
	}
	if b[0] != '"' {
		s.names = list
		return nil
	}
	var err error
	s.rule, err = regexp.Compile(`^(?:` + list[0] + `)$`)
	s.all = err != nil || strings.EqualFold(list[0], allLinear)
	return nil
}

const allLinear = "all-linear"

func (s selection) given() bool { return s.all || s.rule != nil || len(s.names) > 0 }

// exact says whether the modules of a selection are known from it alone.
func (s selection) exact() bool { return !s.all }

func (s selection) has(module string) bool {
	if s.all || s.rule != nil {
		return s.all || s.rule.MatchString(module)
	}
	return slices.ContainsFunc(s.names, func(n string) bool { return module == n || strings.HasSuffix(module, "."+n) })
}

// patterns are numbers of single modules; the first that fits counts.
type patterns []struct {
	text  string
	rule  *regexp.Regexp
	value float64
}

// UnmarshalJSON keeps the order of the file.
func (p *patterns) UnmarshalJSON(b []byte) error {
	var object map[string]float64
	if err := json.Unmarshal(b, &object); err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(b))
	for depth := 0; ; {
		token, err := d.Token()
		if err != nil {
			return nil // the end: the whole is well-formed
		}
		if text, ok := token.(string); ok && depth == 1 {
			rule, err := regexp.Compile(`^(?:.*\.)?(?:` + text + `)$`)
			if err != nil {
				return fmt.Errorf("the pattern %q: %w", text, err)
			}
			*p = append(*p, struct {
				text  string
				rule  *regexp.Regexp
				value float64
			}{text, rule, object[text]})
		}
		if token == json.Delim('{') {
			depth++
		}
	}
}

func (p patterns) of(module string, otherwise float64) float64 {
	for _, x := range p {
		if x.rule.MatchString(module) {
			return x.value
		}
	}
	return otherwise
}

// oneOrMany is a value or a list of them; null is none.
type oneOrMany[T any] []T

// UnmarshalJSON takes both forms.
func (l *oneOrMany[T]) UnmarshalJSON(b []byte) error {
	if b[0] == '[' || string(b) == "null" {
		return json.Unmarshal(b, (*[]T)(l))
	}
	*l = make([]T, 1)
	return json.Unmarshal(b, &(*l)[0])
}
