package corpus

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A soundTag is what a file's name says.
type soundTag struct {
	label, speaker string
	number         int // −1: none
}

// A pattern is how names are made, see [SoundOptions]; nil takes the folder's name.
type pattern struct {
	text  string
	parts int // of a path
	re    *regexp.Regexp
}

var placeholder = regexp.MustCompile(`\{[^{}]*\}`)

func parsePattern(text string) (*pattern, error) {
	if text == "" {
		return nil, nil
	}
	known := map[string]string{"{label}": `(?P<label>[^/]+?)`, "{speaker}": `(?P<speaker>[^/]+?)`, "{number}": `(?P<number>[0-9]+)`, "{any}": `[^/]+?`}
	var re strings.Builder
	seen, at := map[string]bool{}, 0
	for _, m := range placeholder.FindAllStringIndex(text, -1) {
		name := text[m[0]:m[1]]
		group, ok := known[name]
		if !ok {
			return nil, fmt.Errorf("pattern %q: there is no %s; it may hold {label}, {speaker}, {number} and {any}", text, name)
		}
		if seen[name] && name != "{any}" {
			return nil, fmt.Errorf("pattern %q: %s stands in it twice", text, name)
		}
		seen[name] = true
		re.WriteString(regexp.QuoteMeta(text[at:m[0]]) + group)
		at = m[1]
	}
	if !seen["{label}"] {
		return nil, fmt.Errorf("pattern %q: there is no {label} in it", text)
	}
	re.WriteString(regexp.QuoteMeta(text[at:]))
	compiled, err := regexp.Compile("^" + re.String() + "$")
	if err != nil {
		return nil, fmt.Errorf("pattern %q: %w", text, err)
	}
	return &pattern{text, strings.Count(text, "/") + 1, compiled}, nil
}

// tag is what a path with slashes says; folder is the label where there is no pattern.
func (p *pattern) tag(path, folder string) (soundTag, error) {
	if p == nil {
		if folder == "" {
			return soundTag{}, errors.New(`no folder that says its label: put files into folders of their labels, or give a pattern such as "{label}_{speaker}_{number}.wav"`)
		}
		return soundTag{folder, "", -1}, nil
	}
	parts := strings.Split(path, "/")
	name := strings.Join(parts[max(0, len(parts)-p.parts):], "/")
	m := p.re.FindStringSubmatch(name)
	if m == nil {
		return soundTag{}, fmt.Errorf("the name %q is not made like the pattern %q", name, p.text)
	}
	t := soundTag{number: -1}
	for i, group := range p.re.SubexpNames() {
		switch group {
		case "label":
			t.label = m[i]
		case "speaker":
			t.speaker = m[i]
		case "number":
			n, err := strconv.Atoi(m[i])
			if err != nil {
				return soundTag{}, fmt.Errorf("the number %s of the name %q is too large", m[i], name)
			}
			t.number = n
		}
	}
	return t, nil
}

// isWAV goes by the name alone.
func isWAV(name string) bool {
	return len(name) > 4 && slices.Contains([]string{".wav", ".WAV", ".Wav"}, name[len(name)-4:])
}
