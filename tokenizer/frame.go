package tokenizer

import (
	"encoding/json"
	"errors"
	"fmt"
)

// A Frame is what a model expects around a text, or around two that it reads
// together: [CLS] A [SEP], [CLS] A [SEP] B [SEP]. Each token belongs to a
// segment, 0 or 1, which BERT adds an embedding for (token_type_ids).
type Frame struct {
	single, pair []framePart
}

// A framePart is a token, or a text where text is 'A' or 'B'.
type framePart struct {
	text    byte
	ids     []int32
	segment int32
}

// FrameOf returns the frame of a tokenizer: what a WordPiece's file says, BERT's
// for others. A tokenizer without the tokens [CLS] and [SEP] is an error.
func FrameOf(t Tokenizer) (*Frame, error) {
	if p := baseOf(t); p != nil && p.frame != nil {
		return p.frame, nil
	}
	return newFrame(t)
}

// Begin returns the ids that a tokenizer's file puts before a text: Llama's and Gemma's token
// that begins one. Nil: none, as of the tokenizers that are learnt here.
func Begin(t Tokenizer) (ids []int32) {
	p := baseOf(t)
	if p == nil || p.frame == nil {
		return nil
	}
	ids, _ = p.frame.around()
	return ids
}

// Framed returns the ids of a text with those that a tokenizer's file puts around one, and the ids as they are where
// it puts none. Framed(t, t.EncodeSpecial(text)) is encode(text) of Hugging Face's library.
func Framed(t Tokenizer, ids []int32) []int32 {
	if p := baseOf(t); p != nil && p.frame != nil {
		ids, _ = p.frame.Join(ids, nil)
	}
	return ids
}

// around is what stands before one text, and behind it.
func (f *Frame) around() (before, behind []int32) {
	side := &before
	for _, part := range f.single {
		if part.text != 0 {
			side = &behind
		}
		*side = append(*side, part.ids...) // the text's own place has none
	}
	return before, behind
}

// framed is the frame of language models: tokens before each text and behind it, as transformers'
// class of Llama's tokenizers has it; nil for none.
func framed(before, behind []int32) *Frame {
	if len(before)+len(behind) == 0 {
		return nil
	}
	single := []framePart{{ids: before}, {text: 'A'}, {ids: behind}}
	return &Frame{single, append(single[:3:3], framePart{ids: before, segment: 1}, framePart{text: 'B', segment: 1}, framePart{ids: behind, segment: 1})}
}

func newFrame(t Tokenizer) (*Frame, error) {
	class, ok := t.ID(ClassToken)
	sep, also := t.ID(SepToken)
	if !ok || !also {
		return nil, fmt.Errorf("tokenizer: it has no %s and %s, which begin and end a text", ClassToken, SepToken)
	}
	a := []framePart{{ids: []int32{class}}, {text: 'A'}, {ids: []int32{sep}}}
	b := []framePart{{text: 'B', segment: 1}, {ids: []int32{sep}, segment: 1}}
	return &Frame{a, append(a[:len(a):len(a)], b...)}, nil
}

// Join returns the ids of text a, or of the texts a and b where b is not nil,
// with the tokens around them, and each id's segment.
func (f *Frame) Join(a, b []int32) (ids, segments []int32) {
	parts := f.single
	if b != nil {
		parts = f.pair
	}
	for _, p := range parts {
		of := p.ids
		switch p.text {
		case 'A':
			of = a
		case 'B':
			of = b
		}
		ids = append(ids, of...)
		for range of {
			segments = append(segments, p.segment)
		}
	}
	return ids, segments
}

// Extra is the number of tokens that Join adds to one text, or to two.
func (f *Frame) Extra(pair bool) (n int) {
	parts := f.single
	if pair {
		parts = f.pair
	}
	for _, p := range parts {
		n += len(p.ids)
	}
	return n
}

// frameJSON is a post_processor TemplateProcessing.
type frameJSON struct {
	Type   string                    `json:"type"`
	Single []framePartJSON           `json:"single"`
	Pair   []framePartJSON           `json:"pair"`
	Tokens map[string]frameTokenJSON `json:"special_tokens"`
}

type framePartJSON struct {
	Special  *frameIDJSON `json:"SpecialToken,omitempty"`
	Sequence *frameIDJSON `json:"Sequence,omitempty"`
}

type frameIDJSON struct {
	ID   string `json:"id"`
	Type int32  `json:"type_id"`
}

type frameTokenJSON struct {
	ID     string   `json:"id"`
	IDs    []int32  `json:"ids"`
	Tokens []string `json:"tokens"`
}

// bertProcessingJSON is the older post_processor: BERT's frame.
type bertProcessingJSON struct {
	Type string      `json:"type"`
	Sep  tokenIDJSON `json:"sep"`
	Cls  tokenIDJSON `json:"cls"`
}

// tokenIDJSON is ["[SEP]", 102].
type tokenIDJSON struct{ id int32 }

// UnmarshalJSON reads the id.
func (t *tokenIDJSON) UnmarshalJSON(b []byte) error {
	var name string
	return json.Unmarshal(b, &[]any{&name, &t.id})
}

