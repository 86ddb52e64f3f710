package kernel

import "fmt"

// The Check functions hold the shapes of every operation, once for all
// devices: they panic with the operand's name, its shape and the wanted one.
// They allocate nothing when all is well.

// need panics unless m is t(rows,cols) and lies inside its buffer.
func need(op, name string, m Mat, t DType, rows, cols int) {
	if m.Buf == nil || m.Type != t || m.Rows != rows || m.Cols != cols || m.Packed {
		wrong(op, name, m, t, rows, cols)
	}
	inside(op, name, m)
}

// float is need for a matrix of any float type.
func float(op, name string, m Mat, rows, cols int) {
	if m.Type == BF16 || m.Type == F16 {
		need(op, name, m, m.Type, rows, cols)
		return
	}
	need(op, name, m, F32, rows, cols)
}

// maybe is need for an optional operand.
func maybe(op, name string, m Mat, t DType, rows, cols int) {
	if !m.Nil() {
		need(op, name, m, t, rows, cols)
	}
}

// vector is need for n elements, as one row or as n rows of one.
func vector(op, name string, m Mat, t DType, n int) {
	if m.Rows == 1 {
		need(op, name, m, t, 1, n)
	} else {
		need(op, name, m, t, n, 1)
	}
}

// dense is need for a matrix of n elements of any shape without gaps.
func dense(op, name string, m Mat, t DType, n int) {
	if m.Buf == nil || m.Type != t || m.Len() != n || !m.Dense() || m.Packed {
		panic(fmt.Sprintf("kernel: %s: %s is %s, want %v with %d elements without gaps", op, name, describe(m), t, n))
	}
	inside(op, name, m)
}

// inside panics unless every row of m lies in its buffer.
func inside(op, name string, m Mat) {
	if m.Len() == 0 {
		return
	}
	last := m.Index(m.Rows-1, m.Cols-1)
	if m.Off < 0 || m.Cols < 0 || m.Rows > 1 && m.Stride < m.Cols || (last+1)*m.Type.Size() > m.Buf.Bytes {
		panic(fmt.Sprintf("kernel: %s: %s %v at element %d with stride %d exceeds its buffer of %d bytes",
			op, name, m, m.Off, m.Stride, m.Buf.Bytes))
	}
}

func wrong(op, name string, m Mat, t DType, rows, cols int) {
	panic(fmt.Sprintf("kernel: %s: %s is %s, want %v(%d,%d)", op, name, describe(m), t, rows, cols))
}

func describe(m Mat) string {
	switch {
	case m.Buf == nil:
		return "absent"
	case m.Packed:
		return "packed " + m.String()
	}
	return m.String()
}

// view panics unless v is a View of 4-byte elements inside its buffer with
// the shape of like. Strides are not negative; those of an output not 0.
func view(op, name string, v, like View, output bool) {
	if v.Buf == nil || v.Type.Size() != 4 || v.Dims != like.Dims || v.Shape != like.Shape {
		wrongView(op, name, v, like)
	}
	if v.Len() == 0 {
		return
	}
	last := v.Off
	for d, n := range v.Shape[:v.Dims] {
		if v.Stride[d] < 0 || output && v.Stride[d] == 0 && n > 1 {
			panic(fmt.Sprintf("kernel: %s: %s has stride %d in dimension %d", op, name, v.Stride[d], d))
		}
		last += (n - 1) * v.Stride[d]
	}
	if v.Off < 0 || (last+1)*4 > v.Buf.Bytes {
		outside(op, name, v)
	}
}

// wrongView and outside print shapes, which moves a View to the heap: apart
// from view, so that it does not when all is well.
func wrongView(op, name string, v, like View) {
	panic(fmt.Sprintf("kernel: %s: %s is %v%v, want %v%v", op, name,
		v.Type, v.Shape[:v.Dims], like.Type, like.Shape[:like.Dims]))
}

func outside(op, name string, v View) {
	panic(fmt.Sprintf("kernel: %s: %s %v at element %d exceeds its buffer of %d bytes",
		op, name, v.Shape[:v.Dims], v.Off, v.Buf.Bytes))
}

