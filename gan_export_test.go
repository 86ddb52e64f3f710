package inkstone

// Between is a place on a walk.
func Between(a, b []float32, t float64) []float32 { return between(a, b, t) }
