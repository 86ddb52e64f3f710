package tokenizer

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
)

// A Unigram is a unigram language model of pieces (Kudo 2018, arXiv
// 1804.10959): each piece has the logarithm of its probability as its score,
// and a text is cut so that the sum of the scores is the highest, which
// Viterbi's algorithm finds from left to right.
type Unigram struct {
	pipeline
	trie     trie
	scores   []float64
	unknown  int32
	penalty  float64    // the score of an unknown character
	fallback [256]int32 // ids of <0x00> …
	bytes    bool       // unknown characters become their bytes
	single   bool       // sums are of 32 bits, as SentencePiece has them
}

// unknownPenalty is how much less than the rarest piece an unknown character
// scores, in SentencePiece and all who follow it.
const unknownPenalty = 10

// unigramJSON is the model of a document.
type unigramJSON struct {
	Type     string          `json:"type"`
	Unknown  *int            `json:"unk_id"`
	Fallback bool            `json:"byte_fallback"`
	Vocab    json.RawMessage `json:"vocab"`
}

// parseUnigram reads a document whose model is Unigram.
func parseUnigram(d *document) (*Unigram, error) {
	var m unigramJSON
	if err := json.Unmarshal(d.Model, &m); err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	names, scores, err := readScores(m.Vocab)
	if err != nil {
		return nil, fmt.Errorf("model: vocab: %w", err)
	}
	if m.Unknown == nil {
		return nil, errors.New("model: a Unigram without unk_id has no ids for characters that no piece has; it is not supported")
	}
	if *m.Unknown < 0 || *m.Unknown >= len(names) {
		return nil, fmt.Errorf("model: unk_id is %d, outside 0 … %d", *m.Unknown, len(names)-1)
	}
	ids, size, err := numbered(d, names)
	if err != nil {
		return nil, err
	}
	t := &Unigram{pipeline: pipeline{vocabulary: newVocabulary(size)}, scores: scores, unknown: int32(*m.Unknown)}
	if err := t.open(d, ids, false); err != nil {
		return nil, err
	}
	lowest := slices.Min(scores)
	return t, t.complete(d, ids, func(tokens []AddedToken) error {
		return t.finish(names, tokens, lowest, m.Fallback)
	})
}

// numbered gives the pieces of a list their places as ids.
func numbered(d *document, names []string) (ids map[string]int32, size int, err error) {
	if len(names) == 0 {
		return nil, 0, errors.New("model: vocab is empty")
	}
	ids = make(map[string]int32, len(names))
	for id, name := range names {
		if first, ok := ids[name]; ok {
			return nil, 0, fmt.Errorf("model: vocab: %q has two ids, %d and %d", shorten(name), first, id)
		}
		ids[name] = int32(id)
	}
	size, limit := len(names), len(names)+100*len(d.AddedTokens)
	for _, t := range d.AddedTokens {
		if t.ID < 0 || int(t.ID) >= limit {
			return nil, 0, fmt.Errorf("added_tokens: token %q has the id %d, outside 0 … %d, which is what a file of this size may have", shorten(t.Content), t.ID, limit-1)
		}
		size = max(size, int(t.ID)+1)
	}
	return ids, size, nil
}

// readScores reads [["piece", score], …].
func readScores(raw json.RawMessage) (names []string, scores []float64, err error) {
	c := &cursor{data: raw}
	if !c.take('[') {
		return nil, nil, fmt.Errorf("a list is expected, not %q", c.rest())
	}
	for more := !c.take(']'); more; more = c.next(']') {
		name, score, err := c.scored()
		if err != nil {
			return nil, nil, fmt.Errorf("entry %d: %w", len(names), err)
		}
		names, scores = append(names, name), append(scores, score)
	}
	return names, scores, nil
}

