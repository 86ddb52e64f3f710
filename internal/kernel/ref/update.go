package ref

import (
	"fmt"
	"math"

	"github.com/inkstone-ai/inkstone/internal/kernel"
)

func (device) Update(rule kernel.UpdateRule, w, g, m, v mat, p kernel.UpdateParams) {
	kernel.CheckUpdate(rule, w, g, m, v, p)
	for i := range w.Len() {
		x := element{w: load(w.Buf, w.Type, w.Off+i), g: load(g.Buf, g.Type, g.Off+i) * float64(p.GradScale)}
		if !m.Nil() {
			x.m = load(m.Buf, m.Type, m.Off+i)
		}
		if !v.Nil() {
			x.v = load(v.Buf, v.Type, v.Off+i)
		}
		x.update(rule, p, !m.Nil())
		put(w.Buf, w.Off+i, x.w, false)
		if !m.Nil() {
			put(m.Buf, m.Off+i, x.m, false)
		}
		if !v.Nil() {
			put(v.Buf, v.Off+i, x.v, false)
		}
	}
}

// element is one parameter with its gradient and the rule's state.
type element struct{ w, g, m, v float64 }

// update is one step of one parameter as PyTorch's documentation writes it.
func (x *element) update(rule kernel.UpdateRule, p kernel.UpdateParams, momentum bool) {
	lr, b1, b2, eps, decay := float64(p.LR), float64(p.B1), float64(p.B2), float64(p.Eps), float64(p.Decay)
	if rule == kernel.AdamW {
		x.w -= lr * decay * x.w
	} else {
		x.g += decay * x.w
	}
	switch rule {
	case kernel.SGD:
		x.sgd(lr, b1, p.Nesterov, p.First, momentum)
	case kernel.Adam, kernel.AdamW:
		x.m = b1*x.m + (1-b1)*x.g
		x.v = b2*x.v + (1-b2)*x.g*x.g
		x.w -= lr * x.m / float64(p.Correct1) / (math.Sqrt(x.v/float64(p.Correct2)) + eps)
	case kernel.AdaGrad:
		x.v += x.g * x.g
		x.w -= lr * x.g / (math.Sqrt(x.v) + eps)
	case kernel.RMSProp:
		x.v = b2*x.v + (1-b2)*x.g*x.g
		step := x.g / (math.Sqrt(x.v) + eps)
		if b1 > 0 {
			x.m = b1*x.m + step
			step = x.m
		}
		x.w -= lr * step
	default:
		panic(fmt.Sprintf("ref: no update rule %d", rule))
	}
}

func (x *element) sgd(lr, b1 float64, nesterov, first, momentum bool) {
	step := x.g
	if momentum {
		if x.m = b1*x.m + x.g; first {
			x.m = x.g
		}
		if step = x.m; nesterov {
			step = x.g + b1*x.m
		}
	}
	x.w -= lr * step
}
