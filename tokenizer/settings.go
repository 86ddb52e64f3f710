package tokenizer

import (
	"bytes"
	"encoding/json"
	"strings"
)

// NotDone lists what a tokenizer's file asks for around the ids of a text and
// Encode does not do, since who knows the context does it: "truncation" and
// "padding" as the file has them, and "frame", the tokens that it puts around
// one text, written with … for the text; see [Framed].
func NotDone(t Tokenizer) map[string]string {
	not := map[string]string{}
	p := baseOf(t)
	if p == nil {
		return not
	}
	if p.document != nil {
		for key, value := range map[string]json.RawMessage{"truncation": p.document.Truncation, "padding": p.document.Padding} {
			if is(value) {
				var b bytes.Buffer
				if json.Compact(&b, value) == nil { // it was read already
					not[key] = b.String()
				}
			}
		}
	}
	if p.frame != nil && p.frame.Extra(false) > 0 {
		not["frame"] = p.frame.written(t)
	}
	return not
}

// written shows a frame around one text.
func (f *Frame) written(t Tokenizer) string {
	var words []string
	for _, part := range f.single {
		if part.text != 0 {
			words = append(words, "…")
		}
		for _, id := range part.ids {
			b, _ := t.Token(id)
			words = append(words, string(b))
		}
	}
	return strings.Join(words, " ")
}
