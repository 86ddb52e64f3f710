package tokenizer

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// decoderJSON has the fields of all decoders.
type decoderJSON struct {
	Type      string      `json:"type"`
	Pattern   patternJSON `json:"pattern"`
	Content   string      `json:"content"`
	Start     int         `json:"start"`
	Stop      int         `json:"stop"`
	Suffix    *string     `json:"suffix"`
	Prefix    *string     `json:"prefix"`
	Cleanup   *bool       `json:"cleanup"`
	PadToken  *string     `json:"pad_token"`
	Delimiter *string     `json:"word_delimiter_token"`
}

// parseDecoder reads a decoder; without one the tokens stand with blanks
// between.
func parseDecoder(raw json.RawMessage) (tokens, whole []decodeStep, err error) {
	steps, err := flatten(raw, 0)
	if err != nil {
		return nil, nil, err
	}
	if len(steps) == 0 && !is(raw) {
		return []decodeStep{spaced}, nil, nil
	}
	fused := false
	for _, raw := range steps {
		d := decoderJSON{Start: -1, Stop: -1}
		if err := json.Unmarshal(raw, &d); err != nil {
			return nil, nil, err
		}
		if d.Type == "Fuse" {
			fused = true
			continue
		}
		s, err := d.step(raw)
		if err != nil {
			return nil, nil, err
		}
		if fused {
			s.resumes = d.Type == "Strip" && d.Stop == 0
			whole = append(whole, s)
		} else {
			tokens = append(tokens, s)
		}
		fused = fused || d.Type == "ByteLevel"
	}
	return tokens, whole, nil
}

// spaced puts a blank between tokens.
var spaced = decodeStep{begins: true, written: true, each: func(token string, first, _ bool) string {
	if first {
		return token
	}
	return " " + token
}}

// step makes the step that a decoder describes.
func (d *decoderJSON) step(raw json.RawMessage) (s decodeStep, err error) {
	switch d.Type {
	case "ByteLevel":
		return eachToken(func(t string) string { return string(unspell(nil, t)) }), nil
	case "ByteFallback":
		return eachToken(unspellByte), nil
	case "Replace":
		replace, err := (&normalizerJSON{Pattern: d.Pattern, Content: d.Content}).replace()
		return eachToken(replace), err
	case "Strip":
		return d.strip()
	case "Metaspace":
		return metaspaceStep(raw)
	case "WordPiece":
		return d.wordPiece(), nil
	case "BPEDecoder":
		return d.suffix(), nil
	case "CTC":
		return d.ctc(), nil
	}
	return s, fmt.Errorf("%q is not supported", d.Type)
}

func eachToken(change func(string) string) decodeStep {
	return decodeStep{each: func(t string, _, _ bool) string { return change(t) }}
}

// unspellByte turns <0x0A> into the byte.
func unspellByte(name string) string {
	if len(name) == len("<0x00>") {
		var b int
		if n, err := fmt.Sscanf(name, "<0x%02X>", &b); n == 1 && err == nil && name == byteName(b) {
			return string([]byte{byte(b)})
		}
	}
	return name
}

func (d *decoderJSON) strip() (s decodeStep, err error) {
	if utf8.RuneCountInString(d.Content) != 1 || d.Start < 0 || d.Stop < 0 {
		return s, errors.New("decoder Strip: it wants one character as content, and start and stop")
	}
	return eachToken(func(t string) string {
		for range d.Start {
			t = strings.TrimPrefix(t, d.Content)
		}
		for range d.Stop {
			t = strings.TrimSuffix(t, d.Content)
		}
		return t
	}), nil
}

// metaspaceStep writes the replacement as a blank, and in the first token as
// nothing.
func metaspaceStep(raw json.RawMessage) (s decodeStep, err error) {
	m, err := parseMetaspace(raw)
	if err != nil {
		return s, err
	}
	drops := m.scheme != "never"
	return decodeStep{begins: drops, resumes: true, each: func(t string, first, _ bool) string {
		if first && drops {
			return strings.ReplaceAll(t, m.replacement, "")
		}
		return strings.ReplaceAll(t, m.replacement, " ")
	}}, nil
}

// wordPiece joins pieces of words and puts blanks between words.
func (d *decoderJSON) wordPiece() decodeStep {
	prefix, cleanup := wordPiecePrefix, d.Cleanup == nil || *d.Cleanup
	if d.Prefix != nil {
		prefix = *d.Prefix
	}
	return decodeStep{begins: true, written: true, each: func(t string, first, _ bool) string {
		if !first {
			if rest, ok := strings.CutPrefix(t, prefix); ok && prefix != "" {
				t = rest
			} else if prefix != "" {
				t = " " + t
			}
		}
		if cleanup {
			t = cleaned.Replace(t)
		}
		return t
	}}
}

// suffix writes the end of a word as a blank, but not the last.
func (d *decoderJSON) suffix() decodeStep {
	suffix := "</w>"
	if d.Suffix != nil {
		suffix = *d.Suffix
	}
	return decodeStep{ends: true, each: func(t string, _, last bool) string {
		switch {
		case suffix == "":
			return t
		case last:
			return strings.ReplaceAll(t, suffix, "")
		}
		return strings.ReplaceAll(t, suffix, " ")
	}}
}

// ctc reads the output of a connectionist temporal classification (Graves et
// al. 2006): repeated tokens are one, pads are none.
func (d *decoderJSON) ctc() decodeStep {
	pad, delimiter, cleanup := "<pad>", "|", d.Cleanup == nil || *d.Cleanup
	if d.PadToken != nil {
		pad = *d.PadToken
	}
	if d.Delimiter != nil {
		delimiter = *d.Delimiter
	}
	return decodeStep{written: true, drop: func(before, t string) bool { return before == t }, each: func(t string, _, _ bool) string {
		if pad != "" {
			t = strings.ReplaceAll(t, pad, "")
		}
		if cleanup {
			t = cleaned.Replace(t)
			if delimiter != "" {
				t = strings.ReplaceAll(t, delimiter, " ")
			}
		}
		return t
	}}
}
