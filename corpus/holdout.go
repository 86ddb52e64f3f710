package corpus

import (
	"cmp"
	"fmt"
	"slices"
	"unicode/utf8"
)

// Split holds out a share of the bytes, 0 < share < 1, for evaluation.
//
// Where no document is larger than half of what is to be held out, whole
// documents are, in an order drawn by the seed, and near-identical ones (see
// [Groups]) together. Otherwise the end of every document is cut off, at the
// border of a character; the seed does not matter then. For one document in
// an encoding of a byte a character that is nanoGPT's split.
func Split(docs []Document, share float64, seed uint64) (train, held []Document, err error) {
	if share <= 0 || share >= 1 {
		panic(fmt.Sprintf("corpus: Split: share %v", share))
	}
	largest := 0
	for _, d := range docs {
		largest = max(largest, len(d.Text))
	}
	if float64(largest) <= share/2*float64(Bytes(docs)) {
		train, held = drawGroups(docs, Groups(docs), share, seed)
	} else {
		train, held = cutTails(docs, share)
	}
	if len(train) == 0 || len(held) == 0 {
		return nil, nil, fmt.Errorf("corpus: %d documents of %d bytes are too few to hold out a share of %g", len(docs), Bytes(docs), share)
	}
	return train, held, nil
}

// drawGroups holds out whole groups in an order drawn by the seed until share
// of the bytes is reached; a group that would overshoot it by half is passed
// over. Documents keep their order.
func drawGroups(docs []Document, group []int, share float64, seed uint64) (train, held []Document) {
	size := map[int]int{}
	for i, d := range docs {
		size[group[i]] += len(d.Text)
	}
	chosen := chooseGroups(size, share*float64(Bytes(docs)), seed)
	for i, d := range docs {
		if chosen[group[i]] {
			held = append(held, d)
		} else {
			train = append(train, d)
		}
	}
	return train, held
}

// chooseGroups returns groups that add up to about want, in an order drawn by the
// seed; one that would overshoot it by half is passed over.
func chooseGroups(size map[int]int, want float64, seed uint64) map[int]bool {
	var order []int
	for g := range size {
		order = append(order, g)
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Compare(scramble(seed^scramble(uint64(a))), scramble(seed^scramble(uint64(b))))
	})
	have, chosen := 0.0, map[int]bool{}
	for _, g := range order {
		if have < want && have+float64(size[g]) < 1.5*want {
			chosen[g], have = true, have+float64(size[g])
		}
	}
	return chosen
}

func cutTails(docs []Document, share float64) (train, held []Document) {
	for _, d := range docs {
		at := int(float64(len(d.Text)) * (1 - share))
		for at > 0 && at < len(d.Text) && !utf8.RuneStart(d.Text[at]) {
			at--
		}
		if at > 0 {
			train = append(train, Document{d.Name, d.Text[:at]})
		}
		if at < len(d.Text) {
			held = append(held, Document{d.Name, d.Text[at:]})
		}
	}
	return train, held
}
