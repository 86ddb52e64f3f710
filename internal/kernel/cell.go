package kernel

import "fmt"

// CheckCell checks the operands of Cell and returns H, the width of h.
func CheckCell(kind CellKind, state, kept, x, p, bias, before Mat) (H int) {
	H = checkCell("Cell", kind, x)
	need("Cell", "state", state, F32, x.Rows, kind.States()*H)
	maybe("Cell", "kept", kept, F32, x.Rows, kind.Kept()*H)
	need("Cell", "x", x, F32, x.Rows, x.Cols)
	if kind == GRUCell || !p.Nil() {
		need("Cell", "p", p, F32, x.Rows, x.Cols)
	}
	maybe("Cell", "bias", bias, F32, 1, x.Cols)
	need("Cell", "before", before, F32, x.Rows, kind.States()*H)
	return H
}

// CheckCellGrad checks the operands of CellGrad and returns H.
func CheckCellGrad(kind CellKind, dx, dp, dbefore, dstate, kept, state, before Mat) (H int) {
	H = checkCell("CellGrad", kind, dx)
	need("CellGrad", "dx", dx, F32, dx.Rows, dx.Cols)
	if kind == GRUCell {
		need("CellGrad", "dp", dp, F32, dx.Rows, dx.Cols)
	}
	maybe("CellGrad", "dbefore", dbefore, F32, dx.Rows, kind.States()*H)
	need("CellGrad", "dstate", dstate, F32, dx.Rows, kind.States()*H)
	if kind.Kept() > 0 {
		need("CellGrad", "kept", kept, F32, dx.Rows, kind.Kept()*H)
	}
	need("CellGrad", "state", state, F32, dx.Rows, kind.States()*H)
	need("CellGrad", "before", before, F32, dx.Rows, kind.States()*H)
	return H
}

func checkCell(op string, kind CellKind, x Mat) (H int) {
	if kind > GRUCell || x.Cols%kind.Gates() != 0 {
		panic(fmt.Sprintf("kernel: %s: cell %d of %v", op, kind, x))
	}
	return x.Cols / kind.Gates()
}
