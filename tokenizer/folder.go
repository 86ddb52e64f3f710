package tokenizer

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// loadFolder reads the first form of a tokenizer that a folder has. Older forms than tokenizer.json
// leave to other files which tokens were added later and what stands around a text.
func loadFolder(dir string) (Tokenizer, error) {
	var c tokensJSON
	config := filepath.Join(dir, "tokenizer_config.json")
	if err := readInto(config, &c); err != nil {
		return nil, err
	}
	load, frame := c.loadOlder, c.setFrame
	if exists(filepath.Join(dir, "tokenizer.json")) {
		load, frame = loadNewer, c.replaceFrame
	}
	t, err := load(dir)
	if err != nil {
		return nil, err
	}
	if err := frame(baseOf(t)); err != nil {
		return nil, fmt.Errorf("tokenizer: %s: %w", config, err)
	}
	return t, nil
}

func loadNewer(dir string) (Tokenizer, error) { return loadJSON(filepath.Join(dir, "tokenizer.json")) }

// loadOlder reads a form of before tokenizer.json.
func (c *tokensJSON) loadOlder(dir string) (Tokenizer, error) {
	added, err := c.added(dir)
	if err != nil {
		return nil, err
	}
	for _, names := range [][2]string{{"vocab.json", "merges.txt"}, {"encoder.json", "vocab.bpe"}} {
		vocab, merges := filepath.Join(dir, names[0]), filepath.Join(dir, names[1])
		if exists(vocab) && exists(merges) {
			return loadGPT2(vocab, merges, added)
		}
	}
	if exists(filepath.Join(dir, "vocab.txt")) {
		return loadVocabDir(dir, added)
	}
	if file := filepath.Join(dir, "tekken.json"); exists(file) {
		return loadTekken(file) // it has its special tokens, and those alone
	}
	for _, name := range []string{"tokenizer.model", "spiece.model", "sentencepiece.bpe.model"} {
		if file := filepath.Join(dir, name); exists(file) {
			return extendModel(file, added)
		}
	}
	return nil, fmt.Errorf("tokenizer: %s has none of tokenizer.json, vocab.json with merges.txt, vocab.txt, tekken.json and tokenizer.model: %w", dir, fs.ErrNotExist)
}

// extendModel reads a tokenizer.model beside which tokens were added.
func extendModel(path string, added []AddedToken) (Tokenizer, error) {
	t, err := loadModel(path)
	if err != nil {
		return nil, err
	}
	if err := baseOf(t).extend(added); err != nil {
		return nil, fmt.Errorf("tokenizer: %s: %w", path, err)
	}
	return t, nil
}

// tokensJSON is what tokenizer_config.json says about tokens; special_tokens_map.json says a part
// of it.
type tokensJSON struct {
	Class   string          `json:"tokenizer_class"`
	AddBOS  *bool           `json:"add_bos_token"`
	AddEOS  *bool           `json:"add_eos_token"`
	BOS     tokenJSON       `json:"bos_token"`
	EOS     tokenJSON       `json:"eos_token"`
	Unknown tokenJSON       `json:"unk_token"`
	Pad     tokenJSON       `json:"pad_token"`
	Sep     tokenJSON       `json:"sep_token"`
	Cls     tokenJSON       `json:"cls_token"`
	Mask    tokenJSON       `json:"mask_token"`
	More    []tokenJSON     `json:"additional_special_tokens"`
	Decoder json.RawMessage `json:"added_tokens_decoder"` // a tokenizer.json has these itself
}

// readInto reads a file of JSON; one that is missing says nothing.
func readInto(path string, to any) error {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = json.Unmarshal(data, to)
	}
	if err != nil {
		return fmt.Errorf("tokenizer: %s: %w", path, err)
	}
	return nil
}

// added are the tokens of added_tokens_decoder and those of added_tokens.json, its older form, by ids.
func (c *tokensJSON) added(dir string) ([]AddedToken, error) {
	tokens, err := c.decoder()
	if err != nil {
		return nil, fmt.Errorf("tokenizer: %s: added_tokens_decoder: %w", filepath.Join(dir, "tokenizer_config.json"), err)
	}
	if tokens == nil { // transformers too reads it only then
		if err := readInto(filepath.Join(dir, "special_tokens_map.json"), c); err != nil {
			return nil, err
		}
	}
	var older map[string]int32
	if err := readInto(filepath.Join(dir, "added_tokens.json"), &older); err != nil {
		return nil, err
	}
	for name, id := range older {
		if !slices.ContainsFunc(tokens, func(t AddedToken) bool { return t.ID == id && t.Content == name }) {
			tokens = append(tokens, AddedToken{ID: id, Content: name, Special: c.plays(name)})
		}
	}
	slices.SortFunc(tokens, func(a, b AddedToken) int {
		return cmp.Or(cmp.Compare(a.ID, b.ID), strings.Compare(a.Content, b.Content))
	})
	return tokens, nil
}

