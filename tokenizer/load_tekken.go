package tokenizer

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
)

// tekkenJSON is a tekken.json, Mistral's own form of a vocabulary: tokens by rank, whose ids begin behind those of the
// special tokens.
type tekkenJSON struct {
	Config struct {
		Pattern string `json:"pattern"`
		Size    int    `json:"default_vocab_size"`
		Special int    `json:"default_num_special_tokens"`
	} `json:"config"`
	Vocab []struct {
		Rank  int    `json:"rank"`
		Bytes []byte `json:"token_bytes"` // in base 64
	} `json:"vocab"`
	Special []struct {
		Rank int    `json:"rank"`
		Text string `json:"token_str"`
	} `json:"special_tokens"`
}

// tekkenNames are the first special tokens of older files, which do not list them.
var tekkenNames = []string{"<unk>", "<s>", "</s>", "[INST]", "[/INST]", "[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]", "[TOOL_RESULTS]", "[/TOOL_RESULTS]",
	"[TOOL_CALLS]", "[IMG]", "<pad>", "[IMG_BREAK]", "[IMG_END]", "[PREFIX]", "[MIDDLE]", "[SUFFIX]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]", "[TOOL_CONTENT]"}

// loadTekken reads a tekken.json.
func loadTekken(path string) (Tokenizer, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("tokenizer: %w", err)
	}
	t, err := ParseTekken(data)
	if err != nil {
		return nil, fmt.Errorf("tokenizer: %s: %w", path, err)
	}
	return t, nil
}

// ParseTekken reads the bytes of a tekken.json, the vocabulary of Mistral's models since 2024. A text begins with <s>
// there, see [Begin].
func ParseTekken(data []byte) (*BPE, error) {
	var j tekkenJSON
	if err := json.Unmarshal(data, &j); err != nil {
		return nil, err
	}
	ordinary := j.Config.Size - j.Config.Special
	if j.Config.Special < 0 || ordinary < 0 || ordinary > len(j.Vocab) || j.Config.Special > len(data) {
		return nil, fmt.Errorf("config: %d ids, %d of them special, of %d tokens", j.Config.Size, j.Config.Special, len(j.Vocab))
	}
	added, err := j.special()
	if err != nil {
		return nil, err
	}
	ranks := make(map[string]int32, ordinary)
	for _, v := range j.Vocab {
		if v.Rank >= ordinary {
			continue // the file has more tokens than the models use
		}
		if _, twice := ranks[string(v.Bytes)]; twice || v.Rank < 0 || len(v.Bytes) == 0 {
			return nil, fmt.Errorf("vocab: the token %q of rank %d is empty, or is there twice", shorten(string(v.Bytes)), v.Rank)
		}
		ranks[string(v.Bytes)] = int32(v.Rank + j.Config.Special)
	}
	if len(ranks) != ordinary {
		return nil, fmt.Errorf("vocab: %d tokens have ranks below %d", len(ranks), ordinary)
	}
	split, err := Regexp(j.Config.Pattern)
	if err != nil {
		return nil, err
	}
	t, err := newRanked(ranks, j.Config.Size, split, added)
	if err != nil {
		return nil, err
	}
	if id, ok := t.ID("<s>"); ok && t.IsSpecial(id) {
		before := []framePart{{ids: []int32{id}}, {text: 'A'}}
		t.frame = &Frame{before, append(before[:2:2], framePart{text: 'B'})}
	}
	return t, nil
}

// special are the special tokens, in the order of their ids; those that nobody named are <SPECIAL_20> and so on.
func (j *tekkenJSON) special() ([]AddedToken, error) {
	names := make([]string, j.Config.Special)
	for id := range names {
		names[id] = fmt.Sprintf("<SPECIAL_%d>", id)
	}
	if j.Special == nil {
		copy(names, tekkenNames)
	}
	for _, s := range j.Special {
		if s.Rank < 0 || s.Rank >= len(names) || s.Text == "" {
			return nil, fmt.Errorf("special_tokens: %q has the rank %d, outside 0 … %d, or no text", s.Text, s.Rank, len(names)-1)
		}
		names[s.Rank] = s.Text
	}
	seen := map[string]bool{}
	for _, name := range names {
		if seen[name] {
			return nil, errors.New("special_tokens: " + name + " is there twice")
		}
		seen[name] = true
	}
	return specials(names, 0), nil
}