// numbers is view for float32 elements.
func numbers(op, name string, v, like View, output bool) {
	if v.Type != F32 {
		panic(fmt.Sprintf("kernel: %s: %s is %v, want f32", op, name, v.Type))
	}
	view(op, name, v, like, output)
}

// CheckCopy checks the operands of Copy.
func CheckCopy(dst, src Mat, acc bool) {
	if dst.Type != src.Type && (dst.Type > F16 || src.Type > F16) {
		panic(fmt.Sprintf("kernel: Copy: no conversion from %v to %v", src.Type, dst.Type))
	}
	if acc && (dst.Type != F32 || src.Type > F16) {
		panic(fmt.Sprintf("kernel: Copy: can not add %v to %v", src.Type, dst.Type))
	}
	need("Copy", "dst", dst, dst.Type, src.Rows, src.Cols)
	need("Copy", "src", src, src.Type, src.Rows, src.Cols)
}

// CheckPermute checks the operands of Permute.
func CheckPermute(dst, src View, acc bool) {
	if dst.Type != src.Type || acc && dst.Type != F32 {
		panic(fmt.Sprintf("kernel: Permute: dst is %v and src %v, acc %v", dst.Type, src.Type, acc))
	}
	view("Permute", "dst", dst, src, true)
	view("Permute", "src", src, dst, false)
}

// CheckFill checks the operand of Fill.
func CheckFill(dst Mat) { need("Fill", "dst", dst, F32, dst.Rows, dst.Cols) }

// CheckGather checks the operands of Gather, every id included.
func CheckGather(dst, table, ids Mat) {
	need("Gather", "dst", dst, F32, dst.Rows, table.Cols)
	float("Gather", "table", table, table.Rows, table.Cols)
	vector("Gather", "ids", ids, I32, dst.Rows)
	checkIDs("Gather", ids, dst.Rows, table.Rows)
}

// CheckScatterAdd checks the operands of ScatterAdd, every id included.
func CheckScatterAdd(table, src, ids Mat) {
	need("ScatterAdd", "table", table, F32, table.Rows, src.Cols)
	need("ScatterAdd", "src", src, F32, src.Rows, src.Cols)
	vector("ScatterAdd", "ids", ids, I32, src.Rows)
	checkIDs("ScatterAdd", ids, src.Rows, table.Rows)
}

func checkIDs(op string, ids Mat, n, rows int) {
	for i, data := 0, Elements[int32](ids.Buf); i < n; i++ {
		if id := int(data[ids.At(i)]); id < 0 || id >= rows {
			panic(fmt.Sprintf("kernel: %s: id %d at place %d, the table has %d rows", op, id, i, rows))
		}
	}
}

// CheckUnary checks the operands of Unary.
func CheckUnary(y, x Mat) {
	need("Unary", "y", y, F32, x.Rows, x.Cols)
	need("Unary", "x", x, F32, x.Rows, x.Cols)
}

// CheckUnaryGrad checks the operands of UnaryGrad.
func CheckUnaryGrad(dx, x, y, dy Mat) {
	need("UnaryGrad", "dx", dx, F32, x.Rows, x.Cols)
	need("UnaryGrad", "x", x, F32, x.Rows, x.Cols)
	need("UnaryGrad", "y", y, F32, x.Rows, x.Cols)
	need("UnaryGrad", "dy", dy, F32, x.Rows, x.Cols)
}

// CheckBinary checks the operands of Binary.
func CheckBinary(dst, a, b View) {
	numbers("Binary", "dst", dst, dst, true)
	numbers("Binary", "a", a, dst, false)
	numbers("Binary", "b", b, dst, false)
}

// CheckSelect checks the operands of Select.
func CheckSelect(dst, cond, a, b View) {
	numbers("Select", "dst", dst, dst, true)
	numbers("Select", "cond", cond, dst, false)
	numbers("Select", "a", a, dst, false)
	numbers("Select", "b", b, dst, false)
}

