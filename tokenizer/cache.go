package tokenizer

import (
	"hash/maphash"
	"strings"
	"sync/atomic"
)

// cacheSets and cachePiece bound the memory of a cache: 65,536 pieces of at
// most 32 bytes, about 8 MB when full. English text finds 99 % of its pieces
// there.
const (
	cacheSets  = 1 << 15
	cachePiece = 32
)

// A cache remembers the ids of pieces. A piece has two places; a newcomer
// takes the first and moves who was there to the second. Places are atomic
// pointers to entries that never change, so goroutines share a cache without
// locks; that two of them may drop an entry between them does no harm.
type cache struct {
	seed maphash.Seed
	sets [cacheSets]cacheSet
}

type cacheSet [2]atomic.Pointer[cached]

type cached struct {
	piece string
	ids   []int32
}

func newCache() *cache { return &cache{seed: maphash.MakeSeed()} }

// set returns the places of a piece.
func (c *cache) set(piece string) *cacheSet {
	return &c.sets[maphash.String(c.seed, piece)%cacheSets]
}

// get returns the ids of a piece, or nil.
func (s *cacheSet) get(piece string) []int32 {
	for i := range s {
		if c := s[i].Load(); c != nil && c.piece == piece {
			return c.ids
		}
	}
	return nil
}

// put copies the piece: it would keep the whole text in memory.
func (s *cacheSet) put(piece string, ids []int32) {
	s[1].Store(s[0].Load())
	s[0].Store(&cached{strings.Clone(piece), append([]int32(nil), ids...)})
}
