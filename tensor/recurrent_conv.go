package tensor

import (
	"fmt"

	"github.com/inkstone-ai/inkstone/internal/kernel"
)

// ConvRecurrent makes one step of a layer of cells at every place of images (B, H, W, C), whose
// products are a convolution over the input and the output before (Shi et al. 2015,
// arXiv:1506.04214, without peepholes): the sums of place p are w∗[x, h] + b there. It returns the state
// after the step, (B, H, W, States·N), of which the first N channels are h, the layer's output.
//
// before is the state before, w (Gates·N, KH, KW, C+N), b (Gates·N) or nil; win leaves H and W as
// they are. A GRU has its reset gate between products and is no such cell.
func (x *Tensor) ConvRecurrent(cell Cell, w, b, before *Tensor, win Window) *Tensor {
	const name = "ConvRecurrent"
	images(name, x)
	images(name, before)
	s, k := stepOf(name, x, w, b, before), kernel.CellKind(cell)
	N := x.checkConvRecurrent(k, w, b, before)
	x, w, before = s.matrixLike(x), s.asF32(w), s.matrixLike(before)
	seen := s.sized(x.shape[0], x.shape[1], x.shape[2], x.shape[3]+N) // [x, h]
	e := entry{back: convRecurrentBack, in: [3]*Tensor{x, w, before}, also: s.asF32(b), aside: seen, op: uint8(cell), window: win.over(name, seen, w.shape[1], w.shape[2])}
	if e.window.OutH() != x.shape[1] || e.window.OutW() != x.shape[2] {
		panic(fmt.Sprintf("tensor: %s: under %+v images %v change their size", name, win, x))
	}
	in, h := columnsOf(seen.matrix(), x.shape[3])
	s.dev.k.Copy(in, x.matrix(), false)
	s.dev.k.Copy(h, hidden(before.matrix(), N), false)
	e.out = s.like(before)
	e.saved = s.sized(x.shape[0], x.shape[1], x.shape[2], k.Gates()*N)
	s.convolve(e.saved.matrix(), seen.matrix(), w.rows(), &e.window, false)
	kept := kernel.Mat{}
	if k.Kept() > 0 {
		kept = e.saved.matrix() // in place of the sums
	}
	s.dev.k.Cell(k, e.out.matrix(), kept, e.saved.matrix(), kernel.Mat{}, e.also.optional(), before.matrix())
	s.record(e)
	return e.out
}

// checkConvRecurrent returns N.
func (x *Tensor) checkConvRecurrent(k kernel.CellKind, w, b, before *Tensor) (N int) {
	N = w.shape[0] / k.Gates()
	fits := k != kernel.GRUCell && w.dims == 4 && w.shape[0] == N*k.Gates() && w.shape[3] == x.shape[3]+N && (b == nil || b.dims == 1 && b.shape[0] == w.shape[0])
	if !fits {
		panic(fmt.Sprintf("tensor: ConvRecurrent: cell %d, images %v, w %v and b %v do not fit", k, x, w, b))
	}
	if want := shaped("state", F32, []int{x.shape[0], x.shape[1], x.shape[2], k.States() * N}); before.shape != want.shape {
		panic(fmt.Sprintf("tensor: ConvRecurrent: state %v, want %v", before, want))
	}
	return N
}

// columnsOf cuts a matrix after its first columns.
func columnsOf(m kernel.Mat, first int) (left, right kernel.Mat) {
	left, right = m, m
	left.Cols, right.Cols = first, m.Cols-first
	right.Off += first
	return left, right
}

func convRecurrentBack(s *Step, e entry) {
	x, w, before, seen, k := e.in[0], e.in[1], e.in[2], e.aside, kernel.CellKind(e.op)
	C, N := x.shape[3], seen.shape[3]-x.shape[3]
	var dbefore kernel.Mat
	if before.tracked() {
		d := s.gradientAdd(before)
		dbefore = d.matrix()
	}
	dz, dy := s.like(e.saved), e.out.upstream()
	kept := kernel.Mat{}
	if k.Kept() > 0 {
		kept = e.saved.matrix()
	}
	s.dev.k.CellGrad(k, dz.matrix(), kernel.Mat{}, dbefore, dy.matrix(), kept, e.out.matrix(), before.matrix())
	s.sumTo(e.also, dz.array)
	if w.tracked() {
		dw, acc := s.gradient(w)
		s.filterGradient(dw.rows(), dz.matrix(), seen.matrix(), &e.window, acc)
	}
	if !x.tracked() && dbefore.Nil() {
		return
	}
	dseen := s.like(seen)
	s.dev.k.Fill(dseen.flat(), 0)
	s.project(dseen.matrix(), dz.matrix(), w.rows(), &e.window)
	din, dh := columnsOf(dseen.matrix(), C)
	if x.tracked() {
		dx, acc := s.gradient(x)
		s.dev.k.Copy(dx.matrix(), din, acc)
	}
	if !dbefore.Nil() {
		s.dev.k.Copy(hidden(dbefore, N), dh, true)
	}
}
