package tensor_test

import (
	"encoding/json"

	"github.com/inkstone-ai/inkstone/tensor"
)

// take returns the given indices of a dimension, in any order.
func (n *node) take(x *T, axis int, at []int) *T {
	x = x.Transpose(0, axis)
	return x.Rows(n.ids(at, len(at))).Transpose(0, axis)
}

// wrap makes indices that count from the end count from the start.
func wrap(x []int, size int) []int {
	y := make([]int, len(x))
	for i, v := range x {
		if y[i] = v; v < 0 {
			y[i] += size
		}
	}
	return y
}

func shapeONNX() map[string]onnxFunc {
	m := map[string]onnxFunc{
		"Concat": func(n *node) []*T {
			x := n.xs()
			return []*T{x[0].Concat(n.int("axis", 1), x[1:]...)}
		},
		"Transpose": func(n *node) []*T {
			var perm []int
			if !n.attr("perm", &perm) {
				for i := n.x(0).Dims() - 1; i >= 0; i-- {
					perm = append(perm, i)
				}
			}
			return []*T{n.x(0).Permute(perm...)}
		},
		"Expand": func(n *node) []*T {
			shape, x := n.ints(1), n.x(0)
			for i, at := x.Dims()-1, len(shape)-1; i >= 0; i, at = i-1, at-1 {
				if at < 0 {
					shape, at = append([]int{1}, shape...), 0
				}
				if shape[at] == 1 {
					shape[at] = x.Dim(i)
				}
			}
			return []*T{x.Expand(shape...)}
		},
		"Shape": func(n *node) []*T {
			shape := n.x(0).Shape()
			clamp := func(i int) int {
				if i < 0 {
					i += len(shape)
				}
				return min(max(i, 0), len(shape))
			}
			shape = shape[clamp(n.int("start", 0)):clamp(n.int("end", len(shape)))]
			return []*T{n.ids(shape, len(shape))}
		},
		"Size": func(n *node) []*T { return []*T{n.ids([]int{n.x(0).Len()})} },
		"ConstantOfShape": func(n *node) []*T {
			var v struct{ Tensor onnxTensor }
			v.Tensor.Data = []onnxNumber{0}
			n.attr("value", &v)
			return []*T{n.s.Full(float32(v.Tensor.Data[0]), n.ints(0)...)}
		},
		"Constant": func(n *node) []*T {
			var v struct{ Tensor onnxTensor }
			if err := json.Unmarshal(n.Attrs["value"], &v); err != nil {
				panic(err)
			}
			h := hostValue(v.Tensor)
			return []*T{n.s.Floats(narrow(h.data), h.shape...)}
		},
		"Cast": cast, "CastLike": cast,
		"Dropout": func(n *node) []*T {
			rate := float32(n.float("ratio", 0.5))
			if n.has(1) {
				rate = float32(n.host(1)[0])
			}
			if n.has(2) && n.host(2)[0] != 0 && rate != 0 {
				n.no("another random generator")
			}
			return []*T{n.x(0).Dropout(rate), n.s.Full(1, n.shape(0)...)}
		},
	}
	m["Reshape"] = func(n *node) []*T {
		shape, _ := n.list("shape", 1)
		for i, d := range shape {
			if d == 0 && n.int("allowzero", 0) == 0 {
				shape[i] = n.shape(0)[i]
			}
		}
		return []*T{n.x(0).Reshape(shape...)}
	}
	m["Flatten"] = func(n *node) []*T {
		axis, rows := n.int("axis", 1), 1
		for _, d := range n.shape(0)[:(axis+len(n.shape(0)))%len(n.shape(0))] {
			rows *= d
		}
		return []*T{n.x(0).Reshape(rows, -1)}
	}
	m["Squeeze"] = func(n *node) []*T {
		axes, _ := n.list("axes", 1)
		x := n.x(0)
		axes = wrap(axes, x.Dims())
		for i := x.Dims() - 1; i >= 0; i-- {
			for _, a := range axes {
				if a == i {
					x = x.Squeeze(i)
				}
			}
		}
		return []*T{x}
	}
	m["Unsqueeze"] = func(n *node) []*T {
		axes, _ := n.list("axes", 1)
		x := n.x(0)
		axes = wrap(axes, x.Dims()+len(axes))
		for i := range x.Dims() + len(axes) {
			for _, a := range axes {
				if a == i {
					x = x.Unsqueeze(i)
				}
			}
		}
		return []*T{x}
	}
	m["Slice"] = sliceONNX
	m["Split"] = func(n *node) []*T {
		x, axis := n.x(0), n.int("axis", 0)
		lengths, ok := n.list("split", 1)
		if !ok {
			parts := n.int("num_outputs", len(n.Outputs))
			size := (x.Dim(axis) + parts - 1) / parts
			for left := x.Dim(axis); left > 0; left -= size {
				lengths = append(lengths, min(size, left))
			}
		}
		return x.Split(axis, lengths...)
	}
	m["Tile"] = func(n *node) []*T {
		x := n.x(0)
		for axis, times := range n.ints(1) {
			var at []int
			for i := range times * x.Dim(axis) {
				at = append(at, i%x.Dim(axis))
			}
			x = n.take(x, axis, at)
		}
		return []*T{x}
	}
	m["Pad"] = padONNX
	m["Gather"] = func(n *node) []*T {
		x, axis := n.x(0), n.int("axis", 0)
		if axis < 0 {
			axis += x.Dims()
		}
		ids := n.ids(wrap(n.ints(1), x.Dim(axis)), n.shape(1)...)
		front, back := []int{axis}, []int{}
		for i := range x.Dims() {
			if i != axis {
				front = append(front, i)
			}
		}
		for i := range axis {
			back = append(back, ids.Dims()+i)
		}
		for i := range ids.Dims() {
			back = append(back, i)
		}
		for i := axis; i < x.Dims()-1; i++ {
			back = append(back, ids.Dims()+i)
		}
		return []*T{x.Permute(front...).Rows(ids).Permute(back...)}
	}
	m["GatherElements"] = func(n *node) []*T {
		shape, axis, at := n.shape(1), n.int("axis", 0), n.ints(1)
		from := n.shape(0)
		flat := make([]int, len(at))
		for i := range at {
			rest, stride := i, 1
			for d := len(shape) - 1; d >= 0; d-- {
				j := rest % shape[d]
				rest /= shape[d]
				if d == axis {
					j = wrap(at[i:i+1], from[d])[0]
				}
				flat[i] += j * stride
				stride *= from[d]
			}
		}
		return []*T{n.x(0).Reshape(-1).Rows(n.ids(flat, shape...))}
	}
	m["Compress"] = func(n *node) []*T {
		x, axis := n.x(0), n.int("axis", 99)
		if axis == 99 {
			x, axis = x.Reshape(-1), 0
		}
		var at []int
		for i, v := range n.host(1) {
			if v != 0 {
				at = append(at, i)
			}
		}
		return []*T{n.take(x, axis, at)}
	}
	m["OneHot"] = func(n *node) []*T {
		depth, v := n.ints(1)[0], n.host(2)
		rows := n.eye(depth).Rows(n.ids(wrap(n.ints(0), depth), n.shape(0)...))
		rows = rows.Scale(float32(v[1] - v[0])).AddScalar(float32(v[0]))
		axis := n.int("axis", -1)
		if axis < 0 {
			axis += rows.Dims()
		}
		var order []int
		for i := range rows.Dims() - 1 {
			order = append(order, i)
		}
		order = append(order[:axis:axis], append([]int{rows.Dims() - 1}, order[axis:]...)...)
		return []*T{rows.Permute(order...)}
	}
	m["EyeLike"] = func(n *node) []*T {
		shape, k := n.shape(0), n.int("k", 0)
		return []*T{n.s.Floats(triangle(shape[0], shape[1], func(i, j int) bool { return j == i+k }), shape...)}
	}
	m["Trilu"] = func(n *node) []*T {
		k := 0
		if n.has(1) {
			k = n.ints(1)[0]
		}
		x, upper := n.x(0), n.int("upper", 1) == 1
		rows, cols := x.Dim(-2), x.Dim(-1)
		return []*T{x.Mul(n.s.Floats(triangle(rows, cols, func(i, j int) bool {
			return upper && j >= i+k || !upper && j <= i+k
		}), rows, cols))}
	}
	m["SpaceToDepth"] = func(n *node) []*T {
		x, b := n.x(0), n.int("blocksize", 1)
		N, C, H, W := x.Dim(0), x.Dim(1), x.Dim(2), x.Dim(3)
		return []*T{x.Reshape(N, C, H/b, b, W/b, b).Permute(0, 3, 5, 1, 2, 4).Reshape(N, C*b*b, H/b, W/b)}
	}
	m["DepthToSpace"] = func(n *node) []*T {
		x, b := n.x(0), n.int("blocksize", 1)
		N, C, H, W := x.Dim(0), x.Dim(1)/b/b, x.Dim(2), x.Dim(3)
		if n.str("mode", "DCR") == "CRD" {
			return []*T{x.Reshape(N, C, b, b, H, W).Permute(0, 1, 4, 2, 5, 3).Reshape(N, C, H*b, W*b)}
		}
		return []*T{x.Reshape(N, b, b, C, H, W).Permute(0, 3, 4, 1, 5, 2).Reshape(N, C, H*b, W*b)}
	}
	m["ReverseSequence"] = func(n *node) []*T {
		x, batch, time := n.x(0), n.int("batch_axis", 1), n.int("time_axis", 0)
		var parts []*T
		for i, size := range n.ints(1) {
			at := make([]int, x.Dim(time))
			for j := range at {
				if at[j] = j; j < size {
					at[j] = size - 1 - j
				}
			}
			parts = append(parts, n.take(x.Slice(batch, i, i+1), time, at))
		}
		return []*T{parts[0].Concat(batch, parts[1:]...)}
	}
	m["CenterCropPad"] = func(n *node) []*T {
		x, want := n.x(0), n.ints(1)
		var axes []int
		if !n.attr("axes", &axes) {
			axes = []int{0, 1, 2, 3, 4, 5}[:x.Dims()]
		}
		for i, axis := range wrap(axes, x.Dims()) {
			have := x.Dim(axis)
			if have < want[i] {
				n.no("padding of both kinds at once")
			}
			from := (have - want[i]) / 2
			x = x.Slice(axis, from, from+want[i])
		}
		return []*T{x}
	}
	m["GatherND"] = func(n *node) []*T {
		if n.int("batch_dims", 0) != 0 {
			n.no("indices in batches")
		}
		from, shape, at := n.shape(0), n.shape(1), n.ints(1)
		depth := shape[len(shape)-1]
		rows := make([]int, len(at)/depth)
		for i := range rows {
			for d, j := range at[i*depth:][:depth] {
				rows[i] = rows[i]*from[d] + wrap([]int{j}, from[d])[0]
			}
		}
		x := n.x(0).Reshape(append([]int{-1}, from[depth:]...)...)
		return []*T{x.Rows(n.ids(rows, shape[:len(shape)-1]...))}
	}
	return m
}