// decoder reads added_tokens_decoder.
func (c *tokensJSON) decoder() (tokens []AddedToken, err error) {
	var byID map[string]AddedToken
	if is(c.Decoder) {
		err = json.Unmarshal(c.Decoder, &byID)
	}
	if err != nil {
		return nil, err
	}
	for number, t := range byID {
		id, err := strconv.ParseInt(number, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("%q is not an id", shorten(number))
		}
		t.ID = int32(id)
		tokens = append(tokens, t)
	}
	return tokens, nil
}

// plays tells whether a token has a part to play, and so is special: the older form does not say it.
func (c *tokensJSON) plays(name string) bool {
	return slices.Contains(append(c.More, c.BOS, c.EOS, c.Unknown, c.Pad, c.Sep, c.Cls, c.Mask), tokenJSON(name))
}

// llamas are the classes of transformers' tokenizers that put tokens around a text by settings of
// their own, whatever tokenizer.json says. Versions before 5 of transformers do so; in tokenizer.json
// of later ones the settings are done.
var llamas = []string{"Llama", "CodeLlama", "Gemma", "Cohere"}

// class is the name of the class without what all have.
func (c *tokensJSON) class() string {
	return strings.TrimSuffix(strings.TrimSuffix(c.Class, "Fast"), "Tokenizer")
}

// replaceFrame changes what a tokenizer.json puts around a text to what those classes are set to;
// what is not set stays.
func (c *tokensJSON) replaceFrame(p *pipeline) error {
	if !slices.Contains(llamas, c.class()) {
		return nil
	}
	var before, behind []int32
	if p.frame != nil {
		before, behind = p.frame.around()
	}
	first, last, err := c.ends(p, before, behind)
	if err != nil || slices.Equal(first, before) && slices.Equal(last, behind) {
		return err
	}
	p.frame = framed(first, last)
	d := *p.document
	d.PostProcessor = p.processor()
	p.document = &d
	return nil
}

// setFrame is replaceFrame for older forms, which say nothing themselves; BERT's has its frame.
func (c *tokensJSON) setFrame(p *pipeline) error {
	if p.frame != nil {
		return nil
	}
	set, yes, no := *c, true, false
	if c.class() == "T5" { // it has no such settings
		set.AddBOS, set.AddEOS = &no, &yes
	} else if c.AddBOS == nil && (slices.Contains(llamas, c.class()) || c.likeLlama(p)) {
		set.AddBOS = &yes
	}
	before, behind, err := set.ends(p, nil, nil)
	p.frame = framed(before, behind)
	return err
}

// likeLlama tells whether a tokenizer of an unknown class is of Llama's kind, a BPE of SentencePiece
// with a token that begins texts: programs for such models begin with it.
func (c *tokensJSON) likeLlama(p *pipeline) bool {
	_, bpe := p.model.(*BPE)
	id, ok := p.end(c.BOS, beginnings)
	return bpe && p.sentence != nil && ok && p.special[id]
}

// The names in Llama and Gemma, where a file has none.
var beginnings, endings = []string{"<s>", "<bos>"}, []string{"</s>", "<eos>"}

// ends changes what stands before and behind a text to what is set.
func (c *tokensJSON) ends(p *pipeline, before, behind []int32) (first, last []int32, err error) {
	if first, err = p.side(before, c.AddBOS, c.BOS, beginnings); err != nil {
		return nil, nil, fmt.Errorf("add_bos_token: %w", err)
	}
	if last, err = p.side(behind, c.AddEOS, c.EOS, endings); err != nil {
		return nil, nil, fmt.Errorf("add_eos_token: %w", err)
	}
	return first, last, nil
}

// side is what stands on one side of a text: what there was, nothing, or a token.
func (p *pipeline) side(was []int32, add *bool, name tokenJSON, usual []string) ([]int32, error) {
	switch {
	case add == nil:
		return was, nil
	case !*add:
		return nil, nil
	}
	id, ok := p.end(name, usual)
	if !ok {
		return nil, fmt.Errorf("the vocabulary has no token %q to put there", name)
	}
	return []int32{id}, nil
}

// end finds a token that begins or ends texts by its name, or by the usual names.
func (p *pipeline) end(name tokenJSON, usual []string) (id int32, ok bool) {
	if name != "" {
		usual = []string{string(name)}
	}
	for _, u := range usual {
		if id, ok = p.ID(u); ok {
			return id, true
		}
	}
	return 0, false
}
