package main

import (
	"fmt"
	"math"
	"testing"

	"github.com/inkstone-ai/inkstone/internal/kernel/_asm/emit"
)

// A formula is a function and its derivative in float64.
type formula struct {
	f, slope func(x float64) float64
}

func logistic(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

func phi(x float64) float64 { return math.Erfc(-x/math.Sqrt2) / 2 }

// gateOf is x·g(x), whose limits at −∞ are 0 and at ∞ are x and 1.
func gateOf(g, slope func(x float64) float64) formula {
	return formula{
		func(x float64) float64 {
			if x < -50 {
				return 0
			}
			return x * g(x)
		},
		func(x float64) float64 {
			if math.Abs(x) > 50 {
				return max(0, math.Copysign(1, x))
			}
			return g(x) + x*slope(x)
		},
	}
}

func geluInner(x float64) float64 { return 2 * math.Sqrt(2/math.Pi) * (x + 0.044715*x*x*x) }

// formulas are those of the functions with more than an instruction or two.
var formulas = map[string]formula{
	"exp":     {math.Exp, math.Exp},
	"log":     {math.Log, func(x float64) float64 { return 1 / x }},
	"sqrt":    {math.Sqrt, func(x float64) float64 { return 0.5 / math.Sqrt(x) }},
	"rsqrt":   {func(x float64) float64 { return 1 / math.Sqrt(x) }, func(x float64) float64 { return -0.5 / math.Sqrt(x) / x }},
	"tanh":    {math.Tanh, func(x float64) float64 { return 1 - math.Tanh(x)*math.Tanh(x) }},
	"sigmoid": {logistic, func(x float64) float64 { return logistic(x) * logistic(-x) }},
	"softplus": {func(x float64) float64 { return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) },
		logistic},
	"erf": {math.Erf, func(x float64) float64 { return 2 / math.SqrtPi * math.Exp(-x*x) }},
	"elu": {func(x float64) float64 { return max(x, 0) + 1.5*math.Expm1(min(x, 0)) },
		func(x float64) float64 {
			if x < 0 {
				return 1.5 * math.Exp(x)
			}
			return 1
		}},
	"silu":    gateOf(logistic, func(x float64) float64 { return logistic(x) * logistic(-x) }),
	"geluErf": gateOf(phi, func(x float64) float64 { return math.Exp(-x*x/2) / math.Sqrt(2*math.Pi) }),
	"gelu": gateOf(func(x float64) float64 { return logistic(geluInner(x)) }, func(x float64) float64 {
		z := geluInner(x)
		return logistic(z) * logistic(-z) * 2 * math.Sqrt(2/math.Pi) * (1 + 3*0.044715*x*x)
	}),
}

// points are numbers densely around 0, thinner farther away, and the special ones.
func points() (x []uint32) {
	for i := -600; i <= 600; i++ {
		v := float64(i) / 300
		x = append(x, math.Float32bits(float32(v+v*v*v*v*v/2)))
	}
	for _, v := range specialNumbers {
		x = append(x, math.Float32bits(float32(v)))
	}
	return x
}

// TestFormulas compares both forms of each function, and of its gradient, with
// the mathematics.
func TestFormulas(t *testing.T) {
	file := unary()
	for name, want := range formulas {
		eachVersion(t, func(t *testing.T, isa *emit.ISA) {
			f, slope := program(t, file, name+isa.Name), program(t, file, name+"Slope"+isa.Name)
			x := points()
			o := operation{slices: map[string][]uint32{"x": x, "y": make([]uint32, len(x))}, numbers: map[string]float32{"a": 1.5}}
			got, _ := o.on(t, file, f)
			check(t, name, x, got["y"], want.f, 2e-7)
			one := numbers(len(x), func() float32 { return 1 })
			o.slices = map[string][]uint32{"dx": make([]uint32, len(x)), "x": x, "y": got["y"], "dy": one}
			got, _ = o.on(t, file, slope)
			check(t, name+"'", x, got["dx"], want.slope, 4e-7) // some are made of the rounded y
		})
	}
}

func check(t *testing.T, name string, x, got []uint32, f func(x float64) float64, tolerance float64) {
	t.Helper()
	for i, w := range x {
		at, y := value(w), value(got[i])
		want := f(at)
		if err := math.Abs(y-want) / (tolerance + 8e-7*math.Abs(want)); !(err <= 1) && float32(want) != float32(y) && !(y != y && want != want) {
			t.Errorf("%s(%v) is %v, want %v", name, at, y, want)
		}
	}
}

// TestOptimizers compares a step with the formulas in float64.
func TestOptimizers(t *testing.T) {
	file, p := optimizer(), map[string]float32{
		"scale": 0.5, "decay": 0.1, "lr": 0.01, "b1": 0.9, "c1": 0.1, "b2": 0.99, "c2": 0.01, "rate": 0.02, "root": 3, "eps": 1e-3, "keep": 0.99}
	c := func(name string) float64 { return float64(p[name]) }
	mix := func(b, c float64, s *float64, x float64) float64 { *s = b**s + c*x; return *s }
	steps := map[string]func(d float64, w, m, v *float64){
		"sgd":      func(d float64, w, m, v *float64) { *w -= c("lr") * d },
		"momentum": func(d float64, w, m, v *float64) { *w -= c("lr") * mix(c("b1"), 1, m, d) },
		"adam": func(d float64, w, m, v *float64) {
			mix(c("b2"), c("c2"), v, d*d)
			*w = c("keep")**w - c("rate")*mix(c("b1"), c("c1"), m, d)/(math.Sqrt(*v)*c("root")+c("eps"))
		},
		"adaGrad": func(d float64, w, m, v *float64) { *w -= c("lr") * d / (math.Sqrt(mix(1, 1, v, d*d)) + c("eps")) },
		"rmsProp": func(d float64, w, m, v *float64) {
			*w -= c("lr") * d / (math.Sqrt(mix(c("b2"), c("c2"), v, d*d)) + c("eps"))
		},
		"rmsPropMomentum": func(d float64, w, m, v *float64) {
			*w -= c("lr") * mix(c("b1"), 1, m, d/(math.Sqrt(mix(c("b2"), c("c2"), v, d*d))+c("eps")))
		},
	}
	for name, step := range steps {
		eachVersion(t, func(t *testing.T, isa *emit.ISA) {
			f := program(t, file, name+isa.Name)
			o := random(f, 3*isa.Lanes+5, func() float32 { x := normal(); return x * x })
			o.numbers, o.flag = p, false
			got, _ := o.on(t, file, f)
			for i := range o.slices["w"] {
				state := map[string]float64{}
				for s, words := range o.slices {
					state[s] = value(words[i])
				}
				w, m, v := state["w"], state["m"], state["v"]
				step(state["g"]*c("scale")+c("decay")*w, &w, &m, &v)
				for s, want := range map[string]float64{"w": w, "m": m, "v": v} {
					if words := got[s]; words != nil && math.Abs(value(words[i])-want) > 2e-6*max(1, math.Abs(want)) {
						t.Fatal(fmt.Sprintf("%s, element %d of %s: %v, want %v", name, i, s, value(words[i]), want))
					}
				}
			}
		})
	}
}
