package kerneltest

import "github.com/inkstone-ai/inkstone/internal/kernel"

// A layout is a shape and how each operand walks it: order[i] is the place of
// dimension i in memory, and repeat marks dimensions that an operand repeats.
type layout struct {
	name   string
	shape  []int
	order  [][]int
	repeat [][]bool
}

// layouts are for two inputs and an output, the output first.
func layouts() []layout {
	list := []layout{
		{name: "scalar", shape: []int{}},
		{name: "one of each", shape: []int{1, 1, 1}},
		{name: "none", shape: []int{3, 0, 2}},
		{name: "long", shape: []int{big}},
		{name: "long rows", shape: []int{3, big}, repeat: [][]bool{nil, nil, {true, false}}},
		{name: "bias", shape: []int{300, 129}, repeat: [][]bool{nil, nil, {true, false}}},
		{name: "column", shape: []int{300, 129}, repeat: [][]bool{nil, {false, true}, nil}},
		{name: "number", shape: []int{7, 11}, repeat: [][]bool{nil, {true, true}, nil}},
		{name: "outer", shape: []int{17, 19}, repeat: [][]bool{nil, {false, true}, {true, false}}},
		{name: "middle", shape: []int{3, 5, 7}, repeat: [][]bool{nil, {false, true, false}, {true, false, true}}},
		{name: "six", shape: []int{2, 3, 1, 2, 3, 5}, repeat: [][]bool{nil, {true, false, false, true, false, true}, nil}},
		{name: "transposed input", shape: []int{23, 67}, order: [][]int{nil, {1, 0}, nil}},
		{name: "transposed output", shape: []int{67, 130}, order: [][]int{{1, 0}, nil, nil}},
		{name: "heads", shape: []int{2, 5, 3, 8}, order: [][]int{nil, {0, 2, 1, 3}, nil}},
		{name: "planes", shape: []int{3, 70, 2, 9}, order: [][]int{nil, {0, 3, 2, 1}, nil}},
		{name: "reversed", shape: []int{2, 3, 4, 5, 2, 3}, order: [][]int{nil, {5, 4, 3, 2, 1, 0}, {1, 0, 3, 2, 5, 4}}},
	}
	for n := range maxTail + 1 {
		list = append(list, layout{name: "tail", shape: []int{3, n}, repeat: [][]bool{nil, nil, {true, false}}})
	}
	return list
}

// operand is the View of operand k of l, and the number of elements it has.
func (l layout) operand(k int, m kernel.Mat) kernel.View {
	v := kernel.View{Buf: m.Buf, Off: m.Off, Dims: len(l.shape), Type: m.Type}
	copy(v.Shape[:], l.shape)
	stride := 1
	for i := len(l.shape) - 1; i >= 0; i-- {
		d := i
		if k < len(l.order) && l.order[k] != nil {
			d = l.order[k][i]
		}
		if l.repeats(k, d) {
			continue
		}
		v.Stride[d] = stride
		stride *= l.shape[d]
	}
	return v
}

func (l layout) repeats(k, d int) bool {
	return k < len(l.repeat) && l.repeat[k] != nil && l.repeat[k][d]
}

// size is the number of elements of operand k in memory.
func (l layout) size(k int) int {
	n := 1
	for d, s := range l.shape {
		if !l.repeats(k, d) {
			n *= s
		}
	}
	return n
}

func binaries(g *gen) (list []call) {
	for op := kernel.Add; op <= kernel.LessEqual; op++ {
		for _, l := range layouts() {
			for _, acc := range []bool{false, true} {
				args := []*arg{output(g.normal(1, l.size(0))), g.uniform(1, l.size(1), 0.5, 3), g.uniform(1, l.size(2), 0.5, 3)}
				if op == kernel.Equal { // equal numbers must occur
					round(args[1], args[2])
				}
				list = append(list, call{name: named("Binary %d %s %v acc %v", op, l.name, l.shape, acc), args: args,
					rtol: functionR, atol: functionA, do: func(d kernel.Device, m []kernel.Mat) {
						d.Binary(op, l.operand(0, m[0]), l.operand(1, m[1]), l.operand(2, m[2]), acc)
					}})
			}
		}
		list = append(list, binarySpecial(g, op)...)
	}
	return list
}

