package format_test

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/internal/testkit"
)

// written are the quantised types that are written.
var written = []format.DType{format.Q8_0, format.Q4_0, format.Q4_1, format.Q5_0, format.Q5_1, format.Q4_K, format.Q5_K, format.Q6_K}

// quantised are the numbers of x after Quantise.
func quantised(t testing.TB, d format.DType, x []float32, cols int, importance []float32) []float32 {
	t.Helper()
	b, err := format.Quantise(d, x, cols, importance, 0)
	if err != nil {
		t.Fatal(err)
	}
	y, err := format.F32s(format.Tensor{DType: d, Shape: []int{len(x) / cols, cols}, Data: b})
	if err != nil {
		t.Fatal(err)
	}
	return y
}

// rmse is the root of the mean of w·(x−y)², w of the columns; nil: 1.
func rmse(x, y, w []float32) float64 {
	sum := 0.0
	for i := range x {
		e := float64(x[i]) - float64(y[i])
		if w != nil {
			e *= math.Sqrt(float64(w[i%len(w)]))
		}
		sum += e * e
	}
	return math.Sqrt(sum / float64(len(x)))
}

// TestQuantiseError: on normal weights the error is at most that of ggml's own library, with and
// without importance.
func TestQuantiseError(t *testing.T) {
	var golden struct {
		X, Importance testkit.Floats
		Types         map[format.DType]struct{ RMSE, Weighted float64 }
	}
	testkit.Golden(t, "testdata/quantise.json", &golden)
	for _, d := range written {
		t.Run(string(d), func(t *testing.T) {
			want := golden.Types[d]
			got := rmse(golden.X, quantised(t, d, golden.X, 512, nil), nil)
			weighted := rmse(golden.X, quantised(t, d, golden.X, 512, golden.Importance), golden.Importance)
			t.Logf("error %.4f of ggml's, with importance %.4f", got/want.RMSE, weighted/want.Weighted)
			if !(got <= 1.001*want.RMSE) || !(weighted <= 1.001*want.Weighted) {
				t.Errorf("error %g and %g with importance, ggml's are %g and %g", got, weighted, want.RMSE, want.Weighted)
			}
			if got < want.RMSE/2 {
				t.Errorf("error %g is too good for %s", got, d)
			}
		})
	}
}

// TestQuantiseExact: numbers that a type has are kept: zeros, and whole numbers times a scale.
func TestQuantiseExact(t *testing.T) {
	for _, d := range written {
		whole := make([]float32, 512)
		for i := range whole {
			whole[i] = float32(i%16-8) / 4 // every level of four bits
		}
		if d == format.Q8_0 {
			for i := range whole {
				whole[i] = float32(i*7%255-127) / 8
				if i%32 == 0 {
					whole[i] = 127. / 8
				}
			}
		}
		if d == format.Q4_1 || d == format.Q5_1 {
			for i := range whole {
				whole[i] += 100
			}
		}
		for name, x := range map[string][]float32{"zeros": make([]float32, 512), "whole numbers": whole} {
			testkit.Close(t, fmt.Sprint(d, " of ", name), quantised(t, d, x, 256, nil), x, 2e-3, 0)
		}
	}
}

// TestQuantiseStrange: blocks of one number, of one sign, with an outlier, tiny and large ones come
// out near what they were, and never as NaN.
func TestQuantiseStrange(t *testing.T) {
	shapes := map[string]func(i int) float32{
		"constant":    func(int) float32 { return 0.75 },
		"negative":    func(i int) float32 { return -1 - float32(i%7)/8 },
		"positive":    func(i int) float32 { return 1 + float32(i%5)/8 },
		"outlier":     func(i int) float32 { return float32(i&1) + 100*float32(i/200%2*(1-min(i%200, 1))) },
		"one is not":  func(i int) float32 { return float32(1 - min(i%256, 1)) },
		"tiny":        func(i int) float32 { return float32(i%9-4) * 1e-30 },
		"large":       func(i int) float32 { return float32(i%9-4) * 1e4 },
		"alternating": func(i int) float32 { return float32(i&1*2 - 1) },
	}
	for _, d := range written {
		for name, shape := range shapes {
			x := make([]float32, 512)
			most := 0.0
			for i := range x {
				x[i] = shape(i)
				most = max(most, math.Abs(float64(x[i])))
			}
			for i, y := range quantised(t, d, x, 256, nil) {
				if e := math.Abs(float64(y - x[i])); !(e <= most/7 || most < 1e-7) || !(e <= most*1.01) {
					t.Errorf("%s of %s: element %d is %g, was %g", d, name, i, y, x[i])
					break
				}
			}
		}
	}
}

