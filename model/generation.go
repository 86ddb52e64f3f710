package model

import (
	"encoding/json"
	"fmt"

	"github.com/inkstone-ai/inkstone/format"
)

// Generation is generation_config.json: how the model's makers want it sampled.
// A nil field is absent.
type Generation struct {
	BOS               *int32   `json:"bos_token_id,omitempty"`
	EOS               IDs      `json:"eos_token_id,omitempty"` // tokens that end a text
	Pad               *int32   `json:"pad_token_id,omitempty"`
	DoSample          *bool    `json:"do_sample,omitempty"`
	Temperature       *float32 `json:"temperature,omitempty"`
	TopK              *int     `json:"top_k,omitempty"`
	TopP              *float32 `json:"top_p,omitempty"`
	MinP              *float32 `json:"min_p,omitempty"`
	RepetitionPenalty *float32 `json:"repetition_penalty,omitempty"`
	MaxLength         *int     `json:"max_length,omitempty"`     // of prompt and answer
	MaxNewTokens      *int     `json:"max_new_tokens,omitempty"` // of the answer
}

// IDs is a list of token ids that files write as a number when it is one.
type IDs []int32

// MarshalJSON writes 7 or [7,8].
func (ids IDs) MarshalJSON() ([]byte, error) {
	if len(ids) == 1 {
		return json.Marshal(ids[0])
	}
	return json.Marshal([]int32(ids))
}

// UnmarshalJSON reads 7, [7,8] or null.
func (ids *IDs) UnmarshalJSON(b []byte) error {
	var one int32
	if len(b) > 0 && b[0] != '[' && string(b) != "null" {
		if err := json.Unmarshal(b, &one); err != nil {
			return err
		}
		*ids = IDs{one}
		return nil
	}
	return json.Unmarshal(b, (*[]int32)(ids))
}

// parseGeneration reads generation_config.json, and the tokens that older
// folders have in config.json alone.
func parseGeneration(folder *format.Folder) (Generation, error) {
	var g, old Generation
	var tokens struct {
		BOS *int32 `json:"bos_token_id"`
		EOS IDs    `json:"eos_token_id"`
		Pad *int32 `json:"pad_token_id"`
	}
	if err := json.Unmarshal(folder.Config, &tokens); err != nil {
		return g, fmt.Errorf("%s: %w", path(folder, "config.json"), err)
	}
	old.BOS, old.EOS, old.Pad = tokens.BOS, tokens.EOS, tokens.Pad
	if folder.Generation == nil {
		return old, nil
	}
	if err := json.Unmarshal(folder.Generation, &g); err != nil {
		return g, fmt.Errorf("%s: %w", path(folder, "generation_config.json"), err)
	}
	if g.EOS == nil {
		g.EOS = old.EOS
	}
	if g.BOS == nil {
		g.BOS = old.BOS
	}
	return g, nil
}
