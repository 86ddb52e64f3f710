package tokenizer

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"unicode/utf8"
)

// A pieceKind is the type of a piece in SentencePiece's files and in GGUF's.
type pieceKind uint64

const (
	pieceNormal  pieceKind = 1 + iota
	pieceUnknown           // stands for what no piece has
	pieceControl           // never found in a text
	pieceDefined           // found wherever it stands
	pieceUnused            // there for its number
	pieceByte              // <0x00> … <0xFF>
)

// A scored piece of a vocabulary.
type scored struct {
	text  string
	score float32
	kind  pieceKind
}

// Kinds of SentencePiece's models.
const (
	kindUnigram = 1
	kindBPE     = 2
)

// A pieceModel is what a tokenizer.model says (sentencepiece_model.proto).
type pieceModel struct {
	pieces   []scored
	kind     uint64
	fallback bool
	suffix   bool
	prefix   bool
	shrink   bool
	escape   bool
	table    []byte
}

// loadModel reads a tokenizer.model.
func loadModel(path string) (Tokenizer, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("tokenizer: %w", err)
	}
	t, err := ParseModel(data)
	if err != nil {
		return nil, fmt.Errorf("tokenizer: %s: %w", path, err)
	}
	return t, nil
}

// ParseModel reads the bytes of a tokenizer.model of SentencePiece, of its
// kinds BPE and Unigram. Control pieces and the unknown one are special
// tokens; nothing is put around a text.
func ParseModel(data []byte) (Tokenizer, error) {
	m, err := parsePieceModel(data)
	if err != nil {
		return nil, fmt.Errorf("this is no model of SentencePiece: %w", err)
	}
	var table *charsMap
	if len(m.table) > 0 {
		if table, err = newCharsMap(m.table); err != nil {
			return nil, fmt.Errorf("map of characters: %w", err)
		}
	}
	n := &sentence{table: table, prefix: m.prefix, suffix: m.suffix, shrink: m.shrink, escape: m.escape}
	for id, p := range m.pieces {
		if p.kind == pieceDefined {
			n.defined.add(p.text, int32(id))
		}
	}
	switch m.kind {
	case kindUnigram:
		return newUnigram(m.pieces, n, m.fallback, nil)
	case kindBPE:
		// A BPE may merge by way of an unused piece, which is cut again at the end.
		if i := slices.IndexFunc(m.pieces, func(p scored) bool { return p.kind == pieceUnused }); i >= 0 {
			return nil, fmt.Errorf("piece %d, %q, is unused, which is not supported in a BPE", i, shorten(m.pieces[i].text))
		}
		return newSentenceBPE(m.pieces, n, m.fallback, nil)
	}
	return nil, fmt.Errorf("the model is of kind %d; 1 (Unigram) and 2 (BPE) are supported", m.kind)
}

// parsePieceModel reads the message ModelProto.
func parsePieceModel(data []byte) (*pieceModel, error) {
	m := &pieceModel{kind: kindUnigram, prefix: true, shrink: true, escape: true}
	err := fields(data, func(f field) error {
		if f.number < 1 || f.number > 3 {
			return nil
		}
		if err := f.want(wireBytes); err != nil {
			return err
		}
		switch f.number {
		case 1:
			return m.addPiece(f.bytes)
		case 2:
			return fields(f.bytes, m.trainerField)
		}
		return fields(f.bytes, m.normalizerField)
	})
	if err == nil && len(m.pieces) == 0 {
		err = errors.New("there are no pieces")
	}
	return m, err
}

func (m *pieceModel) addPiece(data []byte) error {
	p := scored{kind: pieceNormal}
	err := fields(data, func(f field) error {
		switch f.number {
		case 1:
			p.text = string(f.bytes)
			return f.want(wireBytes)
		case 2:
			p.score = f.float()
			return f.want(wire32)
		case 3:
			p.kind = pieceKind(f.value)
			return f.want(wireVarint)
		}
		return nil
	})
	m.pieces = append(m.pieces, p)
	if err != nil {
		return fmt.Errorf("piece %d: %w", len(m.pieces)-1, err)
	}
	return nil
}

