//go:build !unix

package cpu

// next reserves n bytes: memory that was reserved as one can not be given back in parts here.
func (*shared) next(n int) []byte { return reserve(n) }

func (*shared) free() {}
