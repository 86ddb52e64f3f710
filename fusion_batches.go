package inkstone

import (
	"math/rand/v2"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/eval"
	"github.com/inkstone-ai/inkstone/model/fusion"
	"github.com/inkstone-ai/inkstone/model/seq2seq"
	"github.com/inkstone-ai/inkstone/tensor"
)

// fusionBatches lays out what a step learns from, or is measured on. A batch is a function of
// its number.
type fusionBatches struct {
	*fusionTraining
	learn bool
	data  fusionData
	made  *corpus.Triples
	order corpus.Order // of a captioner's pictures
}

func newFusionBatches(t *fusionTraining, part int) *fusionBatches {
	b := &fusionBatches{fusionTraining: t, learn: part == learnPart, data: t.parts[part], made: t.triples[part]}
	b.order = corpus.Order{N: b.data.pictures.Len(), Seed: t.settings.Seed}
	return b
}

// loss is that of batch index; what is measured is neither moved, nor smoothed, nor left out.
func (b *fusionBatches) loss(s *tensor.Step, index int) *tensor.Tensor {
	r := rand.New(rand.NewPCG(b.settings.Seed, uint64(index)))
	smoothing := float32(0)
	if b.learn {
		smoothing = max(0, b.settings.Smoothing)
	}
	switch m := b.model.(type) {
	case *fusion.Fusion:
		in, classes := b.examples(m, index, r)
		return m.Logits(s, in, b.learn).CrossEntropy(s.Ints(classes, len(classes)), tensor.CEOptions{Smoothing: smoothing}).Mean()
	case *fusion.Pair:
		in, names := b.sets(m, index, r)
		return m.Loss(s, eval.PairViews(s, m, in, names, b.learn), len(b.data.pictures.Classes))
	case *seq2seq.Captioner:
		pixels, captions := b.captioned(index, r)
		return m.Loss(s, pixels, captions, smoothing, b.learn)
	}
	panic("inkstone: no model of several modalities")
}

// examples are those of a batch.
func (b *fusionBatches) examples(m *fusion.Fusion, index int, r *rand.Rand) (*fusion.Input, []int32) {
	rows := b.settings.Rows
	triples := make([]*corpus.Triple, rows)
	for i := range triples {
		triples[i] = b.made.At(index*rows + i)
	}
	in, classes := fusion.InputOf(m.Ear(), triples)
	if !b.learn {
		return in, classes
	}
	for range triples {
		in.Present = append(in.Present, without(r, m.Modalities(), b.settings.Absent))
	}
	b.moveAll(r, in, m.Shape().EncoderConfig)
	return in, classes
}

// moveAll moves pictures, and twice as far what is heard: along time and along pitch.
func (b *fusionBatches) moveAll(r *rand.Rand, in *fusion.Input, c fusion.EncoderConfig) {
	most := max(0, b.settings.Shift)
	b.move(r, in.Pictures, c.Size[0], c.Size[1], most)
	b.move(r, in.Sounds, c.Frames, c.Mels, 2*most)
}

// without leaves each modality out by chance, but for the last one.
func without(r *rand.Rand, have fusion.Set, chance float64) fusion.Set {
	left := have
	for _, m := range have.List() {
		if drop := fusion.SetOf(m); r.Float64() < chance && left != drop {
			left &^= drop
		}
	}
	return left
}

// move moves pictures (B, H, W) at random.
func (b *fusionBatches) move(r *rand.Rand, x []float32, H, W, most int) {
	if most == 0 {
		return
	}
	for at := 0; at < len(x); at += H * W {
		shifted(x[at:at+H*W], H, W, 1, r.IntN(2*most+1)-most, r.IntN(2*most+1)-most)
	}
}

// sets are the examples of a batch of pairs, one of every class and then of every class again, and
// their names.
func (b *fusionBatches) sets(m *fusion.Pair, index int, r *rand.Rand) (*fusion.Input, [][]string) {
	rows, K := b.settings.Rows, len(b.data.pictures.Classes)
	triples, names := make([]*corpus.Triple, rows), make([][]string, rows)
	for i := range triples {
		triples[i] = b.made.Of(i%K, index*rows+i)
		names[i] = triples[i].Names
	}
	in, _ := fusion.InputOf(m.Ear(), triples)
	if b.learn {
		b.moveAll(r, in, m.Shape().EncoderConfig)
	}
	return in, names
}

// captioned are pictures of a batch, with a caption in a language that is drawn.
func (b *fusionBatches) captioned(index int, r *rand.Rand) (pixels []float32, captions []seq2seq.Caption) {
	p := b.data.pictures
	for i := range b.settings.Rows {
		at := b.order.At(index*b.settings.Rows + i)
		language := r.IntN(len(b.settings.Languages))
		pixels = eval.Unit(pixels, p.Image(at))
		captions = append(captions, seq2seq.Caption{Language: language, Text: b.captions[p.Labels[at]][language]})
	}
	if b.learn {
		b.move(r, pixels, p.H, p.W, max(0, b.settings.Shift))
	}
	return pixels, captions
}
