package eval

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/model/fusion"
	"github.com/inkstone-ai/inkstone/model/seq2seq"
	"github.com/inkstone-ai/inkstone/tensor"
)

// fusionRows are the triples that go through a model at a time.
const fusionRows = 128

// A FusionScore is how many triples a model tells apart from some of their modalities.
type FusionScore struct {
	Has       fusion.Set
	Right, Of int
	Loss      float64 // mean cross-entropy, nats
}

// Accuracy is the share of triples whose class is named.
func (s FusionScore) Accuracy() float64 { return ratio(s.Right, s.Of) }

// Sets are all choices of a model's modalities, those with more of them first.
func Sets(have fusion.Set) (all []fusion.Set) {
	for s := have; s > 0; s = (s - 1) & have {
		all = append(all, s)
	}
	slices.SortStableFunc(all, func(a, b fusion.Set) int {
		if n := len(b.List()) - len(a.List()); n != 0 {
			return n
		}
		return int(a) - int(b)
	})
	return all
}

// Fusion measures a model on the first n triples, 0: as many as there are pictures, once for each
// set of modalities that they are to have.
func Fusion(ctx context.Context, m *fusion.Fusion, d *tensor.Device, t *corpus.Triples, n int, sets []fusion.Set) ([]FusionScore, error) {
	scores := make([]FusionScore, len(sets))
	s := tensor.NewStep(d, tensor.StepOptions{})
	defer s.Close()
	err := eachTriples(ctx, t, n, func(triples []*corpus.Triple) {
		in, classes := fusion.InputOf(m.Ear(), triples)
		s.Begin(0)
		for i, z := range m.Each(s, in, sets) {
			said := z.ArgMax(1).Ints()
			score := &scores[i]
			score.Has, score.Of = sets[i], score.Of+len(said)
			score.Loss += float64(z.CrossEntropy(s.Ints(classes, len(classes)), tensor.CEOptions{}).Sum().Item())
			for k, class := range said {
				if class == classes[k] {
					score.Right++
				}
			}
		}
	})
	for i := range scores {
		scores[i].Loss /= float64(max(1, scores[i].Of))
	}
	return scores, err
}

// eachTriples calls f for the first n triples, some at a time.
func eachTriples(ctx context.Context, t *corpus.Triples, n int, f func([]*corpus.Triple)) error {
	if n == 0 {
		n = t.Len()
	}
	for at := 0; at < n; at += fusionRows {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("eval: %w", err)
		}
		var triples []*corpus.Triple
		for i := at; i < min(at+fusionRows, n); i++ {
			triples = append(triples, t.At(i))
		}
		f(triples)
	}
	return nil
}

// A Retrieval is how often what one view shows finds its class among all of another view.
type Retrieval struct {
	From, To string    // "picture", "sound", or a name's language
	Found    []int     // for each k: queries with one of their class among the k nearest
	Of       int       // queries, and what they search
	Chance   []float64 // the share for an order that is drawn
}

// Retrievals measures a pair model on the first n triples, 0: as many as there are pictures: each view
// of each triple searches all triples' other views. languages are those of the triples' names.
// There is one result for every ordered pair of views.
func Retrievals(ctx context.Context, m *fusion.Pair, d *tensor.Device, t *corpus.Triples, n int, languages []string, ks []int) ([]Retrieval, error) {
	names, views, classes, err := pairViews(ctx, m, d, t, n, languages)
	if err != nil {
		return nil, err
	}
	var all []Retrieval
	for a, from := range names {
		for b, to := range names {
			if a != b {
				r := retrieve(views[a], views[b], classes, ks)
				r.From, r.To = from, to
				all = append(all, r)
			}
		}
	}
	return all, nil
}

// pairViews are the unit vectors of every view, (n, E) each.
func pairViews(ctx context.Context, m *fusion.Pair, d *tensor.Device, t *corpus.Triples, n int, languages []string) (names []string, views [][][]float32, classes []int32, err error) {
	for _, at := range m.Modalities().List() {
		if at == fusion.Name {
			names = append(names, languages...)
		} else {
			names = append(names, at.String())
		}
	}
	views = make([][][]float32, len(names))
	s := tensor.NewStep(d, tensor.StepOptions{})
	defer s.Close()
	err = eachTriples(ctx, t, n, func(triples []*corpus.Triple) {
		s.Begin(0)
		in, labels := fusion.InputOf(m.Ear(), triples)
		classes = append(classes, labels...)
		written := make([][]string, len(triples))
		for b, t := range triples {
			written[b] = t.Names
		}
		for i, x := range PairViews(s, m, in, written, false) {
			values, E := x.Floats(), x.Dim(1)
			for b := range triples {
				views[i] = append(views[i], values[b*E:(b+1)*E])
			}
		}
	})
	return names, views, classes, err
}

