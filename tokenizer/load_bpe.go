package tokenizer

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// parseBPE reads a document whose model is a BPE, over bytes or characters.
func parseBPE(d *document, m *modelJSON) (*BPE, error) {
	if m.Dropout != nil && *m.Dropout != 0 {
		return nil, fmt.Errorf("model: dropout %g would give other ids each time; it is not supported", *m.Dropout)
	}
	names, size, err := parseVocab(d, m.Vocab)
	if err != nil {
		return nil, err
	}
	merges, err := parseMerges(m.Merges)
	if err != nil {
		return nil, err
	}
	t := &BPE{pipeline: pipeline{vocabulary: newVocabulary(size)}, whole: m.IgnoreMerges}
	if overBytes(d, m, names) {
		err = t.spellBytes(names)
	} else {
		t.chars, err = newChars(m, names)
	}
	if err != nil {
		return nil, err
	}
	if err := t.resolve(names, merges, stringOr(m.ContinuingSubwordPrefix, "")); err != nil {
		return nil, err
	}
	if err := t.open(d, names, t.chars == nil); err != nil {
		return nil, err
	}
	return t, t.complete(d, names, t.finish)
}

// overBytes tells whether a model may look at bytes where the file has their
// spelling: ByteLevel comes before and after it and each character of its
// alphabet is a byte.
func overBytes(d *document, m *modelJSON, names map[string]int32) bool {
	if !usesByteLevel(d.PreTokenizer) || usesByteLevel(d.Normalizer) || is(d.Decoder) && typeOf(d.Decoder) != `"ByteLevel"` ||
		stringOr(m.ContinuingSubwordPrefix, "") != "" || stringOr(m.EndOfWordSuffix, "") != "" {
		return false
	}
	if m.UnkToken == nil && !m.ByteFallback {
		return true
	}
	for _, r := range byteRunes {
		if _, ok := names[string(r)]; !ok {
			return false // unknown characters are not left out
		}
	}
	return true
}

func stringOr(s *string, otherwise string) string {
	if s == nil {
		return otherwise
	}
	return *s
}

// typeOf quotes the type of a component for a message.
func typeOf(raw json.RawMessage) string {
	var c typed
	if json.Unmarshal(raw, &c) != nil {
		return "of unknown form"
	}
	return fmt.Sprintf("%q", c.Type)
}

// parseVocab reads the ids of the spelled tokens and finds the number of ids.
// Ids with no token are allowed, but not more than the file has bytes: a few
// bytes must not ask for gigabytes.
func parseVocab(d *document, raw json.RawMessage) (names map[string]int32, size int, err error) {
	if names, err = readIDs(raw); err != nil {
		return nil, 0, fmt.Errorf("model: vocab: %w", err)
	}
	if len(names) == 0 {
		return nil, 0, errors.New("model: vocab is empty")
	}
	limit := len(d.Model) + 100*len(d.AddedTokens)
	see := func(name string, id int32) error {
		if id < 0 || int(id) >= limit {
			return fmt.Errorf("token %q has the id %d, outside 0 … %d, which is what a file of this size may have", shorten(name), id, limit-1)
		}
		size = max(size, int(id)+1)
		return nil
	}
	for name, id := range names {
		if err := see(name, id); err != nil {
			return nil, 0, fmt.Errorf("model: vocab: %w", err)
		}
	}
	if err := distinct(names, size); err != nil {
		return nil, 0, fmt.Errorf("model: vocab: %w", err)
	}
	for _, t := range d.AddedTokens {
		if err := see(t.Content, t.ID); err != nil {
			return nil, 0, fmt.Errorf("added_tokens: %w", err)
		}
	}
	return names, size, nil
}

// distinct refuses a vocabulary with two tokens of one id.
func distinct(names map[string]int32, size int) error {
	owners := make([]*string, size)
	for name, id := range names {
		if owners[id] != nil {
			return fmt.Errorf("two tokens have the id %d: %q and %q", id, shorten(min(name, *owners[id])), shorten(max(name, *owners[id])))
		}
		owners[id] = &name
	}
	return nil
}

// parseMerges reads the merges of a model; there may be none.
func parseMerges(raw json.RawMessage) ([][2]string, error) {
	if !is(raw) {
		return nil, nil
	}
	merges, err := readMerges(raw)
	if err != nil {
		return nil, fmt.Errorf("model: merges: %w", err)
	}
	return merges, nil
}

// parseMerge cuts a merge of the older form in two.
func parseMerge(line string) (m [2]string, err error) {
	left, right, ok := strings.Cut(line, " ")
	if !ok || left == "" || right == "" || strings.Contains(right, " ") {
		return m, fmt.Errorf("%q is not two tokens with a blank between", shorten(line))
	}
	return [2]string{left, right}, nil
}

// spellBytes gives a BPE over bytes its vocabulary.
func (t *BPE) spellBytes(names map[string]int32) error {
	arena := make([]byte, 0, 8*len(names))
	for name, id := range names {
		start := len(arena)
		arena = unspell(arena, name)
		t.set(id, arena[start:len(arena):len(arena)])
	}
	for b := range t.initial {
		id, ok := names[string(byteRunes[b])]
		if !ok {
			id = -1
		}
		t.initial[b] = id
	}
	return nil
}

// resolve turns spelled merges into ids. A right part that goes on with a word
// loses the prefix that says so.
func (t *BPE) resolve(names map[string]int32, merges [][2]string, prefix string) error {
	t.merges = make([]merge, len(merges))
	for i, m := range merges {
		var ids [3]int32
		for j, name := range [3]string{m[0], m[1], m[0] + strings.TrimPrefix(m[1], prefix)} {
			id, ok := names[name]
			if !ok {
				return fmt.Errorf("model: merge %d, %q and %q: %q is not in the vocabulary", i, shorten(m[0]), shorten(m[1]), shorten(name))
			}
			ids[j] = id
		}
		t.merges[i] = merge{ids[0], ids[1], int32(i), ids[2]}
	}
	return nil
}
