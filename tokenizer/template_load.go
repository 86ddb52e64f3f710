package tokenizer

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// LoadTemplate reads the chat template of a model's folder. The first that is
// there counts: chat_template.jinja, chat_template in tokenizer_config.json (a
// string, or a list with one named default), chat_template.json. A folder
// without any is an error that is fs.ErrNotExist.
func LoadTemplate(dir string) (*ChatTemplate, error) {
	config, err := readConfig(filepath.Join(dir, "tokenizer_config.json"))
	if err != nil {
		return nil, err
	}
	source, from, err := findTemplate(dir, config)
	if err != nil {
		return nil, err
	}
	t, err := ParseTemplate(source)
	if err != nil {
		return nil, fmt.Errorf("%w (in %s)", err, from)
	}
	t.BOS, t.EOS = string(config.BOS), string(config.EOS)
	return t, nil
}

// TemplateSource returns the text of the template that LoadTemplate reads.
func TemplateSource(dir string) (string, error) {
	config, err := readConfig(filepath.Join(dir, "tokenizer_config.json"))
	if err != nil {
		return "", err
	}
	source, _, err := findTemplate(dir, config)
	return source, err
}

// findTemplate returns the template's text and the file it is from.
func findTemplate(dir string, config *configJSON) (source, from string, err error) {
	from = filepath.Join(dir, "chat_template.jinja")
	if exists(from) {
		data, err := os.ReadFile(from)
		if err != nil {
			return "", from, fmt.Errorf("tokenizer: %w", err)
		}
		return string(data), from, nil
	}
	for _, name := range []string{"tokenizer_config.json", "chat_template.json"} {
		from = filepath.Join(dir, name)
		c, err := readConfig(from)
		if err != nil {
			return "", from, err
		}
		if is(c.ChatTemplate) {
			source, err := chooseTemplate(c.ChatTemplate)
			if err != nil {
				return "", from, fmt.Errorf("tokenizer: %s: chat_template: %w", from, err)
			}
			return source, from, nil
		}
	}
	return "", "", fmt.Errorf("tokenizer: %s has no chat template: %w", dir, fs.ErrNotExist)
}

// configJSON is what chat templates need of tokenizer_config.json.
type configJSON struct {
	ChatTemplate json.RawMessage `json:"chat_template"`
	BOS          tokenJSON       `json:"bos_token"`
	EOS          tokenJSON       `json:"eos_token"`
}

// readConfig reads a file; one that is missing is empty.
func readConfig(path string) (*configJSON, error) {
	var c configJSON
	data, err := os.ReadFile(path)
	if err != nil {
		if exists(path) {
			return nil, fmt.Errorf("tokenizer: %w", err)
		}
		return &c, nil
	}
	if err := json.Unmarshal(data, &c); err != nil {
		return nil, fmt.Errorf("tokenizer: %s: %w", path, err)
	}
	return &c, nil
}

// A tokenJSON is a token's text, or an object with its text as content.
type tokenJSON string

// UnmarshalJSON reads both forms.
func (t *tokenJSON) UnmarshalJSON(data []byte) error {
	var object struct {
		Content string `json:"content"`
	}
	if json.Unmarshal(data, &object) == nil {
		*t = tokenJSON(object.Content)
		return nil
	}
	return json.Unmarshal(data, (*string)(t))
}

// chooseTemplate reads a string or a list of named templates.
func chooseTemplate(raw json.RawMessage) (string, error) {
	var source string
	if json.Unmarshal(raw, &source) == nil {
		return source, nil
	}
	var list []struct{ Name, Template string }
	if err := json.Unmarshal(raw, &list); err != nil {
		return "", fmt.Errorf("it is neither a string nor a list of templates: %w", err)
	}
	for _, t := range list {
		if t.Name == "default" {
			return t.Template, nil
		}
	}
	return "", fmt.Errorf("none of its %d templates is named default", len(list))
}
