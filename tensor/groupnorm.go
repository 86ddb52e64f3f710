package tensor

import "github.com/inkstone-ai/inkstone/internal/kernel"

// GroupNorm normalises each of x's items (dimension 0) over all but its channels, the
// last dimension, which are cut into so many groups of neighbours: (x−mean)/√(variance+eps)
// of the item and group, times w plus b (C), which may be nil (Wu & He 2018,
// arXiv:1803.08494). As many groups as channels are instance normalisation (Ulyanov
// 2016, arXiv:1607.08022).
func (x *Tensor) GroupNorm(groups int, w, b *Tensor, eps float32) *Tensor {
	if x.dims < 2 {
		mismatch("GroupNorm", &x.array, &x.array)
	}
	y, _ := x.groupNorm("GroupNorm", x.shape[0], groups, w, b, eps, false)
	return y
}

// BatchNorm normalises each channel, the last dimension, over all else of the batch: the
// (x−mean)/√(variance+eps) of training, times w plus b (C), which may be nil (Ioffe &
// Szegedy 2015, arXiv:1502.03167). moments (C, 2) holds each channel's mean and
// 1/√(variance+eps), for running averages; it carries no gradient.
func (x *Tensor) BatchNorm(w, b *Tensor, eps float32) (y, moments *Tensor) {
	return x.groupNorm("BatchNorm", 1, x.last(), w, b, eps, false)
}

// BatchNormReLU is max(0, BatchNorm) in the same passes over memory.
func (x *Tensor) BatchNormReLU(w, b *Tensor, eps float32) (y, moments *Tensor) {
	return x.groupNorm("BatchNormReLU", 1, x.last(), w, b, eps, true)
}

// BatchNormReLUMax is BatchNormReLU of images (B, H, W, C) and the largest in each square of 2 × 2
// pixels, (B, H/2, W/2, C), in the same passes over memory: the norm itself is never there.
// What is left of an odd side is in no square. The first of equal pixels has the gradient.
func (x *Tensor) BatchNormReLUMax(w, b *Tensor, eps float32) (y, moments *Tensor) {
	const name = "BatchNormReLUMax"
	images(name, x)
	s, e := x.normEntry(name, 1, x.last(), w, b, eps, true)
	e.in[0] = e.in[0].Contiguous()
	e.window = Square(2, 0).over(name, x, 2, 2)
	e.out = s.sized(x.shape[0], e.window.OutH(), e.window.OutW(), x.shape[3])
	groupNormForward(s, e)
	e.forward = nil // it is not computed again: a quarter of what it is made of
	s.record(e)
	return e.out, e.aside
}

func (x *Tensor) groupNorm(name string, sets, groups int, w, b *Tensor, eps float32, relu bool) (y, stats *Tensor) {
	s, e := x.normEntry(name, sets, groups, w, b, eps, relu)
	return s.brief(e), e.aside
}

// normEntry is what the tape keeps of a norm, its output excepted.
func (x *Tensor) normEntry(name string, sets, groups int, w, b *Tensor, eps float32, relu bool) (*Step, entry) {
	s := stepOf(name, x, w, b)
	for _, p := range [...]*Tensor{w, b} {
		if p != nil && (p.dims != 1 || p.shape[0] != x.last()) {
			mismatch(name, &x.array, &p.array)
		}
	}
	floats(name, x)
	x, w, b = s.matrixLike(x), s.asF32(w), s.asF32(b)
	stats := s.sized(sets*groups, 2)
	return s, entry{forward: groupNormForward, back: groupNormBack, in: [3]*Tensor{x, w, b}, aside: stats, n: [maxDims]int{sets, groups}, f: [2]float32{eps}, flag: [2]bool{relu}}
}

func groupNormForward(s *Step, e entry) {
	x, w, b := e.in[0], e.in[1], e.in[2]
	s.dev.k.GroupNorm(e.out.matrix(), e.aside.rows(), x.matrix(), w.optional(), b.optional(), e.groupNorm())
}

func (e *entry) groupNorm() kernel.GroupNormParams {
	return kernel.GroupNormParams{Sets: e.n[0], Groups: e.n[1], Eps: e.f[0], ReLU: e.flag[0], Max: e.window}
}

func groupNormBack(s *Step, e entry) {
	x, w, b, dy := e.in[0], e.in[1], e.in[2], e.out.upstream()
	dw, db := s.sums(w), s.sums(b)
	dx, acc := s.gradients(x)
	s.dev.k.GroupNormGrad(dx[0].matrix(), dw, db, x.matrix(), w.optional(), b.optional(), dy.matrix(), e.aside.rows(), e.groupNorm(), acc)
}
