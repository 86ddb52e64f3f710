package cpu

import "math"

func weighGeneric(s *float32, ld, keys int, q *lanes, lane, count, first, masked int, scale float32) {
	tile := elements(s, (keys-1)*ld+lane+count)
	for l := lane; l < lane+count; l++ {
		top := q.top[l]
		for j := range keys {
			x := &tile[j*ld+l]
			*x *= scale
			if masked != 0 && q.hides(l, first+j) {
				*x = float32(math.Inf(-1))
			}
			top = max(top, *x)
		}
		// A lane that has seen nothing yet has top −∞: −∞ − 0, not −∞ − (−∞).
		base := top
		if math.IsInf(float64(top), -1) {
			base = 0
		}
		fade := float32(math.Exp(float64(q.top[l] - base)))
		sum := q.sum[l] * fade
		for j := range keys {
			x := &tile[j*ld+l]
			*x = float32(math.Exp(float64(*x - base)))
			sum += *x
		}
		q.top[l], q.sum[l], q.fade[l] = top, sum, fade
	}
}

func slopesGeneric(s, dp *float32, ld, keys int, q *lanes, lane, count, first, masked int, scale float32) {
	weights, grads := elements(s, (keys-1)*ld+lane+count), elements(dp, (keys-1)*ld+lane+count)
	for j := range keys {
		for l := lane; l < lane+count; l++ {
			i, p := j*ld+l, float32(0)
			if masked == 0 || !q.hides(l, first+j) {
				p = float32(math.Exp(float64(weights[i]*scale - q.top[l])))
			}
			weights[i], grads[i] = p, (grads[i]-q.sum[l])*p*scale
		}
	}
}

// hides reports whether lane l does not see key j.
func (q *lanes) hides(l, j int) bool { return int32(j) < q.from[l] || int32(j) >= q.to[l] }

func scaleRowsGeneric(x *float32, ld int, by *float32, rows, cols int) {
	data := elements(x, (rows-1)*ld+cols)
	for i, f := range elements(by, rows) {
		for j := range data[i*ld:][:cols] {
			data[i*ld+j] *= f
		}
	}
}
