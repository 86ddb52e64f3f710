package tokenizer

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// usesByteLevel tells whether ByteLevel is a step.
func usesByteLevel(raw json.RawMessage) bool {
	steps, _ := flatten(raw, 0)
	return slices.ContainsFunc(steps, func(step json.RawMessage) bool { return typeOf(step) == `"ByteLevel"` })
}

// parseSplit reads a pre_tokenizer. Its pieces are bytes when the model is
// over bytes, else spelled where a ByteLevel says so.
func parseSplit(raw json.RawMessage, bytes bool) (Split, error) {
	steps, err := flatten(raw, 0)
	if err != nil {
		return nil, err
	}
	var q sequence
	again := false // steps after ByteLevel are made for spelled pieces
	for i, step := range steps {
		s, err := parseStep(step)
		if err != nil {
			return nil, err
		}
		if typeOf(step) == `"ByteLevel"` && (!bytes || i < len(steps)-1) {
			if s == nil {
				s = Whole
			}
			s, again = spelled{s}, bytes
		}
		if s != nil {
			q = append(q, s)
		}
	}
	if again {
		return bytesAgain{Sequence(q...)}, nil
	}
	return Sequence(q...), nil
}

// flatten lists the steps of sequences within sequences. Depth is bounded
// because each level is parsed again.
func flatten(raw json.RawMessage, depth int) (steps []json.RawMessage, err error) {
	if !is(raw) {
		return nil, nil
	}
	if typeOf(raw) != `"Sequence"` {
		return []json.RawMessage{raw}, nil
	}
	if depth > 8 {
		return nil, errors.New("sequences are nested more than 8 deep")
	}
	var q sequenceJSON
	if err := json.Unmarshal(raw, &q); err != nil {
		return nil, err
	}
	for _, r := range slices.Concat(q.PreTokenizers, q.Normalizers, q.Decoders, q.Processors) {
		s, err := flatten(r, depth+1)
		if err != nil {
			return nil, err
		}
		steps = append(steps, s...)
	}
	return steps, nil
}

// parseStep reads one step; nil is one that does not cut.
func parseStep(raw json.RawMessage) (Split, error) {
	var c typed
	if err := json.Unmarshal(raw, &c); err != nil {
		return nil, err
	}
	switch c.Type {
	case "ByteLevel":
		return parseByteLevel(raw)
	case "BertPreTokenizer":
		return bertWords{}, nil
	case "Digits":
		var d digitsJSON
		err := json.Unmarshal(raw, &d)
		return digits{d.IndividualDigits}, err
	case "Split":
		var s splitJSON
		if err := json.Unmarshal(raw, &s); err != nil {
			return nil, fmt.Errorf("Split: %w", err)
		}
		return s.split()
	case "Metaspace":
		return parseMetaspace(raw)
	}
	return parseForeign(raw)
}

// parseByteLevel reads the splitting half of ByteLevel; the half that spells
// bytes as characters is done by the vocabulary.
func parseByteLevel(raw json.RawMessage) (Split, error) {
	b := byteLevelJSON{AddPrefixSpace: true}
	if err := json.Unmarshal(raw, &b); err != nil {
		return nil, fmt.Errorf("ByteLevel: %w", err)
	}
	var s Split
	if b.UseRegex == nil || *b.UseRegex {
		s = GPT2
	}
	if b.AddPrefixSpace {
		if s == nil {
			s = Whole
		}
		s = prefixed{s}
	}
	return s, nil
}

// split makes the Split that a Split step describes.
func (s *splitJSON) split() (Split, error) {
	if !slices.Contains(behaviors, s.Behavior) {
		return nil, fmt.Errorf("Split: behavior %q is not supported", s.Behavior)
	}
	switch {
	case s.Pattern.String != nil:
		return newLiteral(*s.Pattern.String, s.Behavior, s.Invert)
	case s.Pattern.Regex == nil:
		return nil, errors.New("Split: the pattern is neither Regex nor String")
	}
	// Where matches cover the text, to isolate them and to remove what is not one
	// is the same.
	if c := published(*s.Pattern.Regex); c != nil && (s.Behavior == "Isolated" || s.Behavior == "Removed" && s.Invert && !c.between) {
		return c, nil
	}
	return newMatcher(*s.Pattern.Regex, s.Behavior, s.Invert)
}
