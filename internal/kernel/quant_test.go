package kernel_test

import (
	"encoding/base64"
	"testing"

	"github.com/inkstone-ai/inkstone/internal/kernel"
	"github.com/inkstone-ai/inkstone/internal/testkit"
)

var quantised = []kernel.DType{
	kernel.Q8_0, kernel.Q4_0, kernel.Q4_1, kernel.Q5_0, kernel.Q5_1, kernel.Q2_K, kernel.Q3_K,
	kernel.Q4_K, kernel.Q5_K, kernel.Q6_K, kernel.IQ4_NL, kernel.MXFP4, kernel.IQ4_XS,
}

// TestDequantise: the numbers of random blocks are those of ggml's library, to the bit.
func TestDequantise(t *testing.T) {
	var golden map[string]struct {
		Blocks string
		Values testkit.Floats
	}
	testkit.Golden(t, "testdata/quant.json", &golden)
	for _, dt := range quantised {
		t.Run(dt.String(), func(t *testing.T) {
			src, err := base64.StdEncoding.DecodeString(golden[dt.String()].Blocks)
			want := golden[dt.String()].Values
			if err != nil || len(want) == 0 {
				t.Fatal("no golden numbers", err)
			}
			got := make([]float32, len(want))
			kernel.Dequantise(dt, got, src)
			testkit.SameBits(t, dt.String(), got, want)
		})
	}
}

func BenchmarkDequantise(b *testing.B) {
	for _, dt := range quantised {
		b.Run(dt.String(), func(b *testing.B) {
			dst := make([]float32, 1<<16)
			src := make([]byte, dt.Bytes(len(dst)))
			b.SetBytes(4 * int64(len(dst)))
			for b.Loop() {
				kernel.Dequantise(dt, dst, src)
			}
		})
	}
}
