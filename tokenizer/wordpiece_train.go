package tokenizer

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"math"
	"runtime"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// WordPieceOptions say how TrainWordPiece learns. Vocab is required; the zero
// values of the others mean what their comments say.
type WordPieceOptions struct {
	Vocab   int      // ids: special tokens + characters + merges
	Special []string // the first ids, in this order; nil: MaskedSpecial
	Cased   bool     // keep capitals and accents; else they are taken off
	Threads int      // that count words; 0: one for each processor
	// Alphabet is the most characters that may be pieces, the frequent ones;
	// words with others are unknown. 0: a quarter of Vocab.
	Alphabet int
	// Progress, when set, is called after each round of merges.
	Progress func(done, total int)
}

// TrainWordPiece learns a WordPiece vocabulary from texts: from single
// characters on, pieces are joined that make the words more likely under a
// model in which pieces follow each other independently (Schuster and Nakajima
// 2012, "Japanese and Korean voice search"). Joining a and b, which occur n(a)
// and n(b) times among N pieces and next to each other n(ab) times, adds about
//
//	n(ab) · log(n(ab)·N / (n(a)·n(b)))
//
// to the words' log-likelihood. Counting all pairs anew for each merge would
// take hours, so a round takes the best pairs up to a sixteenth of what is still
// wanted, no two of which share a piece.
//
// The result depends on the texts and the options alone, not on the order of the
// texts, nor on Threads. When no pair occurs twice any more, learning ends early,
// and Size is less than Vocab. Texts without words are an error.
func TrainWordPiece(texts iter.Seq[string], o WordPieceOptions) (*WordPiece, error) {
	if o.Special == nil {
		o.Special = MaskedSpecial
	}
	if o.Threads <= 0 {
		o.Threads = runtime.GOMAXPROCS(0)
	}
	if o.Alphabet <= 0 {
		o.Alphabet = o.Vocab / 4
	}
	normal := bertNormalizer{true, true, !o.Cased, !o.Cased}
	counts := countPieces(texts, normalized{normal.apply, bertWords{}}, o.Threads)
	if len(counts) == 0 {
		return nil, errors.New("tokenizer: train: the texts have no words")
	}
	l := newPieceLearner(counts, o.Alphabet)
	want := o.Vocab - len(o.Special) - len(l.pieces)
	if want < 0 {
		return nil, fmt.Errorf("tokenizer: train: a vocabulary of %d has no room for %d characters and %d special tokens", o.Vocab, len(l.pieces), len(o.Special))
	}
	l.learn(want, o.Progress)
	w, err := newWordPiece(append(slices.Clone(o.Special), l.pieces...), !o.Cased)
	if err != nil {
		return nil, fmt.Errorf("tokenizer: train: %w", err)
	}
	return w, nil
}

// normalized is a split of a normalised text.
type normalized struct {
	apply normalizer
	Split
}

func (n normalized) Pieces(text string, yield func(string)) { n.Split.Pieces(n.apply(text), yield) }

// A pieceLearner holds the words as they are cut now.
type pieceLearner struct {
	pieces []string // by number, as the vocabulary writes them
	number map[string]int32
	words  []countedWord
}

type countedWord struct {
	pieces []int32
	count  int64
}

// newPieceLearner cuts the words into characters: those of the alphabet, each as
// a beginning and, where it may stand inside a word, as a continuation.
func newPieceLearner(counts map[string]int64, alphabet int) *pieceLearner {
	l := &pieceLearner{number: map[string]int32{}}
	for _, r := range frequentRunes(counts, alphabet) {
		l.add(string(r))
		if !isChinese(r) && !isPunctuation(r) {
			l.add(wordPiecePrefix + string(r))
		}
	}
	for _, word := range sortedWords(counts) {
		if c, ok := l.cut(word); ok {
			l.words = append(l.words, countedWord{c, counts[word]})
		}
	}
	return l
}

// sortedWords are the words in the order of their bytes, for a fixed order of sums.
func sortedWords(counts map[string]int64) []string {
	words := make([]string, 0, len(counts))
	for word := range counts {
		words = append(words, word)
	}
	slices.Sort(words)
	return words
}

