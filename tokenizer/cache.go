package tokenizer

import (
	"hash/maphash"
	"strings"
	"sync/atomic"
)

// cacheSlots and cachePiece bound the memory of a cache: 65,536 pieces of at
// most 32 bytes, about 8 MB when full. English text finds 99 % of its pieces
// there.
const (
	cacheSlots = 1 << 16
	cachePiece = 32
)

// A cache remembers the ids of pieces. A piece has one slot; a newcomer takes
// it from who was there. Slots are atomic pointers to entries that never
// change, so goroutines share a cache without locks.
type cache struct {
	seed  maphash.Seed
	slots [cacheSlots]atomic.Pointer[cached]
}

type cached struct {
	piece string
	ids   []int32
}

func newCache() *cache { return &cache{seed: maphash.MakeSeed()} }

// slot returns the place of a piece.
func (c *cache) slot(piece string) *atomic.Pointer[cached] {
	return &c.slots[maphash.String(c.seed, piece)%cacheSlots]
}

// put copies the piece: it would keep the whole text in memory.
func put(slot *atomic.Pointer[cached], piece string, ids []int32) {
	slot.Store(&cached{strings.Clone(piece), append([]int32(nil), ids...)})
}