// CheckReduce checks the operands of Reduce.
func CheckReduce(op ReduceOp, dst, x Mat, outer, n, inner int, acc bool) {
	t := F32
	if op == ArgMax || op == ArgMin {
		if t = I32; acc || n == 0 {
			panic(fmt.Sprintf("kernel: Reduce: place of an extreme of %d elements, acc %v", n, acc))
		}
	}
	dense("Reduce", "dst", dst, t, outer*inner)
	dense("Reduce", "x", x, F32, outer*n*inner)
}

// CheckMatMul checks the operands of MatMul and returns M, N and K.
func CheckMatMul(c, a, b Mat, ta, tb bool, batch, strideC, strideA, strideB int) (m, n, k int) {
	m, k, n = a.Rows, a.Cols, b.Cols
	if ta {
		m, k = k, m
	}
	wantRows, wantCols := k, n
	if tb && !b.Packed {
		n = b.Rows
		wantRows, wantCols = n, k
	}
	need("MatMul", "c", c, F32, m, n)
	float("MatMul", "a", a, a.Rows, a.Cols)
	if b.Packed {
		if b.Rows != k || b.Type > F16 || batch > 1 && strideB != 0 {
			panic(fmt.Sprintf("kernel: MatMul: b is %s with batch stride %d, want %d rows", describe(b), strideB, k))
		}
	} else {
		float("MatMul", "b", b, wantRows, wantCols)
		checkBatch("b", b, batch, strideB)
	}
	checkBatch("c", c, batch, strideC)
	checkBatch("a", a, batch, strideA)
	if batch > 1 && strideC == 0 {
		panic(fmt.Sprintf("kernel: MatMul: %d products into one output", batch))
	}
	return m, n, k
}

func checkBatch(name string, m Mat, batch, stride int) {
	if batch < 0 || stride < 0 {
		panic(fmt.Sprintf("kernel: MatMul: batch %d, stride %d of %s", batch, stride, name))
	}
	if batch > 0 {
		m.Off += (batch - 1) * stride
		inside("MatMul", name, m)
	}
}

// CheckPack checks the operand of Pack.
func CheckPack(b Mat) { float("Pack", "b", b, b.Rows, b.Cols) }

// CheckSoftmax checks the operands of Softmax.
func CheckSoftmax(y, x Mat) {
	need("Softmax", "y", y, F32, x.Rows, x.Cols)
	need("Softmax", "x", x, F32, x.Rows, x.Cols)
}

// CheckSoftmaxGrad checks the operands of SoftmaxGrad.
func CheckSoftmaxGrad(dx, y, dy Mat) {
	need("SoftmaxGrad", "dx", dx, F32, y.Rows, y.Cols)
	need("SoftmaxGrad", "y", y, F32, y.Rows, y.Cols)
	need("SoftmaxGrad", "dy", dy, F32, y.Rows, y.Cols)
}

// CheckCrossEntropy checks the operands of CrossEntropy, every target included.
func CheckCrossEntropy(loss, dlogits, logits, targets, weights Mat, ignore int32) {
	vector("CrossEntropy", "loss", loss, F32, logits.Rows)
	maybe("CrossEntropy", "dlogits", dlogits, F32, logits.Rows, logits.Cols)
	need("CrossEntropy", "logits", logits, F32, logits.Rows, logits.Cols)
	vector("CrossEntropy", "targets", targets, I32, logits.Rows)
	if !weights.Nil() {
		vector("CrossEntropy", "weights", weights, F32, logits.Rows)
	}
	for i, data := 0, Elements[int32](targets.Buf); i < logits.Rows; i++ {
		if id := data[targets.At(i)]; id != ignore && (id < 0 || int(id) >= logits.Cols) {
			panic(fmt.Sprintf("kernel: CrossEntropy: target %d of row %d, there are %d classes", id, i, logits.Cols))
		}
	}
}

