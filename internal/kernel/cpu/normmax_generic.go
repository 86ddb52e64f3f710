package cpu

// momentsOfRows and what follows are the functions of these names in plain Go.

func momentsOfRows(first, next, x []float32, ld, rows int, part float32) {
	clear(first)
	clear(next)
	for r := range rows {
		for c, v := range x[r*ld:][:len(first)] {
			first[c] += v
		}
	}
	for c := range first {
		first[c] *= part
	}
	for r := range rows {
		for c, v := range x[r*ld:][:len(first)] {
			d := v - first[c]
			next[c] += d * d
		}
	}
}

// A normSquare is 2 × 2 pixels of one channel: where they lie, and their norms.
type normSquare struct {
	at      [4]int
	norms   [4]float32
	largest float32 // or 0; NaN where one is
}

// squareAt is square p of channel c.
func squareAt(x, scale, shift []float32, line, p, c int) (s normSquare) {
	C := len(scale)
	at := 2*p*C + c
	s.at = [4]int{at, at + C, at + line, at + line + C}
	for i, at := range s.at {
		n := x[at]*scale[c] + shift[c]
		if s.norms[i] = n; n > s.largest || n != n {
			s.largest = n
		}
	}
	return s
}

// winner is the first pixel that is the largest, −1 where none is above 0.
func (s *normSquare) winner() int {
	if s.largest > 0 {
		for i, n := range s.norms {
			if n == s.largest {
				return i
			}
		}
	}
	return -1
}

func normMaxSquares(y, x, scale, shift []float32, line, squares int) {
	C := len(scale)
	for i := range squares * C {
		s := squareAt(x, scale, shift, line, i/C, i%C)
		y[i] = s.largest
	}
}

func normMaxSumsSquares(first, next, dy, x, scale, shift, mean []float32, line, squares int) {
	C := len(scale)
	for i := range squares * C {
		c := i % C
		s := squareAt(x, scale, shift, line, i/C, c)
		if k := s.winner(); k >= 0 {
			first[c] += dy[i]
			next[c] += dy[i] * (x[s.at[k]] - mean[c])
		}
	}
}

func normMaxGradSquares(scale, shift, dx, dy, x, abc []float32, line, squares int, acc bool) {
	C := len(scale)
	for i := range squares * C {
		c := i % C
		s := squareAt(x, scale, shift, line, i/C, c)
		winner := s.winner()
		for k, at := range s.at {
			v := x[at]*abc[C+c] + abc[2*C+c]
			if k == winner {
				v += dy[i] * abc[c]
			}
			if acc {
				v += dx[at]
			}
			dx[at] = v
		}
	}
}
