package eval

import "math"

// A square is the rows of a symmetric matrix.
type square [][]float64

func newSquare(n int) square {
	m, all := make(square, n), make([]float64, n*n)
	for i := range m {
		m[i] = all[i*n : (i+1)*n]
	}
	return m
}

// frechet is |μ−ν|² + tr(Σ + Γ − 2(ΣΓ)^½) of the normal distributions of the rows of a and
// b (Dowson & Landau 1982). (ΣΓ)^½ has the trace of (Σ^½ΓΣ^½)^½, which is symmetric.
func frechet(a, b [][]float64) float64 {
	mean, sigma := moments(a)
	other, gamma := moments(b)
	half := sigma.root()
	between := half.times(gamma).times(half)
	between.mirror()
	return max(0, squares(mean, other)+sigma.trace()+gamma.trace()-2*between.rootTrace()) // but for rounding it is never below
}

// moments are the mean and the covariance of rows.
func moments(rows [][]float64) (mean []float64, covariance square) {
	mean = make([]float64, len(rows[0]))
	for _, row := range rows {
		for j, v := range row {
			mean[j] += v / float64(len(rows))
		}
	}
	covariance = newSquare(len(mean))
	apart := make([]float64, len(mean))
	for _, row := range rows {
		for j, v := range row {
			apart[j] = v - mean[j]
		}
		for i, x := range apart {
			for j, y := range apart[i:] {
				covariance[i][i+j] += x * y / float64(len(rows)-1)
			}
		}
	}
	for i := range covariance {
		for j := range i {
			covariance[i][j] = covariance[j][i]
		}
	}
	return mean, covariance
}

func (m square) times(b square) square {
	c := newSquare(len(m))
	for i, row := range m {
		for k, x := range row {
			for j, y := range b[k] {
				c[i][j] += x * y
			}
		}
	}
	return c
}

// mirror makes a matrix symmetric that is so but for rounding.
func (m square) mirror() {
	for i := range m {
		for j := range i {
			mean := (m[i][j] + m[j][i]) / 2
			m[i][j], m[j][i] = mean, mean
		}
	}
}

func (m square) trace() (sum float64) {
	for i := range m {
		sum += m[i][i]
	}
	return sum
}

// root is the symmetric square root of a positive semidefinite matrix; eigenvalues that
// rounding has put below zero are zero.
func (m square) root() square {
	values, vectors := m.eigen()
	r := newSquare(len(m))
	for k, v := range values {
		scale := math.Sqrt(max(0, v))
		for i := range m {
			for j := range m {
				r[i][j] += vectors[k][i] * vectors[k][j] * scale
			}
		}
	}
	return r
}

// rootTrace is the trace of root.
func (m square) rootTrace() (sum float64) {
	values, _ := m.eigen()
	for _, v := range values {
		sum += math.Sqrt(max(0, v))
	}
	return sum
}

// mostSweeps is far more than a matrix of finite numbers needs: convergence is quadratic.
const mostSweeps = 64

// eigen are the eigenvalues and eigenvectors, a row each, by Jacobi's cyclic rotations (Golub & Van Loan
// 2013, section 8.5.5): slower than the methods of a linear algebra package, exact, and all that the
// matrices of a few hundred features ask for.
func (m square) eigen() (values []float64, vectors square) {
	n := len(m)
	a := newSquare(n)
	vectors = newSquare(n)
	whole := 0.0
	for i, row := range m {
		copy(a[i], row)
		vectors[i][i] = 1
		for _, v := range row {
			whole += v * v
		}
	}
	if math.IsNaN(whole) || math.IsInf(whole, 0) {
		panic("eval: eigenvalues of a symmetric matrix that has a number that is not finite")
	}
	for sweep := 0; sweep < mostSweeps && a.beside() > 1e-30*whole; sweep++ {
		for p := range n {
			for q := p + 1; q < n; q++ {
				a.rotate(vectors, p, q)
			}
		}
	}
	for i := range a {
		values = append(values, a[i][i])
	}
	return values, vectors
}

// beside is the sum of the squares beside the diagonal.
func (m square) beside() (sum float64) {
	for i, row := range m {
		for j, v := range row {
			if i != j {
				sum += v * v
			}
		}
	}
	return sum
}

// rotate makes element (p, q) zero and turns the eigenvectors with it.
func (m square) rotate(vectors square, p, q int) {
	if m[p][q] == 0 {
		return
	}
	tau := (m[q][q] - m[p][p]) / (2 * m[p][q])
	t := math.Copysign(1, tau) / (math.Abs(tau) + math.Hypot(1, tau))
	c := 1 / math.Hypot(1, t)
	s := t * c
	turn := func(x, y *float64) { *x, *y = c**x-s**y, s**x+c**y }
	for k := range m {
		turn(&m[k][p], &m[k][q])
	}
	for k := range m {
		turn(&m[p][k], &m[q][k])
		turn(&vectors[p][k], &vectors[q][k])
	}
}
