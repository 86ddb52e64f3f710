package generate

import (
	"slices"

	"github.com/inkstone-ai/inkstone/tensor"
)

// pageTokens is the number of positions of a page: a tile of attention, so that a text's bits
// do not depend on where its pages lie.
const pageTokens = tensor.AttentionTile

// A page holds the keys and values of a stretch of a text, at the page's place in every layer.
// Texts with the same beginning share the pages of it; a page that is listed never changes.
type page struct {
	at   int32   // its place
	refs int     // running sequences that see it
	ids  []int32 // its tokens, where it is listed
	up   *page   // the page before it, where it is listed; the tree's root before the first
	down []*page
	used uint64 // when it was last let go
}

func (p *page) listed() bool { return p.up != nil }

// A pool hands out pages and finds those of a text that was read before. Listed pages are
// a tree: a page is found by its tokens behind the page before it, compared one by one. Those
// that no sequence sees stay until their memory is needed, the longest unused go first.
type pool struct {
	total    int
	free     []int32 // places, the lowest last
	all      []*page // listed
	idle     int     // listed ones that nobody sees
	promised int     // pages that running sequences may still take
	root     page
	clock    uint64
}

func newPool(total int) *pool {
	p := &pool{total: total}
	for i := range total {
		p.free = append(p.free, int32(total-1-i))
	}
	return p
}

// room is the number of pages that can be promised.
func (p *pool) room() int { return len(p.free) + p.idle - p.promised }

// A match is the pages of a text's beginning that are there.
type match struct {
	whole []*page
	part  *page // continues them, but not to its end
	rows  int   // positions of part that are the text's
}

// find looks for the beginning of ids, one token less than all: the last must be read to know
// what follows it.
func (p *pool) find(ids []int32) (m match) {
	ids = ids[:max(0, len(ids)-1)]
	for at := &p.root; ; {
		next, n := at.follow(ids)
		if next == nil || n < pageTokens {
			m.part, m.rows = next, n
			return m
		}
		m.whole, ids, at = append(m.whole, next), ids[n:], next
	}
}

// follow returns the page that has most of ids, and how many.
func (p *page) follow(ids []int32) (best *page, n int) {
	for _, c := range p.down {
		if k := common(c.ids, ids); k > n {
			best, n = c, k
		}
	}
	return best, n
}

// common is the length of the beginning that a and b share.
func common(a, b []int32) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

// hold makes a page one that a sequence sees.
func (p *pool) hold(g *page) {
	if g.refs == 0 && g.listed() {
		p.idle--
	}
	g.refs++
}

// drop undoes hold. A page that is not listed is free then.
func (p *pool) drop(g *page) {
	g.refs--
	p.clock++
	g.used = p.clock
	switch {
	case g.refs > 0:
	case g.listed():
		p.idle++
	default:
		p.free = append(p.free, g.at)
	}
}

// take returns a fresh page, held once. It is there where it was promised.
func (p *pool) take() *page {
	if len(p.free) == 0 {
		p.forget(p.oldest())
	}
	last := len(p.free) - 1
	g := &page{at: p.free[last], refs: 1}
	p.free = p.free[:last]
	return g
}

// oldest is the idle page that was let go first among those that no listed page follows.
func (p *pool) oldest() (old *page) {
	for _, g := range p.all {
		if g.refs == 0 && len(g.down) == 0 && (old == nil || g.used < old.used) {
			old = g
		}
	}
	if old == nil {
		panic("generate: a page was taken that was not promised")
	}
	return old
}

// forget takes an idle page off the list and frees it.
func (p *pool) forget(g *page) {
	p.own(g)
	g.refs = 0
	p.free = append(p.free, g.at)
}

// own takes an idle page off the list for one sequence, which may change it.
func (p *pool) own(g *page) {
	g.up.down = slices.DeleteFunc(g.up.down, func(x *page) bool { return x == g })
	p.all = slices.DeleteFunc(p.all, func(x *page) bool { return x == g })
	g.up, g.ids, g.refs = nil, nil, 1
	p.idle--
}

// list makes g, which a sequence holds and which has ids behind the listed page up (nil: at the
// beginning), known to others. Where another page has these tokens already it
// returns that one, held in g's place, and g is free: the bits are the same.
func (p *pool) list(g, up *page, ids []int32) *page {
	if up == nil {
		up = &p.root
	}
	if same, n := up.follow(ids); same != nil && n == len(ids) {
		p.hold(same)
		p.drop(g)
		return same
	}
	g.up, g.ids = up, slices.Clone(ids)
	up.down = append(up.down, g)
	p.all = append(p.all, g)
	return g
}
