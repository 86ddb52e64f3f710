package wordvec

import (
	"fmt"
	"math"
)

// Project returns the places of words along the first two principal components of
// their unit vectors, and the share of the variance that each component has. The
// sign of a component is such that its largest coordinate is positive.
//
// Errors: an [UnknownWordError]; fewer than three words, which lie in every plane.
func (v *Vectors) Project(words []string) (xy [][2]float64, share [2]float64, err error) {
	if len(words) < 3 {
		return nil, share, fmt.Errorf("wordvec: a picture of %d words: want 3 or more", len(words))
	}
	gram, err := v.gram(words)
	if err != nil {
		return nil, share, err
	}
	total := 0.0
	for i := range gram {
		total += gram[i][i]
	}
	xy = make([][2]float64, len(words))
	for c := range 2 {
		value, direction := leading(gram)
		if total > 0 {
			share[c] = value / total
		}
		for i, e := range direction {
			xy[i][c] = e * math.Sqrt(value)
			for j, f := range direction {
				gram[i][j] -= value * e * f
			}
		}
	}
	return xy, share, nil
}

// gram has the products of the words' unit vectors less their mean. Its leading
// eigenvectors, times the roots of their eigenvalues, are the coordinates along the
// principal components: a matrix of words² instead of channels².
func (v *Vectors) gram(words []string) ([][]float64, error) {
	rows, mean := make([][]float64, len(words)), make([]float64, v.width)
	for i, w := range words {
		x, ok := v.Vector(w)
		if !ok {
			return nil, &UnknownWordError{w}
		}
		norm := 0.0
		for _, e := range x {
			norm += float64(e) * float64(e)
		}
		for _, e := range x {
			rows[i] = append(rows[i], float64(e)/max(math.Sqrt(norm), 1e-30))
		}
		for c, e := range rows[i] {
			mean[c] += e / float64(len(words))
		}
	}
	g := make([][]float64, len(words))
	for i := range g {
		g[i] = make([]float64, len(words))
		for j := range g[i] {
			for c := range mean {
				g[i][j] += (rows[i][c] - mean[c]) * (rows[j][c] - mean[c])
			}
		}
	}
	return g, nil
}

// leading is the largest eigenvalue of a symmetric matrix and its unit vector, by
// power iteration.
func leading(g [][]float64) (value float64, x []float64) {
	x = make([]float64, len(g))
	for i := range x {
		x[i] = 1 / float64(i+1) // of no symmetry that an eigenvector could have
	}
	for range 1000 {
		y := make([]float64, len(g))
		norm := 0.0
		for i := range g {
			for j, e := range x {
				y[i] += g[i][j] * e
			}
			norm += y[i] * y[i]
		}
		if value = math.Sqrt(norm); value < 1e-12 {
			return 0, make([]float64, len(g))
		}
		for i := range y {
			y[i] /= value
		}
		x = y
	}
	largest := 0
	for i, e := range x {
		if math.Abs(e) > math.Abs(x[largest])+1e-12 {
			largest = i
		}
	}
	if x[largest] < 0 {
		for i := range x {
			x[i] = -x[i]
		}
	}
	return value, x
}
