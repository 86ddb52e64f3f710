package eval

import (
	"math"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
)

// frechet is |μ−ν|² + tr(Σ + Γ − 2(ΣΓ)^½) of the normal distributions of the rows of a and
// b (Dowson & Landau 1982). (ΣΓ)^½ has the trace of (Σ^½ΓΣ^½)^½, which is symmetric.
func frechet(a, b [][]float64) float64 {
	mean, sigma := moments(a)
	other, gamma := moments(b)
	root := root(sigma)
	var between, half mat.Dense
	half.Mul(root, gamma)
	between.Mul(&half, root)
	return max(0, squares(mean, other)+mat.Trace(sigma)+mat.Trace(gamma)-2*rootTrace(symmetric(&between))) // but for rounding it is never below
}

// moments are the mean and the covariance of rows.
func moments(rows [][]float64) (mean []float64, covariance *mat.SymDense) {
	x := mat.NewDense(len(rows), len(rows[0]), nil)
	mean = make([]float64, len(rows[0]))
	for i, row := range rows {
		x.SetRow(i, row)
		for j, v := range row {
			mean[j] += v / float64(len(rows))
		}
	}
	covariance = mat.NewSymDense(len(mean), nil)
	stat.CovarianceMatrix(covariance, x, nil)
	return mean, covariance
}

// root is the symmetric square root of a positive semidefinite matrix; eigenvalues that
// rounding has put below zero are zero.
func root(m *mat.SymDense) *mat.Dense {
	values, vectors := eigen(m)
	n := len(values)
	scaled := mat.NewDense(n, n, nil)
	for i := range n {
		for j, v := range values {
			scaled.Set(i, j, vectors.At(i, j)*math.Sqrt(max(0, v)))
		}
	}
	var r mat.Dense
	r.Mul(scaled, vectors.T())
	return &r
}

// rootTrace is the trace of root.
func rootTrace(m *mat.SymDense) (sum float64) {
	values, _ := eigen(m)
	for _, v := range values {
		sum += math.Sqrt(max(0, v))
	}
	return sum
}

func eigen(m *mat.SymDense) (values []float64, vectors *mat.Dense) {
	var e mat.EigenSym
	if !e.Factorize(m, true) {
		panic("eval: the eigenvalues of a symmetric matrix do not converge: it has a number that is not finite")
	}
	vectors = &mat.Dense{}
	e.VectorsTo(vectors)
	return e.Values(nil), vectors
}

// symmetric is a matrix that is symmetric but for rounding.
func symmetric(m *mat.Dense) *mat.SymDense {
	n, _ := m.Dims()
	s := mat.NewSymDense(n, nil)
	for i := range n {
		for j := i; j < n; j++ {
			s.SetSym(i, j, (m.At(i, j)+m.At(j, i))/2)
		}
	}
	return s
}
