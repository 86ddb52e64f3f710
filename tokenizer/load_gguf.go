package tokenizer

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

// ParseGGUF makes the tokenizer that the metadata of a GGUF file describe, the
// keys tokenizer.ggml.*: of the models gpt2 (a BPE over bytes whose split pre
// names), llama (SentencePiece's BPE), t5 (its Unigram) and bert (WordPiece).
// Values are Go's: bool, string, numbers of any kind, and slices of them. Where the file has a whole
// tokenizer.json, as tokenizer.huggingface.json, that is the tokenizer.
func ParseGGUF(metadata map[string]any) (Tokenizer, error) {
	if whole, ok := metadata[wholeTokenizer].(string); ok {
		return Parse([]byte(whole))
	}
	g := &ggufVocab{metadata: metadata}
	if err := g.read(); err != nil {
		return nil, fmt.Errorf("tokenizer: GGUF: %w", err)
	}
	t, err := g.tokenizer()
	if err != nil {
		return nil, fmt.Errorf("tokenizer: GGUF: %w", err)
	}
	return t, nil
}

// A ggufVocab is the vocabulary of a GGUF file.
type ggufVocab struct {
	metadata map[string]any
	model    string
	pre      string
	pieces   []scored
	err      error // the first value that is of the wrong type
}

func (g *ggufVocab) read() error {
	g.model, g.pre = ggufOr(g, "model", ""), ggufOr(g, "pre", "default")
	if g.model == "" && g.err == nil {
		return errors.New("there is no tokenizer.ggml.model: the file has no tokenizer")
	}
	texts := ggufOr[[]string](g, "tokens", nil)
	scores, kinds := ggufNumbers[float32](g, "scores"), ggufNumbers[int32](g, "token_type")
	if g.err != nil {
		return g.err
	}
	switch n := len(texts); {
	case n == 0:
		return errors.New("tokenizer.ggml.tokens is empty")
	case scores != nil && len(scores) != n:
		return fmt.Errorf("%d tokens and %d scores", n, len(scores))
	case kinds != nil && len(kinds) != n:
		return fmt.Errorf("%d tokens and %d types", n, len(kinds))
	}
	g.pieces = make([]scored, len(texts))
	for id, text := range texts {
		g.pieces[id] = scored{text: text, kind: pieceNormal}
		if scores != nil {
			g.pieces[id].score = scores[id]
		}
		if kinds == nil || kinds[id] == 0 {
			continue
		}
		if g.pieces[id].kind = pieceKind(kinds[id]); g.pieces[id].kind < pieceNormal || g.pieces[id].kind > pieceByte {
			return fmt.Errorf("token %d, %q, is of the type %d; want 0 … %d", id, shorten(text), kinds[id], pieceByte)
		}
	}
	return g.nameUnknown()
}

// nameUnknown marks the unknown token of SentencePiece's models: the one that
// the key names, else the first of that type, else the first of all. Others of
// that type, as older files fill a vocabulary up with, are control tokens.
func (g *ggufVocab) nameUnknown() error {
	if g.model != "llama" && g.model != "t5" {
		return nil
	}
	id, err := g.id("unknown_token_id")
	if err != nil {
		return err
	}
	for i := range g.pieces {
		if g.pieces[i].kind != pieceUnknown {
			continue
		}
		if id < 0 {
			id = int32(i)
		}
		g.pieces[i].kind = pieceControl
	}
	g.pieces[max(id, 0)].kind = pieceUnknown
	return nil
}

// ggufOr returns a value of the metadata, or another where there is none.
func ggufOr[T any](g *ggufVocab, key string, otherwise T) T {
	v, ok := g.metadata["tokenizer.ggml."+key]
	if !ok {
		return otherwise
	}
	t, ok := v.(T)
	if !ok {
		g.err = errors.Join(g.err, fmt.Errorf("tokenizer.ggml.%s is a %T, not a %T", key, v, otherwise))
		return otherwise
	}
	return t
}

// ggufNumbers returns a list of numbers of whatever kind, nil where there is
// none.
func ggufNumbers[T int32 | float32 | byte](g *ggufVocab, key string) []T {
	switch v := g.metadata["tokenizer.ggml."+key].(type) {
	case nil:
		return nil
	case []float32:
		return ofFloats[T](g, key, v)
	case []float64:
		return ofFloats[T](g, key, v)
	case []int8:
		return converted[T](v)
	case []uint8:
		return converted[T](v)
	case []int16:
		return converted[T](v)
	case []uint16:
		return converted[T](v)
	case []int32:
		return converted[T](v)
	case []uint32:
		return converted[T](v)
	case []int64:
		return converted[T](v)
	case []uint64:
		return converted[T](v)
	default:
		g.err = errors.Join(g.err, fmt.Errorf("tokenizer.ggml.%s is a %T, not a list of numbers", key, v))
		return nil
	}
}

// ofFloats is converted for scores alone: a type or a byte is no fraction.
func ofFloats[T int32 | float32 | byte, F float32 | float64](g *ggufVocab, key string, list []F) []T {
	if _, ok := any(T(0)).(float32); !ok {
		g.err = errors.Join(g.err, fmt.Errorf("tokenizer.ggml.%s is a %T, not a list of integers", key, list))
		return nil
	}
	return converted[T](list)
}

