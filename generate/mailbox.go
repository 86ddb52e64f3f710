package generate

import "sync"

// A mailbox is where passes leave a sequence's tokens. Whoever reads them need not wait for the pass that
// is under way.
type mailbox struct {
	mu     sync.Mutex
	tokens []Token
	err    error         // after the tokens
	last   bool          // nothing more comes
	news   chan struct{} // has room for one
}

func newMailbox() *mailbox { return &mailbox{news: make(chan struct{}, 1)} }

func (b *mailbox) put(t Token) {
	b.change(func() { b.tokens, b.last = append(b.tokens, t), t.Finish != "" })
}

func (b *mailbox) fail(err error) { b.change(func() { b.err, b.last = err, true }) }

func (b *mailbox) change(f func()) {
	b.mu.Lock()
	f()
	b.mu.Unlock()
	select {
	case b.news <- struct{}{}:
	default:
	}
}

// take returns the next token, or the error behind the last, if there is one or the other.
func (b *mailbox) take() (t Token, ok bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.tokens) == 0 {
		return t, false, b.err
	}
	t, b.tokens = b.tokens[0], b.tokens[1:]
	return t, true, nil
}

func (b *mailbox) empty() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.tokens) == 0 && b.err == nil
}

// over reports whether nothing more comes.
func (b *mailbox) over() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.last
}

// A gate is a mutex for which one can wait beside other things.
type gate chan struct{}

func newGate() gate { return make(gate, 1) }

func (g gate) Lock()   { g <- struct{}{} }
func (g gate) Unlock() { <-g }
