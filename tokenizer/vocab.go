package tokenizer

import (
	"fmt"
	"strings"
)

// vocabulary holds the tokens by id, special and added ones included.
type vocabulary struct {
	bytes   [][]byte         // by id; nil where an id has no token
	ids     map[string]int32 // by bytes; added tokens win
	special map[int32]bool
}

// newVocabulary makes room for ids up to size-1.
func newVocabulary(size int) vocabulary {
	return vocabulary{make([][]byte, size), make(map[string]int32, size), map[int32]bool{}}
}

// set gives an id its bytes. Two ids may have the same bytes: ID then finds
// the lower one.
func (v *vocabulary) set(id int32, bytes []byte) {
	v.bytes[id] = bytes
	if old, ok := v.ids[string(bytes)]; !ok || id < old {
		v.ids[string(bytes)] = id
	}
}

// setAdded gives the added tokens their ids, over what was there.
func (v *vocabulary) setAdded(tokens []AddedToken) error {
	if err := checkAdded(tokens); err != nil {
		return err
	}
	for _, t := range tokens {
		if t.ID < 0 || int(t.ID) >= len(v.bytes) {
			return fmt.Errorf("added token %q has the id %d, outside 0 … %d", t.Content, t.ID, len(v.bytes)-1)
		}
		v.bytes[t.ID] = []byte(t.Content)
		v.ids[t.Content] = t.ID
		if t.Special {
			v.special[t.ID] = true
		}
	}
	return nil
}

// Size is the number of ids.
func (v *vocabulary) Size() int { return len(v.bytes) }

// Token returns the bytes an id stands for.
func (v *vocabulary) Token(id int32) ([]byte, bool) {
	if id < 0 || int(id) >= len(v.bytes) || v.bytes[id] == nil {
		return nil, false
	}
	return v.bytes[id], true
}

// ID returns the id of a special token, or of the token with these bytes.
func (v *vocabulary) ID(token string) (int32, bool) {
	id, ok := v.ids[token]
	return id, ok
}

// IsSpecial tells whether the id is a special token.
func (v *vocabulary) IsSpecial(id int32) bool { return v.special[id] }

// Decode returns the bytes that the ids stand for.
func (v *vocabulary) Decode(ids []int32) string {
	var b strings.Builder
	for _, id := range ids {
		if bytes, ok := v.Token(id); ok {
			b.Write(bytes)
		} else {
			b.WriteString(replacement)
		}
	}
	return b.String()
}
