package tokenizer

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// GGUFLost tells what the metadata that [GGUF] returns have no place for, a sentence for each: a text in which it
// matters gets other ids by the GGUF file. A tokenizer that GGUF refuses has none.
func GGUFLost(t Tokenizer) (lost []string) {
	b, ok := t.(*BPE)
	if !ok {
		return nil
	}
	if b.document != nil && usesNFC(b.document) {
		lost = append(lost, "texts are not put into Unicode's form NFC: in another form they get other ids")
	}
	lost = append(lost, b.lostBlanks()...)
	tokens := slices.Concat(b.tokens, b.userPieces())
	for _, kind := range []struct {
		what string
		is   func(AddedToken) bool
	}{
		{"do not take the blanks around them", func(a AddedToken) bool { return a.LStrip || a.RStrip }},
		{"are found within words too", func(a AddedToken) bool { return a.SingleWord }},
		{"are found in a text as it is, not as it is normalised", func(a AddedToken) bool { return a.Normalized && b.normalize(a.Content) != a.Content }},
		{"stand for blanks, not for ▁ that a text itself has", b.standsForBlanks},
	} {
		if is := slices.DeleteFunc(slices.Clone(tokens), func(a AddedToken) bool { return !kind.is(a) }); len(is) > 0 {
			lost = append(lost, fmt.Sprintf("added tokens %s: %d, the first is %q", kind.what, len(is), is[0].Content))
		}
	}
	return lost
}

// usesNFC tells whether a text is normalised that way: what else there may be is refused.
func usesNFC(d *document) bool {
	steps, _ := flatten(d.Normalizer, 0)
	return slices.ContainsFunc(steps, func(step json.RawMessage) bool { return typeOf(step) == `"NFC"` })
}

// lostBlanks tells which blanks are others.
func (t *BPE) lostBlanks() (lost []string) {
	if s, ok := t.split.(*metaspace); ok {
		switch s.scheme {
		case "always":
			lost = append(lost, "a blank is put before a text, also where it has one")
		case "first":
			lost = append(lost, "a blank is put before a text and behind added tokens, also where there is one, and not before the whole text alone")
		}
	}
	if n := t.sentence; n != nil {
		if n.shrink {
			lost = append(lost, "blanks side by side stay, where other programs read it")
		}
		if n.prefix && len(t.userPieces()) > 0 {
			lost = append(lost, "a blank is put behind the pieces that the user defined")
		}
	}
	return lost
}

// standsForBlanks tells whether an added token is merged of blanks too, see writeBlanks.
func (t *BPE) standsForBlanks(a AddedToken) bool {
	if t.chars == nil || a.Special || !strings.Contains(a.Content, blank) {
		return false
	}
	symbols := t.chars.append(nil, a.Content)
	return len(symbols) == 1 || t.pairs.last(symbols).id == a.ID
}
