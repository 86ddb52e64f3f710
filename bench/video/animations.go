package main

import (
	"path/filepath"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/eval"
	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/internal/plot"
)

// shown is the number of clips side by side in an animation.
const shown = 6

// writeAnimations writes predicted.gif and made.gif.
func writeAnimations(dir string, v *inkstone.Video, clips *corpus.Moving) error {
	predicted, err := predictions(v, clips)
	if err != nil {
		return err
	}
	if err := animate(filepath.Join(dir, "predicted.gif"), predicted, shown, clips.Side); err != nil {
		return err
	}
	var wishes []inkstone.ClipWish
	for k, class := range v.Shape().Classes {
		wishes = append(wishes, inkstone.ClipWish{Class: class, Direction: float64(36 * k), Seed: uint64(k)})
	}
	made, err := v.Generate(wishes, v.Shape().Context)
	if err != nil {
		return err
	}
	return animate(filepath.Join(dir, "made.gif"), made, (len(made)+1)/2, clips.Side)
}

// predictions are the true clips, then those of which the frames after the model's context are its own.
func predictions(v *inkstone.Video, clips *corpus.Moving) (all [][]float32, err error) {
	var told []*corpus.Clip
	for i := range shown {
		told = append(told, clips.Clip(i))
		all = append(all, eval.Unit(nil, told[i].Frames))
	}
	continued, err := v.Continue(told, clips.Frames-v.Shape().Context)
	return append(all, continued...), err
}

// animate writes clips (T, N, N) in rows of so many.
func animate(path string, clips [][]float32, columns, N int) error {
	rows := (len(clips) + columns - 1) / columns
	a := plot.Animation{Scale: 2}
	for t := range len(clips[0]) / (N * N) {
		p := make([]float32, rows*N*columns*N)
		for i, clip := range clips {
			for y := range N {
				copy(p[((i/columns*N+y)*columns+i%columns)*N:], clip[(t*N+y)*N:(t*N+y+1)*N])
			}
		}
		picture, err := plot.Floats(rows*N, columns*N, 1, p)
		if err != nil {
			return err
		}
		a.Frames = append(a.Frames, picture)
	}
	return format.WriteFile(path, a.WriteGIF)
}