func converted[T int32 | float32 | byte, F int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64 | float32 | float64](list []F) []T {
	out := make([]T, len(list))
	for i, v := range list {
		out[i] = T(v)
	}
	return out
}

// id returns an id of the metadata, -1 where there is none.
func (g *ggufVocab) id(key string) (int32, error) {
	v, ok := g.metadata["tokenizer.ggml."+key]
	if !ok {
		return -1, nil
	}
	var id int64
	switch v := v.(type) {
	case uint32:
		id = int64(v)
	case int32:
		id = int64(v)
	case uint64:
		id = int64(v)
	case int64:
		id = v
	default:
		return 0, fmt.Errorf("tokenizer.ggml.%s is a %T, not an id", key, v)
	}
	if id < 0 || id >= int64(len(g.pieces)) {
		return 0, fmt.Errorf("tokenizer.ggml.%s is %d, outside 0 … %d", key, id, len(g.pieces)-1)
	}
	return int32(id), nil
}

func (g *ggufVocab) tokenizer() (t Tokenizer, err error) {
	switch g.model {
	case "gpt2":
		t, err = g.gpt2()
	case "llama":
		t, err = g.llama()
	case "t5":
		t, err = g.t5()
	case "bert":
		t, err = g.bert()
	default:
		return nil, fmt.Errorf("tokenizer.ggml.model %q is not supported", g.model)
	}
	if err == nil {
		err = g.err
	}
	if err != nil {
		return nil, err
	}
	if g.model != "bert" {
		baseOf(t).frame, err = g.frame()
	}
	return t, err
}

// frame is what the file puts around a text.
func (g *ggufVocab) frame() (*Frame, error) {
	var ends [2][]int32
	for i, end := range []struct{ add, id string }{{"add_bos_token", "bos_token_id"}, {"add_eos_token", "eos_token_id"}} {
		id, err := g.id(end.id)
		if err != nil {
			return nil, err
		}
		add := ggufOr(g, end.add, i == 0 && g.begins() || i == 1 && g.model == "t5")
		if add && id >= 0 {
			ends[i] = []int32{id}
		}
	}
	return framed(ends[0], ends[1]), g.err
}

