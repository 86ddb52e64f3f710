package cpu

import (
	"math"

	"github.com/inkstone-ai/inkstone/internal/kernel"
)

// A float32 function is a function of one element and the parameters.
type (
	function   = func(x, a, b float32) float32
	derivative = func(x, y, a, b float32) float32
)

// functions has each element-wise function beside its derivative, given x and
// y = f(x).
var functions = [kernel.Clip + 1]struct {
	f function
	d derivative
}{
	kernel.Neg: {
		func(x, _, _ float32) float32 { return -x },
		func(_, _, _, _ float32) float32 { return -1 }},
	kernel.Abs: {
		func(x, _, _ float32) float32 { return float32(math.Abs(float64(x))) },
		func(x, _, _, _ float32) float32 { return sign(x) }},
	kernel.Sign: {
		func(x, _, _ float32) float32 { return sign(x) },
		flat},
	kernel.Exp: {
		func(x, _, _ float32) float32 { return float32(exp(float64(x))) },
		func(_, y, _, _ float32) float32 { return y }},
	kernel.Log: {
		func(x, _, _ float32) float32 { return float32(math.Log(float64(x))) },
		func(x, _, _, _ float32) float32 { return 1 / x }},
	kernel.Sqrt: {
		func(x, _, _ float32) float32 { return float32(math.Sqrt(float64(x))) },
		func(_, y, _, _ float32) float32 { return 0.5 / y }},
	kernel.Rsqrt: {
		func(x, _, _ float32) float32 { return float32(1 / math.Sqrt(float64(x))) },
		func(x, y, _, _ float32) float32 { return -0.5 * y / x }},
	kernel.Reciprocal: {
		func(x, _, _ float32) float32 { return 1 / x },
		func(_, y, _, _ float32) float32 { return -y * y }},
	kernel.Square: {
		func(x, _, _ float32) float32 { return x * x },
		func(x, _, _, _ float32) float32 { return 2 * x }},
	kernel.Sin: {
		func(x, _, _ float32) float32 { return float32(math.Sin(float64(x))) },
		func(x, _, _, _ float32) float32 { return float32(math.Cos(float64(x))) }},
	kernel.Cos: {
		func(x, _, _ float32) float32 { return float32(math.Cos(float64(x))) },
		func(x, _, _, _ float32) float32 { return float32(-math.Sin(float64(x))) }},
	kernel.Tanh: {
		func(x, _, _ float32) float32 { return float32(tanh(float64(x))) },
		func(_, y, _, _ float32) float32 { return 1 - y*y }},
	kernel.Sigmoid: {
		func(x, _, _ float32) float32 { return float32(sigmoid(float64(x))) },
		func(_, y, _, _ float32) float32 { return y * (1 - y) }},
	kernel.Softplus: {
		func(x, _, _ float32) float32 { return float32(softplus(float64(x))) },
		func(x, _, _, _ float32) float32 { return float32(sigmoid(float64(x))) }},
	kernel.Erf: {
		func(x, _, _ float32) float32 { return float32(math.Erf(float64(x))) },
		func(x, _, _, _ float32) float32 { return float32(2 / math.SqrtPi * exp(-float64(x)*float64(x))) }},
	kernel.ReLU: {
		func(x, _, _ float32) float32 { return max(x, 0) },
		func(x, _, _, _ float32) float32 { return float32(step(float64(x))) }},
	kernel.LeakyReLU: {leaky, leakySlope},
	kernel.ELU:       {elu, eluSlope},
	kernel.GELU: {
		func(x, _, _ float32) float32 { return float32(gelu(float64(x))) },
		func(x, _, _, _ float32) float32 { return float32(geluSlope(float64(x))) }},
	kernel.GELUErf: {
		func(x, _, _ float32) float32 { return float32(geluErf(float64(x))) },
		func(x, _, _, _ float32) float32 { return float32(geluErfSlope(float64(x))) }},
	kernel.SiLU: {
		func(x, _, _ float32) float32 { return float32(silu(float64(x))) },
		func(x, _, _, _ float32) float32 { return float32(siluSlope(float64(x))) }},
	kernel.Floor: {
		func(x, _, _ float32) float32 { return float32(math.Floor(float64(x))) },
		flat},
	kernel.Ceil: {
		func(x, _, _ float32) float32 { return float32(math.Ceil(float64(x))) },
		flat},
	kernel.Round: {
		func(x, _, _ float32) float32 { return float32(math.RoundToEven(float64(x))) },
		flat},
	kernel.AddScalar: {
		func(x, a, _ float32) float32 { return x + a },
		func(_, _, _, _ float32) float32 { return 1 }},
	kernel.MulScalar: {
		func(x, a, _ float32) float32 { return x * a },
		func(_, _, a, _ float32) float32 { return a }},
	kernel.PowScalar: {
		func(x, a, _ float32) float32 { return float32(math.Pow(float64(x), float64(a))) },
		powSlope},
	kernel.Clip: {
		func(x, a, b float32) float32 { return min(max(x, a), b) },
		inside},
}

