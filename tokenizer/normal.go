package tokenizer

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/dlclark/regexp2/v2"
	"golang.org/x/text/unicode/norm"
)

// A normalizer changes text before it is split: what it takes away does not
// come back by decoding. Files of other projects have them; the tokenizers
// made by this package have none.
type normalizer func(text string) string

// normalizerJSON has the fields of all supported normalizers.
type normalizerJSON struct {
	Type       string      `json:"type"`
	Prepend    string      `json:"prepend"`
	Pattern    patternJSON `json:"pattern"`
	Content    string      `json:"content"`
	StripLeft  *bool       `json:"strip_left"`
	StripRight *bool       `json:"strip_right"`
	CharsMap   []byte      `json:"precompiled_charsmap"` // in base 64
}

// parseNormalizer reads a normalizer, or nil where there is none.
func parseNormalizer(raw json.RawMessage) (normalizer, error) {
	steps, err := flatten(raw, 0)
	if err != nil || len(steps) == 0 {
		return nil, err
	}
	chain := make([]normalizer, len(steps))
	for i, step := range steps {
		if typeOf(step) == `"BertNormalizer"` {
			if chain[i], err = bert(step); err != nil {
				return nil, err
			}
			continue
		}
		var n normalizerJSON
		if err := json.Unmarshal(step, &n); err != nil {
			return nil, err
		}
		if chain[i], err = n.normalizer(); err != nil {
			return nil, err
		}
	}
	return func(text string) string {
		for _, n := range chain {
			text = n(text)
		}
		return text
	}, nil
}

func (n *normalizerJSON) normalizer() (normalizer, error) {
	switch n.Type {
	case "NFC":
		return norm.NFC.String, nil
	case "NFD":
		return normalForm(norm.NFD), nil
	case "NFKC":
		return normalForm(norm.NFKC), nil
	case "NFKD":
		return normalForm(norm.NFKD), nil
	case "Lowercase":
		return lower, nil
	case "StripAccents":
		return func(text string) string { return strings.Map(dropAnyMark, text) }, nil
	case "Nmt":
		return func(text string) string { return strings.Map(nmtRune, text) }, nil
	case "ByteLevel":
		return func(text string) string { return spell([]byte(text)) }, nil
	case "Precompiled":
		m, err := newCharsMap(n.CharsMap)
		if err != nil {
			return nil, fmt.Errorf("map of characters: %w", err)
		}
		return m.byGraphemes, nil
	case "Strip":
		return n.strip, nil
	case "Prepend":
		return n.prepend, nil
	case "Replace":
		return n.replace()
	}
	return nil, fmt.Errorf("%q is not supported", n.Type)
}

// lower makes small letters. One capital becomes two characters: İ is i with
// a dot.
func lower(text string) string {
	return strings.Map(unicode.ToLower, strings.ReplaceAll(text, "İ", "i\u0307"))
}

// dropAnyMark drops marks of all three kinds; see dropMark for BERT's.
func dropAnyMark(r rune) rune {
	if r >= 0x300 && isMark(r) {
		return -1
	}
	return r
}

// nmtRune is the clean-up of SentencePiece's nmt rules: controls go, blanks of
// all kinds and marks of direction are blanks.
func nmtRune(r rune) rune {
	switch {
	case r >= 0x01 && r <= 0x08, r == 0x0B, r >= 0x0E && r <= 0x1F, r == 0x7F, r == 0x8F, r == 0x9F:
		return -1
	case r == '\t', r == '\n', r == '\f', r == '\r', r == 0x1680, r >= 0x200B && r <= 0x200F, r == 0x2028, r == 0x2029,
		r == 0x2581, r == 0xFEFF, r == 0xFFFD:
		return ' '
	}
	return r
}

func (n *normalizerJSON) strip(text string) string {
	if n.StripLeft == nil || *n.StripLeft {
		text = strings.TrimLeftFunc(text, unicode.IsSpace)
	}
	if n.StripRight == nil || *n.StripRight {
		text = strings.TrimRightFunc(text, unicode.IsSpace)
	}
	return text
}

func (n *normalizerJSON) prepend(text string) string {
	if text == "" {
		return text
	}
	return n.Prepend + text
}

func (n *normalizerJSON) replace() (normalizer, error) {
	switch {
	case n.Pattern.String != nil && *n.Pattern.String != "":
		return strings.NewReplacer(*n.Pattern.String, n.Content).Replace, nil
	case n.Pattern.Regex == nil || len(*n.Pattern.Regex) > maxPattern:
		return nil, errors.New("normalizer Replace: there is no pattern that can be used")
	}
	re, err := regexp2.Compile(*n.Pattern.Regex)
	if err != nil {
		return nil, fmt.Errorf("normalizer Replace: %w", err)
	}
	return func(text string) string {
		// The content is text, not a template with $1.
		s, err := re.ReplaceFunc(text, func(regexp2.Match) string { return n.Content }, -1, -1)
		if err != nil { // only a time-out is an error, and none is set
			panic(fmt.Sprintf("tokenizer: normalizer: %v", err))
		}
		return s
	}, nil
}