// scored reads a piece and its score.
func (c *cursor) scored() (name string, score float64, err error) {
	if !c.take('[') {
		return "", 0, fmt.Errorf("a piece and its score are expected, not %q", c.rest())
	}
	if name, err = c.string(); err != nil {
		return "", 0, err
	}
	if !c.take(',') {
		return "", 0, errors.New("there is no score")
	}
	if score, err = c.number(); err != nil {
		return "", 0, err
	}
	if !c.take(']') {
		return "", 0, errors.New("there is more than a piece and its score")
	}
	return name, score, nil
}

// finish makes the tables; pieces that are special are found by nobody who
// writes them in a text.
func (t *Unigram) finish(names []string, tokens []AddedToken, lowest float64, fallback bool) error {
	if err := t.pipeline.finish(tokens, t); err != nil {
		return err
	}
	t.penalty = lowest - unknownPenalty
	if t.single {
		t.penalty = float64(float32(t.penalty))
	}
	t.bytes = fallback
	ids := make(map[string]int32, 256)
	for id, name := range names {
		if name != "" && !t.special[int32(id)] && !math.IsInf(t.scores[id], -1) {
			t.trie.add(name, int32(id))
		}
		if len(name) == len("<0x00>") {
			ids[name] = int32(id)
		}
	}
	for b := range t.fallback {
		id, ok := ids[byteName(b)]
		if t.fallback[b] = id; !ok {
			t.fallback[b] = -1
		}
	}
	return nil
}

// UnknownID is the id of the token for characters that no piece has.
func (t *Unigram) UnknownID() int32 { return t.unknown }

// A step is the best way to a place in a text.
type step struct {
	score float64
	from  int32 // where its last piece begins; -1: there is no way yet
	id    int32
}

// append appends the ids of a piece of text.
func (t *Unigram) append(dst []int32, text string) []int32 {
	best := make([]step, len(text)+1)
	for i := 1; i <= len(text); i++ {
		best[i].from = -1
	}
	for at := 0; at < len(text); {
		width := scanChar(text[at:])
		known := false
		node := int32(0)
		for end := at; end < len(text); {
			if node = t.trie.child(node, text[end]); node == 0 {
				break
			}
			end++
			if id := t.trie.ids[node]; id >= 0 {
				t.reach(best, at, end, id, t.scores[id])
				known = known || end == at+width
			}
		}
		if !known {
			t.reach(best, at, at+width, t.unknown, t.penalty)
		}
		at += width
	}
	return t.trace(dst, text, best)
}

// reach keeps the better way to end; of equal ones the first.
func (t *Unigram) reach(best []step, at, end int, id int32, score float64) {
	score += best[at].score
	if t.single && id == t.unknown { // others are compared before they are rounded
		score = float64(float32(score))
	}
	if b := &best[end]; b.from < 0 || score > b.score {
		*b = step{score, int32(at), id}
		if t.single {
			b.score = float64(float32(score))
		}
	}
}

// trace appends the ids on the best way. Unknown characters side by side are
// one token, or their bytes.
func (t *Unigram) trace(dst []int32, text string, best []step) []int32 {
	start := len(dst)
	for end := len(text); end > 0; {
		s := best[end]
		from := int(s.from)
		if s.id != t.unknown {
			dst, end = append(dst, s.id), from
			continue
		}
		for from > 0 && best[from].id == t.unknown {
			from = int(best[from].from)
		}
		dst, end = t.appendUnknown(dst, text[from:end]), from
	}
	slices.Reverse(dst[start:])
	return dst
}

// appendUnknown appends, in reverse, the ids of characters that no piece has.
func (t *Unigram) appendUnknown(dst []int32, text string) []int32 {
	if !t.bytes || !t.hasBytes(text) {
		return append(dst, t.unknown)
	}
	for i := len(text) - 1; i >= 0; i-- {
		dst = append(dst, t.fallback[text[i]])
	}
	return dst
}

func (t *Unigram) hasBytes(text string) bool {
	for i := range len(text) {
		if t.fallback[text[i]] < 0 {
			return false
		}
	}
	return true
}
