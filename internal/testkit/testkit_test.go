package testkit_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/internal/testkit"
)

// recorder is a testing.TB that keeps what a check says, and stops its
// goroutine as the real one does.
type recorder struct {
	testing.TB
	said string
}

func (r *recorder) Helper() {}

func (r *recorder) Errorf(format string, args ...any) {
	r.said += "error: " + fmt.Sprintf(format, args...)
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.said += "fatal: " + fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func (r *recorder) Skipf(format string, args ...any) {
	r.said += "skip: " + fmt.Sprintf(format, args...)
	runtime.Goexit()
}

// record returns what check says to its testing.TB.
func record(check func(t testing.TB)) string {
	r := &recorder{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		check(r)
	}()
	<-done
	return r.said
}

func TestClose(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	tests := []struct {
		name       string
		got, want  []float64
		rtol, atol float64
		says       string // a part of the message, empty when the numbers are close
	}{
		{"equal", []float64{1, 2}, []float64{1, 2}, 0, 0, ""},
		{"empty", nil, []float64{}, 0, 0, ""},
		{"lengths", []float64{1}, []float64{1, 2}, 1, 1, "got 1 numbers, want 2"},
		{"within rtol", []float64{100.9}, []float64{100}, 0.01, 0, ""},
		{"beyond rtol", []float64{101.1}, []float64{100}, 0.01, 0, "[0]: got 101.1, want 100"},
		{"within atol", []float64{1e-9}, []float64{0}, 0, 1e-8, ""},
		{"beyond atol", []float64{1e-7}, []float64{0}, 0, 1e-8, "[0]: got 1e-07, want 0"},
		{"worst, not first", []float64{1.1, 3, 1.2}, []float64{1, 1, 1}, 0, 0.01, "3 of 3 numbers differ by more than rtol 0 and atol 0.01; the worst is [1]: got 3"},
		{"worst counts tolerances", []float64{102, 0.5}, []float64{100, 0}, 0.01, 0.01, "the worst is [1]"},
		{"NaN and NaN", []float64{nan}, []float64{nan}, 0, 0, ""},
		{"NaN and number", []float64{nan}, []float64{1}, 1, 1, "got NaN, want 1"},
		{"number and NaN", []float64{1}, []float64{nan}, 1, 1, "got 1, want NaN"},
		{"infinity", []float64{inf}, []float64{inf}, 0, 0, ""},
		{"infinities", []float64{inf}, []float64{-inf}, 1, 1, "got +Inf, want -Inf"},
		{"infinity and number", []float64{inf}, []float64{3}, 1, 1, "got +Inf, want 3"},
		{"number and infinity", []float64{3}, []float64{inf}, 1, 1, "got 3, want +Inf"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var ok bool
			said := record(func(t testing.TB) { ok = testkit.Close(t, "x", tt.got, tt.want, tt.rtol, tt.atol) })
			if ok != (tt.says == "") || ok != (said == "") || !strings.Contains(said, tt.says) {
				t.Errorf("returned %v and said %q, want %q", ok, said, tt.says)
			}
		})
	}
}

func TestSameBits(t *testing.T) {
	negative := float32(math.Copysign(0, -1))
	quiet, signalling := math.Float32frombits(0x7fc00001), math.Float32frombits(0x7f800001)
	tests := []struct {
		name      string
		got, want []float32
		says      string
	}{
		{"equal", []float32{1, signalling}, []float32{1, signalling}, ""},
		{"lengths", []float32{1}, nil, "got 1 numbers, want 0"},
		{"zeros", []float32{1, 0, 2}, []float32{1, negative, 3}, "2 of 3 numbers differ in their bits; the first is [1]"},
		{"NaNs", []float32{quiet}, []float32{signalling}, "0x7fc00001"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var ok bool
			said := record(func(t testing.TB) { ok = testkit.SameBits(t, "x", tt.got, tt.want) })
			if ok != (tt.says == "") || ok != (said == "") || !strings.Contains(said, tt.says) {
				t.Errorf("returned %v and said %q, want %q", ok, said, tt.says)
			}
		})
	}
}

