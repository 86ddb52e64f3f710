package plot

import "unicode/utf8"

// A box is a part of the picture that is taken.
type box struct{ left, top, right, bottom int }

func (b box) meets(o box) bool {
	return b.left < o.right && o.left < b.right && b.top < o.bottom && o.top < b.bottom
}

// sides are where a name may stand beside its point, the best first.
var sides = []struct {
	dx, dy int
	align  float64
}{
	{16, 9, 0}, {-16, 9, 1}, {0, -18, 0.5}, {0, 38, 0.5}, {14, -14, 0}, {-14, -14, 1}, {14, 34, 0}, {-14, 34, 1}, {0, -44, 0.5}, {0, 64, 0.5},
}

// scatter marks points and writes each one's name where it covers no other point
// and no name before it, or, where there is no such place, at its right.
func (l layout) scatter(points [][2]int, labels []string, ink string) {
	const dot = 2 * stroke
	var taken []box
	for _, p := range points {
		l.polyline([][2]int{p, p}, ink, 2*dot)
		taken = append(taken, box{p[0] - dot, p[1] - dot, p[0] + dot, p[1] + dot})
	}
	for i, p := range points {
		side := sides[0]
		for _, s := range sides {
			if free(taken, labelBox(labels[i], p[0]+s.dx, p[1]+s.dy, s.align)) {
				side = s
				break
			}
		}
		l.text(labels[i], p[0]+side.dx, p[1]+side.dy, side.align)
		taken = append(taken, labelBox(labels[i], p[0]+side.dx, p[1]+side.dy, side.align))
	}
}

func free(taken []box, b box) bool {
	if b.left < left || b.right > width {
		return false
	}
	for _, t := range taken {
		if t.meets(b) {
			return false
		}
	}
	return true
}

// labelBox is about what a text covers; y is its baseline.
func labelBox(text string, x, y int, align float64) box {
	w := int(lettersPerSize * textSize * float64(utf8.RuneCountInString(text)))
	x -= int(align * float64(w))
	return box{x, y - textSize*3/4, x + w, y + textSize/5}
}
