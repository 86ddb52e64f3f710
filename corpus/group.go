package corpus

import (
	"cmp"
	"slices"
)

const (
	// commonRun is the number of documents from which on a run is
	// boilerplate (a licence, closing braces) and says nothing of kinship.
	commonRun = 12
	// kinRuns and kinShare: documents are near-identical if they have that
	// many runs in common, and that share of the runs of the shorter one;
	// twinShare: or that share, however short they are.
	kinRuns   = 8
	kinShare  = 0.2
	twinShare = 0.8
)

// Groups numbers the documents by kinship: near-identical ones, directly or
// through others, have the same number; numbers count up from 0 in the
// order of first documents. Kinship is measured by shared runs of four lines.
// Documents of a group belong on the same side of a split.
func Groups(docs []Document) []int {
	var sets [][]uint64
	union, first := newUnion(len(docs)), map[string]int{}
	for i, d := range docs {
		if j, ok := first[d.Text]; ok {
			union.join(i, j) // a copy, even one without a run
		}
		first[d.Text] = i
		r := runs(d.Text, spans(d.Text))
		slices.Sort(r)
		sets = append(sets, slices.Compact(r))
	}
	for pair, n := range sharedRuns(sets) {
		shorter := min(len(sets[pair[0]]), len(sets[pair[1]]))
		share := float64(n) / float64(shorter)
		if n >= kinRuns && share >= kinShare || share >= twinShare {
			union.join(pair[0], pair[1])
		}
	}
	return union.numbers()
}

// sharedRuns counts, for each pair of documents, the runs they share and that
// are not boilerplate.
func sharedRuns(sets [][]uint64) map[[2]int]int {
	type place struct {
		run uint64
		doc int
	}
	var all []place
	for doc, set := range sets {
		for _, run := range set {
			all = append(all, place{run, doc})
		}
	}
	slices.SortFunc(all, func(a, b place) int {
		return cmp.Or(cmp.Compare(a.run, b.run), a.doc-b.doc)
	})
	shared := map[[2]int]int{}
	for len(all) > 0 {
		n := 1
		for n < len(all) && all[n].run == all[0].run {
			n++
		}
		if n < commonRun {
			for i := range n {
				for j := range i {
					shared[[2]int{all[j].doc, all[i].doc}]++
				}
			}
		}
		all = all[n:]
	}
	return shared
}

// union is a forest of disjoint sets (Tarjan 1975) over 0 … n-1.
type union []int

func newUnion(n int) union {
	u := make(union, n)
	for i := range u {
		u[i] = i
	}
	return u
}

func (u union) root(i int) int {
	for u[i] != i {
		u[i] = u[u[i]] // path halving
		i = u[i]
	}
	return i
}

// join makes the smaller root the root of both, so that a root is its set's
// first member.
func (u union) join(i, j int) {
	i, j = u.root(i), u.root(j)
	u[max(i, j)] = min(i, j)
}

// numbers numbers the sets in the order of their first members.
func (u union) numbers() []int {
	number := make([]int, len(u))
	next := 0
	for i := range u {
		if root := u.root(i); root != i {
			number[i] = number[root]
		} else {
			number[i] = next
			next++
		}
	}
	return number
}
