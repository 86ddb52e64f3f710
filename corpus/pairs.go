package corpus

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// A Pair is a sentence and its translation: any source and its target.
type Pair struct {
	Source, Target string // without white space at the ends; neither is empty
	File           string // where it is from
	Line           int
}

// Pairs reads pairs of sentences. Each line of a file holds a source, a TAB and
// its target; or there are two files without TABs, whose lines belong together: the
// first has the sources. Files may be gzipped; "-" is stdin.
//
// Errors name file and line: other than two columns, an empty side, bytes that
// are not UTF-8; two files of unequal numbers of lines; no pair at all. Nothing is
// left out.
func Pairs(stdin io.Reader, paths ...string) ([]Pair, error) {
	files, _, err := Files(paths...)
	if err != nil {
		return nil, err
	}
	texts := make([][]string, len(files))
	tabs := false
	for i, file := range files {
		data, err := readAll(file, stdin)
		if err != nil {
			return nil, fmt.Errorf("corpus: %w", err)
		}
		if texts[i], err = pairLines(data); err != nil {
			return nil, fmt.Errorf("corpus: %s: %w", file, err)
		}
		tabs = tabs || bytes.IndexByte(data, '\t') >= 0
	}
	var pairs []Pair
	if len(files) == 2 && !tabs {
		pairs, err = parallel(files, texts)
	} else {
		pairs, err = columns(files, texts)
	}
	if err == nil && len(pairs) == 0 {
		err = fmt.Errorf("%s: no pair in it", strings.Join(paths, ", "))
	}
	if err != nil {
		return nil, fmt.Errorf("corpus: %w", err)
	}
	return pairs, nil
}

// pairLines are the lines of a text, without their ends.
func pairLines(data []byte) (list []string, err error) {
	if utf16(data) {
		return nil, errors.New("text in UTF-16: save it in UTF-8")
	}
	for line := range strings.Lines(strings.TrimPrefix(string(data), "\ufeff")) {
		switch {
		case !utf8.ValidString(line):
			return nil, fmt.Errorf("line %d: not UTF-8 text", len(list)+1)
		case strings.IndexByte(line, 0) >= 0:
			return nil, fmt.Errorf("line %d: a binary file: NUL in it", len(list)+1)
		}
		list = append(list, strings.TrimRight(line, "\r\n"))
	}
	return list, nil
}

func columns(files []string, texts [][]string) (pairs []Pair, err error) {
	for i, file := range files {
		for j, line := range texts[i] {
			sides := strings.Split(line, "\t")
			if line == "" {
				return nil, fmt.Errorf("%s: line %d is empty: take it out", file, j+1)
			}
			if len(sides) != 2 {
				return nil, fmt.Errorf("%s: line %d: %d columns, want two, a source and its target with a TAB between", file, j+1, len(sides))
			}
			if pairs, err = appendPair(pairs, Pair{sides[0], sides[1], file, j + 1}, file); err != nil {
				return nil, err
			}
		}
	}
	return pairs, nil
}

func parallel(files []string, texts [][]string) (pairs []Pair, err error) {
	if a, b := len(texts[0]), len(texts[1]); a != b {
		return nil, fmt.Errorf("%s has %d lines and %s has %d: they are to belong together line by line; "+
			"the first without a partner is %s line %d", files[0], a, files[1], b, files[map[bool]int{true: 1}[b > a]], min(a, b)+1)
	}
	for j := range texts[0] {
		if pairs, err = appendPair(pairs, Pair{texts[0][j], texts[1][j], files[0], j + 1}, files[1]); err != nil {
			return nil, err
		}
	}
	return pairs, nil
}

// appendPair appends p, whose target is from the file targets.
func appendPair(pairs []Pair, p Pair, targets string) ([]Pair, error) {
	p.Source, p.Target = strings.TrimSpace(p.Source), strings.TrimSpace(p.Target)
	if p.Source == "" || p.Target == "" {
		side, file := "source", p.File
		if p.Source != "" {
			side, file = "target", targets
		}
		return nil, fmt.Errorf("%s: line %d: the %s is empty: give it a text or take the pair out", file, p.Line, side)
	}
	return append(pairs, p), nil
}

// PairGroups numbers pairs by kinship: those of one source, or of one target, are
// kin, directly or through others. Kin belong on the same side of a split, for
// else a sentence that was learned would be asked for.
func PairGroups(pairs []Pair) []int {
	union, sources, targets := newUnion(len(pairs)), map[string]int{}, map[string]int{}
	for i, p := range pairs {
		for _, side := range []struct {
			first map[string]int
			text  string
		}{{sources, p.Source}, {targets, p.Target}} {
			if j, ok := side.first[side.text]; ok {
				union.join(i, j)
			} else {
				side.first[side.text] = i
			}
		}
	}
	return union.numbers()
}

// SplitPairs holds out a share of the pairs, 0 < share < 1, in whole groups (see
// [PairGroups]) drawn by the seed: no source and no target stands in both parts.
// Pairs keep their order.
func SplitPairs(pairs []Pair, share float64, seed uint64) (train, held []Pair, err error) {
	if share <= 0 || share >= 1 {
		panic(fmt.Sprintf("corpus: SplitPairs: share %v", share))
	}
	group, size := PairGroups(pairs), map[int]int{}
	for _, g := range group {
		size[g]++
	}
	chosen := chooseGroups(size, max(1, share*float64(len(pairs))), seed) // of a few pairs, one at least
	for i, p := range pairs {
		if chosen[group[i]] {
			held = append(held, p)
		} else {
			train = append(train, p)
		}
	}
	if len(train) == 0 || len(held) == 0 {
		return nil, nil, errors.New("corpus: " + fmt.Sprintf("%d pairs of %d groups are too few to hold out a share of %g", len(pairs), len(size), share))
	}
	return train, held, nil
}
