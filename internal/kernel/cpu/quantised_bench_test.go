package cpu_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/inkstone-ai/inkstone/internal/kernel"
	"github.com/inkstone-ai/inkstone/internal/kernel/cpu"
)

// BenchmarkQuantised multiplies rows by quantised weights, of which a gigabyte is gone through in turn
// where there are few rows, so that they come from memory.
func BenchmarkQuantised(b *testing.B) {
	d := cpu.New(0)
	defer d.Close()
	for _, typ := range []kernel.DType{kernel.Q8_0, kernel.Q4_0, kernel.Q4_K, kernel.Q5_K, kernel.Q6_K, kernel.IQ4_NL, kernel.IQ4_XS} {
		for _, s := range [][3]int{{1, 2048, 5632}, {1, 768, 3072}, {8, 2048, 5632}, {512, 2048, 5632}, {512, 768, 3072}} {
			m, k, n := s[0], s[1], s[2]
			b.Run(fmt.Sprintf("%v/%dx%dx%d", typ, m, k, n), func(b *testing.B) {
				copies := 1
				if m <= 8 {
					copies = 1<<30/typ.Bytes(n*k) + 1
				}
				var weights []kernel.Mat
				w := randomBlocks(d, typ, n, k)
				for range copies {
					weights = append(weights, d.Pack(w, true))
				}
				x, y := normalMat(d, m, k), normalMat(d, m, n)
				i := 0
				for b.Loop() {
					d.MatMul(y, x, weights[i%copies], kernel.Product{})
					i++
				}
				seconds := b.Elapsed().Seconds() / float64(b.N)
				b.ReportMetric(float64(typ.Bytes(n*k))/seconds/1e9, "GB/s")
				b.ReportMetric(2*float64(m*n*k)/seconds/1e9, "GOP/s")
				for _, m := range append(weights, w, x, y) {
					d.Free(m.Buf)
				}
			})
		}
	}
}

// randomBlocks are weights with random bits; what numbers their scales are does not matter to speed.
func randomBlocks(d kernel.Device, typ kernel.DType, n, k int) kernel.Mat {
	b := make([]byte, typ.Bytes(n*k))
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range b {
		b[i] = byte(rng.Uint32()) &^ 0x40 // no exponent of all ones
	}
	m := kernel.Mat{Buf: d.Alloc(len(b)), Rows: n, Cols: k, Stride: k, Type: typ}
	d.Write(m.Buf, 0, b)
	return m
}

func normalMat(d kernel.Device, rows, cols int) kernel.Mat {
	m := kernel.Mat{Buf: d.Alloc(4 * rows * cols), Rows: rows, Cols: cols, Stride: cols, Type: kernel.F32}
	for i, x := 0, kernel.Elements[float32](m.Buf); i < len(x); i++ {
		x[i] = float32(rand.NormFloat64())
	}
	return m
}
