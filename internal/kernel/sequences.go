package kernel

import "fmt"

// The checks of operations on sequences.

// A Segment is one row of a segments Mat: the query rows and the key rows of a sequence.
type Segment struct{ Query, Queries, Key, Keys int }

// SegmentAt reads row s of segments.
func SegmentAt(segments Mat, s int) Segment {
	r := Row[int32](segments, s)
	return Segment{int(r[0]), int(r[1]), int(r[2]), int(r[3])}
}

// checkSegments checks each sequence against the number of query and key rows.
// Unless apart, queries are the last positions of their keys, so that there are no
// more of them; apart, they are of another sequence, which must have a key to see.
func checkSegments(op string, segments Mat, queries, keys int, apart bool) {
	need(op, "segments", segments, I32, segments.Rows, 4)
	for s := range segments.Rows {
		g := SegmentAt(segments, s)
		fits := g.Queries <= g.Keys || apart && g.Keys > 0
		if g.Query < 0 || g.Queries < 0 || g.Key < 0 || !fits || g.Query+g.Queries > queries || g.Key+g.Keys > keys {
			panic(fmt.Sprintf("kernel: %s: sequence %d is %+v of %d query and %d key rows", op, s, g, queries, keys))
		}
	}
}

// CheckAttention checks the operands of Attention.
func CheckAttention(y, lse, q, k, v, segments Mat, p AttentionParams) {
	checkAttention("Attention", q, k, v, segments, p, k.Type)
	need("Attention", "y", y, F32, q.Rows, q.Cols)
	maybe("Attention", "lse", lse, F32, q.Rows, p.H)
}

// CheckAttentionGrad checks the operands of AttentionGrad.
func CheckAttentionGrad(dq, dk, dv, q, k, v, y, lse, dy, segments Mat, p AttentionParams) {
	if !p.Pages.Nil() {
		panic("kernel: AttentionGrad: there is no gradient through pages")
	}
	checkAttention("AttentionGrad", q, k, v, segments, p, F32)
	need("AttentionGrad", "dq", dq, F32, q.Rows, q.Cols)
	need("AttentionGrad", "dk", dk, F32, k.Rows, k.Cols)
	need("AttentionGrad", "dv", dv, F32, v.Rows, v.Cols)
	need("AttentionGrad", "y", y, F32, q.Rows, q.Cols)
	need("AttentionGrad", "lse", lse, F32, q.Rows, p.H)
	need("AttentionGrad", "dy", dy, F32, q.Rows, q.Cols)
}

func checkAttention(op string, q, k, v, segments Mat, p AttentionParams, t DType) {
	if p.H <= 0 || p.G <= 0 || p.D <= 0 || p.H%p.G != 0 || p.Window < 0 || p.SoftCap < 0 {
		panic(fmt.Sprintf("kernel: %s: parameters %+v", op, p))
	}
	need(op, "q", q, F32, q.Rows, p.H*p.D)
	if t != F32 && t != F16 && (t != Q8_0 || p.D%Q8_0.Block() != 0) {
		panic(fmt.Sprintf("kernel: %s: k is %v with %d channels a head, want f32, f16 or whole blocks of q8_0", op, k, p.D))
	}
	need(op, "k", k, t, k.Rows, p.G*p.D)
	need(op, "v", v, t, k.Rows, p.G*p.D)
	wholeBlocks(op, "k", k)
	wholeBlocks(op, "v", v)
	rows := k.Rows
	if !p.Pages.Nil() {
		rows = checkPages(op, segments, p, rows)
	}
	checkSegments(op, segments, q.Rows, rows, !p.Causal && p.Window == 0)
}

// checkPages checks the table of pages and that sequences begin with one, and returns how
// many key rows the table has.
func checkPages(op string, segments Mat, p AttentionParams, rows int) int {
	if p.Page <= 0 || p.Page%KeyTile != 0 {
		panic(fmt.Sprintf("kernel: %s: pages of %d rows, want a multiple of %d", op, p.Page, KeyTile))
	}
	n := p.Pages.Len()
	vector(op, "pages", p.Pages, I32, n)
	table := Elements[int32](p.Pages.Buf)
	for i := range n {
		if page := int(table[p.Pages.At(i)]); page < 0 || page >= rows/p.Page {
			panic(fmt.Sprintf("kernel: %s: page %d at place %d, there are %d of %d rows", op, page, i, rows/p.Page, p.Page))
		}
	}
	need(op, "segments", segments, I32, segments.Rows, 4)
	for s := range segments.Rows {
		if key := SegmentAt(segments, s).Key; key%p.Page != 0 {
			panic(fmt.Sprintf("kernel: %s: sequence %d begins at key row %d, inside a page of %d", op, s, key, p.Page))
		}
	}
	return n * p.Page
}

// KeyRow is the row of k and v in which key j of a sequence lies.
func (p *AttentionParams) KeyRow(s Segment, j int) int {
	r := s.Key + j
	if p.Pages.Nil() {
		return r
	}
	page := Elements[int32](p.Pages.Buf)[p.Pages.At(r/p.Page)]
	return int(page)*p.Page + r%p.Page
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

// CheckCausalConv checks the operands of CausalConv.
func CheckCausalConv(y, x, w, segments Mat) {
	need("CausalConv", "y", y, F32, y.Rows, x.Cols)
	need("CausalConv", "x", x, F32, x.Rows, x.Cols)
	need("CausalConv", "w", w, F32, w.Rows, x.Cols)
	checkSegments("CausalConv", segments, y.Rows, x.Rows, false)
}

// CheckCausalConvGrad checks the operands of CausalConvGrad.
func CheckCausalConvGrad(dx, dw, x, w, dy, segments Mat) {
	need("CausalConvGrad", "dx", dx, F32, x.Rows, x.Cols)
	need("CausalConvGrad", "dw", dw, F32, w.Rows, x.Cols)
	need("CausalConvGrad", "x", x, F32, x.Rows, x.Cols)
	need("CausalConvGrad", "w", w, F32, w.Rows, x.Cols)
	need("CausalConvGrad", "dy", dy, F32, dy.Rows, x.Cols)
	checkSegments("CausalConvGrad", segments, dy.Rows, x.Rows, false)
}
