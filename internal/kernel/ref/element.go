package ref

import (
	"math"

	"github.com/inkstone-ai/inkstone/internal/kernel"
)

func (device) Copy(dst, src mat, acc bool) {
	kernel.CheckCopy(dst, src, acc)
	to, from := kernel.Elements[byte](dst.Buf), kernel.Elements[byte](src.Buf)
	switch {
	case dst.Type == src.Type && !acc:
		for r := range dst.Rows {
			copy(to[dst.Type.Bytes(dst.Index(r, 0)):][:dst.Type.Bytes(dst.Cols)], from[src.Type.Bytes(src.Index(r, 0)):])
		}
		return
	case dst.Type == kernel.Q8_0:
		for r := range dst.Rows {
			kernel.ToQ8(to[dst.Type.Bytes(dst.Index(r, 0)):], kernel.Row[float32](src, r))
		}
		return
	}
	each(dst, func(r, c int) {
		x := at(src, r, c)
		switch dst.Type {
		case kernel.BF16:
			kernel.Row[uint16](dst, r)[c] = kernel.ToBF16(float32(x))
		case kernel.F16:
			kernel.Row[uint16](dst, r)[c] = kernel.ToF16(float32(x))
		default:
			set(dst, r, c, x, acc)
		}
	})
}

func (device) Permute(dst, src view, acc bool) {
	kernel.CheckPermute(dst, src, acc)
	for i := range dst.Len() {
		if acc {
			put(dst.Buf, dst.At(i), load(src.Buf, kernel.F32, src.At(i)), true)
			continue
		}
		kernel.Elements[uint32](dst.Buf)[dst.At(i)] = kernel.Elements[uint32](src.Buf)[src.At(i)]
	}
}

func (device) Fill(dst mat, value float32) {
	kernel.CheckFill(dst)
	each(dst, func(r, c int) { set(dst, r, c, float64(value), false) })
}

func (device) Gather(dst, table, ids mat) {
	kernel.CheckGather(dst, table, ids)
	if table.Type.Quantised() {
		for r := range dst.Rows {
			kernel.Dequantise(table.Type, kernel.Row[float32](dst, r), kernel.Blocks(table, integer(ids, r)))
		}
		return
	}
	each(dst, func(r, c int) { set(dst, r, c, at(table, integer(ids, r), c), false) })
}

func (device) ScatterAdd(table, src, ids mat) {
	kernel.CheckScatterAdd(table, src, ids)
	each(src, func(r, c int) { set(table, integer(ids, r), c, at(src, r, c), true) })
}

func (device) Unary(op kernel.UnaryOp, y, x mat, a, b float32) {
	kernel.CheckUnary(y, x)
	each(x, func(r, c int) { set(y, r, c, unary(op, at(x, r, c), float64(a), float64(b)), false) })
}

func (device) UnaryGrad(op kernel.UnaryOp, dx, x, y, dy mat, a, b float32, acc bool) {
	kernel.CheckUnaryGrad(dx, x, y, dy)
	each(x, func(r, c int) {
		set(dx, r, c, at(dy, r, c)*derivative(op, at(x, r, c), at(y, r, c), float64(a), float64(b)), acc)
	})
}

func (device) Binary(op kernel.BinaryOp, dst, a, b view, acc bool) {
	kernel.CheckBinary(dst, a, b)
	for i := range dst.Len() {
		x, y := load(a.Buf, a.Type, a.At(i)), load(b.Buf, b.Type, b.At(i))
		put(dst.Buf, dst.At(i), binary(op, x, y), acc)
	}
}

func (device) Select(dst, cond, a, b view, acc bool) {
	kernel.CheckSelect(dst, cond, a, b)
	for i := range dst.Len() {
		from := b
		if load(cond.Buf, cond.Type, cond.At(i)) != 0 {
			from = a
		}
		put(dst.Buf, dst.At(i), load(from.Buf, from.Type, from.At(i)), acc)
	}
}

func (device) Reduce(op kernel.ReduceOp, dst, x mat, outer, n, inner int, acc bool) {
	kernel.CheckReduce(op, dst, x, outer, n, inner, acc)
	for o := range outer {
		for i := range inner {
			element := func(j int) float64 { return load(x.Buf, x.Type, x.Off+(o*n+j)*inner+i) }
			if to := dst.Off + o*inner + i; op == kernel.ArgMax || op == kernel.ArgMin {
				kernel.Elements[int32](dst.Buf)[to] = int32(place(op, n, element))
			} else {
				put(dst.Buf, to, fold(op, n, element), acc)
			}
		}
	}
}

// neutral is what folding starts from, 0 where it is not listed.
var neutral = [kernel.ArgMin + 1]float64{kernel.MaxOf: math.Inf(-1), kernel.MinOf: math.Inf(1), kernel.Prod: 1}

// fold reduces n elements to one number; of none, to the neutral one.
func fold(op kernel.ReduceOp, n int, x func(int) float64) float64 {
	y := neutral[op]
	for j := range n {
		switch op {
		case kernel.Sum:
			y += x(j)
		case kernel.SumSquares:
			y += x(j) * x(j)
		case kernel.SumAbs:
			y += math.Abs(x(j))
		case kernel.MaxOf:
			y = max(y, x(j))
		case kernel.MinOf:
			y = min(y, x(j))
		case kernel.Prod:
			y *= x(j)
		}
	}
	return y
}

// place is the index of the first largest (smallest) element; a NaN is both.
func place(op kernel.ReduceOp, n int, x func(int) float64) int {
	best := 0
	for j := range n {
		if math.IsNaN(x(best)) {
			break
		}
		better := x(j) > x(best)
		if op == kernel.ArgMin {
			better = x(j) < x(best)
		}
		if better || math.IsNaN(x(j)) {
			best = j
		}
	}
	return best
}

func (device) Dropout(y, x mat, rate float32, key uint64, acc bool) {
	kernel.CheckDropout(y, x, rate)
	each(x, func(r, c int) {
		kept := kernel.Uniform(key, uint64(r*x.Cols+c)) >= rate
		set(y, r, c, choose(kept, at(x, r, c)/(1-float64(rate)), 0), acc)
	})
}
