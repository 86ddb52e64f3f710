package tokenizer

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// isByteLevel tells whether the last step of a pre_tokenizer is ByteLevel.
func isByteLevel(raw json.RawMessage) (bool, error) {
	steps, err := flatten(raw, 0)
	return err == nil && len(steps) > 0 && typeOf(steps[len(steps)-1]) == `"ByteLevel"`, err
}

// parseSplit reads a pre_tokenizer whose last step is ByteLevel.
func parseSplit(raw json.RawMessage) (Split, error) {
	steps, err := flatten(raw, 0)
	if err != nil {
		return nil, err
	}
	var q sequence
	for i, step := range steps {
		if typeOf(step) == `"ByteLevel"` && i < len(steps)-1 {
			return nil, errors.New("steps after ByteLevel are not supported")
		}
		s, err := parseStep(step)
		if err != nil {
			return nil, err
		}
		if s != nil {
			q = append(q, s)
		}
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
	for _, r := range slices.Concat(q.PreTokenizers, q.Normalizers, q.Decoders) {
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
	}
	return nil, fmt.Errorf("%q is not supported", c.Type)
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
	// A scanner's matches cover the text: to isolate them, and to remove what
	// is not one, is the same.
	if s.Behavior == "Isolated" || s.Behavior == "Removed" && s.Invert {
		if c := published(*s.Pattern.Regex); c != nil {
			return c, nil
		}
	}
	return newMatcher(*s.Pattern.Regex, s.Behavior, s.Invert)
}
