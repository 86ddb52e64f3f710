package generate

import (
	"bytes"
	"fmt"
)

// breakers are the tokens that no repetition goes across for [DRY]: special ones, and those that have the
// whole of one of the sequences; nil: of llama.cpp's.
func (t *Text) breakers(sequences []string) ([]int32, error) {
	chosen := sequences
	if sequences == nil {
		chosen = []string{"\n", ":", "\"", "*"}
	}
	found := make([]bool, len(chosen))
	ids := []int32{}
	for id := range int32(t.Tokenizer.Size()) {
		breaks := t.Tokenizer.IsSpecial(id)
		b, _ := t.Tokenizer.Token(id)
		for i, s := range chosen {
			if bytes.Contains(b, []byte(s)) {
				breaks, found[i] = true, true
			}
		}
		if breaks {
			ids = append(ids, id)
		}
	}
	for i, s := range sequences {
		if s == "" || !found[i] {
			return nil, fmt.Errorf("generate: the sequence %q is to break DRY, and no token has the whole of it: take a part that one token has", s)
		}
	}
	return ids, nil
}
