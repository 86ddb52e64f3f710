package corpus

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
)

// WriteWAV writes samples of one channel, −1 to 1, as a WAV file of 16 bits. What lies outside becomes
// the nearer of the two.
//
// Errors: no samples, or so many that the format has no number for them; a sample that is not a
// number; a rate below 1; what w says.
func WriteWAV(w io.Writer, rate int, samples []float32) error {
	const most = (math.MaxUint32 - 36) / 2
	if rate < 1 || rate > math.MaxUint32/2 || len(samples) < 1 || len(samples) > most {
		return fmt.Errorf("corpus: a WAV file of %d samples, %d a second: want 1 to %d samples, 1 or more a second", len(samples), rate, most)
	}
	b := append(make([]byte, 0, 44+2*len(samples)), "RIFF"...)
	four := func(n int) { b = binary.LittleEndian.AppendUint32(b, uint32(n)) }
	two := func(n int) { b = binary.LittleEndian.AppendUint16(b, uint16(n)) }
	four(36 + 2*len(samples))
	b = append(b, "WAVEfmt "...)
	four(16)
	two(wavPCM)
	two(1) // channel
	four(rate)
	four(2 * rate) // bytes a second
	two(2)         // bytes of a sample
	two(16)        // bits of one
	b = append(b, "data"...)
	four(2 * len(samples))
	for i, v := range samples {
		if v != v {
			return fmt.Errorf("corpus: sample %d is not a number", i)
		}
		two(int(math.Round(min(max(32768*float64(v), -32768), 32767))))
	}
	_, err := w.Write(b)
	return err
}
