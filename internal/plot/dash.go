package plot

import "math"

// Lengths of a dash and of the gap after it, in points.
const dash, gap = 14, 12

// dashes cuts a polyline into dashes; its pace goes on around corners.
func dashes(points [][2]int) (all [][][2]int) {
	now, left, inked := [][2]int{points[0]}, float64(dash), true
	for i := 1; i < len(points); i++ {
		from, to := points[i-1], points[i]
		dx, dy := float64(to[0]-from[0]), float64(to[1]-from[1])
		length, at := math.Hypot(dx, dy), 0.0
		for length-at > left {
			at += left
			cut := [2]int{from[0] + int(math.Round(dx*at/length)), from[1] + int(math.Round(dy*at/length))}
			if inked {
				all = append(all, append(now, cut))
			}
			now, inked, left = [][2]int{cut}, !inked, gap
			if inked {
				left = dash
			}
		}
		left -= length - at
		now = append(now, to)
	}
	if inked {
		all = append(all, now)
	}
	return all
}
