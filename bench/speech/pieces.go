package main

import (
	"context"
	"slices"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/corpus/mel"
	"github.com/inkstone-ai/inkstone/eval"
)

// What a piece is, in frames of 10 ms and nats.
const (
	quiet    = 5  // below the loudest frame's mean energy: silence
	pause    = 10 // of silence part pieces
	shortest = 8  // piece
)

// cutUp is the errors of a classifier of single words on the pieces of utterances between silence.
func cutUp(ctx context.Context, m *inkstone.Speech, utterances []*corpus.Utterance) (eval.ErrorRate, error) {
	front, err := mel.New(mel.Options{Rate: m.Sound().Rate})
	if err != nil {
		return eval.ErrorRate{}, err
	}
	var said, want [][]string
	words := m.Sound().Classes
	for _, u := range utterances {
		parts := &corpus.Sounds{Rate: m.Sound().Rate}
		for _, p := range pieces(front, u.Samples) {
			parts.Samples = append(parts.Samples, u.Samples[p[0]:p[1]])
		}
		named, err := m.Classify(ctx, parts, 1)
		if err != nil {
			return eval.ErrorRate{}, err
		}
		var h, r []string
		for _, best := range named {
			h = append(h, best[0].Class)
		}
		for _, k := range u.Labels {
			r = append(r, words[k])
		}
		said, want = append(said, h), append(want, r)
	}
	return eval.LabelErrors(said, want), nil
}

// pieces are the samples from and to which an utterance is not silent.
func pieces(front *mel.Frontend, x []float32) (all [][2]int) {
	y, M, hop := front.LogMel(x), front.Mels(), front.Options().Hop
	loud := make([]float32, len(y)/M)
	for t := range loud {
		for _, v := range y[t*M : (t+1)*M] {
			loud[t] += v / float32(M)
		}
	}
	least := slices.Max(loud) - quiet
	for t, v := range loud {
		switch last := len(all) - 1; {
		case v < least:
		case last >= 0 && t-all[last][1] < pause:
			all[last][1] = t + 1
		default:
			all = append(all, [2]int{t, t + 1})
		}
	}
	all = slices.DeleteFunc(all, func(p [2]int) bool { return p[1]-p[0] < shortest })
	for i := range all {
		all[i] = [2]int{all[i][0] * hop, min(len(x), all[i][1]*hop+front.Options().Window-hop)}
	}
	return all
}