// parseFrame reads a post_processor, nil where it puts nothing around a text.
func parseFrame(raw json.RawMessage, t *pipeline) (f *Frame, err error) {
	steps, err := flatten(raw, 0)
	if err != nil {
		return nil, err
	}
	for _, step := range steps {
		next, err := parseFrameStep(step, t)
		if err != nil {
			return nil, err
		}
		switch {
		case next == nil || next.Extra(false)+next.Extra(true) == 0:
		case f != nil:
			return nil, errors.New("two steps of a Sequence put tokens around a text, which is not supported")
		default:
			f = next
		}
	}
	return f, nil
}

func parseFrameStep(raw json.RawMessage, t *pipeline) (*Frame, error) {
	switch typeOf(raw) {
	case `"ByteLevel"`: // it moves the borders of tokens in the text only
		return nil, nil
	case `"BertProcessing"`, `"RobertaProcessing"`:
		var j bertProcessingJSON
		if err := json.Unmarshal(raw, &j); err != nil {
			return nil, fmt.Errorf("%s: %w", typeOf(raw), err)
		}
		return frameOfIDs(j.Cls.id, j.Sep.id, j.Type == "RobertaProcessing", t)
	case `"TemplateProcessing"`:
		var j frameJSON
		if err := json.Unmarshal(raw, &j); err != nil {
			return nil, fmt.Errorf("TemplateProcessing: %w", err)
		}
		return j.frame(t)
	}
	return nil, fmt.Errorf("%s is not supported", typeOf(raw))
}

// frameOfIDs is the frame of BERT, or of RoBERTa (Liu et al., arXiv
// 1907.11692), which has two ends between texts and one segment.
func frameOfIDs(class, sep int32, roberta bool, t *pipeline) (*Frame, error) {
	for _, id := range []int32{class, sep} {
		if _, ok := t.Token(id); !ok {
			return nil, fmt.Errorf("no token has the id %d", id)
		}
	}
	a := []framePart{{ids: []int32{class}}, {text: 'A'}, {ids: []int32{sep}}}
	b := []framePart{{text: 'B', segment: 1}, {ids: []int32{sep}, segment: 1}}
	if roberta {
		b = []framePart{{ids: []int32{sep}}, {text: 'B'}, {ids: []int32{sep}}}
	}
	return &Frame{a, append(a[:len(a):len(a)], b...)}, nil
}

func (j *frameJSON) frame(t *pipeline) (*Frame, error) {
	var f Frame
	for _, side := range []struct {
		parts []framePartJSON
		to    *[]framePart
		texts string
	}{{j.Single, &f.single, "A"}, {j.Pair, &f.pair, "AB"}} {
		seen := ""
		for _, p := range side.parts {
			part, err := j.part(p, t)
			if err != nil {
				return nil, err
			}
			if part.text != 0 {
				seen += string(part.text)
			}
			*side.to = append(*side.to, part)
		}
		if seen != side.texts && (seen != "BA" || side.texts != "AB") {
			return nil, fmt.Errorf("TemplateProcessing: a template of the texts %q, want each of %q once", seen, side.texts)
		}
	}
	return &f, nil
}

func (j *frameJSON) part(p framePartJSON, t *pipeline) (framePart, error) {
	switch {
	case p.Sequence != nil && (p.Sequence.ID == "A" || p.Sequence.ID == "B"):
		return framePart{text: p.Sequence.ID[0], segment: p.Sequence.Type}, nil
	case p.Special == nil:
		return framePart{}, fmt.Errorf("TemplateProcessing: a part that is neither a SpecialToken nor the Sequence A or B")
	}
	token, ok := j.Tokens[p.Special.ID]
	if !ok || len(token.IDs) == 0 {
		return framePart{}, fmt.Errorf("TemplateProcessing: %q is not among its special_tokens", p.Special.ID)
	}
	for _, id := range token.IDs {
		if _, ok := t.Token(id); !ok {
			return framePart{}, fmt.Errorf("TemplateProcessing: %q has the id %d, which no token has", p.Special.ID, id)
		}
	}
	return framePart{ids: token.IDs, segment: p.Special.Type}, nil
}

// processor writes the frame as a post_processor, with tokens as the file spells them.
func (f *Frame) processor(spelled func(int32) string) frameJSON {
	j := frameJSON{Type: "TemplateProcessing", Tokens: map[string]frameTokenJSON{}}
	write := func(parts []framePart) (list []framePartJSON) {
		for _, p := range parts {
			if p.text != 0 {
				list = append(list, framePartJSON{Sequence: &frameIDJSON{string(p.text), p.segment}})
			}
			for _, id := range p.ids {
				name := spelled(id)
				j.Tokens[name] = frameTokenJSON{name, []int32{id}, []string{name}}
				list = append(list, framePartJSON{Special: &frameIDJSON{name, p.segment}})
			}
		}
		return list
	}
	j.Single, j.Pair = write(f.single), write(f.pair)
	return j
}
