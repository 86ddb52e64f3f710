package cpu

import "math"

// Scalar functions of the generic version. They compute in float64, where a
// short polynomial is exact to more than a float32 holds: a scalar processor
// does float64 at the speed of float32, and the result is rounded once.

const (
	ln2     = math.Ln2
	log2e   = math.Log2E
	geluC   = 0.7978845608028654 // √(2/π)
	geluC3  = geluC * 0.044715
	rsqrt2π = 0.3989422804014327 // 1/√(2π)
)

// exp is eˣ within 2⁻³⁶: x = k·ln 2 + r with |r| ≤ ln(2)/2, the series of eʳ to
// r⁹, times 2ᵏ. Beyond ±700 it is eˣ of that bound, far outside of float32.
func exp(x float64) float64 {
	switch {
	case x > 700:
		x = 700
	case x < -700:
		x = -700
	case x != x:
		return x
	}
	// The bias of the exponent makes the number positive, so that cutting off
	// its fraction rounds down, and half more rounds to nearest.
	k := int64(x*log2e + 1023.5)
	r := x - float64(k-1023)*ln2
	r2 := r * r
	// Pairs of terms (Estrin) shorten the chain of dependent products.
	low := (1 + r) + r2*(1.0/2+r*(1.0/6))
	high := (1.0/24 + r*(1.0/120)) + r2*((1.0/720+r*(1.0/5040))+r2*(1.0/40320+r*(1.0/362880)))
	return (low + r2*r2*high) * math.Float64frombits(uint64(k)<<52)
}

// sigmoid is 1/(1+e⁻ˣ).
func sigmoid(x float64) float64 { return 1 / (1 + exp(-x)) }

// tanh is 1 − 2/(e²ˣ+1); near 0, where that cancels, its series.
func tanh(x float64) float64 {
	if x < 0.125 && x > -0.125 {
		z := x * x
		return x * (1 - z*(1.0/3-z*(2.0/15-z*(17.0/315-z*(62.0/2835)))))
	}
	return 1 - 2/(exp(2*x)+1)
}

// expm1 is eˣ − 1; near 0, where that cancels, its series.
func expm1(x float64) float64 {
	if x < 0.125 && x > -0.125 {
		return x * (1 + x*(1.0/2+x*(1.0/6+x*(1.0/24+x*(1.0/120+x*(1.0/720))))))
	}
	return exp(x) - 1
}

// softplus is log(1+eˣ), written so that nothing overflows.
func softplus(x float64) float64 { return max(x, 0) + math.Log1p(exp(-math.Abs(x))) }

// normalCDF is Φ(x).
func normalCDF(x float64) float64 { return math.Erfc(-x/math.Sqrt2) / 2 }

// gelu and the two below are x·g(x) with g(−∞) = 0, where the product is not a
// number but its limit is 0.
func gelu(x float64) float64 {
	if x < -40 {
		return 0
	}
	return 0.5 * x * (1 + tanh(x*(geluC+geluC3*x*x)))
}

func geluErf(x float64) float64 {
	if x < -40 {
		return 0
	}
	return x * normalCDF(x)
}

func silu(x float64) float64 {
	if x < -120 {
		return 0
	}
	return x * sigmoid(x)
}

// geluSlope is gelu's derivative: ½(1+t) + ½x(1−t²)·(inner)'.
func geluSlope(x float64) float64 {
	if x < -40 || x > 40 {
		return step(x)
	}
	t := tanh(x * (geluC + geluC3*x*x))
	return 0.5*(1+t) + 0.5*x*(1-t*t)*(geluC+3*geluC3*x*x)
}

func geluErfSlope(x float64) float64 {
	if x < -40 || x > 40 {
		return step(x)
	}
	return normalCDF(x) + x*rsqrt2π*exp(-x*x/2)
}

func siluSlope(x float64) float64 {
	if x < -120 || x > 120 {
		return step(x)
	}
	s := sigmoid(x)
	return s * (1 + x*(1-s))
}

// step is 1 for positive x, else 0.
func step(x float64) float64 {
	if x > 0 {
		return 1
	}
	return 0
}

// sign is −1, 0 or 1, and NaN of NaN.
func sign(x float32) float32 {
	switch {
	case x > 0:
		return 1
	case x < 0:
		return -1
	}
	return x
}