// trainerField reads a field of TrainerSpec.
func (m *pieceModel) trainerField(f field) error {
	switch f.number {
	case 3:
		m.kind = f.value
	case 24:
		m.suffix = f.value != 0
	case 35:
		m.fallback = f.value != 0
	default:
		return nil
	}
	return f.want(wireVarint)
}

// normalizerField reads a field of NormalizerSpec.
func (m *pieceModel) normalizerField(f field) error {
	switch f.number {
	case 2:
		m.table = f.bytes
		return f.want(wireBytes)
	case 3:
		m.prefix = f.value != 0
	case 4:
		m.shrink = f.value != 0
	case 5:
		m.escape = f.value != 0
	default:
		return nil
	}
	return f.want(wireVarint)
}

// longestPiece is, in bytes, far above any that is known.
const longestPiece = 1 << 16

// checkPieces refuses pieces that no model has, and finds the unknown one.
func checkPieces(pieces []scored) (ids map[string]int32, unknown int32, err error) {
	ids, unknown = make(map[string]int32, len(pieces)), -1
	for id, p := range pieces {
		switch {
		case p.text == "" || !utf8.ValidString(p.text):
			return nil, 0, fmt.Errorf("piece %d is %q: no text", id, shorten(p.text))
		case len(p.text) > longestPiece:
			return nil, 0, fmt.Errorf("piece %d, %q, has %d bytes; at most %d", id, shorten(p.text), len(p.text), longestPiece)
		case math.IsNaN(float64(p.score)) || math.IsInf(float64(p.score), 0):
			return nil, 0, fmt.Errorf("piece %d, %q, has the score %v", id, shorten(p.text), p.score)
		case p.kind < pieceNormal || p.kind > pieceByte:
			return nil, 0, fmt.Errorf("piece %d, %q, is of the unknown type %d", id, shorten(p.text), p.kind)
		case p.kind == pieceByte && (len(p.text) != len("<0x00>") || len(unspellByte(p.text)) != 1):
			return nil, 0, fmt.Errorf("piece %d, %q, is the piece of a byte and names none", id, shorten(p.text))
		}
		if first, ok := ids[p.text]; ok {
			return nil, 0, fmt.Errorf("piece %d, %q, is piece %d already", id, shorten(p.text), first)
		}
		ids[p.text] = int32(id)
		if p.kind == pieceUnknown {
			if unknown >= 0 {
				return nil, 0, fmt.Errorf("pieces %d and %d are both the unknown one", unknown, id)
			}
			unknown = int32(id)
		}
	}
	if unknown < 0 {
		return nil, 0, errors.New("no piece is the unknown one")
	}
	return ids, unknown, nil
}

// specialPieces are the added tokens of a vocabulary: control pieces and the
// unknown one.
func specialPieces(pieces []scored) (tokens []AddedToken) {
	for id, p := range pieces {
		if p.kind == pieceControl || p.kind == pieceUnknown {
			tokens = append(tokens, AddedToken{ID: int32(id), Content: p.text, Special: true})
		}
	}
	return tokens
}

// decoder undoes what a sentence did.
func (n *sentence) decoder(ids map[string]int32, v *vocabulary) *decoder {
	steps := []decodeStep{eachToken(unspellByte)}
	if n.escape {
		steps = append(steps, eachToken(func(t string) string { return strings.ReplaceAll(t, blank, " ") }))
	}
	var whole []decodeStep
	if n.prefix && n.suffix {
		whole = []decodeStep{eachToken(func(t string) string { return strings.TrimSuffix(t, " ") })}
	} else if n.prefix {
		whole = []decodeStep{eachToken(func(t string) string { return strings.TrimPrefix(t, " ") })}
		whole[0].resumes = true
	}
	return newDecoder(ids, steps, whole, v)
}

// newUnigram makes a Unigram of pieces with scores. Added tokens beside the
// special ones are the caller's.
func newUnigram(pieces []scored, n *sentence, fallback bool, added []AddedToken) (*Unigram, error) {
	ids, unknown, err := checkPieces(pieces)
	if err != nil {
		return nil, err
	}
	t := &Unigram{pipeline: pipeline{vocabulary: newVocabulary(len(pieces)), sentence: n, split: Whole}, unknown: unknown, single: true}
	t.decoder = n.decoder(ids, &t.vocabulary)
	names, lowest := t.setScores(pieces)
	return t, t.finish(names, append(specialPieces(pieces), added...), lowest, fallback)
}

