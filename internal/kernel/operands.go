package kernel

import "fmt"

// The checks of operations on elements, rows and products.

// CheckCopy checks the operands of Copy.
func CheckCopy(dst, src Mat, acc bool) {
	plain := func(t DType) bool { return t <= F16 }
	eights := dst.Type == Q8_0 && src.Type == F32 || dst.Type == F32 && src.Type == Q8_0
	if dst.Type != src.Type && !eights && !(plain(dst.Type) && plain(src.Type)) {
		panic(fmt.Sprintf("kernel: Copy: no conversion from %v to %v", src.Type, dst.Type))
	}
	if acc && (dst.Type != F32 || src.Type > F16) {
		panic(fmt.Sprintf("kernel: Copy: can not add %v to %v", src.Type, dst.Type))
	}
	need("Copy", "dst", dst, dst.Type, src.Rows, src.Cols)
	need("Copy", "src", src, src.Type, src.Rows, src.Cols)
	wholeBlocks("Copy", "dst", dst)
	wholeBlocks("Copy", "src", src)
}

// wholeBlocks panics unless every row of a quantised m begins and ends with a block.
func wholeBlocks(op, name string, m Mat) {
	if n := m.Type.Block(); m.Off%n != 0 || m.Cols%n != 0 || m.Rows > 1 && m.Stride%n != 0 {
		panic(fmt.Sprintf("kernel: %s: %s %v at element %d with stride %d is no whole blocks of %d", op, name, m, m.Off, m.Stride, n))
	}
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
	if table.Type.Quantised() {
		need("Gather", "table", table, table.Type, table.Rows, table.Cols)
	} else {
		float("Gather", "table", table, table.Rows, table.Cols)
	}
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

// CheckMatMulEach checks the operands of MatMulEach; each product's are for CheckMatMul.
func CheckMatMulEach(c, b []Mat) {
	if len(c) != len(b) {
		panic(fmt.Sprintf("kernel: MatMulEach: %d results of %d factors", len(c), len(b)))
	}
}

// CheckMatMul checks the operands of MatMul and returns M, N and K.
func CheckMatMul(c, a, b Mat, p Product) (m, n, k int) {
	if p.Precision != F32 && p.Precision != BF16 {
		panic(fmt.Sprintf("kernel: MatMul: precision %v, want f32 or bf16", p.Precision))
	}
	batch := p.Count()
	m, k, n = a.Rows, a.Cols, b.Cols
	if p.TA {
		m, k = k, m
	}
	wantRows, wantCols := k, n
	if p.TB && !b.Packed {
		n = b.Rows
		wantRows, wantCols = n, k
	}
	need("MatMul", "c", c, F32, m, n)
	float("MatMul", "a", a, a.Rows, a.Cols)
	if b.Packed {
		quantised := b.Type.Quantised()
		if quantised && (p.TA || a.Type != F32) {
			panic(fmt.Sprintf("kernel: MatMul: a is %s, transposed %v; quantised b wants rows of f32", describe(a), p.TA))
		}
		if b.Rows != k || b.Type > F16 && !quantised || batch > 1 && p.StrideB != 0 {
			panic(fmt.Sprintf("kernel: MatMul: b is %s with batch stride %d, want %d rows", describe(b), p.StrideB, k))
		}
	} else {
		float("MatMul", "b", b, wantRows, wantCols)
		checkBatch("b", b, batch, p.StrideB)
	}
	checkBatch("c", c, batch, p.StrideC)
	checkBatch("a", a, batch, p.StrideA)
	if batch > 1 && p.StrideC == 0 {
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

// Count is the number of products.
func (p Product) Count() int {
	if p.Batch == 0 {
		return 1
	}
	return p.Batch
}

// CheckPack checks the operand of Pack: of a quantised one, tb is wanted.
func CheckPack(b Mat, tb bool) {
	if b.Type.Quantised() {
		if !tb {
			panic(fmt.Sprintf("kernel: Pack: b is %s, blocks lie along K: want (N,K)", describe(b)))
		}
		need("Pack", "b", b, b.Type, b.Rows, b.Cols)
		return
	}
	float("Pack", "b", b, b.Rows, b.Cols)
}

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
