package tensor

import (
	"fmt"

	"github.com/inkstone-ai/inkstone/internal/kernel"
)

// reduce folds dimensions dims, all where none is given, one run of neighbours
// after another. The result lacks them.
func (x *Tensor) reduce(name string, op kernel.ReduceOp, back func(*Step, entry), dims []int) *Tensor {
	s := floats(name, x)
	marked := x.axes(name, dims)
	for from := x.dims - 1; from >= 0; from-- {
		if !marked[from] {
			continue
		}
		to := from + 1
		for from > 0 && marked[from-1] {
			from--
		}
		x = s.reduceRun(op, back, x, from, to)
	}
	return x
}

// axes marks the dimensions given, all where there are none.
func (a *array) axes(name string, dims []int) (marked [maxDims]bool) {
	for i := range a.dims {
		marked[i] = len(dims) == 0
	}
	for _, i := range dims {
		marked[a.axis(name, i)] = true
	}
	return marked
}

// reduceRun folds dimensions from up to to.
func (s *Step) reduceRun(op kernel.ReduceOp, back func(*Step, entry), x *Tensor, from, to int) *Tensor {
	x = s.denseOf(x)
	a := x.array
	copy(a.shape[from:], x.shape[to:x.dims])
	a.dims -= to - from
	if op == kernel.ArgMax || op == kernel.ArgMin {
		a.dtype = I32
	}
	y := s.result(a)
	s.dev.k.Reduce(op, y.flat(), x.flat(), x.span(0, from), x.span(from, to), x.span(to, x.dims), false)
	if back != nil {
		s.record(entry{back: back, out: y, in: [3]*Tensor{x}, n: [maxDims]int{from, to}})
	}
	return y
}

// spread is t, a result of reduceRun or its gradient, with the folded
// dimensions of x as length 1: it stretches to x.
func (s *Step) spread(t *Tensor, x *Tensor, e entry) *Tensor {
	v := s.header()
	v.array, v.base = x.array, t.owner()
	v.buf, v.off = t.buf, t.off
	for i := e.n[0]; i < e.n[1]; i++ {
		v.shape[i] = 1
	}
	v.stride = v.inner()
	return v
}

// addStretched is dx += d, which stretches to x.
func (s *Step) addStretched(x, d *Tensor) {
	dx, acc := s.gradient(x)
	s.dev.k.Permute(dx.view(), d.stretched(&dx), acc)
}

// Sum returns the sum over dimensions dims, over all where none is given.
func (x *Tensor) Sum(dims ...int) *Tensor { return x.reduce("Sum", kernel.Sum, sumBack, dims) }

func sumBack(s *Step, e entry) {
	x := e.in[0]
	s.addStretched(x, s.spread(e.out.slope(s), x, e))
}

// Mean returns the mean over dimensions dims, over all where none is given.
func (x *Tensor) Mean(dims ...int) *Tensor {
	n := 1
	for i, in := range x.axes("Mean", dims) {
		if in {
			n *= x.shape[i]
		}
	}
	return x.Sum(dims...).Scale(1 / float32(n))
}

// MaxOf returns the largest element over dimensions dims, over all where none
// is given. Elements that are equally large share the gradient.
func (x *Tensor) MaxOf(dims ...int) *Tensor {
	return x.reduce("MaxOf", kernel.MaxOf, extremeBack, dims)
}

// MinOf returns the smallest element over dimensions dims, over all where none
// is given. Elements that are equally small share the gradient.
func (x *Tensor) MinOf(dims ...int) *Tensor {
	return x.reduce("MinOf", kernel.MinOf, extremeBack, dims)
}

// extremeBack: dx = dy / number of winners where x wins, else 0.
func extremeBack(s *Step, e entry) {
	x := e.in[0]
	wins := x.Equal(s.spread(e.out, x, e))
	n := wins.reduce("MaxOf", kernel.Sum, nil, e.run())
	d := wins.Mul(s.spread(e.out.slope(s).Div(n), x, e))
	s.addStretched(x, d)
}

// run lists the folded dimensions.
func (e *entry) run() []int {
	order := []int{0, 1, 2, 3, 4, 5}
	return order[e.n[0]:e.n[1]]
}

// Prod returns the product over dimensions dims, over all where none is given.
func (x *Tensor) Prod(dims ...int) *Tensor { return x.reduce("Prod", kernel.Prod, prodBack, dims) }

// prodBack: dx = dy · product of the others. It is y/x where no factor is 0;
// one zero gets the product of the rest, and all else 0.
func prodBack(s *Step, e entry) {
	x, dy, zero, one := e.in[0], e.out.slope(s), s.Zeros(), s.Full(1)
	is0 := x.Equal(zero)
	filled := is0.Where(one, x)
	zeros := is0.reduce("Prod", kernel.Sum, nil, e.run())
	rest := dy.Mul(filled.reduce("Prod", kernel.Prod, nil, e.run()))
	atZero := s.spread(zeros.Equal(one).Mul(rest), x, e)
	elsewhere := s.spread(zeros.Equal(zero).Mul(rest), x, e).Div(filled)
	s.addStretched(x, is0.Where(atZero, elsewhere))
}

// ArgMax returns the index of the first largest element of dimension dim, i32.
func (x *Tensor) ArgMax(dim int) *Tensor { return x.argument("ArgMax", kernel.ArgMax, dim) }

// ArgMin returns the index of the first smallest element of dimension dim, i32.
func (x *Tensor) ArgMin(dim int) *Tensor { return x.argument("ArgMin", kernel.ArgMin, dim) }

func (x *Tensor) argument(name string, op kernel.ReduceOp, dim int) *Tensor {
	if dim = x.axis(name, dim); x.shape[dim] == 0 {
		panic(fmt.Sprintf("tensor: %s: dimension %d of %v is empty", name, dim, x.array))
	}
	return x.reduce(name, op, nil, []int{dim})
}

// SumSquares returns Σx² of an f32 tensor without gaps, in a fixed order: the
// square of a gradient's norm. It needs no step.
func (x *Tensor) SumSquares() float64 {
	x.mustHold("SumSquares", x.Len(), x.dtype == F32 && x.dense())
	d := x.dev
	y := kernel.Mat{Buf: d.one, Rows: 1, Cols: 1, Stride: 1}
	d.k.Reduce(kernel.SumSquares, y, x.flat(), 1, x.Len(), 1, false)
	return float64(d.float(d.one, 0))
}
