// Package mel turns sound into rows of log-mel energies, what models of speech read. It knows
// samples and frames, no files, labels or tensors.
//
// A frame is Window samples; frames begin Hop samples apart. Of a frame x and the bins k of
// an FFT over F ≥ Window samples, zeros behind the frame:
//
//	w[n] = ½ − ½·cos(2π·n/Window)                           (Hann, periodic)
//	p[k] = |Σ_n w[n]·x[n]·e^(−2πi·kn/F)|²                   (power, k = 0 … F/2)
//	y[m] = ln max(Floor, Σ_k h_m(k·Rate/F)·p[k])            (M energies)
//
// The filter h_m is a triangle with its peak, 1, at the m-th of M points between Low and High
// that are spread evenly on HTK's mel scale, mel(f) = 2595·log10(1 + f/700) (Young et al., The
// HTK Book, section 5.4), and its feet at the points beside it; the sides are
// straight lines over f in Hz. Filters are not scaled by their width, as Slaney's are. It is what
// torchaudio's MelScale computes by default.
//
// Letters: T frames, M mel filters, F samples of the FFT.
package mel

import (
	"fmt"
	"math"
	"math/cmplx"

	"gonum.org/v1/gonum/dsp/fourier"
)

// Options say how energies are computed. Those that are 0 have the values in brackets.
type Options struct {
	Rate   int     // samples a second
	Window int     // samples of a frame (25 ms)
	Hop    int     // samples from one frame's start to the next (10 ms)
	FFT    int     // samples, at least Window (the next power of two)
	Mels   int     // M (40)
	Low    float64 // Hz, the lower foot of the first filter (0)
	High   float64 // Hz, the upper foot of the last (Rate/2)
	Floor  float64 // the least energy (1e-10)
}

// The most that a front end may be asked for: a setting of a few bytes must not ask for gigabytes.
const (
	mostRate = 1 << 24 // samples a second
	mostFFT  = 1 << 20
	mostMels = 1 << 12
)

func (o *Options) defaults() {
	set := func(v *int, to int) {
		if *v == 0 {
			*v = to
		}
	}
	set(&o.Window, min(o.Rate, mostRate)*25/1000)
	set(&o.Hop, o.Rate/100)
	power := 1
	for power < o.Window && power <= mostFFT {
		power *= 2
	}
	set(&o.FFT, power)
	set(&o.Mels, 40)
	if o.High == 0 {
		o.High = float64(o.Rate) / 2
	}
	if o.Floor == 0 {
		o.Floor = 1e-10
	}
}

func (o *Options) check() error {
	if o.Rate > mostRate || o.Window > mostFFT || o.FFT > mostFFT || o.Mels > mostMels {
		return fmt.Errorf("mel: rate %d, window %d, FFT of %d, %d filters: want at most %d, %d, %d, %d", o.Rate, o.Window, o.FFT, o.Mels, mostRate, mostFFT, mostFFT, mostMels)
	}
	if o.Rate < 1 || o.Window < 1 || o.Hop < 1 || o.Mels < 1 || o.FFT < o.Window {
		return fmt.Errorf("mel: rate %d, window %d, hop %d, %d filters, FFT of %d: want 1 or more, and an FFT no shorter than the window", o.Rate, o.Window, o.Hop, o.Mels, o.FFT)
	}
	if !(o.Low >= 0 && o.Low < o.High && o.High <= float64(o.Rate)/2) {
		return fmt.Errorf("mel: filters from %g to %g Hz: want 0 ≤ low < high ≤ %g, half the rate", o.Low, o.High, float64(o.Rate)/2)
	}
	if !(o.Floor > 0) || math.IsInf(o.Floor, 0) {
		return fmt.Errorf("mel: floor %g, want a positive number", o.Floor)
	}
	return nil
}

// A Frontend computes energies with one setting. One goroutine uses it at a time.
type Frontend struct {
	o       Options
	window  []float64
	filters []filter
	fft     *fourier.FFT
	frame   []float64
	bins    []complex128
	power   []float64
}

// A filter's weights are those of the bins from first on; all others are 0.
type filter struct {
	first   int
	weights []float64
}

// New returns a front end. A setting that makes no sense is an error, and so is a filter so
// narrow that no bin of the FFT lies under it: its energy would always be the floor.
func New(o Options) (*Frontend, error) {
	o.defaults()
	if err := o.check(); err != nil {
		return nil, err
	}
	f := &Frontend{o: o, fft: fourier.NewFFT(o.FFT), frame: make([]float64, o.FFT)}
	f.bins, f.power = make([]complex128, o.FFT/2+1), make([]float64, o.FFT/2+1)
	f.window = make([]float64, o.Window)
	for n := range f.window {
		f.window[n] = 0.5 - 0.5*math.Cos(2*math.Pi*float64(n)/float64(o.Window))
	}
	for m := range o.Mels {
		h := o.filter(m)
		if len(h.weights) == 0 {
			return nil, fmt.Errorf("mel: no bin of an FFT of %d lies under filter %d of %d, from %.1f to %.1f Hz: use fewer filters, a longer FFT or a higher low end",
				o.FFT, m, o.Mels, o.point(m), o.point(m+2))
		}
		f.filters = append(f.filters, h)
	}
	return f, nil
}

// Hz to mel and back, by the HTK's formula.
func toMel(hz float64) float64  { return 2595 * math.Log10(1+hz/700) }
func fromMel(m float64) float64 { return 700 * (math.Pow(10, m/2595) - 1) }

// point is the i-th of the M+2 points, feet included, in Hz.
func (o *Options) point(i int) float64 {
	low, high := toMel(o.Low), toMel(o.High)
	return fromMel(low + (high-low)*float64(i)/float64(o.Mels+1))
}

func (o *Options) filter(m int) (h filter) {
	left, peak, right := o.point(m), o.point(m+1), o.point(m+2)
	for k := range o.FFT/2 + 1 {
		hz := float64(k) * float64(o.Rate) / float64(o.FFT)
		w := min((hz-left)/(peak-left), (right-hz)/(right-peak))
		if w <= 0 {
			continue
		}
		if len(h.weights) == 0 {
			h.first = k
		}
		h.weights = append(h.weights, w)
	}
	return h
}

// Options returns the settings in force.
func (f *Frontend) Options() Options { return f.o }

// Mels is M.
func (f *Frontend) Mels() int { return f.o.Mels }

// Frames is the number of frames of n samples: every sample is in one, the last frame has
// zeros behind the end; of no samples there are none.
func (f *Frontend) Frames(n int) int {
	if n <= 0 {
		return 0
	}
	return 1 + (max(0, n-f.o.Window)+f.o.Hop-1)/f.o.Hop
}

// LogMel returns the energies of a signal, (T, M) row by row.
func (f *Frontend) LogMel(x []float32) []float32 {
	frames := f.Frames(len(x))
	y := make([]float32, 0, frames*f.o.Mels)
	for t := range frames {
		f.spectrum(x[t*f.o.Hop : min(t*f.o.Hop+f.o.Window, len(x))])
		for _, h := range f.filters {
			sum := 0.0
			for i, w := range h.weights {
				sum += w * f.power[h.first+i]
			}
			y = append(y, float32(math.Log(max(f.o.Floor, sum))))
		}
	}
	return y
}

// spectrum sets power to that of a frame.
func (f *Frontend) spectrum(x []float32) {
	clear(f.frame)
	for n, v := range x {
		f.frame[n] = f.window[n] * float64(v)
	}
	f.fft.Coefficients(f.bins, f.frame)
	for k, c := range f.bins {
		r := cmplx.Abs(c)
		f.power[k] = r * r
	}
}