// PairViews are the unit vectors (B, E) of everything that an input shows, names once a language:
// names are those of each example, one a language.
func PairViews(s *tensor.Step, m *fusion.Pair, in *fusion.Input, names [][]string, training bool) (views []*tensor.Tensor) {
	for _, at := range m.Modalities().List() {
		if at != fusion.Name {
			views = append(views, m.Vectors(s, at, in, training))
			continue
		}
		for language := range names[0] {
			written := &fusion.Input{}
			for _, of := range names {
				written.Names = append(written.Names, of[language])
			}
			views = append(views, m.Vectors(s, at, written, training))
		}
	}
	return views
}

// retrieve lets each of a search all of b.
func retrieve(a, b [][]float32, classes []int32, ks []int) Retrieval {
	r := Retrieval{Found: make([]int, len(ks)), Chance: make([]float64, len(ks)), Of: len(a)}
	count := map[int32]int{}
	for _, k := range classes {
		count[k]++
	}
	scores, order := make([]float32, len(b)), make([]int, len(b))
	for i, x := range a {
		for j, y := range b {
			scores[j], order[j] = dot(x, y), j
		}
		slices.SortStableFunc(order, func(p, q int) int {
			switch {
			case scores[p] > scores[q]:
				return -1
			case scores[p] < scores[q]:
				return 1
			}
			return 0
		})
		first := slices.IndexFunc(order, func(j int) bool { return classes[j] == classes[i] })
		for at, k := range ks {
			if first < k {
				r.Found[at]++
			}
			r.Chance[at] += chance(len(b), count[classes[i]], k) / float64(len(a))
		}
	}
	return r
}

func dot(x, y []float32) (sum float32) {
	for i, v := range x {
		sum += float32(v * y[i])
	}
	return sum
}

// chance that one of k drawn of n, without putting them back, is one of the right ones.
func chance(n, right, k int) float64 {
	miss := 1.0
	for i := range min(k, n) {
		miss *= math.Max(0, float64(n-right-i)/float64(n-i))
	}
	return 1 - miss
}

// A CaptionScore is how many captions of one language are right, letter by letter.
type CaptionScore struct {
	Language       string
	Right, Of      int
	Majority       string // the caption that most pictures have
	MajorityRight  int    // how many of them
	Wrong, Instead string // the first caption that is not right, and what should be there
}

// Captions measures a captioner on pictures: wanted is the caption of each class, one a language of
// the model.
func Captions(ctx context.Context, m *seq2seq.Captioner, d *tensor.Device, pictures *corpus.Images, wanted [][]string) ([]CaptionScore, error) {
	s := tensor.NewStep(d, tensor.StepOptions{})
	defer s.Close()
	var scores []CaptionScore
	for l, language := range m.Shape().Languages {
		score, count := CaptionScore{Language: language, Of: pictures.Len()}, map[string]int{}
		for at := 0; at < pictures.Len(); at += fusionRows {
			if err := ctx.Err(); err != nil {
				return nil, fmt.Errorf("eval: %w", err)
			}
			var x []float32
			n := min(fusionRows, pictures.Len()-at)
			for i := range n {
				x = Unit(x, pictures.Image(at+i))
			}
			for i, said := range m.Write(s, x, slices.Repeat([]int{l}, n)) {
				want := wanted[pictures.Labels[at+i]][l]
				if count[want]++; said == want {
					score.Right++
				} else if score.Instead == "" {
					score.Wrong, score.Instead = said, want
				}
			}
		}
		for caption, n := range count {
			if n > score.MajorityRight || n == score.MajorityRight && caption < score.Majority {
				score.Majority, score.MajorityRight = caption, n
			}
		}
		scores = append(scores, score)
	}
	return scores, nil
}
