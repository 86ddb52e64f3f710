// Package kernel is the border between tensors and the machines that compute
// them: memory of a device, windows on it, and the [Device] interface with
// every operation a device must have. The packages below it do the arithmetic:
// ref is the oracle, cpu the fast one. What all devices must agree on to the
// bit stands here: the shapes of operands, half-width floats, random numbers.
//
// Kernels see buffers, shapes and flags, never Go slices, so that a device
// whose memory the host can not touch needs no change above this package.
//
// Letters used in comments throughout:
//
//	R rows   C columns   M, K, N of a product (M,K)·(K,N)
//	N tokens of a pass   S sequences   H query heads   G key/value heads   D channels per head
//
// Three rules make results the same bits for any number of threads, any batch
// and any blocking on one instruction set:
//
//   - an element of a product is one chain of fused multiply-adds over k in
//     rising order, started from 0 (or from what dst holds, when accumulating);
//   - a reduction adds fixed chunks in a fixed order, never per worker;
//   - random numbers are a function of a key and the element's index.
//
// Wrong shapes and dtypes are bugs of the caller and panic.
package kernel

import (
	"fmt"
	"unsafe"
)

// A Buffer is memory of a device. Ptr is the device's own address: the host
// may follow it only inside the device that allocated the buffer.
type Buffer struct {
	Ptr   unsafe.Pointer
	Bytes int
	Owned bool // false for a window on memory that somebody else frees
}

// A Mat is a window of R rows of C elements: row r starts at element
// Off + r·Stride and its columns lie side by side. A vector is one row.
type Mat struct {
	Buf    *Buffer
	Off    int // elements from the buffer's start
	Rows   int
	Cols   int
	Stride int // elements between the starts of two rows, ≥ Cols when Rows > 1
	Type   DType
	Packed bool // the device's own layout, made by Pack; only MatMul reads it
}

// Nil reports whether m is absent: optional operands are the zero Mat.
func (m Mat) Nil() bool { return m.Buf == nil }

// Dense reports whether m's rows follow each other without gaps.
func (m Mat) Dense() bool { return m.Stride == m.Cols || m.Rows == 1 }

func (m Mat) String() string { return fmt.Sprintf("%v(%d,%d)", m.Type, m.Rows, m.Cols) }

// MaxDims is the largest number of dimensions of a View.
const MaxDims = 6

// A View is an n-dimensional window with a stride for each dimension; a
// stride of 0 repeats an element (broadcasting). It serves the general,
// rarely hot operations; hot ones take a Mat.
type View struct {
	Buf    *Buffer
	Off    int
	Dims   int
	Shape  [MaxDims]int
	Stride [MaxDims]int
	Type   DType
}

// UnaryOp names a function of one element, y = f(x); a and b are parameters.
type UnaryOp uint8

// Element-wise functions.
const (
	Neg        UnaryOp = iota
	Abs                // gradient 0 at 0
	Sign               //
	Exp                //
	Log                //
	Sqrt               //
	Rsqrt              // 1/√x
	Reciprocal         // 1/x
	Square             //
	Sin                //
	Cos                //
	Tanh               //
	Sigmoid            //
	Softplus           // log(1+eˣ)
	Erf                //
	ReLU               //
	LeakyReLU          // x<0: a·x
	ELU                // x<0: a·(eˣ−1)
	GELU               // tanh form, Hendrycks & Gimpel 2016: gelu_new, gelu_pytorch_tanh
	GELUErf            // exact form, x·Φ(x)
	SiLU               // x·σ(x)
	Floor              // gradient 0, as Ceil and Round
	Ceil               //
	Round              // half to even
	AddScalar          // x+a
	MulScalar          // x·a
	PowScalar          // xᵃ
	Clip               // into [a, b]; gradient 1 inside, 0 outside
)

// BinaryOp names a function of two elements.
type BinaryOp uint8

// Functions of two elements. Comparisons give 0 or 1.
const (
	Add BinaryOp = iota
	Sub
	Mul
	Div
	Pow
	Max
	Min
	Equal
	Less
	LessEqual
)

