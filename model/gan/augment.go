package gan

import (
	"math"

	"github.com/inkstone-ai/inkstone/tensor"
)

// AugmentNumbers is how many numbers of chance an image's augmentation takes.
const AugmentNumbers = 4

// augment moves each of images (B, H, W, C) by up to an eighth of a side, black comes in, and blackens a
// rectangle of half of each side: translation and cutout of Zhao et al. 2020 (arXiv:2006.10738, section 3.2).
// Both halves see every image so, real or not, and gradients pass: the discriminator can not learn few images
// by heart, and what is moved does not leak into what is generated. chance is (B, 4) from 0 to 1, of
// rows, columns, and the rectangle's centre; nil leaves images as they are.
func augment(s *tensor.Step, x *tensor.Tensor, chance []float32) *tensor.Tensor {
	if chance == nil {
		return x
	}
	B, H, W := x.Dim(0), x.Dim(1), x.Dim(2)
	var rows, columns, mask []float32
	for b := range B {
		c := chance[b*AugmentNumbers : (b+1)*AugmentNumbers]
		rows = append(rows, shift(H, pick(c[0], 2*(H/8)+1)-H/8)...)
		columns = append(columns, shift(W, pick(c[1], 2*(W/8)+1)-W/8)...)
		mask = append(mask, cutout(H, W, pick(c[2], H+1)-H/4, pick(c[3], W+1)-W/4)...)
	}
	x = s.Floats(rows, B, 1, H, H).MatMul(x.Permute(0, 3, 1, 2).Contiguous()).MatMulT(s.Floats(columns, B, 1, W, W)) // (B, C, H, W)
	return x.Mul(s.Floats(mask, B, 1, H, W)).Permute(0, 2, 3, 1).Contiguous()
}

// pick is a whole number of 0 … n−1 for a chance from 0 to 1.
func pick(chance float32, n int) int { return min(n-1, int(math.Floor(float64(chance)*float64(n)))) }

// shift is the matrix (n, n) that moves n numbers by so many places, with zeros behind them.
func shift(n, by int) []float32 {
	m := make([]float32, n*n)
	for i := max(0, by); i < n+min(0, by); i++ {
		m[i*n+i-by] = 1
	}
	return m
}

// cutout is 1, and 0 in half the rows and columns from (y, x) on, so far as those are inside.
func cutout(H, W, y, x int) []float32 {
	m := make([]float32, H*W)
	for i := range m {
		if dy, dx := i/W-y, i%W-x; dy < 0 || dy >= H/2 || dx < 0 || dx >= W/2 {
			m[i] = 1
		}
	}
	return m
}
