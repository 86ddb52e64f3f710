package video

import (
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// A mover carries on what it sees: it cuts a frame into layers, as many as things may move, and moves
// each as a whole, as the spatial transformer predictors of Finn et al. 2016 (arXiv:1605.07157,
// section 3.3) do, by translations alone.
//
// Where a layer goes is told as a distance and a sharpness: the weight of a shift by n pixels is the
// softmax of −a·(n − distance)², rows and columns each, the filters of Gregor et al. 2015
// (arXiv:1502.04623, section 3.2) with a step of one pixel.
type mover struct {
	Whole  cell       `hf:"whole"`  // the frame as one place: ΣC of its states, 2M of centres, 2M of last steps, to G
	Motion nn.Linear  `hf:"motion"` // G to 3M: rows, columns and logarithm of the sharpness
	Masks  *nn.Conv2D `hf:"masks"`  // ΣC to M·P; nil of one layer, which is the frame
}

// newMover declares a mover of M layers that reads places of C channels each.
func newMover(C, P, M, G int) mover {
	m := mover{Whole: newCell(C+4*M, G, 1), Motion: nn.NewLinear(G, 3*M, true)}
	if M > 1 {
		masks := nn.NewConv2D(C, M*P, 1, tensor.Square(1, 0), true)
		m.Masks = &masks
	}
	return m
}

// sharpness is the logarithm of a where Motion says 0: a standard deviation of 1.9 pixels.
const sharpness = -2

// A flight is layers that were cut from one frame and are moved on.
type flight struct {
	layers *tensor.Tensor // (B·M, H, W)
	moved  *tensor.Tensor // (B·M, 2), rows and columns that they have moved by since
	centre *tensor.Tensor // (B·M, 2), where their white is, pixels from the frame's middle
	step   *tensor.Tensor // (B·M, 2), by which they came there from the frame before
}

// takeOff is a flight of layers that begins; before is the one of the frame before, nil of the first.
func takeOff(s *tensor.Step, layers *tensor.Tensor, before *flight) *flight {
	zeros := s.Zeros(layers.Dim(0), 2)
	f := &flight{layers, zeros, centre(s, layers), zeros}
	if before != nil {
		f.step = f.centre.Sub(before.centre)
	}
	return f
}

// fly goes a step by motions (B·M, 3), and returns the layers where they then are, (B·M, H, W).
func (f *flight) fly(s *tensor.Step, motions *tensor.Tensor) *tensor.Tensor {
	f.step = motions.Slice(1, 0, 2)
	f.moved, f.centre = f.moved.Add(f.step), f.centre.Add(f.step)
	a := motions.Slice(1, 2, 3).AddScalar(sharpness).Exp()           // (B·M, 1)
	rows := shifts(s, f.moved.Slice(1, 0, 1), a, f.layers.Dim(1))    // (B·M, H, H)
	columns := shifts(s, f.moved.Slice(1, 1, 2), a, f.layers.Dim(2)) // (B·M, W, W)
	return rows.MatMul(f.layers).MatMulT(columns)
}

// centre is the mean place of the white of layers (N, H, W), rows and columns from the middle, (N, 2); a
// pixel's worth of white in the middle is added, so that a black layer has a centre too.
func centre(s *tensor.Step, layers *tensor.Tensor) *tensor.Tensor {
	N, H, W := layers.Dim(0), layers.Dim(1), layers.Dim(2)
	white := layers.Sum(1, 2).Reshape(N, 1).AddScalar(1)
	y := layers.Sum(2).Reshape(N, H).MatMul(s.Floats(fromMiddle(H), H, 1)) // (N, 1)
	x := layers.Sum(1).Reshape(N, W).MatMul(s.Floats(fromMiddle(W), W, 1)) // (N, 1)
	return y.Concat(1, x).Div(white)
}

// fromMiddle are the places of n pixels.
func fromMiddle(n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(i) - float32(n-1)/2
	}
	return x
}

// shifts are the matrices (N, n, n) that move columns of n pixels by distances (N, 1) with a
// sharpness (N, 1): element (i, j) is the weight of a shift by i − j.
func shifts(s *tensor.Step, distance, a *tensor.Tensor, n int) *tensor.Tensor {
	N := distance.Dim(0)
	to := make([]float32, 2*n)
	for i := range to {
		to[i] = float32(n - 1 - i)
	}
	weights := s.Floats(to, 1, 2*n).Sub(distance).Square().Mul(a.Neg()).Softmax() // (N, 2n), from n−1 down to −n
	// A row that is read with a period one shorter moves on by one each time.
	all := weights.Reshape(N, 1, 2*n).Expand(N, n, 2*n).Reshape(N, 2*n*n).Slice(1, 0, (2*n-1)*n)
	return all.Contiguous().Reshape(N, n, 2*n-1).Slice(2, n-1, 2*n-1) // (N, n, n)
}

// union of layers (B·M, H, W): where one of them is white, (B, H, W).
func union(layers *tensor.Tensor, M int) *tensor.Tensor {
	if M == 1 {
		return layers
	}
	B, H, W := layers.Dim(0)/M, layers.Dim(1), layers.Dim(2)
	black := layers.Neg().AddScalar(1).Reshape(B, M, H, W)
	all := black.Slice(1, 0, 1)
	for m := 1; m < M; m++ {
		all = all.Mul(black.Slice(1, m, m+1))
	}
	return all.Reshape(B, H, W).Neg().AddScalar(1)
}
