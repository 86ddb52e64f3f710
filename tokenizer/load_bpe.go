package tokenizer

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// parseBPE reads a document whose model is a BPE, over bytes or characters.
func parseBPE(d *document, m *modelJSON) (*BPE, error) {
	if err := refuse(m); err != nil {
		return nil, err
	}
	level, err := isByteLevel(d.PreTokenizer)
	if err != nil {
		return nil, fmt.Errorf("pre_tokenizer: %w", err)
	}
	if !level {
		return parseChars(d, m)
	}
	if is(d.Decoder) && typeOf(d.Decoder) != `"ByteLevel"` {
		return nil, fmt.Errorf("decoder %s is not supported for bytes", typeOf(d.Decoder))
	}
	split, err := parseSplit(d.PreTokenizer)
	if err != nil {
		return nil, fmt.Errorf("pre_tokenizer: %w", err)
	}
	names, size, err := parseVocab(d, m.Vocab)
	if err != nil {
		return nil, err
	}
	merges, err := parseMerges(m.Merges)
	if err != nil {
		return nil, err
	}
	t, err := assemble(names, size, merges)
	if err != nil {
		return nil, err
	}
	return t, t.complete(d, m, split)
}

// complete reads what both kinds of BPE have.
func (t *BPE) complete(d *document, m *modelJSON, split Split) (err error) {
	if t.normal, err = parseNormalizer(d.Normalizer); err != nil {
		return fmt.Errorf("normalizer: %w", err)
	}
	t.whole, t.document = m.IgnoreMerges, d
	return t.finish(split, d.AddedTokens)
}

// refuse names what this package's BPE has not.
func refuse(m *modelJSON) error {
	switch {
	case m.Dropout != nil && *m.Dropout != 0:
		return fmt.Errorf("model: dropout %g would give other ids each time; it is not supported", *m.Dropout)
	case m.ContinuingSubwordPrefix != nil && *m.ContinuingSubwordPrefix != "":
		return errors.New("model: continuing_subword_prefix is not supported")
	case m.EndOfWordSuffix != nil && *m.EndOfWordSuffix != "":
		return errors.New("model: end_of_word_suffix is not supported")
	}
	return nil
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
	for _, t := range d.AddedTokens {
		if err := see(t.Content, t.ID); err != nil {
			return nil, 0, fmt.Errorf("added_tokens: %w", err)
		}
	}
	return names, size, nil
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

// assemble makes a BPE of spelled tokens and merges, all but its added tokens
// and its split.
func assemble(names map[string]int32, size int, merges [][2]string) (*BPE, error) {
	t := &BPE{vocabulary: newVocabulary(size)}
	arena := make([]byte, 0, 8*len(names))
	for name, id := range names {
		if t.bytes[id] != nil {
			return nil, fmt.Errorf("model: vocab: two tokens have the id %d, one is %q", id, shorten(name))
		}
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
	return t, t.resolve(names, merges)
}

// resolve turns spelled merges into ids.
func (t *BPE) resolve(names map[string]int32, merges [][2]string) error {
	t.merges = make([]merge, len(merges))
	for i, m := range merges {
		var ids [3]int32
		for j, name := range [3]string{m[0], m[1], m[0] + m[1]} {
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
