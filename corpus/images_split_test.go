package corpus_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/corpus"
)

// made is a corpus of so many pictures in each class; pictures with the same number,
// counted through, modulo distinct are equal.
func made(distinct int, perClass ...int) *corpus.Images {
	m := &corpus.Images{H: 1, W: 2, C: 1}
	for class, n := range perClass {
		m.Classes = append(m.Classes, string(rune('a'+class)))
		for range n {
			i := m.Len() % distinct
			m.Pixels = append(m.Pixels, uint8(i), uint8(i>>8))
			m.Labels = append(m.Labels, int32(class))
			m.Names = append(m.Names, fmt.Sprint(len(m.Names)))
		}
	}
	return m
}

func TestImagesSplit(t *testing.T) {
	tests := []struct {
		name  string
		m     *corpus.Images
		share float64
		held  []int // per class
	}{
		{"even", made(1000, 20, 30, 50), 0.1, []int{2, 3, 5}},
		{"rounded together", made(1000, 5, 5, 5, 5), 0.1, []int{1, 0, 1, 0}},
		{"one of a class stays", made(1000, 1, 3, 1), 0.9, []int{0, 2, 0}},
		{"equal ones together", made(5, 10, 0), 0.3, []int{2, 0}},
		{"equal ones are too many", made(2, 10, 5), 0.4, nil},
	}
	for _, test := range tests {
		for seed := range uint64(20) {
			train, held, err := test.m.Split(test.share, seed)
			if test.held == nil {
				if err == nil || !strings.Contains(err.Error(), "too few to hold out") {
					t.Errorf("%s: error %v", test.name, err)
				}
				continue
			}
			if err != nil {
				t.Fatal(test.name, err)
			}
			if got := perClass(held); !slices.Equal(got, test.held) {
				t.Errorf("%s: held out %v, want %v", test.name, got, test.held)
			}
			if train.Len()+held.Len() != test.m.Len() || !slices.IsSortedFunc(held.Names, byNumber) || !slices.IsSortedFunc(train.Names, byNumber) {
				t.Errorf("%s: %v and %v", test.name, train.Names, held.Names)
			}
			for i := range held.Len() {
				for j := range train.Len() {
					if slices.Equal(held.Image(i), train.Image(j)) {
						t.Errorf("%s: %s and %s are equal and on two sides", test.name, held.Names[i], train.Names[j])
					}
				}
			}
		}
	}
}

func byNumber(a, b string) int {
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	return strings.Compare(a, b)
}

// TestImagesSplitDraw: the draw depends on the seed and the pixels, and on no order.
func TestImagesSplitDraw(t *testing.T) {
	m := made(1000, 40, 40)
	names := func(m *corpus.Images, seed uint64) []string {
		_, held, err := m.Split(0.25, seed)
		if err != nil {
			t.Fatal(err)
		}
		slices.SortFunc(held.Names, byNumber)
		return held.Names
	}
	if !slices.Equal(names(m, 3), names(m, 3)) || slices.Equal(names(m, 3), names(m, 4)) {
		t.Error("the seed does not say which pictures are held out")
	}
	back := &corpus.Images{H: 1, W: 2, C: 1, Classes: m.Classes}
	for i := m.Len() - 1; i >= 0; i-- {
		back.Pixels, back.Labels, back.Names = append(back.Pixels, m.Image(i)...), append(back.Labels, m.Labels[i]), append(back.Names, m.Names[i])
	}
	if got, want := names(back, 3), names(m, 3); !slices.Equal(got, want) {
		t.Errorf("in another order %v are held out, not %v", got, want)
	}
	drawn := map[string]bool{}
	for seed := range uint64(60) {
		for _, name := range names(m, seed) {
			drawn[name] = true
		}
	}
	if len(drawn) != m.Len() {
		t.Errorf("of %d pictures only %d are ever held out", m.Len(), len(drawn))
	}
}

func TestImagesDigest(t *testing.T) {
	seen := map[[32]byte]string{}
	for name, change := range map[string]func(*corpus.Images){
		"as it is": func(*corpus.Images) {}, "a pixel": func(m *corpus.Images) { m.Pixels[3]++ }, "a label": func(m *corpus.Images) { m.Labels[1]++ },
		"a class": func(m *corpus.Images) { m.Classes[0] = "z" }, "sides": func(m *corpus.Images) { m.H, m.W = m.W, m.H },
		"no labels": func(m *corpus.Images) { m.Labels = nil }, "classes apart": func(m *corpus.Images) { m.Classes = []string{"ab", ""} },
	} {
		m := made(100, 3, 3)
		change(m)
		if other, ok := seen[m.Digest()]; ok {
			t.Errorf("%q and %q have the same digest", name, other)
		}
		seen[m.Digest()] = name
	}
	a, b := made(100, 3, 3), made(100, 3, 3)
	if b.Names[0] = "elsewhere"; a.Digest() != b.Digest() {
		t.Error("the digest depends on where pictures come from")
	}
}

func perClass(m *corpus.Images) []int {
	n := make([]int, len(m.Classes))
	for _, l := range m.Labels {
		n[l]++
	}
	return n
}
