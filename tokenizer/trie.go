package tokenizer

// A trie finds all pieces that a text begins with. Its edges lie in one hash
// table by node and byte, as open addressing with linear probing, at most
// half full.
type trie struct {
	ids   []int32 // by node, -1: no piece ends there; node 0 is the root
	keys  []uint64
	nodes []int32 // where the edge of the key leads; 0: the slot is empty
}

// add adds a piece; of two that are the same the first stays.
func (t *trie) add(piece string, id int32) {
	if len(t.ids) == 0 {
		t.ids = []int32{-1}
		t.grow(1 << 8)
	}
	node := int32(0)
	for i := range len(piece) {
		next := t.child(node, piece[i])
		if next == 0 {
			next = int32(len(t.ids))
			t.ids = append(t.ids, -1)
			if 2*len(t.ids) > len(t.keys) {
				t.grow(2 * len(t.keys))
			}
			t.put(edge(node, piece[i]), next)
		}
		node = next
	}
	if t.ids[node] < 0 {
		t.ids[node] = id
	}
}

func edge(node int32, b byte) uint64 { return uint64(node)<<8 | uint64(b) }

// child returns the node that a byte leads to, 0 where there is none.
func (t *trie) child(node int32, b byte) int32 {
	key := edge(node, b)
	mask := uint64(len(t.keys) - 1)
	for i := key * 0x9E3779B97F4A7C15 >> 32; len(t.keys) > 0; i++ {
		if n := t.nodes[i&mask]; n == 0 || t.keys[i&mask] == key {
			return n
		}
	}
	return 0
}

func (t *trie) put(key uint64, node int32) {
	mask := uint64(len(t.keys) - 1)
	i := key * 0x9E3779B97F4A7C15 >> 32
	for t.nodes[i&mask] != 0 {
		i++
	}
	t.keys[i&mask], t.nodes[i&mask] = key, node
}

// grow makes a table of n slots.
func (t *trie) grow(n int) {
	keys, nodes := t.keys, t.nodes
	t.keys, t.nodes = make([]uint64, n), make([]int32, n)
	for i, node := range nodes {
		if node != 0 {
			t.put(keys[i], node)
		}
	}
}

// longest returns the length of the longest piece that a text begins with, 0
// where there is none.
func (t *trie) longest(text string) (n int) {
	node := int32(0)
	for i := range len(text) {
		if node = t.child(node, text[i]); node == 0 {
			break
		}
		if t.ids[node] >= 0 {
			n = i + 1
		}
	}
	return n
}
