package tensor

import (
	"sync"

	"github.com/inkstone-ai/inkstone/internal/kernel"
)

// FillNormal sets a persistent float tensor to normal numbers of mean 0 and
// standard deviation std. Number i is a function of key and i alone: the same
// on any device, for any number of threads.
func (t *Tensor) FillNormal(key uint64, std float32) {
	t.generate(func(i int) float32 { return std * kernel.Normal(key, uint64(i)) })
}

// FillUniform sets a persistent float tensor to uniform numbers in [lo, hi).
// Number i is a function of key and i alone.
func (t *Tensor) FillUniform(key uint64, lo, hi float32) {
	t.generate(func(i int) float32 { return lo + (hi-lo)*kernel.Uniform(key, uint64(i)) })
}

// generate writes f(i) to element i, the parts in parallel.
func (t *Tensor) generate(f func(i int) float32) {
	x := make([]float32, t.Len())
	const part = 1 << 16 // large beside a goroutine's start
	var wait sync.WaitGroup
	for from := 0; from < len(x); from += part {
		wait.Go(func() {
			for i := from; i < min(from+part, len(x)); i++ {
				x[i] = f(i)
			}
		})
	}
	wait.Wait()
	t.WriteFloats(x)
}
