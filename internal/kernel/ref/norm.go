package ref

import (
	"math"

	"github.com/inkstone-ai/inkstone/internal/kernel"
)

// topAndSum is the maximum of row r and Σ exp(x−maximum): so nothing overflows.
func topAndSum(x mat, r int) (top, sum float64) {
	top = math.Inf(-1)
	for c := range x.Cols {
		top = max(top, at(x, r, c))
	}
	for c := range x.Cols {
		sum += math.Exp(at(x, r, c) - top)
	}
	return top, sum
}

func (device) Softmax(y, x mat, log bool) {
	kernel.CheckSoftmax(y, x)
	for r := range x.Rows {
		top, sum := topAndSum(x, r)
		for c := range x.Cols {
			s := at(x, r, c) - top
			set(y, r, c, choose(log, s-math.Log(sum), math.Exp(s)/sum), false)
		}
	}
}

func (device) SoftmaxGrad(dx, y, dy mat, log, acc bool) {
	kernel.CheckSoftmaxGrad(dx, y, dy)
	for r := range y.Rows {
		sum := 0.0
		for c := range y.Cols {
			sum += at(dy, r, c) * choose(log, 1, at(y, r, c))
		}
		for c := range y.Cols {
			d := at(y, r, c) * (at(dy, r, c) - sum)
			if log {
				d = at(dy, r, c) - math.Exp(at(y, r, c))*sum
			}
			set(dx, r, c, d, acc)
		}
	}
}

func (device) CrossEntropy(loss, dlogits, logits, targets, weights mat, ignore int32, smoothing float32) {
	kernel.CheckCrossEntropy(loss, dlogits, logits, targets, weights, ignore)
	e, classes := float64(smoothing), float64(logits.Cols)
	for r := range logits.Rows {
		target, weight := integer(targets, r), 1.0
		if !weights.Nil() {
			weight = number(weights, r)
		}
		if target == int(ignore) {
			target, weight = 0, 0
		}
		top, sum := topAndSum(logits, r)
		lse, mean := top+math.Log(sum), 0.0
		for c := range logits.Cols {
			mean += at(logits, r, c) / classes
		}
		l := (1-e)*(lse-at(logits, r, target)) + choose(e == 0, 0, e*(lse-mean))
		put(loss.Buf, loss.At(r), choose(weight == 0, 0, weight*l), false)
		if dlogits.Nil() {
			continue
		}
		for c := range logits.Cols {
			d := math.Exp(at(logits, r, c)-lse) - e/classes - choose(c == target, 1-e, 0)
			set(dlogits, r, c, choose(weight == 0, 0, weight*d), false)
		}
	}
}

// weight is element c of a scale that may be absent.
func weight(w mat, c int) float64 {
	if w.Nil() {
		return 1
	}
	return at(w, 0, c)
}

func (device) Norm(kind kernel.NormKind, y, stats, x, w, b mat, eps float32) {
	kernel.CheckNorm(y, stats, x, w, b)
	n := float64(x.Cols)
	for r := range x.Rows {
		mean, variance := 0.0, 0.0
		if kind == kernel.LayerNorm {
			for c := range x.Cols {
				mean += at(x, r, c) / n
			}
		}
		for c := range x.Cols {
			d := at(x, r, c) - mean
			variance += d * d / n
		}
		rstd := 1 / math.Sqrt(variance+float64(eps))
		for c := range x.Cols {
			z := (at(x, r, c) - mean) * rstd * weight(w, c)
			if !b.Nil() {
				z += at(b, 0, c)
			}
			set(y, r, c, z, false)
		}
		if !stats.Nil() {
			set(stats, r, 0, mean, false)
			set(stats, r, 1, rstd, false)
		}
	}
}

// NormGrad, with x̂ = (x−mean)/σ and g = dy·w: dx = (g − mean(g) − x̂·mean(g·x̂))/σ,
// where RMSNorm has no mean(g) because it subtracts no mean.
func (device) NormGrad(kind kernel.NormKind, dx, dw, db, x, w, dy, stats mat, acc bool) {
	kernel.CheckNormGrad(dx, dw, db, x, w, dy, stats)
	n := float64(x.Cols)
	if !dw.Nil() || !db.Nil() {
		for c := range x.Cols {
			sumW, sumB := 0.0, 0.0
			for r := range x.Rows {
				sumW += at(dy, r, c) * (at(x, r, c) - at(stats, r, 0)) * at(stats, r, 1)
				sumB += at(dy, r, c)
			}
			if !dw.Nil() {
				set(dw, 0, c, sumW, true)
			}
			if !db.Nil() {
				set(db, 0, c, sumB, true)
			}
		}
	}
	for r := range x.Rows {
		mean, rstd := at(stats, r, 0), at(stats, r, 1)
		meanG, meanGX := 0.0, 0.0
		for c := range x.Cols {
			g := at(dy, r, c) * weight(w, c)
			meanG += choose(kind == kernel.LayerNorm, g/n, 0)
			meanGX += g * (at(x, r, c) - mean) * rstd / n
		}
		for c := range x.Cols {
			g := at(dy, r, c) * weight(w, c)
			set(dx, r, c, rstd*(g-meanG-(at(x, r, c)-mean)*rstd*meanGX), acc)
		}
	}
}
