package adapter

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"

	"github.com/inkstone-ai/inkstone/format"
)

// Apply returns the weight t of the model that [LoRA.Check] has seen, changed, as F32; t itself where the adapter has
// nothing for it.
//
// Errors: a number that is NaN or infinite, of the adapter or of the sum.
func (l *LoRA) Apply(t format.Tensor) (format.Tensor, error) { return l.apply(t, 0) }

// apply is Apply by so many threads, 0: one for each core.
func (l *LoRA) apply(t format.Tensor, threads int) (format.Tensor, error) {
	if full, ok := l.replaced[t.Name]; ok {
		x, err := finite(full)
		if err != nil {
			return t, fmt.Errorf("adapter: %s: %w", l.dir, err)
		}
		t = format.FromF32(t.Name, x, t.Shape...)
	}
	u, ok := l.updates[t.Name]
	if !ok {
		return t, nil
	}
	merged, err := u.merge(t, threads)
	if err != nil {
		return t, fmt.Errorf("adapter: %s: %w", l.dir, err)
	}
	return merged, nil
}

// finite are the numbers of a tensor of the adapter.
func finite(t format.Tensor) ([]float32, error) {
	x, err := format.F32s(t)
	if err == nil {
		err = format.CheckFinite(x, t.Shape[len(t.Shape)-1])
	}
	if err != nil {
		return nil, fmt.Errorf("tensor %s: %w: save or fetch the adapter again", t.Name, err)
	}
	return x, nil
}

// merge adds the update to t, a weight (out, in).
func (u *update) merge(t format.Tensor, threads int) (format.Tensor, error) {
	p, err := u.product()
	if err != nil {
		return t, err
	}
	base, err := format.F32s(t)
	if err != nil {
		return t, err
	}
	w := slices.Clone(base) // it may be the file's own memory
	p.add(w, t.Shape[0], t.Shape[1], threads)
	if err := format.CheckFinite(w, t.Shape[1]); err != nil {
		return t, fmt.Errorf("%s of base and adapter together: %w", t.Name, err)
	}
	return format.FromF32(t.Name, w, t.Shape...), nil
}

// A product is scale · left · right, and where there are lengths the length of each row of the sum.
type product struct {
	left, right []float32 // (out, r), (r, in)
	rank        int
	scale       float64
	lengths     []float32 // (out), nil: as they come
}

func (u *update) product() (*product, error) {
	a, err := finite(u.a)
	if err != nil {
		return nil, err
	}
	b, err := finite(u.b)
	if err != nil {
		return nil, err
	}
	p := &product{left: b, right: a, rank: u.a.Shape[0], scale: u.scale}
	if u.embedding { // (B·A)ᵀ = Aᵀ·Bᵀ
		p.left, p.right = transposed(a, p.rank), transposed(b, u.b.Shape[0])
	}
	if u.magnitude.Shape != nil {
		p.lengths, err = finite(u.magnitude)
	}
	return p, err
}

// add adds the product to w (out, in), rows in parallel: each is a function of its own numbers alone.
func (p *product) add(w []float32, out, in, threads int) {
	if threads == 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	workers := min(threads, out)
	var all sync.WaitGroup
	for k := range workers {
		all.Go(func() {
			sum := make([]float64, in)
			for o := k; o < out; o += workers {
				p.addRow(w[o*in:][:in], sum, o)
			}
		})
	}
	all.Wait()
}

// addRow is row o of add. sum is room for a row.
func (p *product) addRow(w []float32, sum []float64, o int) {
	clear(sum)
	for k, x := range p.left[o*p.rank:][:p.rank] {
		for i, y := range p.right[k*len(w):][:len(w)] {
			sum[i] += float64(x) * float64(y)
		}
	}
	square := 0.0
	for i := range sum {
		sum[i] = float64(w[i]) + p.scale*sum[i]
		square += sum[i] * sum[i]
	}
	stretch := 1.0
	if p.lengths != nil {
		stretch = float64(p.lengths[o]) / math.Sqrt(square)
	}
	for i := range w {
		w[i] = float32(stretch * sum[i])
	}
}

// transposed turns rows of a matrix into columns.
func transposed(x []float32, rows int) []float32 {
	cols, out := len(x)/rows, make([]float32, len(x))
	for r := range rows {
		for c := range cols {
			out[c*rows+r] = x[r*cols+c]
		}
	}
	return out
}
