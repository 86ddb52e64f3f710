package generate

// A table is where a sequence's past lies.
type table struct {
	pool   *pool
	pages  []*page
	listed int // how many of them are on the pool's list
	claims int // pages that were promised and are not taken
}

// pagesOf is the number of pages of n positions.
func pagesOf(n int) int { return (n + pageTokens - 1) / pageTokens }

// claim promises t the pages of a text that grows to most tokens, and takes along the beginning
// of ids that is there. It reports how many tokens that is, and whether there is room at all.
// copy copies the first rows of one page to another.
func (t *table) claim(ids []int32, most int, copy func(to, from int32, rows int)) (past int, ok bool) {
	m := t.pool.find(ids)
	for _, part := range []*page{m.part, nil} {
		m.part = part
		if t.fits(m, most) {
			return t.adopt(m, most, copy), true
		}
	}
	return 0, false
}

// fits reports whether the pages are there that m lacks: its own idle ones can not be taken.
func (t *table) fits(m match, most int) bool {
	idle := 0
	for _, g := range append(m.whole[:len(m.whole):len(m.whole)], m.part) {
		if g != nil && g.refs == 0 {
			idle++
		}
	}
	return t.pool.room()-idle >= pagesOf(most)-len(m.whole)
}

func (t *table) adopt(m match, most int, copy func(to, from int32, rows int)) (past int) {
	for _, g := range m.whole {
		t.pool.hold(g)
	}
	t.pages, t.listed = append(t.pages[:0], m.whole...), len(m.whole)
	t.claims = pagesOf(most) - len(m.whole)
	t.pool.promised += t.claims
	past = len(m.whole) * pageTokens
	if m.part != nil {
		t.pool.hold(m.part)
		t.grow(past + m.rows)
		copy(t.pages[len(t.pages)-1].at, m.part.at, m.rows)
		t.pool.drop(m.part)
		past += m.rows
	}
	return past
}

// grow takes pages until t holds n positions.
func (t *table) grow(n int) {
	for len(t.pages) < pagesOf(n) {
		t.pages = append(t.pages, t.pool.take())
		t.claims--
		t.pool.promised--
	}
}

// publish lists the pages that ids, what the cache holds of the text, fill; and the last one, as
// far as it is filled, where the text is over.
func (t *table) publish(ids []int32, over bool) {
	for t.listed < len(t.pages) {
		from := t.listed * pageTokens
		n := min(pageTokens, len(ids)-from)
		if n <= 0 || n < pageTokens && !over {
			return
		}
		var up *page
		if t.listed > 0 {
			up = t.pages[t.listed-1]
		}
		t.pages[t.listed] = t.pool.list(t.pages[t.listed], up, ids[from:from+n])
		t.listed++
	}
}

// release gives everything back.
func (t *table) release() {
	for _, g := range t.pages {
		t.pool.drop(g)
	}
	t.pool.promised -= t.claims
	t.pages, t.listed, t.claims = t.pages[:0], 0, 0
}
