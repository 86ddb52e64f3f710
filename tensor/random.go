package tensor

import (
	"sync"

	"github.com/inkstone-ai/inkstone/internal/kernel"
)

// FillNormal sets a float tensor without gaps to normal numbers of mean 0 and
// standard deviation std. Number i is a function of key and i alone: the same
// on any device, for any number of threads.
func (t *Tensor) FillNormal(key uint64, std float32) {
	t.generate("FillNormal", func(x []float32, at int) {
		kernel.Normals(x, key, uint64(at))
		for i := range x {
			x[i] *= std
		}
	})
}

// FillUniform sets a float tensor without gaps to uniform numbers in [lo, hi).
// Number i is a function of key and i alone.
func (t *Tensor) FillUniform(key uint64, lo, hi float32) {
	t.generate("FillUniform", func(x []float32, at int) {
		for i := range x {
			x[i] = lo + (hi-lo)*kernel.Uniform(key, uint64(at+i))
		}
	})
}

// generate writes what f makes of the elements from number at on. It goes by
// blocks, so that the host never holds a large weight whole, and the parts of a
// block, which begin at multiples of a power of two, run in parallel.
func (t *Tensor) generate(op string, f func(x []float32, at int)) {
	t.mustHold(op, t.Len(), t.dtype.isFloat() && t.dense())
	const part, block = 1 << 14, 1 << 20 // a part takes long beside a goroutine's start
	flat, x := t.Reshape(-1), make([]float32, min(block, t.Len()))
	for at := 0; at < t.Len(); at += block {
		x = x[:min(block, t.Len()-at)]
		var wait sync.WaitGroup
		for from := 0; from < len(x); from += part {
			wait.Go(func() {
				f(x[from:min(from+part, len(x))], at+from)
			})
		}
		wait.Wait()
		flat.Slice(0, at, at+len(x)).WriteFloats(x)
	}
}