// TestQuantiseHalves: F32 is kept, F16 and BF16 are rounded to the nearest.
func TestQuantiseHalves(t *testing.T) {
	x := []float32{0, 1, -2.5, 0.1, 65504, 6e-8}
	testkit.SameBits(t, "F32", quantised(t, format.F32, x, 2, nil), x)
	testkit.Close(t, "F16", quantised(t, format.F16, x, 3, nil), x, 0x1p-11, 0x1p-25)
	testkit.Close(t, "BF16", quantised(t, format.BF16, x, 6, nil), x, 0x1p-8, 0)
}

// TestQuantiseImportance: a column that matters more is met better.
func TestQuantiseImportance(t *testing.T) {
	for _, d := range written[1:] {
		x, w := make([]float32, 256), make([]float32, 256)
		for i := range x {
			x[i], w[i] = float32(math.Sin(float64(3*i*i))), 1e-3
			if i%8 == 0 {
				w[i] = 1
			}
		}
		flat, with := quantised(t, d, x, 256, nil), quantised(t, d, x, 256, w)
		if got, want := rmse(x, with, w), rmse(x, flat, w); !(got < 0.95*want) {
			t.Errorf("%s: error %g with importance, %g without", d, got, want)
		}
		testkit.SameBits(t, fmt.Sprint(d, ": no column matters"), quantised(t, d, x, 256, make([]float32, 256)), flat)
	}
}

// TestQuantiseUnused: columns that the calibration never used are not lost, beside others that it did.
func TestQuantiseUnused(t *testing.T) {
	for _, d := range written {
		x, w := make([]float32, 256), make([]float32, 256)
		for i := range x {
			x[i], w[i] = float32(i%13)-6, float32(i/16%2)
		}
		for i, y := range quantised(t, d, x, 256, w) {
			if math.Abs(float64(y-x[i])) > 1 {
				t.Errorf("%s: element %d is %g, was %g", d, i, y, x[i])
				break
			}
		}
	}
}

// TestQuantiseThreads: the same bytes for any number of threads.
func TestQuantiseThreads(t *testing.T) {
	x := make([]float32, 37*256)
	for i := range x {
		x[i] = float32(math.Sin(float64(i * i)))
	}
	for _, d := range written {
		var first []byte
		for _, n := range []int{0, 1, 2, 7} {
			b, err := format.Quantise(d, x, 256, nil, n)
			if err != nil {
				t.Fatal(err)
			}
			if first == nil {
				first = b
			}
			if !bytes.Equal(b, first) {
				t.Errorf("%s: %d threads give other bytes", d, n)
			}
		}
	}
}

func TestQuantiseRefuses(t *testing.T) {
	with := func(at int, v float32) []float32 {
		x := make([]float32, 512)
		x[at] = v
		return x
	}
	nan, inf := float32(math.NaN()), float32(math.Inf(-1))
	tests := []struct {
		name       string
		d          format.DType
		x          []float32
		cols       int
		importance []float32
		want       string
	}{
		{"NaN", format.Q4_K, with(300, nan), 256, nil, "element 300, row 1 column 44, is NaN"},
		{"infinity", format.F32, with(5, inf), 256, nil, "element 5, row 0 column 5, is -Inf"},
		{"broken blocks", format.Q4_K, make([]float32, 512), 128, nil, "no whole number of blocks of 256"},
		{"broken rows", format.F16, make([]float32, 512), 100, nil, "512 numbers in rows of 100"},
		{"type", format.Q2_K, make([]float32, 512), 256, nil, "type Q2_K is not written"},
		{"F16", format.F16, with(1, 65520), 256, nil, "row 0: column 1, 65520, is beyond the range of F16"},
		{"BF16", format.BF16, with(257, math.MaxFloat32), 256, nil, "row 1: column 1, 3.4028235e+38, is beyond the range of BF16"},
		{"scale", format.Q8_0, with(290, 1e8), 256, nil, "row 1: columns 32 to 63: a scale of 787401.56 is beyond the range of F16"},
		{"scale of a block", format.Q6_K, with(290, 1e10), 256, nil, "is beyond the range of F16"},
		{"importance", format.Q4_0, make([]float32, 512), 256, []float32{1}, "1 weights of importance for 256 columns"},
		{"negative", format.Q4_0, make([]float32, 512), 256, with(3, -1)[:256], "the importance of column 3 is -1"},
		{"importance NaN", format.Q4_0, make([]float32, 512), 256, with(3, nan)[:256], "the importance of column 3 is NaN"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := format.Quantise(tt.d, tt.x, tt.cols, tt.importance, 0); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func BenchmarkQuantise(b *testing.B) {
	x := make([]float32, 64*1024)
	for i := range x {
		x[i] = float32(math.Sin(float64(i * i)))
	}
	for _, d := range written {
		b.Run(string(d), func(b *testing.B) {
			b.SetBytes(4 * int64(len(x)))
			for b.Loop() {
				if _, err := format.Quantise(d, x, 1024, nil, 0); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
