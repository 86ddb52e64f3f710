package speech

import "math"

const (
	// loudRange is how far below its loudest energy a recording is heard, in nats: 50 decibels. What is
	// fainter is the silence of some microphone, or of none.
	loudRange = 11.5
	// voiceRange is how far a frame's mean energy may lie below that of the loudest frame to count as
	// voice, in nats: 22 decibels.
	voiceRange = 5
)

// Standardise takes the mean of a recording's energies (T, M) away and divides by their deviation: how
// loud it is goes. Both are taken over frames of voice, so that the silence around words does not
// change how the words look, and over all filters together: the mean of each filter by itself,
// as is usual with long recordings (Viikki & Laurila 1998), would take a short word's vowel with it.
// Energies of more than 50 decibels below the loudest are raised to that.
func Standardise(x []float32, M int) {
	loudest := float32(math.Inf(-1))
	for _, v := range x {
		loudest = max(loudest, v)
	}
	for i, v := range x {
		x[i] = max(v, loudest-loudRange)
	}
	n, sum := 0.0, 0.0
	least := loudestFrame(x, M) - voiceRange
	voice := func(f func(v float64)) {
		for t := 0; t < len(x); t += M {
			if frameMean(x[t:t+M]) < least {
				continue
			}
			for _, v := range x[t : t+M] {
				f(float64(v))
			}
		}
	}
	voice(func(v float64) { n, sum = n+1, sum+v })
	mean, squares := sum/n, 0.0
	voice(func(v float64) { squares += float64((v - mean) * (v - mean)) })
	scale := 1 / math.Sqrt(squares/n+1e-5)
	for i, v := range x {
		x[i] = float32((float64(v) - mean) * scale)
	}
}

func frameMean(frame []float32) (mean float64) {
	for _, v := range frame {
		mean += float64(v) / float64(len(frame))
	}
	return mean
}

// loudestFrame is the largest mean of a frame.
func loudestFrame(x []float32, M int) float64 {
	most := math.Inf(-1)
	for t := 0; t < len(x); t += M {
		most = max(most, frameMean(x[t:t+M]))
	}
	return most
}
