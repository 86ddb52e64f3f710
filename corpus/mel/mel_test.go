package mel_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/corpus/mel"
	"github.com/inkstone-ai/inkstone/internal/testkit"
)

// TestLogMelEqualsPyTorch compares with torch.stft and a filter bank of numpy, see
// testdata/golden.py.
func TestLogMelEqualsPyTorch(t *testing.T) {
	var file struct {
		Torch string `json:"torch"`
		Cases map[string]struct {
			Rate     int       `json:"rate"`
			Window   int       `json:"window"`
			Hop      int       `json:"hop"`
			FFT      int       `json:"fft"`
			Mels     int       `json:"mels"`
			Low      float64   `json:"low"`
			High     float64   `json:"high"`
			Floor    float64   `json:"floor"`
			Samples  []float32 `json:"samples"`
			Frames   int       `json:"frames"`
			Energies []float32 `json:"energies"`
		} `json:"cases"`
	}
	testkit.Golden(t, "testdata/golden.json", &file)
	for name, c := range file.Cases {
		f, err := mel.New(mel.Options{Rate: c.Rate, Window: c.Window, Hop: c.Hop, FFT: c.FFT, Mels: c.Mels, Low: c.Low, High: c.High, Floor: c.Floor})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if n := f.Frames(len(c.Samples)); n != c.Frames {
			t.Errorf("%s: %d frames, want %d", name, n, c.Frames)
		}
		testkit.Close(t, name, f.LogMel(c.Samples), c.Energies, 1e-6, 1e-6)
	}
}

func TestDefaults(t *testing.T) {
	f, err := mel.New(mel.Options{Rate: 8000})
	if err != nil {
		t.Fatal(err)
	}
	want := mel.Options{Rate: 8000, Window: 200, Hop: 80, FFT: 256, Mels: 40, High: 4000, Floor: 1e-10}
	if got := f.Options(); got != want || f.Mels() != 40 {
		t.Errorf("got %+v, want %+v", got, want)
	}
	for n, frames := range map[int]int{0: 0, 1: 1, 200: 1, 201: 2, 280: 2, 281: 3} {
		if got := f.Frames(n); got != frames || len(f.LogMel(make([]float32, n))) != 40*frames {
			t.Errorf("%d samples are %d frames, want %d", n, got, frames)
		}
	}
}

func TestRefused(t *testing.T) {
	for _, tt := range []struct {
		o    mel.Options
		says string
	}{
		{mel.Options{}, "rate 0"},
		{mel.Options{Rate: 8000, FFT: 100}, "FFT no shorter than the window"},
		{mel.Options{Rate: 8000, Hop: -1}, "hop -1"},
		{mel.Options{Rate: 8000, High: 4001}, "filters from 0 to 4001 Hz"},
		{mel.Options{Rate: 8000, Low: 4000}, "filters from 4000 to 4000 Hz"},
		{mel.Options{Rate: 8000, Floor: math.NaN()}, "floor NaN"},
		{mel.Options{Rate: 8000, Floor: math.Inf(1)}, "floor +Inf"},
		{mel.Options{Rate: 8000, Floor: -1}, "floor -1"},
		{mel.Options{Rate: 8000, Mels: 128}, "no bin of an FFT of 256 lies under filter 0 of 128"},
	} {
		if _, err := mel.New(tt.o); err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%+v: %v, want %q", tt.o, err, tt.says)
		}
	}
}

// A tone of 1000 Hz is loudest in the filter whose peak is next to it.
func Example() {
	f, err := mel.New(mel.Options{Rate: 8000, Mels: 20})
	if err != nil {
		panic(err)
	}
	x := make([]float32, 400)
	for i := range x {
		x[i] = float32(math.Sin(2 * math.Pi * 1000 * float64(i) / 8000))
	}
	y := f.LogMel(x) // (T, M)
	loudest := 0
	for m, v := range y[:f.Mels()] {
		if v > y[loudest] {
			loudest = m
		}
	}
	fmt.Printf("%d frames of %d, the loudest filter is %d\n", f.Frames(len(x)), f.Mels(), loudest)
	// Output: 4 frames of 20, the loudest filter is 9
}

// BenchmarkLogMel is a second of sound at 16 kHz.
func BenchmarkLogMel(b *testing.B) {
	f, err := mel.New(mel.Options{Rate: 16000})
	if err != nil {
		b.Fatal(err)
	}
	x := make([]float32, 16000)
	for i := range x {
		x[i] = float32(math.Sin(float64(i) * 0.3))
	}
	for b.Loop() {
		f.LogMel(x)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "seconds/s")
}
