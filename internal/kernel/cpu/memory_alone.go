//go:build !unix

package cpu

// A shared is nothing here: memory that was reserved as one can not be given back in parts.
type shared struct{}

// next reserves n bytes.
func (*shared) next(n int) []byte { return reserve(n) }

func (*shared) free() {}
