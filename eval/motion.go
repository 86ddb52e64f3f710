package eval

// What a frame-by-frame prediction is measured beside: to copy the last frame, and to go on
// with its motion. Frames are N × N, from 0 to 1.

// shiftedFrame moves a frame by dy rows and dx columns; what comes in from outside is black.
func shiftedFrame(x []float32, N, dy, dx int) []float32 {
	y := make([]float32, len(x))
	for r := max(0, dy); r < min(N, N+dy); r++ {
		from, to := max(0, dx), min(N, N+dx)
		if from < to {
			copy(y[r*N+from:r*N+to], x[(r-dy)*N+from-dx:])
		}
	}
	return y
}

// motion is by how many rows and columns, most at most, a frame is to be moved to be most like the
// next one; of equals the shortest.
func motion(before, after []float32, N, most int) (dy, dx int) {
	best, far := -1.0, 0
	for y := -most; y <= most; y++ {
		for x := -most; x <= most; x++ {
			e, d := squaredError(shiftedFrame(before, N, y, x), after), y*y+x*x
			if best < 0 || e < best || e == best && d < far {
				best, far, dy, dx = e, d, y, x
			}
		}
	}
	return dy, dx
}

// squaredError is Σ (x−y)².
func squaredError(x, y []float32) (sum float64) {
	for i := range x {
		d := float64(x[i] - y[i])
		sum += d * d
	}
	return sum
}

// cropped appends h × w pixels of a frame of N columns, the upper left one at a place.
func cropped(to, x []float32, N, h, w int, at [2]int) []float32 {
	for r := range h {
		to = append(to, x[(at[0]+r)*N+at[1]:][:w]...)
	}
	return to
}

// centred is the place of the h × w pixels around a frame's centre of mass, moved inside.
func centred(x []float32, N, h, w int) [2]int {
	var mass, y, z float64
	for i, v := range x {
		mass += float64(v)
		y += float64(v) * float64(i/N)
		z += float64(v) * float64(i%N)
	}
	if mass == 0 {
		return [2]int{(N - h) / 2, (N - w) / 2}
	}
	inside := func(centre float64, size int) int { return min(max(int(centre-float64(size-1)/2+0.5), 0), N-size) }
	return [2]int{inside(y/mass, h), inside(z/mass, w)}
}