// CheckNorm checks the operands of Norm.
func CheckNorm(y, stats, x, w, b Mat) {
	need("Norm", "y", y, F32, x.Rows, x.Cols)
	maybe("Norm", "stats", stats, F32, x.Rows, 2)
	need("Norm", "x", x, F32, x.Rows, x.Cols)
	maybe("Norm", "w", w, F32, 1, x.Cols)
	maybe("Norm", "b", b, F32, 1, x.Cols)
}

// CheckNormGrad checks the operands of NormGrad.
func CheckNormGrad(dx, dw, db, x, w, dy, stats Mat) {
	need("NormGrad", "dx", dx, F32, x.Rows, x.Cols)
	maybe("NormGrad", "dw", dw, F32, 1, x.Cols)
	maybe("NormGrad", "db", db, F32, 1, x.Cols)
	need("NormGrad", "x", x, F32, x.Rows, x.Cols)
	maybe("NormGrad", "w", w, F32, 1, x.Cols)
	need("NormGrad", "dy", dy, F32, x.Rows, x.Cols)
	need("NormGrad", "stats", stats, F32, x.Rows, 2)
}

// A Segment is one row of a segments Mat: the query rows and the key rows of a sequence.
type Segment struct{ Query, Queries, Key, Keys int }

// SegmentAt reads row s of segments.
func SegmentAt(segments Mat, s int) Segment {
	r := Row[int32](segments, s)
	return Segment{int(r[0]), int(r[1]), int(r[2]), int(r[3])}
}

// checkSegments checks each sequence against the number of query and key rows.
func checkSegments(op string, segments Mat, queries, keys int) {
	need(op, "segments", segments, I32, segments.Rows, 4)
	for s := range segments.Rows {
		g := SegmentAt(segments, s)
		if g.Query < 0 || g.Queries < 0 || g.Key < 0 || g.Queries > g.Keys || g.Query+g.Queries > queries || g.Key+g.Keys > keys {
			panic(fmt.Sprintf("kernel: %s: sequence %d is %+v of %d query and %d key rows", op, s, g, queries, keys))
		}
	}
}

// CheckAttention checks the operands of Attention.
func CheckAttention(y, lse, q, k, v, segments Mat, p AttentionParams) {
	checkAttention("Attention", q, k, v, segments, p)
	need("Attention", "y", y, F32, q.Rows, q.Cols)
	maybe("Attention", "lse", lse, F32, q.Rows, p.H)
}

// CheckAttentionGrad checks the operands of AttentionGrad.
func CheckAttentionGrad(dq, dk, dv, q, k, v, y, lse, dy, segments Mat, p AttentionParams) {
	checkAttention("AttentionGrad", q, k, v, segments, p)
	need("AttentionGrad", "dq", dq, F32, q.Rows, q.Cols)
	need("AttentionGrad", "dk", dk, F32, k.Rows, k.Cols)
	need("AttentionGrad", "dv", dv, F32, v.Rows, v.Cols)
	need("AttentionGrad", "y", y, F32, q.Rows, q.Cols)
	need("AttentionGrad", "lse", lse, F32, q.Rows, p.H)
	need("AttentionGrad", "dy", dy, F32, q.Rows, q.Cols)
}

func checkAttention(op string, q, k, v, segments Mat, p AttentionParams) {
	if p.H <= 0 || p.G <= 0 || p.D <= 0 || p.H%p.G != 0 || p.Window < 0 || p.SoftCap < 0 {
		panic(fmt.Sprintf("kernel: %s: parameters %+v", op, p))
	}
	need(op, "q", q, F32, q.Rows, p.H*p.D)
	need(op, "k", k, F32, k.Rows, p.G*p.D)
	need(op, "v", v, F32, k.Rows, p.G*p.D)
	checkSegments(op, segments, q.Rows, k.Rows)
}

