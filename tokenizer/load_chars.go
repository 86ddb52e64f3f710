package tokenizer

import (
	"encoding/json"
	"fmt"
	"slices"
	"unicode/utf8"
)

func newChars(m *modelJSON, names map[string]int32) (*chars, error) {
	c := &chars{runes: map[rune]int32{}, names: names, unknown: -1, fuse: m.FuseUnk,
		prefix: stringOr(m.ContinuingSubwordPrefix, ""), suffix: stringOr(m.EndOfWordSuffix, "")}
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
	if m.UnkToken != nil && *m.UnkToken != "" {
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
