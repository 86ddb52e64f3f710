package tokenizer

import (
	"encoding/json"
	"fmt"
	"path/filepath"
)

// A Config is what a model's folder says about its tokenizer besides
// tokenizer.json: the tokens with a part to play, and the chat template.
type Config struct {
	BOS, EOS, Pad  string        // empty: none
	Unknown        string        // empty: not said
	AddBOS, AddEOS *bool         // whether they stand around every text; nil: not said
	Template       *ChatTemplate // nil: none; its own BOS and EOS are not written
}

// SaveConfig writes tokenizer_config.json, as Hugging Face's transformers
// reads it, and chat_template.jinja when there is a template. Without the
// first, transformers would give the tokenizer the special tokens of whatever
// model config.json names, and add them to the vocabulary.
func SaveConfig(dir string, c Config) error {
	data, err := c.JSON()
	if err != nil {
		return fmt.Errorf("tokenizer: save: %w", err)
	}
	if c.Template != nil {
		if err := writeFile(filepath.Join(dir, "chat_template.jinja"), []byte(c.Template.source)); err != nil {
			return fmt.Errorf("tokenizer: save: %w", err)
		}
	}
	if err := writeFile(filepath.Join(dir, "tokenizer_config.json"), data); err != nil {
		return fmt.Errorf("tokenizer: save: %w", err)
	}
	return nil
}

// JSON returns the tokenizer_config.json that [SaveConfig] writes, without the template.
func (c Config) JSON() ([]byte, error) {
	token := func(s string) *string {
		if s == "" {
			return nil
		}
		return &s
	}
	data, err := json.MarshalIndent(struct {
		Class   string  `json:"tokenizer_class"`
		BOS     *string `json:"bos_token"`
		EOS     *string `json:"eos_token"`
		Pad     *string `json:"pad_token"`
		Unknown string  `json:"unk_token,omitempty"`
		AddBOS  *bool   `json:"add_bos_token,omitempty"`
		AddEOS  *bool   `json:"add_eos_token,omitempty"`
		Clean   bool    `json:"clean_up_tokenization_spaces"` // true would decode "a ." as "a."
	}{"PreTrainedTokenizerFast", token(c.BOS), token(c.EOS), token(c.Pad), c.Unknown, c.AddBOS, c.AddEOS, false}, "", "  ")
	return append(data, '\n'), err
}

// SaveMaskedConfig is [SaveConfig] for the tokenizer of a masked language model:
// it names those of [MaskedSpecial] that the tokenizer has.
func SaveMaskedConfig(dir string, t Tokenizer) error {
	c := map[string]any{"tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": false}
	for key, token := range map[string]string{
		"pad_token": PadToken, "unk_token": UnknownToken, "cls_token": ClassToken, "sep_token": SepToken, "mask_token": MaskToken,
	} {
		if id, ok := t.ID(token); ok && t.IsSpecial(id) {
			c[key] = token
		}
	}
	data, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return fmt.Errorf("tokenizer: save: %w", err)
	}
	if err := writeFile(filepath.Join(dir, "tokenizer_config.json"), append(data, '\n')); err != nil {
		return fmt.Errorf("tokenizer: save: %w", err)
	}
	return nil
}
