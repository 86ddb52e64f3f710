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
// copy copies the first rows of one page to another. Where there is no room for a copy, a
// page that nobody sees is taken over.
func (t *table) claim(ids []int32, most int, copy func(to, from int32, rows int)) (past int, ok bool) {
	m := t.pool.find(ids)
	whole := match{whole: m.whole}
	switch {
	case t.fits(m, most):
		t.adopt(m.whole, most)
		return len(m.whole)*pageTokens + t.copied(m, copy), true
	case !t.fits(whole, most):
		return 0, false
	}
	t.adopt(m.whole, most)
	past = len(m.whole) * pageTokens
	if m.part != nil && m.part.refs == 0 && len(m.part.down) == 0 {
		t.pool.own(m.part)
		t.add(m.part)
		past += m.rows
	}
	return past, true
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

// adopt holds whole pages, and is promised the rest.
func (t *table) adopt(whole []*page, most int) {
	for _, g := range whole {
		t.pool.hold(g)
	}
	t.pages, t.listed = append(t.pages[:0], whole...), len(whole)
	t.claims = pagesOf(most) - len(whole)
	t.pool.promised += t.claims
}

// copied takes a copy of what m has of a page, and returns how many positions that is.
func (t *table) copied(m match, copy func(to, from int32, rows int)) int {
	if m.part == nil {
		return 0
	}
	t.pool.hold(m.part) // so that the copy does not take its place
	t.add(t.pool.take())
	copy(t.pages[len(t.pages)-1].at, m.part.at, m.rows)
	t.pool.drop(m.part)
	return m.rows
}

// add appends a page that was promised.
func (t *table) add(g *page) {
	t.pages = append(t.pages, g)
	t.claims--
	t.pool.promised--
}

// grow takes pages until t holds n positions.
func (t *table) grow(n int) {
	for len(t.pages) < pagesOf(n) {
		t.add(t.pool.take())
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
