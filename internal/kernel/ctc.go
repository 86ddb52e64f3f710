package kernel

import "fmt"

// CheckCTC checks the operands of CTC, every label included.
func CheckCTC(loss, dlogits, logits, targets, segments, weights Mat, blank int32) {
	need("CTC", "logits", logits, F32, logits.Rows, logits.Cols)
	maybe("CTC", "dlogits", dlogits, F32, logits.Rows, logits.Cols)
	vector("CTC", "targets", targets, I32, targets.Len())
	need("CTC", "segments", segments, I32, segments.Rows, 4)
	vector("CTC", "loss", loss, F32, segments.Rows)
	if !weights.Nil() {
		vector("CTC", "weights", weights, F32, segments.Rows)
	}
	if blank < 0 || int(blank) >= logits.Cols {
		panic(fmt.Sprintf("kernel: CTC: blank %d, there are %d classes", blank, logits.Cols))
	}
	next := 0
	for s := range segments.Rows {
		g := SegmentAt(segments, s)
		if g.Query != next || g.Queries < 0 || g.Key < 0 || g.Keys < 0 || g.Key+g.Keys > targets.Len() {
			panic(fmt.Sprintf("kernel: CTC: sequence %d is %+v, want its rows from %d on, %d targets in all", s, g, next, targets.Len()))
		}
		next += g.Queries
		checkLabels(targets, g, s, blank, logits.Cols)
	}
	if next != logits.Rows {
		panic(fmt.Sprintf("kernel: CTC: sequences of %d rows, logits of %d", next, logits.Rows))
	}
}

func checkLabels(targets Mat, g Segment, s int, blank int32, classes int) {
	data := Elements[int32](targets.Buf)
	for i := range g.Keys {
		if id := data[targets.At(g.Key+i)]; id < 0 || int(id) >= classes || id == blank {
			panic(fmt.Sprintf("kernel: CTC: label %d of sequence %d is %d, there are %d classes and %d is blank", i, s, id, classes, blank))
		}
	}
}
