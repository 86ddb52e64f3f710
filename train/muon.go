package train

import (
	"fmt"
	"math"

	"github.com/inkstone-ai/inkstone/tensor"
)

// Muon is momentum whose update is made orthogonal (Jordan et al. 2024,
// kellerjordan.github.io/posts/muon), for the matrices of hidden layers:
//
//	m = μm + g    u = g + μm    w = w − lr·λ·w − lr·√max(1, rows/columns)·orthogonal(u)
//
// orthogonal(u) is UVᵀ of u's singular value decomposition USVᵀ, approximately:
// every direction is learned at the same rate. The factor keeps the root mean square of
// the update's effect on activations equal for tall and wide matrices.
type Muon struct {
	Momentum float64 // μ; 0.95
	Steps    int     // of the Newton–Schulz iteration; 5
}

// The quintic a·x + b·x³ + c·x⁵ that Jordan tuned: five rounds bring every singular
// value from 0.01 or more into about [0.7, 1.2], close enough, and fast from below.
const schulzA, schulzB, schulzC = 3.4445, -4.7750, 2.0315

// Slots returns the momentum buffer.
func (Muon) Slots() []string { return []string{"momentum"} }

// Update makes one step of Muon. It panics when w is no matrix.
func (o Muon) Update(s *tensor.Step, w *tensor.Tensor, slots []*tensor.Tensor, h Hyper) {
	if w.Dims() != 2 {
		panic(fmt.Sprintf("train: Muon: %s of shape %v is no matrix", w.Name(), w.Shape()))
	}
	mu := float32(or(o.Momentum, 0.95))
	shape := math.Sqrt(max(1, float64(w.Dim(0))/float64(w.Dim(1))))
	s.NoGrad(func() {
		s.Scope(func() *tensor.Tensor {
			u := s.Scope(func() *tensor.Tensor {
				g := s.Use(w.Grad()).Scale(float32(h.Scale))
				m := slots[0]
				m.Assign(s.Use(m).Scale(mu).Add(g))
				return s.Use(m).Scale(mu).Add(g)
			})
			u = Orthogonal(s, u, int(or(float64(o.Steps), 5)))
			w.Assign(s.Use(w).Scale(float32(1 - h.LR*h.Decay)).Add(u.Scale(float32(-h.LR * shape))))
			return nil
		})
	})
}

// scratch is how many tensors of how many elements an update has at a time: turned and
// not, the iterate, what a round or the last line computes; and a round's squares.
func (Muon) scratch(rows, cols int) map[int]int {
	side := min(rows, cols)
	tensors := map[int]int{rows * cols: 7}
	tensors[side*side] += 5
	return tensors
}

// Orthogonal brings the singular values of x (R, C), a tensor of s, close to 1 by
// rounds of Newton and Schulz's iteration x ← ax + bxxᵀx + c(xxᵀ)²x. The products are
// square in the shorter side.
func Orthogonal(s *tensor.Step, x *tensor.Tensor, rounds int) *tensor.Tensor {
	tall := x.Dim(0) > x.Dim(1)
	if tall {
		x = x.Transpose(0, 1)
	}
	// The Frobenius norm bounds the largest singular value, so that the iteration
	// starts within [0, 1]. The added number keeps a gradient of zeros at zero.
	x = x.Scale(float32(1 / (math.Sqrt(x.SumSquares()) + 1e-7)))
	for range rounds {
		s.Scope(func() *tensor.Tensor { // so that a round uses the memory of the one before
			a := x.Linear(x, nil)                                 // xxᵀ (R, R)
			b := a.Scale(schulzB).Add(a.MatMul(a).Scale(schulzC)) // b·xxᵀ + c·(xxᵀ)²
			x.Assign(x.Scale(schulzA).Add(b.MatMul(x)))           // (R, C)
			return nil
		})
	}
	if tall {
		x = x.Transpose(0, 1)
	}
	return x
}
