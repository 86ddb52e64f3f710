package ref

import (
	"fmt"
	"math"

	"github.com/inkstone-ai/inkstone/internal/kernel"
)

// geluC is √(2/π) of GELU's tanh form.
var geluC = math.Sqrt(2 / math.Pi)

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// normalCDF is Φ(x), the normal distribution; erfc keeps its left tail exact.
func normalCDF(x float64) float64 { return math.Erfc(-x/math.Sqrt2) / 2 }

// unary is f(x).
func unary(op kernel.UnaryOp, x, a, b float64) float64 {
	switch op {
	case kernel.Neg:
		return -x
	case kernel.Abs:
		return math.Abs(x)
	case kernel.Sign:
		return sign(x)
	case kernel.Exp:
		return math.Exp(x)
	case kernel.Log:
		return math.Log(x)
	case kernel.Sqrt:
		return math.Sqrt(x)
	case kernel.Rsqrt:
		return 1 / math.Sqrt(x)
	case kernel.Reciprocal:
		return 1 / x
	case kernel.Square:
		return x * x
	case kernel.Sin:
		return math.Sin(x)
	case kernel.Cos:
		return math.Cos(x)
	case kernel.Tanh:
		return math.Tanh(x)
	case kernel.Sigmoid:
		return sigmoid(x)
	case kernel.Softplus:
		return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) // eˣ alone overflows
	case kernel.Erf:
		return math.Erf(x)
	case kernel.ReLU:
		return max(x, 0)
	case kernel.LeakyReLU:
		return choose(x < 0, a*x, x)
	case kernel.ELU:
		return choose(x < 0, a*math.Expm1(x), x)
	case kernel.GELU:
		return choose(math.IsInf(x, -1), 0, x/2*(1+math.Tanh(geluC*(x+0.044715*x*x*x))))
	case kernel.GELUErf:
		return choose(math.IsInf(x, -1), 0, x*normalCDF(x))
	case kernel.SiLU:
		return choose(math.IsInf(x, -1), 0, x*sigmoid(x))
	case kernel.Floor:
		return math.Floor(x)
	case kernel.Ceil:
		return math.Ceil(x)
	case kernel.Round:
		return math.RoundToEven(x)
	case kernel.AddScalar:
		return x + a
	case kernel.MulScalar:
		return x * a
	case kernel.PowScalar:
		return math.Pow(x, a)
	case kernel.Clip:
		return min(max(x, a), b)
	}
	panic(fmt.Sprintf("ref: no function %d", op))
}

// derivative is f'(x) where y = f(x).
func derivative(op kernel.UnaryOp, x, y, a, b float64) float64 {
	switch op {
	case kernel.Neg:
		return -1
	case kernel.Abs:
		return sign(x)
	case kernel.Sign, kernel.Floor, kernel.Ceil, kernel.Round:
		return 0
	case kernel.Exp:
		return y
	case kernel.Log:
		return 1 / x
	case kernel.Sqrt:
		return 0.5 / y
	case kernel.Rsqrt:
		return -0.5 * y / x
	case kernel.Reciprocal:
		return -y * y
	case kernel.Square:
		return 2 * x
	case kernel.Sin:
		return math.Cos(x)
	case kernel.Cos:
		return -math.Sin(x)
	case kernel.Tanh:
		return 1 - y*y
	case kernel.Sigmoid:
		return y * (1 - y)
	case kernel.Softplus:
		return sigmoid(x)
	case kernel.Erf:
		return 2 / math.Sqrt(math.Pi) * math.Exp(-x*x)
	case kernel.ReLU:
		return choose(x > 0, 1, 0)
	case kernel.LeakyReLU:
		return choose(x < 0, a, 1)
	case kernel.ELU:
		return choose(x < 0, y+a, 1)
	case kernel.GELU, kernel.GELUErf, kernel.SiLU:
		if math.IsInf(x, 0) { // ∞·0 below; the limits are 0 and 1
			return choose(x > 0, 1, 0)
		}
	}
	switch op {
	case kernel.GELU:
		t := math.Tanh(geluC * (x + 0.044715*x*x*x))
		return (1+t)/2 + x/2*(1-t*t)*geluC*(1+3*0.044715*x*x)
	case kernel.GELUErf:
		return normalCDF(x) + x*math.Exp(-x*x/2)/math.Sqrt(2*math.Pi)
	case kernel.SiLU:
		return sigmoid(x) * (1 + x*(1-sigmoid(x)))
	case kernel.AddScalar:
		return 1
	case kernel.MulScalar:
		return a
	case kernel.PowScalar:
		return choose(a == 0, 0, a*math.Pow(x, a-1))
	case kernel.Clip:
		return choose(x >= a && x <= b, 1, 0)
	}
	panic(fmt.Sprintf("ref: no function %d", op))
}

// binary is a op b. Max and Min give NaN when either is NaN.
func binary(op kernel.BinaryOp, a, b float64) float64 {
	switch op {
	case kernel.Add:
		return a + b
	case kernel.Sub:
		return a - b
	case kernel.Mul:
		return a * b
	case kernel.Div:
		return a / b
	case kernel.Pow:
		return math.Pow(a, b)
	case kernel.Max:
		return max(a, b)
	case kernel.Min:
		return min(a, b)
	case kernel.Equal:
		return choose(a == b, 1, 0)
	case kernel.Less:
		return choose(a < b, 1, 0)
	case kernel.LessEqual:
		return choose(a <= b, 1, 0)
	}
	panic(fmt.Sprintf("ref: no function of two %d", op))
}

// sign is −1, 0 or 1, and NaN of NaN.
func sign(x float64) float64 {
	switch {
	case x > 0:
		return 1
	case x < 0:
		return -1
	}
	return x
}

func choose(cond bool, a, b float64) float64 {
	if cond {
		return a
	}
	return b
}
