package format

// The search for scales is weighted least squares over a few candidates: a scale decides which
// whole number q each element is rounded to, and given the q the best scale is a quotient of
// sums. So some scales near the one that just fits the largest element are tried, those that
// cut it off too, and the best is improved by rounding with the scale that it gave.

// nearest rounds to the nearest whole number, ties to even, where |v| < 2²²: adding 1.5·2²³ leaves no
// room for a fraction.
func nearest(v float32) float32 { return (v + 0x1.8p23) - 0x1.8p23 }

// level is v rounded, from lo to hi. The conversions here and below keep a processor that
// multiplies and adds in one step from giving another number.
func level(v, lo, hi float32) float32 {
	if v <= lo {
		return lo
	}
	if v >= hi {
		return hi
	}
	return nearest(v)
}

// inverse is 1/d, and 0 of 0.
func inverse(d float32) float32 {
	if d == 0 {
		return 0
	}
	return 1 / d
}

// The candidates: so many tenths of a step more or less room than the largest element needs.
const (
	leastRoom = -8
	mostRoom  = 12
)

// fitScale returns the d that makes Σ w·(x−d·q)² small, where q = x/d is rounded to lo … hi.
func fitScale(x, w []float32, lo, hi float32) float32 {
	extreme := extremeOf(x)
	if extreme == 0 {
		return 0
	}
	var d, gain float32 // what d·q takes from Σ w·x²
	try := func(inv float32) {
		xq, qq := scaleSums(x, w, inv, lo, hi)
		if qq > 0 && float32(xq*xq) > float32(gain*qq) {
			d, gain = xq/qq, float32(xq*xq)/qq
		}
	}
	for room := leastRoom; room <= mostRoom; room++ {
		try((lo - float32(room)*0.1) / extreme)
	}
	for range 2 {
		try(inverse(d))
	}
	return d
}

// scaleSums returns Σ w·x·q and Σ w·q² with q = x·inv rounded.
func scaleSums(x, w []float32, inv, lo, hi float32) (xq, qq float32) {
	w = w[:len(x)]
	for i, v := range x {
		q := level(float32(v*inv), lo, hi)
		wq := float32(w[i] * q)
		xq += float32(wq * v)
		qq += float32(wq * q)
	}
	return xq, qq
}

// extremeOf is the element that is largest in absolute value, with its sign.
func extremeOf(x []float32) (extreme float32) {
	most := float32(0)
	for _, v := range x {
		if v > most || -v > most {
			extreme, most = v, max(v, -v)
		}
	}
	return extreme
}

// fitLine returns the scale and the offset that make Σ w·(x−scale·q−offset)² small, where q is
// rounded to 0 … hi. An offset that must not rise is at most 0.
func fitLine(x, w []float32, hi float32, rise bool) (scale, offset float32) {
	least, most := x[0], x[0]
	var sw, sx, sxx float32
	for i, v := range x {
		least, most = min(least, v), max(most, v)
		wx := float32(w[i] * v)
		sw, sx, sxx = sw+w[i], sx+wx, sxx+float32(wx*v)
	}
	if !rise {
		least = min(least, 0)
	}
	if most == least {
		return 0, least
	}
	scale, offset = (most-least)/hi, least
	best, first := float32(0), true
	try := func(inv, from float32) {
		sq, sqq, sxq := lineSums(x, w, inv, from, hi)
		det := float32(sw*sqq) - float32(sq*sq)
		if !(det > 0) {
			return
		}
		s, o := (float32(sw*sxq)-float32(sx*sq))/det, (float32(sqq*sx)-float32(sq*sxq))/det
		if o > 0 && !rise {
			s, o = sxq/sqq, 0
		}
		if rest := sxx - float32(s*sxq) - float32(o*sx); s > 0 && (first || rest < best) {
			scale, offset, best, first = s, o, rest, false
		}
	}
	for room := leastRoom; room <= mostRoom; room++ {
		try((hi+float32(room)*0.1)/(most-least), least)
	}
	for range 2 {
		try(inverse(scale), offset)
	}
	return scale, offset
}

// lineSums returns Σ w·q, Σ w·q² and Σ w·q·x with q = (x−from)·inv rounded.
func lineSums(x, w []float32, inv, from, hi float32) (sq, sqq, sxq float32) {
	w = w[:len(x)]
	for i, v := range x {
		q := level(float32((v-from)*inv), 0, hi)
		wq := float32(w[i] * q)
		sq += wq
		sqq += float32(wq * q)
		sxq += float32(wq * v)
	}
	return sq, sqq, sxq
}
