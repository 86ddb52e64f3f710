package tensor_test

import (
	"testing"

	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/tensor"
)

// TestAttentionPages: keys and values in pages give the bits that they give in place; of f16 and q8_0
// those of their rounded values, nearly those of f32.
func TestAttentionPages(t *testing.T) {
	const keys, page, H, G, D = 150, tensor.AttentionTile, 4, 2, 32
	table := []int32{2, 0, 3}
	for _, d := range devices(t) {
		s := tensor.NewStep(d, tensor.StepOptions{})
		s.Begin(0)
		q := s.Zeros(5, H, D)
		q.FillNormal(1, 1)
		k, v := tensor.New(d, keys, G, D), tensor.New(d, keys, G, D)
		k.FillNormal(2, 1)
		v.FillNormal(3, 1)
		segments := s.Ints([]int32{0, 5, 0, keys}, 1, 4)
		want := q.Attention(s.Use(k), s.Use(v), segments, tensor.AttentionOptions{}).Floats()
		for _, typ := range []tensor.DType{tensor.F32, tensor.F16, tensor.Q8_0} {
			plain, paged := [2]*tensor.Tensor{}, [2]*tensor.Tensor{}
			for i, x := range []*tensor.Tensor{k, v} {
				plain[i], paged[i] = tensor.NewTyped(d, typ, keys, G, D), tensor.NewTyped(d, typ, 4*page, G, D)
				plain[i].AssignRows(0, x, 0, keys)
				for j, at := range table {
					paged[i].AssignRows(int(at)*page, plain[i], j*page, min(page, keys-j*page))
				}
			}
			in := q.Attention(plain[0], plain[1], segments, tensor.AttentionOptions{}).Floats()
			o := tensor.AttentionOptions{Pages: s.Ints(table, len(table)), Page: page}
			testkit.SameBits(t, typ.String()+" in pages", q.Attention(paged[0], paged[1], segments, o).Floats(), in)
			testkit.Close(t, typ.String(), in, want, 0.02, 0.02)
		}
		mustPanic(t, "want a multiple of 64", func() {
			q.Attention(k, v, segments, tensor.AttentionOptions{Pages: s.Ints(table, 3), Page: 32})
		})
		mustPanic(t, "page 2 at place 0, there are 2 of 64 rows", func() {
			q.Attention(k, v, segments, tensor.AttentionOptions{Pages: s.Ints(table, 3), Page: page})
		})
		mustPanic(t, "inside a page", func() {
			q.Attention(k, v, s.Ints([]int32{0, 5, 3, 20}, 1, 4), tensor.AttentionOptions{Pages: s.Ints(table[1:2], 1), Page: page})
		})
		s.Close()
		s = tensor.NewStep(d, tensor.StepOptions{Grad: true})
		s.Begin(0)
		x := tensor.New(d, 64, G, D)
		x.SetTrainable(true)
		mustPanic(t, "there is no gradient through pages", func() {
			s.Use(x).Attention(s.Use(x), s.Use(x), nil, tensor.AttentionOptions{Pages: s.Ints([]int32{0}, 1), Page: page})
		})
		s.Close()
	}
}