// flat is the derivative of steps.
func flat(_, _, _, _ float32) float32 { return 0 }

func leaky(x, a, _ float32) float32 {
	if x < 0 {
		return a * x
	}
	return x
}

func leakySlope(x, _, a, _ float32) float32 {
	if x < 0 {
		return a
	}
	return 1
}

func elu(x, a, _ float32) float32 {
	if x < 0 {
		return float32(float64(a) * expm1(float64(x)))
	}
	return x
}

func eluSlope(x, y, a, _ float32) float32 {
	if x < 0 {
		return y + a
	}
	return 1
}

// powSlope of x⁰ is 0 at x = 0 too, where a·x⁻¹ is none.
func powSlope(x, _, a, _ float32) float32 {
	if a == 0 {
		return 0
	}
	return float32(float64(a) * math.Pow(float64(x), float64(a)-1))
}

// inside is Clip's derivative.
func inside(x, _, a, b float32) float32 {
	if x >= a && x <= b {
		return 1
	}
	return 0
}

// mapping is f applied to rows.
func mapping(f function) func(y, x []float32, a, b float32) {
	return func(y, x []float32, a, b float32) {
		x = x[:len(y)]
		for i, v := range x {
			y[i] = f(v, a, b)
		}
	}
}

// slopes is the gradient through a function with derivative d.
func slopes(d derivative) func(dx, x, y, dy []float32, a, b float32, acc bool) {
	return func(dx, x, y, dy []float32, a, b float32, acc bool) {
		x, y, dy = x[:len(dx)], y[:len(dx)], dy[:len(dx)]
		for i, v := range x {
			put(&dx[i], dy[i]*d(v, y[i], a, b), acc)
		}
	}
}

// gating is a gated unit with function f.
func gating(f function) func(y, gate, up []float32) {
	return func(y, gate, up []float32) {
		gate, up = gate[:len(y)], up[:len(y)]
		for i, v := range gate {
			y[i] = f(v, 0, 0) * up[i]
		}
	}
}

// gatings is its gradient.
func gatings(f function, d derivative) func(dgate, dup, gate, up, dy []float32, acc bool) {
	return func(dgate, dup, gate, up, dy []float32, acc bool) {
		dup, gate, up, dy = dup[:len(dgate)], gate[:len(dgate)], up[:len(dgate)], dy[:len(dgate)]
		for i, v := range gate {
			y := f(v, 0, 0)
			put(&dgate[i], dy[i]*up[i]*d(v, y, 0, 0), acc)
			put(&dup[i], dy[i]*y, acc)
		}
	}
}

// put stores x or adds it.
func put(dst *float32, x float32, acc bool) {
	if acc {
		x += *dst
	}
	*dst = x
}