// CheckRotary checks the operands of Rotary and returns the number of pairs
// turned in each head.
func CheckRotary(y, x, pos, freqs Mat, heads int) (pairs int) {
	pairs = freqs.Len()
	if heads <= 0 || x.Cols%heads != 0 || 2*pairs > x.Cols/heads {
		panic(fmt.Sprintf("kernel: Rotary: %d pairs in each of %d heads of %v", pairs, heads, x))
	}
	need("Rotary", "y", y, F32, x.Rows, x.Cols)
	need("Rotary", "x", x, F32, x.Rows, x.Cols)
	vector("Rotary", "pos", pos, I32, x.Rows)
	vector("Rotary", "freqs", freqs, F32, pairs)
	for i, data := 0, Elements[int32](pos.Buf); i < x.Rows; i++ {
		if p := data[pos.At(i)]; p < 0 {
			panic(fmt.Sprintf("kernel: Rotary: position %d of row %d", p, i))
		}
	}
	return pairs
}

// CheckGated checks the operands of Gated.
func CheckGated(op UnaryOp, y, gate, up Mat) {
	checkGate("Gated", op)
	need("Gated", "y", y, F32, gate.Rows, gate.Cols)
	need("Gated", "gate", gate, F32, gate.Rows, gate.Cols)
	need("Gated", "up", up, F32, gate.Rows, gate.Cols)
}

// CheckGatedGrad checks the operands of GatedGrad.
func CheckGatedGrad(op UnaryOp, dgate, dup, gate, up, dy Mat) {
	checkGate("GatedGrad", op)
	need("GatedGrad", "dgate", dgate, F32, gate.Rows, gate.Cols)
	need("GatedGrad", "dup", dup, F32, gate.Rows, gate.Cols)
	need("GatedGrad", "gate", gate, F32, gate.Rows, gate.Cols)
	need("GatedGrad", "up", up, F32, gate.Rows, gate.Cols)
	need("GatedGrad", "dy", dy, F32, gate.Rows, gate.Cols)
}

func checkGate(name string, op UnaryOp) {
	switch op {
	case SiLU, GELU, ReLU, Sigmoid:
	default:
		panic(fmt.Sprintf("kernel: %s: no gate by function %d", name, op))
	}
}

// CheckCausalConv checks the operands of CausalConv.
func CheckCausalConv(y, x, w, segments Mat) {
	need("CausalConv", "y", y, F32, y.Rows, x.Cols)
	need("CausalConv", "x", x, F32, x.Rows, x.Cols)
	need("CausalConv", "w", w, F32, w.Rows, x.Cols)
	checkSegments("CausalConv", segments, y.Rows, x.Rows)
}

// CheckCausalConvGrad checks the operands of CausalConvGrad.
func CheckCausalConvGrad(dx, dw, x, w, dy, segments Mat) {
	need("CausalConvGrad", "dx", dx, F32, x.Rows, x.Cols)
	need("CausalConvGrad", "dw", dw, F32, w.Rows, x.Cols)
	need("CausalConvGrad", "x", x, F32, x.Rows, x.Cols)
	need("CausalConvGrad", "w", w, F32, w.Rows, x.Cols)
	need("CausalConvGrad", "dy", dy, F32, dy.Rows, x.Cols)
	checkSegments("CausalConvGrad", segments, dy.Rows, x.Rows)
}

// CheckDropout checks the operands of Dropout.
func CheckDropout(y, x Mat, rate float32) {
	if !(rate >= 0 && rate < 1) {
		panic(fmt.Sprintf("kernel: Dropout: rate %v, want [0, 1)", rate))
	}
	need("Dropout", "y", y, F32, x.Rows, x.Cols)
	need("Dropout", "x", x, F32, x.Rows, x.Cols)
}

// CheckUpdate checks the operands of Update: each rule has the state it needs.
func CheckUpdate(rule UpdateRule, w, g, m, v Mat, p UpdateParams) {
	dense("Update", "w", w, F32, w.Len())
	dense("Update", "g", g, F32, w.Len())
	if !m.Nil() || rule == Adam || rule == AdamW || rule == RMSProp && p.B1 > 0 {
		dense("Update", "m", m, F32, w.Len())
	}
	if !v.Nil() || rule != SGD {
		dense("Update", "v", v, F32, w.Len())
	}
}
