package format_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/format"
)

func BenchmarkOpenAndRead100MB(b *testing.B) {
	path := filepath.Join(b.TempDir(), "x")
	tensors := tensorsOf100MB()
	if err := format.WriteSafetensors(path, nil, tensors); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(100e6)
	for b.Loop() {
		s, err := format.OpenSafetensors(path)
		if err != nil {
			b.Fatal(err)
		}
		copied := make([]float32, 1e6)
		for _, name := range s.Names() {
			x, _ := s.Tensor(name)
			v, err := format.F32s(x)
			if err != nil {
				b.Fatal(err)
			}
			copy(copied, v)
		}
		s.Close()
	}
}

func BenchmarkOpen100MB(b *testing.B) {
	path := filepath.Join(b.TempDir(), "x")
	if err := format.WriteSafetensors(path, nil, tensorsOf100MB()); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		s, err := format.OpenSafetensors(path)
		if err != nil {
			b.Fatal(err)
		}
		s.Close()
	}
}

func BenchmarkWrite100MB(b *testing.B) {
	path := filepath.Join(b.TempDir(), "x")
	tensors := tensorsOf100MB()
	b.SetBytes(100e6)
	for b.Loop() {
		if err := format.WriteSafetensors(path, nil, tensors); err != nil {
			b.Fatal(err)
		}
	}
}

// tensorsOf100MB are 100 tensors of a million bytes.
func tensorsOf100MB() (tensors []format.Tensor) {
	x := make([]float32, 250_000)
	for i := range 100 {
		tensors = append(tensors, format.FromF32(strings.Repeat("x", i+1), x, 500, 500))
	}
	return tensors
}

func BenchmarkF32s(b *testing.B) {
	for _, d := range []format.DType{format.F32, format.F16, format.BF16, format.F64} {
		b.Run(string(d), func(b *testing.B) {
			x := format.Tensor{Name: "x", DType: d, Shape: []int{1 << 20}, Data: make([]byte, d.Size()<<20)}
			for i := range x.Data {
				x.Data[i] = 0x2c + byte(i%16) // normal numbers of every type, as weights are
			}
			b.SetBytes(int64(len(x.Data)))
			for b.Loop() {
				if _, err := format.F32s(x); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