// ReduceOp names a reduction.
type ReduceOp uint8

// Reductions. ArgMax and ArgMin write I32, the first of equals.
const (
	Sum ReduceOp = iota
	SumSquares
	SumAbs
	MaxOf
	MinOf
	Prod
	ArgMax
	ArgMin
)

// NormKind tells LayerNorm (Ba 2016, arXiv:1607.06450) from RMSNorm (Zhang &
// Sennrich 2019, arXiv:1910.07467).
type NormKind uint8

// Norms over a row's columns.
const (
	LayerNorm NormKind = iota
	RMSNorm
)

// CellKind names what a recurrent layer computes at each step. Below, x are the
// input's products and p the state's, both with their biases; σ is Sigmoid.
type CellKind uint8

// Recurrent cells, with PyTorch's order of gates.
const (
	// ElmanCell: h' = tanh(x + p) (Elman 1990).
	ElmanCell CellKind = iota
	// LSTMCell (Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000):
	// i, f, g, o = σ, σ, tanh, σ of x + p; c' = f·c + i·g; h' = o·tanh(c').
	LSTMCell
	// GRUCell (Cho et al. 2014, arXiv:1406.1078; the reset gate after the product): r, z = σ(x + p);
	// n = tanh(x + r·p); h' = (1−z)·n + z·h.
	GRUCell
)

// Gates is the number of parts of x and p, each as wide as h.
func (k CellKind) Gates() int { return [...]int{1, 4, 3}[k] }

// States is the number of parts of the state: h, and c of an LSTM.
func (k CellKind) States() int { return [...]int{1, 2, 1}[k] }

// Kept is the number of parts that the gradient wants kept: the gates, and p's part of n of a GRU.
func (k CellKind) Kept() int { return [...]int{0, 4, 4}[k] }

// UpdateRule names an optimizer's element-wise rule.
type UpdateRule uint8

// Optimizers. m and v are the rule's state, absent where it has none.
const (
	SGD     UpdateRule = iota // m: momentum buffer (absent without momentum); PyTorch's form, b1 momentum, Nesterov flag
	Adam                      // L2 added to the gradient; Kingma & Ba 2014
	AdamW                     // decoupled decay; Loshchilov & Hutter 2017
	AdaGrad                   // v: sum of squares
	RMSProp                   // v: moving mean of squares (b2); m: momentum when b1 > 0
)

// UpdateParams are the numbers of one optimizer step, PyTorch's conventions.
type UpdateParams struct {
	LR, B1, B2, Eps, Decay float32
	Correct1, Correct2     float32 // 1−β₁ᵗ and 1−β₂ᵗ (Adam, AdamW); 1 where unused
	GradScale              float32 // multiplies the gradient first: clipping
	Nesterov               bool
	First                  bool // first step: a momentum buffer starts as the gradient (SGD)
}

// AttentionParams says which keys a query sees and how scores are formed.
//
// Segments, an I32 Mat (S, 4), gives a row a sequence: first query row, number
// of queries, first key row, number of keys. Query i of a sequence stands at
// position keys−queries+i; causal, it sees the keys up to its own position.
// In training queries and keys are the same rows; with a cache the key rows
// lie in the cache. Rows of no sequence are left as they are.
type AttentionParams struct {
	H, G, D int     // heads of q, heads of k and v (H%G == 0), channels of each
	Scale   float32 // of q·k
	SoftCap float32 // s → SoftCap·tanh(s/SoftCap), 0: none
	Window  int     // keys at distance ≥ Window are not seen, 0: all
	Causal  bool
	// Precision is that of the products, as in [Product]; softmax and sums are float32.
	Precision DType

	// Pages, where present, is an I32 vector, a table of pages of Page rows of k and v, Page a
	// multiple of [KeyTile]. Segments then count key rows through the table, each sequence from
	// the beginning of a page on: row r is row Pages[r/Page]·Page + r%Page. A page may stand
	// in it more than once. There is no gradient through pages.
	Pages Mat
	Page  int
}

