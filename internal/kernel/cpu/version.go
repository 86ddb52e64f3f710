package cpu

// A version is the set of primitives of one instruction set. Each is built
// from the plainer one by replacing what it does better, so that a processor
// without special code for a primitive runs the generic one.
type version struct {
	name string
	vectors
	products
	dots
	roof roof
}

// generic is plain Go and runs everywhere.
func generic() version {
	return version{name: "generic", vectors: genericVectors(), products: genericProducts(), dots: genericDots(), roof: genericRoof()}
}
