package corpus

import "strings"

// runLength is the number of consecutive lines by which texts are compared: long enough
// that two authors seldom write the same by chance, short enough to find
// a copied function.
const runLength = 4

// spans returns the lines of a text as offsets: line i is text[at[i]:at[i+1]].
func spans(text string) []int {
	at := make([]int, 1, 2+len(text)/32)
	for pos := 0; pos < len(text); {
		n := strings.IndexByte(text[pos:], '\n')
		if n < 0 {
			n = len(text) - pos - 1
		}
		pos += n + 1
		at = append(at, pos)
	}
	return at
}

// runs returns a hash for each run of four lines: hash i covers lines i to i+3.
func runs(text string, at []int) []uint64 {
	n := len(at) - 1
	if n < runLength {
		return nil
	}
	line := make([]uint64, n)
	for i := range line {
		line[i] = hashLine(text[at[i]:at[i+1]])
	}
	hashes := make([]uint64, n-runLength+1)
	for i := range hashes {
		for _, h := range line[i : i+runLength] {
			hashes[i] = scramble(hashes[i] ^ h)
		}
	}
	return hashes
}

// hashLine is FNV-1a in 64 bits.
func hashLine(line string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(line) {
		h = (h ^ uint64(line[i])) * 1099511628211
	}
	return h
}

// Overlap is the share of the bytes of held that stand in a run of four
// consecutive lines, byte for byte the same, which also stands in train: an
// upper bound of what a model could have learnt by heart. Runs of braces and
// licence headers count.
func Overlap(train, held []Document) float64 {
	known := map[uint64]struct{}{}
	for _, d := range train {
		for _, h := range runs(d.Text, spans(d.Text)) {
			known[h] = struct{}{}
		}
	}
	var shared, all int
	for _, d := range held {
		shared += sharedBytes(d.Text, known)
		all += len(d.Text)
	}
	return float64(shared) / float64(max(1, all))
}

func sharedBytes(text string, known map[uint64]struct{}) (n int) {
	at := spans(text)
	counted := 0 // lines before this one are counted
	for i, h := range runs(text, at) {
		if _, ok := known[h]; ok {
			from := max(counted, i)
			n += at[i+runLength] - at[from]
			counted = i + runLength
		}
	}
	return n
}
