package corpus

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/inkstone-ai/inkstone/tokenizer"
)

// A Conversation is one line of a fine-tuning file.
type Conversation struct {
	File     string
	Line     int // from 1
	Messages []tokenizer.Message
}

// reported is how many malformed lines an error lists: enough to see a
// pattern, few enough to read.
const reported = 10

// Conversations reads files of JSON lines, each {"messages": [{"role": …,
// "content": …}, …]}: roles are system, user, assistant and tool, contents are
// strings, and some message is the assistant's. Other keys of a line are data
// about it, except tools and functions, which are part of what a model would
// have seen and are refused. Blank lines are none.
//
// Malformed lines are an error that names file, line and reason of the first
// ten. A file without a conversation is an error.
func Conversations(stdin io.Reader, paths ...string) ([]Conversation, error) {
	files, _, err := Files(paths...)
	if err != nil {
		return nil, err
	}
	var all []Conversation
	for _, file := range files {
		data, err := readAll(file, stdin)
		if err != nil {
			return nil, fmt.Errorf("corpus: %w", err)
		}
		found, err := conversations(file, string(data))
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

func conversations(file, text string) (all []Conversation, err error) {
	var wrong []error
	for number, line := range lines(text) {
		messages, err := ParseConversation([]byte(line))
		if err == nil {
			all = append(all, Conversation{file, number, messages})
			continue
		}
		if wrong = append(wrong, fmt.Errorf("corpus: %s: line %d: %w", file, number, err)); len(wrong) == reported {
			break
		}
	}
	if len(wrong) > 0 {
		return nil, errors.Join(wrong...)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("corpus: %s: no conversation in it", file)
	}
	return all, nil
}

// ParseConversation reads one line, by the rules of [Conversations].
func ParseConversation(line []byte) ([]tokenizer.Message, error) {
	var record struct {
		Messages  json.RawMessage `json:"messages"`
		Tools     any             `json:"tools"`
		Functions any             `json:"functions"`
	}
	if err := decodeObject(line, &record); err != nil {
		return nil, err
	}
	var list []json.RawMessage
	if err := json.Unmarshal(record.Messages, &list); record.Messages != nil && err != nil {
		return nil, fmt.Errorf(`"messages" is no list but %s`, clip(record.Messages))
	}
	switch {
	case record.Tools != nil || record.Functions != nil:
		return nil, fmt.Errorf("tools and functions are not supported")
	case len(list) == 0:
		return nil, fmt.Errorf(`no "messages"`)
	}
	messages := make([]tokenizer.Message, len(list))
	answers := 0
	for i, raw := range list {
		if err := parseMessage(raw, &messages[i]); err != nil {
			return nil, fmt.Errorf("messages[%d]: %w", i, err)
		}
		if messages[i].Role == "assistant" {
			answers++
		}
	}
	if answers == 0 {
		return nil, fmt.Errorf("no message of the assistant")
	}
	return messages, nil
}

// clip is JSON short enough for an error.
func clip(raw json.RawMessage) string {
	const most = 40
	if r := []rune(string(raw)); len(r) > most {
		return string(r[:most]) + "…"
	}
	return string(raw)
}

func parseMessage(raw json.RawMessage, m *tokenizer.Message) error {
	if err := json.Unmarshal(raw, m); err != nil {
		return err
	}
	switch m.Role {
	case "assistant":
		if m.Content == "" {
			return fmt.Errorf("the assistant says nothing")
		}
	case "system", "user", "tool":
	default:
		return fmt.Errorf("role %q is none of system, user, assistant, tool", m.Role)
	}
	return nil
}
