package gan_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/model/gan"
)

// A critic is a smooth score Σ v·tanh(w·x + b) in float64, whose penalty has a gradient
// that needs no tape.
type critic struct{ in, hidden int }

// split are w (hidden, in), b and v (hidden).
func (c critic) split(theta []float64) (w, b, v []float64) {
	n := c.in * c.hidden
	return theta[:n], theta[n : n+c.hidden], theta[n+c.hidden:]
}

// byPixels is the score's gradient by x.
func (c critic) byPixels(theta, x []float64) []float64 {
	w, b, v := c.split(theta)
	g := make([]float64, c.in)
	for i := range c.hidden {
		row := w[i*c.in : (i+1)*c.in]
		a := math.Tanh(dot(row, x) + b[i])
		for j := range g {
			g[j] += v[i] * (1 - a*a) * row[j]
		}
	}
	return g
}

// byWeights adds share times the score's gradient by theta to d.
func (c critic) byWeights(theta, x []float64, share float64, d []float64) {
	w, b, v := c.split(theta)
	dw, db, dv := c.split(d)
	for i := range c.hidden {
		row := w[i*c.in : (i+1)*c.in]
		a := math.Tanh(dot(row, x) + b[i])
		dv[i] += share * a
		db[i] += share * v[i] * (1 - a*a)
		for j := range row {
			dw[i*c.in+j] += share * v[i] * (1 - a*a) * x[j]
		}
	}
}

func dot(a, b []float64) (sum float64) {
	for i := range a {
		sum += a[i] * b[i]
	}
	return sum
}

// TestPenaltyInFloat64: the directions and shares that the penalty gives lead to its
// gradient. Along them the slopes of a smooth score are found by a central difference of
// gradients by the weights; the penalty itself is differentiated number by number.
func TestPenaltyInFloat64(t *testing.T) {
	const B, weight, reach = 4, 10.0, 1e-4
	c := critic{3, 5}
	r := rand.New(rand.NewPCG(1, 2))
	normals := func(n int) []float64 {
		x := make([]float64, n)
		for i := range x {
			x[i] = r.NormFloat64()
		}
		return x
	}
	theta, x := normals(c.hidden*(c.in+2)), normals(B*c.in)
	image := func(i int) []float64 { return x[i*c.in : (i+1)*c.in] }
	value := func(theta []float64) (sum float64) {
		for i := range B {
			norm := math.Sqrt(dot(c.byPixels(theta, image(i)), c.byPixels(theta, image(i))))
			sum += weight * (norm - 1) * (norm - 1) / B
		}
		return sum
	}
	var g []float64
	for i := range B {
		g = append(g, c.byPixels(theta, image(i))...)
	}
	penalty, u, share := gan.Directions(g, B, weight)
	testkit.Close(t, "penalty", []float64{penalty}, []float64{value(theta)}, 1e-12, 0)
	grad := make([]float64, len(theta))
	for i := range B {
		for _, side := range []float64{reach, -reach} {
			moved := append([]float64(nil), image(i)...)
			for j := range moved {
				moved[j] += side * u[i*c.in+j]
			}
			c.byWeights(theta, moved, share[i]/(2*side), grad)
		}
	}
	testkit.CheckGradient(t, "penalty", value, theta, grad, 1e-3, 1e-6, 1e-8)
}

// TestNoGradientNoDirection: of a score that is flat at an image the penalty is λ, and asks
// for no direction.
func TestNoGradientNoDirection(t *testing.T) {
	penalty, u, _ := gan.Directions(make([]float64, 4), 2, 10)
	if penalty != 10 {
		t.Errorf("the penalty is %g, want 10", penalty)
	}
	testkit.SameBits(t, "directions", u, make([]float64, 4))
}
