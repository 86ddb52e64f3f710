package tokenizer

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

// endOfText is GPT-2's only special token. Its files do not say so.
const endOfText = "<|endoftext|>"

// loadGPT2 reads GPT-2's two files: ids by spelled token, and the merges,
// one a line, after a line with the version. Added tokens are in other files.
func loadGPT2(vocabPath, mergesPath string, added []AddedToken) (*BPE, error) {
	data, err := os.ReadFile(vocabPath)
	if err != nil {
		return nil, fmt.Errorf("tokenizer: %w", err)
	}
	if !json.Valid(data) {
		return nil, fmt.Errorf("tokenizer: %s: this is not JSON", vocabPath)
	}
	d := &document{Model: data, AddedTokens: added}
	names, size, err := parseVocab(d, data)
	if err != nil {
		return nil, fmt.Errorf("tokenizer: %s: %w", vocabPath, err)
	}
	lines, err := os.ReadFile(mergesPath)
	if err != nil {
		return nil, fmt.Errorf("tokenizer: %w", err)
	}
	merges, err := parseMergeLines(string(lines))
	if err != nil {
		return nil, fmt.Errorf("tokenizer: %s: %w", mergesPath, err)
	}
	t := &BPE{pipeline: pipeline{vocabulary: newVocabulary(size), split: GPT2}}
	if err := errors.Join(t.spellBytes(names), t.resolve(names, merges, "")); err != nil {
		return nil, fmt.Errorf("tokenizer: %s: %w", vocabPath, err)
	}
	if id, ok := names[endOfText]; ok && !slices.ContainsFunc(added, func(t AddedToken) bool { return t.Content == endOfText }) {
		d.AddedTokens = append(d.AddedTokens, AddedToken{ID: id, Content: endOfText, Special: true})
	}
	if err := t.complete(d, names, t.finish); err != nil {
		return nil, fmt.Errorf("tokenizer: %s: %w", vocabPath, err)
	}
	return t, nil
}

func parseMergeLines(text string) (merges [][2]string, err error) {
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimRight(line, "\r\n")
		if line == "" || n == 1 && strings.HasPrefix(line, "#version") {
			continue
		}
		m, err := parseMerge(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		merges = append(merges, m)
	}
	return merges, nil
}

// LoadTiktoken reads a rank file of OpenAI's tiktoken: lines of a token in
// base 64 and its rank, which is its id. The file names neither the split nor
// the special tokens, so the caller does: r50k_base has GPT2 and <|endoftext|>
// at 50256, cl100k_base has CL100K and <|endoftext|> at 100257.
func LoadTiktoken(path string, split Split, special map[string]int32) (*BPE, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("tokenizer: %w", err)
	}
	t, err := ParseTiktoken(data, split, special)
	if err != nil {
		return nil, fmt.Errorf("tokenizer: %s: %w", path, err)
	}
	return t, nil
}

// ParseTiktoken is [LoadTiktoken] for the bytes of a rank file.
func ParseTiktoken(data []byte, split Split, special map[string]int32) (*BPE, error) {
	var added []AddedToken
	size := 0
	for content, id := range special {
		if id < 0 || int(id) > len(data)+1<<20 {
			return nil, fmt.Errorf("special token %q has the id %d", content, id)
		}
		added = append(added, AddedToken{ID: id, Content: content, Special: true})
		size = max(size, int(id)+1)
	}
	slices.SortFunc(added, func(a, b AddedToken) int { return int(a.ID - b.ID) })
	ranks, top, err := parseRanks(data)
	if err != nil {
		return nil, err
	}
	return newRanked(ranks, max(size, top), split, added)
}

// newRanked makes a BPE of tokens with their ids, which are their ranks too.
func newRanked(ranks map[string]int32, size int, split Split, added []AddedToken) (*BPE, error) {
	t := &BPE{pipeline: pipeline{vocabulary: newVocabulary(size), split: split}}
	for token, id := range ranks {
		if len(token) > longestPiece {
			return nil, fmt.Errorf("the token of rank %d has %d bytes; at most %d", id, len(token), longestPiece)
		}
		if t.bytes[id] != nil {
			return nil, fmt.Errorf("two tokens have the rank %d", id)
		}
		t.set(id, []byte(token))
	}
	for b := range t.initial {
		id, ok := ranks[string([]byte{byte(b)})]
		if !ok {
			return nil, fmt.Errorf("the byte %d has no rank", b)
		}
		t.initial[b] = id
	}
	t.merges = rankMerges(ranks)
	return t, t.finish(added)
}

// parseRanks reads the lines; top is one more than the highest rank.
func parseRanks(data []byte) (ranks map[string]int32, top int, err error) {
	ranks = map[string]int32{}
	lines := bufio.NewScanner(bytes.NewReader(data))
	n := 1
	for ; lines.Scan(); n++ {
		code, number, ok := strings.Cut(lines.Text(), " ")
		if !ok && code == "" {
			continue
		}
		token, err := base64.StdEncoding.DecodeString(code)
		if err != nil || len(token) == 0 {
			return nil, 0, fmt.Errorf("line %d: %q is not a token in base 64", n, shorten(code))
		}
		rank, err := strconv.Atoi(number)
		if err != nil || rank < 0 || rank > len(data) {
			return nil, 0, fmt.Errorf("line %d: %q is not the rank of a token", n, shorten(number))
		}
		if _, twice := ranks[string(token)]; twice {
			return nil, 0, fmt.Errorf("line %d: the token %q is there twice", n, shorten(string(token)))
		}
		ranks[string(token)] = int32(rank)
		top = max(top, rank+1)
	}
	if err := lines.Err(); err != nil {
		return nil, 0, fmt.Errorf("line %d: %w", n, err)
	}
	return ranks, top, nil
}

// rankMerges lists every way to put a token together of two others. Tiktoken
// merges whichever neighbours give the token of the lowest rank, so all ways
// to one token share its rank.
func rankMerges(ranks map[string]int32) (merges []merge) {
	lengths := make(pieceLengths, longestPiece+1)
	for token := range ranks {
		lengths[len(token)] = true
	}
	for token, id := range ranks {
		for _, i := range lengths.cuts(len(token)) {
			left, ok := ranks[token[:i]]
			right, ok2 := ranks[token[i:]]
			if ok && ok2 {
				merges = append(merges, merge{left, right, id, id})
			}
		}
	}
	slices.SortFunc(merges, func(a, b merge) int {
		if a.rank != b.rank {
			return int(a.rank - b.rank)
		}
		return int(a.left - b.left)
	})
	return merges
}