// KeyTile is the number of keys that attention takes at once, counted from position 0: pages hold
// whole tiles, so that results are the same bits for any place of the pages.
const KeyTile = 64

// A Product says how MatMul reads its operands. The zero value is A·B in float32.
type Product struct {
	TA, TB bool // A is (K,M), B is (N,K)
	Acc    bool // adds to C
	// Precision BF16 rounds float32 operands to BF16 before they are multiplied; products
	// are added in float32. Where the device cannot do it (see [Device.Precision]), it
	// multiplies float32. A packed B has the precision of its type: with one of BF16, A is rounded too.
	Precision DType
	// Batch is the number of products, 0 meaning 1; each operand advances by its stride
	// between them, in elements. 0 repeats an operand, C excepted.
	Batch, StrideC, StrideA, StrideB int
}

// GroupNormParams say what is normalised together, and what comes of it.
type GroupNormParams struct {
	Sets, Groups int // of rows, of columns
	Eps          float32
	ReLU         bool // y is max(0, the norm)
	// Max, where it has an area, is a window over squares of 2 × 2 pixels side by side: y is the
	// largest of max(0, the norm) under it, and the rows of y and dy are its positions. It asks
	// for ReLU and for dense operands. The first of equal pixels has the gradient.
	Max Window
}

// pooled reports whether only the largest of each square remains.
func (p *GroupNormParams) pooled() bool { return p.Max.H > 0 }

