package tokenizer

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"
)

// parseChars reads a document whose model is a BPE over characters.
func parseChars(d *document, m *modelJSON) (*BPE, error) {
	names, size, err := parseVocab(d, m.Vocab)
	if err != nil {
		return nil, err
	}
	t := &BPE{vocabulary: newVocabulary(size)}
	if t.chars, err = newChars(m, names); err != nil {
		return nil, err
	}
	split, err := t.chars.parseSplit(d.PreTokenizer)
	if err != nil {
		return nil, fmt.Errorf("pre_tokenizer: %w", err)
	}
	spelling, err := parseDecoder(d.Decoder)
	if err != nil {
		return nil, fmt.Errorf("decoder: %w", err)
	}
	t.chars.strip = spelling.strip
	for _, name := range sortedByID(names) {
		if t.bytes[names[name]] != nil {
			return nil, fmt.Errorf("model: vocab: two tokens have the id %d, one is %q", names[name], shorten(name))
		}
		t.set(names[name], spelling.bytes(name))
	}
	merges, err := parseMerges(m.Merges)
	if err != nil {
		return nil, err
	}
	if err := t.resolve(names, merges); err != nil {
		return nil, err
	}
	return t, t.complete(d, m, split)
}

// sortedByID lists names in the order of their ids, so that of two tokens
// with the same bytes, such as ▁ and <0x20>, the same one is found each time.
func sortedByID(names map[string]int32) []string {
	list := make([]string, 0, len(names))
	for name := range names {
		list = append(list, name)
	}
	slices.SortFunc(list, func(a, b string) int { return int(names[a]) - int(names[b]) })
	return list
}

func newChars(m *modelJSON, names map[string]int32) (*chars, error) {
	c := &chars{runes: map[rune]int32{}, names: names, unknown: -1, fuse: m.FuseUnk}
	for name, id := range names {
		if r, w := utf8.DecodeRuneInString(name); w == len(name) && w > 0 {
			c.runes[r] = id
		}
	}
	for b := range c.fallback {
		c.fallback[b] = -1
		if id, ok := names[byteName(b)]; ok && m.ByteFallback {
			c.fallback[b] = id
		}
	}
	if m.UnkToken != nil {
		id, ok := names[*m.UnkToken]
		if !ok {
			return nil, fmt.Errorf("model: unk_token %q is not in the vocabulary", *m.UnkToken)
		}
		c.unknown = id
	}
	return c, nil
}

// metaspaceJSON is a pre_tokenizer and a decoder.
type metaspaceJSON struct {
	Replacement    string  `json:"replacement"`
	AddPrefixSpace *bool   `json:"add_prefix_space"` // older than prepend_scheme
	PrependScheme  *string `json:"prepend_scheme"`
	Split          *bool   `json:"split"`
}

func parseMetaspace(raw json.RawMessage) (*metaspace, error) {
	var j metaspaceJSON
	if err := json.Unmarshal(raw, &j); err != nil {
		return nil, fmt.Errorf("pre-tokenizer Metaspace: %w", err)
	}
	m := &metaspace{j.Replacement, "always", j.Split == nil || *j.Split}
	if j.AddPrefixSpace != nil && !*j.AddPrefixSpace {
		m.scheme = "never"
	}
	if j.PrependScheme != nil {
		m.scheme = *j.PrependScheme
	}
	if utf8.RuneCountInString(m.replacement) != 1 {
		return nil, fmt.Errorf("pre-tokenizer Metaspace: replacement %q is not one character", m.replacement)
	}
	if !slices.Contains([]string{"always", "first", "never"}, m.scheme) {
		return nil, fmt.Errorf("pre-tokenizer Metaspace: prepend_scheme %q is not supported", m.scheme)
	}
	return m, nil
}

// parseSplit reads the steps before a BPE over characters: a Metaspace alone,
// or splits.
func (c *chars) parseSplit(raw json.RawMessage) (Split, error) {
	steps, err := flatten(raw, 0)
	if err != nil {
		return nil, err
	}
	if len(steps) == 1 && typeOf(steps[0]) == `"Metaspace"` {
		c.metaspace, err = parseMetaspace(steps[0])
		return Whole, err
	}
	var q sequence
	for _, step := range steps {
		s, err := parseStep(step)
		if err != nil {
			return nil, err
		}
		q = append(q, s)
	}
	return Sequence(q...), nil
}

// A spelling says how the tokens of a vocabulary are written.
type spelling struct {
	replace  normalizer // ▁ to a blank
	fallback bool       // <0x0A> is a newline
	strip    int        // blanks taken off the beginning of a text
}

// decoderJSON has the fields of all supported decoders.
type decoderJSON struct {
	Type    string      `json:"type"`
	Pattern patternJSON `json:"pattern"`
	Content string      `json:"content"`
	Start   int         `json:"start"`
	Stop    int         `json:"stop"`
}

// parseDecoder reads the decoder of a BPE over characters.
func parseDecoder(raw json.RawMessage) (*spelling, error) {
	steps, err := flatten(raw, 0)
	if err != nil {
		return nil, err
	}
	if len(steps) == 0 {
		return nil, errors.New("a BPE without ByteLevel needs one")
	}
	s := &spelling{replace: func(text string) string { return text }}
	for _, step := range steps {
		if err := s.add(step); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// add reads one step.
func (s *spelling) add(raw json.RawMessage) error {
	var d decoderJSON
	if err := json.Unmarshal(raw, &d); err != nil {
		return err
	}
	switch d.Type {
	case "Fuse":
	case "ByteFallback":
		s.fallback = true
	case "Replace":
		replace, err := (&normalizerJSON{Pattern: d.Pattern, Content: d.Content}).replace()
		if err != nil {
			return err
		}
		before := s.replace
		s.replace = func(text string) string { return replace(before(text)) }
	case "Strip":
		if d.Content != " " || d.Stop != 0 || d.Start < 0 {
			return errors.New("decoder Strip: only blanks at the beginning are supported")
		}
		s.strip = d.Start
	case "Metaspace":
		m, err := parseMetaspace(raw)
		if err != nil {
			return err
		}
		if m.scheme != "never" {
			s.strip = 1
		}
		blank := " "
		replace, err := (&normalizerJSON{Pattern: patternJSON{String: &m.replacement}, Content: blank}).replace()
		s.replace = replace
		return err
	default:
		return fmt.Errorf("%q is not supported", d.Type)
	}
	return nil
}

// bytes returns what a token stands for.
func (s *spelling) bytes(name string) []byte {
	if s.fallback && len(name) == len("<0x00>") {
		var b int
		if n, err := fmt.Sscanf(name, "<0x%02X>", &b); n == 1 && err == nil && name == byteName(b) {
			return []byte{byte(b)}
		}
	}
	return []byte(s.replace(name))
}
