package corpus_test

import (
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/corpus"
)

// TestSharedMNIST: the digits are what they are known to be, and the labels belong to them.
func TestSharedMNIST(t *testing.T) {
	m, said := readImages(t, corpus.ImageOptions{}, shared(t, "img-mnist/part-a-images-idx3-ubyte.gz"))
	if m.H != 28 || m.W != 28 || m.C != 1 || m.Len() < 5000 || len(m.Labels) != m.Len() || len(m.Classes) != 10 || len(said) > 0 {
		t.Fatalf("%d pictures of %d × %d × %d, %d labels, heard %q", m.Len(), m.H, m.W, m.C, len(m.Labels), said)
	}
	// By the nearest mean of a class about four of five are told; with labels that belong to
	// other pictures it would be one of ten.
	n := m.H * m.W
	mean, count := make([]float64, 10*n), make([]float64, 10)
	for i, l := range m.Labels {
		count[l]++
		for p, v := range m.Image(i) {
			mean[int(l)*n+p] += float64(v)
		}
	}
	right := 0
	for i := range 1000 {
		best, nearest := 0.0, -1
		for l := range 10 {
			d := 0.0
			for p, v := range m.Image(i) {
				e := float64(v) - mean[l*n+p]/count[l]
				d += e * e
			}
			if nearest < 0 || d < best {
				best, nearest = d, l
			}
		}
		if int32(nearest) == m.Labels[i] {
			right++
		}
	}
	t.Logf("%d pictures, nearest mean: %d of 1000", m.Len(), right)
	if right < 750 {
		t.Errorf("the nearest class mean is right for %d of 1000 pictures", right)
	}
	train, held, err := m.Split(0.1, 1)
	if err != nil || train.Len()+held.Len() != m.Len() || held.Len() < m.Len()/11 {
		t.Errorf("split: %d and %d, %v", train.Len(), held.Len(), err)
	}
}

func TestSharedOmniglot(t *testing.T) {
	path := shared(t, "img-omniglot/images_background_small1.zip")
	m, said := readImages(t, corpus.ImageOptions{Invert: true}, path)
	if m.H != 105 || m.W != 105 || m.C != 1 || m.Len()%20 != 0 || len(m.Classes) != m.Len()/20 || len(said) > 0 {
		t.Fatalf("%d pictures of %d × %d × %d, %d classes, heard %q", m.Len(), m.H, m.W, m.C, len(m.Classes), said)
	}
	if m.Classes[0] != "Balinese/character01" || !strings.HasSuffix(m.Names[0], ": images_background_small1/Balinese/character01/0108_01.png") {
		t.Errorf("the first class is %s, the first picture %s", m.Classes[0], m.Names[0])
	}
	ink := 0
	for _, v := range m.Pixels {
		if v != 0 && v != 255 {
			t.Fatalf("a value of %d in pictures of two", v)
		}
		ink += int(v / 255)
	}
	if share := float64(ink) / float64(len(m.Pixels)); share < 0.01 || share > 0.15 {
		t.Errorf("ink is %.3f of the pictures", share)
	}
	train, held, err := m.Split(0.1, 7)
	if err != nil {
		t.Fatal(err)
	}
	learned := perClass(train)
	for i, n := range perClass(held) {
		if n != 2 || learned[i] != 18 {
			t.Errorf("class %s: %d held out of %d", m.Classes[i], n, n+learned[i])
		}
	}
}
