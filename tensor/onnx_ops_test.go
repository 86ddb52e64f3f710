package tensor_test

import (
	"math"
	"slices"
)

type onnxFunc = func(n *node) []*T

// onnxOps expresses ONNX's operators.
var onnxOps map[string]onnxFunc

func init() {
	onnxOps = map[string]onnxFunc{}
	for _, m := range []map[string]onnxFunc{elementONNX(), reduceONNX(), shapeONNX(), layerONNX(), imageONNX()} {
		for name, f := range m {
			onnxOps[name] = f
		}
	}
}

// onnxReasons says why an operator is not expressed.
var onnxReasons = map[string]string{}

func init() {
	for reason, ops := range map[string][]string{
		"convolution and pooling over space": {"ConvInteger", "DeformConv", "Col2Im", "LpPool", "MaxUnpool", "LRN"},
		"images":                             {"Resize", "GridSample", "AffineGrid", "RoiAlign", "ImageDecoder", "NonMaxSuppression"},
		"bit patterns and integer words":     {"BitCast", "BitShift", "BitwiseAnd", "BitwiseNot", "BitwiseOr", "BitwiseXor"},
		"quantised tensors":                  {"QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "QLinearConv", "QLinearMatMul"},
		"another random generator":           {"Bernoulli"},
		"sorting and sets":                   {"TopK", "Unique"},
		"writing into a tensor by index":     {"Scatter", "ScatterElements", "ScatterND", "TensorScatter"},
		"inverse trigonometric functions":    {"Acos", "Asin", "Atan"},
		"Fourier transforms":                 {"DFT", "STFT"},
		"running products":                   {"CumProd"},
		"Einstein notation":                  {"Einsum"},
		"determinants":                       {"Det"},
		"recurrent linear attention":         {"LinearAttention"},
		"sequences and optional values":      {"SequenceConstruct", "SequenceEmpty", "SequenceInsert", "SequenceErase", "SequenceAt", "SplitToSequence", "SequenceLength", "ConcatFromSequence", "OptionalGetElement", "OptionalHasElement"},
		"classic machine learning":           {"TreeEnsemble", "TfIdfVectorizer", "ArrayFeatureExtractor"},
		"attention with subgraphs":           {"FlexAttention"},
		"values made on the host alone":      {"Range"},
	} {
		for _, op := range ops {
			onnxReasons[op] = reason
		}
	}
}

// on1 and on2 express operators of one and two operands.
func on1(f func(x *T) *T) onnxFunc { return func(n *node) []*T { return []*T{f(n.x(0))} } }

func on2(f func(a, b *T) *T) onnxFunc {
	return func(n *node) []*T {
		a, b := n.x(0), n.x(1)
		if n.opset < 7 && n.int("broadcast", 0) == 1 { // b's dimensions begin at axis
			for axis := n.int("axis", a.Dims()-b.Dims()); axis+b.Dims() < a.Dims(); {
				b = b.Unsqueeze(-1)
			}
		}
		return []*T{f(a, b)}
	}
}

// fold expresses operators of any number of operands.
func fold(f func(a, b *T) *T) onnxFunc {
	return func(n *node) []*T {
		x := n.xs()
		for _, b := range x[1:] {
			x[0] = f(x[0], b)
		}
		return x[:1]
	}
}

// whole reports whether operand 0 holds integers.
func (n *node) whole() bool {
	return n.in[0].dtype != "" && n.in[0].dtype[0] != 'f' && n.in[0].dtype[0] != 'b'
}

func trunc(x *T) *T { return x.Sign().Mul(x.Abs().Floor()) }

// not, of truth values 0 and 1.
func not(x *T) *T { return x.Neg().AddScalar(1) }

func elementONNX() map[string]onnxFunc {
	m := map[string]onnxFunc{
		"Abs": on1((*T).Abs), "Neg": on1((*T).Neg), "Floor": on1((*T).Floor), "Ceil": on1((*T).Ceil), "Round": on1((*T).Round),
		"Sign": on1((*T).Sign), "Exp": on1((*T).Exp), "Log": on1((*T).Log), "Sqrt": on1((*T).Sqrt), "Reciprocal": on1((*T).Reciprocal),
		"Sin": on1((*T).Sin), "Cos": on1((*T).Cos), "Tanh": on1((*T).Tanh), "Sigmoid": on1((*T).Sigmoid), "Softplus": on1((*T).Softplus),
		"Erf": on1((*T).Erf), "Relu": on1((*T).ReLU), "Identity": on1((*T).Contiguous),

		"Add": on2((*T).Add), "Sub": on2((*T).Sub), "Mul": on2((*T).Mul), "Pow": on2((*T).Pow),
		"Equal": on2((*T).Equal), "Less": on2((*T).Less), "LessOrEqual": on2((*T).LessEqual),
		"Greater": on2((*T).Greater), "GreaterOrEqual": on2((*T).GreaterEqual),
		"And": on2((*T).Mul), "Or": on2((*T).Max), "Xor": on2(func(a, b *T) *T { return a.Sub(b).Abs() }), "Not": on1(not),
		"Max": fold((*T).Max), "Min": fold((*T).Min), "Sum": fold((*T).Add),
		"Where": func(n *node) []*T { return []*T{n.x(0).Where(n.x(1), n.x(2))} },

		"Tan":      on1(func(x *T) *T { return x.Sin().Div(x.Cos()) }),
		"Cosh":     on1(func(x *T) *T { return x.Exp().Add(x.Neg().Exp()).Scale(0.5) }),
		"Sinh":     on1(func(x *T) *T { return x.Exp().Sub(x.Neg().Exp()).Scale(0.5) }),
		"Asinh":    on1(func(x *T) *T { return x.Square().AddScalar(1).Sqrt().Add(x).Log() }),
		"Acosh":    on1(func(x *T) *T { return x.Square().AddScalar(-1).Sqrt().Add(x).Log() }),
		"Atanh":    on1(func(x *T) *T { return x.AddScalar(1).Div(not(x)).Log().Scale(0.5) }),
		"Softsign": on1(func(x *T) *T { return x.Div(x.Abs().AddScalar(1)) }),
		"Mish":     on1(func(x *T) *T { return x.Mul(x.Softplus().Tanh()) }),
		"HardSwish": on1(func(x *T) *T {
			return x.Mul(x.Scale(1.0/6).AddScalar(0.5).Clip(0, 1))
		}),
		"PRelu": on2(func(x, slope *T) *T { return x.ReLU().Sub(x.Neg().ReLU().Mul(slope)) }),
		"IsNaN": on1(func(x *T) *T { return not(x.Equal(x)) }),
	}
	m["Div"] = func(n *node) []*T {
		q := on2((*T).Div)(n)[0]
		if n.whole() {
			q = trunc(q)
		}
		return []*T{q}
	}
	m["Mod"] = func(n *node) []*T {
		a, b := n.x(0), n.x(1)
		q := a.Div(b)
		if n.int("fmod", 0) == 1 {
			return []*T{a.Sub(trunc(q).Mul(b))}
		}
		return []*T{a.Sub(q.Floor().Mul(b))}
	}
	m["Mean"] = func(n *node) []*T { return []*T{fold((*T).Add)(n)[0].Scale(1 / float32(len(n.in)))} }
	m["Clip"] = func(n *node) []*T {
		lo, hi := n.float("min", float32(math.Inf(-1))), n.float("max", float32(math.Inf(1)))
		if n.has(1) {
			lo = float32(n.host(1)[0])
		}
		if n.has(2) {
			hi = float32(n.host(2)[0])
		}
		return []*T{n.x(0).Clip(lo, hi)}
	}
	m["LeakyRelu"] = func(n *node) []*T { return []*T{n.x(0).LeakyReLU(n.float("alpha", 0.01))} }
	m["Elu"] = func(n *node) []*T { return []*T{n.x(0).ELU(n.float("alpha", 1))} }
	m["Selu"] = func(n *node) []*T {
		return []*T{n.x(0).ELU(n.float("alpha", 1.67326319)).Scale(n.float("gamma", 1.05070102))}
	}
	m["Gelu"] = func(n *node) []*T {
		if n.str("approximate", "none") == "tanh" {
			return []*T{n.x(0).GELU()}
		}
		return []*T{n.x(0).GELUErf()}
	}
	m["Swish"] = func(n *node) []*T {
		if alpha := n.float("alpha", 1); alpha != 1 {
			return []*T{n.x(0).Mul(n.x(0).Scale(alpha).Sigmoid())}
		}
		return []*T{n.x(0).SiLU()}
	}
	m["HardSigmoid"] = func(n *node) []*T {
		return []*T{n.x(0).Scale(n.float("alpha", 0.2)).AddScalar(n.float("beta", 0.5)).Clip(0, 1)}
	}
	m["ThresholdedRelu"] = func(n *node) []*T {
		x := n.x(0)
		return []*T{x.Mul(x.Greater(n.scalar(n.float("alpha", 1))))}
	}
	m["Shrink"] = func(n *node) []*T {
		x, bias, lambda := n.x(0), n.float("bias", 0), n.float("lambd", 0.5)
		low := x.Less(n.scalar(-lambda)).Mul(x.AddScalar(bias))
		return []*T{low.Add(x.Greater(n.scalar(lambda)).Mul(x.AddScalar(-bias)))}
	}
	m["IsInf"] = func(n *node) []*T {
		x, inf := n.x(0), float32(math.Inf(1))
		y := x.Equal(n.scalar(inf)).Scale(float32(n.int("detect_positive", 1)))
		return []*T{y.Add(x.Equal(n.scalar(-inf)).Scale(float32(n.int("detect_negative", 1))))}
	}
	window := func(a0, a1, a2 float32) onnxFunc {
		return func(n *node) []*T {
			size := n.ints(0)[0]
			at := make([]float64, size)
			period := float64(size)
			if n.int("periodic", 1) == 0 {
				period--
			}
			for i := range at {
				at[i] = 2 * math.Pi * float64(i) / period
			}
			x := n.s.Floats(narrow(at), size)
			return []*T{x.Cos().Scale(-a1).Add(x.Scale(2).Cos().Scale(a2)).AddScalar(a0)}
		}
	}
	m["HannWindow"], m["HammingWindow"], m["BlackmanWindow"] = window(0.5, 0.5, 0), window(25.0/46, 21.0/46, 0), window(0.42, 0.5, 0.08)
	return m
}

// reduceTo expresses a reduction over the axes given.
func reduceTo(f func(x *T, dims ...int) *T) onnxFunc {
	return func(n *node) []*T {
		x := n.x(0)
		axes, _ := n.list("axes", 1)
		if len(axes) == 0 && n.int("noop_with_empty_axes", 0) == 1 {
			return []*T{x.Contiguous()}
		}
		y := f(x, axes...)
		if n.int("keepdims", 1) == 1 {
			y = y.Reshape(kept(x.Shape(), axes)...)
		}
		return []*T{y}
	}
}

// kept is shape with the axes, all where none is given, of length 1.
func kept(shape, axes []int) []int {
	shape = slices.Clone(shape)
	for i := range shape {
		if len(axes) == 0 || slices.Contains(axes, i) || slices.Contains(axes, i-len(shape)) {
			shape[i] = 1
		}
	}
	return shape
}

func reduceONNX() map[string]onnxFunc {
	m := map[string]onnxFunc{
		"ReduceSum": reduceTo((*T).Sum), "ReduceMean": reduceTo((*T).Mean), "ReduceMax": reduceTo((*T).MaxOf),
		"ReduceMin": reduceTo((*T).MinOf), "ReduceProd": reduceTo((*T).Prod),
		"ReduceL1":        reduceTo(func(x *T, d ...int) *T { return x.Abs().Sum(d...) }),
		"ReduceL2":        reduceTo(func(x *T, d ...int) *T { return x.Square().Sum(d...).Sqrt() }),
		"ReduceLogSum":    reduceTo(func(x *T, d ...int) *T { return x.Sum(d...).Log() }),
		"ReduceLogSumExp": reduceTo(func(x *T, d ...int) *T { return x.Exp().Sum(d...).Log() }),
		"ReduceSumSquare": reduceTo(func(x *T, d ...int) *T { return x.Square().Sum(d...) }),
	}
	arg := func(f func(x *T, dim int) *T) onnxFunc {
		return func(n *node) []*T {
			if n.int("select_last_index", 0) == 1 {
				n.no("the last of equal extremes")
			}
			x, axis := n.x(0), n.int("axis", 0)
			y := f(x, axis)
			if n.int("keepdims", 1) == 1 {
				y = y.Reshape(kept(x.Shape(), []int{axis})...)
			}
			return []*T{y}
		}
	}
	m["ArgMax"], m["ArgMin"] = arg((*T).ArgMax), arg((*T).ArgMin)
	along := func(f func(x *T) *T) onnxFunc {
		return func(n *node) []*T {
			axis := n.int("axis", map[bool]int{true: -1, false: 1}[n.opset >= 13])
			return []*T{f(n.x(0).Transpose(axis, -1)).Transpose(axis, -1)}
		}
	}
	m["Softmax"], m["LogSoftmax"] = along((*T).Softmax), along((*T).LogSoftmax)
	m["Hardmax"] = func(n *node) []*T {
		return along(func(x *T) *T { return n.eye(x.Dim(-1)).Rows(x.ArgMax(-1)) })(n)
	}
	m["GlobalAveragePool"] = func(n *node) []*T { return n.pooled((*T).Mean) }
	m["GlobalMaxPool"] = func(n *node) []*T { return n.pooled((*T).MaxOf) }
	m["CumSum"] = func(n *node) []*T {
		axis := n.ints(1)[0]
		x := n.x(0).Transpose(axis, -1)
		size, k := x.Dim(-1), n.int("exclusive", 0)
		upper := n.s.Floats(triangle(size, size, func(i, j int) bool {
			if n.int("reverse", 0) == 1 {
				i, j = j, i
			}
			return i+k <= j
		}), size, size)
		if x.Dims() == 1 {
			return []*T{x.MatMul(upper)}
		}
		return []*T{x.MatMul(upper).Transpose(axis, -1)}
	}
	return m
}

// pooled folds all dimensions after the second.
func (n *node) pooled(f func(x *T, d ...int) *T) []*T {
	x := n.x(0)
	y := f(x.Reshape(x.Dim(0), x.Dim(1), -1), 2)
	for y.Dims() < x.Dims() {
		y = y.Unsqueeze(-1)
	}
	return []*T{y}
}

func (n *node) eye(size int) *T {
	return n.s.Floats(triangle(size, size, func(i, j int) bool { return i == j }), size, size)
}

// triangle is a matrix of ones where in holds.
func triangle(rows, cols int, in func(i, j int) bool) []float32 {
	x := make([]float32, rows*cols)
	for i := range rows {
		for j := range cols {
			if in(i, j) {
				x[i*cols+j] = 1
			}
		}
	}
	return x
}
