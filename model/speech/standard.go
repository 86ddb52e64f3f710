package speech

import "math"

// loudRange is how far below its loudest energy a recording is heard, in nats: 50 decibels. What is
// fainter is the silence of some microphone, or of none.
const loudRange = 11.5

// Standardise takes each filter's mean over a recording (T, M) away and divides by its deviation:
// loudness, microphone and room go (Viikki & Laurila 1998, "Cepstral domain segmental feature
// vector normalization for noise robust speech recognition", here of energies). Energies of more
// than 50 decibels below the loudest are raised to that. A filter that never changes becomes 0.
func Standardise(x []float32, M int) {
	loudest := float32(math.Inf(-1))
	for _, v := range x {
		loudest = max(loudest, v)
	}
	for i, v := range x {
		x[i] = max(v, loudest-loudRange)
	}
	for m := range M {
		standardise(x[min(m, len(x)):], M)
	}
}

// standardise is Standardise for every M-th number.
func standardise(x []float32, M int) {
	n, sum, squares := 0.0, 0.0, 0.0
	for i := 0; i < len(x); i += M {
		n++
		sum += float64(x[i])
	}
	mean := sum / n
	for i := 0; i < len(x); i += M {
		d := float64(x[i]) - mean
		squares += float64(d * d)
	}
	scale := 1 / math.Sqrt(squares/n+1e-5)
	for i := 0; i < len(x); i += M {
		x[i] = float32((float64(x[i]) - mean) * scale)
	}
}