// A Device holds memory and runs every operation. Methods are called by one
// goroutine at a time and are complete when they return (a device that works
// ahead finishes in Read). Outputs come first. acc adds to the output instead
// of replacing it. Unless said, operands are F32 and outputs alias no input.
type Device interface {
	// Name tells the device and its instruction set: "cpu avx2".
	Name() string
	// Threads is the number of workers, the caller included.
	Threads() int
	// Close stops the workers; buffers stay valid until freed.
	Close()

	// Alloc returns zeroed memory, 64-byte aligned, outside the Go heap.
	Alloc(bytes int) *Buffer
	Free(b *Buffer)
	// Wrap makes host memory (a mapped file) a read-only buffer, without a copy
	// where the device reads host memory. The caller keeps b alive.
	Wrap(b []byte) *Buffer
	// Read and Write move bytes between the host and byte offset off.
	Read(dst []byte, src *Buffer, off int)
	Write(dst *Buffer, off int, src []byte)

	// Copy copies R×C elements, converting between F32, BF16, F16 (round to
	// nearest even), between F32 and Q8_0 ([ToQ8]) and between equal types. acc needs
	// an F32 destination and no Q8_0.
	Copy(dst, src Mat, acc bool)
	// Permute copies a View of any strides (4-byte types) to one of the same shape.
	Permute(dst, src View, acc bool)
	Fill(dst Mat, value float32)
	// Gather copies row ids[i] of table (F32, BF16, F16 or quantised) to row i of dst (F32).
	// Here and below a vector (ids, targets, weights, loss, pos, freqs) is one row of n or n rows of one.
	Gather(dst, table, ids Mat)
	// ScatterAdd adds row i of src to row ids[i] of table, in rising i.
	ScatterAdd(table, src, ids Mat)

	// Unary sets y = f(x); y may be x.
	Unary(op UnaryOp, y, x Mat, a, b float32)
	// UnaryGrad sets dx (+)= dy·f'(x), given both x and y = f(x); dx may be dy when acc is false.
	UnaryGrad(op UnaryOp, dx, x, y, dy Mat, a, b float32, acc bool)
	// Binary sets dst (+)= a op b over dst's shape, broadcasting by strides of 0.
	// dst may be a or b where their strides are dst's.
	Binary(op BinaryOp, dst, a, b View, acc bool)
	// Select sets dst (+)= cond≠0 ? a : b.
	Select(dst, cond, a, b View, acc bool)
	// Reduce folds the middle dimension of x, dense (outer, n, inner), into dst, dense (outer, inner).
	// A NaN is the largest and the smallest of any numbers; of none, Sum is 0, Prod 1, MaxOf −∞, MinOf ∞.
	Reduce(op ReduceOp, dst, x Mat, outer, n, inner int, acc bool)

	// MatMul sets C (+)= A·B for a batch of products, A (M,K), B (K,N), as p says. A and B may
	// be BF16 or F16, B may be Packed (its TB is ignored). Where a packed B is quantised, A is F32
	// and each 32 or 256 neighbours of its rows are rounded to bytes, see [DType.Rounded] and [RoundBlock].
	MatMul(c, a, b Mat, p Product)
	// MatMulEach is MatMul of one A with several B, each with a C of its own: what the device turns
	// A into is made once. The bits are those of as many calls of MatMul.
	MatMulEach(c []Mat, a Mat, b []Mat, p Product)
	// Precision is what products that ask for want are really computed in: F32 where the
	// device lacks the instructions.
	Precision(want DType) DType
	// Pack copies a weight B, (K,N) or (N,K) with tb, into the layout that
	// MatMul reads fastest, in memory the caller frees; its Rows is K, its Cols N. A quantised
	// one is (N,K).
	Pack(b Mat, tb bool) Mat

	// Softmax sets each row of y to softmax(x), or its logarithm; y may be x.
	Softmax(y, x Mat, log bool)
	SoftmaxGrad(dx, y, dy Mat, log, acc bool)
	// CrossEntropy writes weight·(−log p[target]) of each row to loss (R rows of 1), with label
	// smoothing ε as (1−ε)·CE + ε·mean over classes, and weight·d loss/d logits to dlogits (absent:
	// not wanted; may be logits). Rows whose target is ignore give 0. weights (R rows of 1) absent: 1.
	CrossEntropy(loss, dlogits, logits, targets, weights Mat, ignore int32, smoothing float32)

	// CTC writes weight·(−log p(target|logits)) of each sequence to loss (S rows of 1): the
	// probability of all alignments of its rows to its labels, with blanks (Graves et al. 2006,
	// eq. 1–8). Its rows are those of segments' queries, which follow each other and are all of
	// logits (N, V); its labels the keys, elements of targets. dlogits (absent: not wanted; may be
	// logits) gets weight·d loss/d logits (eq. 16). weights (S rows of 1) absent: 1; a weight of 0
	// gives 0. Where no alignment has a probability the loss is +Inf and the gradient NaN, both 0
	// where zeroInfinity is set; a loss that is NaN has a gradient of NaN.
	CTC(loss, dlogits, logits, targets, segments, weights Mat, blank int32, zeroInfinity bool)

	// Norm normalises each row, times w plus b (each optional, one row), and
	// stores the row's mean and 1/σ in stats (R, 2), where present; RMSNorm's mean is 0. y may be x.
	Norm(kind NormKind, y, stats, x, w, b Mat, eps float32)
	// NormGrad sets dx (+)= …, and adds to dw and db where present.
	NormGrad(kind NormKind, dx, dw, db, x, w, dy, stats Mat, acc bool)

	// Attention sets y (N, H·D) from q (N, H·D), k and v (rows, G·D); lse (N, H), where present,
	// gets each row's log-sum-exp of scores for the gradient. Scores are never stored whole
	// (Dao 2022, arXiv:2205.14135); tiles count from position 0. A sequence has more queries
	// than keys only where every query sees every key. k and v may both be F16, or Q8_0 where
	// D is whole blocks; they are widened to F32.
	Attention(y, lse, q, k, v, segments Mat, p AttentionParams)
	AttentionGrad(dq, dk, dv, q, k, v, y, lse, dy, segments Mat, p AttentionParams, acc bool)
	// Rotary turns the first 2·len(freqs) channels of each head of x (N, H·D) by
	// pos·freqs (Su 2021, arXiv:2104.09864): pairs (i, i+len) as Hugging Face
	// orders them, or (2i, 2i+1) when interleaved. inverse turns back (the gradient). y may be x when acc is false.
	Rotary(y, x, pos, freqs Mat, heads int, interleaved, inverse, acc bool)
	// Gated sets y = f(gate)·up for SiLU, GELU, ReLU, Sigmoid (Shazeer 2020, arXiv:2002.05202).
	Gated(op UnaryOp, y, gate, up Mat)
	GatedGrad(op UnaryOp, dgate, dup, gate, up, dy Mat, acc bool)
	// CausalConv sets y[t] = Σ_k w[k]·x[t−k], channel by channel, w (width, C),
	// within each sequence of segments (queries are rows of y, keys rows of x).
	CausalConv(y, x, w, segments Mat)
	// CausalConvGrad sets dx (+)= … and adds to dw.
	CausalConvGrad(dx, dw, x, w, dy, segments Mat, acc bool)

	// Unfold sets row r of patches (R, KH·KW·C) to what lies under the window at output
	// position first+r of x's images, value where that is padding (im2col).
	Unfold(patches, x Mat, w Window, first int, value float32)
	// Fold adds each row of patches to the pixels of x where Unfold took it from, what lies
	// in padding excepted: the gradient of Unfold (col2im). Whole rows of positions: first
	// and R are multiples of OutW.
	Fold(x, patches Mat, w Window, first int)
	// Conv sets y (positions, O) to the patches of x (pixels, C) times filters w (O, KH·KW·C),
	// transposed; no patches are in memory but those of a few positions. precision is that of
	// products, as in [Product].
	Conv(y, x, w Mat, win Window, precision DType)
	// ConvGradInput adds dy·w, folded, to dx. Of few images it may be summed in another order than of many:
	// an image's last bits depend on how many there are, not on threads.
	ConvGradInput(dx, dy, w Mat, win Window, precision DType)
	// ConvGradWeight sets dw (+)= dyᵀ·patches. Positions are summed in fixed groups, the groups'
	// sums in order.
	ConvGradWeight(dw, dy, x Mat, win Window, acc bool, precision DType)
	// MaxPool sets y to the largest pixel under the window, channel by channel; a NaN is the
	// largest. No position lies in padding alone.
	MaxPool(y, x Mat, w Window)
	// MaxPoolGrad sets dx (+)= …; the first of equal pixels has the gradient, a NaN has none.
	MaxPoolGrad(dx, x, y, dy Mat, w Window, acc bool)
	// GroupNorm cuts x's rows into sets that follow each other and its columns into groups
	// of neighbours, and normalises all elements of a set and a group together, then times
	// w plus b (each optional, one row). It stores mean and 1/σ of set s and group g in row
	// s·groups+g of stats, where present. One set and C groups are BatchNorm (Ioffe &
	// Szegedy 2015, arXiv:1502.03167), a set an image GroupNorm (Wu & He 2018,
	// arXiv:1803.08494). y may be x, unless p.Max makes it smaller.
	GroupNorm(y, stats, x, w, b Mat, p GroupNormParams)
	// GroupNormGrad sets dx (+)= …, and adds to dw and db where present.
	GroupNormGrad(dx, dw, db, x, w, b, dy, stats Mat, p GroupNormParams, acc bool)

	// Cell makes one step of S sequences: it sets state (S, States·H) and, where present, kept
	// (S, Kept·H) from x and p (S, Gates·H), bias (one row, optional, added to p) and the state before.
	// p may be absent, 0, of cells but a GRU; kept may be x.
	Cell(kind CellKind, state, kept, x, p, bias, before Mat)
	// CellGrad sets dx and, for a GRU, dp, which for other cells is the same and absent, and
	// adds to dbefore, where present, what does not come through p. Every operand is of one step.
	CellGrad(kind CellKind, dx, dp, dbefore, dstate, kept, state, before Mat)

	// Dropout keeps an element with probability 1−rate and scales it by 1/(1−rate); which
	// is a function of key and the element's index (row·C + column), so the gradient is Dropout of dy
	// with the same key. y may be x when acc is false.
	Dropout(y, x Mat, rate float32, key uint64, acc bool)

	// Update applies one optimizer step to w in place, in one pass; all dense and of equal length.
	Update(rule UpdateRule, w, g, m, v Mat, p UpdateParams)
}