// begunPre are the values of tokenizer.ggml.pre with which llama.cpp puts a token before a text
// unless the file says otherwise.
var begunPre = []string{"llama3", "llama-v3", "llama-bpe", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2", "jina-v5-nano", "tekken", "chameleon"}

// begins tells whether a token is put before a text by a file that does not say so: as llama.cpp has it.
func (g *ggufVocab) begins() bool {
	return g.model == "llama" || g.model == "gpt2" && slices.Contains(begunPre, g.pre)
}

// added are the tokens that are found in the text as it is: control tokens,
// the unknown one, and what the user defined.
func (g *ggufVocab) added() []AddedToken {
	tokens := specialPieces(g.pieces)
	for id, p := range g.pieces {
		if p.kind == pieceDefined {
			tokens = append(tokens, AddedToken{ID: int32(id), Content: p.text})
		}
	}
	return tokens
}

// llama is SentencePiece's BPE. What the user defined is found in a text first; what is left of the text may be
// merged into such a piece all the same.
func (g *ggufVocab) llama() (Tokenizer, error) {
	n := &sentence{prefix: ggufOr(g, "add_space_prefix", true), shrink: ggufOr(g, "remove_extra_whitespaces", false), escape: ggufOr(g, "escape_whitespaces", true)}
	pieces := slices.Clone(g.pieces)
	for id := range pieces {
		if pieces[id].kind == pieceDefined {
			pieces[id].kind = pieceNormal
		}
	}
	return newSentenceBPE(pieces, n, true, g.defined())
}

// defined are the user's tokens alone.
func (g *ggufVocab) defined() (tokens []AddedToken) {
	for _, t := range g.added() {
		if !t.Special {
			tokens = append(tokens, t)
		}
	}
	return tokens
}

// t5 is SentencePiece's Unigram.
func (g *ggufVocab) t5() (Tokenizer, error) {
	n := &sentence{prefix: ggufOr(g, "add_space_prefix", true), shrink: ggufOr(g, "remove_extra_whitespaces", false),
		suffix: ggufOr(g, "treat_whitespace_as_suffix", false), escape: ggufOr(g, "escape_whitespaces", true)}
	if table := ggufNumbers[byte](g, "precompiled_charsmap"); len(table) > 0 {
		var err error
		if n.table, err = newCharsMap(table); err != nil {
			return nil, fmt.Errorf("tokenizer.ggml.precompiled_charsmap: %w", err)
		}
	}
	for id, p := range g.pieces {
		if p.kind == pieceDefined {
			n.defined.add(p.text, int32(id))
		}
	}
	return newUnigram(g.pieces, n, false, nil)
}

// bert is a WordPiece whose pieces that begin a word have ▁ where those that
// continue one have ## elsewhere.
func (g *ggufVocab) bert() (Tokenizer, error) {
	names := make([]string, len(g.pieces))
	for id, p := range g.pieces {
		rest, starts := strings.CutPrefix(p.text, blank)
		switch {
		case starts && p.kind == pieceNormal:
			names[id] = rest
		case p.kind == pieceNormal && !(strings.HasPrefix(p.text, "[") && strings.HasSuffix(p.text, "]")):
			names[id] = wordPiecePrefix + p.text
		default:
			names[id] = p.text
		}
		if names[id] == "" {
			return nil, fmt.Errorf("token %d has no text", id)
		}
	}
	lower := ggufOr(g, "normalizer.lowercase", true)
	return newWordPiece(names, lower)
}

// gpt2 is a BPE over bytes.
func (g *ggufVocab) gpt2() (Tokenizer, error) {
	pre, ok := ggufSplits[g.pre]
	if !ok {
		return nil, fmt.Errorf("tokenizer.ggml.pre %q is not supported", g.pre)
	}
	split, err := pre.split()
	if err != nil {
		return nil, err
	}
	names := make(map[string]int32, len(g.pieces))
	for id, p := range g.pieces {
		if first, ok := names[p.text]; ok {
			return nil, fmt.Errorf("tokens %d and %d are both %q", first, id, shorten(p.text))
		}
		names[p.text] = int32(id)
	}
	lines, found := g.metadata["tokenizer.ggml.merges"]
	if !found {
		return nil, errors.New("there is no tokenizer.ggml.merges")
	}
	list, ok := lines.([]string)
	if !ok {
		return nil, fmt.Errorf("tokenizer.ggml.merges is a %T, not a list of strings", lines)
	}
	merges := make([][2]string, len(list))
	for i, line := range list {
		if merges[i], err = parseMerge(line); err != nil {
			return nil, fmt.Errorf("merge %d: %w", i, err)
		}
	}
	t := &BPE{pipeline: pipeline{vocabulary: newVocabulary(len(g.pieces)), split: split}, whole: pre.whole}
	if err := errors.Join(t.spellBytes(names), t.resolve(names, merges, "")); err != nil {
		return nil, err
	}
	return t, t.finish(g.added())
}

// TemplateOfGGUF reads the chat template of a GGUF file's metadata,
// tokenizer.chat_template, with the tokens that begin and end a text; nil
// where there is none.
func TemplateOfGGUF(metadata map[string]any) (*ChatTemplate, error) {
	source, ok := metadata["tokenizer.chat_template"]
	if !ok {
		return nil, nil
	}
	text, ok := source.(string)
	if !ok {
		return nil, fmt.Errorf("tokenizer: GGUF: tokenizer.chat_template is a %T, not a string", source)
	}
	t, err := ParseTemplate(text)
	if err != nil {
		return nil, fmt.Errorf("%w (in tokenizer.chat_template)", err)
	}
	c, err := ConfigOfGGUF(metadata)
	t.BOS, t.EOS = c.BOS, c.EOS
	return t, err
}

// ConfigOfGGUF reads the tokens with a part to play of a GGUF file's metadata, and whether a
// text is put between the first two. The template is not among them.
//
// Errors: those of [ParseGGUF]; an id that is no token's.
func ConfigOfGGUF(metadata map[string]any) (c Config, err error) {
	g := &ggufVocab{metadata: metadata}
	text := g.whole
	if metadata[wholeTokenizer] == nil {
		text = g.piece
		err = g.read()
	}
	for key, to := range map[string]*string{"bos_token_id": &c.BOS, "eos_token_id": &c.EOS, "padding_token_id": &c.Pad, "unknown_token_id": &c.Unknown} {
		if err == nil {
			*to, err = text(key)
		}
	}
	if err == nil {
		c.AddBOS, c.AddEOS = g.adds("add_bos_token"), g.adds("add_eos_token")
		err = g.err
	}
	if err != nil {
		return Config{}, fmt.Errorf("tokenizer: GGUF: %w", err)
	}
	return c, nil
}

// adds is a flag of the metadata, nil where there is none.
func (g *ggufVocab) adds(key string) *bool {
	if g.metadata["tokenizer.ggml."+key] == nil {
		return nil
	}
	add := ggufOr(g, key, false)
	return &add
}

// piece is the text of the token that a key names, "" for none.
func (g *ggufVocab) piece(key string) (string, error) {
	id, err := g.id(key)
	if err != nil || id < 0 {
		return "", err
	}
	return g.pieces[id].text, nil
}

// whole is piece of a whole tokenizer.json.
func (g *ggufVocab) whole(key string) (string, error) {
	t, err := ParseGGUF(g.metadata)
	if err != nil {
		return "", err
	}
	id := ggufOr[uint32](g, key, math.MaxUint32)
	if g.err != nil || int64(id) >= int64(t.Size()) {
		return "", g.err
	}
	text, _ := t.Token(int32(id))
	return string(text), nil
}

// wholeTokenizer is the key that has a tokenizer.json.
const wholeTokenizer = "tokenizer.huggingface.json"
