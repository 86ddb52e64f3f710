package corpus

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
)

// Split holds out a share of the pictures, 0 < share < 1, for evaluation: of every class
// that share, rounded so that all classes together have theirs too. Pictures that are
// equal pixel by pixel are on the same side, whatever their labels; they count as the
// first one's class. A class keeps at least one picture for training. Pictures keep their order.
//
// The draw is by the seed and the pixels, not by names or places: as a corpus grows, the
// pictures it had keep their order in the draw.
func (m *Images) Split(share float64, seed uint64) (train, held *Images, err error) {
	if share <= 0 || share >= 1 {
		panic(fmt.Sprintf("corpus: Images.Split: share %v", share))
	}
	out := make([]bool, m.Len())
	seen, due := 0, 0.0 // pictures of the classes up to here, and how many of them are held out
	for _, class := range m.groups(seed) {
		for _, g := range class {
			seen += len(g.members)
		}
		before := due
		due = math.Round(share * float64(seen))
		hold(out, class, int(due-before))
	}
	train = m.pick(func(i int) bool { return !out[i] })
	held = m.pick(func(i int) bool { return out[i] })
	if train.Len() == 0 || held.Len() == 0 {
		return nil, nil, fmt.Errorf("corpus: %d pictures in %d classes are too few to hold out a share of %g", m.Len(), max(1, len(m.Classes)), share)
	}
	return train, held, nil
}

// An imageGroup has pictures of the same pixels.
type imageGroup struct {
	key     uint64 // the place in the draw
	members []int
}

// groups are the groups of every class, in an order drawn by the seed.
func (m *Images) groups(seed uint64) [][]imageGroup {
	classes := make([][]imageGroup, max(1, len(m.Classes)))
	type place struct{ class, at int }
	seen := map[[32]byte]place{}
	for i := range m.Len() {
		sum := sha256.Sum256(m.Image(i))
		p, ok := seen[sum]
		if !ok {
			if m.Labels != nil {
				p.class = int(m.Labels[i])
			}
			p.at = len(classes[p.class])
			seen[sum] = p
			key := scramble(seed ^ scramble(binary.LittleEndian.Uint64(sum[:])))
			classes[p.class] = append(classes[p.class], imageGroup{key: key})
		}
		g := &classes[p.class][p.at]
		g.members = append(g.members, i)
	}
	for _, class := range classes {
		slices.SortStableFunc(class, func(a, b imageGroup) int { return cmp.Compare(a.key, b.key) })
	}
	return classes
}

// hold marks at most want pictures, in whole groups, and leaves one group at least.
func hold(out []bool, class []imageGroup, want int) {
	left := len(class)
	for _, g := range class {
		if len(g.members) > want || left == 1 {
			continue
		}
		left, want = left-1, want-len(g.members)
		for _, i := range g.members {
			out[i] = true
		}
	}
}

// pick copies some of the pictures.
func (m *Images) pick(want func(int) bool) *Images {
	p := &Images{H: m.H, W: m.W, C: m.C, Classes: slices.Clone(m.Classes)}
	for i := range m.Len() {
		if !want(i) {
			continue
		}
		if m.Names != nil {
			p.Names = append(p.Names, m.Names[i])
		}
		p.Pixels = append(p.Pixels, m.Image(i)...)
		if m.Labels != nil {
			p.Labels = append(p.Labels, m.Labels[i])
		}
	}
	return p
}
