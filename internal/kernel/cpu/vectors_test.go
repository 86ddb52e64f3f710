package cpu

import (
	"testing"

	"github.com/inkstone-ai/inkstone/internal/kernel"
)

// BenchmarkVectors times primitives on a row that stays in the first cache,
// 1024 elements, in every version: what an operation costs beside memory.
func BenchmarkVectors(b *testing.B) {
	const n = 1024
	row := func(key uint64) []float32 {
		x := make([]float32, n)
		for i := range x {
			x[i] = 0.1 + kernel.Uniform(key, uint64(i))
		}
		return x
	}
	y, z, x, dy, w, s, half := row(1), row(2), row(3), row(4), row(5), row(6), make([]uint16, n)
	p := kernel.UpdateParams{LR: 1e-6, B1: 0.9, B2: 0.99, Eps: 1e-8, Decay: 0.1, Correct1: 1, Correct2: 1, GradScale: 1}
	for _, v := range versions() {
		run := func(name string, f func()) {
			b.Run(v.name+"/"+name, func(b *testing.B) {
				for b.Loop() {
					f()
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/element")
			})
		}
		for name, op := range map[string]kernel.UnaryOp{"Exp": kernel.Exp, "Tanh": kernel.Tanh, "GELU": kernel.GELU, "GELUErf": kernel.GELUErf, "SiLU": kernel.SiLU, "Log": kernel.Log, "MulScalar": kernel.MulScalar} {
			run(name, func() { v.unary[op](y, x, 1, 1) })
			run(name+"Slope", func() { v.slope[op](y, x, z, dy, 1, 1, false) })
		}
		run("SwiGLU", func() { v.gated[kernel.SiLU](y, x, z) })
		run("SwiGLUGrad", func() { v.gatedGrad[kernel.SiLU](y, s, x, z, dy, false) })
		run("Add", func() { v.binary[kernel.Add](y, x, z) })
		run("Max", func() { v.binary[kernel.Max](y, x, z) })
		run("mulAdd", func() { v.mulAdd(y, x, z) })
		run("sum", func() { v.sum(x) })
		run("dot", func() { v.dot(x, z) })
		run("maxOf", func() { v.maxOf(x) })
		run("expSum", func() { v.expSum(y, x, 1.2) })
		run("normalize", func() { v.normalize(y, x, w, s, 0.5, 1) })
		run("normGrad", func() { v.normGrad(y, s, nil, x, w, dy, 0.5, 1, 0.1, 0.1, false) })
		run("dropout", func() { v.dropout(y, x, 7, 0, 0.1, 1.1) })
		run("toBF16", func() { v.toBF16(half, x) })
		run("fromBF16", func() { v.fromBF16(y, half) })
		run("toF16", func() { v.toF16(half, x) })
		run("fromF16", func() { v.fromF16(y, half) })
		run("AdamW", func() { v.update[kernel.AdamW](y, dy, z, s, &p) })
	}
}