// cast converts between f32 and the storage types.
func cast(n *node) []*T {
	to := map[int]string{1: "float32", 10: "float16", 11: "float64", 16: "bfloat16"}[n.int("to", 0)]
	if to == "" {
		to = n.in[1].dtype
	}
	storage := map[string]tensor.DType{"float32": tensor.F32, "bfloat16": tensor.BF16, "float16": tensor.F16}
	from, ok1 := storage[n.in[0].dtype]
	dt, ok2 := storage[to]
	if !ok1 || !ok2 {
		n.no("float64 tensors")
	}
	return []*T{n.x(0).Cast(from).Cast(dt)}
}

func sliceONNX(n *node) []*T {
	x := n.x(0)
	starts, _ := n.list("starts", 1)
	ends, _ := n.list("ends", 2)
	axes, ok := n.list("axes", 3)
	if !ok {
		axes = []int{0, 1, 2, 3, 4, 5}[:len(starts)]
	}
	for i, axis := range wrap(axes, x.Dims()) {
		step, size := 1, x.Dim(axis)
		if n.has(4) {
			step = n.ints(4)[i]
		}
		from, to := wrap(starts[i:i+1], size)[0], wrap(ends[i:i+1], size)[0]
		if step == 1 {
			from, to = min(max(from, 0), size), min(max(to, 0), size)
			x = x.Slice(axis, from, max(from, to))
			continue
		}
		var at []int
		if step > 0 {
			for j := max(from, 0); j < min(to, size); j += step {
				at = append(at, j)
			}
		} else {
			for j := min(from, size-1); j > max(to, -1); j += step {
				at = append(at, j)
			}
		}
		x = n.take(x, axis, at)
	}
	return []*T{x.Contiguous()}
}

func padONNX(n *node) []*T {
	x := n.x(0)
	pads, _ := n.list("pads", 1)
	v := n.float("value", 0)
	if n.has(2) {
		v = float32(n.host(2)[0])
	}
	axes := []int{0, 1, 2, 3, 4, 5}[:len(pads)/2]
	if n.has(3) {
		axes = wrap(n.ints(3), x.Dims())
	}
	for i, axis := range axes {
		before, after, size := pads[i], pads[len(axes)+i], x.Dim(axis)
		if n.str("mode", "constant") == "constant" {
			fill := func(k int) *T {
				shape := x.Shape()
				shape[axis] = k
				return n.s.Full(v, shape...)
			}
			x = fill(before).Concat(axis, x, fill(after))
			continue
		}
		var at []int
		for j := -before; j < size+after; j++ {
			switch k := j; n.str("mode", "") {
			case "edge":
				at = append(at, min(max(k, 0), size-1))
			case "reflect":
				if k < 0 {
					k = -k
				}
				if k >= size {
					k = 2*(size-1) - k
				}
				at = append(at, k)
			default:
				n.no("padding around the end")
			}
		}
		x = n.take(x, axis, at)
	}
	return []*T{x}
}