// frequentRunes are the most frequent characters of the words, at most so many,
// in the order of their code points.
func frequentRunes(counts map[string]int64, most int) []rune {
	n := map[rune]int64{}
	for word, count := range counts {
		for _, r := range word {
			n[r] += count
		}
	}
	delete(n, utf8.RuneError)
	runes := make([]rune, 0, len(n))
	for r := range n {
		if !unicode.Is(unicode.C, r) {
			runes = append(runes, r)
		}
	}
	slices.SortFunc(runes, func(a, b rune) int { return cmp.Or(cmp.Compare(n[b], n[a]), cmp.Compare(a, b)) })
	runes = runes[:min(most, len(runes))]
	slices.Sort(runes)
	return runes
}

func (l *pieceLearner) add(piece string) int32 {
	id := int32(len(l.pieces))
	l.number[piece], l.pieces = id, append(l.pieces, piece)
	return id
}

func (l *pieceLearner) cut(word string) (pieces []int32, ok bool) {
	prefix := ""
	for _, r := range word {
		id, ok := l.number[prefix+string(r)]
		if !ok {
			return nil, false
		}
		pieces, prefix = append(pieces, id), wordPiecePrefix
	}
	return pieces, true
}

// A pieceJoin is a pair of neighbours and what joining it adds to the
// log-likelihood, in nats.
type pieceJoin struct {
	pair [2]int32
	gain float64
}

func (l *pieceLearner) learn(want int, progress func(done, total int)) {
	for left := want; left > 0; {
		joins := l.joins()
		if len(joins) == 0 {
			return
		}
		left -= l.round(joins, max(1, left/16))
		if progress != nil {
			progress(want-left, want)
		}
	}
}

// joins lists the pairs that occur twice or more, the best first.
func (l *pieceLearner) joins() []pieceJoin {
	alone, pairs, all := make([]int64, len(l.pieces)), map[[2]int32]int64{}, int64(0)
	for _, w := range l.words {
		for i, p := range w.pieces {
			alone[p] += w.count
			all += w.count
			if i > 0 {
				pairs[[2]int32{w.pieces[i-1], p}] += w.count
			}
		}
	}
	var joins []pieceJoin
	for p, n := range pairs {
		gain := float64(n) * math.Log(float64(n)*float64(all)/(float64(alone[p[0]])*float64(alone[p[1]])))
		if n > 1 && gain > 0 {
			joins = append(joins, pieceJoin{p, gain})
		}
	}
	slices.SortFunc(joins, func(a, b pieceJoin) int {
		return cmp.Or(cmp.Compare(b.gain, a.gain), cmp.Compare(a.pair[0], b.pair[0]), cmp.Compare(a.pair[1], b.pair[1]))
	})
	return joins
}

// round makes up to most joins that share no piece, and returns how many pieces
// are new: two pairs may spell one.
func (l *pieceLearner) round(joins []pieceJoin, most int) (added int) {
	busy, chosen := map[int32]bool{}, map[[2]int32]int32{}
	for _, j := range joins {
		if added == most {
			break
		}
		a, b := j.pair[0], j.pair[1]
		if busy[a] || busy[b] {
			continue
		}
		busy[a], busy[b] = true, true
		joined := l.pieces[a] + strings.TrimPrefix(l.pieces[b], wordPiecePrefix)
		id, known := l.number[joined]
		if !known {
			id = l.add(joined)
			added++
		}
		chosen[j.pair] = id
	}
	for i := range l.words {
		l.words[i].join(chosen)
	}
	return added
}

// join replaces pairs from left to right.
func (w *countedWord) join(chosen map[[2]int32]int32) {
	n := 0
	for i := 0; i < len(w.pieces); i++ {
		p := w.pieces[i]
		if i+1 < len(w.pieces) {
			if id, ok := chosen[[2]int32{p, w.pieces[i+1]}]; ok {
				p = id
				i++
			}
		}
		w.pieces[n] = p
		n++
	}
	w.pieces = w.pieces[:n]
}
