package tokenizer

import (
	"errors"
	"fmt"
	"strings"
)

// RenderIDs renders a conversation for training. mask[i] tells whether ids[i]
// is to be learned: the assistant's content and the token that ends its turn,
// nothing else.
//
// The places are found by rendering, so that any template will do: the text
// up to where message i is asked for (with the generation prompt) must be the
// start of the text with message i, and that the start of the whole. A
// template that rewrites earlier messages when later ones come has no such
// places, and is an error.
//
// The ids of the text before an answer do not depend on the answer: it is
// encoded for itself, as when the model is asked (see PromptIDs).
func (t *ChatTemplate) RenderIDs(tok Tokenizer, messages []Message) (ids []int32, mask []bool, err error) {
	whole, err := t.Render(messages, RenderOptions{})
	if err != nil {
		return nil, nil, err
	}
	if err := noSpecial(tok, messages); err != nil {
		return nil, nil, err
	}
	at := 0
	for i, m := range messages {
		if m.Role != "assistant" {
			continue
		}
		start, end, err := t.answer(messages, i, whole)
		if err != nil {
			return nil, nil, fmt.Errorf("tokenizer: chat: message %d: %w", i+1, err)
		}
		if start < at {
			return nil, nil, fmt.Errorf("tokenizer: chat: message %d begins inside the one before", i+1)
		}
		ids = append(ids, tok.EncodeSpecial(whole[at:start])...)
		ids, mask = appendAnswer(tok, ids, mask, whole[start:end])
		at = end
	}
	if at == 0 {
		return nil, nil, errors.New("tokenizer: chat: no message is the assistant's, so there is nothing to learn")
	}
	ids = append(ids, tok.EncodeSpecial(whole[at:])...)
	return ids, append(mask, make([]bool, len(ids)-len(mask))...), nil
}

// answer finds where the answer, message i, stands in the rendered text.
func (t *ChatTemplate) answer(messages []Message, i int, whole string) (start, end int, err error) {
	before, err := t.render(messages[:i], RenderOptions{AddGenerationPrompt: true})
	if err != nil {
		return 0, 0, fmt.Errorf("the template does not render what comes before it: %w", err)
	}
	with, err := t.render(messages[:i+1], RenderOptions{})
	if err != nil {
		return 0, 0, fmt.Errorf("the template does not render what goes up to it: %w", err)
	}
	switch {
	case !strings.HasPrefix(with, before):
		return 0, 0, errors.New("the template's generation prompt is not how it begins an answer, so the answer's place cannot be told")
	case !strings.HasPrefix(whole, with):
		return 0, 0, errors.New("the template writes it otherwise when messages follow, so its place cannot be told")
	}
	return len(before), len(with), nil
}

// appendAnswer appends an answer with what the template puts after it. It is
// learned up to the last special token that only blanks follow; where there
// is none, the text itself must tell the end of the turn and all is learned.
func appendAnswer(tok Tokenizer, ids []int32, mask []bool, text string) ([]int32, []bool) {
	mask = append(mask, make([]bool, len(ids)-len(mask))...)
	answer := tok.EncodeSpecial(text)
	last := len(answer)
	for last > 0 && !tok.IsSpecial(answer[last-1]) && isBlank(tok, answer[last-1]) {
		last--
	}
	if last == 0 || !tok.IsSpecial(answer[last-1]) {
		last = len(answer)
	}
	for i := range answer {
		mask = append(mask, i < last)
	}
	return append(ids, answer...), mask
}

func isBlank(tok Tokenizer, id int32) bool {
	return strings.TrimSpace(tok.Decode([]int32{id})) == ""
}
