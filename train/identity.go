package train

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/inkstone-ai/inkstone/tensor"
)

// Identity says what a run is made of beside [Config] and the steppers. A
// resume with another identity is refused: it would continue a run that never was.
// What does not change the weights (threads, log intervals) does not belong here.
type Identity struct {
	// Settings is the resolved configuration: model, data reading, whatever a
	// caller has. Anything that encoding/json can write.
	Settings any `json:"settings,omitempty"`
	// Tokenizer and Data are fingerprints, see [Fingerprint]; "" where there is none.
	Tokenizer string `json:"tokenizer,omitempty"`
	Data      string `json:"data,omitempty"`
}

// facts are an identity and the run's own settings as paths and values:
// "settings.model.layers" → "4".
type facts map[string]string

// identify collects everything that must be equal for a resume.
func identify(c Config, steppers []*Stepper) (facts, error) {
	f := facts{}
	add := func(path string, v any) error {
		text, err := json.Marshal(v)
		if err != nil {
			return fmt.Errorf("train: identity: %s: %w", path, err)
		}
		return f.flatten(path, text)
	}
	all := map[string]any{
		"settings": c.Identity.Settings, "tokenizer": c.Identity.Tokenizer, "data": c.Identity.Data,
		"steps": c.Steps, "budget": c.Budget.String(), "seed": c.Seed,
		"evaluate_every": c.EvaluateEvery, "patience": c.Patience,
	}
	if c.Precision != tensor.F32 {
		all["precision"] = c.Precision.String()
	}
	for _, s := range steppers {
		all["stepper "+s.Name] = s.settings()
	}
	for path, v := range all {
		if err := add(path, v); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// settings are what a stepper's updates depend on, its parameters' names and shapes included.
func (s *Stepper) settings() map[string]any {
	groups := map[string]any{}
	for i, g := range s.Groups {
		var params strings.Builder
		for _, p := range g.Params {
			fmt.Fprintf(&params, "%s%v ", p.Name, p.Tensor.Shape())
		}
		groups[fmt.Sprintf("%d %s", i, g.Name)] = map[string]any{
			"rule": fmt.Sprintf("%T%+v", g.Rule, g.Rule), "lr": g.LR, "decay": g.Decay, "parameters": params.String(),
		}
	}
	return map[string]any{"schedule": s.Schedule, "clip": s.Clip, "micro": s.micro(), "groups": groups}
}

// flatten adds the leaves of a JSON text under path.
func (f facts) flatten(path string, text json.RawMessage) error {
	var object map[string]json.RawMessage
	if text[0] != '{' {
		f[path] = string(text)
		return nil
	}
	if err := json.Unmarshal(text, &object); err != nil {
		return err
	}
	for name, value := range object {
		if err := f.flatten(path+"."+name, value); err != nil {
			return err
		}
	}
	return nil
}

// differ names what now is not as it was then, "" when nothing is.
func (now facts) differ(then facts) string {
	const shown = 5 // a run with everything different needs no longer list
	all := maps.Clone(now)
	maps.Copy(all, then)
	var list []string
	for _, path := range slices.Sorted(maps.Keys(all)) {
		if now[path] != then[path] {
			list = append(list, fmt.Sprintf("%s was %s and is %s", path, orAbsent(then[path]), orAbsent(now[path])))
		}
	}
	if more := len(list) - shown; more > 0 {
		list = append(list[:shown], fmt.Sprintf("and %d more", more))
	}
	return strings.Join(list, "; ")
}

func orAbsent(s string) string {
	if s == "" {
		return "absent"
	}
	return s
}
