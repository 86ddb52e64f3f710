package format_test

import (
	"encoding/binary"
	"math"
	"strings"
	"testing"
	"unsafe"

	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/internal/testkit"
)

// every16 returns all 65,536 patterns of a 16-bit type.
func every16(d format.DType) format.Tensor {
	t := format.Tensor{Name: "every", DType: d, Shape: []int{1 << 16}}
	for i := range 1 << 16 {
		t.Data = binary.LittleEndian.AppendUint16(t.Data, uint16(i))
	}
	return t
}

// TestHalf compares every binary16 with the standard's formula.
func TestHalf(t *testing.T) {
	got, err := format.F32s(every16(format.F16))
	if err != nil {
		t.Fatal(err)
	}
	for i, g := range got {
		sign, exponent, mantissa := 1-2*float64(i>>15), i>>10&31, float64(i&1023)
		var want float64
		switch exponent {
		case 0:
			want = sign * math.Ldexp(mantissa, -24)
		case 31:
			want = math.Inf(int(sign))
			if mantissa != 0 {
				want = math.NaN()
			}
		default:
			want = sign * math.Ldexp(1+mantissa/1024, exponent-15)
		}
		same := float64(g) == want || g != g && math.IsNaN(want)
		if !same || math.Signbit(float64(g)) != (i>>15 == 1) {
			t.Fatalf("%#04x: got %v, want %v", i, g, want)
		}
	}
}

func TestBrainFloat(t *testing.T) {
	got, err := format.F32s(every16(format.BF16))
	if err != nil {
		t.Fatal(err)
	}
	for i, g := range got {
		if math.Float32bits(g) != uint32(i)<<16 {
			t.Fatalf("%#04x: got %#08x", i, math.Float32bits(g))
		}
	}
}

func TestF32sOfForeignFile(t *testing.T) {
	s, err := format.OpenSafetensors("testdata/foreign.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	tests := []struct {
		name string
		want []float32
	}{
		{"z.f32", []float32{0, float32(math.Copysign(0, -1)), 1.5, -2.25, 1e-45, float32(math.Inf(1))}},
		{"half", []float32{1, -2, 65504, 0x1p-24, 0.333251953125}},
		{"brain", []float32{1, -2, 3, 0x1p100}},
		{"double", []float32{0.1, -1e30, 0x1p-140}},
		{"scalar", []float32{42}},
		{"nothing", nil},
	}
	for _, tt := range tests {
		x, _ := s.Tensor(tt.name)
		got, err := format.F32s(x)
		if err != nil {
			t.Fatal(err)
		}
		testkit.SameBits(t, tt.name, got, tt.want)
	}
}

func TestF32sIsAViewOrACopy(t *testing.T) {
	x := []float32{1, 2, 3}
	view, err := format.F32s(format.FromF32("x", x, 3))
	if err != nil {
		t.Fatal(err)
	}
	if binary.NativeEndian.Uint16([]byte{1, 0}) == 1 && &view[0] != &x[0] {
		t.Error("aligned F32 was copied")
	}
	memory := make([]uint32, 4)
	b := unsafe.Slice((*byte)(unsafe.Pointer(&memory[0])), 16)[1:13]
	copy(b, format.FromF32("x", x, 3).Data)
	got, err := format.F32s(format.Tensor{Name: "x", DType: format.F32, Shape: []int{3}, Data: b})
	if err != nil {
		t.Fatal(err)
	}
	testkit.SameBits(t, "misaligned", got, x)
}

func TestF32sRefuses(t *testing.T) {
	tests := []struct {
		name string
		x    format.Tensor
		says string
	}{
		{"integer", format.Tensor{Name: "x", DType: format.I64, Shape: []int{1}, Data: make([]byte, 8)}, `tensor "x": type I64 is not one of`},
		{"size", format.Tensor{Name: "x", DType: format.F32, Shape: []int{2}, Data: make([]byte, 4)}, "F32 of shape [2] with 4 bytes"},
		{"unknown", format.Tensor{Name: "x", DType: "F4", Shape: []int{0}}, "type F4 is not one of"},
		{"range", format.Tensor{Name: "x", DType: format.F64, Shape: []int{2}, Data: words64(math.Float64bits(1), math.Float64bits(1e39))}, "element 1, 1e+39, is beyond the range"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := format.F32s(tt.x); err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got %v, want %q", err, tt.says)
			}
		})
	}
	inf := format.Tensor{Name: "x", DType: format.F64, Shape: []int{1}, Data: words64(math.Float64bits(math.Inf(-1)))}
	if got, err := format.F32s(inf); err != nil || !math.IsInf(float64(got[0]), -1) {
		t.Errorf("-Inf: got %v, %v", got, err)
	}
}

func TestFromF32Panics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("three numbers for shape (2) did not panic")
		}
	}()
	format.FromF32("x", []float32{1, 2, 3}, 2)
}
