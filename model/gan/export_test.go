package gan

// Directions is what the penalty makes of gradients, in float64.
func Directions(g []float64, B int, weight float64) (penalty float64, u, c []float64) {
	r := directions(g, B, weight)
	return r.penalty, r.u, r.c
}