// setScores sets the scores that pieces have in a text: a piece that the user
// defined beats all ways to cut it, one that is not for texts has none. It
// returns the names and the lowest score of a normal piece.
func (t *Unigram) setScores(pieces []scored) (names []string, lowest float64) {
	low, high := float32(math.MaxFloat32), float32(0x1p-126) // SentencePiece's FLT_MIN: the highest is never below
	for _, p := range pieces {
		if p.kind == pieceNormal {
			low, high = min(low, p.score), max(high, p.score)
		}
	}
	names, t.scores = make([]string, len(pieces)), make([]float64, len(pieces))
	for id, p := range pieces {
		names[id] = p.text
		switch p.kind {
		case pieceNormal:
			t.scores[id] = float64(p.score)
		case pieceDefined:
			t.scores[id] = float64(float32(len(p.text))*high) - 0.1
		default:
			t.scores[id] = math.Inf(-1)
		}
	}
	return names, float64(low)
}

// newSentenceBPE makes a BPE of pieces with scores, in which any two
// neighbours that are a piece together may join, those of the highest score
// first.
func newSentenceBPE(pieces []scored, n *sentence, fallback bool, added []AddedToken) (*BPE, error) {
	ids, unknown, err := checkPieces(pieces)
	if err != nil {
		return nil, err
	}
	c := &chars{runes: map[rune]int32{}, names: ids, unknown: unknown, fuse: true}
	for b := range c.fallback {
		c.fallback[b] = -1
		if id, ok := ids[byteName(b)]; ok && fallback && pieces[id].kind == pieceByte {
			c.fallback[b] = id
		}
	}
	for id, p := range pieces {
		r, w := utf8.DecodeRuneInString(p.text)
		switch {
		case p.kind == pieceDefined:
			c.defined.add(p.text, int32(id))
		case p.kind == pieceNormal && w == len(p.text):
			c.runes[r] = int32(id)
		}
	}
	t := &BPE{pipeline: pipeline{vocabulary: newVocabulary(len(pieces)), sentence: n, split: Whole}, chars: c}
	t.decoder = n.decoder(ids, &t.vocabulary)
	t.merges = scoreMerges(pieces, ids)
	return t, t.finish(append(specialPieces(pieces), added...))
}

// pieceLengths says of each length whether a normal piece has it.
type pieceLengths []bool

func lengthsOf(pieces []scored) pieceLengths {
	has := make(pieceLengths, longestPiece+1)
	for _, p := range pieces {
		if p.kind == pieceNormal {
			has[len(p.text)] = true
		}
	}
	return has
}

// cuts are where n bytes may be two pieces, the last place first. Looking a part up takes as long
// as the part, so that all places of a long piece would take the square of its length.
func (has pieceLengths) cuts(n int) (list []int) {
	for at := n - 1; at > 0; at-- {
		if has[at] && has[n-at] {
			list = append(list, at)
		}
	}
	return list
}

// scoreMerges lists every way to put a normal piece together of two others.
// Pieces of one score have one rank: then the leftmost joins first.
func scoreMerges(pieces []scored, ids map[string]int32) (merges []merge) {
	order := make([]int32, len(pieces))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortStableFunc(order, func(a, b int32) int { return cmp.Compare(pieces[b].score, pieces[a].score) })
	lengths := lengthsOf(pieces)
	rank := int32(0)
	for i, id := range order {
		p := pieces[id]
		if i > 0 && p.score != pieces[order[i-1]].score {
			rank = int32(i)
		}
		if p.kind != pieceNormal {
			continue
		}
		for _, at := range lengths.cuts(len(p.text)) {
			left, ok := ids[p.text[:at]]
			right, also := ids[p.text[at:]]
			if ok && also && pieces[left].kind == pieceNormal && pieces[right].kind == pieceNormal {
				merges = append(merges, merge{left, right, rank, id})
			}
		}
	}
	return merges
}
