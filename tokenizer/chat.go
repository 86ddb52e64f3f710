package tokenizer

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// ChatML is the template of a conversation when a model has none of its own:
// each message stands between <|im_start|> with the role and <|im_end|>.
const ChatML = `{% for message in messages %}
{{- '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
{{- '<|im_start|>assistant\n' }}
{%- endif %}
`

// ChatMLSpecial are the special tokens that ChatML needs, and the one that
// ends a document in pretraining.
var ChatMLSpecial = []string{endOfText, "<|im_start|>", "<|im_end|>"}

// A Message is one turn of a conversation.
type Message struct {
	Role    string `json:"role"` // system, user, assistant, or what the template knows
	Content string `json:"content"`
}

// UnmarshalJSON refuses a message without role or content, and one with other
// keys, since a template would leave out what they say.
func (m *Message) UnmarshalJSON(data []byte) error {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(data, &fields); err != nil {
		return fmt.Errorf("tokenizer: message: %w", err)
	}
	for _, f := range []struct {
		key string
		to  *string
	}{{"role", &m.Role}, {"content", &m.Content}} {
		if !is(fields[f.key]) {
			return fmt.Errorf("tokenizer: message has no %s", f.key)
		}
		if err := json.Unmarshal(fields[f.key], f.to); err != nil {
			return fmt.Errorf("tokenizer: message: %s is not a string: %w", f.key, err)
		}
		delete(fields, f.key)
	}
	for key, value := range fields {
		if is(value) {
			return fmt.Errorf("tokenizer: message has the key %q, which is not supported", key)
		}
	}
	return nil
}

// check refuses conversations that no template can mean.
func check(messages []Message) error {
	for i, m := range messages {
		if m.Role == "" {
			return fmt.Errorf("message %d has no role", i+1)
		}
	}
	return nil
}

// RenderOptions are what a template may ask for besides the messages.
type RenderOptions struct {
	// AddGenerationPrompt ends the text where the assistant's answer begins.
	AddGenerationPrompt bool
	BOS, EOS            string         // bos_token and eos_token; empty: the template's own
	Extra               map[string]any // further variables, such as enable_thinking
	Now                 time.Time      // what strftime_now tells; zero: the time of the call
}

// Render writes a conversation as the text that a model reads. What the
// template refuses by raise_exception is an error.
func (t *ChatTemplate) Render(messages []Message, o RenderOptions) (string, error) {
	if len(messages) == 0 {
		return "", errors.New("tokenizer: chat: there are no messages")
	}
	if err := check(messages); err != nil {
		return "", fmt.Errorf("tokenizer: chat: %w", err)
	}
	text, err := t.render(messages, o)
	if err != nil {
		return "", fmt.Errorf("tokenizer: chat: %w", err)
	}
	return text, nil
}

// PromptIDs renders a conversation up to where the assistant's answer begins,
// and returns its ids: what a model is asked with.
func (t *ChatTemplate) PromptIDs(tok Tokenizer, messages []Message, o RenderOptions) ([]int32, error) {
	o.AddGenerationPrompt = true
	text, err := t.Render(messages, o)
	if err != nil {
		return nil, err
	}
	if err := noSpecial(tok, messages); err != nil {
		return nil, err
	}
	return tok.EncodeSpecial(text), nil
}

// noSpecial refuses a content that would end its turn or begin another.
func noSpecial(tok Tokenizer, messages []Message) error {
	for i, m := range messages {
		for _, id := range tok.EncodeSpecial(m.Content) {
			if tok.IsSpecial(id) {
				b, _ := tok.Token(id)
				return fmt.Errorf("tokenizer: chat: the content of message %d has the special token %q, which only the template may write", i+1, b)
			}
		}
	}
	return nil
}
