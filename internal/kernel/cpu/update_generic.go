package cpu

import (
	"math"

	"github.com/inkstone-ai/inkstone/internal/kernel"
)

// updateRows is the generic table of optimizers, as PyTorch writes them.
var updateRows = [kernel.RMSProp + 1]func(w, g, m, v []float32, p *kernel.UpdateParams){
	kernel.SGD:     sgdRow,
	kernel.Adam:    adamRow,
	kernel.AdamW:   adamWRow,
	kernel.AdaGrad: adaGradRow,
	kernel.RMSProp: rmsPropRow,
}

func sqrt(x float32) float32 { return float32(math.Sqrt(float64(x))) }

func sgdRow(w, g, m, _ []float32, p *kernel.UpdateParams) {
	g = g[:len(w)]
	for i, x := range w {
		d := g[i]*p.GradScale + p.Decay*x
		step := d
		if m != nil {
			if p.First {
				m[i] = d
			} else {
				m[i] = p.B1*m[i] + d
			}
			step = m[i]
			if p.Nesterov {
				step = d + p.B1*m[i]
			}
		}
		w[i] = x - p.LR*step
	}
}

func adamRow(w, g, m, v []float32, p *kernel.UpdateParams) {
	rate, scale := p.LR/p.Correct1, 1/sqrt(p.Correct2)
	g, m, v = g[:len(w)], m[:len(w)], v[:len(w)]
	for i, x := range w {
		d := g[i]*p.GradScale + p.Decay*x
		m[i] = p.B1*m[i] + (1-p.B1)*d
		v[i] = p.B2*v[i] + (1-p.B2)*d*d
		w[i] = x - rate*m[i]/(sqrt(v[i])*scale+p.Eps)
	}
}

func adamWRow(w, g, m, v []float32, p *kernel.UpdateParams) {
	rate, scale, keep := p.LR/p.Correct1, 1/sqrt(p.Correct2), 1-p.LR*p.Decay
	g, m, v = g[:len(w)], m[:len(w)], v[:len(w)]
	for i, x := range w {
		d := g[i] * p.GradScale
		m[i] = p.B1*m[i] + (1-p.B1)*d
		v[i] = p.B2*v[i] + (1-p.B2)*d*d
		w[i] = x*keep - rate*m[i]/(sqrt(v[i])*scale+p.Eps)
	}
}

func adaGradRow(w, g, _, v []float32, p *kernel.UpdateParams) {
	g, v = g[:len(w)], v[:len(w)]
	for i, x := range w {
		d := g[i]*p.GradScale + p.Decay*x
		v[i] += d * d
		w[i] = x - p.LR*d/(sqrt(v[i])+p.Eps)
	}
}

func rmsPropRow(w, g, m, v []float32, p *kernel.UpdateParams) {
	g, v = g[:len(w)], v[:len(w)]
	for i, x := range w {
		d := g[i]*p.GradScale + p.Decay*x
		v[i] = p.B2*v[i] + (1-p.B2)*d*d
		step := d / (sqrt(v[i]) + p.Eps)
		if p.B1 > 0 {
			m[i] = p.B1*m[i] + step
			step = m[i]
		}
		w[i] = x - p.LR*step
	}
}
