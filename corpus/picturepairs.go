package corpus

import (
	"fmt"
	"slices"
)

// Pairs of pictures are pictures of H × 2W: the first of a pair on the left, the second on
// the right, as the files of Isola et al. 2017 have them. So they are read, split, counted
// and written as all pictures are.

// Beside joins pictures to pairs, a left and b right, with a's labels and names. Where one
// of them is in colour, pairs are.
//
// Errors: another number of pictures, another size.
func Beside(a, b *Images) (*Images, error) {
	if a.Len() != b.Len() || a.H != b.H || a.W != b.W {
		return nil, fmt.Errorf("corpus: pairs of %d pictures of %d × %d with %d of %d × %d", a.Len(), a.H, a.W, b.Len(), b.H, b.W)
	}
	C := max(a.C, b.C)
	pairs := &Images{H: a.H, W: 2 * a.W, C: C, Labels: slices.Clone(a.Labels), Classes: slices.Clone(a.Classes), Names: slices.Clone(a.Names)}
	for i := range a.Len() {
		for y := range a.H {
			for _, m := range []*Images{a, b} {
				row := m.Image(i)[y*m.W*m.C : (y+1)*m.W*m.C]
				pairs.Pixels = appendChannels(pairs.Pixels, row, m.C, C)
			}
		}
	}
	return pairs, nil
}

// appendChannels appends pixels of so many channels as pixels of want, of grey three equal ones.
func appendChannels(to, pixels []uint8, have, want int) []uint8 {
	if have == want {
		return append(to, pixels...)
	}
	for _, v := range pixels {
		for range want {
			to = append(to, v)
		}
	}
	return to
}

// Halves undoes [Beside].
//
// Errors: an odd number of columns.
func (m *Images) Halves() (a, b *Images, err error) {
	if m.W%2 != 0 {
		return nil, nil, fmt.Errorf("corpus: pairs of %d columns: an odd number has no middle", m.W)
	}
	half := func() *Images {
		return &Images{H: m.H, W: m.W / 2, C: m.C, Labels: slices.Clone(m.Labels), Classes: slices.Clone(m.Classes), Names: slices.Clone(m.Names)}
	}
	a, b = half(), half()
	row := m.W / 2 * m.C
	for at := 0; at < len(m.Pixels); at += 2 * row {
		a.Pixels = append(a.Pixels, m.Pixels[at:at+row]...)
		b.Pixels = append(b.Pixels, m.Pixels[at+row:at+2*row]...)
	}
	return a, b, nil
}