// binarySpecial pairs every special number with every other, and tries the
// permitted aliases.
func binarySpecial(g *gen, op kernel.BinaryOp) []call {
	n := len(specials)
	all := layout{shape: []int{n, n}, repeat: [][]bool{nil, {false, true}, {true, false}}}
	x := from(kernel.F32, 1, n, specials)
	one := layout{shape: []int{3, 37}}
	in := func() *arg { return g.uniform(1, 3*37, 0.5, 3) }
	return []call{
		{name: named("Binary %d specials", op), args: []*arg{output(g.normal(1, n*n)), x}, rtol: functionR, atol: functionA,
			do: func(d kernel.Device, m []kernel.Mat) {
				d.Binary(op, all.operand(0, m[0]), all.operand(1, m[1]), all.operand(2, m[1]), false)
			}},
		{name: named("Binary %d into a", op), args: []*arg{output(in()), in()}, rtol: functionR, atol: functionA,
			do: func(d kernel.Device, m []kernel.Mat) {
				d.Binary(op, one.operand(0, m[0]), one.operand(0, m[0]), one.operand(1, m[1]), false)
			}},
		{name: named("Binary %d into b", op), args: []*arg{output(in()), in()}, rtol: functionR, atol: functionA,
			do: func(d kernel.Device, m []kernel.Mat) {
				d.Binary(op, one.operand(0, m[0]), one.operand(1, m[1]), one.operand(0, m[0]), false)
			}},
		{name: named("Binary %d into both, added", op), args: []*arg{output(in())}, rtol: functionR, atol: functionA,
			do: func(d kernel.Device, m []kernel.Mat) {
				v := one.operand(0, m[0])
				d.Binary(op, v, v, v, true)
			}},
	}
}

// round makes the operands whole numbers.
func round(args ...*arg) {
	for _, a := range args {
		for i, x := range floats(a.data) {
			floats(a.data)[i] = float32(int(x))
		}
	}
}

func selects(g *gen) (list []call) {
	for _, l := range layouts() {
		for _, acc := range []bool{false, true} {
			cond := g.uniform(1, l.size(0), 0, 2)
			round(cond)
			args := []*arg{output(g.normal(1, l.size(0))), cond, g.normal(1, l.size(1)), g.normal(1, l.size(2))}
			list = append(list, call{name: named("Select %s %v acc %v", l.name, l.shape, acc), args: args, rtol: 1e-7,
				do: func(d kernel.Device, m []kernel.Mat) {
					d.Select(l.operand(0, m[0]), l.operand(0, m[1]), l.operand(1, m[2]), l.operand(2, m[3]), acc)
				}})
		}
	}
	return list
}

func permutes(g *gen) (list []call) {
	for _, l := range layouts() {
		for _, acc := range []bool{false, true} {
			args := []*arg{output(g.normal(1, l.size(0))), g.normal(1, l.size(1))}
			list = append(list, call{name: named("Permute %s %v acc %v", l.name, l.shape, acc), args: args, rtol: 1e-7,
				do: func(d kernel.Device, m []kernel.Mat) {
					d.Permute(l.operand(0, m[0]), l.operand(1, m[1]), acc)
				}})
		}
	}
	l := layout{shape: []int{4, 6}, order: [][]int{nil, {1, 0}}}
	return append(list, call{name: "Permute integers", args: []*arg{output(g.ids(24, 9)), g.ids(24, 1<<30)},
		do: func(d kernel.Device, m []kernel.Mat) { d.Permute(l.operand(0, m[0]), l.operand(1, m[1]), false) }})
}
