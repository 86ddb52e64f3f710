package gan

import "github.com/inkstone-ai/inkstone/tensor"

// AugmentNumbers is how many numbers of chance an image's augmentation takes.
const AugmentNumbers = 2

// augment moves each of images (B, H, W, C) by up to an eighth of a side, the translation of Zhao et al. 2020
// (arXiv:2006.10738, section 3.2), but that the pixels of the edge come again where theirs are black: strokes
// may be on white. Both halves see every image so, real or not, and gradients pass: the discriminator can not
// learn few images by heart. chance is (B, 2) from 0 to 1, of rows and columns; nil leaves images as
// they are.
func augment(s *tensor.Step, x *tensor.Tensor, chance []float32) *tensor.Tensor {
	if chance == nil {
		return x
	}
	B, H, W := x.Dim(0), x.Dim(1), x.Dim(2)
	var rows, columns []float32
	for b := range B {
		rows = append(rows, shift(H, chance[b*AugmentNumbers])...)
		columns = append(columns, shift(W, chance[b*AugmentNumbers+1])...)
	}
	x = x.Permute(0, 3, 1, 2).Contiguous()                                          // (B, C, H, W)
	x = s.Floats(rows, B, 1, H, H).MatMul(x).MatMulT(s.Floats(columns, B, 1, W, W)) // (B, C, H, W)
	return x.Permute(0, 2, 3, 1).Contiguous()
}

// shift is the matrix (n, n) that moves n numbers by −n/8 … n/8 places, each as likely for a chance that
// is even from 0 to 1; the first or the last one is repeated.
func shift(n int, chance float32) []float32 {
	most := n / 8
	by := min(most, int(float64(chance)*float64(2*most+1))-most)
	m := make([]float32, n*n)
	for i := range n {
		m[i*n+max(0, min(n-1, i-by))] = 1
	}
	return m
}
