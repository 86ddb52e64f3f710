package eval

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/tensor"
)

// TestFrechetEqualsNumPy: a distance of samples whose covariances do not commute, and of one
// sample to itself.
func TestFrechetEqualsNumPy(t *testing.T) {
	file, err := os.ReadFile("testdata/frechet.json")
	if err != nil {
		t.Fatal(err)
	}
	var g struct {
		A, B     [][]float64
		Distance float64
	}
	if err := json.NewDecoder(bytes.NewReader(file)).Decode(&g); err != nil {
		t.Fatal(err)
	}
	got := []float64{frechet(g.A, g.B), frechet(g.B, g.A), frechet(g.B, g.B)}
	testkit.Close(t, "distances", got, []float64{g.Distance, g.Distance, 0}, 1e-6, 1e-6)
}

// TestEigenEqualsGonum: of matrices of all ranks, with values that are equal, and of nothing but zeros.
func TestEigenEqualsGonum(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{1, 2, 3, 8, 40} {
		for _, rank := range []int{0, 1, n / 2, n} {
			m, want := newSquare(n), mat.NewSymDense(n, nil)
			for range rank {
				x := make([]float64, n)
				for i := range x {
					x[i] = r.NormFloat64()
				}
				want.SymRankOne(want, 1, mat.NewVecDense(n, x))
			}
			for i := range n {
				for j := range n {
					m[i][j] = want.At(i, j)
				}
			}
			values, vectors := m.eigen()
			var e mat.EigenSym
			if !e.Factorize(want, false) {
				t.Fatal("gonum finds no eigenvalues")
			}
			got := slices.Sorted(slices.Values(values))
			testkit.Close(t, fmt.Sprintf("eigenvalues of rank %d of %d", rank, n), got, e.Values(nil), 1e-9, 1e-9)
			for k, v := range values {
				for i, row := range m {
					along := 0.0
					for j, x := range row {
						along += x * vectors[k][j]
					}
					if math.Abs(along-v*vectors[k][i]) > 1e-9*(1+math.Abs(v)) {
						t.Fatalf("rank %d of %d: vector %d is no eigenvector of %g", rank, n, k, v)
					}
				}
			}
		}
	}
}

// TestEigenOfNoNumbers: what is not finite has no eigenvalues.
func TestEigenOfNoNumbers(t *testing.T) {
	for _, x := range []float64{math.NaN(), math.Inf(1)} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("eigenvalues of a matrix with %g", x)
				}
			}()
			square{{1, x}, {x, 1}}.eigen()
		}()
	}
}

func TestInceptionScoreByHand(t *testing.T) {
	for _, tt := range []struct {
		name string
		p    []float32
		want float64
	}{
		{"sure, and of all classes", []float32{1, 0, 0, 0, 1, 0, 0, 0, 1}, 3},
		{"sure, and of one class", []float32{0, 1, 0, 0, 1, 0}, 1},
		{"unsure", []float32{0.5, 0.25, 0.25, 0.5, 0.25, 0.25}, 1},
		{"between", []float32{0.75, 0.25, 0, 0.25, 0.75, 0}, math.Exp(0.75*math.Log(1.5) + 0.25*math.Log(0.5))},
	} {
		testkit.Close(t, tt.name, []float64{inceptionScore(tt.p, 3)}, []float64{tt.want}, 1e-9, 0)
	}
}

// TestCoverageByHand: seven places on a line; the fifth nearest of 0 is 5 away, that of 3
// is 3 away.
func TestCoverageByHand(t *testing.T) {
	line := func(x ...float64) (rows [][]float64) {
		for _, v := range x {
			rows = append(rows, []float64{v})
		}
		return rows
	}
	real := line(0, 1, 2, 3, 4, 5, 6)
	for _, tt := range []struct {
		made []float64
		want float64
	}{{[]float64{100}, 0}, {[]float64{3}, 1}, {[]float64{-5}, 1.0 / 7}, {[]float64{-3}, 2.0 / 7}, {[]float64{-5, 11}, 2.0 / 7}} {
		if got := coverage(line(tt.made...), real); got != tt.want {
			t.Errorf("made at %v covers %g, want %g", tt.made, got, tt.want)
		}
	}
}

// A pixelJudge names the class of the brighter of two pixels.
type pixelJudge struct{}

func (pixelJudge) Features(_ *tensor.Step, x *tensor.Tensor, _ bool) *tensor.Tensor {
	return x.Reshape(x.Dim(0), 2)
}
func (pixelJudge) Logits(f *tensor.Tensor) *tensor.Tensor { return f }
func (pixelJudge) Config() any                            { return nil }
func (pixelJudge) Images() model.ImageShape {
	return model.ImageShape{H: 1, W: 2, C: 1, Classes: []string{"a", "b"}}
}

func TestGenerated(t *testing.T) {
	d := tensor.CPU(1)
	defer d.Close()
	images := func(labels []int32, pixels ...uint8) *corpus.Images {
		return &corpus.Images{H: 1, W: 2, C: 1, Pixels: pixels, Labels: labels, Classes: []string{"a", "b"}}
	}
	made := images([]int32{0, 0, 0, 1, 1, 1}, 9, 0, 9, 1, 9, 2, 0, 9, 9, 3, 9, 4)
	real := images(nil, 9, 0, 8, 1, 7, 2, 0, 9, 1, 8, 2, 7, 3, 6)
	learned := images(nil, 9, 0, 9, 1, 9, 2, 0, 9, 9, 3, 9, 55)
	m, err := Generated(t.Context(), pixelJudge{}, d, made, real, learned)
	if err != nil {
		t.Fatal(err)
	}
	if m.Of != 6 || m.Right != 4 || !slices.Equal(m.ByClass, [][2]int{{3, 3}, {1, 3}}) || !slices.Equal(m.Named, []int{5, 1}) || m.Modes() != 2 {
		t.Errorf("measured %+v", m)
	}
	testkit.Close(t, "distance to the nearest", []float64{m.Nearest}, []float64{1.0 / 255 / 6}, 1e-9, 0) // of the last image alone, 9 3
	testkit.Close(t, "accuracy", []float64{m.Accuracy()}, []float64{4.0 / 6}, 1e-9, 0)
	if made.Labels = nil; true {
		m, err := Generated(t.Context(), pixelJudge{}, d, made, real, learned)
		if err != nil || m.ByClass != nil || m.Right != 0 || m.Frechet <= 0 {
			t.Errorf("without labels: measured %+v, error %v", m, err)
		}
	}
	for want, x := range map[string]*corpus.Images{
		"images of 2 × 1 × 1; the judge reads 1 × 2 × 1": {H: 2, W: 1, C: 1, Pixels: made.Pixels}, "5 images are too few": images(nil, made.Pixels[:10]...),
	} {
		if _, err := Generated(t.Context(), pixelJudge{}, d, made, x, learned); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got the error %v, want one that says %q", err, want)
		}
	}
}
