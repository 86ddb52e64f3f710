package inkstone

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/model/fusion"
)

// TestFusionBatches: batches go through all pictures, each once, and leave modalities out as often
// as they should, but never all of an example; what is measured has everything.
func TestFusionBatches(t *testing.T) {
	p := &corpus.Images{H: 4, W: 4, C: 1, Classes: []string{"0", "1"}}
	for i := range 40 {
		p.Pixels, p.Labels = append(p.Pixels, slices.Repeat([]uint8{uint8(100 + i)}, 16)...), append(p.Labels, int32(i%2))
	}
	s := &corpus.Sounds{Rate: 8000, Classes: p.Classes, Samples: [][]float32{make([]float32, 300), make([]float32, 300)}, Labels: []int32{0, 1}}
	training := &fusionTraining{settings: FusionSettings{Noise: &corpus.TripleNoise{}, Rows: 8, Absent: 0.5}.named()}
	data := fusionData{p, s}
	training.parts = [3]fusionData{data, data, data}
	var err error
	if training.settings, training.model, err = training.settings.derive(p, 8000); err != nil {
		t.Fatal(err)
	}
	if err := training.prepare(); err != nil {
		t.Fatal(err)
	}
	m := training.model.(*fusion.Fusion)
	learned, measured := newFusionBatches(training, learnPart), newFusionBatches(training, validPart)
	seen, absent := map[float32]int{}, 0
	for index := range 5 {
		in, classes := learned.examples(m, index, rand.New(rand.NewPCG(1, uint64(index))))
		for b, set := range in.Present {
			seen[in.Pictures[b*16]]++
			if absent += 3 - len(set.List()); set == 0 {
				t.Error("an example has nothing")
			}
			if want := int32(in.Pictures[b*16]*255+0.5-100) % 2; classes[b] != want {
				t.Errorf("class %d, want %d", classes[b], want)
			}
		}
		if in, _ := measured.examples(m, index, nil); in.Present != nil {
			t.Error("what is measured lacks modalities")
		}
	}
	if len(seen) != 40 {
		t.Errorf("%d of 40 pictures in an epoch", len(seen))
	}
	if absent < 35 || absent > 75 {
		t.Errorf("%d of 120 modalities are absent, want about 55: half, but for the last of an example", absent)
	}
}