func TestGradient(t *testing.T) {
	f := func(x []float64) float64 { return math.Exp(x[0]) * math.Sin(x[1]) * x[2] * x[2] }
	x := []float64{0.3, -1.2, 50}
	e, s, c := math.Exp(x[0]), math.Sin(x[1]), math.Cos(x[1])
	want := []float64{e * s * x[2] * x[2], e * c * x[2] * x[2], 2 * e * s * x[2]}
	testkit.Close(t, "gradient", testkit.Gradient(f, x, 1e-3), want, 1e-10, 0)
	testkit.SameBits(t, "x afterwards", x, []float64{0.3, -1.2, 50})

	if !testkit.CheckGradient(t, "f", f, x, want, 1e-3, 1e-9, 0) {
		t.Error("a right gradient was refused")
	}
	want[1] *= 1.001
	if said := record(func(t testing.TB) { testkit.CheckGradient(t, "f", f, x, want, 1e-3, 1e-6, 0) }); !strings.Contains(said, "[1]") {
		t.Errorf("a wrong gradient passed: %q", said)
	}
}

func TestGolden(t *testing.T) {
	var v struct {
		Name   string    `json:"name"`
		Values []float64 `json:"values"`
	}
	testkit.Golden(t, "testdata/golden.json", &v)
	if v.Name != "two numbers" || len(v.Values) != 2 {
		t.Errorf("got %+v", v)
	}
	var narrow struct {
		Name string `json:"name"`
	}
	if said := record(func(t testing.TB) { testkit.Golden(t, "testdata/golden.json", &narrow) }); !strings.Contains(said, "unknown field") {
		t.Errorf("an unknown key passed: %q", said)
	}
	two := filepath.Join(t.TempDir(), "two.json")
	if err := os.WriteFile(two, []byte(`{"name":"a"} {"name":"b"}`), 0o666); err != nil {
		t.Fatal(err)
	}
	if said := record(func(t testing.TB) { testkit.Golden(t, two, &narrow) }); !strings.Contains(said, "more than one JSON value") {
		t.Errorf("a second value passed: %q", said)
	}
}

func TestReadFileUnzips(t *testing.T) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	fmt.Fprint(z, "hello")
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "hello.gz")
	if err := os.WriteFile(path, b.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	if got := testkit.ReadFile(t, path); string(got) != "hello" {
		t.Errorf("got %q", got)
	}
	if err := os.WriteFile(path, b.Bytes()[:b.Len()-1], 0o666); err != nil {
		t.Fatal(err)
	}
	if said := record(func(t testing.TB) { testkit.ReadFile(t, path) }); !strings.HasPrefix(said, "fatal: testkit: unzip") {
		t.Errorf("a truncated file: %q", said)
	}
}

func TestData(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir) // the module is still found, see the last case
	t.Setenv("INKSTONE_DATA", dir)
	t.Setenv("INKSTONE_REQUIRE_DATA", "")
	if said := record(func(t testing.TB) { testkit.Data(t, "a/b.txt") }); !strings.HasPrefix(said, "skip: shared data not found: ") {
		t.Errorf("a missing file: %q", said)
	}
	t.Setenv("INKSTONE_REQUIRE_DATA", "1")
	if said := record(func(t testing.TB) { testkit.Data(t, "a/b.txt") }); !strings.HasPrefix(said, "fatal: shared data not found, ") {
		t.Errorf("a missing file that is required: %q", said)
	}
	if got := testkit.Data(t, ""); got != dir {
		t.Errorf("got %s, want %s", got, dir)
	}
	t.Setenv("INKSTONE_DATA", "internal")
	if got, want := testkit.Data(t, "testkit"), filepath.Join(testkit.ModuleRoot(), "internal", "testkit"); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func ExampleGradient() {
	square := func(x []float64) float64 { return x[0] * x[0] }
	fmt.Printf("%.6f\n", testkit.Gradient(square, []float64{3}, 1e-3))
	// Output: [6.000000]
}
